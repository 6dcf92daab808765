//! Converts SQLite's errors to the port's errors.

use std::path::Path;

use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
use rusqlite::{ErrorCode, ffi};

use super::super::sql::driver::DriverError;
use super::super::sql::fault::Fault;

impl Fault {
    /// Returns the port's error: the attempted operation, the file, the reason, and what to do.
    pub(super) fn into_error(self, doing: &str, path: &Path) -> CatalogError {
        match self {
            Self::Refused(error) => error,
            Self::Driver(DriverError::Sqlite(error)) => sqlite_error(error, doing, path),
            Self::Driver(error) => strange(error, doing, path),
        }
    }
}

fn sqlite_error(error: rusqlite::Error, doing: &str, path: &Path) -> CatalogError {
    let (kind, why) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            CatalogErrorKind::Unavailable,
            "another process has held the database for more than 10 seconds; try again, or stop that process",
        ),
        Some(_) if is_full(&error) => {
            (CatalogErrorKind::Full, "there is no space left; free some on its file system")
        }
        Some(ErrorCode::NotADatabase) => (
            CatalogErrorKind::Corrupt,
            "the file is not an SQLite database; name another file, or restore it from a backup",
        ),
        Some(ErrorCode::DatabaseCorrupt) => {
            (CatalogErrorKind::Corrupt, "the file is damaged; restore it from a backup")
        }
        Some(ErrorCode::ConstraintViolation) => {
            (CatalogErrorKind::Conflict, "it conflicts with the stored data")
        }
        Some(ErrorCode::CannotOpen) => (
            CatalogErrorKind::Unavailable,
            "the file cannot be opened; check that its folder exists and that it may be written",
        ),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
            CatalogErrorKind::Unavailable,
            "the file or its folder may not be written; check the permissions",
        ),
        Some(ErrorCode::SystemIoFailure) => (
            CatalogErrorKind::Unavailable,
            "its file system fails; check that it works and has space left, then try again",
        ),
        Some(_) => (CatalogErrorKind::Unavailable, "the database refused"),
        // Not from SQLite itself: a column of another type than this version stores.
        None => return strange(error.into(), doing, path),
    };
    CatalogError::with_source(kind, format!("cannot {doing} in the catalog {}: {why}", path.display()), error)
}

fn strange(error: DriverError, doing: &str, path: &Path) -> CatalogError {
    let why = "the stored data is not understood; restore it from a backup";
    let what = format!("cannot {doing} in the catalog {}: {why}", path.display());
    CatalogError::with_source(CatalogErrorKind::Corrupt, what, error)
}

/// No space left, for the database or for the index of its log, which is created on opening.
fn is_full(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    error.sqlite_error_code() == Some(ErrorCode::DiskFull) || extended == Some(ffi::SQLITE_IOERR_SHMSIZE)
}

#[cfg(test)]
mod tests {
    use cdds_core::ports::error::PortErrorKind;

    use super::*;

    fn kind(code: std::ffi::c_int) -> CatalogErrorKind {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        Fault::from(DriverError::from(error)).into_error("store the job", Path::new("/srv/cdds.db")).kind()
    }

    #[test]
    fn what_may_pass_by_itself_is_retryable() {
        for (code, expected) in [
            (ffi::SQLITE_BUSY, CatalogErrorKind::Unavailable),
            (ffi::SQLITE_LOCKED, CatalogErrorKind::Unavailable),
            (ffi::SQLITE_IOERR, CatalogErrorKind::Unavailable),
            (ffi::SQLITE_FULL, CatalogErrorKind::Full),
            (ffi::SQLITE_IOERR_SHMSIZE, CatalogErrorKind::Full),
            (ffi::SQLITE_NOTADB, CatalogErrorKind::Corrupt),
            (ffi::SQLITE_CORRUPT, CatalogErrorKind::Corrupt),
            (ffi::SQLITE_CONSTRAINT, CatalogErrorKind::Conflict),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
        assert!(kind(ffi::SQLITE_BUSY).is_retryable() && !kind(ffi::SQLITE_CORRUPT).is_retryable());
    }

    #[test]
    fn errors_name_the_file_and_the_purpose() {
        let error =
            rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None);
        let error =
            Fault::from(DriverError::from(error)).into_error("store the job", Path::new("/srv/cdds.db"));
        assert_eq!(
            error.to_string(),
            "cannot store the job in the catalog /srv/cdds.db: another process has held the database for \
             more than 10 seconds; try again, or stop that process"
        );
    }
}
