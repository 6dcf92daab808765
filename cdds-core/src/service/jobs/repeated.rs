//! Rule J18: requests that are sent again.

use chrono::{DateTime, Utc};

use super::{Jobs, RECORD_PAGE};
use crate::domain::access::audit::{AuditRecord, Object, Outcome};
use crate::domain::access::{Action, Principal};
use crate::domain::execution::plan::Requested;
use crate::domain::execution::{Execution, manual, plan};
use crate::domain::id::{AuditId, JobId, Owner};
use crate::domain::job::Job;
use crate::domain::request::RequestKey;
use crate::domain::violation::{Code, RuleViolation};
use crate::ports::catalog::query::{AuditQuery, Between, ExecutionQuery, JobOverview, Slice};
use crate::service::access::check;
use crate::service::{Entity, ServiceError, until_settled};

impl Jobs {
    /// Queues an extra occurrence like [`run_now`](Self::run_now), but only once for each key: returns the execution
    /// that an earlier request with it queued (rule J18).
    ///
    /// # Errors
    /// As for [`run_now`](Self::run_now).
    pub async fn run_once(
        &self,
        by: &Principal,
        id: JobId,
        key: &RequestKey,
    ) -> Result<Execution, ServiceError> {
        check(&self.ports, by, Action::RunJob, Some(Object::Job(id))).await?;
        until_settled(|| async {
            let (job, now) = (self.find(&by.owner, id).await?.job, self.now().await?);
            let execution = plan::requested_id(&job, Requested::Run, key);
            if let Some(earlier) = self.ports.catalog.execution(&by.owner, execution, now).await? {
                return Ok(earlier.execution);
            }
            let mut change = self.decide_queue(&job, now, manual::run_now)?;
            for queued in &mut change.entries {
                queued.id = execution;
            }
            let entry = self.entry((by, now), Action::RunJob, &job, &change.job);
            self.ports.catalog.change_job(&change, job.revision, &[entry]).await?;
            change.entries.pop().ok_or_else(|| ServiceError::not_found(Entity::Job, id))
        })
        .await
    }

    /// Queues the executions of a range like [`backfill`](Self::backfill), but only once for each key: returns those
    /// that an earlier request with it queued, as they are now, without those that were deleted since (rule J18).
    ///
    /// # Errors
    /// As for [`backfill`](Self::backfill), and [`ServiceError::Refused`] with [`Code::RequestKeyUsed`] if another
    /// request for this job had the same key.
    pub async fn backfill_once(
        &self,
        by: &Principal,
        id: JobId,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        key: &RequestKey,
    ) -> Result<Vec<Execution>, ServiceError> {
        check(&self.ports, by, Action::BackfillJob, Some(Object::Job(id))).await?;
        until_settled(|| async {
            let (job, now) = (self.find(&by.owner, id).await?.job, self.now().await?);
            // The first one tells that the key was used, and the audit for which range. Both were stored at once, so
            // the audit, which is asked last, knows of each execution that was found.
            let first = plan::requested_id(&job, Requested::Backfill(None), key);
            let asked = key.entry(first.0);
            let is_used = self.ports.catalog.execution(&by.owner, first, now).await?.is_some();
            if self.is_on_record(&by.owner, id, asked).await? {
                return self.backfilled(&job, (from, to), key, now).await;
            }
            if is_used {
                return Err(used(key, &format!("asked for another range of job {id}")).into());
            }
            let decide = |job: &Job, terms, now| manual::backfill(job, from, to, terms, now);
            let mut change = self.decide_queue(&job, now, decide)?;
            for (number, queued) in change.entries.iter_mut().enumerate() {
                let slot = (number > 0).then_some(queued.slot);
                queued.id = plan::requested_id(&job, Requested::Backfill(slot), key);
            }
            let mut entry = self.entry((by, now), Action::BackfillJob, &job, &change.job);
            entry.id = asked;
            self.ports.catalog.change_job(&change, job.revision, &[entry]).await?;
            Ok(change.entries)
        })
        .await
    }

    /// Returns whether the backfill of this entry was done.
    async fn is_on_record(&self, owner: &Owner, job: JobId, asked: AuditId) -> Result<bool, ServiceError> {
        let mut query = AuditQuery::default().with_object(job.to_string()).with_action(Action::BackfillJob);
        loop {
            let page = self.ports.catalog.audit(owner, &query).await?;
            if page.items.iter().any(|entry| entry.id == asked && entry.outcome == Outcome::Done) {
                return Ok(true);
            }
            let Some(next) = page.next else { return Ok(false) };
            query.slice = Slice { after: Some(next), limit: query.slice.limit };
        }
    }

    /// Returns what a backfill with this key queued, oldest first.
    async fn backfilled(
        &self,
        job: &Job,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        key: &RequestKey,
        now: DateTime<Utc>,
    ) -> Result<Vec<Execution>, ServiceError> {
        let id = |slot| plan::requested_id(job, Requested::Backfill(slot), key);
        let mut query = ExecutionQuery {
            job: Some(job.id),
            slot: Between { from: Some(from), to: Some(to) },
            slice: Slice::first(RECORD_PAGE),
            ..ExecutionQuery::default()
        };
        let mut queued = Vec::new();
        loop {
            let page = self.ports.catalog.executions(&job.owner, &query, now).await?;
            let executions = page.items.into_iter().map(|overview| overview.execution);
            queued
                .extend(executions.filter(|known| known.id == id(None) || known.id == id(Some(known.slot))));
            let Some(next) = page.next else { break };
            query.slice = Slice { after: Some(next), limit: RECORD_PAGE };
        }
        queued.sort_by_key(|execution| execution.slot);
        Ok(queued)
    }

    /// Returns the job that an earlier request with this key submitted. The catalog keeps it from being submitted
    /// twice, because both have one id; the audit, which is never changed, knows what was asked for then.
    pub(super) async fn submitted(
        &self,
        by: &Principal,
        key: Option<&RequestKey>,
    ) -> Result<Option<JobOverview>, ServiceError> {
        let Some(key) = key else { return Ok(None) };
        let id = key.job(&by.owner);
        let query = AuditQuery::default().with_object(id.to_string()).with_action(Action::CreateJob);
        let entries: Vec<AuditRecord> = self.ports.catalog.audit(&by.owner, &query).await?.items;
        match entries.into_iter().find(|entry| entry.outcome == Outcome::Done) {
            None => Ok(None),
            Some(entry) if entry.id == key.entry(id.0) => self.find(&by.owner, id).await.map(Some),
            Some(_) => Err(used(key, &format!("submitted job {id}")).into()),
        }
    }
}

fn used(key: &RequestKey, done: &str) -> RuleViolation {
    let why = format!("another request with the key {} {done}: use another key", key.as_str());
    RuleViolation::new(Code::RequestKeyUsed, why)
}
