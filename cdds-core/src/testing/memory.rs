//! A catalog in memory, for tests and simulations. Each method is one atomic step, and nothing is persisted.

mod audit;
mod claims;
mod copies;
mod deliveries;
mod entries;
mod keeping;
mod lists;
mod notices;
mod queue;
mod sets;
mod state;
mod subjects;
mod workers;
mod zones;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SubsecRound, Utc};

use self::state::State;
use crate::domain::access::audit::AuditRecord;
use crate::domain::access::download::DownloadEnd;
use crate::domain::archive::adoption::Adoption;
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::calendar::zone::database::{Clocks, Database};
use crate::domain::delivery::health::{ContactOutcome, Health, TargetId};
use crate::domain::delivery::{Delivery, DeliveryProgress, JobDestination};
use crate::domain::execution::Execution;
use crate::domain::execution::completeness::Frozen;
use crate::domain::execution::queue::QueuePlace;
use crate::domain::id::{
    ArtifactId, AuditId, DeliveryId, ExecutionId, JobId, NoticeId, Owner, RecipientName, SubjectRequestId,
    WorkerId,
};
use crate::domain::job::settling::Open;
use crate::domain::job::{Job, JobChange};
use crate::domain::keeping::Housekeeper;
use crate::domain::keeping::sweep::Swept;
use crate::domain::notice::Notice;
use crate::domain::notice::expiring::SetPlace;
use crate::domain::notice::recall::Recalled;
use crate::domain::pairing::StoreLink;
use crate::domain::recipient::Recipient;
use crate::domain::subject::SubjectTask;
use crate::domain::subject::request::SubjectRequest;
use crate::domain::work::row::WorkOutcome;
use crate::domain::work::worker::{WorkerEntry, WorkerFacts};
use crate::ports::catalog::query::{
    ArtifactOverview, ArtifactQuery, AuditQuery, DeliveryQuery, ExecutionOverview, ExecutionQuery,
    JobOverview, JobQuery, NoticeQuery, Page, WorkerOverview,
};
use crate::ports::catalog::{
    Agenda, ArtifactStore, AuditStore, Beat, CatalogError, Claim, Claimed, DeliveryClaim, DeliveryStore,
    Directive, DueJob, ExecutionStore, Fence, Forget, Housekeeping, JobStore, NoticeClaim, Outbox,
    Publication, RecipientRemoval, RecipientStore, Removal, Settlement, Standing, StoreRegister, Told,
    WorkQueue, WorkerRegister, Writer, ZoneRecord,
};
use crate::ports::clock::Clock;
use crate::ports::sink::Key;
use crate::system::SystemClock;

/// A [`Catalog`](crate::ports::catalog::Catalog) in memory. It cannot detect a dead worker, so a worker's
/// executions are taken over only once their leases have run out.
#[derive(Debug)]
pub struct MemoryCatalog {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
}

impl Default for MemoryCatalog {
    fn default() -> Self {
        Self::new()
    }
}

/// A copy of everything on record in a [`MemoryCatalog`].
#[derive(Debug, Clone)]
pub struct MemoryBackup(State);

impl MemoryCatalog {
    /// Creates an empty catalog that goes by the system's clock.
    pub fn new() -> Self {
        Self { state: Mutex::default(), clock: Arc::new(SystemClock::new()) }
    }

    /// Goes by another clock ([`WorkQueue::now`]).
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Returns all executions of all owners by id, including deleted ones, for tests that examine the whole
    /// record.
    pub fn record(&self) -> Vec<Execution> {
        self.state().executions.values().map(|entry| entry.execution.clone()).collect()
    }

    /// Returns a copy of everything on record.
    pub fn back_up(&self) -> MemoryBackup {
        MemoryBackup(self.state().clone())
    }

    /// Replaces everything on record by a copy from before. Nothing may use the catalog meanwhile, as with any
    /// restore (rule E17).
    pub fn restore(&self, backup: &MemoryBackup) {
        *self.state() = backup.0.clone();
    }

