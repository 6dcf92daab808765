//! Why a request has failed, and what services say when they refuse.

use std::error::Error;

use cdds_core::ports::destination::DestinationErrorKind as Kind;
use hyper::StatusCode;
use tokio_rustls::rustls;

use crate::net::ConnectError;
use crate::reply::{said, tells_of_no_room};

/// Why a request brought nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("no connection was made")]
    Connect(#[source] ConnectError),
    #[error("the certificate is not trusted")]
    Certificate(#[source] std::io::Error),
    #[error("the connection could not be protected by TLS")]
    Tls(#[source] std::io::Error),
    #[error("the trusted certificates cannot be read")]
    Roots(#[source] rustls::Error),
    #[error("{0} would be asked without TLS")]
    Open(String),
    #[error("the connection broke off")]
    Broken(#[source] hyper::Error),
    #[error("nothing has moved for {0} seconds")]
    Stalled(u64),
    #[error("{0}")]
    Answer(Answer),
}

impl CallError {
    /// Returns what it means for a delivery.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Connect(ConnectError::Forbidden { .. }) | Self::Certificate(_) | Self::Open(_) => {
                Kind::Refused
            }
            Self::Answer(answer) => answer.kind(),
            _ => Kind::Unavailable,
        }
    }

    /// Returns what people can do.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Certificate(_) => ": configure the root certificate of the service, if it is its own",
            Self::Open(_) => ": use an address that begins with https://",
            Self::Answer(answer) => answer.remedy(),
            _ => "",
        }
    }

    /// Returns the error with its reasons, on one line.
    pub(super) fn told(&self) -> String {
        let mut told = self.to_string();
        let mut cause = self.source();
        while let Some(why) = cause {
            told = format!("{told}: {why}");
            cause = why.source();
        }
        told
    }
}

/// A refusal in a service's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    status: StatusCode,
    code: String,
    message: String,
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, code, message } = self;
        write!(f, "the service says {}", status.as_u16())?;
        if !code.is_empty() {
            write!(f, " {code}")?;
        }
        if message.is_empty() { Ok(()) } else { write!(f, " ({message})") }
    }
}

impl Answer {
    /// Returns whether an answer is final, and none that callers expect: neither a success, nor a missing object, nor
    /// something that passes in a moment.
    pub(super) fn is_refusal(status: StatusCode) -> bool {
        let passes = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        let expected = [StatusCode::NOT_FOUND, StatusCode::NOT_MODIFIED, StatusCode::PRECONDITION_FAILED];
        status == StatusCode::INSUFFICIENT_STORAGE
            || status.is_redirection() && status != StatusCode::NOT_MODIFIED
            || status.is_client_error() && !passes.contains(&status) && !expected.contains(&status)
    }

    /// Reads code and message from the XML of stores, or from the JSON of those who give tokens.
    pub(super) fn read(status: StatusCode, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            rest.split_once(&format!("</{name}>")).map(|(found, _)| said(found))
        };
        if let Some(code) = element("Code") {
            return Self { status, code, message: element("Message").unwrap_or_default() };
        }
        let json = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
        let word = |name: &str| json.get(name).and_then(|found| found.as_str()).map(said).unwrap_or_default();
        Self { status, code: word("error"), message: word("error_description") }
    }

    /// Returns whether it is the bucket that is missing, and not an object.
    pub(super) fn misses_the_bucket(&self) -> bool {
        matches!(self.code.as_str(), "NoSuchBucket" | "ContainerNotFound")
    }

    fn kind(&self) -> Kind {
        let Self { status, code, message } = self;
        if *status == StatusCode::INSUFFICIENT_STORAGE || tells_of_no_room(code) || tells_of_no_room(message)
        {
            return Kind::Full;
        }
        match code.as_str() {
            "BadDigest" | "InvalidDigest" | "XAmzContentSHA256Mismatch" | "Md5Mismatch" | "Crc64Mismatch" => {
                Kind::Corrupt
            }
            // S3 says so with status 400 if bytes arrive too slowly.
            "RequestTimeout" => Kind::Unavailable,
            _ if *status == StatusCode::CONFLICT => Kind::Unavailable,
            _ => Kind::Refused,
        }
    }

    fn remedy(&self) -> &'static str {
        match self.code.as_str() {
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "AuthenticationFailed"
            | "invalid_grant"
            | "InvalidToken"
            | "ExpiredToken" => ": check the keys",
            // Azure says so of people without the right and, in places, of wrong keys.
            "AuthorizationFailure" => ": check the keys and what they may do",
            "RequestTimeTooSkewed" => ": set the clock of this machine",
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
                ": check the region and the endpoint"
            }
            _ if self.misses_the_bucket() => ": create the bucket, or check its name",
            _ if self.kind() == Kind::Full => ": free some space there, or have the quota raised",
            _ if self.kind() == Kind::Refused => ": whoever runs the bucket must allow it",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_services_say_is_told_by_kind_and_with_a_remedy() {
        for (status, code, kind, remedy) in [
            (403, "InvalidAccessKeyId", Kind::Refused, "check the keys"),
            (403, "AccessDenied", Kind::Refused, "must allow it"),
            (403, "QuotaExceeded", Kind::Full, "free some space"),
            (507, "XMinioStorageFull", Kind::Full, "free some space"),
            (403, "RequestTimeTooSkewed", Kind::Refused, "clock"),
            (301, "PermanentRedirect", Kind::Refused, "region"),
            (400, "BadDigest", Kind::Corrupt, ""),
            (400, "RequestTimeout", Kind::Unavailable, ""),
            (409, "OperationAborted", Kind::Unavailable, ""),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let body = format!("<?xml?><Error><Code>{code}</Code>\n<Message>Some\nwords</Message></Error>");
            let error = CallError::Answer(Answer::read(status, body.as_bytes()));
            assert!(Answer::is_refusal(status));
            assert_eq!(error.kind(), kind, "{code}");
            assert!(error.remedy().contains(remedy), "{code}: {}", error.remedy());
            assert_eq!(error.told(), format!("the service says {} {code} (Some words)", status.as_u16()));
        }
        let token =
            Answer::read(StatusCode::BAD_REQUEST, br#"{"error":"invalid_grant","error_description":"no"}"#);
        assert_eq!(token.to_string(), "the service says 400 invalid_grant (no)");
        assert_eq!(Answer::read(StatusCode::FORBIDDEN, b"").to_string(), "the service says 403");
        for status in [200, 304, 404, 412, 429, 500, 503] {
            assert!(!Answer::is_refusal(StatusCode::from_u16(status).unwrap()), "{status}");
        }
    }
}
