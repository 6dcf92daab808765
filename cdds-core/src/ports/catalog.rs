//! Where jobs, executions, artifacts and recipients are kept.

pub mod query;

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use self::query::{ArtifactQuery, ExecutionQuery, JobOverview, JobQuery, Page};
use super::error::{PortError, PortErrorKind};
use crate::domain::artifact::{Artifact, ArtifactSet};
use crate::domain::execution::Execution;
use crate::domain::failure::Failure;
use crate::domain::id::{ArtifactId, ExecutionId, JobId, Owner, WorkerId};
use crate::domain::job::Job;
use crate::domain::progress::Progress;
use crate::domain::recipient::Recipient;
use crate::domain::retry::RetryPolicy;
use crate::domain::schedule::ScheduleChange;

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
/// Storing the same submission, change of schedule or publication again is a conflict or has no effect.
#[async_trait]
pub trait Catalog: Debug + Send + Sync {
    /// Stores a new job, with its first execution if it has one (rule J8).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if a job of this id exists.
    async fn insert_job(&self, job: &Job, first: Option<&Execution>) -> Result<(), CatalogError>;

    /// Replaces a job whose stored version is `expected`.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if the job is gone or has another version.
    async fn update_job(&self, job: &Job, expected: u64) -> Result<(), CatalogError>;

    /// A job of this owner.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn job(&self, owner: &Owner, id: JobId) -> Result<Option<JobOverview>, CatalogError>;

    /// A page of the owner's jobs.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn jobs(&self, owner: &Owner, query: &JobQuery) -> Result<Page<JobOverview>, CatalogError>;

    /// Active jobs with a slot at or before `now`, of all owners, earliest first, with their queued
    /// executions that were never claimed. Cost grows with what is due, not with the number of jobs. A row
    /// that is not understood is passed over with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn due(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueJob>, CatalogError>;

    /// Stores a job (if its stored version is `expected`) with what its change does to the record: new
    /// entries, and queued executions that are now skipped. An entry that is on the record already, and a
    /// superseded execution that was claimed meanwhile, is left as it is.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`] if the job has another version.
    async fn reschedule(&self, change: &ScheduleChange, expected: u64) -> Result<(), CatalogError>;

    /// What lies ahead, over all owners.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn agenda(&self) -> Result<Agenda, CatalogError>;

    /// Gives queued executions to a worker: at most one running per job, in order of slot (rule E2),
    /// none before its `not_before`. Executions whose worker is dead or whose lease has run out are first
    /// taken from it ([`Execution::failed`] with [`Failure::crashed`]); what the asking worker holds never is.
    /// A row that is not understood is passed over with a warning: it must not keep others from running. A one-time job is completed in
    /// the same transaction ([`lifecycle::started`](crate::domain::lifecycle::started)).
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

    /// Makes an artifact set visible and its execution succeeded (invariant I3). Requires the execution
    /// to be running in the fence's epoch.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`] otherwise. After any other error the outcome is unknown: re-read.
    async fn publish(&self, fence: Fence, publication: &Publication) -> Result<(), CatalogError>;

    /// Ends a running attempt without success. Requires the fence like [`publish`](Catalog::publish).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`].
    async fn settle(
        &self,
        fence: Fence,
        settlement: &Settlement,
        now: DateTime<Utc>,
    ) -> Result<Execution, CatalogError>;

    /// An execution of this owner.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn execution(&self, owner: &Owner, id: ExecutionId) -> Result<Option<Execution>, CatalogError>;

    /// Whether what a claim stored is wanted. Asked by the sweep, for executions of any owner.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn standing(&self, fence: Fence) -> Result<Standing, CatalogError>;

