//! Section F: how often a job is due, all UTC.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveTime, SecondsFormat, SubsecRound, Utc};

use super::violation::{Code, RuleViolation};

/// When a job is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frequency {
    /// One time only (rule F1).
    Once(Start),
    /// Every day at this time (rule F3).
    Daily(TimeOfDay),
}

/// When a one-time job starts (rule F1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// As soon as it is submitted.
    Immediately,
    /// At an instant that was in the future when the job was saved.
    At(DateTime<Utc>),
}

impl Frequency {
    /// The first slot strictly after `after` (rule F7); computed from the frequency alone, so it never
    /// drifts. `None` when there is none: a one-time job whose start has passed or that starts when it
    /// is submitted, or the end of the calendar.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Once(Start::Immediately) => None,
            Self::Once(Start::At(start)) => (*start > after).then_some(*start),
            Self::Daily(time) => {
                let today = after.date_naive();
                let slot = today.and_time(time.0).and_utc();
                if slot > after {
                    return Some(slot);
                }
                Some(today.checked_add_days(Days::new(1))?.and_time(time.0).and_utc())
            }
        }
    }

    /// The same with its instants in whole microseconds, as slots are stored (rule W1).
    #[must_use]
    pub fn in_microseconds(self) -> Self {
        match self {
            Self::Once(Start::At(start)) => Self::Once(Start::At(start.trunc_subsecs(6))),
            other => other,
        }
    }

    /// Whether the job runs one time only.
    pub fn is_once(&self) -> bool {
        matches!(self, Self::Once(_))
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Once(Start::Immediately) => f.write_str("once"),
            Self::Once(Start::At(start)) => {
                write!(f, "once at {}", start.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
            Self::Daily(time) => write!(f, "daily at {time}"),
        }
    }
}

/// A time of day in whole minutes, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(NaiveTime);

impl TimeOfDay {
    /// `hour` 0–23, `minute` 0–59.
    ///
    /// # Errors
    /// [`Code::InvalidTimeOfDay`] outside these bounds.
    pub fn new(hour: u32, minute: u32) -> Result<Self, RuleViolation> {
        NaiveTime::from_hms_opt(hour, minute, 0).map(Self).ok_or_else(|| {
            RuleViolation::new(
                Code::InvalidTimeOfDay,
                format!("{hour:02}:{minute:02} is not a time of day: use 00:00 to 23:59, UTC"),
            )
        })
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%H:%M"))
    }
}

impl FromStr for TimeOfDay {
    type Err = RuleViolation;

    /// Reads `HH:MM`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || {
            RuleViolation::new(
                Code::InvalidTimeOfDay,
                format!("{text:?} is not a time of day: write HH:MM, 00:00 to 23:59, UTC"),
            )
        };
        let (hour, minute) = text.split_once(':').ok_or_else(invalid)?;
        let two_digits = |part: &str| part.len() <= 2 && part.bytes().all(|b| b.is_ascii_digit());
        if !two_digits(hour) || minute.len() != 2 || !two_digits(minute) {
            return Err(invalid());
        }
        match (hour.parse(), minute.parse()) {
            (Ok(hour), Ok(minute)) => Self::new(hour, minute),
            _ => Err(invalid()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn f1_a_dated_start_is_due_once() {
        let start = instant("2026-03-01T10:00:00Z");
        let once = Frequency::Once(Start::At(start));
        assert_eq!(once.next_after(instant("2026-03-01T09:59:59Z")), Some(start));
        assert_eq!(once.next_after(start), None);
        assert_eq!(Frequency::Once(Start::Immediately).next_after(start), None);
    }

    #[test]
    fn f3_daily_crosses_months_and_leap_days() {
        let daily = Frequency::Daily("02:30".parse().unwrap());
        for (after, next) in [
            ("2026-02-28T02:29:59Z", "2026-02-28T02:30:00Z"),
            ("2026-02-28T02:30:00Z", "2026-03-01T02:30:00Z"),
            ("2028-02-28T23:00:00Z", "2028-02-29T02:30:00Z"),
            ("2026-12-31T12:00:00Z", "2027-01-01T02:30:00Z"),
        ] {
            assert_eq!(daily.next_after(instant(after)), Some(instant(next)), "after {after}");
        }
    }

    #[test]
    fn f3_times_of_day_are_checked() {
        for bad in ["24:00", "12:60", "1200", "12:5", "-1:00", "12:00:00", "ab:cd", "+2:00", ""] {
            assert_eq!(bad.parse::<TimeOfDay>().unwrap_err().code(), Code::InvalidTimeOfDay, "{bad:?}");
        }
        assert_eq!("2:05".parse::<TimeOfDay>().unwrap().to_string(), "02:05");
    }

    proptest! {
        #[test]
        fn f7_next_is_strictly_after_within_a_day_and_at_the_time(
            seconds in 0_i64..4_102_444_800, hour in 0_u32..24, minute in 0_u32..60,
        ) {
            let after = DateTime::from_timestamp(seconds, 0).unwrap();
            let next = Frequency::Daily(TimeOfDay::new(hour, minute).unwrap()).next_after(after).unwrap();
            prop_assert!(next > after && next - after <= chrono::TimeDelta::days(1));
            prop_assert_eq!(next.format("%H:%M:%S").to_string(), format!("{hour:02}:{minute:02}:00"));
        }
    }

    #[test]
    fn f7_the_end_of_the_calendar_is_not_a_panic() {
        assert_eq!(Frequency::Daily("02:30".parse().unwrap()).next_after(DateTime::<Utc>::MAX_UTC), None);
    }
}
