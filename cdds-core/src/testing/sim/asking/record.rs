//! The record as one program reaches it: every call about requests, erasures and copies may meet a fault, and is checked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::super::faults::{Care, Faults};
use super::super::planted::PlantedBug;
use super::super::report::Who;
use super::super::shared::lock;
use super::super::watch::step;
use super::steps::By;
use super::ward::Ward;
use crate::domain::access::audit::AuditRecord;
use crate::domain::execution::Execution;
use crate::domain::execution::completeness::Frozen;
use crate::domain::id::{ExecutionId, JobId, Owner, SubjectRequestId, SubjectTaskId, WorkerId};
use crate::domain::job::lifecycle::Submission;
use crate::domain::job::{Job, JobChange};
use crate::domain::notice::recall::Recalled;
use crate::domain::subject::copies::{CopyPlace, FilterNote, PublishedSet};
use crate::domain::subject::request::{RequestState, Stage, SubjectRequest};
use crate::domain::subject::{SealedIdentifiers, SubjectTask, TaskReport};
use crate::ports::catalog::query::{ExecutionOverview, JobOverview, Page, SubjectRequestQuery};
use crate::ports::catalog::{
    Beat, Catalog, CatalogError, CatalogLayer, Claim, Claimed, Directive, Fence, Publication, Settlement,
    SubjectClaim,
};

/// The record as one program reaches it.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) ward: Arc<Ward>,
    pub(super) faults: Faults,
    pub(super) bug: Option<PlantedBug>,
}

type Answer<T = ()> = Result<T, CatalogError>;

impl Record {
    fn has(&self, bug: PlantedBug) -> bool {
        self.bug == Some(bug)
    }

    /// Makes a call as one step of the world.
    async fn call<T>(&self, call: &'static str, work: impl FnOnce() -> Answer<T>) -> Answer<T> {
        self.faults.around(call, Care::Busy, async { work() }).await
    }

    /// Makes a call with which engines look around.
    async fn idle<T>(&self, call: &'static str, work: impl Future<Output = Answer<T>>) -> Answer<T> {
        self.faults.around(call, Care::Idle, async { step(work) }).await
    }

    fn by(&self) -> By {
        self.faults.who.into()
    }

    /// The planted bug: what ends keeps its identifiers.
    fn keeps(&self, request: &SubjectRequest) {
        let sealed = self.sealed(request.id);
        if let (true, Some(memory), Some(sealed)) =
            (self.has(PlantedBug::IdentifiersKept), &self.ward.memory, sealed)
            && !request.status().is_open()
        {
            let state = RequestState::Open { stage: Stage::Running, sealed };
            memory.put_subject_request(SubjectRequest { state, ..request.clone() });
        }
    }

    /// The identifiers of a request as they were before a step.
    fn sealed(&self, id: SubjectRequestId) -> Option<SealedIdentifiers> {
        let model = lock(&self.ward.model);
        model.requests.get(&id)?.request.sealed().cloned()
    }

    /// The planted bug: an erasure begins although its copy was not published.
    fn hurries(&self, request: &SubjectRequest) {
        if let (true, Some(memory)) = (self.has(PlantedBug::ErasureBeforeCopy), &self.ward.memory)
            && let Ok(early) = request.clone().run(true)
        {
            memory.put_subject_request(SubjectRequest { version: request.version, ..early });
        }
    }
}

#[async_trait]
impl CatalogLayer for Record {
    fn inner(&self) -> &dyn Catalog {
        &*self.catalog
    }

    async fn insert_subject_request(
        &self,
        request: &SubjectRequest,
        audit: &[AuditRecord],
    ) -> Answer<Option<SubjectRequestId>> {
        let takes = self.has(PlantedBug::RepeatTaken);
        let insert = || self.ward.insert(&*self.catalog, request, audit, takes);
        self.call("catalog.insert_subject_request", insert).await
    }

    async fn change_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Answer {
        let change = || {
            let result = step(self.catalog.change_subject_request(request, expected, audit));
            if result.is_ok() {
                self.keeps(request);
            }
            self.ward.changed((request, expected), audit, self.by(), &result);
            result
        };
        self.call("catalog.change_subject_request", change).await
    }

