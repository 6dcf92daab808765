//! Rules J13, W5, W6: work that people ask for outside the schedule.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::calendar::window::Window;
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::job::{Job, JobChange, JobState};
use crate::domain::source::SourceTerms;
use crate::domain::violation::{Code, RuleViolation};

/// The most occurrences in one backfill (rule W6).
pub const BACKFILL_MAX: usize = 1_000;

/// Queues an extra occurrence at this instant (rule J13). A suspended job stays suspended (rule J7).
///
/// # Errors
/// [`Code::RecurringOnly`] for a one-time job.
pub fn run_now(job: &Job, terms: SourceTerms, now: DateTime<Utc>) -> Result<JobChange, RuleViolation> {
    check_recurring(job, "run once more")?;
    Ok(queue(job, vec![Execution::manual(job, terms, now)]))
}

/// Runs an execution that failed or was cancelled again, with the job's present settings (rule W5). An
/// incremental job exports from its watermark to the end of the failed window, any other job the same window.
///
/// `rivals` are the executions of the job with this slot, or all executions of a one-time job. `open` are
/// those that have not ended.
///
/// # Errors
/// - [`Code::CannotRerun`] unless it failed or was cancelled, and if its window was never decided.
/// - [`Code::JobBusy`] while an execution of the job runs or waits for a retry.
/// - [`Code::RerunExists`] if another execution of this occurrence waits or has succeeded, and if a one-time
///   job has a start ahead or was suspended before its start.
/// - [`Code::Covered`] if the watermark has passed the end of its window.
pub fn rerun(
    job: &Job,
    failed: &Execution,
    rivals: &[Execution],
    open: &[Execution],
    terms: SourceTerms,
    now: DateTime<Utc>,
) -> Result<JobChange, RuleViolation> {
    check_state(failed)?;
    check_no_start_ahead(job)?;
    if let Some(busy) = open.iter().find(|execution| !execution.is_waiting()) {
        return Err(RuleViolation::new(
            Code::JobBusy,
            format!(
                "execution {} of this job is running: wait for it to end or cancel it, then run this one \
                 again",
                busy.id
            ),
        ));
    }
    check_alone(job, failed, rivals)?;
    let (window, generation) = rerun_window(job, failed)?;
    Ok(queue(job, vec![Execution::rerun(job, failed, window, generation, terms, now)]))
}

fn check_state(failed: &Execution) -> Result<(), RuleViolation> {
    if matches!(failed.state, ExecutionState::Failed(_) | ExecutionState::Cancelled) {
        return Ok(());
    }
    Err(RuleViolation::new(
        Code::CannotRerun,
        format!(
            "execution {} is {}: only an execution that failed or was cancelled can be run again; run the \
             job now, or backfill the range",
            failed.id,
            failed.status().as_str()
        ),
    ))
}

/// Checks that a one-time job has no start ahead, since it runs only once (invariant I9) and the start that
/// it was given is its next try. If a person suspended it before its start, a rerun would complete it without
/// that start on the record (rules E1, J9).
fn check_no_start_ahead(job: &Job) -> Result<(), RuleViolation> {
    let refuse = |why: String| Err(RuleViolation::new(Code::RerunExists, why));
    let suspended_before = job.state == JobState::Suspended && job.suspended_at.is_some();
    match job.next_due_at {
        _ if !job.settings.frequency.is_once() => Ok(()),
        Some(start) => refuse(format!(
            "this one-time job starts at {}: wait until then, or give it an earlier start",
            start.to_rfc3339_opts(SecondsFormat::AutoSi, true)
        )),
        None if suspended_before => refuse(
            "this one-time job was suspended before its start: resume it, or give it another start"
                .to_owned(),
        ),
        None => Ok(()),
    }
}

/// Checks that at most one execution per occurrence succeeds, and at most one of a one-time job, which may
/// have been given another start (invariants I5, I9). Backfills are counted separately.
fn check_alone(job: &Job, failed: &Execution, rivals: &[Execution]) -> Result<(), RuleViolation> {
    let once = job.settings.frequency.is_once();
    let rival = |other: &&Execution| {
        (once || other.slot == failed.slot)
            && other.trigger.is_backfill() == failed.trigger.is_backfill()
            && (other.is_open() || other.state == ExecutionState::Succeeded)
    };
    match rivals.iter().find(rival) {
        None => Ok(()),
        Some(other) => Err(RuleViolation::new(
            Code::RerunExists,
            format!(
                "execution {} of the same occurrence is {}: there is nothing to run again",
                other.id,
                other.status().as_str()
            ),
        )),
    }
}

