//! Recipients: the certificates that exports are sealed for.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::Principal;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::RecipientName;
use cdds_core::domain::recipient::EXPIRY_WARNING;
use cdds_core::ports::catalog::query::{JobQuery, Slice};
use cdds_view::{ProblemView, RecipientView, words};
use chrono::{DateTime, Utc};
use http::{StatusCode, header};
use maud::{Markup, html};

use super::Refused;
use super::confirm::Question;
use super::frame::{Section, icon, page};
use super::parts::{day, mark};
use crate::answers::{Answers, Form, Query, wrong};
use crate::done::Done;
use crate::texts::{self, execution, recipients as said};
use crate::visit::Visit;
use crate::{App, Services};

/// The most jobs that are looked at for those that use a recipient.
const JOBS_MAX: u64 = 500;

/// What the page shows.
struct Sight {
    recipients: Vec<RecipientView>,
    /// The titles of the jobs that use each of them.
    jobs: BTreeMap<RecipientName, Vec<(String, String)>>,
    /// Whether there are jobs that were not looked at.
    are_more: bool,
    now: DateTime<Utc>,
}

impl Sight {
    async fn of(services: &Services, by: &Principal) -> Result<Self, Refused> {
        let recipients = services.recipients.list(by).await?.into_iter().map(RecipientView::from).collect();
        let query = JobQuery::default().with_slice(Slice::first(JOBS_MAX));
        let page = services.jobs.list(by, &query).await?;
        let mut jobs: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for overview in page.items {
            let settings = overview.job.settings;
            for name in settings.protection.recipients() {
                let job = (overview.job.id.to_string(), settings.title.to_string());
                jobs.entry(name.clone()).or_default().push(job);
            }
        }
        Ok(Self { recipients, jobs, are_more: page.next.is_some(), now: services.jobs.now().await? })
    }
}

/// What somebody typed, and why it was refused.
#[derive(Default)]
struct Typed<'a> {
    name: &'a str,
    certificate: &'a str,
    refusal: Option<ProblemView>,
}

/// `GET /recipients`
pub(super) async fn list(State(App { services, .. }): State<App>, visit: Visit) -> Result<Markup, Refused> {
    shown(&services, &visit, &Typed::default()).await
}

async fn shown(services: &Services, visit: &Visit, typed: &Typed<'_>) -> Result<Markup, Refused> {
    let sight = Sight::of(services, visit.principal()).await?;
    let body = html! {
        div.rows.tight {
            h1 { (texts::RECIPIENTS) }
            p.sub { (said::ABOUT) }
        }
        @if sight.recipients.is_empty() {
            section.card.pad.rows aria-labelledby="none" {
                h2 #none { (said::NOTHING_YET) }
                p { (said::NOTHING_YET_SAYS) }
                pre tabindex="0" role="group" aria-label=(said::MAKE_ONE) { (said::MAKE_COMMAND) }
            }
        }
        @for (index, recipient) in sight.recipients.iter().enumerate() { (one(visit, &sight, index, recipient)) }
        @if visit.may(Action::AddRecipient) { (form(visit, typed)) }
    };
    let title = match typed.refusal {
        Some(_) => texts::error_of(texts::RECIPIENTS),
        None => texts::RECIPIENTS.to_owned(),
    };
    Ok(page(visit, Section::Recipients, &title, &body))
}

fn one(visit: &Visit, sight: &Sight, index: usize, recipient: &RecipientView) -> Markup {
    let (heading, id) = (format!("r-{index}"), format!("del-{index}"));
    let query = Answers::default().with("name", recipient.name.as_str()).query();
    let jobs = sight.jobs.get(&recipient.name).map(Vec::as_slice).unwrap_or_default();
    let question = Question {
        id: &id,
        title: &said::remove_this(recipient.name.as_str()),
        action: &visit.to("recipients/remove"),
        yes: said::REMOVE_IT,
        no: execution::KEEP_IT,
    };
    let is_removed = visit.may(Action::RemoveRecipient);
    html! {
        section.card.pad.rows aria-labelledby=(heading) {
            div.bar {
                h2 id=(heading) { (recipient.name) }
                div.acts {
                    a.btn href={ (visit.to("recipients/sample")) (query) } aria-label={ (said::TEST_FILE) ": " (recipient.name) } {
                        (icon("down")) (said::TEST_FILE)
                    }
                    @if is_removed { (question.button(said::REMOVE)) }
                }
            }
            dl.kv {
                dt { (said::SUBJECT) } dd { (recipient.subject) }
                dt { (said::VALID) } dd { (validity(sight, recipient)) }
                dt { "SHA-256" } dd { code { (recipient.fingerprint) } }
                dt { (said::JOBS_TITLE) } dd { (used_by(visit, sight, jobs)) }
            }
            @for warning in &recipient.warnings { p { (mark("warn", "warn", warning)) } }
        }
        @if is_removed {
            (question.asked(&html! {
                input type="hidden" name="name" value=(recipient.name);
                p { (said::REMOVE_SAYS) }
                @if !jobs.is_empty() { p { (said::IN_USE) } }
            }))
        }
    }
}

