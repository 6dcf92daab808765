//! Rule F2: every N hours.

use std::fmt;

use chrono::{DateTime, Days, NaiveDate, Timelike, Utc};

use crate::domain::violation::{Code, RuleViolation};

/// A frequency of every N hours at a minute, counted from 00:00 UTC of each day. N = 5 runs at 00, 05, 10,
/// 15, 20 and 00 again: if N does not divide 24, the last step of a day is shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hourly {
    every: u32,
    minute: u32,
}

impl Hourly {
    /// Creates a frequency of every `every` hours, 1–23, at minute `minute`, 0–59.
    ///
    /// # Errors
    /// [`Code::InvalidFrequency`] if either is outside these bounds.
    pub fn new(every: u32, minute: u32) -> Result<Self, RuleViolation> {
        let refuse = |why: String| Err(RuleViolation::new(Code::InvalidFrequency, why));
        match (every, minute) {
            (1..=23, 0..=59) => Ok(Self { every, minute }),
            (24.., 0..=59) => {
                refuse(format!("every {every} hours is not possible: use 1 to 23, or run it daily"))
            }
            (0, 0..=59) => refuse("every 0 hours is not possible: use 1 to 23".to_owned()),
            (_, 60..) => refuse(format!("minute {minute} is not possible: use 0 to 59")),
        }
    }

    /// Returns the hours between slots, 1–23.
    pub fn every(self) -> u32 {
        self.every
    }

    /// Returns the minute, 0–59.
    pub fn minute(self) -> u32 {
        self.minute
    }

    pub(super) fn next_after(self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = after.date_naive();
        let passed = after.num_seconds_from_midnight();
        // Slots lie on whole minutes, so the fraction of a second in `after` does not matter.
        let step = match passed.checked_sub(self.minute * 60) {
            None => 0,
            Some(since_first) => since_first / (self.every * 3_600) + 1,
        };
        if step <= self.last_step() {
            return self.slot(today, step);
        }
        self.slot(today.checked_add_days(Days::new(1))?, 0)
    }

    pub(super) fn last_before(self, before: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let today = before.date_naive();
        let part_of_a_second = u32::from(before.nanosecond() > 0);
        let passed = before.num_seconds_from_midnight() + part_of_a_second;
        // Slots lie on whole minutes: those before `before` are at or before the last whole second before it.
        // Hence round a fraction up and subtract a second.
        match passed.checked_sub(self.minute * 60 + 1) {
            Some(since_first) => self.slot(today, since_first / (self.every * 3_600)),
            None => self.slot(today.checked_sub_days(Days::new(1))?, self.last_step()),
        }
    }

    /// Returns the last step of a day. Steps are counted from 0.
    fn last_step(self) -> u32 {
        23 / self.every
    }

    fn slot(self, date: NaiveDate, step: u32) -> Option<DateTime<Utc>> {
        date.and_hms_opt(step * self.every, self.minute, 0).map(|slot| slot.and_utc())
    }
}

impl fmt::Display for Hourly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.every {
            1 => write!(f, "hourly at :{:02}", self.minute),
            every => write!(f, "every {every} hours at :{:02}", self.minute),
        }
    }
}
