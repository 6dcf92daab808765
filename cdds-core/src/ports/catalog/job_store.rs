//! The definitions of jobs.

use std::fmt::Debug;

use async_trait::async_trait;

use super::CatalogError;
use super::query::{JobOverview, JobQuery, Page};
use crate::domain::access::audit::AuditRecord;
use crate::domain::execution::Execution;
use crate::domain::execution::queue::QueuePlace;
use crate::domain::id::{JobId, Owner};
use crate::domain::job::settling::Open;
use crate::domain::job::{Job, JobChange};

/// Stores jobs (rules J1, J8, J10).
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait JobStore: Debug + Send + Sync {
    /// Stores a new job, with its first execution if it has one (rule J8).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if a job with this id exists, or if
    /// a recipient that it names does not exist.
    async fn insert_job(
        &self,
        job: &Job,
        first: Option<&Execution>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Replaces a job whose stored revision is `expected`, increments its revision and applies the effects of
    /// the change on its executions. Leaves a scheduled entry that is already recorded as it is. Every claim
    /// of a waiting execution increments the revision too, so executions that a decision saw waiting are
    /// still waiting when the change is stored.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the job has a different revision,
    /// if an entry that is not scheduled is already recorded, or if a recipient that the job names does not
    /// exist.
    async fn change_job(
        &self,
        change: &JobChange,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Looks up an owner's job. Returns `None` if it was deleted.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn job(&self, owner: &Owner, id: JobId) -> Result<Option<JobOverview>, CatalogError>;

    /// Returns a page of the owner's jobs.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn jobs(&self, owner: &Owner, query: &JobQuery) -> Result<Page<JobOverview>, CatalogError>;

    /// Returns executions of an owner's job that have not ended: first every one that a worker has ever
    /// claimed, then up to `limit` (at least 1) of those that wait for their first claim, in queue order.
    /// With `behind`, returns only waiting executions after that place.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn open_executions(
        &self,
        owner: &Owner,
        job: JobId,
        behind: Option<QueuePlace>,
        limit: usize,
    ) -> Result<Open, CatalogError>;
}
