//! The Jobs page: submit, show, edit, suspend, resume, run and delete jobs.

mod admit;
mod backlog;
mod expected;
mod forecast;
mod preview;
mod probing;
mod repeated;
mod sample;

use chrono::{DateTime, TimeDelta, Utc};

use super::access::{check, entry};
use super::{Entity, ServiceError, until_settled};
use crate::domain::access::audit::{AuditRecord, Object};
use crate::domain::access::{Action, Principal};
use crate::domain::archive::retention::RetentionDays;
use crate::domain::execution::Execution;
use crate::domain::execution::ahead::{self, Truth};
use crate::domain::execution::manual;
use crate::domain::execution::schedule::{CATCH_UP_LIMIT, Terms};
use crate::domain::id::{JobId, Owner};
use crate::domain::job::admission;
use crate::domain::job::edit::{self, Edit, OneTimeEdit, WatermarkChoice};
use crate::domain::job::lifecycle::{self, NewJob, Submission};
use crate::domain::job::settling::Open;
use crate::domain::job::{Job, JobChange, JobSettings};
use crate::domain::source::SourceTerms;
use crate::domain::violation::RuleViolation;
use crate::ports::Ports;
use crate::ports::catalog::query::{
    Between, ExecutionQuery, JobOverview, JobQuery, LatestExecution, Page, Slice,
};
use crate::setters::setters;

pub(super) use self::admit::refusal;
pub use self::expected::ExpectedJob;
use self::expected::check_version;
pub use self::forecast::Forecast;
pub use self::sample::{SAMPLE_MAX, Sample, SampledRecord};

/// The number of executions read at once from a job's record.
const RECORD_PAGE: u64 = 1_000;

/// The rules that a service sets for all its jobs.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct JobRules {
    /// The service's own retention: a job that asks for more is refused (rule A7). The same as the engine's
    /// setting, by which sets expire ([`EngineSettings::retention`](crate::EngineSettings)).
    pub retention: RetentionDays,
    /// Whether one-time jobs may be edited (rule J10).
    pub one_time_edit: OneTimeEdit,
    /// How far back missed occurrences are caught up, for jobs that do not say; the same as the engine's
    /// setting (rule E4).
    pub catch_up_limit: TimeDelta,
}

setters! {
    JobRules {
        with_retention => retention: value RetentionDays;
        with_one_time_edit => one_time_edit: value OneTimeEdit;
        with_catch_up_limit => catch_up_limit: value TimeDelta;
    }
}

impl Default for JobRules {
    /// Sets 30 days of retention, editing of one-time jobs until they have started, and 7 days of catch-up.
    fn default() -> Self {
        Self {
            retention: RetentionDays::default(),
            one_time_edit: OneTimeEdit::default(),
            catch_up_limit: CATCH_UP_LIMIT,
        }
    }
}

/// An edit requested by a person (rules J10, J11).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EditRequest {
    /// The job's settings from now on.
    pub settings: JobSettings,
    /// The new place of the watermark; required if the job has one and the edit changes the exported data.
    pub watermark: Option<WatermarkChoice>,
    /// Edits only if the job still has this version (rule J1).
    pub if_version: Option<u64>,
}

impl EditRequest {
    /// Requests other settings, whatever the job's version, without a choice for the watermark.
    pub fn new(settings: JobSettings) -> Self {
        Self { settings, watermark: None, if_version: None }
    }
}

setters! {
    EditRequest {
        with_settings => settings: value JobSettings;
        with_watermark => watermark: option WatermarkChoice;
        with_if_version => if_version: option u64;
    }
}

/// The jobs of all owners; each call names one, by its principal. Every method returns
/// [`ServiceError::Forbidden`] for a principal that is not allowed its action (rule C1). The job of a data subject's
/// request is shown and listed; it is neither changed nor copied ([`Code::SubjectJob`](crate::Code::SubjectJob), rule D9).
///
/// # Cancel safety
/// The change of a dropped call is stored either whole or not at all.
#[derive(Debug, Clone)]
pub struct Jobs {
    ports: Ports,
    rules: JobRules,
}

