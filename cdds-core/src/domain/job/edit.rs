//! Rules J10, J11: editing a job.

use chrono::{DateTime, Utc};

use super::lifecycle;
use super::settling::{self, Drops, Open};
use super::tiling;
use crate::domain::calendar::frequency::{Frequency, Start};
use crate::domain::execution::Execution;
use crate::domain::execution::schedule::{self, Terms};
use crate::domain::execution::watermark::Watermark;
use crate::domain::job::{Job, JobChange, JobSettings, JobState};
use crate::domain::source::SourceTerms;
use crate::domain::violation::{Code, RuleViolation};

/// Whether one-time jobs may be edited (rule J10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OneTimeEdit {
    /// They may be edited until they have started.
    #[default]
    UntilStarted,
    /// They may not be edited after their submission.
    Never,
}

/// How an edit that changes the exported records treats the watermark (rule J11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatermarkChoice {
    /// The next export starts at the origin again.
    Reset,
    /// The next export starts where the last one ended.
    Continue,
}

/// A requested edit.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The job's new settings, already [admitted](crate::domain::job::admission).
    pub settings: JobSettings,
    /// How the watermark is treated. Required if the job has one and the edit changes the exported records.
    pub watermark: Option<WatermarkChoice>,
    /// The service's rule for one-time jobs.
    pub one_time: OneTimeEdit,
}

/// Edits `job` (rule J10). `open` are its executions that have not ended. Those that no worker has begun take
/// on the new settings, so that nothing starts with outdated ones. Executions that have begun keep theirs.
///
/// Slots that fell due before the edit are first put on the record with the old settings, all of them at
/// once. To avoid one large change, store [rounds](schedule::materialise) until only a few slots are due,
/// then call this.
///
/// # Errors
/// - [`Code::OneTimeCannotEdit`] for a one-time job that has started, or if the service forbids such edits.
/// - [`Code::WatermarkChoiceRequired`] and [`Code::NoWatermark`] if the choice for the watermark is missing
///   or does not apply (rule J11).
/// - [`Code::JobBusy`] if the edit turns a one-time job into a recurring one, or back, while an execution of
///   it runs or waits for a retry; also until the job's previous change is [settled](settling::settle).
pub fn edit(
    job: &Job,
    open: impl Into<Open>,
    edit: Edit,
    terms: Terms,
    now: DateTime<Utc>,
) -> Result<JobChange, RuleViolation> {
    let open = open.into();
    job.check_settled()?;
    check_one_time(job, &open.executions, &edit)?;
    let settings = edit.settings.in_microseconds();
    let watermark = watermark(job, &settings, edit.watermark)?;
    let open = open.into_waiting();
    // `suspended_at` tells this apart from a one-time job that is suspended because it has started (rule J8).
    let suspended_by_hand = job.state == JobState::Suspended && job.suspended_at.is_some();

    // The order matters: slots that are due go on the record under the old schedule, then those missed during
    // a suspension, and only then does the job get its new schedule.
    let caught_up = schedule::materialise_all(job, &open.executions, terms, now);
    let mut caught_up = caught_up.unwrap_or_else(|| JobChange::of(job.clone()));
    let rescheduled = !job.settings.has_schedule_of(&settings);
    let missed = if rescheduled { lifecycle::miss_while_suspended(&mut caught_up.job, now) } else { None };
    // The next slot stays as it was computed.
    let clock = settings.clock.computed_like(&caught_up.job.settings.clock);
    let settings = if rescheduled { settings } else { JobSettings { clock, ..settings } };
    let mut after =
        Job { settings, watermark, version: job.version + 1, updated_at: now, ..caught_up.job.clone() };
    let first = if rescheduled { reschedule(&mut after, suspended_by_hand, terms, now) } else { None };
    let drops = drops(job, &after.settings);
    after.unsettled = settling::left(job, drops, &open);
    let mut change = take_on(&after, caught_up, open.executions, drops, terms.source, now);
    // Last, since windows continue behind those that the waiting executions have by now.
    change.job.tiled_until = tiling::after_edit(job, &change, now);
    change.entries.extend(missed.into_iter().chain(first));
    Ok(change)
}

/// Returns the executions to drop. An edit that makes a recurring job a one-time job, or back, replaces the
/// waiting ones (rule J10). So does another start of a one-time job, since such a job runs only once
/// (invariant I9).
fn drops(job: &Job, after: &JobSettings) -> Option<Drops> {
    let rescheduled = !job.settings.has_schedule_of(after);
    let once = job.settings.frequency.is_once() || after.frequency.is_once();
    (rescheduled && once).then_some(Drops::Replaced)
}

