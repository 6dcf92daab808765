//! Links by which a file is fetched from the store itself.

use std::fmt;

use crate::domain::access::link::{LinkLifetime, attachment};

/// What a link is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkRequest {
    /// The value of the header `Content-Disposition` that the store answers with: the name to save the file under.
    pub content_disposition: String,
    /// The media type that the store answers with.
    pub content_type: String,
    /// How long the link is valid.
    pub lifetime: LinkLifetime,
}

impl LinkRequest {
    /// Asks for a link to a file that is saved under this name, as bytes of no particular type.
    pub fn new(name: &str, lifetime: LinkLifetime) -> Self {
        Self {
            content_disposition: attachment(name),
            content_type: "application/octet-stream".to_owned(),
            lifetime,
        }
    }
}

/// A link to an object. Whoever has it has the object, so it is a secret: it appears in no log, no error and no entry
/// of the audit, and its `Debug` form leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedLink(String);

impl SignedLink {
    /// Keeps a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// Returns the URL, for the one who may download.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SignedLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignedLink(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_not_seen_in_its_debug_form() {
        let link = SignedLink::new("https://store.example/e/1/1?X-Amz-Signature=5ec7e7");
        assert_eq!(format!("{link:?} {:?}", Some(&link)), "SignedLink(..) Some(SignedLink(..))");
        assert!(link.expose().ends_with("5ec7e7"));
    }
}
