//! Sources: where exports come from, and what they offer.

use axum::extract::State;
use cdds_core::Ownership;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::SourceId;
use cdds_core::ports::source::{DataType, RegisteredSource};
use cdds_view::{CheckOutcome, SourceCheckView, TypeCheckView, words};
use maud::{Markup, html};

use super::Refused;
use super::frame::{Section, icon, page};
use super::parts::{mark, took};
use crate::App;
use crate::answers::{Form, wrong};
use crate::texts::{self, sources as said};
use crate::visit::Visit;

/// `GET /sources`
pub(super) async fn list(State(App { services, .. }): State<App>, visit: Visit) -> Result<Markup, Refused> {
    let sources = services.sources(visit.principal())?;
    let body = html! {
        div.bar {
            div.rows.tight { h1 { (texts::SOURCES) } p.sub { (said::ABOUT) } }
            @if visit.may(Action::CreateJob) && !sources.is_empty() {
                div.acts { a.btn.primary href=(visit.to("jobs/new")) { (icon("plus")) (texts::ADD_JOB) } }
            }
        }
        @if sources.is_empty() {
            section.card.pad.rows aria-labelledby="none" {
                h2 #none { (said::NOTHING_YET) }
                p { (said::NOTHING_YET_SAYS) }
            }
        }
        @for (index, (id, source)) in sources.iter().enumerate() {
            @match source {
                RegisteredSource::Supported(source) => {
                    (supported(&visit, index, id.as_str(), &source.describe().title, &source.describe().types))
                },
                RegisteredSource::Unsupported { title, reason } => (unsupported(index, id.as_str(), title, reason)),
            }
        }
    };
    Ok(page(&visit, Section::Sources, texts::SOURCES, &body))
}

fn unsupported(index: usize, id: &str, title: &str, reason: &str) -> Markup {
    html! {
        section.card.pad.rows aria-labelledby={ "s-" (index) } {
            div.rows.tight { h2 id={ "s-" (index) } { (title) } p.sub { code { (id) } } }
            p { (mark("off", "stop", said::UNSUPPORTED)) }
            p { (texts::sentence(reason)) }
        }
    }
}

fn supported(visit: &Visit, index: usize, id: &str, title: &str, types: &[DataType]) -> Markup {
    html! {
        section.card aria-labelledby={ "s-" (index) } {
            div.pad.bar {
                div.rows.tight { h2 id={ "s-" (index) } { (title) } p.sub { code { (id) } } }
                @if visit.may(Action::CreateJob) {
                    form.acts method="post" action=(visit.to("sources/check")) {
                        input type="hidden" name="id" value=(id);
                        button aria-label={ (said::CHECK) ": " (title) } { (said::CHECK) }
                    }
                }
            }
            table.cards role="table" {
                caption.vh { (title) }
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { (texts::TYPE) }
                    th scope="col" role="columnheader" { (said::CATEGORIES) }
                    th scope="col" role="columnheader" { (said::FIELDS) }
                    th scope="col" role="columnheader" { (said::INSTANT) }
                    th scope="col" role="columnheader" { (said::OWNERSHIP) }
                } }
                tbody role="rowgroup" { @for data_type in types { (row(data_type)) } }
            }
        }
    }
}

fn row(data_type: &DataType) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { (data_type.id) }
            td role="cell" data-l=(said::CATEGORIES) {
                @match &data_type.category {
                    Some(category) => { (category.name) span.sub { (category.values.join(", ")) } },
                    None => (texts::NONE),
                }
            }
            td role="cell" data-l=(said::FIELDS) { (fields(data_type)) }
            td role="cell" data-l=(said::INSTANT) {
                (if data_type.has_event_instant { said::HAS_INSTANT } else { said::NO_INSTANT })
                @if data_type.has_change_instant { span.sub { (said::HAS_CHANGE) } }
                @if data_type.settle_lag > chrono::TimeDelta::zero() {
                    span.sub { (said::LAG) " " (words::lasting(data_type.settle_lag)) }
                }
            }
            td role="cell" data-l=(said::OWNERSHIP) { (ownership(data_type.ownership)) }
        }
    }
}

/// Returns the fields of a type; many of them on demand.
fn fields(data_type: &DataType) -> Markup {
    const SHOWN: usize = 8;
    html! {
        @match &data_type.fields {
            None => (said::UNDECLARED),
            Some(fields) if fields.len() > SHOWN => details {
                summary { (words::counted(fields.len() as u64, said::FIELD)) }
                (fields.join(", "))
            },
            Some(fields) => (fields.join(", ")),
        }
    }
}

