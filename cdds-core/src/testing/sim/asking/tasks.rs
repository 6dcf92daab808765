//! Checks the work of engines on erasures: claims, counts and answers (rules D3, D4).

use std::time::Duration;

use super::super::model::{Broken, Check, ensure};
use super::super::report::Invariant;
use super::super::shared::{Life, lock};
use super::super::watch::step;
use super::town::{RowType, Rule};
use super::ward::{KnownTask, Model, Ward};
use crate::domain::access::audit::{AuditRecord, Object};
use crate::domain::id::{Owner, SubjectRequestId, SubjectTaskId};
use crate::domain::subject::request::{RequestStatus, SubjectRequest};
use crate::domain::subject::{SubjectTask, TaskReport};
use crate::domain::work::row::{WorkState, WorkStatus};
use crate::ports::catalog::{Catalog, CatalogError, CatalogErrorKind, Fence, SubjectClaim};

/// Whether a claim of a task holds.
pub(super) fn holds(task: &SubjectTask, epoch: u64) -> bool {
    task.work.status() == WorkStatus::Held && task.work.epoch == epoch
}

impl Ward {
    /// Reads the tasks of a request as they are on record.
    pub(super) fn follow_tasks(&self, model: &mut Model, request: &SubjectRequest) -> Check {
        for task in self.read(self.catalog.subject_tasks(&request.owner, request.id))? {
            let known = model.tasks.entry(task.work.id).or_insert_with(|| KnownTask::new(task.clone()));
            known.task = task;
        }
        Ok(())
    }

    fn follow_running(&self, model: &mut Model) -> Check {
        for (_, tasks) in self.read(self.catalog.running_subject_requests())? {
            for task in tasks {
                let known = model.tasks.entry(task.work.id).or_insert_with(|| KnownTask::new(task.clone()));
                known.task = task;
            }
        }
        Ok(())
    }

    /// Hands tasks to an engine. One worker at a time holds each, and only of requests that run.
    pub(super) fn claim(
        &self,
        catalog: &dyn Catalog,
        claim: &SubjectClaim,
        place: usize,
    ) -> Result<Vec<SubjectTask>, CatalogError> {
        let now = self.shared.timeline.now();
        let result = step(catalog.claim_subject_tasks(claim));
        self.look(|model| {
            let claimed = result.as_ref().map_err(|error| Broken(Invariant::Answer, error.report()))?;
            let life = (place, self.shared.lives.get(place).map_or(0, Life::number));
            for task in claimed {
                let told = || format!("{:?} was given to {}", task, claim.worker);
                let known = model.tasks.get(&task.work.id).ok_or_else(|| Broken(Invariant::D3, told()))?;
                let free = match &known.task.work.state {
                    WorkState::Waiting { next_attempt_at } => *next_attempt_at <= now,
                    WorkState::Held { lease, .. } => lease.expires_at <= now,
                    WorkState::Done { .. } | WorkState::GivenUp { .. } => false,
                };
                ensure(free && task.work.epoch == known.task.work.epoch + 1, Invariant::D3, told)?;
                let asking = model.requests.get(&task.request).map(|known| &known.request);
                let runs = asking.is_some_and(|request| request.status() == RequestStatus::Running);
                ensure(runs && claim.sources.contains(&task.source), Invariant::D3, told)?;
                let key = asking.and_then(SubjectRequest::sealed).map(|sealed| &sealed.key);
                ensure(key.is_some_and(|key| claim.keys.contains(key)), Invariant::D6, told)?;
                model.claims.entry(life).or_default().push((task.work.id, task.work.epoch));
            }
            self.follow_running(model)
        });
        result
    }

    /// Renews a claim. `stored` is the count that reaches the record.
    pub(super) fn beat(
        &self,
        catalog: &dyn Catalog,
        fence: Fence<SubjectTaskId>,
        lease: Duration,
        stored: Option<u64>,
    ) -> Result<(), CatalogError> {
        let result = step(catalog.beat_subject_task(fence, lease, stored));
        self.look(|model| {
            let before = self.check_fence(model, fence, "beat", &result)?;
            if result.is_err() {
                return Ok(());
            }
            self.follow_task(model, &before)?;
            let Some(known) = model.tasks.get_mut(&fence.id) else { return Ok(()) };
            if let Some(found) = stored.filter(|found| known.task.looked == Some(*found)) {
                known.noted.insert(fence.epoch, found);
            }
            Ok(())
        });
        result
    }