fn validity(sight: &Sight, recipient: &RecipientView) -> Markup {
    let end = recipient.not_after.0;
    let left = end - sight.now;
    html! {
        (day(recipient.not_before.0)) " " (execution::TO) " " (day(end)) " "
        @if end < sight.now {
            (mark("bad", "bad", said::EXPIRED)) span.sub { (said::RENEW) }
        } @else if left < EXPIRY_WARNING {
            (mark("warn", "warn", &format!("{} {}", said::EXPIRES, words::relative(left)))) span.sub { (said::RENEW) }
        } @else {
            span.sub { (said::EXPIRES) " " (words::relative(left)) }
        }
    }
}

fn used_by(visit: &Visit, sight: &Sight, jobs: &[(String, String)]) -> Markup {
    const NAMED: usize = 5;
    html! {
        @if jobs.is_empty() { (if sight.are_more { said::NO_RECENT_JOB } else { texts::NONE }) }
        @for (index, (id, title)) in jobs.iter().take(NAMED).enumerate() {
            @if index > 0 { ", " }
            a href=(visit.to(&format!("jobs/{id}"))) { (title) }
        }
        @if jobs.len() > NAMED { ", " (said::more(jobs.len() - NAMED)) }
    }
}

fn form(visit: &Visit, typed: &Typed<'_>) -> Markup {
    let at = |field: &str| typed.refusal.as_ref().filter(|refusal| field_of(refusal) == field);
    html! {
        section.card.pad aria-labelledby="add" {
            form.rows method="post" action=(visit.to("recipients")) {
                h2 #add { (said::ADD) }
                div.field {
                    label for="name" { (said::NAME) }
                    p.hint #name-hint { (said::NAME_HINT) }
                    (error("name", at("name")))
                    input #name name="name" required maxlength="128" autocomplete="off" value=(typed.name)
                        aria-describedby="name-hint name-error" aria-invalid=[at("name").map(|_| "true")];
                }
                div.field {
                    label for="certificate" { (said::CERTIFICATE) }
                    p.hint #certificate-hint { (said::CERTIFICATE_HINT) }
                    (error("certificate", at("certificate")))
                    textarea #certificate .mono.wide name="certificate" rows="8" required spellcheck="false"
                        aria-describedby="certificate-hint certificate-error"
                        aria-invalid=[at("certificate").map(|_| "true")] { (typed.certificate) }
                }
                div.acts { button.primary { (icon("plus")) (said::ADD) } }
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

/// Returns the field that a refusal is about.
fn field_of(refusal: &ProblemView) -> &'static str {
    match refusal.code.as_str() {
        "invalid_name" | "recipient_exists" => "name",
        _ => "certificate",
    }
}

/// `POST /recipients`: adds one, or shows the form again with what was refused.
pub(super) async fn add(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(Action::AddRecipient).map_err(cdds_core::ServiceError::from)?;
    let (name, certificate) =
        (answers.one("name").unwrap_or_default(), answers.one("certificate").unwrap_or_default());
    let added = match RecipientName::new(name.trim()) {
        Ok(parsed) => {
            services.recipients.add(by, parsed, certificate.as_bytes()).await.map_err(ProblemView::from)
        }
        Err(refused) => Err(refused.into()),
    };
    let refusal = match added {
        Ok(_) => return Ok(visit.tell("recipients", Done::RecipientAdded)),
        Err(refusal) if refusal.status >= 500 => return Err(refusal.into()),
        Err(refusal) => refusal,
    };
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    // A private key that was pasted by mistake is not sent back.
    let certificate = if certificate.contains("PRIVATE KEY") { "" } else { certificate };
    let typed = Typed { name, certificate, refusal: Some(refusal) };
    Ok((status, shown(&services, &visit, &typed).await?).into_response())
}

/// Reads the name of a recipient, which may have any letters, so that it is no part of an address.
fn named(answers: &Answers) -> Result<RecipientName, ProblemView> {
    answers.parsed("name")?.ok_or_else(|| wrong("name", said::NAME_ONE))
}

/// `POST /recipients/remove`
pub(super) async fn remove(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    services.recipients.remove(visit.principal(), &named(&answers)?).await?;
    Ok(visit.tell("recipients", Done::RecipientRemoved))
}

/// `GET /recipients/sample`: a small archive that is sealed as exports are.
pub(super) async fn sample(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Query(answers): Query,
) -> Result<Response, Refused> {
    let sealed = services.recipients.sample(visit.principal(), &named(&answers)?).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"sample.zip.smime\""),
    ];
    Ok((headers, sealed).into_response())
}