    async fn hand_over_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        job: &Submission,
        tasks: &[SubjectTask],
        audit: &[AuditRecord],
    ) -> Answer {
        let change = || {
            let result = step(self.catalog.hand_over_subject_request(request, expected, job, tasks, audit));
            self.ward.changed((request, expected), audit, self.by(), &result);
            if result.is_ok() {
                self.hurries(request);
            }
            result
        };
        self.call("catalog.hand_over_subject_request", change).await
    }

    async fn lay_out_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        tasks: &[SubjectTask],
        audit: &[AuditRecord],
    ) -> Answer {
        let change = || {
            let result = step(self.catalog.lay_out_subject_request(request, expected, tasks, audit));
            self.ward.changed((request, expected), audit, self.by(), &result);
            result
        };
        self.call("catalog.lay_out_subject_request", change).await
    }

    async fn subject_request(&self, owner: &Owner, id: SubjectRequestId) -> Answer<Option<SubjectRequest>> {
        self.call("catalog.subject_request", || step(self.catalog.subject_request(owner, id))).await
    }

    async fn subject_requests(
        &self,
        owner: &Owner,
        query: &SubjectRequestQuery,
    ) -> Answer<Page<SubjectRequest>> {
        self.call("catalog.subject_requests", || step(self.catalog.subject_requests(owner, query))).await
    }

    async fn subject_tasks(&self, owner: &Owner, request: SubjectRequestId) -> Answer<Vec<SubjectTask>> {
        self.call("catalog.subject_tasks", || step(self.catalog.subject_tasks(owner, request))).await
    }

    async fn running_subject_requests(&self) -> Answer<Vec<(SubjectRequest, Vec<SubjectTask>)>> {
        self.idle("catalog.running_subject_requests", self.catalog.running_subject_requests()).await
    }

    async fn claim_subject_tasks(&self, claim: &SubjectClaim) -> Answer<Vec<SubjectTask>> {
        let Who::Engine(place) = self.faults.who else { return Ok(Vec::new()) };
        let claim = || self.ward.claim(&*self.catalog, claim, place);
        self.call("catalog.claim_subject_tasks", claim).await
    }

    async fn beat_subject_task(
        &self,
        fence: Fence<SubjectTaskId>,
        lease: Duration,
        found: Option<u64>,
    ) -> Answer {
        // The planted bug: what is to be erased is counted afterwards.
        let stored = found.filter(|_| !self.has(PlantedBug::CountAfterErasure));
        let beat = || self.ward.beat(&*self.catalog, fence, lease, stored);
        self.call("catalog.beat_subject_task", beat).await
    }

    async fn settle_subject_task(
        &self,
        fence: Fence<SubjectTaskId>,
        report: &TaskReport,
    ) -> Answer<SubjectTask> {
        let is_unfenced = self.has(PlantedBug::AnswerWithoutFence);
        let settle = || self.ward.settle(&*self.catalog, fence, report, is_unfenced);
        self.call("catalog.settle_subject_task", settle).await
    }

    async fn ask_subject_tasks_again(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
        audit: &[AuditRecord],
    ) -> Answer<usize> {
        let ask = || self.ward.ask_again(&*self.catalog, owner, request, audit);
        self.call("catalog.ask_subject_tasks_again", ask).await
    }

    async fn published_sets(
        &self,
        owner: &Owner,
        behind: Option<CopyPlace>,
        limit: usize,
    ) -> Answer<Vec<PublishedSet>> {
        let read = || step(self.catalog.published_sets(owner, behind, limit));
        let mut sets = self.call("catalog.published_sets", read).await?;
        if self.has(PlantedBug::LostFilterHoldsNothing) {
            for note in sets.iter_mut().filter_map(|set| set.filter.as_mut()) {
                let is_lost = note.keys().any(|key| self.ward.store.object(&key).is_none());
                note.filters = if is_lost { 0 } else { note.filters };
            }
        }
        Ok(sets)
    }

    async fn subject_filter(&self, execution: ExecutionId) -> Answer<Option<FilterNote>> {
        self.call("catalog.subject_filter", || step(self.catalog.subject_filter(execution))).await
    }

    async fn downloads_of(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        limit: usize,
    ) -> Answer<Vec<AuditRecord>> {
        self.call("catalog.downloads_of", || step(self.catalog.downloads_of(owner, execution, limit))).await
    }

    async fn recall(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
        sets: &[(ExecutionId, AuditRecord)],
    ) -> Answer<Vec<Recalled>> {
        let recall = || self.ward.recall(&*self.catalog, (owner, request), sets);
        self.call("catalog.recall", recall).await
    }

    async fn record(&self, entry: &AuditRecord) -> Answer {
        self.call("catalog.record", || step(self.catalog.record(entry))).await
    }

    async fn now(&self) -> Answer<DateTime<Utc>> {
        self.idle("catalog.now", self.catalog.now()).await
    }

    async fn job(&self, owner: &Owner, id: JobId) -> Answer<Option<JobOverview>> {
        self.call("catalog.job", || step(self.catalog.job(owner, id))).await
    }

    async fn insert_job(&self, job: &Job, first: Option<&Execution>, audit: &[AuditRecord]) -> Answer {
        self.call("catalog.insert_job", || step(self.catalog.insert_job(job, first, audit))).await
    }

    async fn change_job(&self, change: &JobChange, expected: u64, audit: &[AuditRecord]) -> Answer {
        self.call("catalog.change_job", || step(self.catalog.change_job(change, expected, audit))).await
    }

    async fn execution(
        &self,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
    ) -> Answer<Option<ExecutionOverview>> {
        self.call("catalog.execution", || step(self.catalog.execution(owner, id, now))).await
    }

    async fn claim(&self, claim: &Claim) -> Answer<Claimed> {
        if let Some(life) = self.faults.shared.lives.get(self.faults.place) {
            life.works_as(&claim.worker);
        }
        self.idle("catalog.claim", self.catalog.claim(claim)).await
    }

    async fn begin(&self, fence: Fence, complete_until: Option<DateTime<Utc>>) -> Answer<Frozen> {
        self.call("catalog.begin", || step(self.catalog.begin(fence, complete_until))).await
    }

    async fn beat(&self, worker: &WorkerId, lease: Duration, beats: &[Beat]) -> Answer<Vec<Directive>> {
        self.idle("catalog.beat", self.catalog.beat(worker, lease, beats)).await
    }

    async fn publish(&self, fence: Fence, publication: &Publication) -> Answer {
        let publish = || {
            let result = step(self.catalog.publish(fence, publication));
            if let (Ok(()), Some(id)) = (&result, publication.request)
                && let Some(memory) = &self.ward.memory
                && let Some(request) =
                    memory.all_subject_requests().into_iter().find(|request| request.id == id)
            {
                self.keeps(&request);
            }
            self.ward.published(fence, publication, &result);
            result
        };
        self.call("catalog.publish", publish).await
    }

    async fn settle(&self, fence: Fence, settlement: &Settlement) -> Answer<Execution> {
        self.call("catalog.settle", || step(self.catalog.settle(fence, settlement))).await
    }
}
