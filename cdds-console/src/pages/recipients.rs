//! Recipients: the certificates that exports are sealed for.

mod certificate;
mod form;
mod renew;

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::Principal;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::RecipientName;
use cdds_core::domain::recipient::Recipient;
use cdds_core::ports::catalog::query::{JobQuery, Slice, Total};
use cdds_view::{ProblemView, RecipientView};
use chrono::{DateTime, Utc};
use http::header;
use maud::{Markup, html};

pub(super) use self::form::add;
use self::form::{Typed, add_form};
pub(super) use self::renew::{ask as renewal, renew};
use super::Refused;
use super::confirm::Question;
use super::frame::{Section, icon, page};
use crate::answers::{Answers, Form, Query, wrong};
use crate::done::Done;
use crate::texts::{self, execution, recipients as said};
use crate::visit::Visit;
use crate::{App, Services};

/// The most jobs that are named of those that use a recipient.
const JOBS_NAMED: u64 = 5;

/// The most recipients whose jobs are looked up for one page.
const USED_MAX: usize = 100;

/// What the page shows.
struct Sight {
    recipients: Vec<RecipientView>,
    /// The jobs that use each of them; those beyond a page's bounds were not looked up.
    users: BTreeMap<RecipientName, Users>,
    now: DateTime<Utc>,
}

/// The jobs that use a recipient.
struct Users {
    /// The ids and titles of the newest.
    named: Vec<(String, String)>,
    /// How many there are.
    total: u64,
}

impl Users {
    async fn of(services: &Services, by: &Principal, name: &RecipientName) -> Result<Self, Refused> {
        let query = JobQuery::default().with_recipient(name.clone()).with_slice(Slice::first(JOBS_NAMED));
        let page = services.jobs.list(by, &query).await?;
        let named = page
            .items
            .iter()
            .map(|overview| (overview.job.id.to_string(), overview.job.settings.title.to_string()));
        let named: Vec<_> = named.collect();
        let total = page.total.and_then(Total::exact).unwrap_or(named.len() as u64);
        Ok(Self { named, total })
    }
}

impl Sight {
    async fn of(services: &Services, by: &Principal) -> Result<Self, Refused> {
        let recipients: Vec<_> =
            services.recipients.list(by).await?.into_iter().map(|one| view(services, one)).collect();
        let mut users = BTreeMap::new();
        for recipient in recipients.iter().take(USED_MAX) {
            users.insert(recipient.name.clone(), Users::of(services, by, &recipient.name).await?);
        }
        Ok(Self { recipients, users, now: services.jobs.now().await? })
    }
}

fn view(services: &Services, recipient: Recipient) -> RecipientView {
    let details = services.recipients.details(&recipient);
    RecipientView::new(recipient, details)
}

/// `GET /recipients`
pub(super) async fn list(State(App { services, .. }): State<App>, visit: Visit) -> Result<Markup, Refused> {
    shown(&services, &visit, &Typed::default()).await
}

async fn shown(services: &Services, visit: &Visit, typed: &Typed<'_>) -> Result<Markup, Refused> {
    let sight = Sight::of(services, visit.principal()).await?;
    let is_added = visit.may(Action::AddRecipient);
    let body = html! {
        div.bar {
            div.rows.tight {
                h1 { (texts::RECIPIENTS) }
                p.sub { (said::ABOUT) }
            }
            // The form comes after the list, which may be long.
            @if is_added && !sight.recipients.is_empty() {
                div.acts { a.btn href="#add" { (icon("plus")) (said::ADD) } }
            }
        }
        @if sight.recipients.is_empty() {
            section.card.pad.rows aria-labelledby="none" {
                h2 #none { (said::NOTHING_YET) }
                p { (if is_added { said::NOTHING_YET_SAYS } else { said::NOTHING_YET_VIEWER }) }
                @if is_added {
                    pre tabindex="0" role="group" aria-label=(said::MAKE_ONE) { (said::MAKE_COMMAND) }
                }
            }
        }
        @for (index, recipient) in sight.recipients.iter().enumerate() { (one(visit, &sight, index, recipient)) }
        @if is_added { (add_form(visit, typed)) }
        @if !sight.recipients.is_empty() { (opening()) }
    };
    Ok(page(visit, Section::Recipients, &typed.title(texts::RECIPIENTS), &body))
}

fn one(visit: &Visit, sight: &Sight, index: usize, recipient: &RecipientView) -> Markup {
    let (heading, id) = (format!("r-{index}"), format!("del-{index}"));
    let query = Answers::default().with("name", recipient.name.as_str()).query();
    let users = sight.users.get(&recipient.name);
    let question = Question {
        id: &id,
        title: &said::remove_this(recipient.name.as_str()),
        action: &visit.to("recipients/remove"),
        yes: said::REMOVE_IT,
        no: execution::KEEP_IT,
    };
    // Jobs that use it keep it: the service would refuse.
    let is_used = users.is_some_and(|users| users.total > 0);
    let is_removed = visit.may(Action::RemoveRecipient) && !is_used;
    let is_renewed = visit.may(Action::RenewRecipient);
    let renewal = format!("{}{query}", visit.to("recipients/renew"));
    html! {
        section.card.pad.rows aria-labelledby=(heading) {
            div.bar {
                h2 id=(heading) { (recipient.name) }
                div.acts {
                    a.btn href={ (visit.to("recipients/sample")) (query) } aria-label={ (said::TEST_FILE) ": " (recipient.name) } {
                        (icon("down")) (said::TEST_FILE)
                    }
                    @if is_renewed {
                        a.btn href=(renewal) aria-label={ (said::RENEW) ": " (recipient.name) } { (said::RENEW) }
                    }
                    @if is_removed { (question.button(said::REMOVE)) }
                }
            }
            (certificate::facts(recipient, sight.now, &html! {
                dt { (said::JOBS_TITLE) } dd { (used_by(visit, &recipient.name, users)) }
            }))
            @if certificate::needs_renewal(recipient, sight.now) {
                p {
                    (said::RENEW_SAYS) " "
                    @if is_renewed { a href=(renewal) { (said::renew_this(recipient.name.as_str())) } }
                }
            }
            (certificate::oddities(recipient))
        }
        @if is_removed {
            (question.asked(&html! {
                input type="hidden" name="name" value=(recipient.name);
                p { (said::REMOVE_SAYS) }
            }))
        }
    }
}

fn used_by(visit: &Visit, name: &RecipientName, users: Option<&Users>) -> Markup {
    let all = format!("{}{}", visit.to("jobs"), Answers::default().with("recipient", name.as_str()).query());
    html! {
        @match users {
            None => a href=(all) { (said::SEE_JOBS) },
            Some(users) => {
                @if users.named.is_empty() { (texts::NONE) }
                @for (index, (id, title)) in users.named.iter().enumerate() {
                    @if index > 0 { ", " }
                    a href=(visit.to(&format!("jobs/{id}"))) { (title) }
                }
                @let more = users.total.saturating_sub(users.named.len() as u64);
                @if more > 0 { ", " a href=(all) { (said::more(more)) } }
            },
        }
    }
}

/// Says how a test file is opened.
fn opening() -> Markup {
    html! {
        section.card.pad.rows aria-labelledby="open" {
            h2 #open { (said::OPENING) }
            p { (said::OPENING_SAYS) }
            pre tabindex="0" role="group" aria-label=(said::OPENING) { (said::OPENING_COMMANDS) }
            p.hint { (said::OPENING_FORM) }
        }
    }
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
