//! Rules S1, S2: for whom exports are sealed.

use chrono::{DateTime, Utc};

use super::id::{Owner, RecipientName};

/// A certificate that an owner stored under a name (rule S1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// To whom the recipient belongs.
    pub owner: Owner,
    /// How jobs name it; unique per owner.
    pub name: RecipientName,
    /// What the certificate says.
    pub certificate: CertificateFacts,
    /// When it was stored.
    pub added_at: DateTime<Utc>,
}

/// What a certificate says, as far as the rules ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The certificate itself, DER.
    pub der: Vec<u8>,
    /// SHA-256 of the DER, 64 lower-case hexadecimal digits.
    pub fingerprint: String,
    /// The subject's distinguished name, for people.
    pub subject: String,
    /// First instant of validity.
    pub not_before: DateTime<Utc>,
    /// Last instant of validity.
    pub not_after: DateTime<Utc>,
    /// What is unusual but allowed, each a sentence for people (rule S2).
    pub warnings: Vec<String>,
}