impl Jobs {
    /// Creates the service over these ports, with these rules.
    pub fn new(ports: &Ports, rules: JobRules) -> Self {
        Self { ports: ports.clone(), rules }
    }

    /// Submits a new job (rules J1–J5, J8). A recurring job may ask for a first run at once, which is stored
    /// in the same transaction (rule J17). Then probes the destinations of the job that were not used or checked within
    /// a day, for ten seconds at most, and notes on the record how that went: a job may be saved before its partner's
    /// server is ready (rule N3). If it has a [key](NewJob::key) with which a job was submitted before,
    /// returns that job as it is now (rule J18).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with the first rule that the settings or the first run break, and with
    /// [`Code::RequestKeyUsed`](crate::Code::RequestKeyUsed) if another request had the same key;
    /// [`ServiceError::NotFound`] if the job of that key has been deleted.
    pub async fn submit(&self, by: &Principal, new: impl Into<NewJob>) -> Result<JobOverview, ServiceError> {
        let submitted = self.store_new(by, new.into()).await?;
        self.probe_destinations(&submitted.job).await;
        Ok(submitted)
    }

    async fn store_new(&self, by: &Principal, new: NewJob) -> Result<JobOverview, ServiceError> {
        check(&self.ports, by, Action::CreateJob, None).await?;
        until_settled(|| async {
            if let Some(earlier) = self.submitted(by, new.key.as_ref()).await? {
                return Ok(earlier);
            }
            let now = self.now().await?;
            let (Submission { job, first }, _) = self.new_submission(by, &new, now).await?;
            let id = job.id;
            let mut entry = entry(&self.ports, by, Action::CreateJob, now)
                .with_object(Object::Job(id))
                .with_version_after(job.version);
            if let Some(key) = &new.key {
                entry.id = key.entry(id.0);
            }
            self.ports.catalog.insert_job(&job, first.as_ref(), &[entry]).await?;
            let latest = first.map(|execution| LatestExecution {
                id: execution.id,
                status: execution.status(),
                started_at: None,
                progress: execution.progress,
                failure: None,
                worker: None,
            });
            Ok(JobOverview { job, latest })
        })
        .await
    }

