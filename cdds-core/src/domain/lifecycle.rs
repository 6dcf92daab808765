//! Rules J6–J9: from submission to the end of a job.

use chrono::{DateTime, TimeDelta, Utc};

use super::execution::{Execution, SkipReason};
use super::frequency::{Frequency, Start};
use super::id::{JobId, Owner};
use super::job::{Job, JobSettings, JobState};
use super::schedule::{self, ScheduleChange};
use super::violation::{Code, RuleViolation};

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
    mut settings: JobSettings,
    settle_lag: TimeDelta,
    now: DateTime<Utc>,
) -> Submission {
    settings.frequency = settings.frequency.in_microseconds();
    let immediate = settings.frequency == Frequency::Once(Start::Immediately);
    let next_due_at = settings.frequency.next_after(now);
    let job = Job {
        id,
        owner,
        settings,
        state: if immediate { JobState::Suspended } else { JobState::Active },
        version: 1,
        created_at: now,
        updated_at: now,
        next_due_at,
    };
    let first = immediate.then(|| Execution::scheduled(&job, now, settle_lag, now));
    Submission { job, first }
}

/// Starts nothing new from now on (rule J7): `waiting`, the job's queued executions that no worker has
/// begun, are skipped, and so are slots that are due and not on the record yet. `None` if the job is not
/// active.
pub fn suspend(job: &Job, waiting: Vec<Execution>, now: DateTime<Utc>) -> Option<ScheduleChange> {
    if job.state != JobState::Active {
        return None;
    }
    let (due, _next) = schedule::due_slots(job, now);
    let entries = schedule::gap(&due, |first, last, count| SkipReason::Suspended { first, last, count })
        .map(|(slot, reason)| Execution::skipped(job, slot, reason, now));
    let superseded = waiting.into_iter().map(|execution| {
        let slot = execution.slot;
        execution.superseded(SkipReason::Suspended { first: slot, last: slot, count: 1 }, now)
    });
    let suspended = Job {
        state: JobState::Suspended,
        version: job.version + 1,
        updated_at: now,
        next_due_at: None,
        ..job.clone()
    };
    Some(ScheduleChange {
        job: suspended,
        entries: entries.into_iter().collect(),
        superseded: superseded.collect(),
    })
}

/// Goes on with the next occurrence after `now` (rule J7). `None` if the job is active already.
///
/// # Errors
/// [`Code::OneTimeCannotResume`] for a one-time job that was started (rule J8) or whose start has passed
/// (rule J9).
pub fn resume(job: &Job, now: DateTime<Utc>) -> Result<Option<Job>, RuleViolation> {
    let refuse = |why: &str| Err(RuleViolation::new(Code::OneTimeCannotResume, why));
    match (job.state, &job.settings.frequency) {
        (JobState::Active, _) => return Ok(None),
        (JobState::Completed, _) | (_, Frequency::Once(Start::Immediately)) => {
            return refuse("a one-time job that was started cannot be resumed: submit a new one");
        }
        (JobState::Suspended, Frequency::Once(Start::At(start))) if *start <= now => {
            return refuse("the start of this one-time job has passed: submit a new one with a new start");
        }
        (JobState::Suspended, _) => {}
    }
    Ok(Some(Job {
        state: JobState::Active,
        version: job.version + 1,
        updated_at: now,
        next_due_at: job.settings.frequency.next_after(now),
        ..job.clone()
    }))
}

/// The job's execution is claimed: a one-time job is completed in the same transaction (rule J8).
/// `None` if the job stays as it is.
pub fn started(job: &Job) -> Option<Job> {
    (job.settings.frequency.is_once() && job.state != JobState::Completed).then(|| Job {
        state: JobState::Completed,
        version: job.version + 1,
        next_due_at: None,
        ..job.clone()
    })
}
