//! The API: JSON under `/api/v1`, by the same services as the pages.

mod jobs;

use axum::Router;
use axum::routing::{get, post};
use cdds_view::ProblemView;

use crate::App;
use crate::answers::Answers;
use crate::lists;

/// The rows of a page that does not say how many.
const LIMIT: u64 = 100;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/jobs", get(jobs::list).post(jobs::create))
        .route("/jobs/{id}", get(jobs::show))
        .route("/jobs/{id}/suspend", post(jobs::suspend))
        .route("/jobs/{id}/resume", post(jobs::resume))
}

/// Refuses parameters that a list does not know.
fn check(answers: &Answers, parameters: &[&str]) -> Result<(), ProblemView> {
    let known: Vec<&str> = parameters.iter().chain(&lists::COMMON).copied().collect();
    answers.only(&known)
}
