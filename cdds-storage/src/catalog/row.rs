//! Rows of a catalog as plain values, and their conversion to domain types; the same for every database.
//!
//! Instants are whole microseconds since 1970-01-01T00:00:00Z, identifiers hyphenated UUIDs.

mod artifact;
mod audit;
mod copy;
mod delivery;
mod execution;
mod job;
mod notice;
mod recipient;
mod subject;
mod subject_task;
mod work;
mod worker;

use cdds_core::domain::archive::artifact::Sha256Digest;
use cdds_core::domain::execution::Status;
use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
use chrono::{DateTime, Utc};

pub(super) use self::artifact::{ArtifactOverviewRow, ArtifactRow, StoredRow};
pub(super) use self::audit::AuditRow;
pub(super) use self::copy::{FilterRow, PublishedRow, gaps};
pub(super) use self::delivery::{DeliveryRow, HealthRow};
pub(super) use self::execution::ExecutionRow;
pub(super) use self::job::{JobRow, LatestRow};
pub(super) use self::notice::{CertificateColumns, NoticeRow};
pub(super) use self::recipient::RecipientRow;
pub(super) use self::subject::{HashRow, StepColumns, SubjectRow};
pub(super) use self::subject_task::SubjectTaskRow;
pub(super) use self::work::WorkColumns;
pub(super) use self::worker::WorkerRow;

/// Returns the error for a row that is not understood: which row, why, and what to do.
pub(super) fn corrupt(table: &str, id: &str, why: impl std::fmt::Display) -> CatalogError {
    CatalogError::new(
        CatalogErrorKind::Corrupt,
        format!(
            "{table} {id} is stored in a form that this version does not understand ({why}): \
             use the version that wrote it, or restore the catalog from a backup"
        ),
    )
}

/// Converts an instant to its stored form.
pub(super) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// Converts a count to its stored form; databases have no unsigned numbers.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Folds upper and lower case together, character by character, so that a part of a text remains a part of
/// the folded text.
pub(super) fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Reads the fields of one row; errors name the row.
struct Reading<'a> {
    table: &'static str,
    id: &'a str,
}

impl Reading<'_> {
    fn corrupt(&self, why: impl std::fmt::Display) -> CatalogError {
        corrupt(self.table, self.id, why)
    }

    fn at(&self, micros: i64) -> Result<DateTime<Utc>, CatalogError> {
        DateTime::from_timestamp_micros(micros)
            .ok_or_else(|| self.corrupt(format_args!("{micros} µs is not an instant")))
    }

    fn at_if(&self, micros: Option<i64>) -> Result<Option<DateTime<Utc>>, CatalogError> {
        micros.map(|micros| self.at(micros)).transpose()
    }

    fn parse<T>(&self, text: &str) -> Result<T, CatalogError>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        text.parse().map_err(|error| self.corrupt(error))
    }

    fn number<T: TryFrom<i64>>(&self, value: i64) -> Result<T, CatalogError> {
        T::try_from(value).map_err(|_| self.corrupt(format_args!("{value} is out of range")))
    }

    fn digest(&self, hex: &str) -> Result<Sha256Digest, CatalogError> {
        Sha256Digest::from_hex(hex).ok_or_else(|| self.corrupt("the digest is not SHA-256 in hexadecimal"))
    }

    fn status(&self, name: &str) -> Result<Status, CatalogError> {
        Status::parse(name).ok_or_else(|| self.corrupt(format_args!("unknown status {name:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_knows_no_case_and_keeps_parts_parts() {
        for (one, other) in
            [("WEEKLY Voice", "weekly vOICE"), ("ÄRGER", "ärger"), ("ΣΑΣ", "σας"), ("STRASSE", "straße")]
        {
            assert_eq!(fold(one), fold(other));
        }
        assert!(fold("Monatsübersicht ΣΑΣ").contains(&fold("ÜBERSICHT σ")));
    }
}
