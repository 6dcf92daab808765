//! Errors of the server and of connections to it.
//!
//! A server repeats the values of rows in many of its messages. Only the messages of classes that cannot do so are
//! passed on; of the others people get the code, which PostgreSQL's appendix A explains.

use std::error::Error as _;

use cdds_core::ports::source::{SourceError, SourceErrorKind};
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// An error of the server, without anything from a record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    /// The server's words.
    #[error("{message} (SQLSTATE {code})")]
    Told {
        /// The code.
        code: String,
        /// The message.
        message: String,
    },
    /// The server's words may repeat a value of a record.
    #[error("SQLSTATE {code}, which PostgreSQL's list of error codes explains")]
    Withheld {
        /// The code.
        code: String,
    },
    /// The connection failed.
    #[error("{0}")]
    Connection(String),
}

impl From<&Error> for Cause {
    fn from(error: &Error) -> Self {
        let Some(told) = error.as_db_error() else {
            let reason = error.source().map_or_else(String::new, |source| format!(": {source}"));
            return Self::Connection(format!("{error}{reason}"));
        };
        let code = told.code().code().to_owned();
        match is_harmless(&code) {
            true => Self::Told { code, message: told.message().to_owned() },
            false => Self::Withheld { code },
        }
    }
}

/// Whether messages of this class speak of names, roles, connections and resources, and never of values.
fn is_harmless(code: &str) -> bool {
    ["08", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58"]
        .iter()
        .any(|class| code.starts_with(class))
}

/// Converts an error of a statement during which a trigger may put values into the words of any class.
pub(super) fn withheld(name: &str, what: &str, error: &Error) -> SourceError {
    let kind = error.code().map_or(SourceErrorKind::Unavailable, kind);
    let cause = match error.code() {
        Some(code) => Cause::Withheld { code: code.code().to_owned() },
        None => Cause::from(error),
    };
    SourceError::with_source(kind, format!("{name}: {what}"), cause)
}

/// Converts an error. `what` says in words what could not be done.
pub(super) fn failure(name: &str, what: &str, error: &Error) -> SourceError {
    let kind = error.code().map_or(SourceErrorKind::Unavailable, kind);
    let hint = error.code().map_or("", hint);
    SourceError::with_source(kind, format!("{name}: {what}{hint}"), Cause::from(error))
}

/// Converts an error after the first row was asked for.
pub(super) fn broken_off(name: &str, error: &Error) -> SourceError {
    let failed = failure(name, "the read broke off", error);
    match failed.kind() {
        SourceErrorKind::Unavailable => SourceError::with_source(
            SourceErrorKind::Interrupted,
            failed.context().to_owned(),
            Cause::from(error),
        ),
        _ => failed,
    }
}

fn kind(code: &SqlState) -> SourceErrorKind {
    match *code {
        SqlState::UNDEFINED_TABLE
        | SqlState::UNDEFINED_COLUMN
        | SqlState::INVALID_SCHEMA_NAME
        | SqlState::INVALID_CATALOG_NAME => SourceErrorKind::Missing,
        SqlState::QUERY_CANCELED | SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => {
            SourceErrorKind::Interrupted
        }
        _ => match code.code().get(..2) {
            // Connections, resources, other sessions' locks, the operator, the system.
            Some("08" | "40" | "53" | "55" | "57" | "58" | "XX") => SourceErrorKind::Unavailable,
            _ => SourceErrorKind::Invalid,
        },
    }
}

fn hint(code: &SqlState) -> &'static str {
    match *code {
        SqlState::T_R_SERIALIZATION_FAILURE => {
            "; a standby cancels long reads that hold up its replay: raise max_standby_streaming_delay there, or set \
             hot_standby_feedback = on"
        }
        SqlState::QUERY_CANCELED => "; somebody, or a limit of the server, cancelled the statement",
        SqlState::INSUFFICIENT_PRIVILEGE => "; grant the role SELECT on the table, and USAGE on its schema",
        SqlState::READ_ONLY_SQL_TRANSACTION => "; the query writes, and a source is only read",
        SqlState::TOO_MANY_CONNECTIONS => "; limit the source with max_concurrent, or raise max_connections",
        SqlState::INVALID_PASSWORD | SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "; correct the role or its password"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_may_repeat_values_are_withheld() {
        for code in ["22P02", "23505", "P0001", "XX000", "2201B"] {
            assert!(!is_harmless(code), "{code}");
        }
        for code in ["42P01", "28P01", "57P01", "40001", "53300"] {
            assert!(is_harmless(code), "{code}");
        }
    }

    #[test]
    fn a_retry_may_help_where_the_server_was_at_fault() {
        for (code, expected) in [
            (SqlState::UNDEFINED_TABLE, SourceErrorKind::Missing),
            (SqlState::T_R_SERIALIZATION_FAILURE, SourceErrorKind::Interrupted),
            (SqlState::ADMIN_SHUTDOWN, SourceErrorKind::Unavailable),
            (SqlState::CANNOT_CONNECT_NOW, SourceErrorKind::Unavailable),
            (SqlState::INVALID_PASSWORD, SourceErrorKind::Invalid),
            (SqlState::INVALID_TEXT_REPRESENTATION, SourceErrorKind::Invalid),
            (SqlState::INSUFFICIENT_PRIVILEGE, SourceErrorKind::Invalid),
        ] {
            assert_eq!(kind(&code), expected, "{code:?}");
        }
    }
}
