//! Whether the clock can be believed when something is to be removed for good (rule A7).

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::execution::ahead::AHEAD_MIN;

/// A record that leads up to the present has something that is older than [`AHEAD_MIN`], but not by more than this.
const SILENCE_MAX: TimeDelta = TimeDelta::days(7);

/// What else tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Witnesses {
    /// The latest instant up to which a job lies ahead of the clock ([`lies_ahead`](crate::domain::execution::ahead::lies_ahead)).
    pub record_ahead: Option<DateTime<Utc>>,
    /// The newest instant on the record that is older than the clock by [`AHEAD_MIN`] or more.
    pub record_before: Option<DateTime<Utc>>,
    /// What the store's own clock shows, if it has one.
    pub store_clock: Option<DateTime<Utc>>,
    /// When the store was last written to, by its own stamps, if it keeps such.
    pub store_newest: Option<DateTime<Utc>>,
}

/// What is to be thought of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockVerdict {
    /// Nothing speaks against it, or not both.
    Trusted,
    /// Record and store are both behind it, the store at this instant: it is ahead.
    Ahead(DateTime<Utc>),
    /// Record and store are both ahead of it, up to this instant: it is behind, or was ahead before.
    Behind(DateTime<Utc>),
}

impl ClockVerdict {
    /// What to think of `now`. Only where the record *and* the store disagree with it by more than a day it is in
    /// doubt. A long silence alone is none: it cannot be told from a machine that was switched off, nor can a local
    /// folder, whose stamps come from the same clock, tell that this one is ahead.
    pub fn of(now: DateTime<Utc>, witnesses: &Witnesses) -> Self {
        let Some((earlier, later)) = now.checked_sub_signed(AHEAD_MIN).zip(now.checked_add_signed(AHEAD_MIN))
        else {
            return Self::Trusted;
        };
        let store_ahead = witnesses.store_clock.or(witnesses.store_newest).filter(|store| *store > later);
        if let (Some(record), Some(store)) = (witnesses.record_ahead, store_ahead) {
            return Self::Behind(record.min(store));
        }
        let leads_up = |before: DateTime<Utc>| earlier - before <= SILENCE_MAX;
        let is_silent = witnesses.record_before.is_some_and(|before| !leads_up(before));
        match witnesses.store_clock {
            Some(store) if store < earlier && is_silent => Self::Ahead(store),
            _ => Self::Trusted,
        }
    }

    /// Whether sets that have expired by the clock stay for now: until record or store agree with it again.
    pub fn expiry_waits(self) -> bool {
        self != Self::Trusted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: i64) -> Option<DateTime<Utc>> {
        Some(DateTime::from_timestamp(1_700_000_000 + days * 86_400, 0).unwrap())
    }

    #[test]
    fn t2_a_clock_is_in_doubt_only_where_record_and_store_both_disagree() {
        use ClockVerdict::{Ahead, Behind, Trusted};
        let nobody = Witnesses::default();
        let now = day(0).unwrap();
        for (witnesses, verdict) in [
            (nobody, Trusted),
            // It is behind, or was ahead.
            (Witnesses { record_ahead: day(300), ..nobody }, Trusted),
            (Witnesses { store_newest: day(300), ..nobody }, Trusted),
            (
                Witnesses { record_ahead: day(300), store_newest: day(200), ..nobody },
                Behind(day(200).unwrap()),
            ),
            (Witnesses { record_ahead: day(300), store_newest: day(0), ..nobody }, Trusted),
            (
                Witnesses { record_ahead: day(300), store_clock: day(0), store_newest: day(200), ..nobody },
                Trusted,
            ),
            // It is ahead, which a local folder cannot tell.
            (Witnesses { record_before: day(-300), store_newest: day(-300), ..nobody }, Trusted),
            (
                Witnesses { record_before: day(-300), store_clock: day(-300), ..nobody },
                Ahead(day(-300).unwrap()),
            ),
            (Witnesses { record_before: day(-300), store_clock: day(0), ..nobody }, Trusted),
            // A record that leads up to now speaks for it, whatever a store's clock shows.
            (Witnesses { record_before: day(-2), store_clock: day(-300), ..nobody }, Trusted),
        ] {
            let found = ClockVerdict::of(now, &witnesses);
            assert_eq!(found, verdict, "{witnesses:?}");
            assert_eq!(found.expiry_waits(), verdict != Trusted);
        }
    }
}