/// Returns a waiting execution as the edit of `before` to `after` leaves it, for previews.
pub fn taken_on(
    before: &Job,
    after: &Job,
    waiting: Execution,
    source: SourceTerms,
    now: DateTime<Utc>,
) -> Execution {
    settling::settled(after, drops(before, &after.settings), waiting, source, now)
}

/// Applies the settings of `after` to waiting executions, or drops them ([`settling`]). Entries that the edit
/// itself has put on the record are treated the same.
fn take_on(
    after: &Job,
    caught_up: JobChange,
    waiting: Vec<Execution>,
    drops: Option<Drops>,
    terms: SourceTerms,
    now: DateTime<Utc>,
) -> JobChange {
    let settled = |execution| settling::settled(after, drops, execution, terms, now);
    let entries = caught_up.entries.into_iter();
    let entries = entries.map(|entry| if entry.is_waiting() { settled(entry) } else { entry }).collect();
    let superseded = caught_up.superseded;
    // A waiting execution may already be skipped as covered by a slot that has just been queued. It must not
    // be stored twice.
    let is_covered = |execution: &Execution| superseded.iter().any(|covered| covered.id == execution.id);
    let left: Vec<Execution> = waiting.into_iter().filter(|waits| !is_covered(waits)).map(settled).collect();
    let mut change = JobChange { entries, superseded, ..JobChange::of(after.clone()) };
    left.into_iter().for_each(|execution| change.take(execution));
    change
}

/// Checks that a one-time job has not started yet and that the service lets it be edited.
fn check_one_time(job: &Job, open: &[Execution], edit: &Edit) -> Result<(), RuleViolation> {
    let refuse = |code, why: &str| Err(RuleViolation::new(code, why));
    let once = job.settings.frequency.is_once();
    if once && edit.one_time == OneTimeEdit::Never {
        return refuse(
            Code::OneTimeCannotEdit,
            "one-time jobs cannot be edited here once they are submitted: submit a new one, perhaps as a \
             clone",
        );
    }
    if once && job.state == JobState::Completed {
        return refuse(
            Code::OneTimeCannotEdit,
            "this one-time job has started and can no longer be edited: submit a new one, perhaps as a clone",
        );
    }
    let becomes_once = edit.settings.frequency.is_once();
    if once != becomes_once && open.iter().any(|execution| !execution.is_waiting()) {
        return refuse(
            Code::JobBusy,
            "a recurring job can become a one-time job only while none of its executions is running: wait \
             for it to end or cancel it",
        );
    }
    Ok(())
}

/// Returns the watermark after the edit (rule J11).
fn watermark(
    job: &Job,
    settings: &JobSettings,
    choice: Option<WatermarkChoice>,
) -> Result<Option<Watermark>, RuleViolation> {
    let incremental = settings.timeframe.is_incremental();
    match (job.watermark, choice) {
        (Some(_), None) if !job.settings.has_scope_of(settings) => Err(RuleViolation::new(
            Code::WatermarkChoiceRequired,
            "the job has a watermark, up to which everything was exported, and this edit changes what the \
             job exports: choose reset to export everything again, or continue to carry on from the watermark",
        )),
        (Some(watermark), Some(WatermarkChoice::Reset)) => Ok(Some(watermark.reset(&settings.timeframe))),
        (Some(watermark), _) => Ok(Some(watermark)),
        (None, Some(_)) if !incremental => Err(RuleViolation::new(
            Code::NoWatermark,
            "the job has no watermark, since only the timeframe since-last uses one: leave the choice out",
        )),
        // A job that becomes incremental has exported nothing by this watermark, so it starts at the origin.
        (None, _) => Ok(incremental.then(|| Watermark::at_origin(&settings.timeframe))),
    }
}

/// Sets state and next slot for the new schedule. A job that a person suspended stays suspended, unless it is
/// to start immediately. Returns the execution of a job that starts immediately.
fn reschedule(
    after: &mut Job,
    suspended_by_hand: bool,
    terms: Terms,
    now: DateTime<Utc>,
) -> Option<Execution> {
    if after.settings.frequency == Frequency::Once(Start::Immediately) {
        after.state = JobState::Suspended;
        after.next_due_at = None;
        // None marks a job that has started, as opposed to one that was suspended by hand (rule J8).
        after.suspended_at = None;
        return Some(Execution::scheduled(after, now, terms.source, now));
    }
    after.next_due_at = None;
    if suspended_by_hand {
        // The slots up to now are on the record, so the suspension counts from here (`schedule::unrecorded`).
        after.suspended_at = Some(now);
    } else {
        after.decide_until(now);
        after.state = if after.next_due_at.is_some() { JobState::Active } else { JobState::Completed };
    }
    None
}
