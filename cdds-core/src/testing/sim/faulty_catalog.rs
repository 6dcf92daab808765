//! The catalog with faults. Every call that reaches the real one is watched.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::faults::{Care, Faults};
use super::planted::{PlantedBug, Tampered};
use super::report::Who;
use super::watch::{Watch, step};
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
use crate::domain::job::{Job, JobChange, JobSettings};
use crate::domain::keeping::sweep::Swept;
use crate::domain::notice::Notice;
use crate::domain::notice::expiring::SetPlace;
use crate::domain::notice::recall::Recalled;
use crate::domain::pairing::StoreLink;
use crate::domain::recipient::Recipient;
use crate::domain::work::row::WorkOutcome;
use crate::domain::work::worker::{WorkerEntry, WorkerFacts};
use crate::ports::catalog::query::{
    ArtifactOverview, ArtifactQuery, AuditQuery, DeliveryQuery, ExecutionOverview, ExecutionQuery,
    JobOverview, JobQuery, NoticeQuery, Page, WorkerOverview,
};
use crate::ports::catalog::{
    Agenda, ArtifactStore, AuditStore, Beat, CatalogError, CatalogErrorKind, Claim, Claimed, DeliveryClaim,
    DeliveryStore, Directive, DueJob, ExecutionStore, Fence, Forget, Housekeeping, JobStore, NoticeClaim,
    Outbox, Publication, RecipientRemoval, RecipientStore, Removal, Settlement, Standing, StoreRegister,
    Told, WorkQueue, WorkerRegister, Writer, ZoneRecord,
};
use crate::ports::sink::Key;

/// The catalog as one caller sees it, with faults.
#[derive(Debug, Clone)]
pub(super) struct FaultyCatalog {
    pub(super) catalog: Tampered,
    pub(super) faults: Faults,
    pub(super) watch: Arc<Watch>,
}

impl FaultyCatalog {
    /// Makes a call that changes something, as one step.
    async fn change<T>(
        &self,
        call: &'static str,
        change: impl FnOnce(&Watch) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        self.faults.around(call, Care::Busy, async { change(&self.watch) }).await
    }

    /// Returns a job as the program of a person reads it. Engines do so for themselves.
    fn job_as_read(&self, job: Job) -> Job {
        let Who::Person(_) = self.faults.who else { return job };
        let clock = self.faults.shared.database_on_record().read(&job.settings.clock);
        Job { settings: JobSettings { clock, ..job.settings }, ..job }
    }

    /// Returns an execution as the program of a person reads it.
    fn execution_as_read(&self, execution: Execution) -> Execution {
        let Who::Person(_) = self.faults.who else { return execution };
        let clock = self.faults.shared.database_on_record().read(&execution.settings.clock);
        Execution { settings: JobSettings { clock, ..execution.settings }, ..execution }
    }

    /// Makes a call that changes nothing.
    async fn look<T>(
        &self,
        call: &'static str,
        care: Care,
        look: impl Future<Output = Result<T, CatalogError>>,
    ) -> Result<T, CatalogError> {
        let look = async {
            let result = step(look);
            self.watch.check_read(call, &result);
            result
        };
        self.faults.around(call, care, look).await
    }
}

/// The number of waiting executions in one page.
const PAGE: usize = 1;

/// The number of old rows in one page.
const OLD_ROWS: usize = 40;

/// The number of sets that expire in one page.
const EXPIRING_SETS: usize = 5;

#[async_trait]
impl JobStore for FaultyCatalog {
    async fn insert_job(
        &self,
        job: &Job,
        first: Option<&Execution>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.change("catalog.insert_job", |watch| watch.insert_job(&self.catalog, job, first, audit)).await
    }

    async fn change_job(
        &self,
        change: &JobChange,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let change = &*self.catalog.asked(change).await?;
        self.faults.labour(change.entries.len() + change.superseded.len() + change.edited.len()).await;
        self.change("catalog.change_job", |watch| watch.change_job(&self.catalog, change, expected, audit))
            .await
    }

