//! The execution history.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::CatalogError;
use super::query::{ExecutionOverview, ExecutionQuery, Page};
use crate::domain::access::audit::AuditRecord;
use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, JobId, Owner};

/// Stores executions and answers questions about them (rules E8, E9).
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait ExecutionStore: Debug + Send + Sync {
    /// Looks up an owner's execution, with its files that are available at `now`.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn execution(
        &self,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
    ) -> Result<Option<ExecutionOverview>, CatalogError>;

    /// Returns a page of the owner's executions, each with its files that are available at `now`.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn executions(
        &self,
        owner: &Owner,
        query: &ExecutionQuery,
        now: DateTime<Utc>,
    ) -> Result<Page<ExecutionOverview>, CatalogError>;

    /// Stores a person's change to an owner's execution, if the execution still has the status and the epoch
    /// of `before` (rule E8). Keeps what its worker has stored since `before` was read: lease, progress and the
    /// frozen window (rule W3b).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if it does not.
    async fn change_execution(
        &self,
        before: &Execution,
        after: &Execution,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Deletes an execution that has ended from the history (rule E9), and marks its published files as
    /// removed. [`removals`](super::ArtifactStore::removals) returns those files until their deletion is
    /// confirmed, and [`standing`](super::WorkQueue::standing) still knows the execution for a month (rule
    /// E14), in case it left other files in the store.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the execution has not ended, or
    /// if its set is on hold.
    async fn delete_execution(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Returns the number of records of the job's last success, to estimate the next one (rule E7).
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn last_records(&self, job: JobId) -> Result<Option<u64>, CatalogError>;
}
