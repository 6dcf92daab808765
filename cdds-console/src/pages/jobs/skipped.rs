//! Jobs whose records of some time are in no set, since their occurrences were skipped.

use cdds_core::domain::calendar::timeframe::Timeframe;
use cdds_core::domain::execution::{Execution, SkipReason, Status};
use cdds_core::domain::job::JobState;
use cdds_core::ports::catalog::query::{Between, Slice};
use cdds_core::{ExecutionId, ExecutionQuery, JobId, Principal, ServiceError};
use chrono::{DateTime, TimeDelta, Utc};

use super::ATTENTION_MAX;
use crate::Services;

/// The latest skipped occurrences that are looked at, and the most jobs that are looked into.
const LOOKED_AT: u64 = 100;
const LOOKED_INTO: usize = 10;

/// The executions of a gap that are looked at: one of them is enough.
const OF_GAP: u64 = 100;

/// For how long a gap is pointed out.
const TOLD_FOR: TimeDelta = TimeDelta::days(7);

/// A gap that no later run closes by itself.
pub(super) struct Skipped {
    pub(super) job: JobId,
    pub(super) title: String,
    /// The entry of the history that stands for the gap.
    pub(super) execution: ExecutionId,
    pub(super) reason: SkipReason,
}

/// Looks for active jobs with a gap of the last days, each with its latest one (rules E4, J7). Asks a bounded number of
/// bounded queries.
pub(super) async fn find(
    services: &Services,
    by: &Principal,
    now: DateTime<Utc>,
) -> Result<Vec<Skipped>, ServiceError> {
    let query =
        ExecutionQuery::default().with_status(Some(Status::Skipped)).with_slice(Slice::first(LOOKED_AT));
    let skipped = services.history.list(by, &query).await?.items;
    let (mut seen, mut found) = (Vec::new(), Vec::new());
    for overview in skipped.into_iter().filter(|overview| !overview.job_deleted) {
        let execution = overview.execution;
        let Some((reason, first, last)) = gap(&execution, now) else { continue };
        if seen.contains(&execution.job_id) {
            continue;
        }
        if seen.len() == LOOKED_INTO || found.len() == ATTENTION_MAX {
            break;
        }
        seen.push(execution.job_id);
        if is_active(services, by, execution.job_id).await?
            && !is_made_up_for(services, by, execution.job_id, first, last).await?
        {
            let title = execution.settings.title.to_string();
            found.push(Skipped { job: execution.job_id, title, execution: execution.id, reason });
        }
    }
    Ok(found)
}

/// Returns why, and from which to which slot, records are in no set: none of a window that a later run covers.
fn gap(execution: &Execution, now: DateTime<Utc>) -> Option<(SkipReason, DateTime<Utc>, DateTime<Utc>)> {
    let cdds_core::domain::execution::ExecutionState::Skipped(reason) = execution.state else { return None };
    let is_lost = matches!(execution.settings.timeframe, Timeframe::Rolling(_) | Timeframe::Previous(_));
    let is_recent = execution.finished_at.is_some_and(|at| now - at <= TOLD_FOR);
    match reason {
        SkipReason::CatchUpLimit { first, last, .. } | SkipReason::Suspended { first, last, .. }
            if is_lost && is_recent =>
        {
            Some((reason, first, last))
        }
        _ => None,
    }
}

async fn is_active(services: &Services, by: &Principal, job: JobId) -> Result<bool, ServiceError> {
    match services.jobs.show(by, job).await {
        Ok(overview) => Ok(overview.job.state == JobState::Active),
        Err(ServiceError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether somebody has asked for the range since, or something of it ran.
async fn is_made_up_for(
    services: &Services,
    by: &Principal,
    job: JobId,
    first: DateTime<Utc>,
    last: DateTime<Utc>,
) -> Result<bool, ServiceError> {
    let slots = Between { from: Some(first), to: Some(last + TimeDelta::microseconds(1)) };
    let query =
        ExecutionQuery::default().with_job(Some(job)).with_slot(slots).with_slice(Slice::first(OF_GAP));
    let runs = match services.history.list(by, &query).await {
        Ok(page) => page.items,
        Err(ServiceError::NotFound { .. }) => return Ok(true),
        Err(error) => return Err(error),
    };
    let counts = |status| {
        matches!(status, Status::Queued | Status::InProgress | Status::Finished | Status::FinishedWithErrors)
    };
    Ok(runs.iter().any(|overview| counts(overview.execution.status())))
}
