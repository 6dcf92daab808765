//! Requests of data subjects: the list, one request, and its steps. No page shows an identifier.

mod copies;
mod found;
mod new;
mod recalls;
mod request;
mod steps;

use axum::extract::State;
use cdds_core::Principal;
use cdds_core::domain::access::Action;
use cdds_core::ports::catalog::query::{Sort, SubjectRequestColumn};
use cdds_view::{PageView, Selection, SubjectRequestView};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

pub(super) use self::copies::{ask_delete, delete as delete_copies, list as copies};
pub(super) use self::new::{create, form as new};
pub(super) use self::recalls::{ask as ask_recall, notify as recall};
pub(super) use self::request::show;
pub(super) use self::steps::{ask, preview, run, take};
use super::Refused;
use super::filters::{Column, Columns, total};
use super::frame::{Section, icon, page};
use super::listing::{Nothing, listed, no_match};
use super::parts::{choice, mark, time, when};
use crate::answers::{Answers, Query};
use crate::done::Done;
use crate::lists::subjects as lists;
use crate::texts::{self, subjects as said};
use crate::visit::Visit;
use crate::{App, Services};

/// The rows of a page.
const ROWS: u64 = 50;

/// What the page shows.
struct Sight {
    requests: PageView<SubjectRequestView>,
    sort: Sort<SubjectRequestColumn>,
    now: DateTime<Utc>,
}

impl Sight {
    async fn of(services: &Services, by: &Principal, answers: &Answers) -> Result<Self, Refused> {
        let query = lists::query(answers, ROWS)?;
        let page = services.subjects.list(by, &query).await?;
        let now = services.jobs.now().await?;
        let requests = PageView::new(page, query.sort, |request| SubjectRequestView::new(&request, now));
        Ok(Self { requests, sort: query.sort, now })
    }
}

/// `GET /subjects`
pub(super) async fn list(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Query(answers): Query,
) -> Result<Markup, Refused> {
    let answers = answers.without(&[Done::PARAMETER]);
    let sight = Sight::of(&services, visit.principal(), &answers).await?;
    let may_create = visit.may(Action::CreateSubjectRequest);
    let nothing = Nothing {
        title: said::NOTHING_YET,
        says: said::NOTHING_YET_SAYS,
        to: may_create.then(|| (visit.to("subjects/new"), said::NEW)),
    };
    let (columns, rows) = (columns(&answers, &sight), table(&visit, &answers, &sight));
    let body = html! {
        div.bar {
            div.rows.tight {
                h1 { (said::TITLE) }
                p.sub {
                    (said::ABOUT) " "
                    @if let Some(total) = total(&sight.requests, said::REQUEST) { (total) ". " }
                    (texts::AS_OF) " " (time(sight.now, sight.now)) ". "
                    a href=(answers.query()) { (texts::REFRESH) }
                }
            }
            @if may_create {
                div.acts { a.btn.primary href=(visit.to("subjects/new")) { (icon("plus")) (said::NEW) } }
            }
        }
        (tabs(&answers))
        (listed(&columns, &sight.requests, &rows, &nothing))
    };
    Ok(page(&visit, Section::Subjects, said::TITLE, &body))
}

/// Returns the choice between open and other requests.
fn tabs(answers: &Answers) -> Markup {
    html! {
        nav.tabs aria-label=(said::WHICH) {
            @for (title, open) in [(said::ALL, None), (said::OPEN, Some("true")), (said::ENDED, Some("false"))] {
                @let others = answers.without(&["next", "open"]);
                @let there = open.map_or_else(|| others.query(), |open| others.with("open", open).query());
                a href=(there) aria-current=[(answers.one("open") == open).then_some("page")] { (title) }
            }
        }
    }
}

