//! What went wrong, as the port tells it.

use cdds_core::ports::destination::{DestinationError, DestinationErrorKind as Kind};
use cdds_core::ports::sink::{SinkError, SinkErrorKind};
use russh_sftp::client::error::Error;
use russh_sftp::protocol::{Status, StatusCode};

use crate::net::ConnectError;
use crate::reply::{said, tells_of_no_room};

pub(super) fn refused(context: impl Into<String>) -> DestinationError {
    DestinationError::new(Kind::Refused, context)
}

pub(super) fn unreachable(why: ConnectError) -> DestinationError {
    why.into_port(Kind::Refused, Kind::Unavailable)
}

pub(super) fn broken_off(place: &str, why: russh::Error) -> DestinationError {
    DestinationError::with_source(Kind::Unavailable, format!("the connection to {place} broke off"), why)
}

/// An error that says that the connection has ended before the answer came.
pub(super) trait EndedEarly {
    fn ended_early(place: &str) -> Self;
}

fn ended_early(place: &str) -> String {
    format!("the connection to {place} ended before the server had answered")
}

impl EndedEarly for Error {
    fn ended_early(place: &str) -> Self {
        Self::IO(ended_early(place))
    }
}

impl EndedEarly for DestinationError {
    fn ended_early(place: &str) -> Self {
        Self::new(Kind::Unavailable, ended_early(place))
    }
}

impl EndedEarly for SinkError {
    fn ended_early(place: &str) -> Self {
        Self::new(SinkErrorKind::Unavailable, ended_early(place))
    }
}

/// Tells what failed: `action` is "write in/x.zip at partner.example:22".
pub(super) fn failed(action: &str, why: Error) -> DestinationError {
    match why {
        Error::Status(status) => {
            let kind = kind(&status);
            let remedy = match kind {
                Kind::Full => ": free some space there",
                Kind::Refused => ": the server's operators must allow it",
                _ => "",
            };
            DestinationError::new(
                kind,
                format!("cannot {action}: the server says {:?}{remedy}", words(&status)),
            )
        }
        why => DestinationError::with_source(Kind::Unavailable, format!("cannot {action}"), why),
    }
}

/// Returns whether a status says no more than that something failed.
pub(super) fn is_vague(why: &Error) -> bool {
    matches!(why, Error::Status(status) if kind(status) == Kind::Unavailable)
}

pub(super) fn has_status(why: &Error, code: StatusCode) -> bool {
    matches!(why, Error::Status(status) if status.status_code == code)
}

fn kind(status: &Status) -> Kind {
    match status.status_code {
        _ if tells_of_no_room(&status.error_message) => Kind::Full,
        StatusCode::NoSuchFile => Kind::NotFound,
        StatusCode::PermissionDenied | StatusCode::OpUnsupported => Kind::Refused,
        _ => Kind::Unavailable,
    }
}

fn words(status: &Status) -> String {
    let words = said(&status.error_message);
    if words.is_empty() { status.status_code.to_string() } else { words }
}
