//! The layer that makes the mistakes: each method of the catalog that a planted bug alters.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Planted;
use super::foreign::joined;
use crate::domain::access::audit::AuditRecord;
use crate::domain::archive::adoption::Adoption;
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::delivery::{Delivery, JobDestination};
use crate::domain::execution::Execution;
use crate::domain::execution::completeness::Frozen;
use crate::domain::execution::queue::QueuePlace;
use crate::domain::id::{ArtifactId, ExecutionId, JobId, NoticeId, Owner, RecipientName, WorkerId};
use crate::domain::job::settling::Open;
use crate::domain::job::{Job, JobChange};
use crate::domain::notice::Notice;
use crate::domain::recipient::Recipient;
use crate::ports::catalog::query::{
    ArtifactOverview, ArtifactQuery, AuditQuery, DeliveryQuery, ExecutionOverview, ExecutionQuery,
    JobOverview, JobQuery, NoticeQuery, Page,
};
use crate::ports::catalog::{
    ArtifactStore, AuditStore, Beat, Catalog, CatalogError, CatalogLayer, DeliveryStore, Directive,
    ExecutionStore, Fence, JobStore, Outbox, Publication, RecipientRemoval, RecipientStore, Settlement,
    Standing, WorkQueue, Writer,
};
use crate::testing::MemoryCatalog;

/// A catalog with a planted bug. It knows the whole record, so that it can act as a catalog that does not
/// look.
#[derive(Debug)]
pub(super) struct Layer {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
    /// The number of rows that the pages of a list have given so far.
    pub(super) given: Mutex<u64>,
}

impl Layer {
    pub(super) fn has(&self, bug: Planted) -> bool {
        self.bug == bug
    }

    /// Returns an execution of any owner, deleted or not.
    pub(super) fn known(&self, id: ExecutionId) -> Option<Execution> {
        MemoryCatalog::record(&self.catalog).into_iter().find(|one| one.id == id)
    }

    /// Returns the owner of a job if this bug does not compare it, or else the owner who asks.
    pub(super) fn of_job(&self, bug: Planted, asking: &Owner, id: JobId) -> Owner {
        let jobs = self.catalog.all_jobs();
        let true_owner = jobs.into_iter().find(|job| job.id == id && self.has(bug)).map(|job| job.owner);
        true_owner.unwrap_or_else(|| asking.clone())
    }

    /// Returns the owner of an execution if this bug does not compare it, or else the owner who asks.
    pub(super) fn of_execution(&self, bug: Planted, asking: &Owner, id: ExecutionId) -> Owner {
        let true_owner = self.known(id).filter(|_| self.has(bug)).map(|one| one.owner);
        true_owner.unwrap_or_else(|| asking.clone())
    }
}

#[async_trait]
impl CatalogLayer for Layer {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn insert_job(
        &self,
        job: &Job,
        first: Option<&Execution>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.shares_recipients(job).await?;
        self.catalog.insert_job(job, first, audit).await
    }

    async fn change_job(
        &self,
        change: &JobChange,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.shares_recipients(&change.job).await?;
        let mut change = change.clone();
        change.job.owner = self.of_job(Planted::ChangesJobOfAnyone, &change.job.owner, change.job.id);
        self.catalog.change_job(&change, expected, audit).await
    }

    async fn job(&self, owner: &Owner, id: JobId) -> Result<Option<JobOverview>, CatalogError> {
        self.catalog.job(&self.of_job(Planted::JobOfAnyone, owner, id), id).await
    }

    async fn jobs(&self, owner: &Owner, query: &JobQuery) -> Result<Page<JobOverview>, CatalogError> {
        let mut asked = self.narrowed_jobs(query);
        self.by_row_number(owner, &mut asked).await?;
        let mut pages = Vec::new();
        for owner in self.owners(Planted::JobsOfAnyone, owner) {
            pages.push(self.catalog.jobs(&owner, &asked).await?);
        }
        if self.has(Planted::JobsForgetFailure) {
            let latest =
                pages.iter_mut().flat_map(|page| &mut page.items).filter_map(|job| job.latest.as_mut());
            latest.for_each(|latest| latest.failure = None);
        }
        Ok(self.counted(&query.slice, joined(pages)))
    }

    async fn open_executions(
        &self,
        owner: &Owner,
        job: JobId,
        behind: Option<QueuePlace>,
        limit: usize,
    ) -> Result<Open, CatalogError> {
        let owner = self.of_job(Planted::OpenOfAnyone, owner, job);
        self.catalog.open_executions(&owner, job, behind, limit).await
    }

    async fn execution(
        &self,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
    ) -> Result<Option<ExecutionOverview>, CatalogError> {
        self.catalog.execution(&self.of_execution(Planted::ExecutionOfAnyone, owner, id), id, now).await
    }

    async fn executions(
        &self,
        owner: &Owner,
        query: &ExecutionQuery,
        now: DateTime<Utc>,
    ) -> Result<Page<ExecutionOverview>, CatalogError> {
        let asked = self.narrowed_executions(query);
        let mut pages = Vec::new();
        for owner in self.owners(Planted::ExecutionsOfAnyone, owner) {
            pages.push(self.catalog.executions(&owner, &asked, now).await?);
        }
        Ok(self.counted(&query.slice, joined(pages)))
    }

    async fn change_execution(
        &self,
        before: &Execution,
        after: &Execution,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let owner = self.of_execution(Planted::ChangesExecutionOfAnyone, &before.owner, before.id);
        let of_owner = |one: &Execution| Execution { owner: owner.clone(), ..one.clone() };
        self.catalog.change_execution(&of_owner(before), &of_owner(after), audit).await
    }

