//! Rules W3, W3a over the life of a job: where its windows go on. Between two occurrences of one schedule the
//! frequency tells it; after an edit of the schedule, and where occurrences were missed, only the record does.

use chrono::{DateTime, Utc};

use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::calendar::window::Window;
use crate::domain::execution::{Execution, Trigger};
use crate::domain::job::{Job, JobChange, JobSettings, JobState};

impl JobSettings {
    /// Whether the windows of successive occurrences join without gap or overlap: a rolling or previous
    /// timeframe of the frequency's own period (rule W3).
    pub fn tiles(&self) -> bool {
        match self.timeframe {
            Timeframe::Rolling(span) | Timeframe::Previous(span) => self.frequency.period() == Some(span),
            Timeframe::All | Timeframe::Fixed(_) | Timeframe::SinceLastExport { .. } => false,
        }
    }

    /// Whether each occurrence has a window of its own, which another one covers only if it reaches back to it.
    fn slides(&self) -> bool {
        matches!(self.timeframe, Timeframe::Rolling(_) | Timeframe::Previous(_))
    }

    /// Whether windows of the one go on where those of the other end: both tile, over the same records.
    pub(in crate::domain) fn tiles_with(&self, other: &Self) -> bool {
        let of_same_records = self.has_scope_of(&Self { timeframe: self.timeframe.clone(), ..other.clone() });
        self.tiles() && other.tiles() && of_same_records
    }
}

impl Job {
    /// What the occurrence at `slot`, the next one to be put on the record, exports; `None` if that is what is
    /// new since the watermark.
    pub(in crate::domain) fn next_window(&self, slot: DateTime<Utc>) -> Option<Window> {
        let window = self.settings.timeframe.window(&self.settings.frequency, slot)?;
        Some(match self.tiled_until.filter(|_| self.settings.tiles()) {
            Some(until) => Window::between(until, window.end()),
            None => window,
        })
    }

    /// Where the window of the next occurrence on the record must start if it stands for those from `first` on, too
    /// (rule W3a): where the last window on the record ended, so that all that they would have exported is in one
    /// set or the other. Windows with gaps between them do not begin to fill those. `None` where each window
    /// holds what the ones before it did.
    pub(in crate::domain) fn covered_from(&self, first: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let start = self.next_window(first).filter(|_| self.settings.slides())?.start()?;
        Some(self.tiled_until.map_or(start, |until| until.max(start)))
    }

    /// Takes notice that `slot` is on the record, run or skipped.
    pub(in crate::domain) fn tile(&mut self, slot: DateTime<Utc>) {
        if self.settings.slides() {
            let end = self.next_window(slot).map(|window| window.end());
            self.tiled_until = self.tiled_until.max(end);
        }
    }
}

/// Executions that wait, and that `next`, the first entry that a round queues, stands for (rule W3a), the latest first. Its window
/// reaches back to theirs. Where windows tile, one is covered only if it joins what is covered: anything between
/// belongs to another entry of the record.
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
        let Some((start, began)) = bounds.filter(|(start, _)| joins(*start)) else { break };
        next.window = Window::between(start.min(began), next.window.end());
        covered.push(waiting);
    }
    covered
}

/// Where windows go on after `change`, an edit of `before`. A job that tiles on goes on where it is, unless it
/// had come to its end or is given a later start; one that tiles from now on, behind what waits and tiles with
/// it.
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
    let starts_anew = before.state == JobState::Completed
        || (new.starts_at != old.starts_at && new.starts_at.is_some_and(|start| start > now));
    let same = if new.tiles() { new.tiles_with(old) } else { new.has_scope_of(old) };
    let goes_on = after.tiled_until.filter(|_| same && !starts_anew);
    goes_on.max(ends(change.entries.iter().chain(&change.edited)))
}

/// Where windows go on behind `edited` as well, more of what waits and has taken on the settings of `job`.
pub(in crate::domain) fn behind(job: &Job, edited: &[Execution]) -> Option<DateTime<Utc>> {
    job.tiled_until.max(ends(edited.iter()).filter(|_| job.settings.slides()))
}

/// Where the last window ends of those that take part in the tiling.
fn ends<'a>(executions: impl Iterator<Item = &'a Execution>) -> Option<DateTime<Utc>> {
    executions.filter(|execution| takes_part(execution)).map(|execution| execution.window.end()).max()
}

fn takes_part(execution: &Execution) -> bool {
    execution.trigger == Trigger::Scheduled && execution.is_waiting()
}