    async fn job(&self, owner: &Owner, id: JobId) -> Result<Option<JobOverview>, CatalogError> {
        let found = self.look("catalog.job", Care::Busy, self.catalog.inner.job(owner, id)).await?;
        Ok(found.map(|found| JobOverview { job: self.job_as_read(found.job), ..found }))
    }

    async fn jobs(&self, owner: &Owner, query: &JobQuery) -> Result<Page<JobOverview>, CatalogError> {
        let mut page = self.look("catalog.jobs", Care::Busy, self.catalog.inner.jobs(owner, query)).await?;
        let read = |one: JobOverview| JobOverview { job: self.job_as_read(one.job), ..one };
        page.items = page.items.into_iter().map(read).collect();
        Ok(page)
    }

    async fn open_executions(
        &self,
        owner: &Owner,
        job: JobId,
        behind: Option<QueuePlace>,
        limit: usize,
    ) -> Result<Open, CatalogError> {
        // Worlds are so short that only small pages make a backlog longer than one page.
        let page = self.catalog.inner.open_executions(owner, job, behind, limit.min(PAGE));
        let mut open = self.look("catalog.open_executions", Care::Busy, page).await?;
        open.executions = open.executions.into_iter().map(|one| self.execution_as_read(one)).collect();
        Ok(open)
    }
}

#[async_trait]
impl ExecutionStore for FaultyCatalog {
    async fn execution(
        &self,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
    ) -> Result<Option<ExecutionOverview>, CatalogError> {
        let found = self.look("catalog.execution", Care::Busy, self.catalog.inner.execution(owner, id, now));
        let found = found.await?;
        Ok(found
            .map(|found| ExecutionOverview { execution: self.execution_as_read(found.execution), ..found }))
    }

    async fn executions(
        &self,
        owner: &Owner,
        query: &ExecutionQuery,
        now: DateTime<Utc>,
    ) -> Result<Page<ExecutionOverview>, CatalogError> {
        self.look("catalog.executions", Care::Busy, self.catalog.executions(owner, query, now)).await
    }

    async fn change_execution(
        &self,
        before: &Execution,
        after: &Execution,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let change = |watch: &Watch| watch.change_execution(&self.catalog, before, after, audit);
        self.change("catalog.change_execution", change).await
    }

    async fn delete_execution(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let change = |watch: &Watch| watch.delete_execution(&self.catalog, owner, execution, now, audit);
        self.change("catalog.delete_execution", change).await
    }

    async fn last_records(&self, job: JobId) -> Result<Option<u64>, CatalogError> {
        self.look("catalog.last_records", Care::Busy, self.catalog.inner.last_records(job)).await
    }
}

#[async_trait]
impl WorkQueue for FaultyCatalog {
    async fn now(&self) -> Result<DateTime<Utc>, CatalogError> {
        self.look("catalog.now", Care::Idle, self.catalog.now()).await
    }

    async fn due(
        &self,
        now: DateTime<Utc>,
        limit: usize,
        clocks: Clocks,
    ) -> Result<Vec<DueJob>, CatalogError> {
        // The planted bug: a catalog that gives a worker what it cannot compute.
        let any = || "9999z".parse().map_or(clocks, Clocks::UpTo);
        let clocks = if self.catalog.has(PlantedBug::OlderComputes) { any() } else { clocks };
        let due = self.catalog.due(&self.watch, now, limit, clocks);
        let mut due = self.look("catalog.due", Care::Idle, due).await?;
        for unsettled in due.iter_mut().filter(|due| due.job.unsettled.is_some()) {
            unsettled.waiting.truncate(PAGE);
        }
        self.faults.labour(due.iter().map(|due| due.waiting.len()).sum()).await;
        Ok(due)
    }

