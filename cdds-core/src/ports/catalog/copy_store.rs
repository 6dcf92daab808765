//! What is on record of the copies that exports have made.

use std::fmt::Debug;

use async_trait::async_trait;

use super::CatalogError;
use crate::domain::access::audit::AuditRecord;
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::id::{ExecutionId, Owner};
use crate::domain::subject::copies::{CopyPlace, FilterNote, PublishedSet};

/// Stores which filters tell whom a set names (rule D10): with the set, when it is
/// [published](super::Publication::filter), and for as long as its execution is in the history, which is longer than the
/// set. They are listed among the [removals](super::ArtifactStore::removals) once the execution was deleted from the
/// history, or forgotten.
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait CopyStore: Debug + Send + Sync {
    /// Returns up to `limit` sets of this owner behind a place, those of the latest slots first: kept ones, and those that
    /// were removed but whose executions are in the history.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn published_sets(
        &self,
        owner: &Owner,
        behind: Option<CopyPlace>,
        limit: usize,
    ) -> Result<Vec<PublishedSet>, CatalogError>;

    /// Returns the set that an execution of this owner published, as it was then: with files that were removed since, and
    /// with their digests. Returns `None` if it has published nothing, or is not in the history.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn set_as_published(
        &self,
        owner: &Owner,
        execution: ExecutionId,
    ) -> Result<Option<ArtifactSet>, CatalogError>;

    /// Returns the filters of the set of an execution of any owner, as long as they are wanted; `None` if it has none.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn subject_filter(&self, execution: ExecutionId) -> Result<Option<FilterNote>, CatalogError>;

    /// Returns up to `limit` downloads of the files of an owner's set, latest first: those that have begun or ended, and
    /// links that were handed out (rule C3). Also those of files that were removed since.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn downloads_of(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, CatalogError>;
}
