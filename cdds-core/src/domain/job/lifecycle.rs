//! Rules J7–J9, J12, E5: from submission to the end of a job. Edits are in [`edit`](super::edit), and work
//! that people ask for outside the schedule is in [`manual`](crate::domain::execution::manual).

use chrono::{DateTime, SecondsFormat, Utc};

use super::settling::{self, Drops, Open};
use crate::domain::calendar::frequency::{Frequency, Start};
use crate::domain::execution::schedule::{self, Gap, Occurrence};
use crate::domain::execution::watermark::{Overtaken, Watermark};
use crate::domain::execution::{Execution, ExecutionState, SkipReason, Trigger};
use crate::domain::id::{JobId, Owner};
use crate::domain::job::{Job, JobChange, JobSettings, JobState};
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::request::RequestKey;
use crate::domain::source::SourceTerms;
use crate::domain::violation::{Code, RuleViolation};
use crate::setters::setters;

/// A new job as a person asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewJob {
    /// Its settings.
    pub settings: JobSettings,
    /// Whether a recurring job also runs at once, before its first slot (rule J17). This belongs to the
    /// submission: the job does not keep it, and no edit asks for it.
    pub first_run_now: bool,
    /// The key of the request, if it may be sent again (rule J18).
    pub key: Option<RequestKey>,
}

setters! {
    NewJob {
        with_settings => settings: value JobSettings;
        with_first_run_now => first_run_now: value bool;
        with_key => key: option RequestKey;
    }
}

impl From<JobSettings> for NewJob {
    fn from(settings: JobSettings) -> Self {
        Self { settings, first_run_now: false, key: None }
    }
}

/// A job as it is first stored, with the execution, if any, that is queued in the same transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The job.
    pub job: Job,
    /// The single execution of a one-time job that starts immediately (rule J8), or the first run of a
    /// recurring one (rule J17).
    pub first: Option<Execution>,
}

impl Submission {
    /// Returns the first `count` occurrences, beginning with the one that is queued with the job (rule F8).
    pub fn preview(&self, terms: SourceTerms, count: usize, now: DateTime<Utc>) -> Vec<Occurrence> {
        let mut job = self.job.clone();
        let first = self.first.as_ref().map(|first| {
            let occurrence = Occurrence::waiting(&job, first);
            if first.generation.is_some() {
                let watermark = job.watermark();
                // A watermark never moves back, not even from an origin in the future (rule W4).
                let at = watermark.at.max(Some(occurrence.window.end()));
                job.watermark = Some(Watermark { at, ..watermark });
            }
            occurrence
        });
        let later = schedule::preview(&job, terms, count, now);
        first.into_iter().chain(later).take(count).collect()
    }
}

/// Creates a job from an admitted request, like [`submit`]. If it asks for a first run, that is queued with
/// the job as an occurrence of the schedule at this instant, so that the next one continues from there (rule
/// J17).
///
/// # Errors
/// [`Code::RecurringOnly`] if a one-time job asks for a first run, and [`Code::InvalidPeriod`] if a job asks
/// for one that begins later.
pub fn create(
    id: JobId,
    owner: Owner,
    new: NewJob,
    terms: SourceTerms,
    now: DateTime<Utc>,
) -> Result<Submission, RuleViolation> {
    if new.first_run_now {
        check_first_run(&new.settings, now)?;
    }
    let mut submission = submit(id, owner, new.settings, terms, now);
    if new.first_run_now {
        submission.first = Some(Execution::scheduled(&submission.job, now, terms, now));
        submission.job.tile(now);
    }
    Ok(submission)
}

fn check_first_run(settings: &JobSettings, now: DateTime<Utc>) -> Result<(), RuleViolation> {
    if settings.frequency.is_once() {
        return Err(RuleViolation::new(
            Code::RecurringOnly,
            "a one-time job has a single run: leave out the first run, or let the job start immediately",
        ));
    }
    match settings.starts_at {
        Some(start) if start > now => Err(RuleViolation::new(
            Code::InvalidPeriod,
            format!(
                "the job starts at {}, and no run lies before that: leave out the first run, or the start",
                start.to_rfc3339_opts(SecondsFormat::AutoSi, true)
            ),
        )),
        _ => Ok(()),
    }
}

