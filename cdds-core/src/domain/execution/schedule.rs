//! Rules E3, E4, J8, J14, F8: which due occurrences of a job are run, which are skipped on the record, and
//! which lie ahead.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

use crate::domain::calendar::schedule::SlotNote;
use crate::domain::calendar::window::{Window, settled_end};
use crate::domain::execution::{Execution, SkipReason, Trigger};
use crate::domain::job::policy::Overlap;
use crate::domain::job::settling;
use crate::domain::job::tiling;
use crate::domain::job::{Job, JobChange, JobSettings, JobState};
use crate::domain::source::SourceTerms;

/// How far back missed occurrences are caught up if neither the job nor the engine says otherwise (rule E4).
pub const CATCH_UP_LIMIT: TimeDelta = TimeDelta::days(7);

/// The most occurrences that one round queues (rule E13). Further ones stay due for the next round.
const QUEUED_PER_ROUND: usize = 1_000;

/// What decides about due slots besides the job itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How far back missed occurrences are caught up if the job does not say (rule E4).
    pub catch_up_limit: TimeDelta,
    /// The terms that the source declares.
    pub source: SourceTerms,
}

impl Default for Terms {
    /// Seven days, and the default terms of a source.
    fn default() -> Self {
        Self { catch_up_limit: CATCH_UP_LIMIT, source: SourceTerms::default() }
    }
}

/// Puts the slots of `job` that are due at `now` on the record, a bounded number per round (rule E13).
/// `waiting` are the job's executions that no worker has begun. Returns `None` if nothing is due.
///
/// A one-time job is suspended by this (rule J8), and a recurring job without a later slot is completed (rule
/// J14). If the job's last change is not settled, its next step is taken instead, with `waiting` as the next
/// executions to decide about ([`settle`](settling::settle)).
pub fn materialise(job: &Job, waiting: &[Execution], terms: Terms, now: DateTime<Utc>) -> Option<JobChange> {
    match job.unsettled {
        Some(_) => Some(settling::settle(job, waiting, terms.source, now)),
        None => round(job, waiting, terms, QUEUED_PER_ROUND, now),
    }
}

/// Puts all due slots on the record in one round, however many they are.
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
    let decided_until = due.newest().and_then(|newest| job.settings.shown(newest));
    let mut after = Job { next_due_at: due.next, decided_until, ..job.clone() };
    after.settings.clock = after.settings.clock.computed();
    if job.settings.frequency.is_once() {
        after.state = JobState::Suspended;
    } else if due.next.is_none() {
        after.state = JobState::Completed;
    }
    let mut entries = Vec::with_capacity(due.run.len() + 1);
    // Where the next entry starts if it covers the skipped slots (rule W3a).
    let mut from = None;
    if let Some(gap) = due.skipped {
        entries.push(Execution::skipped(&after, gap.last, due.reason(gap), terms.source, now));
        from = after.covered_from(gap.first).filter(|_| due.coalesced);
        // Slots beyond the catch-up limit are not exported, so the next window starts after them. Covered
        // slots must not move `tiled_until`: the covering window starts there.
        if !due.coalesced {
            after.tile(gap.last);
        }
    }
    let mut superseded = Vec::new();
    for (number, slot) in due.run.iter().enumerate() {
        let mut entry = Execution::scheduled(&after, *slot, terms.source, now);
        // Only the first entry reaches back over the skipped slots. It never starts later than by itself.
        if let Some((from, start)) = from.take().zip(entry.window.start()) {
            entry.window = Window::between(from.min(start), entry.window.end());
        }
        // The first entry covers the waiting executions. Slots of one round do not cover each other here: the
        // catch-up policy has already decided about them (rule E4).
        if number == 0 && job.overlap() == Overlap::Coalesce {
            superseded = cover(waiting, &mut entry, now);
        }
        entries.push(entry);
        after.tile(*slot);
    }
    Some(JobChange { job: after, entries, superseded, edited: Vec::new() })
}

/// Skips waiting executions that the next slot covers (rule E3), and extends its window back over theirs
/// (rule W3a). Returns the skipped ones, oldest first.
///
/// Only scheduled executions that could have started by now are covered. Work that people asked for always
/// runs. If executions that still wait for late rows or jitter were covered, a job that is due often would
/// never run. After an edit by a clock that was behind, slots that already wait may come up again: executions
/// at or after the next slot therefore stay.
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

/// A gap: successive slots that share one entry of the record (rule E4).
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

