//! The History page: executions that ran, wait or were skipped, and why.

use chrono::{DateTime, TimeDelta, Utc};

use super::access::{check, entry};
use super::{Entity, ServiceError, until_settled};
use crate::cleanup::remove_marked;
use crate::domain::access::audit::{AuditRecord, Object};
use crate::domain::access::{Action, Principal};
use crate::domain::archive::removal::{self, WithArtifacts};
use crate::domain::execution::Execution;
use crate::domain::execution::plan::Requested;
use crate::domain::execution::{manual, plan};
use crate::domain::id::{ExecutionId, Owner};
use crate::domain::job::{Job, JobSettings, admission};
use crate::domain::request::RequestKey;
use crate::domain::subject::request::SubjectRequest;
use crate::domain::violation::{Code, RuleViolation};
use crate::domain::work::lease::WorkerLife;
use crate::ports::Ports;
use crate::ports::catalog::query::{Between, ExecutionOverview, ExecutionQuery, Page, Slice};

/// The executions of all owners; each call names one, by its principal. Every method returns
/// [`ServiceError::Forbidden`] for a principal that is not allowed its action (rule C1).
///
/// # Cancel safety
/// The change of a dropped call is stored either whole or not at all.
#[derive(Debug, Clone)]
pub struct History {
    ports: Ports,
}

