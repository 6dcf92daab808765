//! The catalog of jobs, executions, artifacts and recipients.

pub mod query;
mod work;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use self::query::{
    ArtifactOverview, ArtifactQuery, ExecutionOverview, ExecutionQuery, JobOverview, JobQuery, Page,
};
pub use self::work::{
    Agenda, Beat, Claim, Claimed, Directive, DueJob, Fence, Publication, QUEUED_COUNTED_MAX,
    RecipientRemoval, Removal, Settlement, Standing, WAITING_MAX,
};
use super::error::{PortError, PortErrorKind};
use super::sink::Key;
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::execution::Execution;
use crate::domain::execution::notice::Notice;
use crate::domain::execution::queue::QueuePlace;
use crate::domain::id::{ArtifactId, ExecutionId, JobId, Owner, RecipientName, WorkerId};
use crate::domain::job::settling::Open;
use crate::domain::job::{Job, JobChange};
use crate::domain::pairing::StoreLink;
use crate::domain::recipient::Recipient;

/// The record of all jobs, of the executions that are to run or have run, and of the artifacts to download.
///
/// # Contract
/// Every method is one atomic transaction, durable when it returns. The catalog makes no decisions: `domain`
/// computes the transitions, and the catalog stores them if the state they started from is still current.
/// Methods that take an [`Owner`] never see another owner's data (rule J15).
///
/// # Errors
/// [`CatalogErrorKind::Conflict`] if the expected version is no longer current; [`CatalogErrorKind::Fenced`]
/// if the claim has been lost.
///
/// # Cancel safety
/// A dropped call may or may not have taken effect; callers must read again.
///
/// # Ordering
/// A call sees the effects of every call that returned before it started, in any process.
///
/// # Idempotency
/// Storing the same submission, change or publication again either conflicts or has no effect.
#[async_trait]
pub trait Catalog: Debug + Send + Sync {
    /// Stores a new job, with its first execution if it has one (rule J8).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if a job with this id exists, or if a recipient that it names does not
    /// exist.
    async fn insert_job(&self, job: &Job, first: Option<&Execution>) -> Result<(), CatalogError>;

    /// Replaces a job whose stored revision is `expected`, increments its revision and applies the effects of
    /// the change on its executions. Leaves a scheduled entry that is already recorded as it is. Every claim
    /// of a waiting execution increments the revision too, so executions that a decision saw waiting are
    /// still waiting when the change is stored.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if the job has a different revision, if an entry that is not scheduled
    /// is already recorded, or if a recipient that the job names does not exist.
    async fn change_job(&self, change: &JobChange, expected: u64) -> Result<(), CatalogError>;

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

    /// Returns the jobs that a scheduling round has to handle, of all owners. Jobs whose last change is not
    /// settled ([`Job::unsettled`]) come first, each with the next of its waiting executions; then active
    /// jobs with a slot at or before `now`, earliest first, each with the executions that its newest slot may
    /// cover. The cost grows with `limit`, not with the number of all jobs or of all waiting executions.
    /// Returns fewer jobs once those before them have [`WAITING_MAX`] waiting executions. Skips rows that
    /// cannot be decoded, with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueJob>, CatalogError>;

