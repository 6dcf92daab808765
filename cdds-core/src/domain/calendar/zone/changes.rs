//! When the offset of a zone changes.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Zone, delta, timestamp};

/// A change of a wall clock's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain::calendar) struct Change {
    /// The first instant with the new offset.
    pub(in crate::domain::calendar) at: DateTime<Utc>,
    /// The offset before.
    pub(in crate::domain::calendar) before: TimeDelta,
    /// The new offset.
    pub(in crate::domain::calendar) after: TimeDelta,
}

impl Change {
    /// Whether the clock is put forward, so that it does not show some times.
    pub(in crate::domain::calendar) fn is_gap(&self) -> bool {
        self.after > self.before
    }

    /// Returns what the clock would have shown at the change, as if it were UTC: the first time of the gap.
    pub(in crate::domain::calendar) fn would_read(&self) -> DateTime<Utc> {
        later(self.at, self.before)
    }

    /// Returns what the clock shows at the change, as if it were UTC: the first time after the gap, or the first
    /// one that is shown for the second time.
    pub(in crate::domain::calendar) fn reads(&self) -> DateTime<Utc> {
        later(self.at, self.after)
    }
}

impl Zone {
    /// Returns the first change of the offset after `instant`, where it is `before`.
    pub(in crate::domain::calendar) fn next_change(
        &self,
        instant: DateTime<Utc>,
        before: TimeDelta,
    ) -> Option<Change> {
        let rules = self.rules()?;
        // The database lists changes of the name and of daylight saving, too, which leave the offset as it is.
        let mut later = rules.following(timestamp(instant));
        let found = later.find(|change| delta(change.offset()) != before)?;
        let at = DateTime::from_timestamp(found.timestamp().as_second(), 0)?;
        Some(Change { at, before, after: delta(found.offset()) })
    }

    /// Returns the last change of the offset at or before `instant`.
    pub(in crate::domain::calendar) fn last_change(&self, instant: DateTime<Utc>) -> Option<Change> {
        let rules = self.rules()?;
        let second = TimeDelta::seconds(1);
        let earlier = rules.preceding(timestamp(later(instant, second)));
        let instants =
            earlier.filter_map(|change| DateTime::from_timestamp(change.timestamp().as_second(), 0));
        let mut changes = instants.map(|at| {
            let before = self.offset_at(at.checked_sub_signed(second).unwrap_or(at));
            Change { at, before, after: self.offset_at(at) }
        });
        let mut last = changes.find(|change| change.before != change.after)?;
        // The library looks back by the zone's rule alone once its list has ended: it names changes that the rule would
        // have made, which the offsets above do not know, and passes over a last change that only the list knows, like
        // that of 30 November 2022 in America/Ciudad_Juarez. It looks forward rightly.
        while let Some(next) = self.next_change(last.at, last.after).filter(|next| next.at <= instant) {
            last = next;
        }
        Some(last)
    }
}

/// Returns the instant `by` later, or itself at the end of the calendar.
pub(in crate::domain::calendar) fn later(instant: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    instant.checked_add_signed(by).unwrap_or(instant)
}

/// Returns the instant `by` earlier, or itself at the beginning of the calendar.
pub(in crate::domain::calendar) fn earlier(instant: DateTime<Utc>, by: TimeDelta) -> DateTime<Utc> {
    instant.checked_sub_signed(by).unwrap_or(instant)
}