    /// Ends an attempt. What is on record then is what the source did.
    pub(super) fn settle(
        &self,
        catalog: &dyn Catalog,
        fence: Fence<SubjectTaskId>,
        report: &TaskReport,
        is_unfenced: bool,
    ) -> Result<SubjectTask, CatalogError> {
        let mut result = step(catalog.settle_subject_task(fence, report));
        let lost = result.as_ref().is_err_and(|error| error.kind() == CatalogErrorKind::Fenced);
        if lost && is_unfenced {
            let present = lock(&self.model).tasks.get(&fence.id).map(|known| known.task.work.fence());
            if let Some(present) = present {
                result = step(catalog.settle_subject_task(present, report));
            }
        }
        self.look(|model| {
            let before = self.check_fence(model, fence, "settle", &result)?;
            let Ok(after) = &result else { return Ok(()) };
            self.follow_task(model, &before)?;
            let Some(known) = model.tasks.get(&fence.id) else { return Ok(()) };
            ensure(known.task == *after, Invariant::Answer, || format!("{after:?}, but {:?}", known.task))?;
            let kind = RowType::find(&after.source, &after.data_type);
            let told = || format!("{report:?} of {:?}, whose source has erased {}", after, known.erased);
            match report {
                TaskReport::Unsupported => {
                    ensure(kind.is_some_and(|kind| kind.rule == Rule::None), Invariant::D4, told)
                }
                TaskReport::Erased(_) => {
                    let same = after.erased == known.erased && after.kept() == known.kept;
                    ensure(same || known.is_blurred, Invariant::D4, told)
                }
                TaskReport::Failed(_) => Ok(()),
            }
        });
        result
    }

    fn follow_task(&self, model: &mut Model, before: &SubjectTask) -> Check {
        let tasks = self.read(self.catalog.subject_tasks(&before.work.owner, before.request))?;
        for task in tasks.into_iter().filter(|task| task.work.id == before.work.id) {
            if let Some(known) = model.tasks.get_mut(&task.work.id) {
                known.task = task;
            }
        }
        Ok(())
    }

    /// Rule D3: a call that a claim guards succeeds if and only if the claim holds. Returns the task before it.
    fn check_fence<T>(
        &self,
        model: &Model,
        fence: Fence<SubjectTaskId>,
        call: &str,
        result: &Result<T, CatalogError>,
    ) -> Check<SubjectTask> {
        let known = model.tasks.get(&fence.id);
        let known = known.ok_or_else(|| Broken(Invariant::D3, format!("there is no task {}", fence.id)))?;
        let told = || format!("{call} by claim {} of {:?}", fence.epoch, known.task);
        let held = holds(&known.task, fence.epoch);
        // A report may be repeated, and changes nothing then.
        let done = known.task.is_answered() && known.task.work.epoch == fence.epoch;
        match result {
            Ok(_) => ensure(held || done, Invariant::D3, || format!("a lost claim was heeded: {}", told()))?,
            Err(error) if error.kind() == CatalogErrorKind::Fenced => {
                self.shared.count(|figures| figures.fenced += 1);
                ensure(!held, Invariant::D3, || format!("a claim holds and was refused: {}", told()))?;
            }
            Err(error) => return Err(Broken(Invariant::Answer, error.report())),
        }
        Ok(known.task.clone())
    }

    /// Asks again for what failed.
    pub(super) fn ask_again(
        &self,
        catalog: &dyn Catalog,
        owner: &Owner,
        request: SubjectRequestId,
        audit: &[AuditRecord],
    ) -> Result<usize, CatalogError> {
        let result = step(catalog.ask_subject_tasks_again(owner, request, audit));
        self.look(|model| {
            let asked = *result.as_ref().map_err(|error| Broken(Invariant::Answer, error.report()))?;
            if asked == 0 {
                return Ok(());
            }
            let of = audit.len() == 1
                && audit.iter().all(|entry| entry.object == Some(Object::SubjectRequest(request)));
            ensure(of, Invariant::Audit, || format!("{audit:?} are the entries of request {request}"))?;
            *model.asked_again.entry(request).or_default() += 1;
            let known = model.requests.get(&request).map(|known| known.request.clone());
            known.map_or(Ok(()), |known| self.follow_tasks(model, &known))
        });
        result
    }
}
