//! Requests of data subjects, and their erasures (rules D2, D4, D6, D8).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::MemoryCatalog;
use super::lists::{at, begins, is_wanted, micros, page};
use super::queue::{self, Asked, Queued, take_over};
use super::state::{State, conflict};
use crate::domain::access::audit::AuditRecord;
use crate::domain::execution::Execution;
use crate::domain::id::{Owner, SourceId, SubjectRequestId, SubjectTaskId};
use crate::domain::job::lifecycle::Submission;
use crate::domain::subject::request::{RequestStatus, SubjectRequest};
use crate::domain::subject::{SubjectTask, TaskReport};
use crate::domain::work::row::{LostClaim, WorkRow};
use crate::ports::catalog::query::{Cursor, Page, SubjectRequestColumn, SubjectRequestQuery};
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Fence, SubjectClaim, SubjectStore};

impl Queued for SubjectTask {
    type Id = SubjectTaskId;
    type Target = SourceId;

    fn work(&self) -> &WorkRow<SubjectTaskId> {
        &self.work
    }

    fn with_work(self, work: WorkRow<SubjectTaskId>) -> Self {
        Self { work, ..self }
    }

    fn target(&self) -> SourceId {
        self.source.clone()
    }
}

impl State {
    fn insert_subject_request(&mut self, request: &SubjectRequest) -> Result<(), CatalogError> {
        if self.subject_requests.contains_key(&request.id) {
            return Err(conflict(format!("subject request {} is already on record", request.id)));
        }
        self.subject_requests.insert(request.id, request.clone());
        Ok(())
    }

    fn repeated(&self, request: &SubjectRequest) -> Option<SubjectRequestId> {
        let open = self.subject_requests.values().filter(|open| open.is_repeated_by(request));
        open.min_by_key(|open| (open.received.at, open.id)).map(|open| open.id)
    }

    fn change_subject_request(
        &mut self,
        request: &SubjectRequest,
        expected: u64,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let known = self.subject_requests.get_mut(&request.id).filter(|known| known.owner == request.owner);
        match known.filter(|known| known.version == expected) {
            Some(known) => known.clone_from(request),
            None => return Err(conflict(format!("subject request {}", request.id))),
        }
        if !request.status().is_open() {
            for task in self.subject_tasks.values_mut().filter(|task| task.request == request.id) {
                *task = task.clone().cancelled(now);
            }
        }
        Ok(())
    }

    fn lay_out(&mut self, tasks: &[SubjectTask]) {
        for task in tasks {
            self.subject_tasks.entry(task.work.id).or_insert_with(|| task.clone());
        }
    }

    fn tasks_of(&self, request: SubjectRequestId) -> Vec<SubjectTask> {
        let of_request = self.subject_tasks.values().filter(|task| task.request == request);
        let mut tasks: Vec<SubjectTask> = of_request.cloned().collect();
        tasks.sort_by(|one, other| (&one.source, &one.data_type).cmp(&(&other.source, &other.data_type)));
        tasks
    }

    fn running_subject_requests(&self) -> Vec<(SubjectRequest, Vec<SubjectTask>)> {
        let running = self.subject_requests.values().filter(|one| one.status() == RequestStatus::Running);
        let mut running: Vec<&SubjectRequest> = running.collect();
        running.sort_by_key(|request| (request.received.at, request.id));
        running.into_iter().map(|request| (request.clone(), self.tasks_of(request.id))).collect()
    }

    fn claim_subject_tasks(&mut self, claim: &SubjectClaim, now: DateTime<Utc>) -> Vec<SubjectTask> {
        let all = |_: &SubjectTask| true;
        take_over(&mut self.subject_tasks, &all, &claim.retry, now);
        let is_ours = |request: &&SubjectRequest| {
            request.status() == RequestStatus::Running
                && request.sealed().is_some_and(|sealed| claim.keys.contains(&sealed.key))
        };
        let ours: BTreeSet<SubjectRequestId> =
            self.subject_requests.values().filter(is_ours).map(|request| request.id).collect();
        let takes = |task: &SubjectTask| claim.sources.contains(&task.source) && ours.contains(&task.request);
        let SubjectClaim { worker, lease, limit, per_source, .. } = claim;
        let asked = Asked {
            worker,
            lease: *lease,
            limit: *limit,
            per_target: *per_source,
            concerns: &all,
            takes: &takes,
            now,
        };
        queue::claim(&mut self.subject_tasks, &asked, claim.turn.clone()).0
    }

    /// Replaces a task by what a claim makes of it.
    fn change_task(
        &mut self,
        fence: Fence<SubjectTaskId>,
        change: impl FnOnce(SubjectTask) -> Result<SubjectTask, LostClaim>,
    ) -> Result<SubjectTask, CatalogError> {
        let lost = |why: String| CatalogError::new(CatalogErrorKind::Fenced, why);
        let known = self.subject_tasks.get_mut(&fence.id);
        let known = known.ok_or_else(|| lost(format!("task {} is gone", fence.id)))?;
        *known = change(known.clone()).map_err(|error| lost(error.to_string()))?;
        Ok(known.clone())
    }

    fn tasks_again(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
        now: DateTime<Utc>,
    ) -> BTreeMap<SubjectTaskId, SubjectTask> {
        let of_request = |task: &&SubjectTask| task.request == request && task.work.owner == *owner;
        let again = self.subject_tasks.values().filter(of_request).filter_map(|task| task.clone().again(now));
        again.map(|task| (task.work.id, task)).collect()
    }

