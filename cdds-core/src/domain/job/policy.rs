//! Rules E3–E6, E10, W3b: how a job handles overlap, downtime, failures, bad records and incomplete sources.

mod incomplete;

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use chrono::TimeDelta;

use crate::domain::calendar::timeframe::Timeframe;
use crate::domain::execution::retry::RetryPolicy;
use crate::domain::violation::{Code, RuleViolation, quoted};
use crate::setters::setters;

pub use self::incomplete::{Incomplete, Patience};

/// A job's own policies. Those left out follow the engine's settings or the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Policies {
    /// What to do if the job is due again while an earlier occurrence waits or runs (rule E3). `None` for the
    /// default of the timeframe, [`Overlap::of`].
    pub overlap: Option<Overlap>,
    /// What to do about occurrences that were missed while no engine ran (rule E4).
    pub catch_up: CatchUp,
    /// How often a failed attempt is repeated (rule E5). `None` for the engine's own number.
    pub retries: Option<Retries>,
    /// The longest delay of a start (rule E6). `None` for no delay.
    pub jitter: Option<Jitter>,
    /// How many failed executions in a row suspend the job (rule E5). `None` for never.
    pub pause_after_failures: Option<NonZeroU32>,
    /// How unreadable records are handled (rule E10).
    pub bad_records: BadRecords,
    /// What to do while the source is not complete up to the end of a window (rule W3b).
    pub incomplete: Incomplete,
}

setters! {
    Policies {
        with_overlap => overlap: option Overlap;
        with_catch_up => catch_up: value CatchUp;
        with_retries => retries: option Retries;
        with_jitter => jitter: option Jitter;
        with_pause_after_failures => pause_after_failures: option NonZeroU32;
        with_bad_records => bad_records: value BadRecords;
        with_incomplete => incomplete: value Incomplete;
    }
}

/// The treatment of occurrences that become due while others wait or run (rule E3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// Each of them is run.
    Queue,
    /// The latest covers the others, which are skipped on the record.
    Coalesce,
}

impl Overlap {
    /// Every policy.
    pub const ALL: [Self; 2] = [Self::Queue, Self::Coalesce];

    /// Returns the default of a timeframe. Rolling and previous windows differ from slot to slot and are all
    /// run, since skipping one would lose data. For other timeframes the latest window covers the earlier
    /// ones.
    pub fn of(timeframe: &Timeframe) -> Self {
        match timeframe {
            Timeframe::Rolling(_) | Timeframe::Previous(_) => Self::Queue,
            Timeframe::All | Timeframe::Fixed(_) | Timeframe::SinceLastExport { .. } => Self::Coalesce,
        }
    }

    /// Returns the policy as it is typed, stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Coalesce => "coalesce",
        }
    }
}

impl FromStr for Overlap {
    type Err = RuleViolation;

    /// Reads `queue` or `coalesce`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
            RuleViolation::new(
                Code::InvalidPolicy,
                format!("{} is not an overlap policy: write queue or coalesce", quoted(text)),
            )
        })
    }
}

/// The treatment of occurrences that were missed while no engine ran (rule E4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CatchUp {
    /// Whether each of them is run, or the newest covers them. `None` for the default of the timeframe,
    /// [`Overlap::of`].
    pub missed: Option<Overlap>,
    /// How far back they are run. `None` for the engine's own limit. The newest is run in any case.
    pub limit: Option<CatchUpLimit>,
}

/// How far back missed occurrences are run, in whole seconds from zero to ten years (rule E4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CatchUpLimit(TimeDelta);

impl CatchUpLimit {
    /// The longest limit.
    pub const MAX: TimeDelta = TimeDelta::days(3_650);

    /// Creates a limit of whole seconds.
    ///
    /// # Errors
    /// [`Code::InvalidPolicy`] if the limit is below zero, above ten years, or not in whole seconds.
    pub fn new(limit: TimeDelta) -> Result<Self, RuleViolation> {
        bounded(limit, Self::MAX, "catch-up limit").map(Self)
    }

    /// Returns the limit.
    pub fn duration(self) -> TimeDelta {
        self.0
    }
}

impl fmt::Display for CatchUp {
    /// Writes the form that people type: `queue`, `7d` or `coalesce:36h`; `default` if neither part is set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.missed, self.limit) {
            (None, None) => f.write_str("default"),
            (Some(missed), None) => f.write_str(missed.as_str()),
            (None, Some(limit)) => f.write_str(&duration_text(limit.0)),
            (Some(missed), Some(limit)) => write!(f, "{}:{}", missed.as_str(), duration_text(limit.0)),
        }
    }
}

impl FromStr for CatchUp {
    type Err = RuleViolation;

    /// Reads the form that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "default" {
            return Ok(Self::default());
        }
        if let Ok(missed) = text.parse() {
            return Ok(Self { missed: Some(missed), limit: None });
        }
        let (missed, limit) = match text.split_once(':') {
            Some((missed, limit)) => (Some(missed.parse()?), limit),
            None => (None, text),
        };
        let limit = parse_duration(limit).ok_or_else(|| {
            RuleViolation::new(
                Code::InvalidPolicy,
                format!(
                    "{} is not a catch-up policy: write queue, coalesce, a limit like 7d, or both: queue:7d",
                    quoted(text)
                ),
            )
        })?;
        Ok(Self { missed, limit: Some(CatchUpLimit::new(limit)?) })
    }
}

