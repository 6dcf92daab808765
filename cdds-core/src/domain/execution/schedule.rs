//! Rules E3, E4, J8, J14, F8: which occurrences of a due job are run, which are skipped on the record, and
//! what lies ahead.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::calendar::window::{Window, settled_end};
use crate::domain::execution::{Execution, SkipReason, SourceTerms, Trigger};
use crate::domain::job::policy::Overlap;
use crate::domain::job::settling;
use crate::domain::job::tiling;
use crate::domain::job::{Job, JobChange, JobState};

/// How far back missed occurrences are caught up where neither job nor engine say otherwise (rule E4).
pub const CATCH_UP_LIMIT: TimeDelta = TimeDelta::days(7);

/// The most occurrences that one round queues; what is left is due in the next round.
const QUEUED_PER_ROUND: usize = 1_000;

/// What beside the job decides about its due slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How far back missed occurrences are caught up if the job does not say (rule E4).
    pub catch_up_limit: TimeDelta,
    /// What the source declares.
    pub source: SourceTerms,
}

impl Default for Terms {
    /// Seven days, and a source's defaults.
    fn default() -> Self {
        Self { catch_up_limit: CATCH_UP_LIMIT, source: SourceTerms::default() }
    }
}

/// Turns every slot of `job` that is due at `now` into entries of the record. `waiting` are the
/// job's executions that no worker has begun. A one-time job is suspended with it (rule J8), a recurring
/// one that has no later slot completed (rule J14). `None` when nothing is due. A job whose last change is not
/// settled comes to that first, over the next of what waits ([`settle`](settling::settle)).
pub fn materialise(job: &Job, waiting: &[Execution], terms: Terms, now: DateTime<Utc>) -> Option<JobChange> {
    match job.unsettled {
        Some(_) => Some(settling::settle(job, waiting, terms.source, now)),
        None => round(job, waiting, terms, QUEUED_PER_ROUND, now),
    }
}

/// The slots that are due in one round, however many they are.
pub(in crate::domain) fn materialise_all(
    job: &Job,
    waiting: &[Execution],
    terms: Terms,
    now: DateTime<Utc>,
) -> Option<JobChange> {
    round(job, waiting, terms, usize::MAX, now)
}

fn round(
    job: &Job,
    waiting: &[Execution],
    terms: Terms,
    queued_max: usize,
    now: DateTime<Utc>,
) -> Option<JobChange> {
    if job.state != JobState::Active {
        return None;
    }
    let due = due(job, terms, queued_max, now)?;
    let mut after = Job { next_due_at: due.next, ..job.clone() };
    if job.settings.frequency.is_once() {
        after.state = JobState::Suspended;
    } else if due.next.is_none() {
        after.state = JobState::Completed;
    }
    let mut entries = Vec::with_capacity(due.run.len() + 1);
    // Where the next entry starts instead of the skipped ones, if it covers them (rule W3a).
    let mut from = None;
    if let Some(gap) = due.skipped {
        entries.push(Execution::skipped(&after, gap.last, due.reason(gap), terms.source, now));
        from = after.covered_from(gap.first).filter(|_| due.coalesced);
        if !due.coalesced {
            after.tile(gap.last);
        }
    }
    let mut superseded = Vec::new();
    for (number, slot) in due.run.iter().enumerate() {
        let mut entry = Execution::scheduled(&after, *slot, terms.source, now);
        if let Some((from, start)) = from.take().zip(entry.window.start()) {
            entry.window = Window::between(from.min(start), entry.window.end());
        }
        if number == 0 && job.overlap() == Overlap::Coalesce {
            superseded = cover(waiting, &mut entry, now);
        }
        entries.push(entry);
        after.tile(*slot);
    }
    Some(JobChange { job: after, entries, superseded, edited: Vec::new() })
}

/// Scheduled work that could have started by now is covered by the next slot (rule E3), whose window then reaches
/// back to it (rule W3a). What people asked for is not; nor is what late rows or jitter still hold up, or a job that
/// is due often would never run. A job edited by a clock that is behind comes upon slots again that wait already:
/// those stay.
fn cover(waiting: &[Execution], next: &mut Execution, now: DateTime<Utc>) -> Vec<Execution> {
    let into = next.slot;
    let scheduled = waiting.iter().filter(|execution| execution.trigger == Trigger::Scheduled);
    let ready = scheduled.filter(|execution| execution.slot < into && execution.not_before <= now);
    let mut ready: Vec<&Execution> = ready.collect();
    ready.sort_by_key(|execution| std::cmp::Reverse(execution.slot));
    let covered = tiling::take_over(next, ready).into_iter().rev().map(|execution| {
        let slot = execution.slot;
        let reason = SkipReason::Coalesced { first: slot, last: slot, count: 1, into };
        execution.clone().superseded(reason, now)
    });
    covered.collect()
}

/// A run of slots that one entry of the record stands for (rule E4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) struct Gap {
    pub(in crate::domain) first: DateTime<Utc>,
    pub(in crate::domain) last: DateTime<Utc>,
    pub(in crate::domain) count: u64,
}