    async fn delete_execution(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let owner = self.of_execution(Planted::DeletesExecutionOfAnyone, owner, execution);
        self.catalog.delete_execution(&owner, execution, now, audit).await
    }

    async fn begin(
        &self,
        fence: Fence,
        complete_until: Option<DateTime<Utc>>,
    ) -> Result<Frozen, CatalogError> {
        self.catalog.begin(self.present(Planted::BeginIgnoresEpoch, fence), complete_until).await
    }

    async fn beat(
        &self,
        worker: &WorkerId,
        lease: Duration,
        beats: &[Beat],
    ) -> Result<Vec<Directive>, CatalogError> {
        self.beats(worker, lease, beats).await
    }

    async fn publish(&self, fence: Fence, publication: &Publication) -> Result<(), CatalogError> {
        self.publishes(fence, publication).await
    }

    async fn settle(&self, fence: Fence, settlement: &Settlement) -> Result<Execution, CatalogError> {
        self.settles(fence, settlement).await
    }

    async fn standing(&self, writer: Writer) -> Result<Standing, CatalogError> {
        self.stands(writer).await
    }

    async fn artifacts(
        &self,
        owner: &Owner,
        query: &ArtifactQuery,
    ) -> Result<Page<ArtifactOverview>, CatalogError> {
        let asked = self.narrowed_artifacts(query);
        let mut pages = Vec::new();
        for owner in self.owners(Planted::ArtifactsOfAnyone, owner) {
            pages.push(self.catalog.artifacts(&owner, &asked).await?);
        }
        Ok(self.counted(&query.slice, joined(pages)))
    }

    async fn artifact(
        &self,
        owner: &Owner,
        id: ArtifactId,
    ) -> Result<Option<ArtifactOverview>, CatalogError> {
        for owner in self.owners(Planted::ArtifactOfAnyone, owner) {
            if let Some(found) = self.catalog.artifact(&owner, id).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn artifact_set(
        &self,
        owner: &Owner,
        execution: ExecutionId,
    ) -> Result<Option<ArtifactSet>, CatalogError> {
        let owner = self.of_execution(Planted::SetOfAnyone, owner, execution);
        self.catalog.artifact_set(&owner, execution).await
    }

    async fn adopt(
        &self,
        adoption: &Adoption,
        expected: u64,
        set: &ArtifactSet,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let mut adoption = adoption.clone();
        let job = &mut adoption.change.job;
        job.owner = self.of_job(Planted::AdoptsForAnyone, &job.owner, job.id);
        self.catalog.adopt(&adoption, expected, set, audit).await
    }

    async fn hold(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        hold: bool,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let owner = self.of_execution(Planted::HoldsSetOfAnyone, owner, execution);
        self.catalog.hold(&owner, execution, hold, audit).await
    }

    async fn delete_artifacts(
        &self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.deletes(owner, artifacts, now, audit).await
    }

    async fn recipients(&self, owner: &Owner) -> Result<Vec<Recipient>, CatalogError> {
        let mut all = Vec::new();
        for owner in self.owners(Planted::RecipientsOfAnyone, owner) {
            all.extend(self.catalog.recipients(&owner).await?);
        }
        Ok(all)
    }

    async fn replace_recipient(
        &self,
        recipient: &Recipient,
        expected: &str,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.replaces_recipient(recipient, expected, audit).await
    }

    async fn remove_recipient(
        &self,
        owner: &Owner,
        name: &RecipientName,
        audit: &[AuditRecord],
    ) -> Result<RecipientRemoval, CatalogError> {
        self.removes_recipient(owner, name, audit).await
    }

    async fn ask_notice_again(
        &self,
        owner: &Owner,
        id: NoticeId,
        audit: &[AuditRecord],
    ) -> Result<Notice, CatalogError> {
        self.asks_again(owner, id, audit).await
    }

    async fn notices(&self, owner: &Owner, query: &NoticeQuery) -> Result<Page<Notice>, CatalogError> {
        let asked = self.narrowed_notices(query);
        let mut pages = Vec::new();
        for owner in self.owners(Planted::NoticesOfAnyone, owner) {
            pages.push(self.catalog.notices(&owner, &asked).await?);
        }
        Ok(self.counted(&query.slice, joined(pages)))
    }

    async fn deliveries(&self, owner: &Owner, query: &DeliveryQuery) -> Result<Page<Delivery>, CatalogError> {
        let mut pages = Vec::new();
        for owner in self.owners(Planted::DeliveriesOfAnyone, owner) {
            pages.push(self.catalog.deliveries(&owner, query).await?);
        }
        Ok(joined(pages))
    }

    async fn redeliver(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        to: &JobDestination,
        audit: &[AuditRecord],
    ) -> Result<Delivery, CatalogError> {
        let owner = self.of_execution(Planted::RedeliversForAnyone, owner, execution);
        self.catalog.redeliver(&owner, execution, to, audit).await
    }

    async fn audit(&self, owner: &Owner, query: &AuditQuery) -> Result<Page<AuditRecord>, CatalogError> {
        let asked = self.narrowed_audit(query);
        let mut pages = Vec::new();
        for owner in self.owners(Planted::AuditOfAnyone, owner) {
            pages.push(self.catalog.audit(&owner, &asked).await?);
        }
        Ok(self.counted(&query.slice, joined(pages)))
    }
}
