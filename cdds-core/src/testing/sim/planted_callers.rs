//! The planted bugs of the catalog's callers. They apply before the model sees the call.

use std::borrow::Cow;

use chrono::TimeDelta;

use super::planted::{PlantedBug, Tampered, dies_here};
use super::watch::Watch;
use crate::domain::calendar::frequency::FrequencyKind;
use crate::domain::calendar::schedule::Schedule;
use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use crate::domain::calendar::window::Window;
use crate::domain::execution::{Execution, ExecutionState, SkipReason, Trigger};
use crate::domain::job::{JobChange, JobState};
use crate::keys;
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Directive, Fence};
use crate::ports::sink::Key;

/// Changes what a caller with one of the bugs of clocks requests (rule F9).
fn misread_clock(bug: PlantedBug, wrong: &mut JobChange) {
    let JobChange { job, entries, .. } = wrong;
    let (settings, frequency) = (&job.settings, &job.settings.frequency);
    let clock = &settings.clock;
    if clock.is_utc() || !settings.schedule().goes_by_clock() {
        return;
    }
    let recorded =
        entries.iter().filter(|entry| entry.trigger == Trigger::Scheduled).map(|entry| entry.slot).max();
    let by = |gap, fold| WallClock::new(clock.zone().clone(), gap, fold);
    let microsecond = TimeDelta::microseconds(1);
    let next = match (bug, job.next_due_at, recorded) {
        (PlantedBug::GapLoses, Some(due), _) => {
            Schedule::new(frequency, &by(Gap::Skip, clock.fold())).next_after(due - microsecond)
        }
        (PlantedBug::FoldDoubles, Some(due), Some(last)) => {
            let both = Schedule::new(frequency, &by(clock.gap(), Fold::Both)).next_after(last);
            both.map(|both| both.min(due))
        }
        (PlantedBug::DriftsWithClock, Some(due), Some(last)) => {
            Some(due.min(last + TimeDelta::days(1))).filter(|_| frequency.kind() == FrequencyKind::Daily)
        }
        _ => None,
    };
    job.next_due_at = next.or(job.next_due_at);
    let of_utc = |entry: &&mut Execution| bug == PlantedBug::DaysOfUtc && entry.trigger == Trigger::Scheduled;
    for entry in entries.iter_mut().filter(of_utc) {
        let timeframe = &entry.settings.timeframe;
        let Some(own) =
            timeframe.window(frequency, entry.slot).filter(|_| matches!(timeframe, Timeframe::Previous(_)))
        else {
            continue;
        };
        let start = entry.window.start().unwrap_or(own.end());
        entry.window = Window::between(start, own.end());
    }
}

/// Bugs of the callers: the request itself is wrong.
impl Tampered {
    /// Returns the change of a job that a caller with the planted bug requests.
    pub(super) async fn asked<'a>(&self, change: &'a JobChange) -> Result<Cow<'a, JobChange>, CatalogError> {
        let mut wrong = change.clone();
        match self.bug {
            Some(PlantedBug::SkipNotRecorded) => {
                wrong.entries.retain(|entry| !matches!(entry.state, ExecutionState::Skipped(_)));
            }
            Some(PlantedBug::RestForgotten) => wrong.job.unsettled = None,
            Some(PlantedBug::ResumeRunsMissed) if wrong.job.state == JobState::Active => {
                let before = self.inner.job(&wrong.job.owner, wrong.job.id).await?;
                if let Some(since) = before.and_then(|before| before.job.suspended_at) {
                    wrong.job.next_due_at = wrong.job.settings.next_slot(since);
                    // The slots that it now runs are not recorded as missed.
                    wrong.entries.clear();
                }
            }
            Some(PlantedBug::ShiftedWindow) => {
                let rolling = |entry: &&mut Execution| {
                    let timeframe = &entry.settings.timeframe;
                    entry.trigger == Trigger::Scheduled && matches!(timeframe, Timeframe::Rolling(_))
                };
                for entry in wrong.entries.iter_mut().filter(rolling) {
                    let minute = TimeDelta::minutes(1);
                    let window = entry.window;
                    let start = window.start().unwrap_or(window.end());
                    entry.window = Window::between(start + minute, window.end() + minute);
                }
            }
            Some(PlantedBug::CoveredInWordsOnly) => {
                let into = |entry: &Execution| match entry.state {
                    ExecutionState::Skipped(SkipReason::Coalesced { into, .. }) => Some(into),
                    _ => None,
                };
                let covering: Vec<_> =
                    wrong.entries.iter().chain(&wrong.superseded).filter_map(into).collect();
                for entry in wrong.entries.iter_mut().filter(|entry| covering.contains(&entry.slot)) {
                    let settings = &entry.settings;
                    let own = settings.timeframe.window(settings.schedule(), entry.slot);
                    if entry.is_waiting() {
                        entry.window = own.unwrap_or(entry.window);
                    }
                }
            }
            Some(PlantedBug::EverythingTooOld) => {
                let queued = |entry: &&mut Execution| {
                    entry.trigger == Trigger::Scheduled
                        && entry.is_waiting()
                        && !entry.settings.frequency.is_once()
                };
                for entry in wrong.entries.iter_mut().filter(queued) {
                    let (first, last) = (entry.slot, entry.slot);
                    let reason = SkipReason::CatchUpLimit { first, last, count: 1 };
                    *entry = entry.clone().superseded(reason, entry.created_at);
                }
            }
            Some(
                bug @ (PlantedBug::GapLoses
                | PlantedBug::FoldDoubles
                | PlantedBug::DriftsWithClock
                | PlantedBug::DaysOfUtc),
            ) => misread_clock(bug, &mut wrong),
            _ => return Ok(Cow::Borrowed(change)),
        }
        Ok(Cow::Owned(wrong))
    }

    /// Returns the directives that a worker with the planted bug follows.
    pub(super) fn heeded(&self, mut directives: Vec<Directive>) -> Vec<Directive> {
        if self.has(PlantedBug::CancelUnheeded) {
            let told = directives.iter_mut().filter(|told| **told == Directive::Cancel);
            told.for_each(|told| *told = Directive::Continue);
        }
        directives
    }

    /// Whether a worker with the planted bug treats the catalog as unavailable when it commits.
    pub(super) fn gives_up(&self, watch: &Watch, fence: Fence) -> bool {
        self.has(PlantedBug::FailsWhenCalm) && !watch.shared.storms() && dies_here(fence)
    }

    /// Does what a worker with the planted bug does after an attempt to commit.
    pub(super) async fn committed(&self, watch: &Watch, fence: Fence, result: &Result<(), CatalogError>) {
        let unknown = |error: &CatalogError| error.kind() == CatalogErrorKind::Unavailable;
        if !self.has(PlantedBug::DiscardOnUnknownCommit) || !result.as_ref().is_err_and(unknown) {
            return;
        }
        let of_claim = |key: &Key| keys::writer(key).is_some_and(|writer| writer.fence == fence);
        let stored = watch.sink.list(&keys::execution(fence.id)).await.unwrap_or_default();
        for key in stored.into_iter().filter(of_claim) {
            watch.deletes(&key);
            drop(watch.sink.delete(&key).await);
        }
    }
}
