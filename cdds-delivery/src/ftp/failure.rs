//! What went wrong, as the port tells it.

use cdds_core::ports::destination::{DestinationError, DestinationErrorKind as Kind};
use suppaftp::types::Response;
use suppaftp::{FtpError, Status};

use crate::reply::{said, tells_of_no_room};

pub(super) fn refused(context: impl Into<String>) -> DestinationError {
    DestinationError::new(Kind::Refused, context)
}

/// Tells what failed: `action` is "store in/x.zip at partner.example:21".
pub(super) fn failed(action: &str, why: FtpError) -> DestinationError {
    match why {
        FtpError::UnexpectedResponse(reply) => {
            let kind = kind(&reply);
            let remedy = match kind {
                Kind::Full => ": free some space there",
                Kind::Refused => ": the server's operators must allow it",
                _ => "",
            };
            DestinationError::new(
                kind,
                format!("cannot {action}: the server says {:?}{remedy}", words(&reply)),
            )
        }
        FtpError::SecureError(why) if why.contains("certificate") => refused(format!(
            "cannot {action}: {}: have the server's operators renew its certificate, or configure the root \
             certificate that it leads to",
            said(&why)
        )),
        FtpError::ConnectionError(why) => {
            DestinationError::with_source(Kind::Unavailable, format!("cannot {action}"), why)
        }
        why => DestinationError::with_source(Kind::Unavailable, format!("cannot {action}"), why),
    }
}

/// Returns whether the server has answered, and goes on.
pub(super) fn is_answer(why: &FtpError) -> bool {
    matches!(why, FtpError::UnexpectedResponse(reply) if reply.status != Status::NotAvailable)
}

/// Returns whether the server says that it does not do this to this file, for whatever reason (RFC 959, section
/// 4.2.2): 550 stands for missing files as well as for missing permissions.
pub(super) fn is_no(why: &FtpError) -> bool {
    use Status::{BadFilename, FileUnavailable, RequestFileActionIgnored};
    let statuses = [FileUnavailable, BadFilename, RequestFileActionIgnored];
    matches!(why, FtpError::UnexpectedResponse(reply) if statuses.contains(&reply.status))
}

/// Returns whether the server does not know the command.
pub(super) fn is_unknown(why: &FtpError) -> bool {
    use Status::{BadCommand, CommandNotImplemented, NotImplemented, NotImplementedParameter};
    let statuses = [BadCommand, CommandNotImplemented, NotImplemented, NotImplementedParameter];
    matches!(why, FtpError::UnexpectedResponse(reply) if statuses.contains(&reply.status))
}

/// Returns whether the server has no room left.
pub(super) fn is_full(why: &FtpError) -> bool {
    matches!(why, FtpError::UnexpectedResponse(reply) if kind(reply) == Kind::Full)
}

fn kind(reply: &Response) -> Kind {
    match reply.status {
        Status::RequestedActionNotTaken | Status::ExceededStorage => Kind::Full,
        _ if tells_of_no_room(&words(reply)) => Kind::Full,
        Status::InvalidCredentials => Kind::Refused,
        // Codes of 500 and more are final (RFC 959, section 4.2.1).
        status if status.code() >= 500 => Kind::Refused,
        _ => Kind::Unavailable,
    }
}

fn words(reply: &Response) -> String {
    said(&String::from_utf8_lossy(&reply.body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_told_by_their_kinds() {
        let told = |status, words: &str| {
            let reply = Response::new(status, words.as_bytes().to_vec());
            failed("store a at h:21", FtpError::UnexpectedResponse(reply))
        };
        for (status, words, kind) in [
            (Status::RequestedActionNotTaken, "452 Insufficient storage space", Kind::Full),
            (Status::ExceededStorage, "552 Exceeded storage allocation", Kind::Full),
            (Status::FileUnavailable, "550 Disk quota exceeded", Kind::Full),
            (Status::ActionAborted, "451 No space left on device", Kind::Full),
            (Status::ActionAborted, "451 Failure writing to local file.", Kind::Unavailable),
            (Status::TransferAborted, "426 Connection closed", Kind::Unavailable),
            (Status::BadFilename, "553 Could not create file.", Kind::Refused),
            (Status::NotLoggedIn, "530 Login incorrect.", Kind::Refused),
        ] {
            let error = told(status, words);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