impl History {
    /// Creates the service over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Returns a page of the owner's executions (rule E9).
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn list(
        &self,
        by: &Principal,
        query: &ExecutionQuery,
    ) -> Result<Page<ExecutionOverview>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        let now = self.ports.catalog.now().await?;
        Ok(self.ports.catalog.executions(&by.owner, query, now).await?)
    }

    /// Returns one execution with its attempts.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another owner's execution and for a deleted one (rule J15).
    pub async fn show(&self, by: &Principal, id: ExecutionId) -> Result<ExecutionOverview, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::Execution(id))).await?;
        self.find(&by.owner, id).await
    }

    /// Returns the settings that an execution had, as a draft of a job (rule J6).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn draft(&self, by: &Principal, id: ExecutionId) -> Result<JobSettings, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::Execution(id))).await?;
        let settings = self.find(&by.owner, id).await?.execution.settings;
        settings.check_own()?;
        Ok(settings)
    }

    /// Stops an execution (rule E8). A waiting one is cancelled at once. A running one is ordered to stop,
    /// which takes about a second, and leaves no artifact. One whose worker is gone ends at once, and the
    /// next engine that sweeps removes its stored files. A second call changes nothing. Once a call has
    /// reported that the execution stops, nobody will see it finish.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] if it has ended; [`ServiceError::NotFound`]; [`ServiceError::Conflict`].
    pub async fn cancel(&self, by: &Principal, id: ExecutionId) -> Result<ExecutionOverview, ServiceError> {
        check(&self.ports, by, Action::CancelExecution, Some(Object::Execution(id))).await?;
        until_settled(|| async {
            let ExecutionOverview { execution: before, worker, .. } = self.find(&by.owner, id).await?;
            let (asked, now) = (before.clone(), self.ports.catalog.now().await?);
            let after = match worker {
                Some(WorkerLife::Gone) => asked.cancel_abandoned(now)?,
                Some(WorkerLife::Alive) | None => asked.cancel(now)?,
            };
            if after != before {
                let entry = self.entry(by, Action::CancelExecution, id, now);
                self.ports.catalog.change_execution(&before, &after, &[entry]).await?;
            }
            Ok(())
        })
        .await?;
        self.find(&by.owner, id).await
    }

    /// Queues another try of an execution that failed or was cancelled, and returns it (rule W5).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] if it neither failed nor was cancelled, while its job runs, if the
    /// occurrence has since been run, if its window is covered, or if a type does not say whose its records
    /// are (rule J16); [`ServiceError::NotFound`], also if its job was deleted; [`ServiceError::Conflict`].
    pub async fn rerun(&self, by: &Principal, id: ExecutionId) -> Result<Execution, ServiceError> {
        self.queue_again(by, id, None).await
    }

    /// Queues another try like [`rerun`](Self::rerun), but only once for each key: returns the execution that an
    /// earlier request with it queued (rule J18).
    ///
    /// # Errors
    /// As for [`rerun`](Self::rerun).
    pub async fn rerun_once(
        &self,
        by: &Principal,
        id: ExecutionId,
        key: &RequestKey,
    ) -> Result<Execution, ServiceError> {
        self.queue_again(by, id, Some(key)).await
    }

    async fn queue_again(
        &self,
        by: &Principal,
        id: ExecutionId,
        key: Option<&RequestKey>,
    ) -> Result<Execution, ServiceError> {
        check(&self.ports, by, Action::RerunExecution, Some(Object::Execution(id))).await?;
        until_settled(|| async {
            let failed = self.find(&by.owner, id).await?.execution;
            let job = self.job_of(&by.owner, &failed).await?;
            let asked = key.map(|key| plan::requested_id(&job, Requested::Rerun(id), key));
            if let Some(asked) = asked {
                let now = self.ports.catalog.now().await?;
                if let Some(earlier) = self.ports.catalog.execution(&by.owner, asked, now).await? {
                    return Ok(earlier.execution);
                }
            }
            // Only the job's running executions matter here, not the waiting ones.
            let open = self.ports.catalog.open_executions(&by.owner, job.id, None, 1).await?.executions;
            let sources = self.ports.sources.for_owner(&by.owner);
            admission::check_owner(&job.settings, &by.owner, &sources)?;
            let terms = sources.terms(&job.settings.source, &job.settings.reads.types());
            let now = self.ports.catalog.now().await?;
            let rivals = self.rivals(&by.owner, &job, &failed, now).await?;
            let mut change = manual::rerun(&job, &failed, &rivals, &open, terms, now)?;
            for queued in &mut change.entries {
                queued.id = asked.unwrap_or(queued.id);
            }
            let entry = self.entry(by, Action::RerunExecution, id, now);
            self.ports.catalog.change_job(&change, job.revision, &[entry]).await?;
            change.entries.pop().ok_or_else(|| ServiceError::not_found(Entity::Execution, id))
        })
        .await
    }

    /// Deletes an execution from the history (rule E9) and, if `with` says so, its published files from the
    /// store. An engine later deletes the files that cannot be deleted now.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] if it has not ended, if it has artifacts that are to be kept, or if its set
    /// is on hold; [`ServiceError::NotFound`]; [`ServiceError::Conflict`].
    pub async fn delete(
        &self,
        by: &Principal,
        id: ExecutionId,
        with: WithArtifacts,
    ) -> Result<(), ServiceError> {
        check(&self.ports, by, Action::DeleteExecution, Some(Object::Execution(id))).await?;
        until_settled(|| async {
            let execution = self.find(&by.owner, id).await?.execution;
            let set = self.ports.catalog.artifact_set(&by.owner, id).await?;
            let now = self.ports.catalog.now().await?;
            let there = set.into_iter().flat_map(|set| set.artifacts);
            let there: Vec<_> = there.filter(|artifact| artifact.is_available(now)).collect();
            removal::check_execution(&execution, &there, with)?;
            self.check_answered(&execution).await?;
            let entry = self.entry(by, Action::DeleteExecution, id, now);
            Ok(self.ports.catalog.delete_execution(&by.owner, id, now, &[entry]).await?)
        })
        .await?;
        remove_marked(&self.ports).await;
        Ok(())
    }

    /// Checks that a request of a data subject is not left without the execution by which it is to be answered (rule D9).
    async fn check_answered(&self, execution: &Execution) -> Result<(), ServiceError> {
        let Some(id) = execution.settings.request else { return Ok(()) };
        let request = self.ports.catalog.subject_request(&execution.owner, id).await?;
        match request.filter(SubjectRequest::is_to_hand_over) {
            None => Ok(()),
            Some(_) => Err(RuleViolation::new(
                Code::SubjectJob,
                format!(
                    "request {id} of a data subject is still to be answered by execution {}: run it again, or end the request \
                     first",
                    execution.id
                ),
            )
            .into()),
        }
    }

    /// Makes the entry of a change of an execution, which has no versions.
    fn entry(&self, by: &Principal, action: Action, id: ExecutionId, now: DateTime<Utc>) -> AuditRecord {
        entry(&self.ports, by, action, now).with_object(Object::Execution(id))
    }

    /// Looks up an execution of an owner.
    async fn find(&self, owner: &Owner, id: ExecutionId) -> Result<ExecutionOverview, ServiceError> {
        let now = self.ports.catalog.now().await?;
        let found = self.ports.catalog.execution(owner, id, now).await?;
        found.ok_or_else(|| ServiceError::not_found(Entity::Execution, id))
    }

    async fn job_of(&self, owner: &Owner, execution: &Execution) -> Result<Job, ServiceError> {
        let found = self.ports.catalog.job(owner, execution.job_id).await?;
        found
            .map(|overview| overview.job)
            .ok_or_else(|| ServiceError::not_found(Entity::Job, execution.job_id))
    }

    /// Returns the executions that may have run in place of this one: those of its slot, or all of a one-time
    /// job.
    async fn rivals(
        &self,
        owner: &Owner,
        job: &Job,
        of: &Execution,
        now: DateTime<Utc>,
    ) -> Result<Vec<Execution>, ServiceError> {
        let after = of.slot.checked_add_signed(TimeDelta::microseconds(1));
        let of_slot = Between { from: Some(of.slot), to: after };
        let query = ExecutionQuery {
            job: Some(job.id),
            slot: if job.settings.frequency.is_once() { Between::default() } else { of_slot },
            slice: Slice::first(u64::from(u32::MAX)),
            ..ExecutionQuery::default()
        };
        let found = self.ports.catalog.executions(owner, &query, now).await?;
        Ok(found.items.into_iter().map(|overview| overview.execution).collect())
    }
}
