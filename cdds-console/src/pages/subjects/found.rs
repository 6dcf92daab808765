//! What an erasure has done, or would do, type by type.

use cdds_core::Principal;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::SubjectRequestId;
use cdds_view::{ProblemView, SubjectErasureView, SubjectRequestView, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::Services;
use crate::forms::subject as form;
use crate::pages::parts::{mark, time};
use crate::texts::{self, subjects as said};

/// What an erasure would do; `None` if none is asked for, or the visitor may not count. An erasure that cannot be counted
/// keeps nobody from ending the request.
pub(super) type Counted = Option<Result<Vec<SubjectErasureView>, ProblemView>>;

/// Counts what the erasure of an open request would do.
pub(super) async fn counted(services: &Services, by: &Principal, request: &SubjectRequestView) -> Counted {
    if request.kind == "access" || by.check(Action::RunSubjectRequest).is_err() {
        return None;
    }
    Some(preview(services, by, request.id).await)
}

/// Counts what an erasure would do.
pub(super) async fn preview(
    services: &Services,
    by: &Principal,
    id: SubjectRequestId,
) -> Result<Vec<SubjectErasureView>, ProblemView> {
    let erasures = services.subjects.preview(by, id).await.map_err(form::told)?;
    Ok(erasures.iter().map(SubjectErasureView::from).collect())
}

/// Returns the counts.
pub(super) fn counts(counted: &Counted, now: DateTime<Utc>) -> Markup {
    match counted {
        None => Markup::default(),
        Some(Err(problem)) => html! {
            section.note.warn aria-labelledby="uncounted" {
                h2 #uncounted { (said::NOT_COUNTED) }
                p { (texts::ended(&problem.detail)) }
            }
        },
        Some(Ok(erasures)) => {
            let records = erasures.iter().map(|one| one.records).sum();
            let types = erasures.iter().filter(|one| one.records > 0).count() as u64;
            let kept = erasures.iter().flat_map(|one| &one.kept).map(|kept| kept.records).sum();
            html! {
                p { (said::counts(records, types, kept)) }
                (table(erasures, &Told { title: said::COUNTS_TITLE, records: said::TO_ERASE, outcome: said::prospect }, now))
            }
        }
    }
}

/// The words by which erasures are told: those that were carried out, or would be.
pub(super) struct Told {
    title: &'static str,
    records: &'static str,
    outcome: fn(&str) -> &'static str,
}

impl Told {
    /// Erasures that are, or were carried out.
    pub(super) const DONE: Self =
        Self { title: said::ERASURE_TITLE, records: said::ERASED, outcome: said::outcome };
}

/// Returns a row for each type.
pub(super) fn table(erasures: &[SubjectErasureView], told: &Told, now: DateTime<Utc>) -> Markup {
    html! {
        section.card {
            table.cards role="table" {
                caption { (told.title) }
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { (texts::SOURCE_TYPE) }
                    th scope="col" role="columnheader" { (said::OUTCOME) }
                    th.num scope="col" role="columnheader" { (told.records) }
                    th scope="col" role="columnheader" { (said::KEPT) }
                } }
                tbody role="rowgroup" { @for erasure in erasures { (row(erasure, told, now)) } }
            }
        }
    }
}

fn row(erasure: &SubjectErasureView, told: &Told, now: DateTime<Utc>) -> Markup {
    let (class, shape) = signs(&erasure.outcome);
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { (erasure.source) span.sub { (erasure.data_type) } }
            td role="cell" data-l=(said::OUTCOME) {
                (mark(class, shape, (told.outcome)(&erasure.outcome)))
                @if let Some(failure) = &erasure.failure { span.sub { (texts::ended(failure)) } }
                @if let Some(at) = erasure.next_attempt_at.filter(|_| erasure.failure.is_some()) {
                    span.sub { (said::NEXT_TRY) " " (time(at.0, now)) }
                }
            }
            td.num role="cell" data-l=(told.records) { (words::count(erasure.records)) }
            td.any role="cell" data-l=(said::KEPT) {
                @if erasure.kept.is_empty() { (texts::NONE) }
                @for kept in &erasure.kept {
                    div { (words::counted(kept.records, "record")) ": " (kept.reason.replace('_', " ")) }
                }
            }
        }
    }
}

fn signs(outcome: &str) -> (&'static str, &'static str) {
    match outcome {
        "done" => ("ok", "ok"),
        "partial" | "unsupported" => ("warn", "warn"),
        "on_hold" => ("off", "lock"),
        "failed" => ("bad", "bad"),
        "running" => ("run", "run"),
        "waiting" => ("off", "queue"),
        _ => ("off", "stop"),
    }
}
