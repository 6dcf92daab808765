//! Rule F9: a frequency by the clock on the wall.
//!
//! The clock's time, taken as if it were UTC, goes through the [`Frequency`]. A walk over the stretches between two
//! changes of the offset turns the result back into instants, so slots strictly increase by construction: within a
//! stretch they are in the order of the clock's times, and each stretch comes after the one before.

use std::fmt;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

use super::frequency::Frequency;
use super::timeframe::Span;
use super::wall_clock::{Fold, Gap, WallClock};
use super::zone::{Change, Reading, Zone, earlier, later};

/// When a job is due: its frequency, by its clock.
///
/// Days, weeks, months and cron expressions are those of the clock. Hours are elapsed time, anchored at 00:00 UTC
/// (rule F2), and the start of a one-time job is an instant: neither goes by the clock.
///
/// In a zone, slots lie in the years 1 to 9999; in UTC, in all that [`DateTime`] has.
#[derive(Debug, Clone, Copy)]
pub struct Schedule<'a> {
    frequency: &'a Frequency,
    clock: &'a WallClock,
}

/// What is unusual about a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotNote {
    /// The clock leaves the time out at which the job would be due, so it is due right after the gap.
    Shifted,
    /// The clock shows the time of the slot for the second time.
    Second,
}

impl SlotNote {
    /// Every note.
    pub const ALL: [Self; 2] = [Self::Shifted, Self::Second];

    /// Returns the note of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|note| note.as_str() == name)
    }

    /// Returns the note as it is printed: `shifted` or `second`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shifted => "shifted",
            Self::Second => "second",
        }
    }
}

/// What a job's clock shows at a slot (rule F9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotReading {
    /// The time, with its offset from UTC.
    pub local: DateTime<FixedOffset>,
    /// What is unusual about the slot, because the clock is put forward or back.
    pub note: Option<SlotNote>,
}

impl<'a> From<&'a Frequency> for Schedule<'a> {
    /// Returns the frequency in UTC.
    fn from(frequency: &'a Frequency) -> Self {
        static UTC: WallClock = WallClock::UTC;
        Self { frequency, clock: &UTC }
    }
}

impl<'a> Schedule<'a> {
    /// Creates the schedule of a frequency by a clock.
    pub fn new(frequency: &'a Frequency, clock: &'a WallClock) -> Self {
        Self { frequency, clock }
    }

    /// Returns the zone of the clock, whose days, weeks and months count.
    pub fn zone(&self) -> &'a Zone {
        self.clock.zone()
    }

    /// Returns the nominal time between two slots ([`Frequency::period`]).
    pub fn period(&self) -> Option<Span> {
        self.frequency.period()
    }

    /// Returns the first slot strictly after `after` (rule F7), as [`Frequency::next_after`] does.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.walk() {
            Some(walk) => walk.next_after(after).filter(|_| self.zone().is_known()),
            None => self.frequency.next_after(after),
        }
    }

    /// Returns the last slot strictly before `before`, as [`Frequency::last_before`] does.
    pub fn last_before(&self, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.walk() {
            Some(walk) => walk.last_before(before).filter(|_| self.zone().is_known()),
            None => self.frequency.last_before(before),
        }
    }

    /// Returns the instant after which the slots come that a job is due at whose record ends at `label`, a time that its
    /// clock has shown: by an earlier version of the database, perhaps, which had another offset then. A time of the
    /// clock that is on record is not due again, unless it comes for the second time and both are due.
    pub fn behind(&self, label: DateTime<FixedOffset>) -> DateTime<Utc> {
        let Some(walk) = self.walk() else { return label.to_utc() };
        let wall = label.naive_local();
        let at = |offset| earlier(wall.and_utc(), offset);
        match walk.zone.reading(wall) {
            Reading::Once(offset) => at(offset),
            Reading::Twice(first, second) => {
                let was_second = TimeDelta::seconds(label.offset().local_minus_utc().into()) == second;
                at(if was_second || walk.fold == Fold::Second { second } else { first })
            }
            Reading::Never(before, after) => {
                let end = walk.zone.last_change(at(before)).map_or_else(|| at(before), |change| change.at);
                // What is due later in the gap, or right at its end, is due there for the first time.
                let reads = later(end, after);
                let goes_on = walk.frequency.next_after(wall.and_utc()).is_some_and(|next| next <= reads);
                if goes_on { earlier(end, NANOSECOND) } else { end }
            }
        }
    }

    /// Whether slots depend on the clock. Those of hourly and one-time jobs never do.
    pub fn goes_by_clock(&self) -> bool {
        !matches!(self.frequency, Frequency::Once(_) | Frequency::Hourly(_))
    }

    /// Returns what the clock shows at a slot; `None` for a clock in UTC, or in a zone that the database has no more.
    pub fn reading(&self, slot: DateTime<Utc>) -> Option<SlotReading> {
        let zone = self.clock.zone();
        let shows = !self.clock.is_utc() && zone.is_known();
        shows.then(|| SlotReading { local: zone.local(slot), note: self.note(slot) })
    }

    /// Returns what is unusual about a slot of this schedule; `None` if nothing is.
    pub fn note(&self, slot: DateTime<Utc>) -> Option<SlotNote> {
        let walk = self.walk()?;
        if let Reading::Twice(_, second) = walk.zone.reading(walk.zone.wall(slot)) {
            return (walk.zone.offset_at(slot) == second).then_some(SlotNote::Second);
        }
        let change = walk.zone.last_change(slot)?;
        let shifted = change.at == slot && walk.shifts(change) && !self.is_due_at(change.reads());
        shifted.then_some(SlotNote::Shifted)
    }

    /// Whether the frequency has this time, by the clock.
    fn is_due_at(&self, wall: DateTime<Utc>) -> bool {
        next_from(self.frequency, wall) == Some(wall)
    }

    /// Returns how slots are found by the clock, or `None` if the clock does not matter.
    fn walk(&self) -> Option<Walk<'a>> {
        if self.clock.is_utc() || !self.goes_by_clock() {
            return None;
        }
        let (gap, fold) = match self.frequency {
            // Due whenever the clock shows such a minute: not in a gap, and twice in a fold.
            Frequency::Cron(cron) if cron.is_due_every_hour() => (Gap::Skip, Fold::Both),
            _ => (self.clock.gap(), self.clock.fold()),
        };
        Some(Walk { frequency: self.frequency, zone: self.clock.zone(), gap, fold })
    }
}