    fn hand_over_subject_request(
        &mut self,
        request: &SubjectRequest,
        expected: u64,
        (job, tasks): (&Submission, &[SubjectTask]),
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        if self.jobs.contains_key(&job.job.id) {
            return Err(conflict(format!("job {} is already stored", job.job.id)));
        }
        self.change_subject_request(request, expected, now)?;
        self.lay_out(tasks);
        self.insert_job(&job.job, job.first.as_ref())
    }

    /// Returns the request that a set answers, as it is once the set is published (rule D9).
    pub(super) fn answered(
        &self,
        published: &Execution,
        request: Option<SubjectRequestId>,
        at: DateTime<Utc>,
    ) -> Result<Option<SubjectRequest>, CatalogError> {
        if request != published.settings.request {
            return Err(conflict(format!("execution {} answers another request", published.id)));
        }
        let Some(id) = request else { return Ok(None) };
        let known = self.subject_requests.get(&id).filter(|known| known.owner == published.owner);
        let known = known.ok_or_else(|| conflict(format!("subject request {id} is gone")))?;
        let answered = known.clone().handed_over(published.id, at);
        answered.map(Some).map_err(|refused| conflict(refused.to_string()))
    }

    fn list_subject_requests(&self, owner: &Owner, query: &SubjectRequestQuery) -> Page<SubjectRequest> {
        let wanted = |request: &&SubjectRequest| {
            request.owner == *owner
                && begins(query.id_begins.as_ref(), request.id)
                && is_wanted(query.status.as_ref(), &request.status())
                && is_wanted(query.open.as_ref(), &request.status().is_open())
                && is_wanted(query.kind.as_ref(), &request.kind)
        };
        let rows = self.subject_requests.values().filter(wanted).cloned().collect();
        page(rows, &query.slice, query.sort.descending, |request| {
            let key = match query.sort.column {
                SubjectRequestColumn::ReceivedAt => at(request.received.at),
                SubjectRequestColumn::DueAt => at(request.due_at),
            };
            Cursor { key, at: micros(request.received.at), id: request.id.to_string(), part: 0 }
        })
    }
}

#[async_trait]
impl SubjectStore for MemoryCatalog {
    async fn insert_subject_request(
        &self,
        request: &SubjectRequest,
        audit: &[AuditRecord],
    ) -> Result<Option<SubjectRequestId>, CatalogError> {
        let mut state = self.state();
        if let Some(open) = state.repeated(request) {
            return Ok(Some(open));
        }
        state.audited(audit, |state| state.insert_subject_request(request))?;
        Ok(None)
    }

    async fn change_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let now = self.present();
        self.state().audited(audit, |state| state.change_subject_request(request, expected, now))
    }

    async fn hand_over_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        job: &Submission,
        tasks: &[SubjectTask],
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let now = self.present();
        self.state()
            .audited(audit, |state| state.hand_over_subject_request(request, expected, (job, tasks), now))
    }

    async fn subject_request(
        &self,
        owner: &Owner,
        id: SubjectRequestId,
    ) -> Result<Option<SubjectRequest>, CatalogError> {
        let state = self.state();
        Ok(state.subject_requests.get(&id).filter(|request| request.owner == *owner).cloned())
    }

    async fn subject_requests(
        &self,
        owner: &Owner,
        query: &SubjectRequestQuery,
    ) -> Result<Page<SubjectRequest>, CatalogError> {
        Ok(self.state().list_subject_requests(owner, query))
    }

    async fn lay_out_subject_request(
        &self,
        request: &SubjectRequest,
        expected: u64,
        tasks: &[SubjectTask],
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let now = self.present();
        self.state().audited(audit, |state| {
            state.change_subject_request(request, expected, now)?;
            state.lay_out(tasks);
            Ok(())
        })
    }

    async fn subject_tasks(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
    ) -> Result<Vec<SubjectTask>, CatalogError> {
        let tasks = self.state().tasks_of(request).into_iter();
        Ok(tasks.filter(|task| task.work.owner == *owner).collect())
    }

    async fn running_subject_requests(
        &self,
    ) -> Result<Vec<(SubjectRequest, Vec<SubjectTask>)>, CatalogError> {
        Ok(self.state().running_subject_requests())
    }

    async fn claim_subject_tasks(&self, claim: &SubjectClaim) -> Result<Vec<SubjectTask>, CatalogError> {
        let now = self.present();
        Ok(self.state().claim_subject_tasks(claim, now))
    }

    async fn beat_subject_task(
        &self,
        fence: Fence<SubjectTaskId>,
        lease: Duration,
        found: Option<u64>,
    ) -> Result<(), CatalogError> {
        let now = self.present();
        self.state().change_task(fence, |task| task.beaten(fence.epoch, found, now, lease)).map(drop)
    }

    async fn settle_subject_task(
        &self,
        fence: Fence<SubjectTaskId>,
        report: &TaskReport,
    ) -> Result<SubjectTask, CatalogError> {
        let now = self.present();
        self.state().change_task(fence, |task| task.settled(fence.epoch, report, now))
    }

    async fn ask_subject_tasks_again(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
        audit: &[AuditRecord],
    ) -> Result<usize, CatalogError> {
        let mut state = self.state();
        let again = state.tasks_again(owner, request, self.present());
        let asked = again.len();
        if asked > 0 {
            state.audited(audit, |state| {
                state.subject_tasks.extend(again);
                Ok(())
            })?;
        }
        Ok(asked)
    }
}