/// Creates a job from admitted settings. A one-time job that starts immediately is suspended from the
/// beginning, and its execution is queued with it (rule J8). Every other job is active.
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
        decided_until: settings.shown(now),
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

/// Suspends the job (rule J7). Scheduled executions in `open` that no worker has begun are skipped, and so
/// are due slots that are not on the record yet. A one-time job whose execution waits at its start is stopped
/// as well. Returns `None` if there is nothing to suspend.
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

/// Puts the slots that passed while the job was suspended on the record as one entry (rules J7, E1). Returns
/// that entry, or `None` if no slot passed.
pub(in crate::domain) fn miss_while_suspended(job: &mut Job, now: DateTime<Utc>) -> Option<Execution> {
    let suspended = job.state == JobState::Suspended;
    let gap = schedule::passed(job, schedule::unrecorded(job).filter(|_| suspended), now)?;
    let entry = Execution::skipped(job, gap.last, suspension(gap), SourceTerms::default(), now);
    job.tile(gap.last);
    Some(entry)
}

/// Resumes the job with the next occurrence after `now`. Occurrences that passed meanwhile are skipped on the
/// record (rule J7). Returns `None` if the job is active already.
///
/// # Errors
/// - [`Code::OneTimeCannotResume`] for a one-time job that has started (rule J8) or whose start has passed
///   (rule J9).
/// - [`Code::JobEnded`] for a recurring job without an occurrence left (rule J14).
/// - [`Code::InvalidTimeZone`] if the database no longer has the job's zone (rule F9).
/// - [`Code::JobBusy`] until the job's previous change is [settled](settling::settle).
pub fn resume(job: &Job, now: DateTime<Utc>) -> Result<Option<JobChange>, RuleViolation> {
    let refuse = |why: &str| Err(RuleViolation::new(Code::OneTimeCannotResume, why));
    job.check_settled()?;
    match (job.state, &job.settings.frequency) {
        (JobState::Active | JobState::Deleted, _) => return Ok(None),
        (JobState::Completed, Frequency::Once(_)) => {
            return refuse("a one-time job that was started cannot be resumed: submit a new one");
        }
        (JobState::Suspended, Frequency::Once(_)) if job.may_await_start() => {
            return refuse(
                "a one-time job starts by itself as soon as a worker is free, so there is nothing to resume; if its run \
                 was cancelled, give it a new start",
            );
        }
        (JobState::Suspended, Frequency::Once(Start::Immediately)) => {
            return refuse("this one-time job was suspended before it started: give it a new start");
        }
        (JobState::Suspended, Frequency::Once(Start::At(start))) if *start <= now => {
            return refuse("the start of this one-time job has passed: give it a new start");
        }
        (JobState::Completed | JobState::Suspended, _) => {}
    }
    let zone = job.settings.clock.zone();
    if !zone.is_known() {
        return Err(RuleViolation::new(
            Code::InvalidTimeZone,
            format!(
                "the time zone {zone} is no longer in the database of time zones: give the job another one"
            ),
        ));
    }
    if job.settings.next_slot(now).is_none() {
        return Err(RuleViolation::new(
            Code::JobEnded,
            "the job is past its end: give it a later end, or none, to resume it",
        ));
    }
    let mut caught_up = job.clone();
    let entries = miss_while_suspended(&mut caught_up, now).into_iter().collect();
    let mut resumed = Job {
        state: JobState::Active,
        version: job.version + 1,
        updated_at: now,
        suspended_at: None,
        // Start counting anew, or the first failure after a pause would pause the job again.
        failures_in_row: 0,
        ..caught_up
    };
    resumed.decide_until(now);
    Ok(Some(JobChange { entries, ..JobChange::of(resumed) }))
}

