//! Derives the character of a world from its seed. Worlds differ in what they have much of: some bugs show
//! only with a lot of one thing, and a world with a little of everything would hide them.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::dice::Dice;
use super::faults::Care;
use super::laws::Law;
use super::time::{HOUR, Micros, SECOND, micros_delta};
use crate::domain::archive::retention::RetentionDays;
use crate::domain::archive::split_size::SplitSize;
use crate::domain::keeping::RecordRetention;
use crate::engine::EngineSettings;

/// The clocks of engines and people deviate by up to this many seconds, either way. That changes nothing:
/// every decision goes by the catalog's clock, which shows the true time.
const SKEW_MAX_SECONDS: u64 = 600;

/// The character of a world.
#[derive(Debug, Clone)]
pub(super) struct Profile {
    pub(super) began_at: DateTime<Utc>,
    /// The number of concurrent engines, and that of people.
    pub(super) engines: usize,
    pub(super) people: usize,
    /// The maximum deviation of a clock. Each life of an engine or a person has a clock of its own.
    pub(super) skew_max: TimeDelta,
    pub(super) engine: EngineSettings,
    /// The maximum time until a row becomes visible.
    pub(super) lag: Micros,
    pub(super) granularity: Micros,
    /// Bytes of padding per row, so that sets have several parts.
    pub(super) padding: usize,
    /// The mean time between two rows.
    pub(super) row_distance: Micros,
    /// The percentage of records that are changed, and of changed records that are changed again.
    pub(super) changing: u64,
    /// The time that an engine needs for each entry that a round reads or records.
    pub(super) labour: Micros,
    /// The maximum time that the source needs for a batch.
    pub(super) pace: Micros,
    pub(super) jobs: u64,
    /// The mean time between two commands of a person.
    pub(super) command_distance: Micros,
    pub(super) rates: Rates,
    /// How many executions may read the source at the same time (rule E2).
    pub(super) source_limit: Option<NonZeroU32>,
    /// Whether the source knows until when it is complete (rule W3b).
    pub(super) knows_completeness: bool,
    /// Whether each record is of one owner. Otherwise all owners share them (rule J16).
    pub(super) per_owner: bool,
    /// Whether the sources have two data types (rule J17). Otherwise all records are of the first one.
    pub(super) two_types: bool,
    /// The percentage of records that become visible hours later than the source declares. It knows of them.
    pub(super) straggling: u64,
    /// How long rows of the record are kept, and how long after their files are gone (rule E14). `None` for
    /// longer than any world.
    pub(super) record: Option<(TimeDelta, TimeDelta)>,
    /// Whether most jobs go by the clock of a zone (rule F9).
    pub(super) zoned: bool,
    /// The law by which clocks go from some day on. `None` if it stays.
    pub(super) law: Option<Law>,
}

/// The frequency of faults, per million calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Rates {
    /// At calls that change something or return data that matters.
    pub(super) busy: u64,
    /// At calls with which an engine looks for work.
    pub(super) idle: u64,
    /// The shares of errors, lost replies, delays, crashes and pauses, in percent of all faults. The rest are
    /// yields, some of which turn into panics, hangs or changes of the data that is read.
    pub(super) errors: u64,
    pub(super) lost: u64,
    pub(super) delays: u64,
    pub(super) crashes: u64,
    pub(super) pauses: u64,
    /// The percentage of delays that are long, up to two minutes.
    pub(super) long_delays: u64,
    /// Outages, per thousand faults before a call: the port returns only errors for a while.
    pub(super) outages: u64,
    /// Calls that let others go first, per million. Nothing goes wrong, but the actions of others come in
    /// between.
    pub(super) yields: u64,
    /// Calls that take some milliseconds, per million.
    pub(super) latencies: u64,
}

