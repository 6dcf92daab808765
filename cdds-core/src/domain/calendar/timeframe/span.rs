//! Lengths of time by the calendar.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, Months, NaiveTime, TimeDelta, Timelike, Utc};

use crate::domain::violation::{Code, RuleViolation, quoted};

/// A number of hours, days, weeks or months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// How many, from 1.
    pub count: NonZeroU32,
    /// Of which length.
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
    /// To the same day of an earlier month, or its last one.
    Month,
}

impl Span {
    /// This long before `instant`, months clamped to their last day; the beginning of the calendar where it
    /// would be left.
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
    /// Every unit there is, shortest first.
    pub const ALL: &'static [Self] = &[Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The beginning of the whole unit that `instant` is in: of its hour, its day, its week from Monday, its
    /// month; the beginning of the calendar where it would be left.
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

    /// How many of them a timeframe reaches back at most: a hundred years.
    pub const fn count_max(self) -> u32 {
        match self {
            Self::Hour => 876_600,
            Self::Day => 36_525,
            Self::Week => 5_217,
            Self::Month => 1_200,
        }
    }

    /// The short form people type: `h`, `d`, `w`, `mo`.
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
    /// The form people type: `1w`, `4h`, `1mo`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit.suffix())
    }
}

impl FromStr for Span {
    type Err = RuleViolation;

    /// Reads what [`Display`](fmt::Display) writes.
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