    /// Returns one job.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], also for another owner's job and for a deleted one (rule J15).
    pub async fn show(&self, by: &Principal, id: JobId) -> Result<JobOverview, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::Job(id))).await?;
        self.find(&by.owner, id).await
    }

    /// Returns a page of the owner's jobs.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn list(&self, by: &Principal, query: &JobQuery) -> Result<Page<JobOverview>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        Ok(self.ports.catalog.jobs(&by.owner, query).await?)
    }

    /// Returns the settings of a job as a draft of another one (rule J6): a clone is submitted like any new
    /// job.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn draft(&self, by: &Principal, id: JobId) -> Result<JobSettings, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::Job(id))).await?;
        let settings = self.find(&by.owner, id).await?.job.settings;
        settings.check_own()?;
        Ok(settings)
    }

    /// Suspends a job: nothing new starts for it from now on. Idempotent (rule J7).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] with [`Code::VersionOvertaken`](crate::Code::VersionOvertaken) if it has another
    /// version than [expected](ExpectedJob); [`ServiceError::NotFound`]; [`ServiceError::Conflict`] if the job was
    /// changed meanwhile.
    pub async fn suspend(
        &self,
        by: &Principal,
        job: impl Into<ExpectedJob>,
    ) -> Result<JobOverview, ServiceError> {
        let expected = job.into();
        check(&self.ports, by, Action::SuspendJob, Some(Object::Job(expected.id))).await?;
        self.change(by, Action::SuspendJob, expected, |job, open, now| Ok(lifecycle::suspend(job, open, now)))
            .await
    }

    /// Resumes a job with the next occurrence after now. Idempotent (rules J7–J9).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] for a one-time job that has started or whose start has passed, for a job past its
    /// end, and with [`Code::VersionOvertaken`](crate::Code::VersionOvertaken) if it has another version than
    /// [expected](ExpectedJob); [`ServiceError::NotFound`]; [`ServiceError::Conflict`].
    pub async fn resume(
        &self,
        by: &Principal,
        job: impl Into<ExpectedJob>,
    ) -> Result<JobOverview, ServiceError> {
        let expected = job.into();
        check(&self.ports, by, Action::ResumeJob, Some(Object::Job(expected.id))).await?;
        self.change(by, Action::ResumeJob, expected, |job, _open, now| lifecycle::resume(job, now)).await
    }

    /// Brings back a job that was left in the future by a clock that was ahead, or by a mistyped instant
    /// ([`ahead::bring_back`]): the job continues from where it was, by the present clock. Nothing is lost,
    /// and records that an export from ahead already held are exported once more. Changes nothing if the job
    /// does not lie ahead.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] while an execution of it runs or waits to be retried, and with
    /// [`Code::VersionOvertaken`](crate::Code::VersionOvertaken) if it has another version than
    /// [expected](ExpectedJob); [`ServiceError::NotFound`]; [`ServiceError::Conflict`].
    pub async fn bring_back(
        &self,
        by: &Principal,
        job: impl Into<ExpectedJob>,
    ) -> Result<JobOverview, ServiceError> {
        let expected = job.into();
        check(&self.ports, by, Action::BringBackJob, Some(Object::Job(expected.id))).await?;
        until_settled(|| async {
            let (job, now) = (self.settled(&by.owner, expected.id).await?, self.now().await?);
            job.settings.check_own()?;
            expected.check(&job)?;
            if ahead::lies_ahead(&job, now).is_none() {
                return Ok(());
            }
            let truth = self.truth(&job, now).await?;
            let (open, terms) = (self.open(&job).await?, self.source_terms(&job.owner, &job.settings));
            if let Some(change) = ahead::bring_back(&job, &truth, open, terms)? {
                let entry = self.entry((by, now), Action::BringBackJob, &job, &change.job);
                self.ports.catalog.change_job(&change, job.revision, &[entry]).await?;
                self.settle(Job { revision: job.revision + 1, ..change.job }).await?;
            }
            Ok(())
        })
        .await?;
        self.find(&by.owner, expected.id).await
    }

    /// Edits a job (rules J10, J11). Then probes its destinations as [`submit`](Self::submit) does.
    ///
    /// # Errors
    /// [`ServiceError::Refused`] by the rules of admission and of edits, with
    /// [`Code::VersionOvertaken`](crate::Code::VersionOvertaken) if the job's version is not `if_version`;
    /// [`ServiceError::NotFound`]; [`ServiceError::Conflict`].
    pub async fn edit(
        &self,
        by: &Principal,
        id: JobId,
        request: &EditRequest,
    ) -> Result<JobOverview, ServiceError> {
        check(&self.ports, by, Action::EditJob, Some(Object::Job(id))).await?;
        let change = until_settled(|| async {
            let job = self.find(&by.owner, id).await?.job;
            self.check_edit(&job, request, self.now().await?).await?;
            let (job, now) = self.caught_up(&by.owner, id).await?;
            let change = self.decide_edit(&job, request, now).await?;
            let entry = self.entry((by, now), Action::EditJob, &job, &change.job);
            let entry = entry.with_settings(changed(&job, request));
            self.ports.catalog.change_job(&change, job.revision, &[entry]).await?;
            Ok(Job { revision: job.revision + 1, ..change.job })
        })
        .await?;
        self.settle(change).await?;
        let edited = self.find(&by.owner, id).await?;
        self.probe_destinations(&edited.job).await;
        Ok(edited)
    }

    /// Deletes a job. Its history and artifacts stay, marked as those of a deleted job (rule J12).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] while an execution runs or is about to run, and with
    /// [`Code::VersionOvertaken`](crate::Code::VersionOvertaken) if the job has another version than
    /// [expected](ExpectedJob); [`ServiceError::NotFound`]; [`ServiceError::Conflict`].
    pub async fn delete(&self, by: &Principal, job: impl Into<ExpectedJob>) -> Result<(), ServiceError> {
        let expected = job.into();
        check(&self.ports, by, Action::DeleteJob, Some(Object::Job(expected.id))).await?;
        let deleted = until_settled(|| async {
            let job = self.settled(&by.owner, expected.id).await?;
            job.settings.check_own()?;
            expected.check(&job)?;
            let now = self.now().await?;
            self.check_idle(&job, now).await?;
            let change = lifecycle::delete(&job, self.open(&job).await?, now)?;
            let entry = self.entry((by, now), Action::DeleteJob, &job, &change.job);
            self.ports.catalog.change_job(&change, job.revision, &[entry]).await?;
            Ok(Job { revision: job.revision + 1, ..change.job })
        })
        .await?;
        self.settle(deleted).await
    }

    /// Queues an extra occurrence at this instant and returns it (rule J13).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] for a one-time job, and for a type that does not say whose its records are
    /// (rule J16); [`ServiceError::NotFound`]; [`ServiceError::Conflict`].
    pub async fn run_now(&self, by: &Principal, id: JobId) -> Result<Execution, ServiceError> {
        check(&self.ports, by, Action::RunJob, Some(Object::Job(id))).await?;
        let queued = self.queue(by, Action::RunJob, id, manual::run_now).await?;
        queued.into_iter().next().ok_or_else(|| ServiceError::not_found(Entity::Job, id))
    }

    /// Queues one execution per occurrence in `[from, to)` up to now, oldest first, and returns them. The
    /// watermark does not move (rule W6).
    ///
    /// # Errors
    /// [`ServiceError::Refused`] for one-time jobs, for the timeframes All and Fixed, for a range with no
    /// occurrences or too many, and for a type that does not say whose its records are (rule J16);
    /// [`ServiceError::NotFound`]; [`ServiceError::Conflict`].
    pub async fn backfill(
        &self,
        by: &Principal,
        id: JobId,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Execution>, ServiceError> {
        check(&self.ports, by, Action::BackfillJob, Some(Object::Job(id))).await?;
        self.queue(by, Action::BackfillJob, id, |job, terms, now| manual::backfill(job, from, to, terms, now))
            .await
    }

    /// Decides about a new job.
    async fn new_submission(
        &self,
        by: &Principal,
        new: &NewJob,
        now: DateTime<Utc>,
    ) -> Result<(Submission, SourceTerms), ServiceError> {
        self.admit(&by.owner, &new.settings, None, now).await?;
        let id = new.key.as_ref().map_or_else(|| JobId(self.ports.ids.next()), |key| key.job(&by.owner));
        let terms = self.source_terms(&by.owner, &new.settings);
        Ok((lifecycle::create(id, by.owner.clone(), new.clone(), terms, now)?, terms))
    }

    /// Looks up a job of an owner.
    pub(super) async fn find(&self, owner: &Owner, id: JobId) -> Result<JobOverview, ServiceError> {
        let found = self.ports.catalog.job(owner, id).await?;
        found.ok_or_else(|| ServiceError::not_found(Entity::Job, id))
    }

    /// Decides an edit of a job (rules J10, J11).
    async fn decide_edit(
        &self,
        job: &Job,
        request: &EditRequest,
        now: DateTime<Utc>,
    ) -> Result<JobChange, ServiceError> {
        self.check_edit(job, request, now).await?;
        let open = self.open(job).await?;
        let terms = Terms {
            catch_up_limit: self.rules.catch_up_limit,
            source: self.source_terms(&job.owner, &request.settings),
        };
        let edit = Edit {
            settings: request.settings.clone(),
            watermark: request.watermark,
            one_time: self.rules.one_time_edit,
        };
        Ok(edit::edit(job, open, edit, terms, now)?)
    }

    async fn check_edit(
        &self,
        job: &Job,
        request: &EditRequest,
        now: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        job.settings.check_own()?;
        check_version(job, request.if_version)?;
        self.admit(&job.owner, &request.settings, Some(&job.settings), now).await
    }

    /// Collects the part of a job's record that was made by a correct clock.
    async fn truth(&self, job: &Job, now: DateTime<Utc>) -> Result<Truth, ServiceError> {
        let mut truth = Truth::new(job, now);
        let mut query = ExecutionQuery {
            job: Some(job.id),
            slot: Between { from: None, to: now.checked_add_signed(TimeDelta::microseconds(1)) },
            slice: Slice::first(RECORD_PAGE),
            ..ExecutionQuery::default()
        };
        loop {
            let page = self.ports.catalog.executions(&job.owner, &query, now).await?;
            page.items.iter().for_each(|overview| truth.see(&overview.execution));
            let Some(next) = page.next else { return Ok(truth) };
            query.slice = Slice { after: Some(next), limit: RECORD_PAGE };
        }
    }

    /// Stores the change that `decide` makes to a job and its open executions, and returns the job after it.
    async fn change(
        &self,
        by: &Principal,
        action: Action,
        expected: ExpectedJob,
        decide: impl Fn(&Job, Open, DateTime<Utc>) -> Result<Option<JobChange>, RuleViolation>,
    ) -> Result<JobOverview, ServiceError> {
        let changed = until_settled(|| async {
            let job = self.settled(&by.owner, expected.id).await?;
            job.settings.check_own()?;
            expected.check(&job)?;
            let (open, now) = (self.open(&job).await?, self.now().await?);
            let change = decide(&job, open, now)?;
            let Some(change) = change else { return Ok(None) };
            let entry = self.entry((by, now), action, &job, &change.job);
            self.ports.catalog.change_job(&change, job.revision, &[entry]).await?;
            Ok(Some(Job { revision: job.revision + 1, ..change.job }))
        })
        .await?;
        if let Some(job) = changed {
            self.settle(job).await?;
        }
        self.find(&by.owner, expected.id).await
    }

    /// Stores and returns the executions that `decide` queues. Decides again if somebody changed the job in
    /// between.
    async fn queue(
        &self,
        by: &Principal,
        action: Action,
        id: JobId,
        decide: impl Fn(&Job, SourceTerms, DateTime<Utc>) -> Result<JobChange, RuleViolation>,
    ) -> Result<Vec<Execution>, ServiceError> {
        until_settled(|| async {
            let (job, now) = (self.find(&by.owner, id).await?.job, self.now().await?);
            let change = self.decide_queue(&job, now, &decide)?;
            let entry = self.entry((by, now), action, &job, &change.job);
            self.ports.catalog.change_job(&change, job.revision, &[entry]).await?;
            Ok(change.entries)
        })
        .await
    }

    /// Decides what is queued for a job, whose types must say whose their records are (rule J16).
    fn decide_queue(
        &self,
        job: &Job,
        now: DateTime<Utc>,
        decide: impl Fn(&Job, SourceTerms, DateTime<Utc>) -> Result<JobChange, RuleViolation>,
    ) -> Result<JobChange, RuleViolation> {
        admission::check_owner(&job.settings, &job.owner, &self.ports.sources.for_owner(&job.owner))?;
        decide(job, self.source_terms(&job.owner, &job.settings), now)
    }

    /// Returns the present by the catalog's clock, as which jobs are shown. Asked after a job was read, so that no
    /// decision is dated before what it rests on.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn now(&self) -> Result<DateTime<Utc>, ServiceError> {
        Ok(self.ports.catalog.now().await?)
    }

    /// Makes the entry of a change that takes a job from one state to another.
    fn entry(
        &self,
        (by, now): (&Principal, DateTime<Utc>),
        action: Action,
        before: &Job,
        after: &Job,
    ) -> AuditRecord {
        entry(&self.ports, by, action, now)
            .with_object(Object::Job(before.id))
            .with_version_before(before.version)
            .with_version_after(after.version)
    }

    fn source_terms(&self, owner: &Owner, settings: &JobSettings) -> SourceTerms {
        self.ports.sources.for_owner(owner).terms(&settings.source, &settings.reads.types())
    }
}

/// Returns the names of the settings that an edit changes; the watermark counts as one.
fn changed(job: &Job, request: &EditRequest) -> Vec<String> {
    let watermark = request.watermark.map(|_| "watermark");
    let settings = job.settings.changed(&request.settings);
    settings.into_iter().chain(watermark).map(str::to_owned).collect()
}
