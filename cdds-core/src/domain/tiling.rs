//! Rule W3 over the life of a job: where its windows go on. Between two occurrences of one schedule the frequency
//! tells it; after an edit of the schedule only the record does.

use chrono::{DateTime, Utc};

use super::execution::{Execution, Trigger};
use super::job::{Job, JobChange, JobSettings, JobState};
use super::timeframe::Timeframe;
use super::window::Window;

impl JobSettings {
    /// Whether the windows of successive occurrences join without gap or overlap: a rolling or previous
    /// timeframe of the frequency's own period (rule W3).
    pub fn tiles(&self) -> bool {
        match self.timeframe {
            Timeframe::Rolling(span) | Timeframe::Previous(span) => self.frequency.period() == Some(span),
            Timeframe::All | Timeframe::Fixed(_) | Timeframe::SinceLastExport { .. } => false,
        }
    }

    /// Whether windows of the one go on where those of the other end: both tile, over the same records.
    pub(super) fn tiles_with(&self, other: &Self) -> bool {
        let of_same_records = self.has_scope_of(&Self { timeframe: self.timeframe.clone(), ..other.clone() });
        self.tiles() && other.tiles() && of_same_records
    }
}

impl Job {
    /// What the occurrence at `slot`, the next one to be put on the record, exports; `None` if that is what is
    /// new since the watermark.
    pub(super) fn next_window(&self, slot: DateTime<Utc>) -> Option<Window> {
        let window = self.settings.timeframe.window(&self.settings.frequency, slot)?;
        Some(match self.tiled_until {
            Some(until) => Window::between(until, window.end()),
            None => window,
        })
    }

    /// Takes notice that `slot` is on the record, run or skipped.
    pub(super) fn tile(&mut self, slot: DateTime<Utc>) {
        if self.settings.tiles() {
            let end = self.next_window(slot).map(|window| window.end());
            self.tiled_until = self.tiled_until.max(end);
        }
    }
}

/// Where windows go on after `change`, an edit of `before`. A job that tiles on goes on where it is, unless it
/// had come to its end or is given a later start; one that tiles from now on, behind what waits and tiles with
/// it.
pub(super) fn after_edit(before: &Job, change: &JobChange, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let after = &change.job;
    let (old, new) = (&before.settings, &after.settings);
    if !new.tiles() {
        return None;
    }
    let starts_anew = before.state == JobState::Completed
        || (new.starts_at != old.starts_at && new.starts_at.is_some_and(|start| start > now));
    let goes_on = after.tiled_until.filter(|_| new.tiles_with(old) && !starts_anew);
    let waits = change.entries.iter().chain(&change.edited).filter(|execution| takes_part(execution));
    goes_on.max(waits.map(|execution| execution.window.end()).max())
}

fn takes_part(execution: &Execution) -> bool {
    execution.trigger == Trigger::Scheduled && execution.is_waiting()
}
