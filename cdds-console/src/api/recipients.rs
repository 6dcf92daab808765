//! Certificates that exports are sealed for.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::domain::id::RecipientName;
use cdds_view::{ProblemView, RecipientView};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Whole;
use super::body::Body;
use super::document::Api;
use super::operation::Operation;
use super::taken::created;
use crate::App;
use crate::answers::Id;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    let about = |id: &str, summary: &str, text: &str| Operation::new(id, summary, text);
    let pem = "-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n";
    api.get(
        "/recipients",
        list,
        about("list_recipients", "List recipients", "Returns the stored certificates by their names.")
            .needs(Action::See)
            .whole::<RecipientView>(200),
    )
    .post(
        "/recipients",
        add,
        about("add_recipient", "Add a recipient", "Stores a certificate under a name.")
            .needs(Action::AddRecipient)
            .takes::<RecipientForm>(json!({"name": "law", "certificate": pem}))
            .answers::<RecipientView>(201),
    )
    .get(
        "/recipients/{name}",
        show,
        about("show_recipient", "Show a recipient", "Returns a stored certificate.")
            .needs(Action::See)
            .answers::<RecipientView>(200),
    )
    .delete(
        "/recipients/{name}",
        remove,
        about("remove_recipient", "Remove a recipient", "Removes a certificate that no job uses.")
            .needs(Action::RemoveRecipient)
            .nothing(),
    )
    .get(
        "/recipients/{name}/sample",
        sample,
        about(
            "sample_recipient",
            "Get a sample",
            "Gives a small archive sealed for the recipient, who can try to open it.",
        )
        .needs(Action::See)
        .refuses(422)
        .bytes(),
    )
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
) -> Result<Json<Whole<RecipientView>>, ProblemView> {
    let stored = services.recipients.list(&by).await?;
    Ok(Json(Whole::of(stored.into_iter().map(RecipientView::from))))
}

/// A certificate, and the name under which it is stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RecipientForm {
    /// How jobs name the recipient: 1 to 128 letters, digits and `-_.@`.
    #[schema(value_type = String)]
    name: RecipientName,
    /// The certificate as PEM.
    certificate: String,
}

async fn add(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Body(RecipientForm { name, certificate }): Body<RecipientForm>,
) -> Result<Response, ProblemView> {
    let added = services.recipients.add(&by, name, certificate.as_bytes()).await;
    let added = added.map_err(|error| {
        let problem = ProblemView::from(error);
        match problem.code.as_str() {
            "invalid_certificate" => problem.with_field("certificate"),
            "recipient_exists" => problem.with_field("name"),
            _ => problem,
        }
    })?;
    let name: String = form_urlencoded::byte_serialize(added.name.as_str().as_bytes()).collect();
    Ok(created(format!("recipients/{name}"), RecipientView::from(added)))
}

async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(name): Id<RecipientName>,
) -> Result<RecipientView, ProblemView> {
    let stored = services.recipients.list(&by).await?;
    let found = stored.into_iter().find(|recipient| recipient.name == name);
    let missing = || ProblemView::new(404, "not_found", format!("there is no recipient {name}"));
    found.map(RecipientView::from).ok_or_else(missing)
}

async fn remove(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(name): Id<RecipientName>,
) -> Result<StatusCode, ProblemView> {
    services.recipients.remove(&by, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a small archive sealed for the recipient, with which they try whether they can open exports.
async fn sample(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(name): Id<RecipientName>,
) -> Result<Response, ProblemView> {
    let sealed = services.recipients.sample(&by, &name).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"sample.zip.smime\""),
    ];
    Ok((headers, sealed).into_response())
}
