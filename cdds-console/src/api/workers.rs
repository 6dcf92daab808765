//! Who works.

use axum::Json;
use axum::extract::State;
use cdds_core::domain::access::Action;
use cdds_view::{ProblemView, WorkerView};

use super::Whole;
use super::document::Api;
use super::operation::Operation;
use crate::App;
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
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
) -> Result<Json<Whole<WorkerView>>, ProblemView> {
    Ok(Json(Whole::of(services.fleet.list(&by).await?.into_iter().map(WorkerView::from))))
}
