//! A stored certificate.

use cdds_core::domain::recipient::Recipient;
use serde::Serialize;

use super::Instant;
use crate::output::{Cell, View};

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

impl View for RecipientView {
    const COLUMNS: &'static [&'static str] = &["name", "subject", "valid until", "fingerprint", "warnings"];

    fn row(&self) -> Vec<Cell> {
        vec![
            self.name.as_str().into(),
            self.subject.as_str().into(),
            self.not_after.into(),
            Cell::Whole(self.fingerprint.clone()),
            Cell::Count(self.warnings.len() as u64),
        ]
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        vec![
            ("name", self.name.as_str().into()),
            ("fingerprint", self.fingerprint.as_str().into()),
            ("subject", self.subject.as_str().into()),
            ("valid from", self.not_before.into()),
            ("valid until", self.not_after.into()),
            ("warnings", self.warnings.join(" ").into()),
        ]
    }
}
