//! Rule W3b: how long a job waits for a source that is not complete.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

use super::{bounded, duration_text, parse_duration};
use crate::domain::violation::{Code, RuleViolation, quoted};

/// What a job does while its source is not complete up to the end of a window (rule W3b).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Incomplete {
    /// It waits.
    #[default]
    Wait,
    /// It goes on after a while, and the execution ends as finished with errors.
    GoOn {
        /// How long it waits first.
        after: Patience,
    },
}

/// How long a job waits for its source before it goes on, in whole seconds from zero to a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Patience(TimeDelta);

impl Patience {
    /// The longest wait.
    pub const MAX: TimeDelta = TimeDelta::days(365);

    /// Creates a wait of whole seconds.
    ///
    /// # Errors
    /// [`Code::InvalidPolicy`] if the wait is below zero, above a year, or not in whole seconds.
    pub fn new(wait: TimeDelta) -> Result<Self, RuleViolation> {
        bounded(wait, Self::MAX, "wait for a source").map(Self)
    }

    /// Returns the wait.
    pub fn duration(self) -> TimeDelta {
        self.0
    }
}

impl Incomplete {
    /// Whether an execution that has waited since `since` goes on at `now`.
    pub fn goes_on(self, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        match self {
            Self::Wait => false,
            Self::GoOn { after } => now.signed_duration_since(since) >= after.0,
        }
    }
}

impl fmt::Display for Incomplete {
    /// Writes the form that people type: `wait`, `go-on:6h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait => f.write_str("wait"),
            Self::GoOn { after } => write!(f, "go-on:{}", duration_text(after.0)),
        }
    }
}

impl FromStr for Incomplete {
    type Err = RuleViolation;

    /// Reads the form that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "wait" {
            return Ok(Self::Wait);
        }
        match text.strip_prefix("go-on:").and_then(parse_duration) {
            Some(after) => Ok(Self::GoOn { after: Patience::new(after)? }),
            None => Err(RuleViolation::new(
                Code::InvalidPolicy,
                format!(
                    "{} is not a policy for incomplete sources: write wait, or go-on: and a duration, \
                     like go-on:6h",
                    quoted(text)
                ),
            )),
        }
    }
}
