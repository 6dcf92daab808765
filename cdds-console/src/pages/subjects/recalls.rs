//! Tells those who have copies of exports that may hold records about a person.

use axum::extract::State;
use axum::response::Response;
use cdds_core::domain::access::Action;
use cdds_core::domain::id::SubjectRequestId;
use cdds_core::domain::notice::recall::has_begun;
use cdds_core::service::copies::CopyOf;
use cdds_core::{ExecutionId, ServiceError};
use cdds_view::CopyView;
use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::copies::{deliveries, downloads, title};
use super::request::Sight;
use super::steps::head;
use crate::App;
use crate::answers::{Form, Id};
use crate::done::Done;
use crate::forms::subject as form;
use crate::pages::Refused;
use crate::pages::confirm::{again, chosen};
use crate::pages::frame::{Section, page};
use crate::pages::parts::time;
use crate::texts::subjects as said;
use crate::visit::Visit;

/// The most sets that one request tells of.
const TOLD_MAX: usize = 100;

/// `GET /subjects/{id}/copies/notify`: names who is told, and who has to be told by somebody.
pub(in crate::pages) async fn ask(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<SubjectRequestId>,
) -> Result<Markup, Refused> {
    let by = visit.principal();
    by.check(Action::RecallCopies).map_err(ServiceError::from)?;
    let survey = services.copies.survey(by, id).await.map_err(form::told)?;
    let sight = Sight::of(&services, &visit, id).await?;
    let (named, more) = survey.had.split_at(survey.had.len().min(TOLD_MAX));
    let (told, untold): (Vec<&CopyOf>, Vec<&CopyOf>) =
        named.iter().partition(|copy| !copy.subscribers.is_empty());
    let ids: Vec<ExecutionId> = named.iter().map(|copy| copy.set.execution).collect();
    let subscribers = survey.subscribers().len() as u64;
    let body = html! {
        (head(&visit, &sight, said::RECALL_TITLE))
        p { (said::surveyed(survey.may, survey.not, survey.unknown)) " " (said::RECALL_SAYS) }
        @if named.is_empty() {
            section.card.pad.rows {
                p { (said::NOBODY_HAS) }
                div.acts { a.btn href=(visit.to(&sight.at("/copies"))) { (said::COPIES) } }
            }
        } @else {
            form.rows method="post" action=(visit.to(&sight.at("/copies/notify"))) {
                (again(&ids))
                (sets(&visit, ("told", said::TOLD), &told, sight.now))
                (sets(&visit, ("untold", said::UNTOLD), &untold, sight.now))
                @if !more.is_empty() { p { (said::more_told(more.len() as u64)) } }
                div.acts {
                    button.primary { (said::tell(subscribers)) }
                    a.btn href=(visit.to(&sight.at("/copies"))) { (said::TELL_NOBODY) }
                }
            }
        }
    };
    Ok(page(&visit, Section::Subjects, &format!("{}: {}", said::RECALL_TITLE, sight.title()), &body))
}

/// Some of the sets under a heading, each with all who have it.
fn sets(visit: &Visit, (id, heading): (&str, &str), copies: &[&CopyOf], now: DateTime<Utc>) -> Markup {
    html! {
        @if !copies.is_empty() {
            section.card.pad.rows aria-labelledby=(id) {
                h2 id=(id) { (heading) }
                ul.rows.tight { @for copy in copies { li { (set(visit, copy, now)) } } }
            }
        }
    }
}

fn set(visit: &Visit, copy: &CopyOf, now: DateTime<Utc>) -> Markup {
    let mut begun = copy.clone();
    begun.deliveries.retain(has_begun);
    let shown = CopyView::from(begun);
    let subscribers: Vec<String> = copy.subscribers.iter().map(|one| one.subscriber.to_string()).collect();
    let recipients: Vec<String> = copy.recipients.iter().map(ToString::to_string).collect();
    html! {
        a href=(visit.to(&format!("history/{}", copy.set.execution))) { (title(copy)) }
        ", " (time(copy.set.published_at, now))
        @if !subscribers.is_empty() { div { (said::SUBSCRIBERS) ": " (subscribers.join(", ")) } }
        @if !recipients.is_empty() { div { (said::RECIPIENTS) ": " (recipients.join(", ")) } }
        @if !shown.downloads.is_empty() { div { (said::DOWNLOADED_BY) ":" (downloads(&shown.downloads, now)) } }
        @if !shown.deliveries.is_empty() { div { (said::DELIVERED_TO) ":" (deliveries(&shown.deliveries, now)) } }
    }
}

/// `POST /subjects/{id}/copies/notify`: tells of those that were named, as far as they still may hold the person and
/// somebody has them.
pub(in crate::pages) async fn notify(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Id(id): Id<SubjectRequestId>,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let by = visit.principal();
    by.check(Action::RecallCopies).map_err(ServiceError::from)?;
    let ids: Vec<ExecutionId> = chosen(&answers)?;
    let mut had = services.copies.survey(by, id).await.map_err(form::told)?.had;
    had.retain(|copy| ids.contains(&copy.set.execution));
    services.copies.notify(by, id, &had).await?;
    Ok(visit.tell(&format!("subjects/{id}/copies"), Done::CopiesRecalled))
}
