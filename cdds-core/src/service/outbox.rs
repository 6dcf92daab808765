//! What is to be told of executions that have ended, for services that send e-mails or call webhooks.

use crate::domain::id::ExecutionId;
use crate::domain::notice::Notice;
use crate::ports::Ports;
use crate::ports::catalog::CatalogError;

/// The notices of all owners that nobody has confirmed yet (rule N2). A notice is stored in the transaction
/// that ends its execution: never before what was published can be downloaded, and never lost. Whoever sends
/// them confirms each one after it was sent, so that it is sent at least once.
#[derive(Debug, Clone)]
pub struct Outbox {
    ports: Ports,
}

impl Outbox {
    /// Over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Up to `limit` notices, oldest first.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn pending(&self, limit: usize) -> Result<Vec<Notice>, CatalogError> {
        self.ports.catalog.notices(limit).await
    }

    /// Takes the notice of this execution off the list: it was sent. Idempotent.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    pub async fn confirm(&self, execution: ExecutionId) -> Result<(), CatalogError> {
        self.ports.catalog.confirm_notice(execution).await
    }
}
