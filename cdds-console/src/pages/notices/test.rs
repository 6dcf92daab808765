//! Tests of those who are to be told: a message that says it is one.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::ServiceError;
use cdds_core::domain::notice::subscription::Subscription;
use cdds_view::NoticeTestView;
use http::StatusCode;
use maud::{Markup, html};

use crate::App;
use crate::answers::{Answers, Form};
use crate::forms::Fault;
use crate::forms::job::subscriber;
use crate::pages::Refused;
use crate::pages::frame::{Section, page};
use crate::pages::parts::{mark, took};
use crate::pages::sheet::{Sheet, needed};
use crate::texts::{self, notices as said};
use crate::visit::Visit;

/// The field of who is told.
const TO: &str = "to";

/// Returns the form that sends a test, with what was typed and what was refused of it.
pub(super) fn form(visit: &Visit, answers: &Answers, faults: &[Fault]) -> Markup {
    let sheet = Sheet { answers, faults };
    html! {
        section.card.pad.rows aria-labelledby="test" {
            h2 #test { (said::TEST) }
            form.rows method="post" action=(visit.to("notices/test")) {
                (sheet.line(needed(TO, said::ADDRESS, said::TEST_SAYS), true))
                div.acts { button { (said::TEST) } }
            }
        }
    }
}

/// `POST /notices/test`: tells somebody that this is a test, and says how that went. The answer is a page of its own.
pub(in crate::pages) async fn test(
    State(App { services, .. }): State<App>,
    visit: Visit,
    Form(answers): Form,
) -> Result<Response, Refused> {
    let typed = answers.one(TO).unwrap_or_default().trim();
    let subscription = match subscription(typed) {
        Ok(subscription) => subscription,
        Err(refused) => return Ok(refused_page(&visit, &answers, refused)),
    };
    match services.subscribers.test(visit.principal(), &subscription).await {
        Ok(tested) => {
            let found = NoticeTestView::new(&subscription, tested);
            Ok(told(&visit, &answers, subscription.subscriber.as_str(), &found).into_response())
        }
        Err(ServiceError::Refused(refusal)) => Ok(refused_page(&visit, &answers, refusal.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// Reads who is meant.
fn subscription(typed: &str) -> Result<Subscription, String> {
    if typed.is_empty() {
        return Err(said::NAME_SUBSCRIBER.to_owned());
    }
    subscriber(typed).map_err(|refused| refused.to_string())
}

fn refused_page(visit: &Visit, answers: &Answers, words: String) -> Response {
    let faults = [Fault { field: TO.to_owned(), words }];
    let body = html! { (head(visit, said::TEST)) (form(visit, answers, &faults)) };
    let title = texts::error_of(said::TEST);
    (StatusCode::UNPROCESSABLE_ENTITY, page(visit, Section::Notices, &title, &body)).into_response()
}

fn head(visit: &Visit, title: &str) -> Markup {
    html! { div.rows.tight { p.sub { a href=(visit.to("notices")) { (said::TITLE) } } h1 { (title) } } }
}

/// Says how a test went.
fn told(visit: &Visit, answers: &Answers, subscriber: &str, found: &NoticeTestView) -> Markup {
    let title = said::test_of(subscriber);
    let body = html! {
        (head(visit, &title))
        section.card.pad.rows {
            p {
                @if found.sent { (mark("ok", "ok", said::ARRIVED)) } @else { (mark("bad", "bad", said::DID_NOT_ARRIVE)) }
            }
            @if found.sent { p { (said::LOOK) } }
            @if let Some(error) = &found.error { p { (texts::sentence(error)) } }
            p.sub {
                (said::TOOK) " "
                (took(found.milliseconds))
            }
        }
        (form(visit, answers, &[]))
    };
    page(visit, Section::Notices, &title, &body)
}
