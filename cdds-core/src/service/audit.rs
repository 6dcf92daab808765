//! The Audit page: who did what.

use super::ServiceError;
use super::access::check;
use super::copies::DOWNLOADS_MAX;
use crate::domain::access::audit::AuditRecord;
use crate::domain::access::{Action, Principal};
use crate::domain::id::ExecutionId;
use crate::ports::Ports;
use crate::ports::catalog::query::{AuditQuery, Page};

/// The audit of all owners; each call names one, by its principal (rule C2). Only administrators see it,
/// unless the host allows others [`Action::SeeAudit`].
#[derive(Debug, Clone)]
pub struct Audit {
    ports: Ports,
}

impl Audit {
    /// Creates the service over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Returns a page of the owner's entries.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`]; otherwise if the catalog cannot be read.
    pub async fn list(&self, by: &Principal, query: &AuditQuery) -> Result<Page<AuditRecord>, ServiceError> {
        check(&self.ports, by, Action::SeeAudit, None).await?;
        Ok(self.ports.catalog.audit(&by.owner, query).await?)
    }

    /// Returns who downloaded the files of an execution's set, or was handed a link, and when (rule C3): the latest 1,000,
    /// also of files that were removed since. Empty if nobody did.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`]; otherwise if the catalog cannot be read.
    pub async fn downloads_of(
        &self,
        by: &Principal,
        execution: ExecutionId,
    ) -> Result<Vec<AuditRecord>, ServiceError> {
        check(&self.ports, by, Action::SeeAudit, None).await?;
        Ok(self.ports.catalog.downloads_of(&by.owner, execution, DOWNLOADS_MAX).await?)
    }
}
