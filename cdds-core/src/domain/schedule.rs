//! Rules E3, E4, J8: which occurrences of a due job are run, and which are skipped on the record.

use chrono::{DateTime, TimeDelta, Utc};

use super::execution::{Execution, SkipReason};
use super::job::{Job, JobState};
use super::timeframe::Timeframe;

/// What happens to occurrences that become due while others wait or run (rule E3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overlap {
    /// Each one is run.
    Queue,
    /// The latest covers the others.
    Coalesce,
}

/// Windows of a rolling timeframe differ from slot to slot, so that each must be run; those of the
/// others are covered by the latest.
fn overlap(timeframe: &Timeframe) -> Overlap {
    match timeframe {
        Timeframe::Rolling(_) | Timeframe::Previous(_) => Overlap::Queue,
        Timeframe::All | Timeframe::Fixed(_) | Timeframe::SinceLastExport { .. } => Overlap::Coalesce,
    }
}

/// A job's next state and what it does to the record, to be stored in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleChange {
    /// The job's next state.
    pub job: Job,
    /// New entries of the record: queued and skipped ones.
    pub entries: Vec<Execution>,
    /// Executions that were queued before and are now skipped.
    pub superseded: Vec<Execution>,
}

/// What beside the job decides about its due slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How far back missed occurrences are caught up (rule E4).
    pub catch_up_limit: TimeDelta,
    /// How late the source's rows may become visible (rule W4).
    pub settle_lag: TimeDelta,
}

/// Turns every slot of `job` that is due at `now` into entries of the record. `waiting` are the
/// job's queued executions that no worker has begun. A one-time job is suspended with it (rule J8).
/// `None` when nothing is due.
pub fn materialise(
    job: &Job,
    waiting: &[Execution],
    terms: Terms,
    now: DateTime<Utc>,
) -> Option<ScheduleChange> {
    if job.state != JobState::Active {
        return None;
    }
    let (due, next) = due_slots(job, now);
    let newest = *due.last()?;
    let mut after = Job { next_due_at: next, version: job.version + 1, ..job.clone() };
    if job.settings.frequency.is_once() {
        after.state = JobState::Suspended;
    }
    let (run, entries, superseded) = match overlap(&job.settings.timeframe) {
        Overlap::Coalesce => coalesce(job, &due, newest, waiting, now),
        Overlap::Queue => queue(job, &due, newest, terms.catch_up_limit, now),
    };
    let entries = entries
        .into_iter()
        .chain(run.into_iter().map(|slot| Execution::scheduled(job, slot, terms.settle_lag, now)))
        .collect();
    Some(ScheduleChange { job: after, entries, superseded })
}

/// The slots that are due and not on the record yet, oldest first, and the one after them.
pub(super) fn due_slots(job: &Job, now: DateTime<Utc>) -> (Vec<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let mut due = Vec::new();
    let mut next = job.next_due_at;
    while let Some(slot) = next.filter(|slot| *slot <= now) {
        due.push(slot);
        next = job.settings.frequency.next_after(slot);
    }
    (due, next)
}

type Decision = (Vec<DateTime<Utc>>, Vec<Execution>, Vec<Execution>);

/// Only the newest slot is run; older ones, and those still waiting, are covered by it.
fn coalesce(
    job: &Job,
    due: &[DateTime<Utc>],
    newest: DateTime<Utc>,
    waiting: &[Execution],
    now: DateTime<Utc>,
) -> Decision {
    let missed = &due[..due.len().saturating_sub(1)];
    let entries =
        gap(missed, |first, last, count| SkipReason::Coalesced { first, last, count, into: newest })
            .map(|(slot, reason)| Execution::skipped(job, slot, reason, now));
    let superseded = waiting.iter().map(|execution| {
        let slot = execution.slot;
        let reason = SkipReason::Coalesced { first: slot, last: slot, count: 1, into: newest };
        execution.clone().superseded(reason, now)
    });
    (vec![newest], entries.into_iter().collect(), superseded.collect())
}

/// Every slot within the catch-up limit is run, and the newest in any case (rule E4).
fn queue(
    job: &Job,
    due: &[DateTime<Utc>],
    newest: DateTime<Utc>,
    catch_up_limit: TimeDelta,
    now: DateTime<Utc>,
) -> Decision {
    let oldest_kept = now.checked_sub_signed(catch_up_limit).unwrap_or(DateTime::<Utc>::MIN_UTC);
    let kept = due.iter().position(|slot| *slot >= oldest_kept || *slot == newest).unwrap_or(0);
    let (expired, run) = due.split_at(kept);
    let entries = gap(expired, |first, last, count| SkipReason::CatchUpLimit { first, last, count })
        .map(|(slot, reason)| Execution::skipped(job, slot, reason, now));
    (run.to_vec(), entries.into_iter().collect(), Vec::new())
}

/// One summarised entry for a run of slots (rule E4).
pub(super) fn gap(
    slots: &[DateTime<Utc>],
    reason: impl FnOnce(DateTime<Utc>, DateTime<Utc>, u64) -> SkipReason,
) -> Option<(DateTime<Utc>, SkipReason)> {
    let (first, last) = (*slots.first()?, *slots.last()?);
    let count = u64::try_from(slots.len()).unwrap_or(u64::MAX);
    Some((last, reason(first, last, count)))
}