    /// Returns all jobs of all owners by id, including deleted ones.
    pub fn all_jobs(&self) -> Vec<Job> {
        self.state().jobs.values().cloned().collect()
    }

    /// Forgets which owner was served last, of executions and of notices, as a broken catalog does (rule E2).
    pub(in crate::testing) fn forget_turns(&self) {
        let mut state = self.state();
        state.turn = None;
        state.notices.forget_turns();
        state.deliveries.forget_turns();
    }

    /// Returns the requests of data subjects of all owners by id.
    pub(in crate::testing) fn all_subject_requests(&self) -> Vec<SubjectRequest> {
        self.state().subject_requests.values().cloned().collect()
    }

    /// Stores a request of a data subject over whatever is there.
    pub(in crate::testing) fn put_subject_request(&self, request: SubjectRequest) {
        self.state().subject_requests.insert(request.id, request);
    }

    /// Returns the tasks of the erasures of all owners by id.
    pub(in crate::testing) fn all_subject_tasks(&self) -> Vec<SubjectTask> {
        self.state().subject_tasks.values().cloned().collect()
    }

    /// Stores the task of an erasure over whatever is there.
    pub(in crate::testing) fn put_subject_task(&self, task: SubjectTask) {
        self.state().subject_tasks.insert(task.work.id, task);
    }

    /// Loses the deliveries of a set, as a catalog does that has not stored them with it.
    pub(in crate::testing) fn lose_deliveries(&self, execution: ExecutionId) {
        self.state().deliveries.remove(execution);
    }

    /// Stores notices of which nobody knows whether they are true.
    pub(in crate::testing) fn tell(&self, notices: Vec<Notice>) {
        self.state().notices.insert(notices);
    }

    /// Locks the state. A poisoned lock is safe to use: each step replaces whole values, so a panic in
    /// another caller leaves no value half written.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn present(&self) -> DateTime<Utc> {
        self.clock.now().trunc_subsecs(6)
    }
}

#[async_trait]
impl JobStore for MemoryCatalog {
    async fn insert_job(
        &self,
        job: &Job,
        first: Option<&Execution>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.state().audited(audit, |state| state.insert_job(job, first))
    }

    async fn change_job(
        &self,
        change: &JobChange,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.state().audited(audit, |state| state.change_job(change, expected))
    }

    async fn job(&self, owner: &Owner, id: JobId) -> Result<Option<JobOverview>, CatalogError> {
        Ok(self.state().job(owner, id))
    }

    async fn jobs(&self, owner: &Owner, query: &JobQuery) -> Result<Page<JobOverview>, CatalogError> {
        Ok(self.state().list_jobs(owner, query))
    }

    async fn open_executions(
        &self,
        owner: &Owner,
        job: JobId,
        behind: Option<QueuePlace>,
        limit: usize,
    ) -> Result<Open, CatalogError> {
        let state = self.state();
        let is_theirs = state.jobs.get(&job).is_some_and(|job| job.owner == *owner);
        Ok(if is_theirs { state.open(job, behind, limit) } else { Open::default() })
    }
}

#[async_trait]
impl ExecutionStore for MemoryCatalog {
    async fn execution(
        &self,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
    ) -> Result<Option<ExecutionOverview>, CatalogError> {
        Ok(self.state().execution(owner, id, now))
    }

    async fn executions(
        &self,
        owner: &Owner,
        query: &ExecutionQuery,
        now: DateTime<Utc>,
    ) -> Result<Page<ExecutionOverview>, CatalogError> {
        Ok(self.state().list_executions(owner, query, now))
    }

    async fn change_execution(
        &self,
        before: &Execution,
        after: &Execution,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.state().audited(audit, |state| state.change_execution(before, after))
    }

    async fn delete_execution(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.state().audited(audit, |state| state.delete_execution(owner, execution, now))
    }

