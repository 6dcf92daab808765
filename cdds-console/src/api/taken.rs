//! What handlers take from the address of a request, and how they name the place of what was created.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse, Response};
use cdds_view::ProblemView;
use http::request::Parts;
use http::{StatusCode, header};

use super::ASK_AGAIN;
use crate::App;
use crate::answers::Answers;

/// The id in an address. Nothing has an id that cannot be one.
pub(super) struct Id<T>(pub(super) T);

impl<T: FromStr> FromRequestParts<App> for Id<T> {
    type Rejection = ProblemView;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ProblemView> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        let parsed = path.ok().and_then(|Path(text)| text.parse().ok());
        let missing = || ProblemView::new(404, "not_found", "there is nothing with this id");
        parsed.map(Self).ok_or_else(missing)
    }
}

/// Reads a parameter that is `true` or `false`, and false if it is left out.
pub(super) fn is_set(answers: &Answers, name: &str) -> Result<bool, ProblemView> {
    let word = answers.word(name, &["true", "false"], |word| word.parse().ok())?;
    Ok(word.unwrap_or_default())
}

/// Answers that something was created, which is at `location` from the address of the request.
pub(super) fn created(location: String, view: impl IntoResponse) -> Response {
    (StatusCode::CREATED, [(header::LOCATION, location)], view).into_response()
}

/// Answers that executions were queued, which are at `location`.
pub(super) fn accepted(location: String, view: impl IntoResponse) -> Response {
    let headers = [(header::LOCATION, location), (header::RETRY_AFTER, ASK_AGAIN.to_owned())];
    (StatusCode::ACCEPTED, headers, view).into_response()
}
