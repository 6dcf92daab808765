//! Rule F3: times of day.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, Timelike, Utc};

use crate::domain::violation::{Code, RuleViolation, quoted};

/// A time of day in whole minutes, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(NaiveTime);

impl TimeOfDay {
    /// Creates a time of day from `hour`, 0–23, and `minute`, 0–59.
    ///
    /// # Errors
    /// [`Code::InvalidTimeOfDay`] if either is outside these bounds.
    pub fn new(hour: u32, minute: u32) -> Result<Self, RuleViolation> {
        NaiveTime::from_hms_opt(hour, minute, 0).map(Self).ok_or_else(|| {
            RuleViolation::new(
                Code::InvalidTimeOfDay,
                format!("{hour:02}:{minute:02} is not a time of day: use 00:00 to 23:59, UTC"),
            )
        })
    }

    /// Returns the hour, 0–23.
    pub fn hour(self) -> u32 {
        self.0.hour()
    }

    /// Returns the minute, 0–59.
    pub fn minute(self) -> u32 {
        self.0.minute()
    }

    /// Returns this time on `date`.
    pub(super) fn on(self, date: NaiveDate) -> DateTime<Utc> {
        date.and_time(self.0).and_utc()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour(), self.minute())
    }
}

impl FromStr for TimeOfDay {
    type Err = RuleViolation;

    /// Reads `HH:MM`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || {
            RuleViolation::new(
                Code::InvalidTimeOfDay,
                format!("{} is not a time of day: write HH:MM, 00:00 to 23:59, UTC", quoted(text)),
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

    #[test]
    fn f3_times_of_day_are_checked() {
        for bad in ["24:00", "12:60", "1200", "12:5", "-1:00", "12:00:00", "ab:cd", "+2:00", ""] {
            assert_eq!(bad.parse::<TimeOfDay>().unwrap_err().code(), Code::InvalidTimeOfDay, "{bad:?}");
        }
        assert_eq!("2:05".parse::<TimeOfDay>().unwrap().to_string(), "02:05");
    }
}
