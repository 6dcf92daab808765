//! `cdds check`: whether a job has succeeded lately, for monitoring.

use std::time::Duration;

use cdds_core::domain::delivery::Delivery;
use cdds_core::domain::execution::{Execution, ExecutionState, Status};
use cdds_core::domain::id::ExecutionId;
use cdds_core::domain::work::row::{WorkState, WorkStatus};
use cdds_core::ports::catalog::query::{
    DeliveryQuery, ExecutionColumn, ExecutionOverview, ExecutionQuery, Slice, Sort,
};
use cdds_view::{Instant, words};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::found;
use crate::args::CheckArgs;
use crate::compose::App;
use crate::config::length_of_time;
use crate::error::CliError;
use crate::session::Session;

/// How many executions are looked at: more than a job ends within the longest time that is of use.
const EXECUTIONS_MAX: u64 = 1_000;

/// What was found.
#[derive(Debug, Serialize)]
struct Found {
    job_id: String,
    title: String,
    ok: bool,
    /// The last success; null if there was none within the time.
    execution_id: Option<ExecutionId>,
    /// When its files were published.
    finished_at: Option<Instant>,
    /// When they had arrived everywhere; null if the job has no destinations.
    delivered_at: Option<Instant>,
    /// Why there was none; null if there was.
    reason: Option<String>,
}

pub(super) async fn check(args: &CheckArgs, session: &Session) -> Result<(), CliError> {
    let within = length_of_time(&args.within).map_err(|why| CliError::usage(format!("--within: {why}")))?;
    let app = session.open().await?;
    let id = found::job(&args.job, &app, &session.principal).await?;
    let job = app.jobs.show(&session.principal, id).await?.job;
    let now = app.now().await?;
    let query = ExecutionQuery::default()
        .with_job(Some(id))
        .with_sort(Sort { column: ExecutionColumn::FinishedAt, descending: true })
        .with_slice(Slice::first(EXECUTIONS_MAX));
    let listed = app.history.list(&session.principal, &query).await?.items;
    let mut latest_reason = None;
    for overview in ended_within(&listed, now, within) {
        let deliveries = deliveries(&overview.execution, &app, session).await?;
        match undelivered(&overview.execution, &deliveries) {
            None => {
                let found = Found {
                    job_id: id.to_string(),
                    title: job.settings.title.as_str().to_owned(),
                    ok: true,
                    execution_id: Some(overview.execution.id),
                    finished_at: overview.execution.finished_at.map(Instant),
                    delivered_at: deliveries.iter().filter_map(arrived_at).max().map(Instant),
                    reason: None,
                };
                let words = success(&found, now);
                return Ok(session.output.outcome(&found, &words)?);
            }
            Some(why) => latest_reason = latest_reason.or(Some(why)),
        }
    }
    let reason = latest_reason.unwrap_or_else(|| nothing(&listed, now));
    let found = Found {
        job_id: id.to_string(),
        title: job.settings.title.as_str().to_owned(),
        ok: false,
        execution_id: None,
        finished_at: None,
        delivered_at: None,
        reason: Some(reason.clone()),
    };
    session.output.outcome(&found, "no success")?;
    let told = format!("job {:?} had no success within {}: {reason}", found.title, args.within);
    Err(CliError::failed("no_success", told))
}

/// Returns the executions that published a set within that time, newest first.
fn ended_within(
    listed: &[ExecutionOverview],
    now: DateTime<Utc>,
    within: Duration,
) -> impl Iterator<Item = &ExecutionOverview> {
    let within = TimeDelta::from_std(within).unwrap_or(TimeDelta::MAX);
    let is_success =
        |execution: &Execution| matches!(execution.status(), Status::Finished | Status::FinishedWithErrors);
    listed.iter().filter(move |overview| {
        let finished = overview.execution.finished_at.filter(|_| is_success(&overview.execution));
        finished.is_some_and(|at| now.signed_duration_since(at) <= within)
    })
}

async fn deliveries(execution: &Execution, app: &App, session: &Session) -> Result<Vec<Delivery>, CliError> {
    if execution.settings.destinations.is_empty() {
        return Ok(Vec::new());
    }
    let query = DeliveryQuery::default().with_execution(execution.id);
    Ok(app.deliveries.list(&session.principal, &query).await?.items)
}

fn arrived_at(delivery: &Delivery) -> Option<DateTime<Utc>> {
    match delivery.work.state {
        WorkState::Done { at } => Some(at),
        _ => None,
    }
}

/// Returns why a set has not arrived at every destination of its job; `None` if it has.
fn undelivered(execution: &Execution, deliveries: &[Delivery]) -> Option<String> {
    let set = || format!("the set of execution {}", execution.id);
    for to in &execution.settings.destinations {
        let Some(delivery) = deliveries.iter().find(|one| one.to.destination == to.destination) else {
            return Some(format!("{} has no delivery to {}", set(), to.destination));
        };
        let attempts = &delivery.work.attempts;
        let failure = attempts.failure.as_ref().map_or_else(String::new, |failure| {
            format!(": attempt {} failed: {}", attempts.count, failure.message)
        });
        let standing = match delivery.work.status() {
            WorkStatus::Done => continue,
            WorkStatus::Waiting => "waits to be delivered",
            WorkStatus::Held => "is being delivered",
            WorkStatus::GivenUp => "was not delivered",
        };
        return Some(format!("{} {standing} to {}{failure}", set(), to.destination));
    }
    None
}

fn success(found: &Found, now: DateTime<Utc>) -> String {
    let at = |at: Option<Instant>| at.map_or_else(String::new, |Instant(at)| words::relative(at - now));
    match found.delivered_at {
        Some(_) => format!(
            "{:?} finished {} and was delivered {}",
            found.title,
            at(found.finished_at),
            at(found.delivered_at)
        ),
        None => format!("{:?} finished {}", found.title, at(found.finished_at)),
    }
}

/// Returns why there is nothing: the last success is too long ago, or what came after it went wrong.
fn nothing(listed: &[ExecutionOverview], now: DateTime<Utc>) -> String {
    let latest = listed.iter().find(|overview| overview.execution.finished_at.is_some());
    let Some(ExecutionOverview { execution, .. }) = latest else {
        return "it has not ended a run yet".to_owned();
    };
    let ago = execution.finished_at.map_or_else(String::new, |at| words::relative(at - now));
    match &execution.state {
        ExecutionState::Failed(failure) => {
            format!("execution {} failed {ago}: {}", execution.id, failure.message)
        }
        _ => format!(
            "execution {}, the last one, ended as {} {ago}",
            execution.id,
            execution.status().as_str()
        ),
    }
}