impl Profile {
    pub(super) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 1);
        let dice = &mut dice;
        // An instant in the days before the end of a month, at any time of day.
        let day = 1_772_000_000_u64 + dice.below(40) * 86_400 + dice.below(86_400);
        let began_at = DateTime::UNIX_EPOCH + micros_delta(day * SECOND);
        let skew_bound = if dice.coin() { dice.below(SKEW_MAX_SECONDS + 1) } else { 0 };
        let large = dice.below(8) == 0;
        let concurrency = usize::try_from(dice.between(1, 3)).ok().and_then(NonZeroUsize::new);
        let retention = u16::try_from(dice.between(1, 4)).unwrap_or(1);
        let people = dice.index(3) + 1;
        let profile = Self {
            began_at,
            engines: dice.index(4) + 1,
            people,
            skew_max: micros_delta(skew_bound * SECOND),
            engine: EngineSettings {
                concurrency: concurrency.unwrap_or(NonZeroUsize::MIN),
                grace: Duration::from_secs(dice.below(20)),
                stall: Duration::from_secs(dice.between(5, 20) * 60),
                retention: RetentionDays::new(retention).unwrap_or_default(),
                catch_up_limit: TimeDelta::hours(if dice.below(4) == 0 { 12 } else { 168 }),
                ..EngineSettings::default()
            },
            lag: dice.pick(&[SECOND, 5 * SECOND, 60 * SECOND]).unwrap_or(SECOND),
            granularity: dice.pick(&[1, 1_000, SECOND, 60 * SECOND]).unwrap_or(SECOND),
            padding: if large { 3_000 } else { 0 },
            row_distance: if large { 20 * 60 * SECOND } else { dice.between(8, 60) * 60 * SECOND },
            pace: dice.pick(&[0, 0, 2 * SECOND, 15 * SECOND]).unwrap_or(0),
            labour: dice.pick(&[0, 0, SECOND, 65 * SECOND]).unwrap_or(0),
            jobs: dice.between(2, 4),
            command_distance: dice.between(30, 240) * 60 * SECOND * people as u64,
            rates: Rates::of(dice),
            // Thrown last, so that the other properties of existing seeds stay the same.
            changing: dice.pick(&[0, 0, 10, 50]).unwrap_or(0),
            source_limit: dice.pick(&[0, 0, 0, 1, 2]).and_then(NonZeroU32::new),
            knows_completeness: false,
            straggling: 0,
            per_owner: false,
            two_types: false,
            record: None,
            zoned: false,
            law: None,
        };
        let knows_completeness = dice.coin();
        let straggling = dice.pick(&[0, 2, 10]).filter(|_| knows_completeness).unwrap_or(0);
        let per_owner = dice.coin();
        let record = dice.pick(&[None, Some(30), Some(60)]).flatten();
        let record = record.map(|hours| (TimeDelta::hours(hours), TimeDelta::hours(6)));
        let two_types = dice.coin();
        let mut engine = profile.engine.clone();
        if let Some((kept, tombstones)) = record {
            engine.record_retention = RecordRetention::short(kept, tombstones);
        }
        Self { knows_completeness, straggling, per_owner, two_types, record, engine, ..profile }
    }

    /// Returns the same world a day or two before some clock is put forward or back.
    pub(super) fn zoned(self, seed: u64) -> Self {
        // 27 March, 3 April, 2, 23 and 30 October 2026, each at 00:00 UTC.
        const DAYS: [u64; 5] = [1_774_569_600, 1_775_174_400, 1_790_899_200, 1_792_713_600, 1_793_318_400];
        let mut dice = Dice::new(seed, 78);
        let second = dice.pick(&DAYS).unwrap_or(DAYS[0]) + dice.below(24 * 3_600);
        let law = if dice.coin() { Law::of(&mut dice).ok() } else { None };
        Self { began_at: DateTime::UNIX_EPOCH + micros_delta(second * SECOND), zoned: true, law, ..self }
    }

    /// Returns a world in which people ask, at least two of whom answer: the record is kept for longer than it lasts.
    pub(super) fn asking(self) -> Self {
        let engine = EngineSettings { record_retention: RecordRetention::default(), ..self.engine };
        Self { people: self.people.max(2), record: None, engine, ..self }
    }

    /// Draws the deviation of the clock of a new life.
    pub(super) fn skew(&self, dice: &mut Dice) -> TimeDelta {
        let bound = self.skew_max.num_microseconds().and_then(|bound| u64::try_from(bound).ok()).unwrap_or(0);
        let size = micros_delta(dice.below(bound + 1));
        if dice.coin() { size } else { -size }
    }

    /// The settle lag that the source declares (rule W4): rows are late by up to `lag`.
    pub(super) fn settle_lag(&self) -> TimeDelta {
        micros_delta(self.lag)
    }

    /// The size at which archives are split, if they are.
    pub(super) fn split_size(&self) -> Option<SplitSize> {
        if self.padding > 0 { SplitSize::from_bytes(SplitSize::BYTES_MIN).ok() } else { None }
    }

    /// Draws the longest time for which idle engines may sleep.
    pub(super) fn nap(dice: &mut Dice) -> Micros {
        dice.between(HOUR / 2, 4 * HOUR)
    }
}

impl Rates {
    fn of(dice: &mut Dice) -> Self {
        let busy = dice.pick(&[0, 2_000, 10_000, 30_000, 60_000]).unwrap_or(0);
        let mut share = |most: u64| if dice.coin() { dice.below(most) } else { 0 };
        Self {
            busy,
            idle: busy / 20,
            errors: share(35),
            lost: share(25),
            delays: share(20),
            crashes: share(10),
            pauses: share(10),
            long_delays: share(30),
            outages: share(60),
            yields: dice.pick(&[0, 50_000, 200_000, 500_000]).unwrap_or(0),
            latencies: dice.pick(&[0, 0, 20_000, 100_000]).unwrap_or(0),
        }
    }

    /// Returns the rates for calls of this kind. Idle calls yield less often, since most of them achieve
    /// nothing.
    pub(super) fn of_care(&self, care: Care) -> Self {
        match care {
            Care::Busy => *self,
            Care::Idle => {
                Self { busy: self.idle, yields: self.yields / 20, latencies: self.latencies / 20, ..*self }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worlds_are_within_what_the_rules_allow() {
        for seed in 0..500 {
            let profile = Profile::of(seed);
            assert!((1..=4).contains(&profile.engines) && (1..=3).contains(&profile.people));
            let mut dice = Dice::new(seed, 9);
            let skews: Vec<_> = (0..20).map(|_| profile.skew(&mut dice)).collect();
            assert!(skews.iter().all(|skew| skew.abs() <= profile.skew_max));
            let rates = profile.rates;
            assert!(rates.errors + rates.lost + rates.delays + rates.crashes + rates.pauses <= 100);
        }
        assert!((0..50).any(|seed| Profile::of(seed).padding > 0));
        let apart = |seed: &u64| Profile::of(*seed).skew_max > TimeDelta::minutes(5);
        assert!((0..100).filter(apart).count() > 10, "in many worlds, clocks differ by minutes");
        assert!((0..50).any(|seed| Profile::of(seed).rates.busy == 0), "some worlds have no faults");
    }
}
