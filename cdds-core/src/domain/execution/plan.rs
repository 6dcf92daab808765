//! Creates the executions that are put on the record: the purpose of each, its window, and when it may start.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Execution, ExecutionState, SkipReason, Trigger};
use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::calendar::window::{self, Window, settled_end};
use crate::domain::execution::completeness::Completeness;
use crate::domain::execution::progress::Progress;
use crate::domain::id::ExecutionId;
use crate::domain::job::Job;
use crate::domain::job::policy::Jitter;
use crate::domain::request::RequestKey;
use crate::domain::source::SourceTerms;

impl Execution {
    /// Creates the occurrence of `job` at `slot`. If the window ends near the slot, the work waits until late
    /// rows are visible (rule W4). Jitter delays it further (rule E6).
    pub fn scheduled(job: &Job, slot: DateTime<Utc>, terms: SourceTerms, now: DateTime<Utc>) -> Self {
        let (window, generation) = window(job, job.next_window(slot), slot, terms);
        let id = execution_id(job, format_args!("scheduled/{}", slot.timestamp_micros()));
        let mut execution = Self::queued(job, id, Trigger::Scheduled, slot, window, now);
        execution.generation = generation;
        // The slot, not the present: occurrences that are recorded late still begin in the order of scheduled
        // time (rule E2).
        execution.queue_at = slot;
        execution.not_before = execution.ready_at(terms);
        execution
    }

    /// Creates an extra occurrence at this instant (rule J13), with a window as if it were a slot (rules W2,
    /// W3). It does not wait for late rows (rule W4).
    pub fn manual(job: &Job, terms: SourceTerms, now: DateTime<Utc>) -> Self {
        let (window, generation) = window(job, own_window(job, now), now, terms);
        let id = execution_id(job, format_args!("manual/{}", now.timestamp_micros()));
        Self { generation, ..Self::queued(job, id, Trigger::Manual, now, window, now) }
    }

    /// Creates another try for the occurrence of `of`, over `window` (rule W5). It waits until late rows are
    /// visible.
    pub fn rerun(
        job: &Job,
        of: &Self,
        window: Window,
        generation: Option<u64>,
        terms: SourceTerms,
        now: DateTime<Utc>,
    ) -> Self {
        let id = execution_id(job, format_args!("rerun/{}/{}", of.id, now.timestamp_micros()));
        let trigger = Trigger::Rerun { of: of.id, of_backfill: of.trigger.is_backfill() };
        let not_before = settled_at(window, terms).max(now);
        Self { generation, not_before, ..Self::queued(job, id, trigger, of.slot, window, now) }
    }

    /// Creates an execution for a past occurrence that was asked for now (rule W6). It waits until late rows
    /// are visible and moves no watermark.
    pub fn backfill(
        job: &Job,
        slot: DateTime<Utc>,
        window: Window,
        terms: SourceTerms,
        now: DateTime<Utc>,
    ) -> Self {
        let (slot_micros, now_micros) = (slot.timestamp_micros(), now.timestamp_micros());
        let id = execution_id(job, format_args!("backfill/{slot_micros}/{now_micros}"));
        let not_before = settled_at(window, terms).max(now);
        Self { not_before, ..Self::queued(job, id, Trigger::Backfill, slot, window, now) }
    }

    /// Creates an entry for one or more slots that are not run. Its slot is the last of them.
    pub fn skipped(
        job: &Job,
        slot: DateTime<Utc>,
        reason: SkipReason,
        terms: SourceTerms,
        now: DateTime<Utc>,
    ) -> Self {
        // The entry takes the id that the occurrence would have had if it were run, so it can never be both.
        Self {
            state: ExecutionState::Skipped(reason),
            finished_at: Some(now),
            ..Self::scheduled(job, slot, terms, now)
        }
    }

    /// Gives a waiting execution the settings of the edited `job` (rule J10). Its window changes only if the
    /// timeframe does, or the zone whose days it means. An incremental window belongs to the job's present generation (rule J11).
    #[must_use]
    pub fn edited(self, job: &Job, terms: SourceTerms) -> Self {
        let windows_changed = !self.settings.has_windows_of(&job.settings);
        let settings = job.settings.clone();
        let (window, generation) = match self.trigger {
            // Windows that tile continue where they are: moving one would leave a gap or an overlap.
            Trigger::Scheduled if self.settings.tiles_with(&settings) => (self.window, None),
            // An incremental window whose start is open is recomputed as well, so that it follows the edited
            // job's timeframe, source and watermark generation.
            Trigger::Scheduled | Trigger::Manual if windows_changed || self.generation.is_some() => {
                window(job, own_window(job, self.slot), self.slot, terms)
            }
            // A frozen window stays. An open start stays open as long as the job is incremental.
            _ => (self.window, self.generation.and(generation_of(job))),
        };
        // `queue_at` stays: an edit moves nothing in the queue.
        let mut edited = Self { settings, window, generation, ..self };
        // The window, the jitter and the source's terms may have changed. Manual work keeps the start that it
        // was given.
        if edited.trigger == Trigger::Scheduled {
            edited.not_before = edited.ready_at(terms);
        }
        edited
    }

