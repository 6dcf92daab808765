//! Where jobs, executions, artifacts and recipients are kept.

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
use crate::domain::artifact::ArtifactSet;
use crate::domain::execution::Execution;
use crate::domain::id::{ArtifactId, ExecutionId, JobId, Owner, RecipientName, WorkerId};
use crate::domain::job::{Job, JobChange};
use crate::domain::notice::Notice;
use crate::domain::pairing::StoreLink;
use crate::domain::recipient::Recipient;
use crate::domain::settling::{Open, QueuePlace};

/// The record of everything: what shall run, what ran, what there is to download.
///
/// # Contract
/// Every method is one transaction: all of it or nothing, durable when it returns. The catalog decides
/// nothing: transitions are made by `domain`, the catalog stores them if what they started from is
/// still there. Methods that take an [`Owner`] see nothing of other owners (rule J15).
///
/// # Errors
/// [`CatalogErrorKind::Conflict`] when the expected version has been overtaken;
/// [`CatalogErrorKind::Fenced`] when the claim has been lost.
///
/// # Cancel safety
/// A dropped call may or may not have happened; callers re-read.
///
/// # Ordering
/// A call sees the effects of every call that returned before it started, in any process.
///
/// # Idempotency
/// Storing the same submission, change or publication again is a conflict or has no effect.
#[async_trait]
pub trait Catalog: Debug + Send + Sync {
    /// Stores a new job, with its first execution if it has one (rule J8).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if a job of this id exists, or a recipient that it names does not.
    async fn insert_job(&self, job: &Job, first: Option<&Execution>) -> Result<(), CatalogError>;

    /// Stores a job whose stored revision is `expected`, under the revision after it, with what its change
    /// does to the record. A scheduled entry that is on the record already is left as it is. Every claim of an
    /// execution that waited moves the revision on, so that what a decision saw waiting still waits.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if the job has another revision, if another entry is on the record
    /// already, or if a recipient that the job names does not exist.
    async fn change_job(&self, change: &JobChange, expected: u64) -> Result<(), CatalogError>;

    /// A job of this owner; a deleted one is none.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn job(&self, owner: &Owner, id: JobId) -> Result<Option<JobOverview>, CatalogError>;

    /// A page of the owner's jobs.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn jobs(&self, owner: &Owner, query: &JobQuery) -> Result<Page<JobOverview>, CatalogError>;

    /// Executions of a job of this owner that have not ended: what a worker ever had, then up to `limit` (at least
    /// 1) of those that wait for their first claim, by their place in the queue. Behind a place only such that wait.
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

    /// What a round puts on the record, of all owners. First jobs whose last change is not settled
    /// ([`Job::unsettled`]), with the next of what waits; then active ones with a slot at or before `now`, earliest
    /// first, with what their newest slot may cover. Cost grows with the number of due jobs that are asked for, neither with that of all jobs nor with
    /// what waits; fewer are given when those before them have [`WAITING_MAX`] executions that wait. A row that is
    /// not understood is passed over with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueJob>, CatalogError>;

