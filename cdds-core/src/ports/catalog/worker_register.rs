//! The workers that use the catalog, so that people see who works.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::CatalogError;
use super::query::WorkerOverview;
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{Owner, WorkerId};
use crate::domain::work::worker::{WorkerEntry, WorkerFacts};

/// Remembers the workers, their signs of life (rule E19), and who of them drains (rule E20;
/// [`domain::work::worker`](crate::domain::work::worker)). Nothing else goes by it: who holds an execution, and for
/// how long, is up to its claim.
///
/// The contract is that of [`Catalog`](super::Catalog), except that a sign of life may be lost in a power cut.
#[async_trait]
pub trait WorkerRegister: Debug + Send + Sync {
    /// Records a sign of life at the present of the catalog's clock, which counts for as long as `lease`
    /// ([`WorkerEntry::attended`](crate::domain::work::worker::WorkerEntry::attended)). Puts a worker on record
    /// that is not yet. A lost sign costs nothing but freshness. Returns the entry afterwards.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn attend(
        &self,
        worker: &WorkerId,
        facts: &WorkerFacts,
        lease: Duration,
    ) -> Result<WorkerEntry, CatalogError>;

    /// Asks a worker to drain, or no longer to, at the present of the catalog's clock
    /// ([`WorkerEntry::drained`]; rule E20). Returns the entry afterwards; `None` if the worker is not on record.
    /// Stores the audit entries only with a change.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn drain(
        &self,
        worker: &WorkerId,
        draining: bool,
        audit: &[AuditRecord],
    ) -> Result<Option<WorkerEntry>, CatalogError>;

    /// Records that a worker has ended in good order
    /// ([`WorkerEntry::left`](crate::domain::work::worker::WorkerEntry::left)). Has no effect on its claims, nor
    /// if it is not on record.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn leave(&self, worker: &WorkerId) -> Result<(), CatalogError>;

    /// Lists up to `limit` workers in their [order](crate::domain::work::worker::sort), each with what it runs of
    /// this owner. `now` judges who is gone, where processes cannot be seen. Skips rows that cannot be decoded,
    /// with a warning; executions that cannot be decoded are counted and not named.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn workers(
        &self,
        owner: &Owner,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<WorkerOverview>, CatalogError>;

    /// Forgets workers at the present of the catalog's clock
    /// ([`forgotten`](crate::domain::work::worker::forgotten)). Returns their number.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn forget_workers(&self) -> Result<usize, CatalogError>;
}
