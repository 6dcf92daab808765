//! Putting executions on the record: what each is for, which window, and when it may start.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::{Execution, ExecutionState, SkipReason, Trigger};
use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::calendar::window::{self, Window, settled_end};
use crate::domain::execution::progress::Progress;
use crate::domain::execution::watermark::Watermark;
use crate::domain::id::ExecutionId;
use crate::domain::job::policy::Jitter;
use crate::domain::job::{Job, JobSettings};

/// What a source declares of the visibility of its rows (rule W4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceTerms {
    /// How late a row may become visible after its instant.
    pub settle_lag: TimeDelta,
    /// How finely its instants are told.
    pub granularity: TimeDelta,
}

impl Default for SourceTerms {
    /// One second each.
    fn default() -> Self {
        Self { settle_lag: TimeDelta::seconds(1), granularity: TimeDelta::seconds(1) }
    }
}

impl Execution {
    /// The occurrence of `job` at `slot`. Where the window ends near the slot, the work waits until rows
    /// that become visible late have done so (rule W4); jitter puts it off further (rule E6).
    pub fn scheduled(job: &Job, slot: DateTime<Utc>, terms: SourceTerms, now: DateTime<Utc>) -> Self {
        let (window, generation) = window(job, job.next_window(slot), slot, terms);
        let id = execution_id(job, format_args!("scheduled/{}", slot.timestamp_micros()));
        let mut execution = Self::queued(job, id, Trigger::Scheduled, slot, window, now);
        execution.generation = generation;
        execution.queue_at = slot;
        execution.not_before = execution.ready_at(terms);
        execution
    }

    /// An extra occurrence at this instant (rule J13), with the window of one (rules W2, W3). It does not wait
    /// for late rows (rule W4).
    pub fn manual(job: &Job, terms: SourceTerms, now: DateTime<Utc>) -> Self {
        let (window, generation) = window(job, own_window(job, now), now, terms);
        let id = execution_id(job, format_args!("manual/{}", now.timestamp_micros()));
        Self { generation, ..Self::queued(job, id, Trigger::Manual, now, window, now) }
    }

    /// Another try for the occurrence of `of`, over `window` (rule W5), once late rows have settled.
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

    /// An occurrence of the past that was asked for now (rule W6), once late rows have settled; it moves no
    /// watermark.
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

    /// An entry for one or more slots that are not run; its slot is the last of them.
    pub fn skipped(
        job: &Job,
        slot: DateTime<Utc>,
        reason: SkipReason,
        terms: SourceTerms,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            state: ExecutionState::Skipped(reason),
            finished_at: Some(now),
            ..Self::scheduled(job, slot, terms, now)
        }
    }

    /// The same with the settings of the edited `job` (rule J10); for what waits. Its window is another one
    /// only if the timeframe is, and an incremental one belongs to the job's present generation (rule J11).
    #[must_use]
    pub fn edited(self, job: &Job, terms: SourceTerms) -> Self {
        let timeframe_changed = self.settings.timeframe != job.settings.timeframe;
        let settings = job.settings.clone();
        let (window, generation) = match self.trigger {
            // Windows that tile go on where they are.
            Trigger::Scheduled if self.settings.tiles_with(&settings) => (self.window, None),
            Trigger::Scheduled | Trigger::Manual if timeframe_changed || self.generation.is_some() => {
                window(job, own_window(job, self.slot), self.slot, terms)
            }
            // What was frozen stays; an open start stays open while the job is incremental.
            _ => (self.window, self.generation.and(generation_of(job))),
        };
        let mut edited = Self { settings, window, generation, ..self };
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
            queue_at: now,
            not_before: now,
            created_at: now,
            started_at: None,
            finished_at: None,
            cancel_requested_at: None,
            progress: Progress::default(),
        }
    }

    /// When scheduled work may start.
    fn ready_at(&self, terms: SourceTerms) -> DateTime<Utc> {
        let settled_at = match self.settings.timeframe {
            Timeframe::Rolling(_) | Timeframe::Previous(_) => settled_at(self.window, terms).max(self.slot),
            Timeframe::All | Timeframe::Fixed(_) | Timeframe::SinceLastExport { .. } => self.slot,
        };
        let delay = self.settings.policies.jitter.map_or(TimeDelta::zero(), |jitter| delay(self.id, jitter));
        settled_at.checked_add_signed(delay).unwrap_or(settled_at)
    }
}

/// What an occurrence at `slot` exports by itself.
fn own_window(job: &Job, slot: DateTime<Utc>) -> Option<Window> {
    job.settings.timeframe.window(&job.settings.frequency, slot)
}

/// A window that is fixed, or else, for an incremental job, one that ends where rows are settled and whose
/// start is open.
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

/// When every row of the window is visible.
fn settled_at(window: Window, terms: SourceTerms) -> DateTime<Utc> {
    window::settled_at(window.end(), terms.settle_lag, terms.granularity)
}

/// The generation of the watermark that executions of this job move now.
fn generation_of(job: &Job) -> Option<u64> {
    job.settings.timeframe.is_incremental().then(|| job.watermark().generation)
}

/// Rule E6: spread over the jitter by the execution's id, so that the same decision is made twice.
fn delay(id: ExecutionId, jitter: Jitter) -> TimeDelta {
    let longest = jitter.longest().num_microseconds().and_then(|micros| u128::try_from(micros).ok());
    let micros = longest.map_or(0, |longest| id.0.as_u128() % (longest + 1));
    i64::try_from(micros).map_or(TimeDelta::zero(), TimeDelta::microseconds)
}

/// The same occurrence always has the same id (invariant I5), within an era of its job.
fn execution_id(job: &Job, name: std::fmt::Arguments<'_>) -> ExecutionId {
    let name = if job.era == 0 { name.to_string() } else { format!("era/{}/{name}", job.era) };
    ExecutionId(Uuid::new_v5(&job.id.0, name.as_bytes()))
}

impl Job {
    /// How far its incremental exports have come; at the origin if it has made none (rule W4).
    pub fn watermark(&self) -> Watermark {
        self.watermark.unwrap_or_else(|| Watermark::at_origin(&self.settings.timeframe))
    }
}

impl JobSettings {
    /// The first slot strictly after `after` that lies in the job's own period (rules F7, J14).
    pub fn next_slot(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let before_start = |start: DateTime<Utc>| start.checked_sub_signed(TimeDelta::microseconds(1));
        let after = self.starts_at.and_then(before_start).map_or(after, |start| after.max(start));
        self.frequency.next_after(after).filter(|slot| self.ends_at.is_none_or(|end| *slot < end))
    }
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
