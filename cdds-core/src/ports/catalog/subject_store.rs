//! The requests of data subjects, and the erasures that they ask for.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;

use super::query::{Page, SubjectRequestQuery};
use super::{CatalogError, Fence};
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{Owner, SourceId, SubjectKeyId, SubjectRequestId, SubjectTaskId, WorkerId};
use crate::domain::job::lifecycle::Submission;
use crate::domain::subject::request::SubjectRequest;
use crate::domain::subject::{SubjectTask, TaskReport};
use crate::domain::work::retry::WorkRetry;
use crate::setters::setters;

/// Stores the requests of data subjects (rules D2 to D9), and hands their erasures to those who carry them out.
///
/// What a request [seals](SubjectRequest::sealed) is stored with it while it is open. A change that ends the request takes
/// it away for good: afterwards nothing of it is in what the catalog itself keeps on disk, as far as its database lets it
/// (rule D6). Requests are never forgotten: a ledger of erasures is needed for as long as there are backups.
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait SubjectStore: Debug + Send + Sync {
    /// Stores a new request, unless it repeats an open one ([`SubjectRequest::is_repeated_by`]; rule D8). Then nothing is
    /// stored, also none of the entries of the audit, and the open one's id is returned: of several, that of the one that
    /// was received first.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if its id is already on record.
    async fn insert_subject_request(
        &self,
        request: &SubjectRequest,
        audit: &[AuditRecord],
    ) -> Result<Option<SubjectRequestId>, CatalogError>;

    /// Replaces a request of its owner by a later state of it, if it has still the version `expected`. If it has ended with
    /// that, its tasks that are not done are given up ([`SubjectTask::cancelled`]), also those that a worker has.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the owner has no such request, or another
    /// version of it is stored by now.
    async fn change_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Like [`lay_out_subject_request`](SubjectStore::lay_out_subject_request), and stores the job that hands the copy over
    /// with its first execution, in the same transaction (rule D9). There are tasks if records are erased afterwards.
    ///
    /// # Errors
    /// As for [`change_subject_request`](SubjectStore::change_subject_request);
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) also if the job is already stored.
    async fn hand_over_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        job: &Submission,
        tasks: &[SubjectTask],
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Returns a request of this owner; `None` if there is no such request.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn subject_request(
        &self,
        owner: &Owner,
        id: SubjectRequestId,
    ) -> Result<Option<SubjectRequest>, CatalogError>;

    /// Returns a page of the owner's requests.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn subject_requests(
        &self,
        owner: &Owner,
        query: &SubjectRequestQuery,
    ) -> Result<Page<SubjectRequest>, CatalogError>;

    /// Like [`change_subject_request`](Self::change_subject_request), and stores the tasks of its erasure. Those that are
    /// on record stay as they are.
    ///
    /// # Errors
    /// As for [`change_subject_request`](Self::change_subject_request).
    async fn lay_out_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        tasks: &[SubjectTask],
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;

    /// Returns the tasks of a request of this owner, ordered by source and type; none if there is no such request.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn subject_tasks(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
    ) -> Result<Vec<SubjectTask>, CatalogError>;

    /// Returns the requests of all owners that [run](crate::domain::subject::request::RequestStatus::Running), in the order
    /// in which they were received, each with its tasks. Skips rows that cannot be decoded, with a warning; a request one
    /// of whose tasks is such a row is left out.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn running_subject_requests(&self)
    -> Result<Vec<(SubjectRequest, Vec<SubjectTask>)>, CatalogError>;

    /// Hands waiting tasks to a worker, as picked by [`pick`](crate::domain::work::pick::pick). Leaves those of requests
    /// that do not run, of sources that the worker does not know, and those whose identifiers are sealed under a key that
    /// it does not have. Returns them in the order in which they were picked.
    ///
    /// First takes back the tasks whose lease has run out
    /// ([`WorkRow::abandoned`](crate::domain::work::row::WorkRow::abandoned)), and those whose worker has ended if the
    /// catalog can see that ([`WorkRow::orphaned`](crate::domain::work::row::WorkRow::orphaned)). Skips rows that cannot be
    /// decoded, with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn claim_subject_tasks(&self, claim: &SubjectClaim) -> Result<Vec<SubjectTask>, CatalogError>;

    /// Renews the lease of a claim and, with `found`, notes how many records it is about to erase
    /// ([`SubjectTask::beaten`]).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`](super::CatalogErrorKind::Fenced) if the claim does not hold.
    async fn beat_subject_task(
        &self,
        fence: Fence<SubjectTaskId>,
        lease: Duration,
        found: Option<u64>,
    ) -> Result<(), CatalogError>;

    /// Ends an attempt ([`SubjectTask::settled`]). Returns the task afterwards.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`](super::CatalogErrorKind::Fenced) if the claim does not hold.
    async fn settle_subject_task(
        &self,
        fence: Fence<SubjectTaskId>,
        report: &TaskReport,
    ) -> Result<SubjectTask, CatalogError>;

    /// Starts over with the tasks of an owner's request that somebody has to see to, or that wait for a later attempt
    /// ([`SubjectTask::again`]). Returns their number. If it is 0, nothing is stored, also none of the entries of the
    /// audit.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn ask_subject_tasks_again(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
        audit: &[AuditRecord],
    ) -> Result<usize, CatalogError>;
}

/// A request for tasks to carry out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SubjectClaim {
    /// The worker that asks.
    pub worker: WorkerId,
    /// How long the claim holds without a beat.
    pub lease: Duration,
    /// The maximum number of tasks to claim.
    pub limit: usize,
    /// The sources that the worker knows.
    pub sources: BTreeSet<SourceId>,
    /// The keys of data subjects that the worker has.
    pub keys: BTreeSet<SubjectKeyId>,
    /// The owner that the worker served last.
    pub turn: Option<Owner>,
    /// The maximum number of tasks of one source that workers hold at the same time: erasures of one source would wait for
    /// one another.
    pub per_source: Option<NonZeroU32>,
    /// Decides about tasks whose lease has run out.
    pub retry: WorkRetry,
}

impl SubjectClaim {
    /// Asks for up to `limit` tasks of these sources, under these keys, with the default retries and one at a time for
    /// each source.
    pub fn new(
        worker: WorkerId,
        lease: Duration,
        limit: usize,
        sources: impl IntoIterator<Item = SourceId>,
        keys: impl IntoIterator<Item = SubjectKeyId>,
    ) -> Self {
        Self {
            worker,
            lease,
            limit,
            sources: sources.into_iter().collect(),
            keys: keys.into_iter().collect(),
            turn: None,
            per_source: NonZeroU32::new(1),
            retry: WorkRetry::default(),
        }
    }
}

setters! {
    SubjectClaim {
        with_worker => worker: value WorkerId;
        with_lease => lease: value Duration;
        with_limit => limit: value usize;
        with_sources => sources: value BTreeSet<SourceId>;
        with_keys => keys: value BTreeSet<SubjectKeyId>;
        with_turn => turn: option Owner;
        with_per_source => per_source: option NonZeroU32;
        with_retry => retry: value WorkRetry;
    }
}