    async fn last_records(&self, job: JobId) -> Result<Option<u64>, CatalogError> {
        Ok(self.state().last_records(job))
    }
}

#[async_trait]
impl WorkQueue for MemoryCatalog {
    async fn now(&self) -> Result<DateTime<Utc>, CatalogError> {
        Ok(self.present())
    }

    async fn due(
        &self,
        now: DateTime<Utc>,
        limit: usize,
        clocks: Clocks,
    ) -> Result<Vec<DueJob>, CatalogError> {
        Ok(self.state().due(now, limit, clocks))
    }

    async fn zones(&self) -> Result<Option<ZoneRecord>, CatalogError> {
        Ok(self.state().zones)
    }

    async fn renew_zones(
        &self,
        database: &Database,
        accepts_older: bool,
    ) -> Result<ZoneRecord, CatalogError> {
        let mut state = self.state();
        state.renew_zones(database, accepts_older, self.present())
    }

    async fn ahead(&self, after: DateTime<Utc>) -> Result<Vec<Job>, CatalogError> {
        Ok(self.state().ahead(after))
    }

    async fn newest_before(&self, before: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, CatalogError> {
        let instants = self.record().into_iter().map(|execution| execution.created_at);
        Ok(instants.filter(|at| *at < before).max())
    }

    async fn agenda(&self, clocks: Clocks) -> Result<Agenda, CatalogError> {
        Ok(self.state().agenda(clocks))
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError> {
        let mut state = self.state();
        state.claim(claim, self.present())
    }

    async fn begin(
        &self,
        fence: Fence,
        complete_until: Option<DateTime<Utc>>,
    ) -> Result<Frozen, CatalogError> {
        let mut state = self.state();
        state.begin(fence, complete_until, self.present())
    }

    async fn beat(
        &self,
        worker: &WorkerId,
        lease: Duration,
        beats: &[Beat],
    ) -> Result<Vec<Directive>, CatalogError> {
        let mut state = self.state();
        Ok(state.beat(worker, self.present(), lease, beats))
    }

    async fn publish(&self, fence: Fence, publication: &Publication) -> Result<(), CatalogError> {
        self.state().publish(fence, publication)
    }

    async fn settle(&self, fence: Fence, settlement: &Settlement) -> Result<Execution, CatalogError> {
        let mut state = self.state();
        state.settle(fence, settlement, self.present())
    }

    async fn standing(&self, writer: Writer) -> Result<Standing, CatalogError> {
        Ok(self.state().standing(&writer))
    }
}

#[async_trait]
impl ArtifactStore for MemoryCatalog {
    async fn artifacts(
        &self,
        owner: &Owner,
        query: &ArtifactQuery,
    ) -> Result<Page<ArtifactOverview>, CatalogError> {
        Ok(self.state().list_artifacts(owner, query))
    }

    async fn artifact(
        &self,
        owner: &Owner,
        id: ArtifactId,
    ) -> Result<Option<ArtifactOverview>, CatalogError> {
        Ok(self.state().artifact(owner, id))
    }

    async fn artifact_set(
        &self,
        owner: &Owner,
        execution: ExecutionId,
    ) -> Result<Option<ArtifactSet>, CatalogError> {
        Ok(self.state().artifact_set(owner, execution))
    }

    async fn newest_manifests(&self, limit: usize) -> Result<Vec<Key>, CatalogError> {
        Ok(self.state().newest_manifests(limit))
    }

    async fn adopt(
        &self,
        adoption: &Adoption,
        expected: u64,
        set: &ArtifactSet,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.state().audited(audit, |state| state.adopt(adoption, expected, set))
    }

    async fn hold(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        hold: bool,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.state().audited(audit, |state| state.hold(owner, execution, hold))
    }

    async fn delete_artifacts(
        &self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.state().audited(audit, |state| state.delete_artifacts(owner, artifacts, now))
    }

    async fn expire(&self, now: DateTime<Utc>, limit: usize) -> Result<usize, CatalogError> {
        Ok(self.state().expire(now, limit))
    }

    async fn removals(&self, limit: usize) -> Result<Vec<Removal>, CatalogError> {
        Ok(self.state().removals(limit))
    }

    async fn confirm_removed(&self, removal: &Removal, now: DateTime<Utc>) -> Result<(), CatalogError> {
        self.state().confirm_removed(removal, now);
        Ok(())
    }
}

#[async_trait]
impl RecipientStore for MemoryCatalog {
    async fn insert_recipient(
        &self,
        recipient: &Recipient,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.state().audited(audit, |state| state.insert_recipient(recipient))
    }

    async fn replace_recipient(
        &self,
        recipient: &Recipient,
        expected: &str,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.state().audited(audit, |state| state.replace_recipient(recipient, expected))
    }

    async fn recipients(&self, owner: &Owner) -> Result<Vec<Recipient>, CatalogError> {
        Ok(self.state().recipients.values().filter(|known| known.owner == *owner).cloned().collect())
    }

    async fn remove_recipient(
        &self,
        owner: &Owner,
        name: &RecipientName,
        audit: &[AuditRecord],
    ) -> Result<RecipientRemoval, CatalogError> {
        self.state().remove_recipient(owner, name, audit)
    }
}

#[async_trait]
impl Outbox for MemoryCatalog {
    async fn claim_notices(&self, claim: &NoticeClaim) -> Result<Vec<Notice>, CatalogError> {
        let mut state = self.state();
        Ok(state.claim_notices(claim, self.present()))
    }

    async fn settle_notice(
        &self,
        fence: Fence<NoticeId>,
        outcome: &WorkOutcome,
    ) -> Result<Notice, CatalogError> {
        let mut state = self.state();
        state.settle_notice(fence, outcome, self.present())
    }

    async fn ask_notice_again(
        &self,
        owner: &Owner,
        id: NoticeId,
        audit: &[AuditRecord],
    ) -> Result<Notice, CatalogError> {
        let mut state = self.state();
        let now = self.present();
        state.audited(audit, |state| state.ask_notice_again(owner, id, now))
    }

    async fn notices(&self, owner: &Owner, query: &NoticeQuery) -> Result<Page<Notice>, CatalogError> {
        Ok(self.state().list_notices(owner, query))
    }

    async fn tell_of_expiring(
        &self,
        behind: Option<SetPlace>,
        limit: usize,
    ) -> Result<Told<SetPlace>, CatalogError> {
        let mut state = self.state();
        let now = self.present();
        Ok(state.tell_of_expiring(behind, limit, now))
    }

    async fn tell_of_certificates(
        &self,
        behind: Option<JobId>,
        limit: usize,
    ) -> Result<Told<JobId>, CatalogError> {
        let mut state = self.state();
        let now = self.present();
        Ok(state.tell_of_certificates(behind, limit, now))
    }

    async fn recall(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
        sets: &[(ExecutionId, AuditRecord)],
    ) -> Result<Vec<Recalled>, CatalogError> {
        let mut state = self.state();
        let now = self.present();
        state.recall(owner, request, sets, now)
    }
}

#[async_trait]
impl DeliveryStore for MemoryCatalog {
    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Result<Vec<Delivery>, CatalogError> {
        let mut state = self.state();
        Ok(state.claim_deliveries(claim, self.present()))
    }

    async fn beat_delivery(
        &self,
        fence: Fence<DeliveryId>,
        lease: Duration,
        progress: DeliveryProgress,
    ) -> Result<(), CatalogError> {
        let mut state = self.state();
        state.beat_delivery(fence, lease, progress, self.present())
    }

    async fn settle_delivery(
        &self,
        fence: Fence<DeliveryId>,
        outcome: &WorkOutcome,
        progress: DeliveryProgress,
    ) -> Result<Delivery, CatalogError> {
        let mut state = self.state();
        state.settle_delivery(fence, outcome, progress, self.present())
    }

    async fn redeliver(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        to: &JobDestination,
        audit: &[AuditRecord],
    ) -> Result<Delivery, CatalogError> {
        let mut state = self.state();
        let now = self.present();
        state.audited(audit, |state| state.redeliver(owner, execution, to, now))
    }

    async fn deliveries(&self, owner: &Owner, query: &DeliveryQuery) -> Result<Page<Delivery>, CatalogError> {
        Ok(self.state().list_deliveries(owner, query))
    }

    async fn health(&self) -> Result<Vec<(TargetId, Health)>, CatalogError> {
        Ok(self.state().deliveries.health.clone().into_iter().collect())
    }

    async fn contacted(&self, target: &TargetId, outcome: &ContactOutcome) -> Result<Health, CatalogError> {
        let mut state = self.state();
        Ok(state.contacted(target, outcome, self.present()))
    }

    async fn set_health(
        &self,
        target: &TargetId,
        before: &Health,
        after: &Health,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let mut state = self.state();
        let now = self.present();
        state.audited(audit, |state| state.set_health(target, before, after, now))
    }
}

#[async_trait]
impl AuditStore for MemoryCatalog {
    async fn audit(&self, owner: &Owner, query: &AuditQuery) -> Result<Page<AuditRecord>, CatalogError> {
        Ok(self.state().list_audit(owner, query))
    }

    async fn record(&self, entry: &AuditRecord) -> Result<(), CatalogError> {
        self.state().audited(std::slice::from_ref(entry), |_| Ok(()))
    }

    async fn end_download(&self, id: AuditId, end: &DownloadEnd) -> Result<(), CatalogError> {
        self.state().end_download(id, end)
    }
}

#[async_trait]
impl StoreRegister for MemoryCatalog {
    async fn store(&self) -> Result<Option<StoreLink>, CatalogError> {
        Ok(self.state().store)
    }

    async fn set_store(
        &self,
        expected: Option<StoreLink>,
        link: StoreLink,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.state().audited(audit, |state| state.set_store(expected, link))
    }
}

#[async_trait]
impl Housekeeping for MemoryCatalog {
    async fn keep_house(&self, worker: &WorkerId, lease: Duration) -> Result<bool, CatalogError> {
        let mut state = self.state();
        let taken = Housekeeper::taken(state.housekeeper.as_ref(), false, worker, self.present(), lease);
        let kept = taken.is_some();
        state.housekeeper = taken.or(state.housekeeper.take());
        Ok(kept)
    }

    async fn leave_house(&self, worker: &WorkerId) -> Result<(), CatalogError> {
        self.state().housekeeper.take_if(|present| present.worker == *worker);
        Ok(())
    }

    async fn forget(&self, page: &Forget) -> Result<Swept, CatalogError> {
        Ok(self.state().forget(page))
    }
}

#[async_trait]
impl WorkerRegister for MemoryCatalog {
    async fn attend(
        &self,
        worker: &WorkerId,
        facts: &WorkerFacts,
        lease: Duration,
    ) -> Result<WorkerEntry, CatalogError> {
        let mut state = self.state();
        Ok(state.attend(worker, facts, self.present(), lease))
    }

    async fn drain(
        &self,
        worker: &WorkerId,
        draining: bool,
        audit: &[AuditRecord],
    ) -> Result<Option<WorkerEntry>, CatalogError> {
        let mut state = self.state();
        let now = self.present();
        state.drain(worker, draining, (now, audit))
    }

    async fn leave(&self, worker: &WorkerId) -> Result<(), CatalogError> {
        let mut state = self.state();
        state.leave(worker, self.present());
        Ok(())
    }

    async fn workers(
        &self,
        owner: &Owner,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<WorkerOverview>, CatalogError> {
        Ok(self.state().list_workers(owner, now, limit))
    }

    async fn forget_workers(&self) -> Result<usize, CatalogError> {
        let mut state = self.state();
        Ok(state.forget_workers(self.present()))
    }
}
