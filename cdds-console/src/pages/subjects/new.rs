//! The form of a new request. What names the person goes in, and is not shown again.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::Principal;
use cdds_core::domain::access::Action;
use cdds_core::domain::subject::request::RequestKind;
use cdds_core::ports::source::RegisteredSource;
use cdds_core::service::subjects::{NewHandover, NewSubjectRequest};
use cdds_view::ProblemView;
use http::StatusCode;
use maud::{Markup, html};

use crate::answers::{Answers, wrong};
use crate::done::Done;
use crate::forms::{Fault, subject as form_of};
use crate::handed::{FILE, Handed};
use crate::lists::subjects as lists;
use crate::pages::Refused;
use crate::pages::frame::{Section, icon, page};
use crate::pages::sheet::{Sheet, optional};
use crate::texts::{self, recipients, subjects as said};
use crate::visit::Visit;
use crate::{App, Services};

/// A source of which some types name people.
struct Offered {
    id: String,
    title: String,
    types: Vec<String>,
}

/// What the fields offer: the sources, and the kinds of identifier that they know.
struct Offer {
    sources: Vec<Offered>,
    kinds: BTreeSet<String>,
}

impl Offer {
    fn of(services: &Services, by: &Principal) -> Result<Self, Refused> {
        let (mut sources, mut kinds) = (Vec::new(), BTreeSet::new());
        for (id, source) in services.sources(by)? {
            let RegisteredSource::Supported(source) = source else { continue };
            let about = source.describe();
            let naming = about.types.iter().filter(|data_type| !data_type.subject_fields.is_empty());
            kinds.extend(
                naming.clone().flat_map(|one| &one.subject_fields).map(|field| field.kind.to_string()),
            );
            let types: Vec<String> = naming.map(|data_type| data_type.id.to_string()).collect();
            if !types.is_empty() {
                sources.push(Offered { id: id.to_string(), title: about.title.clone(), types });
            }
        }
        Ok(Self { sources, kinds })
    }
}

/// `GET /subjects/new`
pub(in crate::pages) async fn form(
    State(App { services, .. }): State<App>,
    visit: Visit,
) -> Result<Markup, Refused> {
    visit.principal().check(Action::CreateSubjectRequest).map_err(cdds_core::ServiceError::from)?;
    shown(&services, &visit, &Answers::default(), &[])
}

/// `POST /subjects/new`: puts a request on record, or shows the form again with what was refused.
pub(in crate::pages) async fn create(
    State(App { services, .. }): State<App>,
    visit: Visit,
    handed: Handed,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(Action::CreateSubjectRequest).map_err(cdds_core::ServiceError::from)?;
    let created = async {
        let new = read(&handed)?;
        let has_due = new.due_at.is_some();
        services.subjects.create(by, &new).await.map_err(|error| form_of::not_created(error, has_due))
    };
    let refusal = match created.await {
        Ok(request) => return Ok(visit.tell(&format!("subjects/{}", request.id), Done::SubjectReceived)),
        Err(refusal) => refusal,
    };
    if matches!(refusal.status, 403 | 404 | 500..) {
        return Err(refusal.into());
    }
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    let fault = Fault { field: refusal.field.unwrap_or_default(), words: refusal.detail };
    // Whatever was refused may be an identifier in the wrong field.
    let typed = handed.answers.without(&[form_of::IDENTIFIER, &fault.field]);
    Ok((status, shown(&services, &visit, &typed, &[fault])?).into_response())
}

/// Reads the form. What does not apply to an erasure is not looked at.
fn read(handed: &Handed) -> Result<NewSubjectRequest, ProblemView> {
    let answers = &handed.answers;
    let kind = answers.one(form_of::KIND).and_then(RequestKind::parse);
    let kind = kind.ok_or_else(|| wrong(form_of::KIND, said::CHOOSE_KIND).with_field(form_of::KIND))?;
    let lines = answers.one(form_of::IDENTIFIER).unwrap_or_default().lines();
    let subject = form_of::subject(lines)?;
    let due = answers.instant(form_of::DUE).map_err(|problem| problem.with_field(form_of::DUE))?;
    let handover = if kind.hands_over() { handover(handed)? } else { None };
    kind.check_handover(handover.is_some())
        .map_err(|why| ProblemView::from(why).with_field(form_of::CERTIFICATE))?;
    let scope = form_of::scope(answers.all(form_of::SOURCE))?;
    Ok(NewSubjectRequest::new(subject, kind).with_scope(scope).with_due_at(due).with_handover(handover))
}

fn handover(handed: &Handed) -> Result<Option<NewHandover>, ProblemView> {
    let certificate = handed.certificate()?;
    let is_certificate = !certificate.trim_ascii().is_empty();
    match (is_certificate, handed.answers.one(form_of::PLAINTEXT).is_some()) {
        (true, true) => Err(ProblemView::new(422, "invalid_subject_request", said::ONE_HANDOVER)
            .with_field(form_of::CERTIFICATE)),
        (true, false) => Ok(Some(NewHandover::Certificate(certificate.to_vec()))),
        (false, is_plaintext) => Ok(is_plaintext.then_some(NewHandover::Plaintext)),
    }
}

