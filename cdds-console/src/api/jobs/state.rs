//! Jobs that stop, go on and run.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use cdds_core::JobId;
use cdds_core::domain::access::Action;
use cdds_view::{ExecutionView, Instant, JobView, ProblemView};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::Whole;
use super::super::body::Body;
use super::super::document::Api;
use super::super::key::Key;
use super::super::operation::Operation;
use super::super::taken::accepted;
use super::super::version::{IfMatch, tagged, unmet};
use super::Sight;
use crate::App;
use crate::answers::Id;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    let about = |id: &str, summary: &str, text: &str, action| {
        Operation::new(id, summary, text).needs(action).if_match(false).answers::<JobView>(200).tags(200)
    };
    api.post(
        "/jobs/{id}/suspend",
        suspend,
        about(
            "suspend_job",
            "Suspend a job",
            "Nothing new starts for the job from now on. Idempotent.",
            Action::SuspendJob,
        ),
    )
    .post(
        "/jobs/{id}/resume",
        resume,
        about(
            "resume_job",
            "Resume a job",
            "The job goes on with its next occurrence. Idempotent.",
            Action::ResumeJob,
        ),
    )
    .post(
        "/jobs/{id}/bring-back",
        bring_back,
        about(
            "bring_back_job",
            "Bring a job back from the future",
            "A job that a clock left ahead goes on from where it was.",
            Action::BringBackJob,
        ),
    )
    .post(
        "/jobs/{id}/run",
        run,
        Operation::new(
            "run_job",
            "Run a job now",
            "Queues an extra occurrence. Ask for the execution at `Location`.",
        )
        .needs(Action::RunJob)
        .repeatable()
        .answers::<ExecutionView>(202)
        .queued(),
    )
    .post(
        "/jobs/{id}/backfill",
        backfill,
        Operation::new(
            "backfill_job",
            "Export a range again",
            "Queues one execution per occurrence of a range of the past.",
        )
        .needs(Action::BackfillJob)
        .repeatable()
        .takes::<BackfillForm>(json!({"from": "2026-11-20T00:00:00Z", "to": "2026-11-22T00:00:00Z"}))
        .whole::<ExecutionView>(202)
        .queued(),
    )
}

async fn suspend(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    condition: IfMatch,
) -> Result<Response, ProblemView> {
    let job = services.jobs.suspend(&by, condition.of(id)?).await.map_err(unmet)?;
    Ok(tagged(Sight::of(&services, &by).await?.view(job)))
}

async fn resume(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    condition: IfMatch,
) -> Result<Response, ProblemView> {
    let job = services.jobs.resume(&by, condition.of(id)?).await.map_err(unmet)?;
    Ok(tagged(Sight::of(&services, &by).await?.view(job)))
}

async fn bring_back(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    condition: IfMatch,
) -> Result<Response, ProblemView> {
    let job = services.jobs.bring_back(&by, condition.of(id)?).await.map_err(unmet)?;
    Ok(tagged(Sight::of(&services, &by).await?.view(job)))
}

async fn run(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    key: Key,
) -> Result<Response, ProblemView> {
    let queued = match key.of(&())? {
        Some(key) => services.jobs.run_once(&by, id, &key).await?,
        None => services.jobs.run_now(&by, id).await?,
    };
    let location = format!("../../executions/{}", queued.id);
    Ok(accepted(location, Json(ExecutionView::queued(queued))))
}

/// The range whose occurrences are exported again.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BackfillForm {
    /// The first instant of the range.
    from: Instant,
    /// The first instant behind it.
    to: Instant,
}

async fn backfill(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<JobId>,
    key: Key,
    Body(range): Body<BackfillForm>,
) -> Result<Response, ProblemView> {
    let (from, to) = (range.from.0, range.to.0);
    let queued = match key.of(&range)? {
        Some(key) => services.jobs.backfill_once(&by, id, (from, to), &key).await?,
        None => services.jobs.backfill(&by, id, from, to).await?,
    };
    let location = format!("../../executions?job={id}");
    Ok(accepted(location, Json(Whole::of(queued.into_iter().map(ExecutionView::queued)))))
}
