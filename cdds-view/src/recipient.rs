//! A stored certificate.

use cdds_core::domain::id::RecipientName;
use cdds_core::domain::recipient::Recipient;
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
    /// The first instant of validity.
    pub not_before: Instant,
    /// The last instant of validity.
    pub not_after: Instant,
    /// What is unusual but allowed, each a sentence for people (rule S2).
    pub warnings: Vec<String>,
}

impl From<Recipient> for RecipientView {
    fn from(recipient: Recipient) -> Self {
        let facts = recipient.certificate;
        Self {
            name: recipient.name,
            fingerprint: facts.fingerprint,
            subject: facts.subject,
            not_before: Instant(facts.not_before),
            not_after: Instant(facts.not_after),
            warnings: facts.warnings,
        }
    }
}
