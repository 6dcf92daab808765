//! The days of a zone, of 23, 24 or 25 hours and now and then of another length.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::changes::earlier;
use super::{Reading, Zone};

impl Zone {
    /// Returns the first instant of a day: when the wall clock shows 00:00 for the first time or, if it never
    /// does, the first instant after the gap.
    ///
    /// Each day ends where the next one begins, so days tile. A day that the clock leaves out, like 30 December
    /// 2011 in `Pacific/Apia`, begins where the next one does, and is empty.
    pub fn start_of(&self, day: NaiveDate) -> DateTime<Utc> {
        self.resolve(day.and_time(NaiveTime::MIN))
    }

    /// Returns the day that holds an instant: the last one that has begun.
    ///
    /// It is the day that the wall clock shows, except where a clock that was put back at midnight shows the day
    /// before once more: no day begins twice.
    pub fn day_of(&self, instant: DateTime<Utc>) -> NaiveDate {
        let shown = self.wall(instant).date();
        if self.is_utc() {
            return shown;
        }
        // A clock is never put back by more than a day, so the day is the one shown or the next one.
        match shown.succ_opt() {
            Some(next) if self.start_of(next) <= instant => next,
            _ => shown,
        }
    }

    /// Returns what the wall clock shows.
    pub(in crate::domain::calendar) fn wall(&self, instant: DateTime<Utc>) -> NaiveDateTime {
        let instant = instant.naive_utc();
        instant.checked_add_signed(self.offset_at(instant.and_utc())).unwrap_or(instant)
    }

    /// Returns the first instant at which the wall clock shows `wall` or, if it never does, the first instant
    /// after the gap. A result beyond the calendar is replaced by its end.
    pub(in crate::domain::calendar) fn resolve(&self, wall: NaiveDateTime) -> DateTime<Utc> {
        let as_utc = wall.and_utc();
        match self.reading(wall) {
            Reading::Once(offset) | Reading::Twice(offset, _) => earlier(as_utc, offset),
            Reading::Never(before, after) => {
                // By the new offset, which is larger, `wall` lies before the change.
                let lies_before = earlier(as_utc, after);
                let change = self.next_change(lies_before, before);
                change.map_or(lies_before, |change| change.at)
            }
        }
    }
}