fn ownership(ownership: Ownership) -> &'static str {
    match ownership {
        Ownership::Shared => said::SHARED,
        Ownership::PerOwner => said::PER_OWNER,
        _ => said::UNSTATED,
    }
}

/// `POST /sources/check`: asks a source whether it can be read, and says what it answered. It changes nothing, so the
/// answer is a page of its own.
pub(super) async fn check(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Markup, Refused> {
    let by = visit.principal();
    let id: SourceId = answers.parsed("id")?.ok_or_else(|| wrong("id", said::NAME_ONE))?;
    let found = SourceCheckView::new(&id, services.checks.check(by, &id).await?);
    let sources = services.sources(by)?;
    let title = sources.iter().find_map(|(known, source)| match source {
        RegisteredSource::Supported(source) if *known == id => Some(source.describe().title.clone()),
        _ => None,
    });
    let title = said::check_of(&title.unwrap_or_else(|| id.to_string()));
    let body = html! {
        div.rows.tight {
            p.sub { a href=(visit.to("sources")) { (texts::SOURCES) } }
            div.bar {
                h1 { (title) }
                form.acts method="post" action=(visit.to("sources/check")) {
                    input type="hidden" name="id" value=(id);
                    button { (said::CHECK_AGAIN) }
                }
            }
            p { @if found.well { (mark("ok", "ok", said::WELL)) } @else { (mark("bad", "bad", said::NOT_WELL)) } }
        }
        section.card aria-labelledby="answers" {
            table.cards role="table" {
                caption #answers { (said::ANSWERS) }
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { (texts::TYPE) }
                    th scope="col" role="columnheader" { (said::ANSWER) }
                    th.num scope="col" role="columnheader" { (said::READ) }
                    th.num scope="col" role="columnheader" { (said::ESTIMATE) }
                    th.num scope="col" role="columnheader" { (said::TOOK) }
                } }
                tbody role="rowgroup" { @for one in &found.types { (answer(one)) } }
            }
        }
        @if !found.remarks.is_empty() {
            section.card.pad.rows aria-labelledby="remarks" {
                h2 #remarks { (said::REMARKS) }
                @for remark in &found.remarks { p { (remark) } }
            }
        }
        p.hint { (said::CHECK_SAYS) }
    };
    Ok(page(&visit, Section::Sources, &title, &body))
}

/// Names the first records that cannot be read.
fn examples(one: &TypeCheckView, bad_records: u64) -> Markup {
    let others = bad_records.saturating_sub(one.bad_examples.len() as u64);
    html! {
        ul.rows.tight {
            @for bad in &one.bad_examples { li { code { (bad.position) } ": " (bad.reason) } }
            @if others > 0 && !one.bad_examples.is_empty() { li.hint { (said::and_more(others)) } }
        }
    }
}

fn answer(one: &TypeCheckView) -> Markup {
    let bad_records = one.bad_records.unwrap_or_default();
    let read = one.records_read.map(|records| match one.all_read {
        Some(false) => format!("{} {}", said::FIRST, words::count(records)),
        _ => words::count(records),
    });
    let estimate = one.estimated_records.map(words::count);
    let estimate = estimate.or_else(|| one.estimated_bytes.map(words::bytes));
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { (one.id) }
            td role="cell" data-l=(said::ANSWER) {
                @match one.outcome {
                    CheckOutcome::Read if bad_records == 0 => (mark("ok", "ok", said::CAN_BE_READ)),
                    CheckOutcome::Read => {
                        (mark("warn", "warn", &said::unreadable(bad_records, one.records_read)))
                        (examples(one, bad_records))
                    },
                    CheckOutcome::Failed => {
                        (mark("bad", "bad", said::FAILED))
                        @if let Some(error) = &one.error { p { (texts::sentence(error)) } }
                    },
                    _ => (mark("bad", "bad", said::TOO_SLOW)),
                }
            }
            td.num role="cell" data-l=(said::READ) { (read.as_deref().unwrap_or(texts::NONE)) }
            td.num role="cell" data-l=(said::ESTIMATE) { (estimate.as_deref().unwrap_or(said::UNKNOWN)) }
            td.num.nw role="cell" data-l=(said::TOOK) { (took(one.took_milliseconds)) }
        }
    }
}