/// How often a failed attempt is repeated, 0 to 100 (rule E5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Retries(u32);

impl Retries {
    /// The most retries.
    pub const MAX: u32 = 100;

    /// Creates a number of retries.
    ///
    /// # Errors
    /// [`Code::InvalidPolicy`] if it is above 100.
    pub fn new(retries: u32) -> Result<Self, RuleViolation> {
        if retries <= Self::MAX {
            return Ok(Self(retries));
        }
        Err(RuleViolation::new(
            Code::InvalidPolicy,
            format!("{retries} retries are too many: use 0 to {}", Self::MAX),
        ))
    }

    /// Returns the number.
    pub fn count(self) -> u32 {
        self.0
    }
}

/// The longest delay of a start, in whole seconds up to an hour (rule E6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Jitter(TimeDelta);

impl Jitter {
    /// The longest jitter. A run that lasts until no work is left waits for delayed starts, too.
    pub const MAX: TimeDelta = TimeDelta::hours(1);

    /// Creates a jitter of whole seconds.
    ///
    /// # Errors
    /// [`Code::InvalidPolicy`] if it is below zero, above an hour, or not in whole seconds.
    pub fn new(longest: TimeDelta) -> Result<Self, RuleViolation> {
        bounded(longest, Self::MAX, "jitter").map(Self)
    }

    /// Returns the longest delay.
    pub fn longest(self) -> TimeDelta {
        self.0
    }
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&duration_text(self.0))
    }
}

impl FromStr for Jitter {
    type Err = RuleViolation;

    /// Reads a number followed by `s`, `m`, `h` or `d`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let longest = parse_duration(text).ok_or_else(|| {
            RuleViolation::new(
                Code::InvalidPolicy,
                format!("{} is not a jitter: write a duration like 10m", quoted(text)),
            )
        })?;
        Self::new(longest)
    }
}

/// How unreadable records are handled (rule E10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BadRecords {
    /// The execution fails.
    #[default]
    Fail,
    /// The record is written to `errors.jsonl` inside the archive, and the execution ends as finished with
    /// errors. More than `max` such records fail the execution.
    Skip {
        /// The most bad records, 1 to [`SKIP_MAX`](Self::SKIP_MAX).
        max: NonZeroU32,
    },
}

impl BadRecords {
    /// The largest `max` of [`Skip`](Self::Skip).
    pub const SKIP_MAX: u32 = 100_000;
}

impl fmt::Display for BadRecords {
    /// Writes the form that people type: `fail`, `skip:100`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fail => f.write_str("fail"),
            Self::Skip { max } => write!(f, "skip:{max}"),
        }
    }
}

impl FromStr for BadRecords {
    type Err = RuleViolation;

    /// Reads the form that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "fail" {
            return Ok(Self::Fail);
        }
        let max = text.strip_prefix("skip:").and_then(|max| max.parse::<NonZeroU32>().ok());
        match max.filter(|max| max.get() <= Self::SKIP_MAX) {
            Some(max) => Ok(Self::Skip { max }),
            None => Err(RuleViolation::new(
                Code::InvalidPolicy,
                format!(
                    "{} is not a policy for bad records: write fail, or skip:MAX with 1 to {}",
                    quoted(text),
                    Self::SKIP_MAX
                ),
            )),
        }
    }
}

impl Policies {
    /// Returns the retry policy of this job, given the engine's own policy.
    pub fn retry(&self, engine: RetryPolicy) -> RetryPolicy {
        match self.retries {
            Some(retries) => RetryPolicy { attempts_max: retries.0 + 1, ..engine },
            None => engine,
        }
    }
}

fn bounded(duration: TimeDelta, max: TimeDelta, what: &str) -> Result<TimeDelta, RuleViolation> {
    let whole = TimeDelta::seconds(duration.num_seconds());
    if whole == duration && (TimeDelta::zero()..=max).contains(&duration) {
        return Ok(duration);
    }
    Err(RuleViolation::new(
        Code::InvalidPolicy,
        format!(
            "a {what} of {} is not possible: use whole seconds, 0s to {}",
            told(duration),
            duration_text(max)
        ),
    ))
}

/// Writes a duration as people type it. A fraction of a second, which people cannot type, is shown in decimal
/// seconds.
fn told(duration: TimeDelta) -> String {
    if duration.subsec_nanos() == 0 {
        return duration_text(duration);
    }
    format!("{}s", duration.as_seconds_f64())
}

const UNITS: [(&str, i64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// Writes whole seconds in their largest exact unit: `7d`, `36h`, `0s`. A fraction of a second is dropped.
pub fn duration_text(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds();
    let (unit, length) =
        UNITS.into_iter().find(|(_, length)| seconds != 0 && seconds % length == 0).unwrap_or(("s", 1));
    format!("{}{unit}", seconds / length)
}

/// Reads a number followed by `s`, `m`, `h` or `d`. Returns `None` for any other text and on overflow.
pub fn parse_duration(text: &str) -> Option<TimeDelta> {
    let (unit, length) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    let count = text.strip_suffix(unit)?;
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    TimeDelta::try_seconds(count.parse::<i64>().ok()?.checked_mul(length)?)
}

#[cfg(test)]
mod tests;
