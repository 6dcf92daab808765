//! The sets that may hold records about a person: who has them, and their deletion.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::domain::access::Action;
use cdds_core::domain::id::SubjectRequestId;
use cdds_core::service::copies::{CopyOf, CopyOutcome, CopySurvey};
use cdds_core::{ExecutionId, ServiceError};
use cdds_view::{CopyDeliveryView, CopyDownloadView, CopyView, PageView, ProblemView, copy_place, words};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::request::Sight;
use super::steps::head;
use crate::App;
use crate::answers::{Answers, Form, Id, Query, wrong};
use crate::done::Done;
use crate::forms::subject as form;
use crate::pages::Refused;
use crate::pages::confirm::{again, chosen, refusals};
use crate::pages::frame::{Section, page};
use crate::pages::parts::{delivered, mark, pager, time};
use crate::texts::{self, subjects as said};
use crate::visit::Visit;

/// The most sets that one request deletes.
const DELETED_MAX: usize = 100;

/// `GET /subjects/{id}/copies`: the question goes on record.
pub(in crate::pages) async fn list(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<SubjectRequestId>,
    Query(answers): Query,
) -> Result<Markup, Refused> {
    let answers = answers.without(&[Done::PARAMETER]);
    let all = answers.one("all") == Some("true");
    let behind = answers.one("next").map(copy_place).transpose();
    let behind = behind.map_err(|error| wrong("next", &error.to_string()))?;
    let found = services.copies.page(visit.principal(), id, behind).await.map_err(form::told)?;
    let found = PageView::of_copies(found, all);
    let sight = Sight::of(&services, &visit, id).await?;
    let is_deleted = sight.erases()
        && visit.may(Action::DeleteArtifacts)
        && found.items.iter().any(|copy| copy.holds == "may" && copy.removed_at.is_none());
    let is_had =
        |copy: &CopyView| copy.holds == "may" && !(copy.downloads.is_empty() && copy.deliveries.is_empty());
    let is_recalled = visit.may(Action::RecallCopies) && sight.erases() && found.items.iter().any(is_had);
    let body = html! {
        (head(&visit, &sight, said::SETS))
        p.sub { (said::SETS_ABOUT) }
        nav.tabs aria-label=(said::SETS) {
            @for (title, value) in [(said::MAY_HOLD, None), (said::ALL_SETS, Some("true"))] {
                @let there = value.map_or_else(|| "?".to_owned(), |value| Answers::default().with("all", value).query());
                a href=(there) aria-current=[(all == value.is_some()).then_some("page")] { (title) }
            }
        }
        div.card {
            @if found.items.is_empty() { p.pad { (said::NO_COPIES) } } @else { (table(&visit, &found.items, sight.now)) }
            (pager(&answers, found.next.as_deref()))
        }
        p.hint { (said::OUT_OF_REACH) }
        @if is_recalled || is_deleted {
            div.acts {
                @if is_recalled { a.btn href=(visit.to(&sight.at("/copies/notify"))) { (said::RECALL_COPIES) } }
                @if is_deleted {
                    a.btn.danger href=(visit.to(&sight.at("/copies/delete"))) { (said::DELETE_COPIES) }
                }
            }
        }
    };
    Ok(page(&visit, Section::Subjects, &format!("{}: {}", said::COPIES, sight.title()), &body))
}

fn table(visit: &Visit, copies: &[CopyView], now: DateTime<Utc>) -> Markup {
    html! {
        table.cards role="table" {
            caption.vh { (said::SETS) }
            thead role="rowgroup" { tr role="row" {
                @for title in [said::SET, said::HOLDS, said::KEPT_FOR, said::DOWNLOADED_BY, said::DELIVERED_TO] {
                    th scope="col" role="columnheader" { (title) }
                }
            } }
            tbody role="rowgroup" { @for copy in copies { (row(visit, copy, now)) } }
        }
    }
}

fn row(visit: &Visit, copy: &CopyView, now: DateTime<Utc>) -> Markup {
    let (class, shape) = match copy.holds.as_str() {
        "may" => ("warn", "warn"),
        "not" => ("ok", "ok"),
        _ => ("off", "idle"),
    };
    let place = if copy.removed_at.is_none() { "sets" } else { "history" };
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                a href=(visit.to(&format!("{place}/{}", copy.execution_id))) {
                    (copy.title.as_deref().unwrap_or(said::NO_JOB))
                }
                span.sub { (time(copy.published_at.0, now)) ", " (copy.types) }
            }
            td role="cell" data-l=(said::HOLDS) { (mark(class, shape, &texts::sentence(copy.holds_words()))) }
            td role="cell" data-l=(said::KEPT_FOR) {
                (kept(copy, now))
            }
            td.any role="cell" data-l=(said::DOWNLOADED_BY) {
                @if copy.downloads.is_empty() { span.hint { (said::NOBODY) } }
                (downloads(&copy.downloads, now))
            }
            td.any role="cell" data-l=(said::DELIVERED_TO) {
                @if copy.deliveries.is_empty() { span.hint { (said::NOWHERE) } }
                (deliveries(&copy.deliveries, now))
            }
        }
    }
}

/// Who downloaded a set, and what came of it unless all is well.
pub(super) fn downloads(downloads: &[CopyDownloadView], now: DateTime<Utc>) -> Markup {
    html! {
        @for download in downloads {
            div {
                (download.principal) ", " (time(download.at.0, now))
                @if download.outcome != "verified" { span.sub { (texts::sentence(&words::status(&download.outcome))) } }
            }
        }
    }
}