    // Called once an hour beside all else, and fails like any other read, so it needs no faults of its own.
    async fn ahead(&self, after: DateTime<Utc>) -> Result<Vec<Job>, CatalogError> {
        step(self.catalog.inner.ahead(after))
    }

    async fn newest_before(&self, before: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, CatalogError> {
        step(self.catalog.inner.newest_before(before))
    }

    // Asked again after ten seconds if it fails, so it needs no faults of its own.
    async fn zones(&self) -> Result<Option<ZoneRecord>, CatalogError> {
        step(self.catalog.inner.zones())
    }

    async fn renew_zones(
        &self,
        database: &Database,
        accepts_older: bool,
    ) -> Result<ZoneRecord, CatalogError> {
        let renew = |watch: &Watch| watch.renew_zones(&self.catalog, database, accepts_older);
        self.change("catalog.renew_zones", renew).await
    }

    async fn agenda(&self, clocks: Clocks) -> Result<Agenda, CatalogError> {
        self.look("catalog.agenda", Care::Idle, self.catalog.inner.agenda(clocks)).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError> {
        let call = "catalog.claim";
        if let Some(life) = self.faults.shared.lives.get(self.faults.place) {
            life.works_as(&claim.worker);
        }
        self.watch.check_claims(&claim.worker);
        self.faults.before(call, Care::Idle).await?;
        let claimed = self.watch.claim(&self.catalog, claim)?;
        let care = if claimed.executions.is_empty() { Care::Idle } else { Care::Busy };
        self.faults.returned(call, care, false);
        self.faults.after(call, care).await?;
        Ok(claimed)
    }

    async fn begin(
        &self,
        fence: Fence,
        complete_until: Option<DateTime<Utc>>,
    ) -> Result<Frozen, CatalogError> {
        // The planted bug: an engine that does not pass on what its source says.
        let complete_until = complete_until.filter(|_| !self.catalog.has(PlantedBug::CompletenessIgnored));
        self.change("catalog.begin", |watch| watch.begin(&self.catalog, fence, complete_until)).await
    }

    async fn beat(
        &self,
        worker: &WorkerId,
        lease: Duration,
        beats: &[Beat],
    ) -> Result<Vec<Directive>, CatalogError> {
        let life = self.faults.shared.lives.get(self.faults.place);
        let busy = life.is_some_and(|life| life.is_labouring(self.faults.shared.timeline.elapsed()));
        if busy && self.catalog.has(PlantedBug::RoundHoldsBeats) {
            return Ok(vec![Directive::Continue; beats.len()]);
        }
        let beat = async { self.watch.beat(&self.catalog, worker, lease, beats) };
        let directives = self.faults.around("catalog.beat", Care::Idle, beat).await?;
        self.watch.heard(beats, &directives);
        Ok(self.catalog.heeded(directives))
    }

    async fn publish(&self, fence: Fence, publication: &Publication) -> Result<(), CatalogError> {
        self.watch.commits(fence);
        if self.catalog.gives_up(&self.watch, fence) {
            return Err(CatalogError::new(CatalogErrorKind::Unavailable, "a planted bug"));
        }
        let publish = |watch: &Watch| watch.publish(&self.catalog, fence, publication);
        let result = self.change("catalog.publish", publish).await;
        self.catalog.committed(&self.watch, fence, &result).await;
        result
    }

    async fn settle(&self, fence: Fence, settlement: &Settlement) -> Result<Execution, CatalogError> {
        self.change("catalog.settle", |watch| watch.settle(&self.catalog, fence, settlement)).await
    }

    async fn standing(&self, writer: Writer) -> Result<Standing, CatalogError> {
        self.look("catalog.standing", Care::Idle, self.catalog.standing(writer)).await
    }
}

#[async_trait]
impl ArtifactStore for FaultyCatalog {
    async fn artifacts(
        &self,
        owner: &Owner,
        query: &ArtifactQuery,
    ) -> Result<Page<ArtifactOverview>, CatalogError> {
        self.look("catalog.artifacts", Care::Busy, self.catalog.inner.artifacts(owner, query)).await
    }

    async fn artifact(
        &self,
        owner: &Owner,
        id: ArtifactId,
    ) -> Result<Option<ArtifactOverview>, CatalogError> {
        self.look("catalog.artifact", Care::Busy, self.catalog.inner.artifact(owner, id)).await
    }

    async fn artifact_set(
        &self,
        owner: &Owner,
        execution: ExecutionId,
    ) -> Result<Option<ArtifactSet>, CatalogError> {
        self.look("catalog.artifact_set", Care::Busy, self.catalog.inner.artifact_set(owner, execution)).await
    }

    async fn newest_manifests(&self, limit: usize) -> Result<Vec<Key>, CatalogError> {
        step(self.catalog.inner.newest_manifests(limit))
    }

    /// Nobody adopts a set in a world.
    async fn adopt(
        &self,
        adoption: &Adoption,
        expected: u64,
        set: &ArtifactSet,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        step(self.catalog.inner.adopt(adoption, expected, set, audit))
    }

    async fn hold(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        hold: bool,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.change("catalog.hold", |watch| watch.hold(&self.catalog, owner, execution, hold, audit)).await
    }

    async fn delete_artifacts(
        &self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let change = |watch: &Watch| watch.delete_artifacts(&self.catalog, owner, artifacts, now, audit);
        self.change("catalog.delete_artifacts", change).await
    }

    async fn expire(&self, now: DateTime<Utc>, limit: usize) -> Result<usize, CatalogError> {
        let expire = async { self.watch.expire(&self.catalog, now, limit) };
        self.faults.around("catalog.expire", Care::Idle, expire).await
    }

    async fn removals(&self, limit: usize) -> Result<Vec<Removal>, CatalogError> {
        self.look("catalog.removals", Care::Idle, self.catalog.inner.removals(limit)).await
    }

    async fn confirm_removed(&self, removal: &Removal, now: DateTime<Utc>) -> Result<(), CatalogError> {
        let change = |watch: &Watch| watch.confirm_removed(&self.catalog, removal, now);
        self.change("catalog.confirm_removed", change).await
    }
}

#[async_trait]
impl RecipientStore for FaultyCatalog {
    async fn insert_recipient(
        &self,
        recipient: &Recipient,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let insert = async { step(self.catalog.inner.insert_recipient(recipient, audit)) };
        self.faults.around("catalog.insert_recipient", Care::Busy, insert).await
    }

    async fn replace_recipient(
        &self,
        recipient: &Recipient,
        expected: &str,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let replace = async { step(self.catalog.inner.replace_recipient(recipient, expected, audit)) };
        self.faults.around("catalog.replace_recipient", Care::Busy, replace).await
    }

    async fn recipients(&self, owner: &Owner) -> Result<Vec<Recipient>, CatalogError> {
        self.look("catalog.recipients", Care::Busy, self.catalog.inner.recipients(owner)).await
    }

    async fn remove_recipient(
        &self,
        owner: &Owner,
        name: &RecipientName,
        audit: &[AuditRecord],
    ) -> Result<RecipientRemoval, CatalogError> {
        let remove = self.catalog.inner.remove_recipient(owner, name, audit);
        self.look("catalog.remove_recipient", Care::Busy, remove).await
    }
}

#[async_trait]
impl Outbox for FaultyCatalog {
    async fn claim_notices(&self, claim: &NoticeClaim) -> Result<Vec<Notice>, CatalogError> {
        self.change("catalog.claim_notices", |watch| watch.claim_notices(&self.catalog, claim)).await
    }

    async fn settle_notice(
        &self,
        fence: Fence<NoticeId>,
        outcome: &WorkOutcome,
    ) -> Result<Notice, CatalogError> {
        let settle = |watch: &Watch| watch.settle_notice(&self.catalog, fence, outcome);
        self.change("catalog.settle_notice", settle).await
    }

    async fn ask_notice_again(
        &self,
        owner: &Owner,
        id: NoticeId,
        audit: &[AuditRecord],
    ) -> Result<Notice, CatalogError> {
        let ask = |watch: &Watch| watch.ask_notice_again(&self.catalog, owner, id, audit);
        self.change("catalog.ask_notice_again", ask).await
    }

    async fn notices(&self, owner: &Owner, query: &NoticeQuery) -> Result<Page<Notice>, CatalogError> {
        self.look("catalog.notices", Care::Busy, self.catalog.inner.notices(owner, query)).await
    }

    async fn tell_of_expiring(
        &self,
        behind: Option<SetPlace>,
        limit: usize,
    ) -> Result<Told<SetPlace>, CatalogError> {
        let tell = async { self.watch.tell_of_expiring(&self.catalog, behind, limit.min(EXPIRING_SETS)) };
        self.faults.around("catalog.tell_of_expiring", Care::Idle, tell).await
    }

    // No job of a world seals, so nothing is told; the worlds of deliveries have certificates.
    async fn tell_of_certificates(
        &self,
        behind: Option<JobId>,
        limit: usize,
    ) -> Result<Told<JobId>, CatalogError> {
        let tell = self.catalog.inner.tell_of_certificates(behind, limit);
        self.look("catalog.tell_of_certificates", Care::Idle, tell).await
    }

    // Nobody in these worlds asks for an erasure.
    async fn recall(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
        sets: &[(ExecutionId, AuditRecord)],
    ) -> Result<Vec<Recalled>, CatalogError> {
        step(self.catalog.inner.recall(owner, request, sets))
    }
}

#[async_trait]
impl AuditStore for FaultyCatalog {
    // Nobody in a world reads the audit but its model.
    async fn audit(&self, owner: &Owner, query: &AuditQuery) -> Result<Page<AuditRecord>, CatalogError> {
        step(self.catalog.inner.audit(owner, query))
    }

    async fn record(&self, entry: &AuditRecord) -> Result<(), CatalogError> {
        self.change("catalog.record", |watch| watch.record(&self.catalog, entry)).await
    }

    async fn end_download(&self, id: AuditId, end: &DownloadEnd) -> Result<(), CatalogError> {
        self.change("catalog.end_download", |watch| watch.end_download(&self.catalog, id, end)).await
    }
}

#[async_trait]
impl Housekeeping for FaultyCatalog {
    async fn keep_house(&self, worker: &WorkerId, lease: Duration) -> Result<bool, CatalogError> {
        if let Some(life) = self.faults.shared.lives.get(self.faults.place) {
            life.works_as(worker);
        }
        let keep = async { self.watch.keep_house(&self.catalog, worker, lease) };
        self.faults.around("catalog.keep_house", Care::Idle, keep).await
    }

    async fn leave_house(&self, worker: &WorkerId) -> Result<(), CatalogError> {
        self.change("catalog.leave_house", |watch| watch.leave_house(&self.catalog, worker)).await
    }

    async fn forget(&self, page: &Forget) -> Result<Swept, CatalogError> {
        let page = page.clone().with_limit(page.limit.min(OLD_ROWS));
        let forget = async { self.watch.forget(&self.catalog, &page) };
        self.faults.around("catalog.forget", Care::Idle, forget).await
    }
}

#[async_trait]
impl StoreRegister for FaultyCatalog {
    // No world pairs its catalog with its store, so these need no faults.
    async fn store(&self) -> Result<Option<StoreLink>, CatalogError> {
        step(self.catalog.inner.store())
    }

    async fn set_store(
        &self,
        expected: Option<StoreLink>,
        link: StoreLink,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        step(self.catalog.inner.set_store(expected, link, audit))
    }
}

#[async_trait]
impl WorkerRegister for FaultyCatalog {
    async fn attend(
        &self,
        worker: &WorkerId,
        facts: &WorkerFacts,
        lease: Duration,
    ) -> Result<WorkerEntry, CatalogError> {
        if let Some(life) = self.faults.shared.lives.get(self.faults.place) {
            life.works_as(worker);
        }
        let attend = async { self.watch.attend(&self.catalog, worker, facts, lease) };
        let entry = self.faults.around("catalog.attend", Care::Idle, attend).await?;
        self.watch.hears(worker, entry.draining_since.is_some());
        // The planted bug: an engine that does not look whether it is to drain.
        let deaf = self.catalog.has(PlantedBug::DrainUnheard);
        Ok(if deaf { WorkerEntry { draining_since: None, ..entry } } else { entry })
    }

    async fn drain(
        &self,
        worker: &WorkerId,
        draining: bool,
        audit: &[AuditRecord],
    ) -> Result<Option<WorkerEntry>, CatalogError> {
        self.change("catalog.drain", |watch| watch.drain(&self.catalog, (worker, draining), audit)).await
    }

    async fn leave(&self, worker: &WorkerId) -> Result<(), CatalogError> {
        self.change("catalog.leave", |watch| watch.leave(&self.catalog, worker)).await
    }

    // Nobody in a world reads the list but its model.
    async fn workers(
        &self,
        owner: &Owner,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<WorkerOverview>, CatalogError> {
        step(self.catalog.inner.workers(owner, now, limit))
    }

    async fn forget_workers(&self) -> Result<usize, CatalogError> {
        self.look("catalog.forget_workers", Care::Idle, self.catalog.inner.forget_workers()).await
    }
}

#[async_trait]
impl DeliveryStore for FaultyCatalog {
    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Result<Vec<Delivery>, CatalogError> {
        let inner = self.catalog.inner.claim_deliveries(claim);
        self.look("catalog.claim_deliveries", Care::Busy, inner).await
    }

    async fn beat_delivery(
        &self,
        fence: Fence<DeliveryId>,
        lease: Duration,
        progress: DeliveryProgress,
    ) -> Result<(), CatalogError> {
        let inner = self.catalog.inner.beat_delivery(fence, lease, progress);
        self.look("catalog.beat_delivery", Care::Busy, inner).await
    }

    async fn settle_delivery(
        &self,
        fence: Fence<DeliveryId>,
        outcome: &WorkOutcome,
        progress: DeliveryProgress,
    ) -> Result<Delivery, CatalogError> {
        let inner = self.catalog.inner.settle_delivery(fence, outcome, progress);
        self.look("catalog.settle_delivery", Care::Busy, inner).await
    }

    async fn redeliver(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        to: &JobDestination,
        audit: &[AuditRecord],
    ) -> Result<Delivery, CatalogError> {
        let inner = self.catalog.inner.redeliver(owner, execution, to, audit);
        self.look("catalog.redeliver", Care::Busy, inner).await
    }

    async fn deliveries(&self, owner: &Owner, query: &DeliveryQuery) -> Result<Page<Delivery>, CatalogError> {
        self.look("catalog.deliveries", Care::Busy, self.catalog.inner.deliveries(owner, query)).await
    }

    async fn health(&self) -> Result<Vec<(TargetId, Health)>, CatalogError> {
        self.look("catalog.health", Care::Busy, self.catalog.inner.health()).await
    }

    async fn contacted(&self, target: &TargetId, outcome: &ContactOutcome) -> Result<Health, CatalogError> {
        self.look("catalog.contacted", Care::Busy, self.catalog.inner.contacted(target, outcome)).await
    }

    async fn set_health(
        &self,
        target: &TargetId,
        before: &Health,
        after: &Health,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let inner = self.catalog.inner.set_health(target, before, after, audit);
        self.look("catalog.set_health", Care::Busy, inner).await
    }
}
