//! Rules J7–J9, J12, E5: from submission to the end of a job. Edits are in [`edit`](super::edit), what people
//! ask for beside the schedule in [`manual`](crate::domain::execution::manual).

use chrono::{DateTime, Utc};

use super::settling::{self, Drops, Open};
use crate::domain::calendar::frequency::{Frequency, Start};
use crate::domain::execution::schedule::{self, Gap};
use crate::domain::execution::watermark::{Overtaken, Watermark};
use crate::domain::execution::{Execution, ExecutionState, SkipReason, SourceTerms, Trigger};
use crate::domain::id::{JobId, Owner};
use crate::domain::job::{Job, JobChange, JobSettings, JobState};
use crate::domain::violation::{Code, RuleViolation};

/// A job as it is first stored, with the execution that is queued in the same transaction, if any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The job.
    pub job: Job,
    /// Rule J8: the one execution of a job that starts immediately.
    pub first: Option<Execution>,
}

/// Submits settings that were admitted. A one-time job that starts immediately is suspended from the
/// beginning and its execution queued with it (rule J8); every other job is active.
pub fn submit(
    id: JobId,
    owner: Owner,
    settings: JobSettings,
    terms: SourceTerms,
    now: DateTime<Utc>,
) -> Submission {
    let settings = settings.in_microseconds();
    let immediate = settings.frequency == Frequency::Once(Start::Immediately);
    let incremental = settings.timeframe.is_incremental();
    let job = Job {
        id,
        owner,
        state: if immediate { JobState::Suspended } else { JobState::Active },
        version: 1,
        created_at: now,
        updated_at: now,
        next_due_at: settings.next_slot(now),
        suspended_at: None,
        watermark: incremental.then(|| Watermark::at_origin(&settings.timeframe)),
        tiled_until: None,
        era: 0,
        unsettled: None,
        failures_in_row: 0,
        revision: 1,
        settings,
    };
    let first = immediate.then(|| Execution::scheduled(&job, now, terms, now));
    Submission { job, first }
}

/// Starts nothing new from now on (rule J7): scheduled executions out of `open` that no worker has begun are
/// skipped, and so are slots that are due and not on the record yet; a one-time job that has come to its start and
/// waits is kept from it as well. `None` if there is nothing to suspend.
pub fn suspend(job: &Job, open: impl Into<Open>, now: DateTime<Utc>) -> Option<JobChange> {
    let open = open.into();
    let is_scheduled = |execution: &Execution| execution.trigger == Trigger::Scheduled;
    let waits_to_start = job.state == JobState::Suspended && open.waiting().any(is_scheduled);
    if job.state != JobState::Active && !waits_to_start {
        return None;
    }
    let suspended = Job {
        state: JobState::Suspended,
        version: job.version + 1,
        updated_at: now,
        next_due_at: None,
        suspended_at: Some(now),
        unsettled: settling::left(job, Some(Drops::Suspended), &open),
        ..job.clone()
    };
    let scheduled = open.into_waiting().executions.into_iter().filter(is_scheduled);
    Some(stop(job, suspended, scheduled, suspension, now))
}

fn suspension(Gap { first, last, count }: Gap) -> SkipReason {
    SkipReason::Suspended { first, last, count }
}

/// Puts the slots that passed while the job was suspended on the record (rules J7, E1), in one entry.
pub(in crate::domain) fn miss_while_suspended(job: &mut Job, now: DateTime<Utc>) -> Option<Execution> {
    let suspended = job.state == JobState::Suspended;
    let gap = schedule::passed(job, schedule::unrecorded(job).filter(|_| suspended), now)?;
    let entry = Execution::skipped(job, gap.last, suspension(gap), SourceTerms::default(), now);
    job.tile(gap.last);
    Some(entry)
}

/// Goes on with the next occurrence after `now`; those that passed meanwhile are skipped on the record (rule
/// J7). `None` if the job is active already.
///
/// # Errors
/// [`Code::OneTimeCannotResume`] for a one-time job that was started (rule J8) or whose start has passed
/// (rule J9); [`Code::JobEnded`] for a recurring one that has no occurrence left (rule J14); [`Code::JobBusy`] while
/// what waits is not [settled](settling::settle).
pub fn resume(job: &Job, now: DateTime<Utc>) -> Result<Option<JobChange>, RuleViolation> {
    let refuse = |why: &str| Err(RuleViolation::new(Code::OneTimeCannotResume, why));
    job.check_settled()?;
    match (job.state, &job.settings.frequency) {
        (JobState::Active | JobState::Deleted, _) => return Ok(None),
        (JobState::Completed, Frequency::Once(_)) | (_, Frequency::Once(Start::Immediately)) => {
            return refuse("a one-time job that was started cannot be resumed: submit a new one");
        }
        (JobState::Suspended, Frequency::Once(Start::At(start))) if *start <= now => {
            return refuse("the start of this one-time job has passed: give it a new start");
        }
        (JobState::Completed | JobState::Suspended, _) => {}
    }
    let Some(next) = job.settings.next_slot(now) else {
        return Err(RuleViolation::new(
            Code::JobEnded,
            "the job is past its end: give it a later end, or none, and it goes on",
        ));
    };
    let mut caught_up = job.clone();
    let entries = miss_while_suspended(&mut caught_up, now).into_iter().collect();
    let resumed = Job {
        state: JobState::Active,
        version: job.version + 1,
        updated_at: now,
        next_due_at: Some(next),
        suspended_at: None,
        failures_in_row: 0,
        ..caught_up
    };
    Ok(Some(JobChange { entries, ..JobChange::of(resumed) }))
}

