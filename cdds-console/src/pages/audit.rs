//! The audit: who changed and downloaded what.

mod names;

use axum::extract::State;
use cdds_core::ports::catalog::query::{AuditColumn, Sort};
use cdds_view::{AuditView, ObjectView, PageView};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use self::names::Names;
use super::Refused;
use super::filters::{Column, Columns, day_field, text_field};
use super::frame::{Section, page};
use super::listing::{Nothing, listed, no_match};
use super::parts::{choice, mark, time, when};
use crate::App;
use crate::answers::{Answers, Query};
use crate::lists::audit as lists;
use crate::texts::{self, audit as said, execution};
use crate::visit::Visit;

/// The rows of a page.
const ROWS: u64 = 100;

/// `GET /audit`
pub(super) async fn list(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Query(answers): Query,
) -> Result<Markup, Refused> {
    let query = lists::query(&answers, ROWS)?;
    let entries = services.audit.list(visit.principal(), &query).await?;
    let entries = PageView::new(entries, query.sort, AuditView::from);
    let names = Names::of(&services, visit.principal(), &entries.items).await?;
    let now = services.jobs.now().await?;
    let nothing = Nothing { title: said::NOTHING_YET, says: said::NOTHING_YET_SAYS, to: None };
    let (columns, rows) =
        (columns(&answers, query.sort), table(&visit, &answers, &entries, query.sort, &names, now));
    let body = html! {
        div.rows.tight {
            h1 { (texts::AUDIT) }
            p.sub { (said::ABOUT) " " (texts::AS_OF) " " (time(now, now)) ". " a href=(answers.query()) { (texts::REFRESH) } }
        }
        (listed(&columns, &entries, &rows, &nothing))
    };
    Ok(page(&visit, Section::Audit, texts::AUDIT, &body))
}

const COLUMNS: [Column; 5] = [
    Column::new(said::ACTION, Some(AuditColumn::Action.as_str()), &["action"]),
    Column::new(said::AT, Some(AuditColumn::At.as_str()), &["since", "until"]),
    Column::new(said::WHO, Some(AuditColumn::Principal.as_str()), &["principal"]),
    Column::new(said::OBJECT, None, &["object"]),
    Column::new(execution::OUTCOME, None, &[]),
];

fn columns(answers: &Answers, sort: Sort<AuditColumn>) -> Columns<'_> {
    Columns {
        answers,
        columns: &COLUMNS,
        sort: (sort.column.as_str(), sort.descending),
        field: Box::new(|id, name| field(answers, id, name)),
    }
}

/// Returns the field of a parameter.
fn field(answers: &Answers, id: &str, name: &str) -> Markup {
    match name {
        "action" => {
            let named = |name| (name, said::action(name));
            choice(id, name, said::ACTION, answers.one(name), lists::actions().into_iter().map(named))
        }
        "principal" => text_field(answers, id, name, said::WHO),
        "object" => text_field(answers, id, name, said::OBJECT_ID),
        "since" => day_field(answers, id, name, said::SINCE),
        _ => day_field(answers, id, name, said::UNTIL),
    }
}

fn table(
    visit: &Visit,
    answers: &Answers,
    entries: &PageView<AuditView>,
    sort: Sort<AuditColumn>,
    names: &Names,
    now: DateTime<Utc>,
) -> Markup {
    html! {
        @if entries.items.is_empty() {
            (no_match(said::NO_MATCH, said::SHOW_ALL))
        } @else {
            table.cards role="table" {
                caption.vh { (texts::AUDIT) }
                thead role="rowgroup" { tr role="row" {
                    (columns(answers, sort).heads())
                } }
                tbody role="rowgroup" { @for entry in &entries.items { (row(visit, answers, entry, names, now)) } }
            }
        }
    }
}

fn row(visit: &Visit, answers: &Answers, entry: &AuditView, names: &Names, now: DateTime<Utc>) -> Markup {
    let of = answers.without(&["next"]).with("principal", entry.principal.as_str()).query();
    let remark = texts::audit::remark(entry);
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { (said::action(&entry.action)) }
            td.nw role="cell" data-l=(said::AT) { (when(entry.at.0, now)) }
            td role="cell" data-l=(said::WHO) { a href=(of) { (entry.principal) } }
            td.any role="cell" data-l=(said::OBJECT) { @if let Some(object) = &entry.object { (about(visit, object, names, now)) } }
            td role="cell" data-l=(execution::OUTCOME) {
                (outcome(&entry.outcome))
                @if !remark.is_empty() { span.sub { (texts::shortened(&remark)) } }
            }
        }
    }
}

fn outcome(name: &str) -> Markup {
    let (class, shape) = match name {
        "done" | "verified" => ("ok", "ok"),
        "forbidden" => ("warn", "warn"),
        "corrupt" => ("bad", "bad"),
        "begun" => ("run", "run"),
        "linked" => ("off", "ok"),
        _ => ("off", "stop"),
    };
    mark(class, shape, &texts::sentence(&cdds_view::words::status(name)))
}

/// Returns the object of an action by its name, as a link where it has a page. Its id is there on a second look.
fn about(visit: &Visit, object: &ObjectView, names: &Names, now: DateTime<Utc>) -> Markup {
    let name = names.find(object);
    let address = match object.kind.as_str() {
        "job" if name.is_none_or(|name| name.is_deleted) => Some(format!("history?job={}", object.id)),
        "job" => Some(format!("jobs/{}", object.id)),
        "execution" => Some(format!("history/{}", object.id)),
        "artifact_set" | "manifest" | "signature" => Some(format!("sets/{}", object.id)),
        "artifact" => name.and_then(|name| name.set).map(|set| format!("sets/{set}")),
        "recipient" => Some("recipients".to_owned()),
        "subject_request" => Some(format!("subjects/{}", object.id)),
        _ => None,
    };
    let words = html! {
        @match name { Some(name) => (name.words), None => code { (object.id) } }
    };
    html! {
        (said::object(&object.kind))
        span.sub title=(object.id) {
            @match address { Some(address) => a href=(visit.to(&address)) { (words) }, None => (words) }
            @if let Some(slot) = name.and_then(|name| name.slot) { ", " (time(slot, now)) }
            @if name.is_some_and(|name| name.is_deleted) { " (" (execution::DELETED) ")" }
        }
    }
}
