//! A stored certificate.

use cdds_core::domain::id::RecipientName;
use cdds_core::domain::recipient::{CertificateDetails, Recipient};
use serde::{Deserialize, Serialize};

use crate::instant::Instant;

/// A recipient: the certificate that an owner stored under a name (rule S1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RecipientView {
    /// The name by which jobs seal for it.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: RecipientName,
    /// SHA-256 of the certificate's DER, 64 lower-case hexadecimal digits.
    pub fingerprint: String,
    /// The subject's distinguished name, for people.
    pub subject: String,
    /// The issuer's distinguished name, for people; null if the certificate was not looked into.
    pub issuer: Option<String>,
    /// The serial number, two upper-case hexadecimal digits a byte; null likewise.
    pub serial: Option<String>,
    /// The kind of its public key, such as `RSA`; null likewise.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::KeyType>))]
    pub key_type: Option<String>,
    /// The size of its public key in bits; null likewise.
    pub key_bits: Option<u32>,
    /// The first instant of validity.
    pub not_before: Instant,
    /// The last instant of validity.
    pub not_after: Instant,
    /// When the certificate was stored.
    pub added_at: Instant,
    /// What is unusual but allowed, each a sentence for people (rule S2).
    pub warnings: Vec<String>,
}

impl RecipientView {
    /// Returns the view of a recipient and of the details of its certificate, as
    /// [`Recipients::details`](cdds_core::service::recipients::Recipients::details) gives them.
    pub fn new(recipient: Recipient, details: Option<CertificateDetails>) -> Self {
        let facts = recipient.certificate;
        let key = details.as_ref().map(|details| (details.key_type.as_str().to_owned(), details.key_bits));
        let (key_type, key_bits) = key.unzip();
        let (issuer, serial) = details.map(|details| (details.issuer, details.serial)).unzip();
        Self {
            name: recipient.name,
            fingerprint: facts.fingerprint,
            subject: facts.subject,
            issuer,
            serial,
            key_type,
            key_bits,
            not_before: Instant(facts.not_before),
            not_after: Instant(facts.not_after),
            added_at: Instant(recipient.added_at),
            warnings: facts.warnings,
        }
    }

    /// `RSA 3072`; empty if the certificate was not looked into.
    pub fn key_words(&self) -> String {
        match (&self.key_type, self.key_bits) {
            (Some(key_type), Some(bits)) => format!("{key_type} {bits}"),
            _ => String::new(),
        }
    }
}

impl From<Recipient> for RecipientView {
    fn from(recipient: Recipient) -> Self {
        Self::new(recipient, None)
    }
}

/// What a renewal has made of a recipient (rule S3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RenewalView {
    /// The recipient as it is now.
    pub recipient: RecipientView,
    /// The fingerprint of the certificate that it had before; null if it had this one already, and nothing was
    /// changed.
    pub replaced: Option<String>,
}

impl RenewalView {
    /// Returns the view of a renewal: the recipient as it is now, and the fingerprint of the certificate before.
    pub const fn new(recipient: RecipientView, replaced: Option<String>) -> Self {
        Self { recipient, replaced }
    }
}
