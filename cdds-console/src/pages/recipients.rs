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
use cdds_core::ports::catalog::query::{JobQuery, Slice};
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
use super::parts::mark;
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
        let recipients =
            services.recipients.list(by).await?.into_iter().map(|one| view(services, one)).collect();
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

    /// Returns the jobs that use a recipient.
    fn jobs_of(&self, name: &RecipientName) -> &[(String, String)] {
        self.jobs.get(name).map(Vec::as_slice).unwrap_or_default()
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
        div.rows.tight {
            h1 { (texts::RECIPIENTS) }
            p.sub { (said::ABOUT) }
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
    let jobs = sight.jobs_of(&recipient.name);
    let question = Question {
        id: &id,
        title: &said::remove_this(recipient.name.as_str()),
        action: &visit.to("recipients/remove"),
        yes: said::REMOVE_IT,
        no: execution::KEEP_IT,
    };
    let (is_renewed, is_removed) = (visit.may(Action::RenewRecipient), visit.may(Action::RemoveRecipient));
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
                dt { (said::JOBS_TITLE) } dd { (used_by(visit, sight, jobs)) }
            }))
            @if certificate::needs_renewal(recipient, sight.now) {
                p {
                    (said::RENEW_SAYS) " "
                    @if is_renewed { a href=(renewal) { (said::renew_this(recipient.name.as_str())) } }
                }
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
