//! Endpoints: who is called where, and with which keys the calls are signed.

use std::fmt;

use cdds_core::domain::id::{Owner, Subscriber};
use cdds_core::domain::source::Visibility;
use hyper::Uri;
use hyper::http::uri::Scheme;

use super::keys::{Key, KeyError};
use crate::net::{AddressPolicy, Net};
use crate::secret::Secret;

/// An endpoint that a service has registered. Its URL, which may hold a token, is shown without path and query.
#[derive(Clone)]
pub struct Endpoint {
    name: Subscriber,
    url: Uri,
    keys: Vec<Secret>,
    visibility: Visibility,
    policy: Option<AddressPolicy>,
}

/// A URL that cannot be an endpoint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is not a URL.
    #[error("the URL of endpoint {name} cannot be read: write https://, a host in ASCII (xn--…) and a path")]
    Url {
        /// The endpoint.
        name: Subscriber,
    },
    /// The way to it is not encrypted.
    #[error(
        "the URL of endpoint {name} does not begin with https://: use https, or allow http for this endpoint"
    )]
    Plain {
        /// The endpoint.
        name: Subscriber,
    },
    /// It holds a user or a password.
    #[error(
        "the URL of endpoint {name} holds a user or a password, which is not sent: calls prove themselves by their signatures"
    )]
    UserInfo {
        /// The endpoint.
        name: Subscriber,
    },
}

impl Endpoint {
    /// Describes an endpoint that all owners see. `url` begins with `https://`; `key` is where a key is, either
    /// symmetric (`whsec_…`) or the private half of a pair (`whsk_…`).
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn new(name: Subscriber, url: &str, key: Secret) -> Result<Self, EndpointError> {
        let endpoint = Self::over_http(name, url, key)?;
        if endpoint.is_plain() {
            return Err(EndpointError::Plain { name: endpoint.name });
        }
        Ok(endpoint)
    }

    /// Describes an endpoint whose URL may also begin with `http://`, so that others can read along.
    ///
    /// # Errors
    /// [`EndpointError`].
    pub fn over_http(name: Subscriber, url: &str, key: Secret) -> Result<Self, EndpointError> {
        let Ok(url) = url.parse::<Uri>() else { return Err(EndpointError::Url { name }) };
        match url.scheme_str() {
            Some("https" | "http") => {}
            Some(_) => return Err(EndpointError::Plain { name }),
            None => return Err(EndpointError::Url { name }),
        }
        if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(EndpointError::UserInfo { name });
        }
        if url.host().is_none_or(str::is_empty) {
            return Err(EndpointError::Url { name });
        }
        Ok(Self { name, url, keys: vec![key], visibility: Visibility::default(), policy: None })
    }

    /// Adds a key. Each call carries a signature by every key, so a receiver may go over from one to the next at any
    /// time while both are registered.
    #[must_use]
    pub fn with_key(mut self, key: Secret) -> Self {
        self.keys.push(key);
        self
    }

    /// Replaces the owners whose jobs may call it.
    #[must_use]
    pub fn with_visibility(self, visibility: Visibility) -> Self {
        Self { visibility, ..self }
    }

    /// Replaces which addresses it may have; by default those that the notifier's [`Net`] allows.
    #[must_use]
    pub fn with_policy(self, policy: AddressPolicy) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// Returns the name by which jobs call it.
    pub fn name(&self) -> &Subscriber {
        &self.name
    }

    /// Returns the public halves of its keys, `whpk_…`, with which receivers verify signatures of kind `v1a`.
    ///
    /// # Errors
    /// [`KeyError`] if a key cannot be read.
    pub fn public_keys(&self) -> Result<Vec<String>, KeyError> {
        Ok(self.keys()?.iter().filter_map(Key::public).collect())
    }

    pub(super) fn keys(&self) -> Result<Vec<Key>, KeyError> {
        self.keys.iter().map(Key::read).collect()
    }

    pub(super) fn is_visible_to(&self, owner: &Owner) -> bool {
        self.visibility.is_visible_to(owner)
    }

    /// Returns the network as this endpoint may use it.
    pub(super) fn net(&self, net: &Net) -> Net {
        let net = net.clone();
        self.policy.clone().into_iter().fold(net, Net::with_policy)
    }

    pub(super) fn is_plain(&self) -> bool {
        self.url.scheme() != Some(&Scheme::HTTPS)
    }

    /// Returns the host, an IPv6 address without its brackets.
    pub(super) fn host(&self) -> &str {
        self.url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.url.port_u16().unwrap_or(if self.is_plain() { 80 } else { 443 })
    }

    /// Returns host and port as the header `host` has them.
    pub(super) fn authority(&self) -> &str {
        self.url.authority().map_or("", |authority| authority.as_str())
    }

    /// Returns path and query.
    pub(super) fn target(&self) -> &str {
        self.url.path_and_query().map_or("/", |target| target.as_str())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "endpoint {} at {}://{}",
            self.name,
            self.url.scheme_str().unwrap_or_default(),
            self.authority()
        )
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&format_args!("{self}")).field(&self.keys).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Result<Endpoint, EndpointError> {
        Endpoint::new(Subscriber::new("billing").unwrap(), url, Secret::env("WEBHOOK_KEY"))
    }

    #[test]
    fn n9_a_url_is_taken_apart_and_shown_without_its_path() {
        let found = endpoint("https://hooks.example.com:8443/in?token=s3cret").unwrap();
        assert_eq!(
            (found.host(), found.port(), found.target()),
            ("hooks.example.com", 8443, "/in?token=s3cret")
        );
        assert_eq!(found.to_string(), "endpoint billing at https://hooks.example.com:8443");
        assert!(!format!("{found:?}").contains("s3cret"));
        let found = endpoint("https://[2606:4700::1111]").unwrap();
        assert_eq!((found.host(), found.port(), found.target()), ("2606:4700::1111", 443, "/"));
    }

    #[test]
    fn n9_urls_that_could_mislead_are_refused_without_being_shown() {
        for url in [
            "",
            "/in",
            "hooks.example.com",
            "http://hooks.example.com/",
            "file:///etc/passwd",
            "gopher://hooks.example.com/",
            "https://user:s3cret@hooks.example.com/",
            "https://user@hooks.example.com/",
            "https://hooks.example.com/a b",
            "https://hooks.example.com/\r\nx: s3cret",
            "https://hooks.example.com\t/",
            "https://höoks.example.com/",
            "https:///in",
        ] {
            let told = endpoint(url).unwrap_err().to_string();
            assert!(told.contains("endpoint billing") && !told.contains("s3cret"), "{url}: {told}");
        }
        let name = Subscriber::new("billing").unwrap();
        assert!(Endpoint::over_http(name, "http://hooks.example.com/", Secret::env("K")).unwrap().is_plain());
    }
}
