//! What needs somebody: jobs that are overdue or paused, and failures that nothing has made good.

use std::collections::BTreeMap;

use cdds_core::domain::access::Principal;
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::JobId;
use cdds_core::domain::job::{JobState, SuspensionReason};
use cdds_core::domain::work::worker::WorkerState;
use cdds_core::ports::catalog::query::{
    Between, ExecutionColumn, ExecutionOverview, ExecutionQuery, JobColumn, JobOverview, JobQuery, Slice,
    Sort,
};
use cdds_view::{JobView, WorkerView};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::every_row;
use super::listed::ROWS_AT_ONCE;
use crate::compose::App;
use crate::error::CliError;

/// The workers of the service, as far as the register knows them.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct Workers {
    pub(super) alive: u64,
    /// Those of them that claim nothing more.
    pub(super) draining: u64,
    pub(super) gone: u64,
}

impl Workers {
    pub(super) async fn of(app: &App, by: &Principal) -> Result<Self, CliError> {
        let mut counts = Self::default();
        for worker in app.fleet.list(by).await?.into_iter().map(WorkerView::from) {
            match worker.state {
                WorkerState::Alive => {
                    counts.alive += 1;
                    counts.draining += u64::from(worker.draining_since.is_some());
                }
                WorkerState::Gone => counts.gone += 1,
                WorkerState::Left => {}
            }
        }
        Ok(counts)
    }

    /// Says why nothing begins; `None` if a worker is there for it.
    pub(super) fn why_nothing_begins(self) -> Option<&'static str> {
        match self {
            Self { alive: 0, .. } => Some("no worker is alive"),
            Self { alive, draining, .. } if alive == draining => Some("every worker is draining"),
            _ => None,
        }
    }
}

/// Selects the active jobs whose next start has passed, the longest overdue first.
pub(super) fn overdue(now: DateTime<Utc>) -> JobQuery {
    JobQuery::default()
        .with_state(JobState::Active)
        .with_next_starts(Between { from: Some(DateTime::UNIX_EPOCH), to: Some(now) })
        .with_sort(Sort { column: JobColumn::NextStartsAt, descending: false })
}

/// The suspended jobs of whom people should know why.
#[derive(Debug, Default)]
pub(super) struct Suspended {
    /// Those that their failures paused.
    pub(super) paused: Vec<JobView>,
    /// How many one-time jobs wait for a worker.
    pub(super) awaiting_start: u64,
}

impl Suspended {
    pub(super) async fn of(app: &App, by: &Principal) -> Result<Self, CliError> {
        let query = JobQuery::default().with_state(JobState::Suspended);
        let jobs = every_row(async |slice| app.jobs.list(by, &query.clone().with_slice(slice)).await).await?;
        let mut found = Self::default();
        for job in jobs.into_iter().map(JobView::from) {
            match job.suspension.as_ref().map(|one| one.reason) {
                Some(SuspensionReason::AwaitsStart) => found.awaiting_start += 1,
                Some(SuspensionReason::Failures) => found.paused.push(job),
                _ => {}
            }
        }
        Ok(found)
    }
}

/// Failures of some time.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// Those that nothing has made good, the latest slot first.
    pub(super) open: Vec<ExecutionOverview>,
    /// How many others a later success made good.
    pub(super) made_good: u64,
}

impl Failures {
    /// Returns the failures of slots since an instant.
    pub(super) async fn since(app: &App, by: &Principal, since: DateTime<Utc>) -> Result<Self, CliError> {
        let query = ExecutionQuery::default()
            .with_status(Status::Failed)
            .with_slot(Between { from: Some(since), to: None });
        let failed =
            every_row(async |slice| app.history.list(by, &query.clone().with_slice(slice)).await).await?;
        let mut first_of: BTreeMap<JobId, Option<DateTime<Utc>>> = BTreeMap::new();
        for Execution { job_id, finished_at, .. } in failed.iter().map(|overview| &overview.execution) {
            let first = first_of.entry(*job_id).or_insert(*finished_at);
            *first = (*first).min(*finished_at);
        }
        let mut good: BTreeMap<JobId, Vec<Execution>> = BTreeMap::new();
        for (job, first) in first_of {
            good.insert(job, successes(app, by, job, first).await?);
        }
        let is_open = |overview: &ExecutionOverview| {
            let later = good.get(&overview.execution.job_id).into_iter().flatten();
            !later.into_iter().any(|success| overview.execution.is_made_good_by(success))
        };
        let all = failed.len();
        let open: Vec<ExecutionOverview> = failed.into_iter().filter(is_open).collect();
        Ok(Self { made_good: (all - open.len()) as u64, open })
    }
}

/// Returns the successes of a job that ended after an instant.
async fn successes(
    app: &App,
    by: &Principal,
    job: JobId,
    after: Option<DateTime<Utc>>,
) -> Result<Vec<Execution>, CliError> {
    let mut found = Vec::new();
    for status in [Status::Finished, Status::FinishedWithErrors] {
        let query = ExecutionQuery::default()
            .with_job(job)
            .with_status(status)
            .with_sort(Sort { column: ExecutionColumn::FinishedAt, descending: true });
        let mut slice = Slice::first(ROWS_AT_ONCE);
        loop {
            let page = app.history.list(by, &query.clone().with_slice(slice)).await?;
            let all = page.items.len();
            let newer = page.items.into_iter().map(|overview| overview.execution);
            let newer: Vec<Execution> = newer.take_while(|success| success.finished_at > after).collect();
            let is_over = newer.len() < all;
            found.extend(newer);
            match page.next {
                Some(next) if !is_over => slice = Slice { after: Some(next), limit: ROWS_AT_ONCE },
                _ => break,
            }
        }
    }
    Ok(found)
}

/// Returns the job that is due next, or that is overdue longest.
pub(super) async fn next(app: &App, by: &Principal) -> Result<Option<JobOverview>, CliError> {
    let query = JobQuery::default()
        .with_state(JobState::Active)
        .with_next_starts(Between { from: Some(DateTime::UNIX_EPOCH), to: None })
        .with_sort(Sort { column: JobColumn::NextStartsAt, descending: false })
        .with_slice(Slice::first(1));
    Ok(app.jobs.list(by, &query).await?.items.into_iter().next())
}
