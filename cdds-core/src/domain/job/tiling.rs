//! Rules W3 and W3a over the life of a job: where its next window begins. Within one schedule the frequency
//! determines that. After an edit of the schedule, and where occurrences were missed, only the record shows
//! where the last window ended.

use chrono::{DateTime, Utc};

use crate::domain::calendar::window::Window;
use crate::domain::execution::{Execution, Trigger};
use crate::domain::job::{Job, JobChange, JobState};

impl Job {
    /// Returns the window of the occurrence at `slot`, the next one to be put on the record. Returns `None`
    /// for an incremental job, which exports what is new since its watermark.
    pub(in crate::domain) fn next_window(&self, slot: DateTime<Utc>) -> Option<Window> {
        let window = self.settings.timeframe.window(self.settings.schedule(), slot)?;
        // After an edit of the schedule, `tiled_until` need not be the previous slot of the new one. Starting
        // there makes the first window longer or shorter, but leaves no gap and no overlap.
        Some(match self.tiled_until.filter(|_| self.settings.tiles()) {
            Some(until) => Window::between(until, window.end()),
            None => window,
        })
    }

    /// Returns where the window of the next occurrence on the record must start if it also covers the
    /// occurrences from `first` on (rule W3a). That is the end of the last window on the record, so that
    /// everything those occurrences would have exported is in one set or the other.
    ///
    /// Where windows leave gaps between them, the result is no earlier than the window at `first`, so that
    /// gaps stay unexported. Returns `None` for timeframes in which each window includes everything in the
    /// earlier ones.
    pub(in crate::domain) fn covered_from(&self, first: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let start = self.next_window(first).filter(|_| self.settings.slides())?.start()?;
        Some(self.tiled_until.map_or(start, |until| until.max(start)))
    }

    /// Records that `slot` is on the record, run or skipped.
    pub(in crate::domain) fn tile(&mut self, slot: DateTime<Utc>) {
        if self.settings.slides() {
            let end = self.next_window(slot).map(|window| window.end());
            self.tiled_until = self.tiled_until.max(end);
        }
    }
}

/// Extends the window of `next`, the first entry that a round queues, back over waiting executions that it
/// covers, and returns these (rule W3a). `ready` is sorted by slot, latest first, and so is the result.
///
/// Where windows tile, an execution is covered only if its window joins the covered stretch. A gap belongs to
/// another entry of the record.
pub(in crate::domain) fn take_over<'a>(
    next: &mut Execution,
    ready: Vec<&'a Execution>,
) -> Vec<&'a Execution> {
    if !next.settings.slides() {
        return ready;
    }
    let tiles = next.settings.tiles();
    let mut covered = Vec::with_capacity(ready.len());
    for waiting in ready {
        let bounds = next.window.start().zip(waiting.window.start());
        let joins = |start| !tiles || waiting.window.end() == start;
        // Older executions could join only through this one, so the first that does not join ends the search.
        let Some((start, began)) = bounds.filter(|(start, _)| joins(*start)) else { break };
        next.window = Window::between(start.min(began), next.window.end());
        covered.push(waiting);
    }
    covered
}

/// Returns where windows continue after `change`, an edit of `before`. They continue where they were if the
/// job exports the same records as before and, where they tile now, tiled before; not if the job was
/// completed or is given a later start. In any case they continue behind the windows of executions that still
/// wait. Returns `None` if there is nothing to continue from.
pub(in crate::domain) fn after_edit(
    before: &Job,
    change: &JobChange,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let after = &change.job;
    let (old, new) = (&before.settings, &after.settings);
    if !new.slides() {
        return None;
    }
    // The stretch up to a later start, or after the job had ended, was left out on purpose. A window that
    // continued from `tiled_until` would export it.
    let starts_anew = before.state == JobState::Completed
        || (new.starts_at != old.starts_at && new.starts_at.is_some_and(|start| start > now));
    // Windows that do not tile need `tiled_until` as well: it bounds how far a later window reaches back to
    // cover missed occurrences (rule W3a).
    let same = if new.tiles() { new.tiles_with(old) } else { new.has_scope_of(old) };
    let goes_on = after.tiled_until.filter(|_| same && !starts_anew);
    goes_on.max(ends(change.entries.iter().chain(&change.edited)))
}

/// Returns where windows continue after `edited`, a further step of waiting executions that have taken on the
/// settings of `job`.
pub(in crate::domain) fn behind(job: &Job, edited: &[Execution]) -> Option<DateTime<Utc>> {
    job.tiled_until.max(ends(edited.iter()).filter(|_| job.settings.slides()))
}

/// Returns the latest end of the windows that take part in the tiling.
fn ends<'a>(executions: impl Iterator<Item = &'a Execution>) -> Option<DateTime<Utc>> {
    executions.filter(|execution| takes_part(execution)).map(|execution| execution.window.end()).max()
}

/// Whether the execution's window is part of the tiling. Manual runs, reruns and backfills have windows of
/// their own.
fn takes_part(execution: &Execution) -> bool {
    execution.trigger == Trigger::Scheduled && execution.is_waiting()
}