/// Removes the job (rule J12). What still waits for a later time is skipped on the record, and so are due slots
/// that are not on it yet. History and artifacts stay. Where `open` is not all of them, [`check_idle`] has found
/// nothing in the rest.
///
/// # Errors
/// As of [`check_idle`].
pub fn delete(job: &Job, open: impl Into<Open>, now: DateTime<Utc>) -> Result<JobChange, RuleViolation> {
    let open = open.into();
    check_idle(&open.executions, now)?;
    let reason = |Gap { first, last, count }| SkipReason::Deleted { first, last, count };
    let deleted = Job {
        state: JobState::Deleted,
        version: job.version + 1,
        updated_at: now,
        next_due_at: None,
        suspended_at: None,
        unsettled: settling::left(job, Some(Drops::Deleted), &open),
        ..job.clone()
    };
    Ok(stop(job, deleted, open.executions.into_iter(), reason, now))
}

/// Whether a job can be deleted with these executions, which have not ended (rule J12).
///
/// # Errors
/// [`Code::JobBusy`] if one of them runs, waits to be tried again, or is queued to run now.
pub fn check_idle(open: &[Execution], now: DateTime<Utc>) -> Result<(), RuleViolation> {
    // What a person asked for is to run now, whatever the clock of another machine says.
    let is_for_later = |execution: &Execution| {
        let scheduled = execution.trigger == Trigger::Scheduled;
        scheduled && execution.is_waiting() && execution.not_before > now
    };
    match open.iter().find(|execution| !is_for_later(execution)) {
        None => Ok(()),
        Some(busy) => Err(RuleViolation::new(
            Code::JobBusy,
            format!(
                "execution {} of this job is {}: wait for its end or cancel it, then delete the job",
                busy.id,
                busy.status().as_str()
            ),
        )),
    }
}

/// `after` in place of `job`, with what it does not run any more on the record.
fn stop(
    job: &Job,
    mut after: Job,
    dropped: impl Iterator<Item = Execution>,
    reason: impl Fn(Gap) -> SkipReason,
    now: DateTime<Utc>,
) -> JobChange {
    let due = schedule::passed(job, job.next_due_at, now);
    let entry = due.map(|gap| Execution::skipped(job, gap.last, reason(gap), SourceTerms::default(), now));
    if let Some(gap) = due {
        after.tile(gap.last);
    }
    let entries = entry.into_iter().chain(miss_while_suspended(&mut job.clone(), now));
    let superseded = dropped.map(|execution| {
        let slot = execution.slot;
        execution.superseded(reason(Gap { first: slot, last: slot, count: 1 }), now)
    });
    JobChange { superseded: superseded.collect(), entries: entries.collect(), edited: Vec::new(), job: after }
}

/// The job after an execution of it was claimed: a one-time job is completed in the same transaction
/// (rule J8), unless its start is still ahead.
#[must_use]
pub fn started(job: &Job) -> Job {
    let completes = job.settings.frequency.is_once()
        && job.next_due_at.is_none()
        && matches!(job.state, JobState::Active | JobState::Suspended);
    let state = if completes { JobState::Completed } else { job.state };
    Job { state, ..job.clone() }
}

/// The job after `execution` of it has ended, to be stored in the same transaction: a success moves the
/// watermark (rule W4) and a number of failures in a row suspends the job if it wants that (rule E5).
/// `open` are those of its executions that have not ended.
///
/// # Errors
/// [`Overtaken`] if the execution succeeded over a window that does not start at the watermark; then
/// nothing may be published.
pub fn ended(
    job: &Job,
    execution: &Execution,
    open: impl Into<Open>,
    now: DateTime<Utc>,
) -> Result<JobChange, Overtaken> {
    let after = match execution.state {
        ExecutionState::Succeeded => {
            let watermark = job.watermark.map(|watermark| watermark.after_success(execution)).transpose()?;
            Job { watermark, failures_in_row: 0, ..job.clone() }
        }
        ExecutionState::Failed(_) => {
            Job { failures_in_row: job.failures_in_row.saturating_add(1), ..job.clone() }
        }
        _ => job.clone(),
    };
    let failed = matches!(execution.state, ExecutionState::Failed(_));
    let pause = job.settings.policies.pause_after_failures;
    let too_many = failed && pause.is_some_and(|pause| after.failures_in_row >= pause.get());
    let suspended = too_many.then(|| suspend(&after, open, now)).flatten();
    Ok(suspended.unwrap_or_else(|| JobChange::of(after)))
}
