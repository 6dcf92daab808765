//! What handlers take from the parameters of a request, and how they name the place of what was created.

use axum::response::{IntoResponse, Response};
use cdds_view::ProblemView;
use http::{StatusCode, header};

use super::ASK_AGAIN;
use crate::answers::Answers;

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
