//! Rule D10: which sets may hold records about a person.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};

use crate::domain::archive::artifact::Key;
use crate::domain::id::{ExecutionId, JobId, SubjectKeyId};
use crate::domain::job::TypeList;
use crate::setters::setters;

/// What is on record of the filters of a set. The filters themselves are in the store, beside the set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilterNote {
    /// The folder in which they are.
    pub folder: Key,
    /// The key by which they were made.
    pub key: SubjectKeyId,
    /// How many there are; none if no record names anybody.
    pub filters: u32,
    /// How many values they hold: about the number of people whom the records name.
    pub values: u64,
    /// Why they do not tell of all records.
    pub gaps: BTreeSet<Gap>,
}

impl FilterNote {
    /// Notes filters that tell of all records.
    pub fn new(folder: Key, key: SubjectKeyId, filters: u32, values: u64) -> Self {
        Self { folder, key, filters, values, gaps: BTreeSet::new() }
    }

    /// Replaces the gaps.
    #[must_use]
    pub fn with_gaps(self, gaps: BTreeSet<Gap>) -> Self {
        Self { gaps, ..self }
    }

    /// Returns the keys of the filters, in order.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        (0..self.filters).map(|number| filter_key(self.folder.as_str(), number))
    }
}

/// Returns the key of a filter of the set in this folder.
pub fn filter_key(folder: &str, number: u32) -> Key {
    Key::new(format!("{folder}/subjects-{number:03}.bloom"))
}

/// Whether a key is that of a filter.
pub fn is_filter(key: &Key) -> bool {
    let name = key.as_str().rsplit('/').next().unwrap_or_default();
    let number = name.strip_prefix("subjects-").and_then(|name| name.strip_suffix(".bloom"));
    number.is_some_and(|number| number.len() >= 3 && number.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Why the filters of a set do not tell of all its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Gap {
    /// A type in it does not say which of its fields name people.
    Undeclared,
    /// The source left out a field that names people before its records were seen, since the job does not export it.
    LeftOut,
    /// It holds records that could not be read, word for word.
    Unreadable,
}

impl Gap {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Undeclared, Self::LeftOut, Self::Unreadable];

    /// Returns the stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undeclared => "undeclared",
            Self::LeftOut => "left_out",
            Self::Unreadable => "unreadable",
        }
    }

    /// Reads a stable name; `None` if there is no such reason.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|gap| gap.as_str() == name)
    }
}

/// Whether a set holds records that name a person by an identifier of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Holding {
    /// It may: one of its filters has an identifier. Of those who are in none of the records, one in 318 is found all the
    /// same, for each filter and each identifier.
    May,
    /// No field that names people holds one of the identifiers.
    Not,
    /// Nobody can tell.
    Unknown(Unknown),
}

/// Why nobody can tell what a set holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Unknown {
    /// It was made without a filter: by an earlier version, without a key, of types that do not say which of their fields
    /// name people, or it was taken back into a restored catalog.
    NoFilter,
    /// The key of its filters is not among those of the service.
    KeyMissing,
    /// A filter is missing from the store, or was changed.
    FilterLost,
    /// Its filters do not tell of all records ([`Gap`]), and do not have the person.
    Incomplete,
}

impl Unknown {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::NoFilter, Self::KeyMissing, Self::FilterLost, Self::Incomplete];

    /// Returns the stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoFilter => "no_filter",
            Self::KeyMissing => "key_missing",
            Self::FilterLost => "filter_lost",
            Self::Incomplete => "incomplete",
        }
    }
}

impl Holding {
    /// Decides about a set. `found` is what its filters say about the person: whether one of them has an identifier, or why
    /// they could not be asked. A hit counts, also if another filter is lost.
    pub fn of(note: &FilterNote, found: Result<bool, Unknown>) -> Self {
        match found {
            Ok(true) => Self::May,
            Ok(false) if note.gaps.is_empty() => Self::Not,
            Ok(false) => Self::Unknown(Unknown::Incomplete),
            Err(why) => Self::Unknown(why),
        }
    }

