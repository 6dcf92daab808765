//! The forms that take a certificate: pasted, or as a file.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::domain::id::RecipientName;
use cdds_view::ProblemView;
use http::StatusCode;
use maud::{Markup, html};

use super::super::Refused;
use super::super::frame::icon;
use super::shown;
use crate::App;
use crate::done::Done;
use crate::handed::{FILE, Handed, TEXT};
use crate::texts::{self, recipients as said};
use crate::visit::Visit;

/// What somebody typed, and why it was refused.
#[derive(Default)]
pub(super) struct Typed<'a> {
    pub(super) name: &'a str,
    /// The pasted text, if it may be shown again.
    pub(super) certificate: &'a str,
    pub(super) refusal: Option<ProblemView>,
}

impl Typed<'_> {
    /// Returns the title of the page.
    pub(super) fn title(&self, title: &str) -> String {
        match self.refusal {
            Some(_) => texts::error_of(title),
            None => title.to_owned(),
        }
    }

    fn at(&self, field: &str) -> Option<&ProblemView> {
        self.refusal.as_ref().filter(|refusal| field_of(refusal) == field)
    }
}

/// Returns the field that a refusal is about.
fn field_of(refusal: &ProblemView) -> &'static str {
    match refusal.code.as_str() {
        "invalid_name" | "recipient_exists" => "name",
        _ => TEXT,
    }
}

/// Returns the form that adds a recipient.
pub(super) fn add_form(visit: &Visit, typed: &Typed<'_>) -> Markup {
    html! {
        section.card.pad aria-labelledby="add" {
            form.rows method="post" enctype="multipart/form-data" action=(visit.to("recipients")) {
                h2 #add { (said::ADD) }
                div.field {
                    label for="name" { (said::NAME) }
                    p.hint #name-hint { (said::NAME_HINT) }
                    (error("name", typed.at("name")))
                    input #name name="name" required maxlength="128" autocomplete="off" value=(typed.name)
                        aria-describedby="name-hint name-error" aria-invalid=[typed.at("name").map(|_| "true")];
                }
                (certificate(typed))
                div.acts { button.primary { (icon("plus")) (said::ADD) } }
            }
        }
    }
}

/// Returns the fields that take a certificate.
pub(super) fn certificate(typed: &Typed<'_>) -> Markup {
    let refusal = typed.at(TEXT);
    let invalid = refusal.map(|_| "true");
    html! {
        fieldset.rows aria-describedby="certificate-hint certificate-error" {
            legend { (said::CERTIFICATE) }
            p.hint #certificate-hint { (said::CERTIFICATE_HINT) }
            (error(TEXT, refusal))
            div.field {
                label for=(FILE) { (said::FILE) }
                input #(FILE) type="file" name=(FILE) accept=".pem,.crt,.cer,.der,.txt" aria-invalid=[invalid];
            }
            div.field {
                label for=(TEXT) { (said::PASTE) }
                textarea #(TEXT) .mono.wide name=(TEXT) rows="6" spellcheck="false" autocomplete="off"
                    aria-invalid=[invalid] { (typed.certificate) }
            }
        }
    }
}

fn error(field: &str, refusal: Option<&ProblemView>) -> Markup {
    html! {
        @if let Some(refusal) = refusal {
            p.error id={ (field) "-error" } { (icon("bad")) span { (texts::sentence(&refusal.detail)) } }
        }
    }
}

/// `POST /recipients`: adds one, or shows the form again with what was refused.
pub(in super::super) async fn add(
    State(App { services, .. }): State<App>,
    visit: Visit,
    handed: Handed,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(Action::AddRecipient).map_err(cdds_core::ServiceError::from)?;
    let name = handed.answers.one("name").unwrap_or_default();
    let added = async {
        let certificate = handed.certificate()?;
        let name = RecipientName::new(name.trim())?;
        services.recipients.add(by, name, certificate).await.map_err(ProblemView::from)
    };
    let refusal = match added.await {
        Ok(_) => return Ok(visit.tell("recipients", Done::RecipientAdded)),
        Err(refusal) => refusal,
    };
    let status = status_of(&refusal)?;
    let typed = Typed { name, certificate: handed.shown_again(), refusal: Some(refusal) };
    Ok((status, shown(&services, &visit, &typed).await?).into_response())
}

/// Returns the status of a form that is shown again.
///
/// # Errors
/// Returns what is not about the form: a page of its own says it.
pub(super) fn status_of(refusal: &ProblemView) -> Result<StatusCode, Refused> {
    match refusal.status {
        403 | 404 | 500.. => Err(refusal.clone().into()),
        status => Ok(StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)),
    }
}
