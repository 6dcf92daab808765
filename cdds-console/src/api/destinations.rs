//! Where sets are delivered to, besides the artifact store.

use axum::Json;
use axum::extract::State;
use cdds_core::domain::access::Action;
use cdds_core::domain::delivery::destination::ServerIdentity;
use cdds_core::domain::id::DestinationId;
use cdds_view::{DestinationCheckView, DestinationView, ProblemView};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Whole;
use super::body::Body;
use super::document::Api;
use super::operation::Operation;
use crate::App;
use crate::answers::Id;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    let about = |id: &str, summary: &str, text: &str| Operation::new(id, summary, text);
    api.get(
        "/destinations",
        list,
        about(
            "list_destinations",
            "List destinations",
            "Returns the destinations that the owner sees, by their names, and whether they work.",
        )
        .needs(Action::See)
        .whole::<DestinationView>(200),
    )
    .get(
        "/destinations/{name}",
        show,
        about("show_destination", "Show a destination", "Returns a destination, and whether it works.")
            .needs(Action::See)
            .answers::<DestinationView>(200),
    )
    .post(
        "/destinations/{name}/check",
        check,
        about(
            "check_destination",
            "Check a destination",
            "Writes a small file, measures it, renames it, reads it back and removes it, for a minute at most. Pins the \
             identity of a server that none was pinned for.",
        )
        .needs(Action::CheckDestination)
        .answers::<DestinationCheckView>(200),
    )
    .post(
        "/destinations/{name}/enable",
        enable,
        about(
            "enable_destination",
            "Enable a destination",
            "Lets deliveries to it go on, and begins anew with those that were given up, as long as their sets are kept.",
        )
        .needs(Action::EnableDestination)
        .answers::<DestinationView>(200),
    )
    .post(
        "/destinations/{name}/disable",
        disable,
        about(
            "disable_destination",
            "Disable a destination",
            "Sends nothing there until it is enabled. Deliveries wait.",
        )
        .needs(Action::DisableDestination)
        .answers::<DestinationView>(200),
    )
    .post(
        "/destinations/{name}/pin",
        pin,
        about(
            "pin_destination",
            "Pin the identity of a destination",
            "Pins another identity of the server, which somebody has compared with what the other side says. Null pins \
             the one that it shows next.",
        )
        .needs(Action::PinDestination)
        .takes::<PinForm>(json!({"identity": "SHA256:uNiVztksCsDhcc0u9e8BrrJYU1tzqX3Fqe8d0rB3pW0"}))
        .answers::<DestinationView>(200),
    )
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
) -> Result<Json<Whole<DestinationView>>, ProblemView> {
    let states = services.deliveries.destinations(&by).await?;
    Ok(Json(Whole::of(states.into_iter().map(DestinationView::from))))
}

async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<DestinationId>,
) -> Result<Json<DestinationView>, ProblemView> {
    Ok(Json(services.deliveries.destination(&by, &id).await?.into()))
}

async fn check(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<DestinationId>,
) -> Result<Json<DestinationCheckView>, ProblemView> {
    let (probe, state) = services.deliveries.check(&by, &id).await?;
    Ok(Json(DestinationCheckView::new(probe, state)))
}

async fn enable(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<DestinationId>,
) -> Result<Json<DestinationView>, ProblemView> {
    Ok(Json(services.deliveries.enable(&by, &id).await?.into()))
}

async fn disable(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<DestinationId>,
) -> Result<Json<DestinationView>, ProblemView> {
    Ok(Json(services.deliveries.disable(&by, &id).await?.into()))
}

/// The identity of a destination's server.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PinForm {
    /// The identity as the server shows it, such as the fingerprint of an SSH host key. Null forgets the pinned one.
    // Not left out by mistake: that would trust whoever answers next.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true, min_length = 1)]
    identity: Option<String>,
}

async fn pin(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<DestinationId>,
    Body(PinForm { identity }): Body<PinForm>,
) -> Result<Json<DestinationView>, ProblemView> {
    if identity.as_deref().is_some_and(|identity| identity.trim().is_empty()) {
        let detail = "`identity` is blank: send the one that the server shows, or null to pin the next one";
        return Err(ProblemView::new(422, "invalid_form", detail).with_field("identity"));
    }
    let identity = identity.map(|identity| ServerIdentity::new(identity.trim()));
    Ok(Json(services.deliveries.pin(&by, &id, identity).await?.into()))
}
