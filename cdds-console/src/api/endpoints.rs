//! Endpoints of webhooks.

use axum::Json;
use axum::extract::State;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::Subscriber;
use cdds_view::{EndpointView, ProblemView};

use super::Whole;
use super::document::Api;
use super::operation::Operation;
use crate::App;
use crate::answers::Id;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    let about = |id: &str, summary: &str, text: &str| Operation::new(id, summary, text);
    api.get(
        "/endpoints",
        list,
        about(
            "list_endpoints",
            "List endpoints",
            "Returns the endpoints of webhooks, by their names, and whether they work.",
        )
        .needs(Action::See)
        .whole::<EndpointView>(200),
    )
    .post(
        "/endpoints/{name}/enable",
        enable,
        about(
            "enable_endpoint",
            "Enable an endpoint",
            "Lets notices to it go on. Those that were given up can be sent again one by one.",
        )
        .needs(Action::EnableEndpoint)
        .answers::<EndpointView>(200),
    )
    .post(
        "/endpoints/{name}/disable",
        disable,
        about(
            "disable_endpoint",
            "Disable an endpoint",
            "Tells it nothing until it is enabled. Notices wait.",
        )
        .needs(Action::DisableEndpoint)
        .answers::<EndpointView>(200),
    )
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
) -> Result<Json<Whole<EndpointView>>, ProblemView> {
    let states = services.subscribers.endpoints(&by).await?;
    Ok(Json(Whole::of(states.into_iter().map(EndpointView::from))))
}

async fn enable(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(endpoint): Id<Subscriber>,
) -> Result<Json<EndpointView>, ProblemView> {
    Ok(Json(services.subscribers.enable(&by, &endpoint).await?.into()))
}

async fn disable(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(endpoint): Id<Subscriber>,
) -> Result<Json<EndpointView>, ProblemView> {
    Ok(Json(services.subscribers.disable(&by, &endpoint).await?.into()))
}
