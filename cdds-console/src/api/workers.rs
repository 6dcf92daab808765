//! Who works.

use axum::Json;
use axum::extract::State;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::WorkerId;
use cdds_view::{ProblemView, WorkerView};

use super::Whole;
use super::document::Api;
use super::operation::Operation;
use crate::App;
use crate::answers::Id;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    api.get(
        "/workers",
        list,
        Operation::new(
            "list_workers",
            "List workers",
            "Returns the workers of the service, those that have not ended first, up to 200. Of what they run, \
             executions of the owner are named, and those of others counted.",
        )
        .needs(Action::SeeWorkers)
        .whole::<WorkerView>(200),
    )
    .get(
        "/workers/{id}",
        show,
        Operation::new("show_worker", "Show a worker", "Returns a worker, and what it runs of the owner.")
            .needs(Action::SeeWorkers)
            .answers::<WorkerView>(200),
    )
    .post(
        "/workers/{id}/drain",
        drain,
        Operation::new(
            "drain_worker",
            "Drain a worker",
            "Lets a worker end what it holds and claim nothing more, so that it can be stopped, until it resumes or \
             ends. It heeds that within ten seconds.",
        )
        .needs(Action::DrainWorker)
        .answers::<WorkerView>(200),
    )
    .post(
        "/workers/{id}/resume",
        resume,
        Operation::new("resume_worker", "Resume a worker", "Lets a worker that drains claim again.")
            .needs(Action::ResumeWorker)
            .answers::<WorkerView>(200),
    )
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
) -> Result<Json<Whole<WorkerView>>, ProblemView> {
    Ok(Json(Whole::of(services.fleet.list(&by).await?.into_iter().map(WorkerView::from))))
}

async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<WorkerId>,
) -> Result<Json<WorkerView>, ProblemView> {
    Ok(Json(services.fleet.show(&by, &id).await?.into()))
}

async fn drain(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<WorkerId>,
) -> Result<Json<WorkerView>, ProblemView> {
    Ok(Json(services.fleet.drain(&by, &id).await?.into()))
}

async fn resume(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<WorkerId>,
) -> Result<Json<WorkerView>, ProblemView> {
    Ok(Json(services.fleet.resume(&by, &id).await?.into()))
}
