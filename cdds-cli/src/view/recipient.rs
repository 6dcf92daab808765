//! A stored certificate.

use cdds_core::domain::recipient::Recipient;
use serde::Serialize;

use super::{Instant, UNKNOWN};
use crate::output::View;

#[derive(Debug, Serialize)]
pub(crate) struct RecipientView {
    name: String,
    fingerprint: String,
    subject: String,
    not_before: Instant,
    not_after: Instant,
    warnings: Vec<String>,
}

impl From<Recipient> for RecipientView {
    fn from(recipient: Recipient) -> Self {
        let facts = recipient.certificate;
        Self {
            name: recipient.name.to_string(),
            fingerprint: facts.fingerprint,
            subject: facts.subject,
            not_before: Instant(facts.not_before),
            not_after: Instant(facts.not_after),
            warnings: facts.warnings,
        }
    }
}

impl RecipientView {
    fn warnings_words(&self) -> String {
        if self.warnings.is_empty() { UNKNOWN.to_owned() } else { self.warnings.join(" ") }
    }
}

impl View for RecipientView {
    const COLUMNS: &'static [&'static str] = &["name", "subject", "valid until", "fingerprint", "warnings"];

    fn row(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.subject.clone(),
            self.not_after.short(),
            self.fingerprint.clone(),
            self.warnings.len().to_string(),
        ]
    }

    fn details(&self) -> Vec<(&'static str, String)> {
        vec![
            ("name", self.name.clone()),
            ("fingerprint", self.fingerprint.clone()),
            ("subject", self.subject.clone()),
            ("valid from", self.not_before.to_string()),
            ("valid until", self.not_after.to_string()),
            ("warnings", self.warnings_words()),
        ]
    }
}
