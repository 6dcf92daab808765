//! Recipients.

use cdds_core::domain::recipient::{CertificateFacts, Recipient};
use cdds_core::ports::catalog::CatalogError;

use super::super::stored;
use super::{Reading, corrupt, micros};

/// A recipient.
#[derive(Debug)]
pub(in crate::catalog) struct RecipientRow {
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) der: Vec<u8>,
    pub(in crate::catalog) fingerprint: String,
    pub(in crate::catalog) subject: String,
    pub(in crate::catalog) not_before: i64,
    pub(in crate::catalog) not_after: i64,
    pub(in crate::catalog) warnings: String,
    pub(in crate::catalog) added_at: i64,
}

impl RecipientRow {
    pub(in crate::catalog) fn of(recipient: &Recipient) -> Result<Self, CatalogError> {
        let facts = &recipient.certificate;
        let name = recipient.name.to_string();
        Ok(Self {
            warnings: stored::warnings_to_json(&facts.warnings)
                .map_err(|error| corrupt("recipient", &name, error))?,
            name,
            owner: recipient.owner.to_string(),
            der: facts.der.clone(),
            fingerprint: facts.fingerprint.clone(),
            subject: facts.subject.clone(),
            not_before: micros(facts.not_before),
            not_after: micros(facts.not_after),
            added_at: micros(recipient.added_at),
        })
    }

    pub(in crate::catalog) fn into_recipient(self) -> Result<Recipient, CatalogError> {
        let row = Reading { table: "recipient", id: &self.name };
        Ok(Recipient {
            owner: row.parse(&self.owner)?,
            name: row.parse(&self.name)?,
            certificate: CertificateFacts {
                not_before: row.at(self.not_before)?,
                not_after: row.at(self.not_after)?,
                warnings: stored::warnings_from_json(&self.warnings).map_err(|error| row.corrupt(error))?,
                der: self.der,
                fingerprint: self.fingerprint,
                subject: self.subject,
            },
            added_at: row.at(self.added_at)?,
        })
    }
}
