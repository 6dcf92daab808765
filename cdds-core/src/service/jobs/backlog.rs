//! Rules J7, J10, J12 for a backlog: due and waiting executions are changed in steps of bounded size. If the
//! process that began the steps is gone, engines continue them.

use chrono::{DateTime, Utc};

use super::Jobs;
use crate::domain::execution::Execution;
use crate::domain::execution::schedule::{self, Terms};
use crate::domain::id::{JobId, Owner};
use crate::domain::job::lifecycle;
use crate::domain::job::policy::Overlap;
use crate::domain::job::settling::{Open, settle};
use crate::domain::job::{Job, JobChange};
use crate::ports::catalog::{CatalogErrorKind, WAITING_MAX};
use crate::service::ServiceError;

impl Jobs {
    /// Returns every execution of a job that a worker has ever claimed, and the first of those that wait.
    pub(super) async fn open(&self, job: &Job) -> Result<Open, ServiceError> {
        Ok(self.ports.catalog.open_executions(&job.owner, job.id, None, WAITING_MAX).await?)
    }

    /// Returns a job after settling its last change.
    pub(super) async fn settled(&self, owner: &Owner, id: JobId) -> Result<Job, ServiceError> {
        loop {
            let job = self.find(owner, id).await?.job;
            if job.unsettled.is_none() {
                return Ok(job);
            }
            self.settle(job).await?;
        }
    }

    /// Settles a job. Stops if somebody else changes it meanwhile.
    pub(super) async fn settle(&self, mut job: Job) -> Result<(), ServiceError> {
        while let Some(change) = self.next_step(&job).await? {
            if !self.stored(&change, job.revision).await? {
                return Ok(());
            }
            job = Job { revision: job.revision + 1, ..change.job };
        }
        Ok(())
    }

    /// Returns a job after settling it and recording its due slots, until one round suffices for the rest, and
    /// the present by which that is so.
    pub(super) async fn caught_up(
        &self,
        owner: &Owner,
        id: JobId,
    ) -> Result<(Job, DateTime<Utc>), ServiceError> {
        loop {
            let job = self.settled(owner, id).await?;
            let now = self.now().await?;
            match self.round(&job, now).await?.filter(|change| is_due(&change.job, now)) {
                Some(change) => self.stored(&change, job.revision).await?,
                None => return Ok((job, now)),
            };
        }
    }

    /// Returns a job as [`caught_up`](Self::caught_up) would at `now`, and the first `count` executions that
    /// this would queue. Stores nothing.
    pub(super) async fn as_if_caught_up(
        &self,
        mut job: Job,
        count: usize,
        now: DateTime<Utc>,
    ) -> Result<(Job, Vec<Execution>), ServiceError> {
        let mut queued = Vec::new();
        while let Some(change) = self.next_step(&job).await? {
            job = change.job;
        }
        while let Some(change) = self.round(&job, now).await?.filter(|change| is_due(&change.job, now)) {
            let room = count.saturating_sub(queued.len());
            queued.extend(change.entries.into_iter().filter(Execution::is_waiting).take(room));
            job = change.job;
        }
        Ok((job, queued))
    }

    /// Does the same as [`settle`](Self::settle), but stores nothing.
    pub(super) async fn as_if_settled(&self, change: &mut JobChange) -> Result<(), ServiceError> {
        while let Some(step) = self.next_step(&change.job).await? {
            change.job = step.job;
        }
        Ok(())
    }

    /// Refuses to delete a job that has something to run now, however many executions wait (rule J12).
    pub(super) async fn check_idle(&self, job: &Job, now: DateTime<Utc>) -> Result<(), ServiceError> {
        let mut open = self.open(job).await?;
        loop {
            lifecycle::check_idle(&open.executions, now)?;
            let Some(last) = open.waiting().map(Execution::place).max().filter(|_| open.more) else {
                return Ok(());
            };
            open = self.ports.catalog.open_executions(&job.owner, job.id, Some(last), WAITING_MAX).await?;
        }
    }

    /// Returns the next step in settling the last change of a job; `None` if it is settled.
    async fn next_step(&self, job: &Job) -> Result<Option<JobChange>, ServiceError> {
        let Some(unsettled) = job.unsettled else { return Ok(None) };
        let catalog = &self.ports.catalog;
        let page = catalog.open_executions(&job.owner, job.id, unsettled.behind, WAITING_MAX).await?;
        let waiting: Vec<Execution> = page.waiting().cloned().collect();
        Ok(Some(settle(job, &waiting, self.source_terms(&job.owner, &job.settings), self.now().await?)))
    }

    /// Returns the change of the next round of a job's due slots; `None` if there is nothing to do.
    async fn round(&self, job: &Job, now: DateTime<Utc>) -> Result<Option<JobChange>, ServiceError> {
        if !is_due(job, now) {
            return Ok(None);
        }
        let terms = Terms {
            catch_up_limit: self.rules.catch_up_limit,
            source: self.source_terms(&job.owner, &job.settings),
        };
        let waiting = match job.overlap() {
            Overlap::Coalesce => self.open(job).await?.into_waiting().executions,
            Overlap::Queue => Vec::new(),
        };
        Ok(schedule::materialise(job, &waiting, terms, now))
    }

    /// Stores a change. Returns `false` if somebody else had changed the job.
    async fn stored(&self, change: &JobChange, revision: u64) -> Result<bool, ServiceError> {
        match self.ports.catalog.change_job(change, revision, &[]).await {
            Err(error) if error.kind() == CatalogErrorKind::Conflict => Ok(false),
            stored => Ok(stored.map(|()| true)?),
        }
    }
}

fn is_due(job: &Job, now: DateTime<Utc>) -> bool {
    job.next_due_at.is_some_and(|slot| slot <= now)
}