fn shown(services: &Services, visit: &Visit, answers: &Answers, faults: &[Fault]) -> Result<Markup, Refused> {
    let offer = Offer::of(services, visit.principal())?;
    let sheet = Sheet { answers, faults };
    let title = if faults.is_empty() { said::NEW.to_owned() } else { texts::error_of(said::NEW) };
    let body = html! {
        div.rows.tight {
            p.sub { a href=(visit.to("subjects")) { (said::TITLE) } }
            h1 { (said::NEW) }
        }
        @if !faults.is_empty() { (refused(faults)) }
        form.card.stack method="post" enctype="multipart/form-data" action=(visit.to("subjects/new")) {
            div.rows { (kinds(&sheet)) }
            div.rows { (identifiers(&sheet, &offer)) (sources(&sheet, &offer)) }
            div.rows { (handing(&sheet)) }
            div.rows { (sheet.date(optional(form_of::DUE, said::DUE_DAY, said::DUE_HINT))) }
            div.acts {
                button.primary { (said::PUT_ON_RECORD) }
                a.btn href=(visit.to("subjects")) { (texts::CANCEL) }
            }
        }
    };
    Ok(page(visit, Section::Subjects, &title, &body))
}

/// Says what was refused, with a link to the field.
fn refused(faults: &[Fault]) -> Markup {
    html! {
        section.note.bad aria-labelledby="refused" {
            h2 #refused { (texts::problem_title(422)) }
            @for fault in faults {
                p {
                    @if fault.field.is_empty() { (texts::ended(&fault.words)) } @else {
                        a href={ "#" (fault.field) } { (texts::ended(&fault.words)) }
                    }
                }
            }
            p { (said::TYPE_AGAIN) }
        }
    }
}

fn kinds(sheet: &Sheet<'_>) -> Markup {
    let choices = html! {
        @for (index, name) in lists::kinds().into_iter().enumerate() {
            (sheet.option(form_of::KIND, name, said::asks(name), index == 0, &Markup::default()))
        }
    };
    sheet.group(form_of::KIND, said::KIND, &choices)
}

/// Returns the field of the identifiers, which is always empty.
fn identifiers(sheet: &Sheet<'_>, offer: &Offer) -> Markup {
    let name = form_of::IDENTIFIER;
    let is_refused = sheet.is_refused(&[name]);
    let known: Vec<&str> = offer.kinds.iter().map(String::as_str).collect();
    html! {
        div.field {
            label for=(name) { (said::IDENTIFIERS) }
            span.hint #identifier-h {
                (said::IDENTIFIERS_HINT)
                @if !known.is_empty() { " " (said::KINDS_KNOWN) " " (known.join(", ")) "." }
            }
            (sheet.error(name))
            textarea #identifier .mono name=(name) rows="4" required spellcheck="false" autocomplete="off"
                aria-invalid=[is_refused.then_some("true")]
                aria-describedby=(if is_refused { "identifier-h identifier-e" } else { "identifier-h" }) {}
        }
    }
}

fn sources(sheet: &Sheet<'_>, offer: &Offer) -> Markup {
    let chosen: BTreeSet<&str> = sheet.answers.all(form_of::SOURCE).collect();
    let pick = |value: &str, label: Markup| {
        html! {
            label.pick {
                input type="checkbox" name=(form_of::SOURCE) value=(value) checked[chosen.contains(value)];
                span { (label) }
            }
        }
    };
    if offer.sources.is_empty() {
        return html! { p.note.warn { (said::NO_SOURCES) } };
    }
    html! {
        details #source open[sheet.is_open(form_of::SOURCE, &[form_of::SOURCE])] {
            summary { (said::SOURCES) }
            fieldset.rows.tight aria-label=(said::SOURCES) {
                p.hint { (said::SOURCES_HINT) }
                (sheet.error(form_of::SOURCE))
                @for source in &offer.sources {
                    (pick(&source.id, html! { strong { (source.title) } " " code { (source.id) } }))
                    div.reveal {
                        @for data_type in &source.types {
                            (pick(&format!("{}/{data_type}", source.id), html! { (data_type) }))
                        }
                    }
                }
            }
        }
    }
}

/// Returns the fields of how the copy is handed over.
fn handing(sheet: &Sheet<'_>) -> Markup {
    let name = form_of::CERTIFICATE;
    let is_refused = sheet.is_refused(&[name]);
    let invalid = is_refused.then_some("true");
    let is_plaintext = sheet.is_answered(&[form_of::PLAINTEXT]);
    html! {
        fieldset.rows aria-describedby=(if is_refused { "handover-h certificate-e" } else { "handover-h" }) {
            legend { (said::HANDOVER) }
            p.hint #handover-h { (said::HANDOVER_HINT) }
            (sheet.error(name))
            div.field {
                label for=(FILE) { (said::FILE) }
                input id=(FILE) type="file" name=(FILE) accept=".pem,.crt,.cer,.der,.txt" aria-invalid=[invalid];
            }
            div.field {
                label for=(name) { (recipients::PASTE) }
                textarea id=(name) .mono.wide name=(name) rows="4" spellcheck="false" autocomplete="off"
                    aria-invalid=[invalid] {}
            }
            label.pick {
                input type="checkbox" name=(form_of::PLAINTEXT) value="true" checked[is_plaintext];
                span { (icon("warn")) " " (said::PLAINTEXT) }
            }
        }
    }
}