/// Where a set was delivered.
pub(super) fn deliveries(deliveries: &[CopyDeliveryView], now: DateTime<Utc>) -> Markup {
    html! {
        @for delivery in deliveries {
            div {
                (delivery.destination) ", "
                @match delivery.delivered_at { Some(at) => (time(at.0, now)), None => (delivered(delivery.state)) }
            }
        }
    }
}

/// Says until when a set is kept, or since when it is gone.
fn kept(copy: &CopyView, now: DateTime<Utc>) -> Markup {
    html! {
        @match copy.removed_at {
            Some(at) if at.0 < copy.expires_at.0 => { (said::DELETED) " " (time(at.0, now)) },
            Some(_) => { (said::EXPIRED) " " (time(copy.expires_at.0, now)) },
            None if copy.hold => (mark("off", "lock", said::ON_HOLD)),
            None => { (said::UNTIL) " " (time(copy.expires_at.0, now)) },
        }
    }
}

/// `GET /subjects/{id}/copies/delete`: names what goes and what stays.
pub(in crate::pages) async fn ask_delete(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<SubjectRequestId>,
) -> Result<Markup, Refused> {
    let by = visit.principal();
    by.check(Action::DeleteArtifacts).map_err(ServiceError::from)?;
    let survey = services.copies.survey(by, id).await.map_err(form::told)?;
    let sight = Sight::of(&services, &visit, id).await?;
    let (held, going): (Vec<&CopyOf>, Vec<&CopyOf>) = survey.kept.iter().partition(|copy| copy.set.hold);
    let body = html! {
        (head(&visit, &sight, said::DELETE_TITLE))
        p { (said::surveyed(survey.may, survey.not, survey.unknown)) " " (said::UNTOLD_STAY) " " (said::OUT_OF_REACH) }
        @if going.is_empty() {
            section.card.pad.rows {
                p { (said::NOTHING_GOES) }
                div.acts { a.btn href=(visit.to(&sight.at("/copies"))) { (said::COPIES) } }
            }
        } @else {
            (confirmation(&visit, &sight, &going))
        }
        @if !held.is_empty() {
            section.card.pad.rows aria-labelledby="held" {
                h2 #held { (said::STAYING) }
                (sets(&visit, &held, sight.now))
            }
        }
    };
    Ok(page(&visit, Section::Subjects, &format!("{}: {}", said::DELETE_TITLE, sight.title()), &body))
}

fn confirmation(visit: &Visit, sight: &Sight, going: &[&CopyOf]) -> Markup {
    let (named, more) = going.split_at(going.len().min(DELETED_MAX));
    let ids: Vec<ExecutionId> = named.iter().map(|copy| copy.set.execution).collect();
    html! {
        section.card.pad aria-labelledby="going" {
            form.rows method="post" action=(visit.to(&sight.at("/copies/delete"))) {
                h2 #going { (said::GOING) }
                (again(&ids))
                (sets(visit, named, sight.now))
                @if !more.is_empty() { p { (said::more_sets(more.len() as u64)) } }
                div.acts {
                    button.danger { (said::delete_sets(ids.len() as u64)) }
                    a.btn href=(visit.to(&sight.at("/copies"))) { (said::KEEP_THEM) }
                }
            }
        }
    }
}

fn sets(visit: &Visit, copies: &[&CopyOf], now: DateTime<Utc>) -> Markup {
    html! {
        ul.rows.tight {
            @for copy in copies {
                li {
                    a href=(visit.to(&format!("sets/{}", copy.set.execution))) { (title(copy)) }
                    ", " (time(copy.set.published_at, now))
                }
            }
        }
    }
}

pub(super) fn title(copy: &CopyOf) -> &str {
    copy.title.as_ref().map_or(said::NO_JOB, |title| title.as_str())
}

/// `POST /subjects/{id}/copies/delete`: deletes those that were named, as far as they still may hold the person.
pub(in crate::pages) async fn delete(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<SubjectRequestId>,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(Action::DeleteArtifacts).map_err(ServiceError::from)?;
    let ids: Vec<ExecutionId> = chosen(&answers)?;
    let CopySurvey { kept, .. } = services.copies.survey(by, id).await.map_err(form::told)?;
    let kept: Vec<CopyOf> = kept.into_iter().filter(|copy| ids.contains(&copy.set.execution)).collect();
    let deletions = services.copies.delete(by, id, &kept).await?;
    let held = deletions.iter().filter(|one| one.outcome == CopyOutcome::OnHold);
    let on_hold = || ProblemView::new(409, "on_hold", said::STAYS_ON_HOLD);
    let refused: Vec<(String, ProblemView)> = held
        .map(|one| {
            (one.title.as_ref().map_or_else(|| said::NO_JOB.to_owned(), ToString::to_string), on_hold())
        })
        .collect();
    if refused.is_empty() {
        return Ok(visit.tell(&format!("subjects/{id}/copies"), Done::CopiesDeleted));
    }
    let back = visit.to(&format!("subjects/{id}/copies"));
    let body = refusals(deletions.len() - refused.len(), &refused, &back);
    Ok(page(&visit, Section::Subjects, said::DELETE_TITLE, &body).into_response())
}