/// The decision about the slots that are due.
struct Due {
    /// The oldest slots, which are not run.
    skipped: Option<Gap>,
    /// The slots that are run, oldest first.
    run: Vec<DateTime<Utc>>,
    /// Whether the newest slot covers the skipped ones.
    coalesced: bool,
    /// The first slot that was not decided about.
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

/// Decides about missed slots (rule E4). If they are coalesced, the newest covers the others. Otherwise those
/// within the catch-up limit are run. The newest is run in any case. Returns `None` if no slot is due.
fn due(job: &Job, terms: Terms, queued_max: usize, now: DateTime<Utc>) -> Option<Due> {
    let policy = job.settings.policies.catch_up;
    let coalesced =
        policy.missed.unwrap_or_else(|| Overlap::of(&job.settings.timeframe)) == Overlap::Coalesce;
    let limit = policy.limit.map_or(terms.catch_up_limit, crate::domain::job::policy::CatchUpLimit::duration);
    let oldest_kept = now.checked_sub_signed(limit).unwrap_or(DateTime::<Utc>::MIN_UTC);
    let mut due = Due { skipped: None, run: Vec::new(), coalesced, next: job.next_due_at };
    // Skipped slots do not count towards the bound, since they share one entry.
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
    // Some slot is due exactly if one is run, since the newest always is.
    (!due.run.is_empty()).then_some(due)
}

/// Returns the gap of slots from `first` to `now` inclusive, none of which is to be run. `None` if there are
/// none.
pub(in crate::domain) fn passed(job: &Job, first: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Gap> {
    let mut gap = None;
    let mut next = first;
    while let Some(slot) = next.filter(|slot| *slot <= now) {
        Gap::add(&mut gap, slot);
        next = job.settings.next_slot(slot);
    }
    gap
}

/// Returns the first slot that is not on the record yet.
pub(in crate::domain) fn unrecorded(job: &Job) -> Option<DateTime<Utc>> {
    // A suspension has put the slots up to its own instant on the record.
    let since_suspended = || job.settings.next_slot(job.suspended_at?);
    match job.state {
        JobState::Active => job.next_due_at,
        JobState::Suspended => since_suspended(),
        JobState::Completed | JobState::Deleted => None,
    }
}

/// An occurrence in a preview, and the window that it would export (rule F8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// When it is due.
    pub slot: DateTime<Utc>,
    /// What the job's clock shows then, with its offset from UTC (rule F9). `None` if the clock is UTC.
    pub local: Option<DateTime<FixedOffset>>,
    /// What is unusual about the slot, because the clock is put forward or back.
    pub note: Option<SlotNote>,
    /// The window that it would export. For an incremental job, this assumes that every earlier occurrence
    /// succeeds.
    pub window: Window,
}

impl Occurrence {
    /// Creates the occurrence of a job at a slot.
    pub(crate) fn of(settings: &JobSettings, slot: DateTime<Utc>, window: Window) -> Self {
        let reading = settings.schedule().reading(slot);
        let (local, note) = (reading.map(|reading| reading.local), reading.and_then(|reading| reading.note));
        Self { slot, local, note, window }
    }

    /// Creates the occurrence of an execution of the job that no worker has begun. The start of an incremental window
    /// is decided at that beginning (rule W4): it is shown as it would be now.
    pub(in crate::domain) fn waiting(job: &Job, execution: &Execution) -> Self {
        let end = execution.window.end();
        let from = job.watermark().at.filter(|_| execution.generation.is_some());
        let window = from.map_or(execution.window, |start| Window::between(start, end));
        Self::of(&execution.settings, execution.slot, window)
    }
}

/// Returns the one occurrence of a one-time job that waits for a worker, which [`preview`] does not count as ahead
/// (rules F8, J8). `None` for every other job.
pub(crate) fn awaited(job: &Job, waiting: &[Execution]) -> Option<Occurrence> {
    let scheduled = waiting.iter().find(|one| one.is_waiting() && one.trigger == Trigger::Scheduled);
    scheduled.filter(|_| job.may_await_start()).map(|first| Occurrence::waiting(job, first))
}

/// The most occurrences in one preview (rule F8).
pub const PREVIEW_MAX: usize = 1_000;

/// Returns the next `count` occurrences after `now`, at most [`PREVIEW_MAX`] (rule F8). A suspended job is
/// previewed as if it were resumed now. A completed job has none.
pub fn preview(job: &Job, terms: SourceTerms, count: usize, now: DateTime<Utc>) -> Vec<Occurrence> {
    if job.state == JobState::Completed {
        return Vec::new();
    }
    let mut job = job.clone();
    // As resuming would put them on the record: a tiling window continues behind the slots that passed.
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
            // A watermark never moves back, not even from a start in the future (rule W4).
            watermark = Some(watermark.map_or(end, |watermark| watermark.max(end)));
            window
        });
        job.tile(slot);
        Occurrence::of(&settings, slot, window)
    });
    occurrences.collect()
}
