//! Rule J18: requests that are sent again.

use super::Jobs;
use crate::domain::access::audit::{Object, Outcome};
use crate::domain::access::{Action, Principal};
use crate::domain::execution::{Execution, manual, plan};
use crate::domain::id::JobId;
use crate::domain::request::RequestKey;
use crate::domain::violation::{Code, RuleViolation};
use crate::ports::catalog::query::{AuditQuery, JobOverview};
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
            let execution = plan::requested_id(&job, None, key);
            if let Some(earlier) = self.ports.catalog.execution(&by.owner, execution, now).await? {
                return Ok(earlier.execution);
            }
            let mut change = manual::run_now(&job, self.source_terms(&job.owner, &job.settings), now)?;
            for queued in &mut change.entries {
                queued.id = execution;
            }
            let entry = self.entry((by, now), Action::RunJob, &job, &change.job);
            self.ports.catalog.change_job(&change, job.revision, &[entry]).await?;
            change.entries.pop().ok_or_else(|| ServiceError::not_found(Entity::Job, id))
        })
        .await
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
        let entries = self.ports.catalog.audit(&by.owner, &query).await?.items;
        match entries.into_iter().find(|entry| entry.outcome == Outcome::Done) {
            None => Ok(None),
            Some(entry) if entry.id == key.entry(id) => self.find(&by.owner, id).await.map(Some),
            Some(_) => Err(RuleViolation::new(
                Code::RequestKeyUsed,
                format!("another request with the key {} submitted job {id}: use another key", key.as_str()),
            )
            .into()),
        }
    }
}
