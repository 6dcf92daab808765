//! Jobs that stop, go on and run.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use cdds_core::JobId;
use cdds_view::{ExecutionView, Instant, ProblemView};
use serde::Deserialize;

use super::super::Whole;
use super::super::body::Body;
use super::super::taken::{Id, accepted};
use super::super::version::{IfMatch, tagged};
use super::{Sight, condition_of};
use crate::App;
use crate::visit::Caller;

pub(in super::super) async fn suspend(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    condition: IfMatch,
) -> Result<Response, ProblemView> {
    condition_of(&services, &by, id, condition).await?;
    let job = services.jobs.suspend(&by, id).await?;
    Ok(tagged(Sight::of(&services, &by).await?.view(job)))
}

pub(in super::super) async fn resume(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    condition: IfMatch,
) -> Result<Response, ProblemView> {
    condition_of(&services, &by, id, condition).await?;
    let job = services.jobs.resume(&by, id).await?;
    Ok(tagged(Sight::of(&services, &by).await?.view(job)))
}

pub(in super::super) async fn bring_back(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    condition: IfMatch,
) -> Result<Response, ProblemView> {
    condition_of(&services, &by, id, condition).await?;
    let job = services.jobs.bring_back(&by, id).await?;
    Ok(tagged(Sight::of(&services, &by).await?.view(job)))
}

pub(in super::super) async fn run(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
) -> Result<Response, ProblemView> {
    let queued = services.jobs.run_now(&by, id).await?;
    let location = format!("../../executions/{}", queued.id);
    Ok(accepted(location, Json(ExecutionView::queued(queued))))
}

/// The range whose occurrences are exported again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct BackfillForm {
    /// The first instant of the range.
    from: Instant,
    /// The first instant behind it.
    to: Instant,
}

pub(in super::super) async fn backfill(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    Body(BackfillForm { from, to }): Body<BackfillForm>,
) -> Result<Response, ProblemView> {
    let queued = services.jobs.backfill(&by, id, from.0, to.0).await?;
    let location = format!("../../executions?job={id}");
    Ok(accepted(location, Json(Whole::of(queued.into_iter().map(ExecutionView::queued)))))
}
