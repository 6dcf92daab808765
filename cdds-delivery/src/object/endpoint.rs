//! Where a service is asked.

use cdds_core::ports::destination::{DestinationError, DestinationErrorKind as Kind};
use hyper::Uri;

/// A host and a port, and whether TLS is spoken there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    host: String,
    port: u16,
    is_open: bool,
}

impl Endpoint {
    /// Reads where an address leads.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let is_open = match uri.scheme_str()? {
            "http" => true,
            "https" => false,
            _ => return None,
        };
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if is_open { 80 } else { 443 });
        Some(Self { host, port, is_open })
    }

    /// Checks the address of a service.
    pub(super) fn parse(text: &str) -> Result<Self, DestinationError> {
        let uri = text.parse::<Uri>().ok();
        let plain = uri.filter(|uri| {
            uri.query().is_none()
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        });
        plain.and_then(|uri| Self::of(&uri)).ok_or_else(|| {
            // It may hold a password, and so is not repeated.
            let context = "the endpoint is no address of a service: write it like https://store.example:9000";
            DestinationError::new(Kind::Refused, context)
        })
    }

    /// Returns whether an address is one over plain HTTP.
    pub(super) fn is_open(address: &str) -> bool {
        address.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn speaks_tls(&self) -> bool {
        !self.is_open
    }

    /// Returns the host for TLS, which writes addresses without brackets.
    pub(super) fn name(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_what_is_none_is_refused_without_repeating_it() {
        let read = |text: &str| Endpoint::parse(text).map(|found| (found.host, found.port, found.is_open));
        assert_eq!(read("https://Store.example").unwrap(), ("store.example".to_owned(), 443, false));
        assert_eq!(read("http://[::1]:9000/account").unwrap(), ("[::1]".to_owned(), 9000, true));
        for wrong in
            ["", "store.example", "ftp://h", "https://", "https://u:s3cret@h", "https://h?token=s3cret"]
        {
            let told = read(wrong).unwrap_err().report();
            assert!(told.contains("write it like") && !told.contains("s3cret"), "{wrong}: {told}");
        }
        assert!(Endpoint::is_open("HTTP://h") && !Endpoint::is_open("https://h"));
    }
}
