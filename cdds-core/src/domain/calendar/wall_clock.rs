//! Rule F9: the clock by which a job's times of day are meant.

use std::fmt;
use std::str::FromStr;

use super::zone::Zone;
use crate::domain::violation::{Code, RuleViolation, quoted};

/// The clock on the wall by which people mean the times of a job: that of a time zone, and what happens to times
/// that it leaves out or shows twice when it is put forward or back.
///
/// In UTC, where neither happens, all clocks are the same.
///
/// ```
/// use cdds_core::domain::calendar::schedule::Schedule;
/// use cdds_core::domain::calendar::frequency::Frequency;
/// use cdds_core::domain::calendar::wall_clock::{Fold, Gap, WallClock};
///
/// let clock = WallClock::new("Europe/Berlin".parse()?, Gap::Shift, Fold::First);
/// let frequency = Frequency::Daily("02:30".parse()?);
/// // On 29 March 2026 clocks in Berlin are put forward from 02:00 to 03:00.
/// let slot = Schedule::new(&frequency, &clock).next_after("2026-03-28T12:00:00Z".parse().unwrap());
/// assert_eq!(slot, "2026-03-29T01:00:00Z".parse().ok());
/// # Ok::<_, cdds_core::RuleViolation>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct WallClock {
    zone: Zone,
    gap: Gap,
    fold: Fold,
}

/// What happens to a time that the clock leaves out because it is put forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Gap {
    /// The job is due at the first instant after the gap; once, however many of its times lie in it.
    #[default]
    Shift,
    /// The job is not due.
    Skip,
}

/// What happens to a time that the clock shows twice because it is put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fold {
    /// The job is due the first time.
    #[default]
    First,
    /// The job is due the second time.
    Second,
    /// The job is due both times.
    Both,
}

impl WallClock {
    /// The clock that is never put forward or back.
    pub const UTC: Self = Self { zone: Zone::UTC, gap: Gap::Shift, fold: Fold::First };

    /// Creates the clock of a zone. In UTC, `gap` and `fold` do not count.
    pub fn new(zone: Zone, gap: Gap, fold: Fold) -> Self {
        if zone.is_utc() { Self::UTC } else { Self { zone, gap, fold } }
    }

    /// Returns this clock in a zone.
    pub(super) fn moved(&self, zone: Zone) -> Self {
        Self { zone, ..*self }
    }

    /// Returns the clock after that which is on record with it was computed by its rules.
    #[must_use]
    pub(in crate::domain) fn computed(&self) -> Self {
        self.moved(self.zone.clone().computed())
    }

    /// Returns the clock with that on record with it which is on record with another one in the same zone.
    #[must_use]
    pub(in crate::domain) fn computed_like(&self, other: &Self) -> Self {
        if self.zone != other.zone {
            return self.clone();
        }
        self.moved(self.zone.clone().computed_by(other.zone.database()))
    }

    /// Returns the zone.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// Returns what happens to times that the clock leaves out.
    pub fn gap(&self) -> Gap {
        self.gap
    }

    /// Returns what happens to times that the clock shows twice.
    pub fn fold(&self) -> Fold {
        self.fold
    }

    /// Whether this is [`UTC`](Self::UTC).
    pub fn is_utc(&self) -> bool {
        self.zone.is_utc()
    }
}

impl Gap {
    /// Every value.
    pub const ALL: &'static [Self] = &[Self::Shift, Self::Skip];

    /// Returns the value as it is typed, stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shift => "shift",
            Self::Skip => "skip",
        }
    }
}

impl Fold {
    /// Every value.
    pub const ALL: &'static [Self] = &[Self::First, Self::Second, Self::Both];

    /// Returns the value as it is typed, stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
            Self::Both => "both",
        }
    }
}

impl fmt::Display for WallClock {
    /// Writes the clock for people: `Europe/Berlin`, or `Europe/Berlin, gap skip, fold both`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.zone.fmt(f)?;
        if self.gap != Gap::default() {
            write!(f, ", gap {}", self.gap.as_str())?;
        }
        if self.fold != Fold::default() {
            write!(f, ", fold {}", self.fold.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Gap {
    type Err = RuleViolation;

    /// Reads `shift` or `skip`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|gap| gap.as_str() == text);
        found.copied().ok_or_else(|| refusal(text, "a time that the clock leaves out: write shift or skip"))
    }
}

impl FromStr for Fold {
    type Err = RuleViolation;

    /// Reads `first`, `second` or `both`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|fold| fold.as_str() == text);
        let of_what = "a time that the clock shows twice: write first, second or both";
        found.copied().ok_or_else(|| refusal(text, of_what))
    }
}

fn refusal(text: &str, of_what: &str) -> RuleViolation {
    RuleViolation::new(
        Code::InvalidTimeZone,
        format!("{} does not say what happens to {of_what}", quoted(text)),
    )
}
