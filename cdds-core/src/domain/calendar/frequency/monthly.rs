//! Rule F5: every month.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};

use super::TimeOfDay;
use crate::domain::violation::{Code, RuleViolation, quoted};

/// A frequency of one day in every month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Monthly {
    day: u32,
    at: TimeOfDay,
    missing: MissingDay,
}

/// How to treat a month that lacks the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MissingDay {
    /// The month has no slot.
    #[default]
    Skip,
    /// Its last day is used.
    Last,
}

/// A search looks at this month and the two that follow or precede it, because two successive months never
/// both lack a day. The third is needed when this month's slot lies on the wrong side of the instant.
const MONTHS_LOOKED_AT: u32 = 3;

impl Monthly {
    /// Creates a frequency for day `day` of the month, 1–31.
    ///
    /// # Errors
    /// [`Code::InvalidFrequency`] if the day is outside these bounds.
    pub fn new(day: u32, at: TimeOfDay, missing: MissingDay) -> Result<Self, RuleViolation> {
        if !(1..=31).contains(&day) {
            return Err(RuleViolation::new(
                Code::InvalidFrequency,
                format!("day {day} of the month is not possible: use 1 to 31"),
            ));
        }
        Ok(Self { day, at, missing })
    }

    /// Returns the day of the month, 1–31.
    pub fn day(self) -> u32 {
        self.day
    }

    /// Returns the time of day.
    pub fn at(self) -> TimeOfDay {
        self.at
    }

    /// Returns how a month without the day is treated.
    pub fn missing(self) -> MissingDay {
        self.missing
    }

    pub(super) fn next_after(self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let this_month = after.date_naive().with_day(1)?;
        (0..MONTHS_LOOKED_AT)
            .filter_map(|ahead| self.slot_in(this_month.checked_add_months(Months::new(ahead))?))
            .find(|slot| *slot > after)
    }

    pub(super) fn last_before(self, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let this_month = before.date_naive().with_day(1)?;
        (0..MONTHS_LOOKED_AT)
            .filter_map(|back| self.slot_in(this_month.checked_sub_months(Months::new(back))?))
            .find(|slot| *slot < before)
    }

    /// Returns the slot in the month that begins at `first`, or `None` if the month is skipped.
    fn slot_in(self, first: NaiveDate) -> Option<DateTime<Utc>> {
        let day = match self.missing {
            MissingDay::Skip => self.day,
            MissingDay::Last => self.day.min(u32::from(first.num_days_in_month())),
        };
        Some(self.at.on(first.with_day(day)?))
    }
}

impl fmt::Display for Monthly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "monthly on {} at {}", self.day, self.at)?;
        match self.missing {
            MissingDay::Skip => Ok(()),
            MissingDay::Last => f.write_str(" (last day if missing)"),
        }
    }
}

impl MissingDay {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Skip, Self::Last];

    /// Returns the choice as it is typed, stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Last => "last",
        }
    }
}

impl FromStr for MissingDay {
    type Err = RuleViolation;

    /// Reads `skip` or `last`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
            RuleViolation::new(
                Code::InvalidFrequency,
                format!(
                    "{} is not a policy for months without the day: write skip to leave such a month out, or \
                     last to use its last day",
                    quoted(text)
                ),
            )
        })
    }
}
