//! Bugs of the erasures that data subjects ask for.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Planted;
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{Owner, SubjectRequestId, SubjectTaskId};
use crate::domain::subject::request::{RequestState, RequestStatus, Stage, SubjectRequest};
use crate::domain::subject::{SubjectTask, TaskReport};
use crate::ports::catalog::{Catalog, CatalogError, CatalogLayer, Fence, SubjectClaim, SubjectStore};
use crate::testing::MemoryCatalog;

/// A catalog that keeps erasures wrongly.
#[derive(Debug)]
pub(super) struct Erasing {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
}

type Stored<T = ()> = Result<T, CatalogError>;

impl Erasing {
    fn task(&self, id: SubjectTaskId) -> Option<SubjectTask> {
        self.catalog.all_subject_tasks().into_iter().find(|task| task.work.id == id)
    }

    fn request(&self, id: SubjectRequestId) -> Option<SubjectRequest> {
        self.catalog.all_subject_requests().into_iter().find(|request| request.id == id)
    }

    /// Returns the fence of the present claim of a task.
    fn present(&self, fence: Fence<SubjectTaskId>) -> Fence<SubjectTaskId> {
        self.task(fence.id).map_or(fence, |task| task.work.fence())
    }

    /// Claims as if requests that are approved ran.
    async fn claim_unlaunched(&self, claim: &SubjectClaim) -> Stored<Vec<SubjectTask>> {
        let approved = self.catalog.all_subject_requests().into_iter();
        let approved: Vec<_> = approved.filter(|one| one.status() == RequestStatus::Approved).collect();
        for request in &approved {
            let mut running = request.clone();
            if let RequestState::Open { stage, .. } = &mut running.state {
                *stage = Stage::Running;
            }
            self.catalog.put_subject_request(running);
        }
        let claimed = self.catalog.claim_subject_tasks(claim).await;
        approved.into_iter().for_each(|request| self.catalog.put_subject_request(request));
        claimed
    }
}

#[async_trait]
impl CatalogLayer for Erasing {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn change_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Stored {
        let before = self.catalog.all_subject_tasks();
        self.catalog.change_subject_request(request, expected, audit).await?;
        if self.bug == Planted::TasksOutliveRequest {
            before.into_iter().for_each(|task| self.catalog.put_subject_task(task));
        }
        Ok(())
    }

    async fn lay_out_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        tasks: &[SubjectTask],
        audit: &[AuditRecord],
    ) -> Stored {
        let known = self.request(request.id).map_or(expected, |known| known.version);
        match self.bug {
            Planted::TasksLost => self.catalog.lay_out_subject_request(request, expected, &[], audit).await,
            Planted::TasksLaidOutAnew => {
                self.catalog.lay_out_subject_request(request, expected, tasks, audit).await?;
                tasks.iter().for_each(|task| self.catalog.put_subject_task(task.clone()));
                Ok(())
            }
            Planted::TasksIgnoreVersion => {
                self.catalog.lay_out_subject_request(request, known, tasks, audit).await
            }
            Planted::TasksAuditLost => {
                self.catalog.lay_out_subject_request(request, expected, tasks, &[]).await
            }
            _ => self.catalog.lay_out_subject_request(request, expected, tasks, audit).await,
        }
    }

    async fn subject_tasks(&self, owner: &Owner, request: SubjectRequestId) -> Stored<Vec<SubjectTask>> {
        let theirs = self.request(request).map_or_else(|| owner.clone(), |known| known.owner);
        match self.bug {
            Planted::TasksOfAnyone => self.catalog.subject_tasks(&theirs, request).await,
            _ => self.catalog.subject_tasks(owner, request).await,
        }
    }

    async fn running_subject_requests(&self) -> Stored<Vec<(SubjectRequest, Vec<SubjectTask>)>> {
        let mut running = self.catalog.running_subject_requests().await?;
        if self.bug == Planted::RunningUnseen {
            running.pop();
        }
        Ok(running)
    }

    async fn claim_subject_tasks(&self, claim: &SubjectClaim) -> Stored<Vec<SubjectTask>> {
        let mut claim = claim.clone();
        match self.bug {
            Planted::TaskClaimsUnlaunched => return self.claim_unlaunched(&claim).await,
            Planted::TaskClaimsAnyKey => {
                let requests = self.catalog.all_subject_requests().into_iter();
                claim.keys =
                    requests.filter_map(|one| one.sealed().map(|sealed| sealed.key.clone())).collect();
            }
            Planted::TaskClaimsAnySource => {
                let tasks = self.catalog.all_subject_tasks().into_iter();
                claim.sources = tasks.map(|task| task.source).collect();
            }
            Planted::TaskClaimsCrowd => claim.per_source = None,
            _ => {}
        }
        self.catalog.claim_subject_tasks(&claim).await
    }

    async fn beat_subject_task(
        &self,
        fence: Fence<SubjectTaskId>,
        lease: Duration,
        found: Option<u64>,
    ) -> Stored {
        match self.bug {
            Planted::TaskBeatForgets => self.catalog.beat_subject_task(fence, lease, None).await,
            Planted::TaskBeatsOfAnyone => {
                self.catalog.beat_subject_task(self.present(fence), lease, found).await
            }
            _ => self.catalog.beat_subject_task(fence, lease, found).await,
        }
    }

    async fn settle_subject_task(
        &self,
        fence: Fence<SubjectTaskId>,
        report: &TaskReport,
    ) -> Stored<SubjectTask> {
        match self.bug {
            Planted::TaskSettlesOfAnyone => {
                self.catalog.settle_subject_task(self.present(fence), report).await
            }
            _ => self.catalog.settle_subject_task(fence, report).await,
        }
    }

    async fn ask_subject_tasks_again(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
        audit: &[AuditRecord],
    ) -> Stored<usize> {
        let theirs = self.request(request).map_or_else(|| owner.clone(), |known| known.owner);
        match self.bug {
            Planted::TasksAgainOfAnyone => {
                self.catalog.ask_subject_tasks_again(&theirs, request, audit).await
            }
            Planted::TasksAgainAuditLost => self.catalog.ask_subject_tasks_again(owner, request, &[]).await,
            _ => self.catalog.ask_subject_tasks_again(owner, request, audit).await,
        }
    }
}