    /// Jobs of all owners that may lie ahead of a clock ([`ahead`](crate::domain::ahead)): all that have a slot, a
    /// watermark, an end of tiling windows or a suspension later than `after`, or were completed. A row that is not
    /// understood is passed over with a warning. Looks at all jobs, which is for once an hour. A catalog that does
    /// not answer this gives none.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn ahead(&self, after: DateTime<Utc>) -> Result<Vec<Job>, CatalogError> {
        let _ = after;
        Ok(Vec::new())
    }

    /// The newest instant before `before` at which an execution of any owner was put on the record, or `None`. A
    /// catalog that does not answer this gives none.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn newest_before(&self, before: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, CatalogError> {
        let _ = before;
        Ok(None)
    }

    /// What lies ahead, over all owners. A row that is not understood is not ahead: nothing will come of it, and
    /// whoever waits for the end of all work must not wait for it.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn agenda(&self) -> Result<Agenda, CatalogError>;

    /// Gives queued executions to a worker, by their place in the queue (rules E2, W6): none before its
    /// `not_before`, none of a job of which one runs, and of a job that has begun one and waits to try it
    /// again, only that one, and none that its job does not let begin ([`Job::may_begin`]). Each is begun with its job ([`Execution::begin`]): one that is covered is stored
    /// as skipped and not given. The job is changed in the same transaction
    /// ([`lifecycle::started`](crate::domain::lifecycle::started)).
    ///
    /// Executions whose worker is dead or whose lease has run out are first taken from it
    /// ([`Execution::failed`] with [`Failure::crashed`](crate::domain::failure::Failure::crashed),
    /// [`lifecycle::ended`](crate::domain::lifecycle::ended) if that was the end); what the asking worker holds
    /// never is. A row that is not understood is passed over with a warning: it must not keep others from running.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError>;

    /// Renews the leases of a worker's executions and stores their progress, in one batch; the answer
    /// has one directive per beat, in order. A lost beat costs nothing but freshness.
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

    /// Makes an artifact set visible and its execution succeeded, and changes its job as
    /// [`lifecycle::ended`](crate::domain::lifecycle::ended) says, which moves the watermark (invariant I3).
    /// Requires the execution to be running in the fence's epoch, and nobody to have been told that it stops
    /// ([`Execution::published`], rule E8).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`] if it is not; [`CatalogErrorKind::Cancelled`] if somebody was: its worker
    /// then settles it as [`Settlement::Cancelled`]; [`CatalogErrorKind::Conflict`] if the watermark is not where
    /// the window starts. After any other error the outcome is unknown: re-read.
    async fn publish(&self, fence: Fence, publication: &Publication) -> Result<(), CatalogError>;

    /// Ends a running attempt without success, and changes the job if that was the end of the execution.
    /// Requires the fence like [`publish`](Catalog::publish).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`].
    async fn settle(
        &self,
        fence: Fence,
        settlement: &Settlement,
        now: DateTime<Utc>,
    ) -> Result<Execution, CatalogError>;

    /// Stores an execution of this owner as a person changed it, if it is still in the status and the epoch
    /// of `before` (rule E8).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if it is not.
    async fn change_execution(&self, before: &Execution, after: &Execution) -> Result<(), CatalogError>;

    /// Takes an execution that has ended off the history (rule E9), and marks what it published as removed.
    /// Its files are given by [`removals`](Catalog::removals) until they are confirmed as gone, and what it
    /// may have left in the store stays known to [`standing`](Catalog::standing).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if it has not ended, or its set is on hold.
    async fn delete_execution(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError>;

    /// An execution of this owner, with its files that can be had at `now`.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn execution(
        &self,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
    ) -> Result<Option<ExecutionOverview>, CatalogError>;

    /// Whether what a claim stored is wanted. Asked by the sweep, for executions of any owner.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn standing(&self, fence: Fence) -> Result<Standing, CatalogError>;

    /// A page of the owner's executions, each with its files that can be had at `now`.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn executions(
        &self,
        owner: &Owner,
        query: &ExecutionQuery,
        now: DateTime<Utc>,
    ) -> Result<Page<ExecutionOverview>, CatalogError>;

    /// The number of records of the job's last success, to estimate the next one (rule E7).
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn last_records(&self, job: JobId) -> Result<Option<u64>, CatalogError>;

    /// A page of the owner's artifacts; files that were removed are not among them.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn artifacts(
        &self,
        owner: &Owner,
        query: &ArtifactQuery,
    ) -> Result<Page<ArtifactOverview>, CatalogError>;

    /// One artifact of this owner; a file that was removed is none.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn artifact(&self, owner: &Owner, id: ArtifactId)
    -> Result<Option<ArtifactOverview>, CatalogError>;

    /// What an execution published and is not removed; `None` if that is nothing.
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
    /// [`CatalogErrorKind::Conflict`] if there is no such set any more.
    async fn hold(&self, owner: &Owner, execution: ExecutionId, hold: bool) -> Result<(), CatalogError>;

    /// Marks files of this owner as removed, all or none (rule A8); of a set that has none left, the set.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if one of them is gone already, or on hold.
    async fn delete_artifacts(
        &self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError>;

    /// Records that files of this owner were downloaded (rule A8); ids of others are passed over.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn record_download(
        &self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        at: DateTime<Utc>,
    ) -> Result<(), CatalogError>;

    /// Marks up to `limit` sets that expired at `now` and are not on hold as removed (rule A7); gives how
    /// many.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn expire(&self, now: DateTime<Utc>, limit: usize) -> Result<usize, CatalogError>;

    /// Up to `limit` removals that are marked and whose files are not confirmed as gone, oldest first: a
    /// crash between the two repeats the deletion, which is idempotent. A row that is not understood is
    /// passed over with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn removals(&self, limit: usize) -> Result<Vec<Removal>, CatalogError>;

    /// Confirms that the files of a removal are gone.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn confirm_removed(&self, removal: &Removal, now: DateTime<Utc>) -> Result<(), CatalogError>;

    /// Up to `limit` notices that nobody has confirmed, of all owners, oldest first. Each was stored in the
    /// transaction that ended its execution ([`Notice::of`](crate::domain::notice::Notice::of), rule N2). A row
    /// that is not understood is passed over with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn notices(&self, limit: usize) -> Result<Vec<Notice>, CatalogError>;

    /// Takes the notice of an execution off the list. Idempotent.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn confirm_notice(&self, execution: ExecutionId) -> Result<(), CatalogError>;

    /// Which artifact store belongs to the catalog; `None` before they have met. See [`domain::pairing`](crate::domain::pairing).
    ///
    /// # Errors
    /// If the catalog cannot be read, or does not keep this: then it cannot be paired.
    async fn store(&self) -> Result<Option<StoreLink>, CatalogError> {
        Err(unpaired())
    }

    /// Keys of the manifests of up to `limit` sets of all owners that are not removed, those published last first.
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
    /// [`CatalogErrorKind::Conflict`] if what is recorded is not `expected` any more.
    async fn set_store(&self, expected: Option<StoreLink>, link: StoreLink) -> Result<(), CatalogError> {
        let _ = (expected, link);
        Err(unpaired())
    }

    /// Stores a recipient.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if the owner has one of this name.
    async fn insert_recipient(&self, recipient: &Recipient) -> Result<(), CatalogError>;

    /// The owner's recipients, ordered by name.
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

/// The answer of a catalog that keeps no record of its store.
fn unpaired() -> CatalogError {
    CatalogError::new(CatalogErrorKind::Unavailable, "this catalog keeps no record of its artifact store")
}

/// What went wrong in a catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogErrorKind {
    /// Not reachable, or locked by another process for too long; a retry may help.
    Unavailable,
    /// No room left.
    Full,
    /// What was expected has been overtaken.
    Conflict,
    /// The claim has been lost.
    Fenced,
    /// A person was told that the execution stops (rule E8): it is not published.
    Cancelled,
    /// What is stored is not understood.
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