impl fmt::Display for Schedule<'_> {
    /// Writes the schedule for people: `daily at 02:00`, `daily at 02:00, Europe/Berlin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.frequency.fmt(f)?;
        if self.clock.is_utc() { Ok(()) } else { write!(f, ", {}", self.clock) }
    }
}

/// The search for slots over the stretches between two changes of the offset. `wall` is always a time of the clock
/// as if it were UTC.
struct Walk<'a> {
    frequency: &'a Frequency,
    zone: &'a Zone,
    gap: Gap,
    fold: Fold,
}

const NANOSECOND: TimeDelta = TimeDelta::nanoseconds(1);

/// 1 January of year 1, 00:00 UTC.
const FIRST: DateTime<Utc> = whole_second(-62_135_596_800);

/// 30 December 9999, 22:00 UTC: in every zone, the clock shows a year of four digits until then.
const LAST: DateTime<Utc> = whole_second(253_402_207_200);

const fn whole_second(since_1970: i64) -> DateTime<Utc> {
    match DateTime::from_timestamp(since_1970, 0) {
        Some(instant) => instant,
        None => DateTime::UNIX_EPOCH,
    }
}

impl Walk<'_> {
    fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut from = after.max(FIRST - NANOSECOND);
        if from >= LAST {
            return None;
        }
        let mut offset = self.zone.offset_at(from);
        let mut wall = self.frequency.next_after(from + offset);
        loop {
            let change = self.zone.next_change(from, offset);
            while let Some(shown) = wall {
                let slot = shown - offset;
                if change.is_some_and(|change| change.at <= slot) {
                    break;
                }
                if slot > LAST {
                    return None;
                }
                if self.keeps(shown, slot) {
                    return Some(slot);
                }
                wall = self.frequency.next_after(shown);
            }
            let change = change?;
            // Times before this one are over or, in a gap, left out.
            let reads = change.reads();
            let lags = wall.is_some_and(|wall| wall < reads);
            if lags && change.is_gap() && self.gap == Gap::Shift {
                return Some(change.at);
            }
            if lags || !change.is_gap() {
                wall = next_from(self.frequency, reads);
            }
            (from, offset) = (change.at, change.after);
        }
    }

    fn last_before(&self, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let before = before.min(LAST + NANOSECOND);
        if before <= FIRST {
            return None;
        }
        let mut until = before - NANOSECOND;
        let mut offset = self.zone.offset_at(until);
        let mut wall = self.frequency.last_before(before + offset);
        loop {
            let change = self.zone.last_change(until);
            while let Some(shown) = wall {
                let slot = shown - offset;
                if change.is_some_and(|change| slot < change.at) {
                    break;
                }
                if slot < FIRST {
                    return None;
                }
                if self.keeps(shown, slot) {
                    return Some(slot);
                }
                wall = self.frequency.last_before(shown);
            }
            let change = change?;
            if self.shifts(change) {
                return Some(change.at);
            }
            wall = self.frequency.last_before(change.would_read());
            (until, offset) = (change.at - NANOSECOND, change.before);
        }
    }

    /// Whether a time of the frequency, shown at `slot`, is a slot.
    fn keeps(&self, shown: DateTime<Utc>, slot: DateTime<Utc>) -> bool {
        if self.fold == Fold::Both {
            return true;
        }
        match self.zone.reading(shown.naive_utc()) {
            Reading::Twice(first, _) => (slot == shown - first) == (self.fold == Fold::First),
            Reading::Once(_) | Reading::Never(..) => true,
        }
    }

    /// Whether times of the frequency lie in a gap, and count as its end.
    fn shifts(&self, change: Change) -> bool {
        let lies_in_it = |wall: DateTime<Utc>| wall < change.reads();
        self.gap == Gap::Shift
            && change.is_gap()
            && next_from(self.frequency, change.would_read()).is_some_and(lies_in_it)
    }
}

/// Returns the first time of the frequency at or after `wall`.
fn next_from(frequency: &Frequency, wall: DateTime<Utc>) -> Option<DateTime<Utc>> {
    frequency.next_after(wall - NANOSECOND)
}