impl Gap {
    fn add(gap: &mut Option<Self>, slot: DateTime<Utc>) {
        match gap {
            Some(gap) => {
                gap.last = slot;
                gap.count += 1;
            }
            None => *gap = Some(Self { first: slot, last: slot, count: 1 }),
        }
    }
}

/// What becomes of the slots that are due.
struct Due {
    /// Oldest slots, which are not run.
    skipped: Option<Gap>,
    /// Slots that are run, oldest first.
    run: Vec<DateTime<Utc>>,
    /// Whether the newest one covers those that are skipped.
    coalesced: bool,
    /// The first slot that is left.
    next: Option<DateTime<Utc>>,
}

impl Due {
    fn newest(&self) -> Option<DateTime<Utc>> {
        self.run.last().copied()
    }

    fn reason(&self, Gap { first, last, count }: Gap) -> SkipReason {
        match self.newest() {
            Some(into) if self.coalesced => SkipReason::Coalesced { first, last, count, into },
            _ => SkipReason::CatchUpLimit { first, last, count },
        }
    }
}

/// Decides about missed slots (rule E4): all but the newest are covered by it, or run as far as the
/// catch-up limit reaches; the newest is run in any case. `None` if no slot is due.
fn due(job: &Job, terms: Terms, queued_max: usize, now: DateTime<Utc>) -> Option<Due> {
    let policy = job.settings.policies.catch_up;
    let coalesced =
        policy.missed.unwrap_or_else(|| Overlap::of(&job.settings.timeframe)) == Overlap::Coalesce;
    let limit = policy.limit.map_or(terms.catch_up_limit, crate::domain::job::policy::CatchUpLimit::duration);
    let oldest_kept = now.checked_sub_signed(limit).unwrap_or(DateTime::<Utc>::MIN_UTC);
    let mut due = Due { skipped: None, run: Vec::new(), coalesced, next: job.next_due_at };
    while let Some(slot) = due.next.filter(|slot| *slot <= now && due.run.len() < queued_max) {
        let next = job.settings.next_slot(slot);
        let is_newest = next.is_none_or(|next| next > now);
        if is_newest || (!coalesced && slot >= oldest_kept) {
            due.run.push(slot);
        } else {
            Gap::add(&mut due.skipped, slot);
        }
        due.next = next;
    }
    (!due.run.is_empty()).then_some(due)
}

/// The slots from `first` on that lie no later than `now`, none of which is to be run.
pub(in crate::domain) fn passed(job: &Job, first: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Gap> {
    let mut gap = None;
    let mut next = first;
    while let Some(slot) = next.filter(|slot| *slot <= now) {
        Gap::add(&mut gap, slot);
        next = job.settings.next_slot(slot);
    }
    gap
}

/// The first slot that is not on the record.
pub(in crate::domain) fn unrecorded(job: &Job) -> Option<DateTime<Utc>> {
    let since_suspended = || job.settings.next_slot(job.suspended_at?);
    match job.state {
        JobState::Active => job.next_due_at,
        JobState::Suspended => since_suspended(),
        JobState::Completed | JobState::Deleted => None,
    }
}

impl Job {
    /// What happens when it is due again while an earlier occurrence waits or runs (rule E3).
    pub fn overlap(&self) -> Overlap {
        let policies = &self.settings.policies;
        policies.overlap.unwrap_or_else(|| Overlap::of(&self.settings.timeframe))
    }
}

/// An occurrence that lies ahead, and what it would export (rule F8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// When it is due.
    pub slot: DateTime<Utc>,
    /// What it would export. For an incremental job: if every occurrence before it succeeds.
    pub window: Window,
}

/// The most occurrences in one preview (rule F8).
pub const PREVIEW_MAX: usize = 1_000;

/// The next `count` occurrences after `now`, at most [`PREVIEW_MAX`] (rule F8); those of a suspended job as if it were resumed, none
/// of a completed one.
pub fn preview(job: &Job, terms: SourceTerms, count: usize, now: DateTime<Utc>) -> Vec<Occurrence> {
    if job.state == JobState::Completed {
        return Vec::new();
    }
    let mut job = job.clone();
    if let Some(gap) = passed(&job, unrecorded(&job), now) {
        job.tile(gap.last);
    }
    let mut watermark = job.watermark().at;
    let settings = job.settings.clone();
    let slots = std::iter::successors(settings.next_slot(now), |slot| settings.next_slot(*slot));
    let occurrences = slots.take(count.min(PREVIEW_MAX)).map(|slot| {
        let window = job.next_window(slot).unwrap_or_else(|| {
            let end = settled_end(slot, terms.settle_lag, terms.granularity);
            let window = watermark.map_or_else(|| Window::until(end), |start| Window::between(start, end));
            watermark = Some(watermark.map_or(end, |watermark| watermark.max(end)));
            window
        });
        job.tile(slot);
        Occurrence { slot, window }
    });
    occurrences.collect()
}
