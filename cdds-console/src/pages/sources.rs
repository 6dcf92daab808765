//! Sources: where exports come from, and what they offer.

use axum::extract::State;
use cdds_core::Ownership;
use cdds_core::domain::access::Action;
use cdds_core::ports::source::{DataType, RegisteredSource};
use cdds_view::words;
use maud::{Markup, html};

use super::Refused;
use super::frame::{Section, page};
use super::parts::mark;
use crate::App;
use crate::texts::{self, sources as said};
use crate::visit::Visit;

/// `GET /sources`
pub(super) async fn list(State(App { services, .. }): State<App>, visit: Visit) -> Result<Markup, Refused> {
    let sources = services.sources(visit.principal())?;
    let body = html! {
        div.bar {
            div.rows.tight { h1 { (texts::SOURCES) } p.sub { (said::ABOUT) } }
            @if visit.may(Action::CreateJob) && !sources.is_empty() {
                div.acts { a.btn.primary href=(visit.to("jobs/new")) { (texts::ADD_JOB) } }
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
                    (supported(index, id.as_str(), &source.describe().title, &source.describe().types))
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

fn supported(index: usize, id: &str, title: &str, types: &[DataType]) -> Markup {
    html! {
        section.card aria-labelledby={ "s-" (index) } {
            div.pad.rows.tight { h2 id={ "s-" (index) } { (title) } p.sub { code { (id) } } }
            table.cards role="table" {
                caption.vh { (title) }
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { (texts::TYPE) }
                    th scope="col" role="columnheader" { (said::CATEGORY) }
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
            td role="cell" data-l=(said::CATEGORY) {
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