const COLUMNS: [Column; 5] = [
    Column::new(said::KIND, None, &["kind"]),
    Column::new(texts::STATE, None, &["state"]),
    Column::new(said::DUE, Some(SubjectRequestColumn::DueAt.as_str()), &[]),
    Column::new(said::RECEIVED, Some(SubjectRequestColumn::ReceivedAt.as_str()), &[]),
    Column::new(said::SCOPE, None, &[]),
];

fn columns<'a>(answers: &'a Answers, sight: &'a Sight) -> Columns<'a> {
    Columns {
        answers,
        columns: &COLUMNS,
        sort: (sight.sort.column.as_str(), sight.sort.descending),
        field: Box::new(|id, name| field(answers, id, name)),
    }
}

/// Returns the field of a parameter.
fn field(answers: &Answers, id: &str, name: &str) -> Markup {
    let chosen = answers.one(name);
    match name {
        "kind" => {
            let kinds = lists::kinds().into_iter().map(|name| (name, said::kind(name).to_owned()));
            choice(id, name, said::KIND, chosen, kinds)
        }
        _ => {
            let states = lists::states().into_iter().map(|name| (name, said::state(name).to_owned()));
            choice(id, name, texts::STATE, chosen, states)
        }
    }
}

fn table(visit: &Visit, answers: &Answers, sight: &Sight) -> Markup {
    html! {
        @if sight.requests.items.is_empty() {
            (no_match(said::NO_MATCH, said::SHOW_ALL))
        } @else {
            table.cards role="table" {
                caption.vh { (said::TITLE) }
                thead role="rowgroup" { tr role="row" { (columns(answers, sight).heads()) } }
                tbody role="rowgroup" {
                    @for request in &sight.requests.items { (row(visit, request, sight.now)) }
                }
            }
        }
    }
}

fn row(visit: &Visit, request: &SubjectRequestView, now: DateTime<Utc>) -> Markup {
    let id = request.id.to_string();
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                a href=(visit.to(&format!("subjects/{id}"))) { (said::kind(&request.kind)) span.vh { ", " (said::short(&id)) } }
                span.sub aria-hidden="true" { code { (said::short(&id)) } }
            }
            td.nw role="cell" data-l=(texts::STATE) { (standing(request)) }
            td.nw role="cell" data-l=(said::DUE) { (due(request, now)) }
            td.nw role="cell" data-l=(said::RECEIVED) {
                (time(request.received.at.0, now)) span.sub { (said::BY) " " (request.received.by) }
            }
            td.any role="cell" data-l=(said::SCOPE) { (chosen(request)) }
        }
    }
}

/// Returns how far a request has come.
fn standing(request: &SubjectRequestView) -> Markup {
    let (class, shape) = signs(&request.state);
    mark(class, shape, said::state(&request.state))
}

/// The class of a state, and its icon.
fn signs(state: &str) -> (&'static str, &'static str) {
    match state {
        "received" => ("off", "queue"),
        "verified" | "approved" => ("run", "queue"),
        "running" => ("run", "run"),
        "refused" => ("off", "stop"),
        "withdrawn" => ("off", "skip"),
        _ => ("ok", "ok"),
    }
}

/// Says when a request has to be answered, with a mark if that is near.
fn due(request: &SubjectRequestView, now: DateTime<Utc>) -> Markup {
    html! {
        @if request.due.is_none() { (time(request.due_at.0, now)) } @else { (when(request.due_at.0, now)) (urgent(request)) }
    }
}

/// Returns the mark of a request that is due in a week, or overdue.
fn urgent(request: &SubjectRequestView) -> Markup {
    match request.due.as_deref() {
        Some("passed") => mark("bad", "bad", said::OVERDUE),
        Some("near") => mark("warn", "warn", said::NEAR),
        _ => Markup::default(),
    }
}

/// Names the chosen sources and types.
fn chosen(request: &SubjectRequestView) -> Markup {
    html! {
        @match &request.chosen {
            Selection::All => (said::EVERYTHING),
            Selection::Only(parts) => (parts.join(", ")),
        }
    }
}
