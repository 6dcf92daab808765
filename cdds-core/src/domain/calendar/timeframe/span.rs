//! Lengths of time in calendar units.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};

use crate::domain::calendar::zone::Zone;
use crate::domain::violation::{Code, RuleViolation, quoted};

/// A number of hours, days, weeks or months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// How many units, at least 1.
    pub count: NonZeroU32,
    /// The unit.
    pub unit: Unit,
}

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// 60 minutes.
    Hour,
    /// A day of the job's zone: 24 hours in UTC, and now and then 23 or 25 elsewhere (rule F9).
    Day,
    /// Seven days.
    Week,
    /// A calendar month: from a day to the same day of an earlier month, or to that month's last day if it is
    /// shorter.
    Month,
}

impl Span {
    /// Returns the instant that lies this span before `instant`: hours as elapsed time, and longer units by the
    /// wall clock of the zone. A month that is too short for the day is clamped to its last day. A result before
    /// the beginning of the calendar is replaced by that beginning.
    pub(super) fn before(self, instant: DateTime<Utc>, zone: &Zone) -> DateTime<Utc> {
        let wall = zone.wall(instant);
        let day = match self.unit {
            Unit::Hour => {
                let earlier = instant.checked_sub_signed(TimeDelta::hours(i64::from(self.count.get())));
                return earlier.unwrap_or(DateTime::<Utc>::MIN_UTC);
            }
            Unit::Day | Unit::Week | Unit::Month => self.day_before(wall.date()),
        };
        day.map_or(DateTime::<Utc>::MIN_UTC, |day| zone.resolve(day.and_time(wall.time())))
    }

    /// Returns the day that lies this span before a day, or `None` before the beginning of the calendar. Hours
    /// count as none.
    fn day_before(self, day: NaiveDate) -> Option<NaiveDate> {
        let count = self.count.get();
        match self.unit {
            Unit::Hour => Some(day),
            Unit::Day => day.checked_sub_days(Days::new(u64::from(count))),
            Unit::Week => day.checked_sub_days(Days::new(7 * u64::from(count))),
            Unit::Month => day.checked_sub_months(Months::new(count)),
        }
    }

    /// Returns the last whole units before `instant`, and the end of the last of them. `tiles` says where the
    /// units begin in place of the count, given their end.
    pub(super) fn whole_before(
        self,
        instant: DateTime<Utc>,
        zone: &Zone,
        tiles: Option<impl FnOnce(DateTime<Utc>) -> DateTime<Utc>>,
    ) -> (DateTime<Utc>, DateTime<Utc>) {
        let end = self.unit.floor(instant, zone);
        let start = match tiles {
            Some(begin) => self.unit.floor(begin(end), zone),
            None if self.unit == Unit::Hour => self.before(end, zone),
            None => {
                let first =
                    self.unit.first_day(zone.day_of(instant)).and_then(|first| self.day_before(first));
                first.map_or(DateTime::<Utc>::MIN_UTC, |first| zone.start_of(first))
            }
        };
        (start, end)
    }
}

impl Unit {
    /// Every unit, shortest first.
    pub const ALL: &'static [Self] = &[Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Returns the beginning of the unit that contains `instant`: of its hour in UTC, or of the day, week (from
    /// Monday) or month of the zone. A result before the beginning of the calendar is replaced by that beginning.
    pub(super) fn floor(self, instant: DateTime<Utc>, zone: &Zone) -> DateTime<Utc> {
        if self == Self::Hour {
            let hour = NaiveTime::MIN.with_hour(instant.hour());
            let floor = hour.map(|hour| instant.date_naive().and_time(hour).and_utc());
            return floor.unwrap_or(DateTime::<Utc>::MIN_UTC);
        }
        self.first_day(zone.day_of(instant)).map_or(DateTime::<Utc>::MIN_UTC, |first| zone.start_of(first))
    }

    /// Returns the first day of the unit that contains a day, or `None` before the beginning of the calendar.
    fn first_day(self, day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Hour | Self::Day => Some(day),
            Self::Week => day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))),
            Self::Month => day.with_day(1),
        }
    }

    /// Returns the largest count that a timeframe may use: as many units as a hundred years have (rule W2).
    pub const fn count_max(self) -> u32 {
        match self {
            Self::Hour => 876_600,
            Self::Day => 36_525,
            Self::Week => 5_217,
            Self::Month => 1_200,
        }
    }

    /// Returns the short form that people type: `h`, `d`, `w` or `mo`.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Hour => "h",
            Self::Day => "d",
            Self::Week => "w",
            Self::Month => "mo",
        }
    }
}

impl fmt::Display for Span {
    /// Writes the form that people type: `1w`, `4h`, `1mo`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit.suffix())
    }
}

impl FromStr for Span {
    type Err = RuleViolation;

    /// Reads the form that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (count, suffix) = text.split_at(digits);
        let unit = Unit::ALL.iter().find(|unit| unit.suffix() == suffix);
        match (count.parse(), unit) {
            (Ok(count), Some(unit)) => Ok(Self { count, unit: *unit }),
            _ => Err(RuleViolation::new(
                Code::InvalidTimeframe,
                format!(
                    "{} is not a length of time: write a number from 1 and h, d, w or mo, like 1w",
                    quoted(text)
                ),
            )),
        }
    }
}
