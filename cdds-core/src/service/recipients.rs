//! Certificates for which exports are sealed.

use chrono::SubsecRound;

use super::{ServiceError, jobs};
use crate::domain::id::{JobId, Owner, RecipientName};
use crate::domain::recipient::Recipient;
use crate::domain::violation::{Code, RuleViolation};
use crate::ports::Ports;
use crate::ports::catalog::{CatalogErrorKind, RecipientRemoval};

/// The recipients of all owners; each call names one.
#[derive(Debug, Clone)]
pub struct Recipients {
    ports: Ports,
}

impl Recipients {
    /// Over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Stores a certificate, PEM or DER, under a name (rules S1, S2).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] if the certificate cannot be used or the name is taken.
    pub async fn add(
        &self,
        owner: &Owner,
        name: RecipientName,
        certificate: &[u8],
    ) -> Result<Recipient, ServiceError> {
        let now = self.ports.clock.now().trunc_subsecs(6);
        let facts = self.ports.certificates.inspect(certificate, now).map_err(jobs::refusal)?;
        let recipient = Recipient { owner: owner.clone(), name, certificate: facts, added_at: now };
        match self.ports.catalog.insert_recipient(&recipient).await {
            Err(error) if error.kind() == CatalogErrorKind::Conflict => Err(RuleViolation::new(
                Code::RecipientExists,
                format!("a recipient {} is stored already: choose another name", recipient.name),
            )
            .into()),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(recipient),
        }
    }

    /// Removes a certificate that no job uses (rule J15).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] while a job, or an execution that has not ended, uses it;
    /// [`ServiceError::NotFound`].
    pub async fn remove(&self, owner: &Owner, name: &RecipientName) -> Result<(), ServiceError> {
        match self.ports.catalog.remove_recipient(owner, name).await? {
            RecipientRemoval::Removed => Ok(()),
            RecipientRemoval::Missing => {
                Err(ServiceError::NotFound { what: "recipient", id: name.to_string() })
            }
            RecipientRemoval::InUse(jobs) => Err(in_use(name, &jobs).into()),
        }
    }

    /// The owner's recipients, ordered by name.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn list(&self, owner: &Owner) -> Result<Vec<Recipient>, ServiceError> {
        Ok(self.ports.catalog.recipients(owner).await?)
    }
}

fn in_use(name: &RecipientName, jobs: &[JobId]) -> RuleViolation {
    let some: Vec<String> = jobs.iter().take(3).map(ToString::to_string).collect();
    let more = if jobs.len() > some.len() { ", …" } else { "" };
    RuleViolation::new(
        Code::RecipientInUse,
        format!(
            "recipient {name} is used by job {}{more}: edit or delete what uses it, then remove the recipient",
            some.join(", ")
        ),
    )
}