    /// A page of the owner's executions.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn executions(
        &self,
        owner: &Owner,
        query: &ExecutionQuery,
    ) -> Result<Page<Execution>, CatalogError>;

    /// The number of records of the job's last success, to estimate the next one (rule E7).
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn last_records(&self, job: JobId) -> Result<Option<u64>, CatalogError>;

    /// A page of the owner's artifacts; files that were removed are not among them.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn artifacts(&self, owner: &Owner, query: &ArtifactQuery) -> Result<Page<Artifact>, CatalogError>;

    /// One artifact of this owner.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn artifact(&self, owner: &Owner, id: ArtifactId) -> Result<Option<Artifact>, CatalogError>;

    /// What an execution published; `None` if it published nothing or the set was removed.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn artifact_set(
        &self,
        owner: &Owner,
        execution: ExecutionId,
    ) -> Result<Option<ArtifactSet>, CatalogError>;

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

    /// Marks up to `limit` sets that expired at `now` and are not on hold as removed, and gives every
    /// set that is marked but whose files are not confirmed as gone: a crash between the two repeats
    /// the deletion, which is idempotent (rule A7).
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn expire(&self, now: DateTime<Utc>, limit: usize) -> Result<Vec<ExpiredSet>, CatalogError>;

    /// Confirms that the files of a set marked by [`expire`](Catalog::expire) are gone.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn confirm_removed(&self, execution: ExecutionId, now: DateTime<Utc>) -> Result<(), CatalogError>;

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
}

/// A job with due slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueJob {
    /// The job.
    pub job: Job,
    /// Its queued executions that were never claimed.
    pub waiting: Vec<Execution>,
}

/// What lies ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Agenda {
    /// The earliest next slot of an active job.
    pub next_due_at: Option<DateTime<Utc>>,
    /// The earliest `not_before` of a queued execution.
    pub next_queued_at: Option<DateTime<Utc>>,
    /// Executions waiting for a worker.
    pub queued: u64,
    /// Executions that some worker has.
    pub running: u64,
}

/// A request for work.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who asks.
    pub worker: WorkerId,
    /// The present.
    pub now: DateTime<Utc>,
    /// How long the claim holds without a beat.
    pub lease: Duration,
    /// The most executions wanted.
    pub limit: usize,
    /// What the worker is running: never taken from it. Another execution of its own, which it was given
    /// in a reply that got lost, is taken over when its lease has run out.
    pub holding: Vec<Fence>,
    /// What follows the crash of another worker.
    pub retry: RetryPolicy,
}

/// What a claim gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claimed {
    /// The worker's new executions.
    pub executions: Vec<Execution>,
    /// Executions taken from dead workers for the last time: they have failed.
    pub given_up: Vec<Execution>,
}

/// What the catalog says of a claim's stored files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its execution is running in this epoch, or was published by it and not removed.
    Wanted,
    /// Its execution is known, and neither is the case.
    Unwanted,
    /// The catalog has never heard of the execution: the files belong to somebody else's catalog, or to a
    /// later state of this one.
    Unknown,
}

/// A sign of life of one running execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Which claim.
    pub fence: Fence,
    /// How far it is.
    pub progress: Progress,
}

/// What the catalog answers to a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive {
    /// Go on.
    Continue,
    /// A person wants it stopped (rule E8).
    Cancel,
    /// The claim is lost: stop and publish nothing.
    Fenced,
}

/// One claim of one execution; what it guards happens only while the claim holds (invariant I6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fence {
    /// Which execution.
    pub execution: ExecutionId,
    /// Its epoch.
    pub epoch: u64,
}

/// A complete artifact set and the end of its execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The set.
    pub set: ArtifactSet,
    /// Final counts.
    pub progress: Progress,
    /// When.
    pub published_at: DateTime<Utc>,
}

/// How an attempt ends without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It failed; the policy decides what follows.
    Failed {
        /// Why.
        failure: Failure,
        /// What follows.
        retry: RetryPolicy,
    },
    /// A person stopped it.
    Cancelled,
    /// The worker stops in good order; the execution is queued again.
    Released,
}

/// A set whose files are to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredSet {
    /// Of which execution; all its files lie under one prefix.
    pub execution: ExecutionId,
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
