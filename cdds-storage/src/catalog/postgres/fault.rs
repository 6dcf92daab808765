//! Converts the server's errors to the port's errors.

use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
use tokio_postgres::Error;
use tokio_postgres::error::{Severity, SqlState};

use super::super::sql::driver::DriverError;
use super::super::sql::fault::Fault;
use crate::source::PostgresCause;

impl DriverError {
    /// Whether the transaction was overtaken by others and rolled back; it may be run again.
    pub(super) fn is_overtaken(&self) -> bool {
        let code = self.code();
        code == Some(&SqlState::T_R_SERIALIZATION_FAILURE) || code == Some(&SqlState::T_R_DEADLOCK_DETECTED)
    }

    /// Whether the connection has ended or could not be made, so that another one may help.
    pub(super) fn is_lost(&self) -> bool {
        match self {
            Self::Postgres(error) => has_ended(error) || error.code() == Some(&SqlState::CANNOT_CONNECT_NOW),
            _ => false,
        }
    }

    /// Whether a transaction that failed so when it was to be stored may be stored all the same.
    pub(super) fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Postgres(error) => has_ended(error),
            Self::Silent => true,
            _ => false,
        }
    }

    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Postgres(error) => error.code(),
            _ => None,
        }
    }
}

/// Whether the session is over: after an error without more, the server goes on with it.
fn has_ended(error: &Error) -> bool {
    match error.as_db_error() {
        Some(told) => {
            // A pooler reports the end of a session of the server as an error of its own.
            told.parsed_severity() != Some(Severity::Error) || told.code().code().starts_with("08")
        }
        None => {
            error.is_closed()
                || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
        }
    }
}

impl Fault {
    /// Returns the port's error: the attempted operation, the schema, the reason, and what to do.
    pub(super) fn into_postgres_error(self, doing: &str, schema: &str) -> CatalogError {
        let error = match self {
            Self::Refused(error) => return error,
            Self::Driver(error) => error,
        };
        let (kind, why) = reason(&error);
        let what = format!("cannot {doing} in the catalog of PostgreSQL ({schema}): {why}");
        match error {
            DriverError::Postgres(error) => {
                CatalogError::with_source(kind, what, PostgresCause::from(&error))
            }
            error => CatalogError::with_source(kind, what, error),
        }
    }
}

fn reason(error: &DriverError) -> (CatalogErrorKind, &'static str) {
    let code = match error {
        DriverError::SignIn(_) => {
            return (
                CatalogErrorKind::Unavailable,
                "the password for the server is not known; look at where it is kept",
            );
        }
        DriverError::Postgres(error) => error.code(),
        DriverError::NoConnection => {
            let why = "no connection is free; let the pool have more, or look at what holds them";
            return (CatalogErrorKind::Unavailable, why);
        }
        DriverError::Silent => {
            return (
                CatalogErrorKind::Unavailable,
                "the server does not answer; check that it works, then try again",
            );
        }
        DriverError::Unknown => {
            let why = "the connection broke while it was being stored, and the server does not say whether it was; \
                       look at it again when the server is back";
            return (CatalogErrorKind::Unavailable, why);
        }
        DriverError::Nul => {
            return (
                CatalogErrorKind::Conflict,
                "PostgreSQL cannot store the character NUL; leave it out of the text",
            );
        }
        _ => {
            return (
                CatalogErrorKind::Corrupt,
                "the stored data is not understood; restore it from a backup",
            );
        }
    };
    let Some(code) = code else {
        return (
            CatalogErrorKind::Unavailable,
            "there is no connection; check that the server runs, then try again",
        );
    };
    match *code {
        SqlState::LOCK_NOT_AVAILABLE => (
            CatalogErrorKind::Unavailable,
            "another process has held it for more than 10 seconds; try again, or stop it",
        ),
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            (CatalogErrorKind::Unavailable, "others change the same rows all the time; try again")
        }
        SqlState::DISK_FULL => (CatalogErrorKind::Full, "the server has no space left; free some there"),
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN | SqlState::INVALID_SCHEMA_NAME => (
            CatalogErrorKind::Corrupt,
            "its tables are missing or of another form; restore them from a backup",
        ),
        SqlState::INSUFFICIENT_PRIVILEGE => (
            CatalogErrorKind::Unavailable,
            "the role may not do this; let it own the schema, or create it in the database",
        ),
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            (CatalogErrorKind::Unavailable, "the server is a standby; connect to the one that is written to")
        }
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            (CatalogErrorKind::Unavailable, "the server refuses the role or its password; correct them")
        }
        _ if code.code().starts_with("23") => {
            (CatalogErrorKind::Conflict, "it conflicts with the stored data")
        }
        _ => (CatalogErrorKind::Unavailable, "the server refused"),
    }
}