/// Deletes the job (rule J12). Executions that wait for a later time are skipped on the record, and so are
/// due slots that are not on it yet. History and artifacts stay. If `open` holds only some of the executions,
/// the caller must have run [`check_idle`] on the others.
///
/// # Errors
/// Those of [`check_idle`].
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

/// Checks whether a job with these executions, which have not ended, can be deleted (rule J12).
///
/// # Errors
/// [`Code::JobBusy`] if one of them runs, waits to be tried again, or is queued to run now.
pub fn check_idle(open: &[Execution], now: DateTime<Utc>) -> Result<(), RuleViolation> {
    // Work that a person asked for counts as due now, whatever the clock of the machine that queued it said.
    let is_for_later = |execution: &Execution| {
        let scheduled = execution.trigger == Trigger::Scheduled;
        scheduled && execution.is_waiting() && execution.not_before > now
    };
    match open.iter().find(|execution| !is_for_later(execution)) {
        None => Ok(()),
        Some(busy) => Err(RuleViolation::new(
            Code::JobBusy,
            format!(
                "execution {} of this job is {}: wait for it to end or cancel it, then delete the job",
                busy.id,
                busy.status().as_str()
            ),
        )),
    }
}

/// Replaces `job` with `after` and puts everything that it no longer runs on the record.
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
    // On a clone, since only the entry counts: it exists when a suspended job is deleted, and that one has no
    // further windows.
    let entries = entry.into_iter().chain(miss_while_suspended(&mut job.clone(), now));
    let superseded = dropped.map(|execution| {
        let slot = execution.slot;
        execution.superseded(reason(Gap { first: slot, last: slot, count: 1 }), now)
    });
    JobChange { superseded: superseded.collect(), entries: entries.collect(), edited: Vec::new(), job: after }
}

/// Returns the job after an execution of it was claimed. A one-time job is completed in the same transaction
/// (rule J8), unless its start still lies ahead.
#[must_use]
pub fn started(job: &Job) -> Job {
    let completes = job.settings.frequency.is_once()
        && job.next_due_at.is_none()
        && matches!(job.state, JobState::Active | JobState::Suspended);
    let state = if completes { JobState::Completed } else { job.state };
    Job { state, ..job.clone() }
}

/// Returns the notices about the end of an execution ([`Notice::of`]), and about its job if that end has paused it
/// (rules E5, N2). To be stored with [that change](ended) of the job, which was `before`.
pub fn notices(before: &Job, change: &JobChange, ended: &Execution) -> Vec<Notice> {
    let mut notices = Notice::of(ended);
    let was_paused = before.state == JobState::Active && change.job.state == JobState::Suspended;
    if let (true, Some(at)) = (was_paused, ended.finished_at) {
        notices.extend(Notice::about(ended, NoticeKind::Paused, None, at));
    }
    notices
}

/// Returns the change of the job after `execution` has ended, to be stored in the same transaction. A success
/// moves the watermark (rule W4). Too many failures in a row suspend the job if its policy says so (rule E5).
/// `open` are the job's executions that have not ended.
///
/// # Errors
/// [`Overtaken`] if the execution succeeded over a window that does not start at the watermark. Nothing may
/// be published then.
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
        // A cancellation is neither a failure nor a success: the row of failures goes on.
        _ => job.clone(),
    };
    let failed = matches!(execution.state, ExecutionState::Failed(_));
    let pause = job.settings.policies.pause_after_failures;
    let too_many = failed && pause.is_some_and(|pause| after.failures_in_row >= pause.get());
    // From `after`, so that the suspended job keeps the count of failures.
    let suspended = too_many.then(|| suspend(&after, open, now)).flatten();
    let mut change = suspended.unwrap_or_else(|| JobChange::of(after));
    // No person did this: their version stays, so that none of their edits is refused as overtaken (rule J1).
    (change.job.version, change.job.updated_at) = (job.version, job.updated_at);
    Ok(change)
}
