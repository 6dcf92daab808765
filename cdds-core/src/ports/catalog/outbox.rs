//! The notices that wait for their delivery.

use std::fmt::Debug;

use async_trait::async_trait;

use super::CatalogError;
use crate::domain::execution::notice::Notice;
use crate::domain::id::ExecutionId;

/// Stores notices until somebody has delivered them (rule N2).
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait Outbox: Debug + Send + Sync {
    /// Returns up to `limit` unconfirmed notices of all owners, oldest first. Each was stored in the
    /// transaction that ended its execution ([`Notice::of`](crate::domain::execution::notice::Notice::of),
    /// rule N2). Skips rows that cannot be decoded, with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn notices(&self, limit: usize) -> Result<Vec<Notice>, CatalogError>;

    /// Confirms the notice of an execution, which removes it from the list. Idempotent.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn confirm_notice(&self, execution: ExecutionId) -> Result<(), CatalogError>;
}
