//! The published artifact sets.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::query::{ArtifactOverview, ArtifactQuery, Page};
use super::{CatalogError, Removal};
use crate::domain::access::audit::AuditRecord;
use crate::domain::archive::adoption::Adoption;
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::id::{ArtifactId, ExecutionId, Owner};
use crate::ports::sink::Key;

/// Stores which artifact sets were published, held, downloaded and removed (rules A7, A8).
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait ArtifactStore: Debug + Send + Sync {
    /// Returns a page of the owner's artifacts, without files that were removed.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn artifacts(
        &self,
        owner: &Owner,
        query: &ArtifactQuery,
    ) -> Result<Page<ArtifactOverview>, CatalogError>;

    /// Looks up an owner's artifact. Returns `None` if the file was removed.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn artifact(&self, owner: &Owner, id: ArtifactId)
    -> Result<Option<ArtifactOverview>, CatalogError>;

    /// Returns the set that an execution published, without removed files; `None` if nothing is left.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn artifact_set(
        &self,
        owner: &Owner,
        execution: ExecutionId,
    ) -> Result<Option<ArtifactSet>, CatalogError>;

    /// Returns the manifest keys of up to `limit` sets of all owners that are not removed, most recently
    /// published first.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn newest_manifests(&self, limit: usize) -> Result<Vec<Key>, CatalogError>;

    /// Takes a set of the store back into the record, in one transaction (rule E18): stores the execution, which
    /// was lost or had not succeeded, the set, and the change of the job, whose revision is `expected`. Stores no
    /// notice: subscribers were told when it was published.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the job or the execution has changed
    /// since the decision was made, or if the execution was deleted.
    async fn adopt(
        &self,
        adoption: &Adoption,
        expected: u64,
        set: &ArtifactSet,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Puts the whole set of an execution on legal hold, or releases it (rule A7).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the set no longer exists.
    async fn hold(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        hold: bool,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Marks files of this owner as removed, all or none (rule A8). A set with no files left is itself marked
    /// as removed.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if one of them is already gone or is
    /// on hold.
    async fn delete_artifacts(
        &self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Marks up to `limit` sets as removed that have expired at `now` and are not on hold (rule A7). Returns
    /// their number.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn expire(&self, now: DateTime<Utc>, limit: usize) -> Result<usize, CatalogError>;

    /// Returns up to `limit` removals that are marked but whose files are not confirmed as deleted, oldest
    /// first. A crash between deletion and confirmation repeats the deletion, which is idempotent. Skips rows
    /// that cannot be decoded, with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn removals(&self, limit: usize) -> Result<Vec<Removal>, CatalogError>;

    /// Confirms that the files of a removal are deleted.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn confirm_removed(&self, removal: &Removal, now: DateTime<Utc>) -> Result<(), CatalogError>;
}
