//! The visitor of a request, for the handlers of pages and of the API.

use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use cdds_core::Principal;
use cdds_core::domain::access::Action;
use cdds_view::ProblemView;
use http::header;
use http::request::Parts;

use crate::access::{Denied, Visitor};
use crate::answers::Answers;
use crate::api::Terms;
use crate::done::Done;
use crate::pages::Refused;
use crate::{App, place};

/// Who asks for a page.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) visitor: Visitor,
    /// The way from the page to the root of the console: `../`.
    pub(crate) root: String,
    /// What they did just before.
    pub(crate) done: Option<Done>,
}

impl Visit {
    /// Returns on whose behalf services are called.
    pub(crate) fn principal(&self) -> &Principal {
        &self.visitor.principal
    }

    /// Returns whether they may do something. Services check it all the same; pages show no button that they refuse.
    pub(crate) fn may(&self, action: Action) -> bool {
        self.principal().check(action).is_ok()
    }

    /// Returns the way to a page, which is named from the root of the console: `jobs`.
    pub(crate) fn to(&self, page: &str) -> String {
        format!("{}{page}", self.root)
    }

    /// Sends the browser to a page, after a form was posted.
    pub(crate) fn see(&self, page: &str) -> Response {
        place::see(&self.to(page))
    }

    /// Sends the browser to a page that says what was done and tells more of it by `details`, which name what is on record.
    pub(crate) fn tell_more(&self, page: &str, done: Done, details: &Answers) -> Response {
        self.see(&format!("{page}{}", details.with(Done::PARAMETER, done.as_str()).query()))
    }

    /// Sends the browser to a page that says what was done.
    pub(crate) fn tell(&self, page: &str, done: Done) -> Response {
        self.see(&format!("{page}?{}={}", Done::PARAMETER, done.as_str()))
    }
}

impl FromRequestParts<App> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let root = place::root(parts.uri.path());
        match app.access.resolve(parts).await {
            Ok(visitor) => {
                if let Some(guest) = parts.extensions.get::<Guest>() {
                    guest.greet(&visitor);
                }
                Ok(Self { visitor, root, done: Done::of(parts.uri.query().unwrap_or_default()) })
            }
            Err(Denied::SignIn { at: Some(at) }) => Err(place::see(&format!("{root}{at}"))),
            Err(denied) => Err(Refused::from(problem(&denied)).into_response()),
        }
    }
}

/// Who was let in by a request, for what becomes of it after its handler refused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guest(Arc<OnceLock<Visitor>>);

impl Guest {
    fn greet(&self, visitor: &Visitor) {
        self.0.get_or_init(|| visitor.clone());
    }

    /// Returns the visit, if somebody was let in. It tells of nothing that was done.
    pub(crate) fn visit(&self, root: &str) -> Option<Visit> {
        self.0.get().map(|visitor| Visit { visitor: visitor.clone(), root: root.to_owned(), done: None })
    }
}

/// On whose behalf a program calls the API, whose request keeps the terms of the operation.
#[derive(Debug)]
pub(crate) struct Caller(pub(crate) Principal);

impl FromRequestParts<App> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let visitor = app.access.resolve(parts).await.map_err(|denied| answer(&denied))?;
        let refused = parts.extensions.get::<Terms>().and_then(|terms| terms.check(parts).err());
        match refused {
            Some(problem) => Err(IntoResponse::into_response(problem)),
            None => Ok(Self(visitor.principal)),
        }
    }
}

/// Returns the answer to a program that is not let in.
fn answer(denied: &Denied) -> Response {
    let problem = problem(denied);
    match denied {
        Denied::SignIn { .. } => ([(header::WWW_AUTHENTICATE, "Bearer")], problem).into_response(),
        Denied::TooMany { retry_after } => {
            ([(header::RETRY_AFTER, retry_after.to_string())], problem).into_response()
        }
        Denied::Forbidden | Denied::Unavailable => IntoResponse::into_response(problem),
    }
}

fn problem(denied: &Denied) -> ProblemView {
    match denied {
        Denied::SignIn { .. } => ProblemView::new(
            401,
            "not_signed_in",
            "nobody is signed in: send `Authorization: Bearer` with a token",
        ),
        Denied::Forbidden => {
            ProblemView::new(403, "forbidden", "you may not use this console: ask its operator")
        }
        Denied::Unavailable => ProblemView::new(
            503,
            "unavailable",
            "who you are cannot be found out at the moment: try again later",
        ),
        Denied::TooMany { retry_after } => {
            ProblemView::new(429, "too_many_requests", format!("too many requests: wait {retry_after} s"))
        }
    }
}
