//! Certificates that exports are sealed for.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::domain::id::RecipientName;
use cdds_core::domain::recipient::Recipient;
use cdds_view::{ProblemView, RecipientView, RenewalView};
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::Whole;
use super::body::Body;
use super::document::Api;
use super::operation::Operation;
use super::taken::created;
use crate::answers::Id;
use crate::visit::Caller;
use crate::{App, Services};

/// The certificate of the examples: a real one, whose private key was thrown away.
const CERTIFICATE: &str = include_str!("recipients/example.pem");

pub(super) fn routes(api: Api) -> Api {
    let about = |id: &str, summary: &str, text: &str| Operation::new(id, summary, text);
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
            .takes::<RecipientForm>(json!({"name": "law", "certificate": CERTIFICATE}))
            .answers::<RecipientView>(201),
    )
    .get(
        "/recipients/{name}",
        show,
        about("show_recipient", "Show a recipient", "Returns a stored certificate.")
            .needs(Action::See)
            .answers::<RecipientView>(200),
    )
    .post(
        "/recipients/{name}/renew",
        renew,
        about(
            "renew_recipient",
            "Renew a recipient",
            "Replaces the certificate by a renewed one under the same name. Jobs stay as they are, and seal for it from \
             their next attempt on; what was sealed before opens with the old key alone. The same certificate once more \
             changes nothing.",
        )
        .needs(Action::RenewRecipient)
        .takes::<RenewalForm>(json!({"certificate": CERTIFICATE}))
        .answers::<RenewalView>(200)
        .refuses(409),
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
            "Gives a small archive sealed for the recipient, who can try to open it: `openssl cms -decrypt -binary \
             -inform DER -in sample.zip.smime -inkey key.pem -out sample.zip`, or with `-inform SMIME` if it begins \
             with `MIME-Version`.",
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
    Ok(Json(Whole::of(stored.into_iter().map(|one| view(&services, one)))))
}

/// A certificate, and the name under which it is stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RecipientForm {
    /// How jobs name the recipient: 1 to 128 letters, digits and `-_.@`.
    #[schema(value_type = String)]
    name: RecipientName,
    /// The certificate as PEM. The private key of the one in the example was thrown away.
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
    Ok(created(format!("recipients/{name}"), view(&services, added)))
}

async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(name): Id<RecipientName>,
) -> Result<RecipientView, ProblemView> {
    let stored = services.recipients.show(&by, &name).await?;
    Ok(view(&services, stored))
}

/// A renewed certificate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RenewalForm {
    /// The certificate as PEM.
    certificate: String,
    /// The fingerprint of the certificate that it replaces. If another one is stored by now, the renewal is refused;
    /// left out or null, it replaces whichever is stored.
    #[serde(default)]
    replaces: Option<String>,
}

async fn renew(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(name): Id<RecipientName>,
    Body(RenewalForm { certificate, replaces }): Body<RenewalForm>,
) -> Result<RenewalView, ProblemView> {
    let renewal = services.recipients.renew(&by, &name, certificate.as_bytes(), replaces.as_deref()).await;
    let renewal = renewal.map_err(|error| {
        let problem = ProblemView::from(error);
        match problem.code.as_str() {
            "invalid_certificate" => problem.with_field("certificate"),
            "conflict" => problem.with_field("replaces"),
            _ => problem,
        }
    })?;
    let replaced = renewal.replaced.map(|replaced| replaced.fingerprint);
    Ok(RenewalView::new(view(&services, renewal.recipient), replaced))
}

fn view(services: &Services, recipient: Recipient) -> RecipientView {
    let details = services.recipients.details(&recipient);
    RecipientView::new(recipient, details)
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
