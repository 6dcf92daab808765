//! Deliveries of sets to destinations.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use cdds_core::ExecutionId;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::DestinationId;
use cdds_core::ports::catalog::query::{ExecutionQuery, Slice};
use cdds_view::{DeliveryView, PageView, ProblemView};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::body::Perhaps;
use super::document::Api;
use super::operation::Operation;
use super::taken::accepted;
use super::{LIMIT, Whole};
use crate::App;
use crate::answers::{Id, Query};
use crate::lists::deliveries as lists;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    api.get(
        "/deliveries",
        list,
        Operation::new(
            "list_deliveries",
            "List deliveries",
            "Returns a page of deliveries, those that were asked for last first.",
        )
        .needs(Action::See)
        .queries(&lists::PARAMETERS)
        .words("status", lists::statuses())
        .pages::<DeliveryView>(),
    )
    .post(
        "/executions/{id}/redeliver",
        redeliver,
        Operation::new(
            "redeliver_execution",
            "Deliver the set of an execution again",
            "Delivers the set to all destinations that the execution had, or to one, which may be another. What has \
             become of it before does not matter: the other side may have lost what arrived.",
        )
        .needs(Action::Redeliver)
        .takes::<RedeliveryForm>(json!({"destination": "partner"}))
        .or_nothing()
        .whole::<DeliveryView>(202)
        .queued(),
    )
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<DeliveryView>>, ProblemView> {
    let query = lists::query(&answers, LIMIT)?;
    let page = services.deliveries.list(&by, &query).await?;
    let ids: Vec<ExecutionId> = page.items.iter().map(|delivery| delivery.execution_id).collect();
    let of = ExecutionQuery::default().with_slice(Slice::first(ids.len() as u64)).with_ids(ids);
    let executions = services.history.list(&by, &of).await?;
    Ok(Json(DeliveryView::page(page, &executions.items)))
}

/// Where to deliver a set again.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RedeliveryForm {
    /// The destination; left out or null, all those that the execution had.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    destination: Option<DestinationId>,
}

async fn redeliver(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
    Perhaps(RedeliveryForm { destination }): Perhaps<RedeliveryForm>,
) -> Result<Response, ProblemView> {
    let asked = services.deliveries.redeliver(&by, id, destination.as_ref()).await?;
    let execution = services.history.show(&by, id).await?.execution;
    let views = asked.into_iter().map(|delivery| DeliveryView::new(delivery, &execution));
    Ok(accepted(format!("../{id}"), Json(Whole::of(views))))
}