    fn queued(
        job: &Job,
        id: ExecutionId,
        trigger: Trigger,
        slot: DateTime<Utc>,
        window: Window,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            job_id: job.id,
            owner: job.owner.clone(),
            trigger,
            slot,
            window,
            generation: None,
            settings: job.settings.clone(),
            state: ExecutionState::Queued,
            epoch: 0,
            attempts: Vec::new(),
            // Work that people ask for is ordered by when they did (rule W6).
            queue_at: now,
            not_before: now,
            created_at: now,
            started_at: None,
            finished_at: None,
            cancel_requested_at: None,
            progress: Progress::default(),
            completeness: Completeness::default(),
        }
    }

    /// Returns when scheduled work may start.
    fn ready_at(&self, terms: SourceTerms) -> DateTime<Utc> {
        // An incremental window already ends where rows are settled at the slot, so only rolling and previous
        // windows, which end at the slot or at a unit before it, have to wait for late rows.
        let settled_at = match self.settings.timeframe {
            Timeframe::Rolling(_) | Timeframe::Previous(_) => settled_at(self.window, terms).max(self.slot),
            Timeframe::All | Timeframe::Fixed(_) | Timeframe::SinceLastExport { .. } => self.slot,
        };
        let delay = self.settings.policies.jitter.map_or(TimeDelta::zero(), |jitter| delay(self.id, jitter));
        settled_at.checked_add_signed(delay).unwrap_or(settled_at)
    }
}

/// Returns the window that an occurrence at `slot` has by itself, without regard to the job's record.
fn own_window(job: &Job, slot: DateTime<Utc>) -> Option<Window> {
    job.settings.timeframe.window(job.settings.schedule(), slot)
}

/// Returns the window that was computed or, for an incremental job, one that ends where rows are settled and
/// whose start is open. The number is the watermark's generation, if a success moves it.
fn window(
    job: &Job,
    fixed: Option<Window>,
    slot: DateTime<Utc>,
    terms: SourceTerms,
) -> (Window, Option<u64>) {
    match fixed {
        Some(window) => (window, None),
        None => (Window::until(settled_end(slot, terms.settle_lag, terms.granularity)), generation_of(job)),
    }
}

/// Returns when every row of the window is visible.
fn settled_at(window: Window, terms: SourceTerms) -> DateTime<Utc> {
    window::settled_at(window.end(), terms.settle_lag, terms.granularity)
}

/// Returns the generation of the watermark that a success moves. `None` if the job is not incremental.
fn generation_of(job: &Job) -> Option<u64> {
    job.settings.timeframe.is_incremental().then(|| job.watermark().generation)
}

/// Returns the delay of a start, up to the jitter (rule E6). It is derived from the execution's id, so that
/// deciding twice gives the same delay.
fn delay(id: ExecutionId, jitter: Jitter) -> TimeDelta {
    let longest = jitter.longest().num_microseconds().and_then(|micros| u128::try_from(micros).ok());
    // One more than the longest, so that the longest delay itself is possible.
    let micros = longest.map_or(0, |longest| id.0.as_u128() % (longest + 1));
    i64::try_from(micros).map_or(TimeDelta::zero(), TimeDelta::microseconds)
}

/// The execution that a request with a key asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Requested {
    /// An extra occurrence.
    Run,
    /// Another try.
    Rerun(ExecutionId),
    /// The first one of a range, or a later one by its slot.
    Backfill(Option<DateTime<Utc>>),
}

/// Returns the id of the execution that a request with this key asks for (rule J18).
pub(crate) fn requested_id(job: &Job, requested: Requested, key: &RequestKey) -> ExecutionId {
    let key = key.as_str();
    match requested {
        Requested::Run => execution_id(job, format_args!("request/manual/{key}")),
        Requested::Rerun(of) => execution_id(job, format_args!("request/rerun/{of}/{key}")),
        Requested::Backfill(None) => execution_id(job, format_args!("request/backfill/first/{key}")),
        Requested::Backfill(Some(slot)) => {
            execution_id(job, format_args!("request/backfill/{}/{key}", slot.timestamp_micros()))
        }
    }
}

/// Returns the same id for the same occurrence, however often it is planned (invariant I5). A job that was
/// brought back from a clock that was ahead gets other ids in its new era.
fn execution_id(job: &Job, name: std::fmt::Arguments<'_>) -> ExecutionId {
    // Era 0 has no prefix, so the ids of most jobs do not mention eras.
    let name = if job.era == 0 { name.to_string() } else { format!("era/{}/{name}", job.era) };
    ExecutionId(Uuid::new_v5(&job.id.0, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e6_the_longest_delay_is_the_jitter_itself() {
        let jitter: Jitter = "10m".parse().unwrap();
        let micros = 600_000_000_u128;
        for (id, expected) in [(0, 0), (micros, micros), (micros + 1, 0), (2 * micros, micros - 1)] {
            let delay = delay(ExecutionId(Uuid::from_u128(id)), jitter);
            assert_eq!(delay.num_microseconds().map(i128::from), i128::try_from(expected).ok());
        }
    }
}
