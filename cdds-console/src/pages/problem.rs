//! Refusals and failures as pages.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cdds_view::ProblemView;
use http::StatusCode;
use maud::html;

use super::frame::{bare, refusal};
use crate::visit::Guest;
use crate::{place, texts};

/// What a page refuses. It becomes a page where its place is known: in [`shown`].
#[derive(Debug)]
pub(crate) struct Refused(Box<ProblemView>);

impl<E: Into<ProblemView>> From<E> for Refused {
    fn from(problem: E) -> Self {
        Self(Box::new(problem.into()))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(Shown(self.0));
        response
    }
}

#[derive(Debug, Clone)]
struct Shown(Box<ProblemView>);

/// Turns refusals into pages, or into problems for programs. Whoever was let in keeps the menu.
pub(crate) async fn shown(mut request: Request, next: Next) -> Response {
    let root = place::root(request.uri().path());
    let is_of_a_program = place::is_of_a_program(request.uri().path());
    let guest = Guest::default();
    request.extensions_mut().insert(guest.clone());
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Shown>() {
        None => response,
        Some(Shown(problem)) if is_of_a_program => IntoResponse::into_response(*problem),
        Some(Shown(problem)) => {
            let title = texts::problem_title(problem.status);
            let body = html! {
                section.card.pad.rows {
                    h1 { (title) }
                    p { (texts::ended(&problem.detail)) }
                    p.acts { a.btn href={ (root) "jobs" } { (texts::TO_JOBS) } }
                    p.hint { (texts::CODE) " " code { (problem.code) } }
                }
            };
            let page = match guest.visit(&root) {
                Some(visit) => refusal(&visit, title, &body),
                None => bare(&root, title, &body),
            };
            (response.status(), page).into_response()
        }
    }
}