    /// Returns the stable name: `may`, `not` or `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::May => "may",
            Self::Not => "not",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set that was published, and is on the record: kept, or gone since.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishedSet {
    /// The execution that published it.
    pub execution: ExecutionId,
    /// The job of that execution.
    pub job: JobId,
    /// The data types.
    pub types: TypeList,
    /// The slot of the execution, by which sets are ordered.
    pub slot: DateTime<Utc>,
    /// When it was published.
    pub published_at: DateTime<Utc>,
    /// When the last of its files expires.
    pub expires_at: DateTime<Utc>,
    /// When it was removed, because it had expired or somebody deleted it; `None` for one that is kept.
    pub removed_at: Option<DateTime<Utc>>,
    /// Whether a legal hold keeps it.
    pub hold: bool,
    /// Its filters; `None` if it was made without.
    pub filter: Option<FilterNote>,
}

setters! {
    PublishedSet {
        with_slot => slot: value DateTime<Utc>;
        with_published_at => published_at: value DateTime<Utc>;
        with_expires_at => expires_at: value DateTime<Utc>;
        with_removed_at => removed_at: option DateTime<Utc>;
        with_hold => hold: value bool;
        with_filter => filter: option FilterNote;
    }
}

impl PublishedSet {
    /// Creates a set all of whose instants are 1970, which is kept, and has no filter: set what is known.
    pub fn new(execution: ExecutionId, job: JobId, types: TypeList) -> Self {
        let at = DateTime::UNIX_EPOCH;
        Self {
            execution,
            job,
            types,
            slot: at,
            published_at: at,
            expires_at: at,
            removed_at: None,
            hold: false,
            filter: None,
        }
    }

    /// Whether its files can still be downloaded at an instant (rule A7).
    pub fn is_kept(&self, now: DateTime<Utc>) -> bool {
        self.removed_at.is_none() && (self.hold || now < self.expires_at)
    }

    /// Returns its place among the sets of an owner.
    pub fn place(&self) -> CopyPlace {
        CopyPlace { slot: self.slot, execution: self.execution }
    }
}

/// A place among the sets of an owner, the latest slot first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CopyPlace {
    /// The slot of the execution.
    pub slot: DateTime<Utc>,
    /// The execution, which breaks ties.
    pub execution: ExecutionId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d10_a_set_does_not_hold_a_person_only_if_its_filters_tell_of_all_records() {
        let whole = FilterNote::new(Key::new("e/1"), "k1".parse().unwrap(), 1, 7);
        let part = whole.clone().with_gaps([Gap::Unreadable].into());
        let incomplete = Holding::Unknown(Unknown::Incomplete);
        for (note, found, expected) in [
            (&whole, Ok(true), Holding::May),
            (&whole, Ok(false), Holding::Not),
            (&part, Ok(true), Holding::May),
            (&part, Ok(false), incomplete),
            (&whole, Err(Unknown::FilterLost), Holding::Unknown(Unknown::FilterLost)),
        ] {
            assert_eq!(Holding::of(note, found), expected, "{note:?} {found:?}");
        }
    }

    #[test]
    fn d10_filters_have_names_that_no_other_file_has() {
        let note = FilterNote::new(Key::new("e/1-a"), "k1".parse().unwrap(), 1_001, 7);
        let keys: Vec<Key> = note.keys().collect();
        assert_eq!((keys[0].as_str(), keys.len()), ("e/1-a/subjects-000.bloom", 1_001));
        assert!(keys.iter().all(is_filter), "{:?}", keys.last());
        for other in [
            "e/1/000001",
            "e/1/manifest",
            "e/1/subjects-.bloom",
            "e/1/subjects-00x.bloom",
            "e/subjects-000.bloom/1",
        ] {
            assert!(!is_filter(&Key::new(other)), "{other}");
        }
    }

    #[test]
    fn d10_gaps_survive_their_names() {
        assert!(Gap::ALL.into_iter().all(|gap| Gap::parse(gap.as_str()) == Some(gap)));
        assert_eq!(Gap::parse("none"), None);
    }
}
