//! Notices about executions that have ended, for services that send e-mails or call webhooks.

use crate::domain::execution::notice::Notice;
use crate::domain::id::ExecutionId;
use crate::ports::Ports;
use crate::ports::catalog::CatalogError;

/// The unconfirmed notices of all owners (rule N2). A notice is stored in the transaction that ends its
/// execution, so it is never lost and never appears before the published files can be downloaded. Senders
/// confirm each notice after sending it, so each is sent at least once.
#[derive(Debug, Clone)]
pub struct Outbox {
    ports: Ports,
}

impl Outbox {
    /// Creates the outbox over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Returns up to `limit` notices, oldest first.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn pending(&self, limit: usize) -> Result<Vec<Notice>, CatalogError> {
        self.ports.catalog.notices(limit).await
    }

    /// Confirms that the notice of this execution was sent, which removes it from the list. Idempotent.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    pub async fn confirm(&self, execution: ExecutionId) -> Result<(), CatalogError> {
        self.ports.catalog.confirm_notice(execution).await
    }
}
