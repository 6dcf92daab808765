//! Lengths of time in calendar units.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, Months, NaiveTime, TimeDelta, Timelike, Utc};

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
    /// 24 hours; UTC has no other days.
    Day,
    /// Seven days.
    Week,
    /// A calendar month: from a day to the same day of an earlier month, or to that month's last day if it is
    /// shorter.
    Month,
}

impl Span {
    /// Returns the instant that lies this span before `instant`. A month that is too short for the day is
    /// clamped to its last day. A result before the beginning of the calendar is replaced by that beginning.
    pub(super) fn before(self, instant: DateTime<Utc>) -> DateTime<Utc> {
        let count = self.count.get();
        match self.unit {
            Unit::Hour => instant.checked_sub_signed(TimeDelta::hours(i64::from(count))),
            Unit::Day => instant.checked_sub_days(Days::new(u64::from(count))),
            Unit::Week => instant.checked_sub_days(Days::new(7 * u64::from(count))),
            Unit::Month => instant.checked_sub_months(Months::new(count)),
        }
        .unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

impl Unit {
    /// Every unit, shortest first.
    pub const ALL: &'static [Self] = &[Self::Hour, Self::Day, Self::Week, Self::Month];

    /// Returns the beginning of the unit that contains `instant`: of its hour, day, week (from Monday) or
    /// month. A result before the beginning of the calendar is replaced by that beginning.
    pub(super) fn floor(self, instant: DateTime<Utc>) -> DateTime<Utc> {
        let (today, midnight) = (instant.date_naive(), NaiveTime::MIN);
        let time = if self == Self::Hour { midnight.with_hour(instant.hour()) } else { Some(midnight) };
        let first = match self {
            Self::Hour | Self::Day => Some(today),
            Self::Week => {
                today.checked_sub_days(Days::new(u64::from(today.weekday().num_days_from_monday())))
            }
            Self::Month => today.with_day(1),
        };
        first.zip(time).map_or(DateTime::<Utc>::MIN_UTC, |(first, time)| first.and_time(time).and_utc())
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
