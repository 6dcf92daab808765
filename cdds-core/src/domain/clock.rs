//! Whether the clock can be trusted before expired files are removed for good (rules A7, T2).

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::execution::ahead::AHEAD_MIN;

/// How long the record may have been silent before [`AHEAD_MIN`] ago and still count as leading up to the
/// present.
const SILENCE_MAX: TimeDelta = TimeDelta::days(7);

/// Other evidence of the present time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Witnesses {
    /// The latest instant up to which a job lies ahead of the clock
    /// ([`lies_ahead`](crate::domain::execution::ahead::lies_ahead)).
    pub record_ahead: Option<DateTime<Utc>>,
    /// The newest instant on the record that is older than the clock by [`AHEAD_MIN`] or more.
    pub record_before: Option<DateTime<Utc>>,
    /// The time of the store's own clock, if it has one.
    pub store_clock: Option<DateTime<Utc>>,
    /// When the store was last written to, by its own timestamps, if it keeps any.
    pub store_newest: Option<DateTime<Utc>>,
}

/// The verdict on the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockVerdict {
    /// Record and store do not both disagree with the clock.
    Trusted,
    /// The clock is ahead: record and store are both behind it. Holds the time of the store.
    Ahead(DateTime<Utc>),
    /// The clock is behind, or was ahead earlier: record and store are both ahead of it, at least up to this
    /// instant.
    Behind(DateTime<Utc>),
}

impl ClockVerdict {
    /// Judges `now` (rule T2). The clock is in doubt only if the record *and* the store disagree with it by
    /// more than a day. A long silence of the record alone does not count, since the machine may have been
    /// switched off. A local folder cannot show that this clock is ahead, since its timestamps come from the
    /// same clock.
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

    /// Whether sets that have expired by this clock are kept for now, until the record or the store agrees
    /// with it again.
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
            // The clock is behind, or was ahead.
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
            // The clock is ahead, which a local folder cannot show.
            (Witnesses { record_before: day(-300), store_newest: day(-300), ..nobody }, Trusted),
            (
                Witnesses { record_before: day(-300), store_clock: day(-300), ..nobody },
                Ahead(day(-300).unwrap()),
            ),
            (Witnesses { record_before: day(-300), store_clock: day(0), ..nobody }, Trusted),
            // A record that leads up to now confirms the clock, whatever time the store's clock shows.
            (Witnesses { record_before: day(-2), store_clock: day(-300), ..nobody }, Trusted),
        ] {
            let found = ClockVerdict::of(now, &witnesses);
            assert_eq!(found, verdict, "{witnesses:?}");
            assert_eq!(found.expiry_waits(), verdict != Trusted);
        }
    }
}