fn rerun_window(job: &Job, failed: &Execution) -> Result<(Window, Option<u64>), RuleViolation> {
    // A backfill has a window of its own and moves no watermark, even if the job has become incremental
    // since.
    if failed.trigger.is_backfill() || !job.settings.timeframe.is_incremental() {
        if failed.has_open_start() {
            return Err(RuleViolation::new(
                Code::CannotRerun,
                format!(
                    "execution {} never started, so its window was never decided: run the job now",
                    failed.id
                ),
            ));
        }
        return Ok((failed.window, None));
    }
    let (watermark, end) = (job.watermark(), failed.window.end());
    match watermark.at {
        Some(at) if at >= end => Err(RuleViolation::new(
            Code::Covered,
            format!(
                "everything up to {} has been exported since, which covers execution {}: there is nothing to \
                 run again",
                at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
                failed.id
            ),
        )),
        _ => Ok((Window::until(end), Some(watermark.generation))),
    }
}

/// Queues one execution for each occurrence in `[from, to)` up to now, oldest first. The watermark stays
/// where it is (rule W6). Occurrences of an incremental job export from the previous occurrence to their own.
///
/// # Errors
/// - [`Code::RecurringOnly`] for a one-time job.
/// - [`Code::CannotBackfill`] for the timeframes `All` and `Fixed`.
/// - [`Code::InvalidRange`] if `from` is not before `to`, or the range holds no occurrence or more than
///   [`BACKFILL_MAX`].
pub fn backfill(
    job: &Job,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    terms: SourceTerms,
    now: DateTime<Utc>,
) -> Result<JobChange, RuleViolation> {
    check_recurring(job, "backfill")?;
    if matches!(job.settings.timeframe, Timeframe::All | Timeframe::Fixed(_)) {
        return Err(RuleViolation::new(
            Code::CannotBackfill,
            format!(
                "timeframe {} is the same at every occurrence, so a backfill would export the same records \
                 again and again: run the job now",
                job.settings.timeframe
            ),
        ));
    }
    if from >= to {
        return Err(RuleViolation::new(
            Code::InvalidRange,
            format!(
                "the range begins at {} and ends before {}, so it is empty: give it a later end",
                from.to_rfc3339_opts(SecondsFormat::AutoSi, true),
                to.to_rfc3339_opts(SecondsFormat::AutoSi, true)
            ),
        ));
    }
    let slots = slots(job, from, to, now)?;
    let mut covered = None;
    let executions = slots.into_iter().map(|slot| {
        let mut window = backfill_window(job, slot);
        // Two occurrences of one day of a zone, or the one after a day that its clock leaves out, would export
        // the same units twice.
        if let Some((start, until)) = window.start().zip(covered).filter(|_| job.settings.tiles()) {
            window = Window::between(start.max(until), window.end());
        }
        covered = covered.max(Some(window.end()));
        Execution::backfill(job, slot, window, terms, now)
    });
    Ok(queue(job, executions.collect()))
}

fn slots(
    job: &Job,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<DateTime<Utc>>, RuleViolation> {
    let schedule = job.settings.schedule();
    // `next_after` is strict, and `from` belongs to the range.
    let before = from.checked_sub_signed(chrono::TimeDelta::microseconds(1)).unwrap_or(from);
    let slots = std::iter::successors(schedule.next_after(before), |slot| schedule.next_after(*slot));
    let slots: Vec<_> = slots.take_while(|slot| *slot < to && *slot <= now).take(BACKFILL_MAX + 1).collect();
    let refuse = |why: String| Err(RuleViolation::new(Code::InvalidRange, why));
    let at = |instant: DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    match slots.len() {
        0 => refuse(format!(
            "the job has no past occurrence from {} to before {}: it runs {schedule}",
            at(from),
            at(to)
        )),
        1..=BACKFILL_MAX => Ok(slots),
        _ => refuse(format!(
            "the job has more than {BACKFILL_MAX} occurrences from {} to before {}: backfill a shorter range \
             at a time",
            at(from),
            at(to)
        )),
    }
}

/// Returns the window of a backfilled occurrence, which is `[previous slot, slot)` for an incremental job.
fn backfill_window(job: &Job, slot: DateTime<Utc>) -> Window {
    let schedule = job.settings.schedule();
    job.settings.timeframe.window(schedule, slot).unwrap_or_else(|| {
        schedule
            .last_before(slot)
            .map_or_else(|| Window::until(slot), |previous| Window::between(previous, slot))
    })
}

fn check_recurring(job: &Job, what: &str) -> Result<(), RuleViolation> {
    if !job.settings.frequency.is_once() {
        return Ok(());
    }
    Err(RuleViolation::new(
        Code::RecurringOnly,
        format!(
            "a one-time job cannot {what}: run its execution again if it failed, or submit a new job, \
             perhaps as a clone of this one"
        ),
    ))
}

fn queue(job: &Job, entries: Vec<Execution>) -> JobChange {
    JobChange { entries, ..JobChange::of(job.clone()) }
}
