//! Requests of data subjects and filters of sets, of which there are none in these worlds: their sources name nobody.

use std::time::Duration;

use async_trait::async_trait;

use super::faulty_catalog::FaultyCatalog;
use super::watch::step;
use crate::domain::access::audit::AuditRecord;
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::id::{ExecutionId, Owner, SubjectRequestId, SubjectTaskId};
use crate::domain::job::lifecycle::Submission;
use crate::domain::subject::copies::{CopyPlace, FilterNote, PublishedSet};
use crate::domain::subject::request::SubjectRequest;
use crate::domain::subject::{SubjectTask, TaskReport};
use crate::ports::catalog::query::{Page, SubjectRequestQuery};
use crate::ports::catalog::{CatalogError, CopyStore, Fence, SubjectClaim, SubjectStore};

#[async_trait]
impl SubjectStore for FaultyCatalog {
    async fn insert_subject_request(
        &self,
        request: &SubjectRequest,
        audit: &[AuditRecord],
    ) -> Result<Option<SubjectRequestId>, CatalogError> {
        step(self.catalog.inner.insert_subject_request(request, audit))
    }

    async fn change_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        step(self.catalog.inner.change_subject_request(request, expected, audit))
    }

    async fn hand_over_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        job: &Submission,
        tasks: &[SubjectTask],
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        step(self.catalog.inner.hand_over_subject_request(request, expected, job, tasks, audit))
    }

    async fn subject_request(
        &self,
        owner: &Owner,
        id: SubjectRequestId,
    ) -> Result<Option<SubjectRequest>, CatalogError> {
        step(self.catalog.inner.subject_request(owner, id))
    }

    async fn subject_requests(
        &self,
        owner: &Owner,
        query: &SubjectRequestQuery,
    ) -> Result<Page<SubjectRequest>, CatalogError> {
        step(self.catalog.inner.subject_requests(owner, query))
    }

    async fn lay_out_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        tasks: &[SubjectTask],
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        step(self.catalog.inner.lay_out_subject_request(request, expected, tasks, audit))
    }

    async fn subject_tasks(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
    ) -> Result<Vec<SubjectTask>, CatalogError> {
        step(self.catalog.inner.subject_tasks(owner, request))
    }

    async fn running_subject_requests(
        &self,
    ) -> Result<Vec<(SubjectRequest, Vec<SubjectTask>)>, CatalogError> {
        step(self.catalog.inner.running_subject_requests())
    }

    async fn claim_subject_tasks(&self, claim: &SubjectClaim) -> Result<Vec<SubjectTask>, CatalogError> {
        step(self.catalog.inner.claim_subject_tasks(claim))
    }

    async fn beat_subject_task(
        &self,
        fence: Fence<SubjectTaskId>,
        lease: Duration,
        found: Option<u64>,
    ) -> Result<(), CatalogError> {
        step(self.catalog.inner.beat_subject_task(fence, lease, found))
    }

    async fn settle_subject_task(
        &self,
        fence: Fence<SubjectTaskId>,
        report: &TaskReport,
    ) -> Result<SubjectTask, CatalogError> {
        step(self.catalog.inner.settle_subject_task(fence, report))
    }

    async fn ask_subject_tasks_again(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
        audit: &[AuditRecord],
    ) -> Result<usize, CatalogError> {
        step(self.catalog.inner.ask_subject_tasks_again(owner, request, audit))
    }
}

#[async_trait]
impl CopyStore for FaultyCatalog {
    async fn published_sets(
        &self,
        owner: &Owner,
        behind: Option<CopyPlace>,
        limit: usize,
    ) -> Result<Vec<PublishedSet>, CatalogError> {
        step(self.catalog.inner.published_sets(owner, behind, limit))
    }

    async fn set_as_published(
        &self,
        owner: &Owner,
        execution: ExecutionId,
    ) -> Result<Option<ArtifactSet>, CatalogError> {
        step(self.catalog.inner.set_as_published(owner, execution))
    }

    async fn subject_filter(&self, execution: ExecutionId) -> Result<Option<FilterNote>, CatalogError> {
        step(self.catalog.inner.subject_filter(execution))
    }

    async fn downloads_of(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, CatalogError> {
        step(self.catalog.inner.downloads_of(owner, execution, limit))
    }
}