    /// Returns the jobs of all owners that may lie ahead of a clock ([`ahead`](crate::domain::execution::ahead)): every
    /// job that is completed, or that has a slot, a watermark, an end of tiling windows or a suspension later
    /// than `after`. Skips rows that cannot be decoded, with a warning. Scans all jobs, so it is called only
    /// once an hour. The default implementation returns none.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn ahead(&self, after: DateTime<Utc>) -> Result<Vec<Job>, CatalogError> {
        let _ = after;
        Ok(Vec::new())
    }

    /// Returns the newest instant before `before` at which an execution of any owner was recorded, or `None`.
    /// The default implementation returns `None`.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn newest_before(&self, before: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, CatalogError> {
        let _ = before;
        Ok(None)
    }

    /// Returns the upcoming work of all owners. A row that cannot be decoded does not count as upcoming: it
    /// will never run, and a caller that waits for the end of all work must not wait for it.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn agenda(&self) -> Result<Agenda, CatalogError>;

    /// Assigns queued executions to a worker, as picked by [`pick`](crate::domain::execution::queue::pick)
    /// (rules E2, W6); the owner who was served last is kept from claim to claim, for all workers. Candidates
    /// are the executions at or after their `not_before` of jobs that have none running; executions of a
    /// source run if they are in progress and are not taken back by this claim. Each execution is begun against its job ([`Execution::begin`]): a covered one is
    /// stored as skipped and not assigned. The job is changed in the same transaction
    /// ([`lifecycle::started`](crate::domain::job::lifecycle::started)).
    ///
    /// First takes back executions whose worker is dead or whose lease has run out ([`Execution::failed`]
    /// with [`Failure::crashed`](crate::domain::execution::failure::Failure::crashed), then
    /// [`lifecycle::ended`](crate::domain::job::lifecycle::ended) if that was the end), but never those that the
    /// asking worker holds. Skips rows that cannot be decoded, with a warning: they must not keep other
    /// executions from running.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError>;

    /// Renews the leases of a worker's executions and stores their progress, in one batch. Returns one
    /// directive per beat, in order. A lost beat costs nothing but freshness.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn beat(
        &self,
        worker: &WorkerId,
        now: DateTime<Utc>,
        lease: Duration,
        beats: &[Beat],
    ) -> Result<Vec<Directive>, CatalogError>;

    /// Makes an artifact set visible and its execution succeeded, and changes its job as defined by
    /// [`lifecycle::ended`](crate::domain::job::lifecycle::ended), which moves the watermark (invariant I3).
    /// Requires that the execution is running in the fence's epoch, and that no person has been promised its
    /// cancellation ([`Execution::published`], rule E8).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`] if the execution is not running in that epoch;
    /// [`CatalogErrorKind::Cancelled`] if its cancellation was promised: its worker then settles it as
    /// [`Settlement::Cancelled`]; [`CatalogErrorKind::Conflict`] if the watermark is not at the start of the
    /// window. After any other error the outcome is unknown: read again.
    async fn publish(&self, fence: Fence, publication: &Publication) -> Result<(), CatalogError>;

    /// Ends a running attempt without success and, if that ends the execution, changes the job. Requires the
    /// fence like [`publish`](Catalog::publish).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`].
    async fn settle(
        &self,
        fence: Fence,
        settlement: &Settlement,
        now: DateTime<Utc>,
    ) -> Result<Execution, CatalogError>;

    /// Stores a person's change to an owner's execution, if the execution still has the status and the epoch
    /// of `before` (rule E8).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if it does not.
    async fn change_execution(&self, before: &Execution, after: &Execution) -> Result<(), CatalogError>;

    /// Deletes an execution that has ended from the history (rule E9), and marks its published files as
    /// removed. [`removals`](Catalog::removals) returns those files until their deletion is confirmed, and
    /// [`standing`](Catalog::standing) still knows the execution, in case it left other files in the store.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if the execution has not ended, or if its set is on hold.
    async fn delete_execution(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError>;

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

    /// Returns whether the stored files of a claim are wanted. Called by the sweep, for executions of any
    /// owner.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn standing(&self, fence: Fence) -> Result<Standing, CatalogError>;

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

    /// Returns the number of records of the job's last success, to estimate the next one (rule E7).
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn last_records(&self, job: JobId) -> Result<Option<u64>, CatalogError>;

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

    /// Puts the whole set of an execution on legal hold, or releases it (rule A7).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if the set no longer exists.
    async fn hold(&self, owner: &Owner, execution: ExecutionId, hold: bool) -> Result<(), CatalogError>;

    /// Marks files of this owner as removed, all or none (rule A8). A set with no files left is itself marked
    /// as removed.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if one of them is already gone or is on hold.
    async fn delete_artifacts(
        &self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError>;

    /// Records that files of this owner were downloaded (rule A8). Ignores ids of other files.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn record_download(
        &self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        at: DateTime<Utc>,
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

    /// Returns up to `limit` unconfirmed notices of all owners, oldest first. Each was stored in the
    /// transaction that ended its execution ([`Notice::of`](crate::domain::execution::notice::Notice::of), rule N2).
    /// Skips rows that cannot be decoded, with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn notices(&self, limit: usize) -> Result<Vec<Notice>, CatalogError>;

    /// Confirms the notice of an execution, which removes it from the list. Idempotent.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn confirm_notice(&self, execution: ExecutionId) -> Result<(), CatalogError>;

    /// Returns the artifact store that belongs to the catalog; `None` before the two are first paired. See
    /// [`domain::pairing`](crate::domain::pairing).
    ///
    /// # Errors
    /// If the catalog cannot be read, or if it keeps no such record and therefore cannot be paired.
    async fn store(&self) -> Result<Option<StoreLink>, CatalogError> {
        Err(unpaired())
    }

    /// Returns the manifest keys of up to `limit` sets of all owners that are not removed, most recently
    /// published first.
    ///
    /// # Errors
    /// As for [`store`](Catalog::store).
    async fn newest_manifests(&self, limit: usize) -> Result<Vec<Key>, CatalogError> {
        let _ = limit;
        Err(unpaired())
    }

    /// Records which store belongs to the catalog.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if the recorded store is no longer `expected`.
    async fn set_store(&self, expected: Option<StoreLink>, link: StoreLink) -> Result<(), CatalogError> {
        let _ = (expected, link);
        Err(unpaired())
    }

    /// Stores a recipient.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if the owner already has a recipient with this name.
    async fn insert_recipient(&self, recipient: &Recipient) -> Result<(), CatalogError>;

    /// Returns the owner's recipients, ordered by name.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn recipients(&self, owner: &Owner) -> Result<Vec<Recipient>, CatalogError>;

    /// Removes a recipient of this owner unless a job, or an execution that has not ended, names it (rule
    /// J15).
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn remove_recipient(
        &self,
        owner: &Owner,
        name: &RecipientName,
    ) -> Result<RecipientRemoval, CatalogError>;
}

/// Returns the error of a catalog that keeps no record of its store.
fn unpaired() -> CatalogError {
    CatalogError::new(CatalogErrorKind::Unavailable, "this catalog keeps no record of its artifact store")
}

/// The kinds of catalog error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogErrorKind {
    /// Not reachable, or locked by another process for too long; a retry may help.
    Unavailable,
    /// No room left.
    Full,
    /// The expected state is no longer current.
    Conflict,
    /// The claim has been lost.
    Fenced,
    /// A person was promised that the execution stops (rule E8): it must not be published.
    Cancelled,
    /// Stored data cannot be decoded.
    Corrupt,
    /// The schema is newer than this program.
    NewerSchema,
}

impl PortErrorKind for CatalogErrorKind {
    fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Full)
    }
}

/// An error of a [`Catalog`].
pub type CatalogError = PortError<CatalogErrorKind>;
