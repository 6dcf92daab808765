//! The Jobs page: submit, look at, suspend and resume jobs.

use chrono::{DateTime, SubsecRound, Utc};

use super::ServiceError;
use crate::domain::admission::{self, Circumstances};
use crate::domain::execution::{Execution, Status};
use crate::domain::id::{JobId, Owner};
use crate::domain::job::{JobSettings, Protection};
use crate::domain::lifecycle::{self, Submission};
use crate::domain::recipient::Recipient;
use crate::domain::retention::RetentionDays;
use crate::domain::violation::{Code, RuleViolation};
use crate::ports::Ports;
use crate::ports::catalog::query::{ExecutionQuery, JobOverview, JobQuery, LatestExecution, Page, Slice};
use crate::ports::sealer::{SealerError, SealerErrorKind};

/// How often a decision is made again before a conflict is reported.
const DECISIONS_MAX: u32 = 4;

/// The jobs of all owners; each call names one.
#[derive(Debug, Clone)]
pub struct Jobs {
    ports: Ports,
    retention: RetentionDays,
}

impl Jobs {
    /// `retention` is the service's own, which no job exceeds (rule A7).
    pub fn new(ports: &Ports, retention: RetentionDays) -> Self {
        Self { ports: ports.clone(), retention }
    }

    /// Submits a new job (rules J1–J5, J8).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] by the first rule that the settings break.
    ///
    /// # Cancel safety
    /// If dropped, the job may or may not be stored.
    pub async fn submit(&self, owner: &Owner, settings: JobSettings) -> Result<JobOverview, ServiceError> {
        let now = self.now();
        self.admit(owner, &settings, now).await?;
        let settle_lag = self.ports.sources.settle_lag(&settings.source, &settings.data_type);
        let id = JobId(self.ports.ids.next());
        let Submission { job, first } = lifecycle::submit(id, owner.clone(), settings, settle_lag, now);
        self.ports.catalog.insert_job(&job, first.as_ref()).await?;
        let latest = first.map(|execution| LatestExecution {
            id: execution.id,
            status: execution.status(),
            started_at: None,
            progress: execution.progress,
        });
        Ok(JobOverview { job, latest })
    }

    /// One job.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], for another owner's job too (rule J15).
    pub async fn show(&self, owner: &Owner, id: JobId) -> Result<JobOverview, ServiceError> {
        let found = self.ports.catalog.job(owner, id).await?;
        found.ok_or_else(|| ServiceError::NotFound { what: "job", id: id.to_string() })
    }

    /// A page of the owner's jobs.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn list(&self, owner: &Owner, query: &JobQuery) -> Result<Page<JobOverview>, ServiceError> {
        Ok(self.ports.catalog.jobs(owner, query).await?)
    }

    /// Starts nothing new for this job from now on; idempotent (rule J7).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Conflict`] if it was changed meanwhile.
    pub async fn suspend(&self, owner: &Owner, id: JobId) -> Result<JobOverview, ServiceError> {
        self.until_settled(async || {
            let job = self.show(owner, id).await?.job;
            let waiting = self.waiting(owner, id).await?;
            match lifecycle::suspend(&job, waiting, self.now()) {
                Some(change) => Ok(self.ports.catalog.reschedule(&change, job.version).await?),
                None => Ok(()),
            }
        })
        .await?;
        self.show(owner, id).await
    }

    /// Goes on with the next occurrence after now; idempotent (rules J7–J9).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] for a one-time job that was started or whose start has passed;
    /// [`ServiceError::NotFound`]; [`ServiceError::Conflict`] if it was changed meanwhile.
    pub async fn resume(&self, owner: &Owner, id: JobId) -> Result<JobOverview, ServiceError> {
        self.until_settled(async || {
            let job = self.show(owner, id).await?.job;
            match lifecycle::resume(&job, self.now())? {
                Some(resumed) => Ok(self.ports.catalog.update_job(&resumed, job.version).await?),
                None => Ok(()),
            }
        })
        .await?;
        self.show(owner, id).await
    }

    /// Decides again when the engine has moved the job on in between; the decision is the same for
    /// whatever it did.
    async fn until_settled(
        &self,
        decide: impl AsyncFn() -> Result<(), ServiceError>,
    ) -> Result<(), ServiceError> {
        for _ in 1..DECISIONS_MAX {
            match decide().await {
                Err(ServiceError::Conflict { .. }) => {}
                settled => return settled,
            }
        }
        decide().await
    }

    /// The job's queued executions that no worker has begun.
    async fn waiting(&self, owner: &Owner, id: JobId) -> Result<Vec<Execution>, ServiceError> {
        let query = ExecutionQuery {
            job: Some(id),
            status: Some(Status::Queued),
            slice: Slice { offset: 0, limit: u64::from(u32::MAX) },
            ..ExecutionQuery::default()
        };
        let queued = self.ports.catalog.executions(owner, &query).await?.items;
        Ok(queued.into_iter().filter(|execution| execution.attempts.is_empty()).collect())
    }

    async fn admit(
        &self,
        owner: &Owner,
        settings: &JobSettings,
        now: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        let stored = match settings.protection {
            Protection::Plaintext => Vec::new(),
            Protection::Sealed(_) => self.ports.catalog.recipients(owner).await?,
        };
        let sealed_part_bytes = self.sealed_part_bytes(settings, &stored, now)?;
        let circumstances = Circumstances {
            sources: &self.ports.sources,
            recipients: &stored,
            retention: self.retention,
            sealed_part_bytes,
            now,
        };
        Ok(admission::check(settings, &circumstances)?)
    }

    /// The size of a full part once sealed, which also checks the recipients' certificates at save
    /// (rules S2, A4). Recipients that are not stored are left to the admission rules.
    fn sealed_part_bytes(
        &self,
        settings: &JobSettings,
        stored: &[Recipient],
        now: DateTime<Utc>,
    ) -> Result<u64, ServiceError> {
        let plain = settings.split_size.map_or(0, crate::domain::split_size::SplitSize::bytes);
        let names = settings.protection.recipients();
        let chosen: Vec<Recipient> =
            stored.iter().filter(|recipient| names.contains(&recipient.name)).cloned().collect();
        if chosen.is_empty() || chosen.len() < names.len() {
            return Ok(plain);
        }
        let sealer = self.ports.certificates.sealer(&chosen, now).map_err(refusal)?;
        Ok(sealer.sealed_bytes(plain))
    }

    fn now(&self) -> DateTime<Utc> {
        self.ports.clock.now().trunc_subsecs(6)
    }
}

/// A certificate that cannot be used is a refusal; anything else is a failure.
pub(super) fn refusal(error: SealerError) -> ServiceError {
    match error.kind() {
        SealerErrorKind::Certificate => RuleViolation::new(Code::InvalidCertificate, error.report()).into(),
        SealerErrorKind::Crypto => ServiceError::Sealer(error),
    }
}
