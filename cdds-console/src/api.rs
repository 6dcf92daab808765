//! The API: JSON under `/api/v1`, by the same services as the pages.
//!
//! Each handler takes the caller first, so that somebody who is not let in learns nothing else.

mod artifacts;
mod audit;
mod body;
mod executions;
mod jobs;
mod notices;
mod recipients;
mod sets;
mod sources;
mod taken;
mod version;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post, put};
use cdds_view::ProblemView;
use http::Method;
use serde::Serialize;

use crate::App;
use crate::answers::Answers;
use crate::lists;

/// The rows of a page that does not say how many.
const LIMIT: u64 = 100;

/// After how many seconds it is worth to ask for an execution again that has not ended.
const ASK_AGAIN: &str = "2";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/jobs", get(jobs::list).post(jobs::create))
        .route("/jobs/preview", post(jobs::preview_draft))
        .route("/jobs/{id}", get(jobs::show).put(jobs::replace).patch(jobs::change).delete(jobs::delete))
        .route("/jobs/{id}/settings", get(jobs::settings))
        .route("/jobs/{id}/preview", get(jobs::preview))
        .route("/jobs/{id}/suspend", post(jobs::suspend))
        .route("/jobs/{id}/resume", post(jobs::resume))
        .route("/jobs/{id}/bring-back", post(jobs::bring_back))
        .route("/jobs/{id}/run", post(jobs::run))
        .route("/jobs/{id}/backfill", post(jobs::backfill))
        .route("/jobs/{id}/clone", post(jobs::clone))
        .route("/executions", get(executions::list))
        .route("/executions/{id}", get(executions::show).delete(executions::delete))
        .route("/executions/{id}/settings", get(executions::settings))
        .route("/executions/{id}/rerun", post(executions::rerun))
        .route("/executions/{id}/cancel", post(executions::cancel))
        .route("/executions/{id}/clone", post(executions::clone))
        .route("/artifacts", get(artifacts::list))
        .route("/artifacts/delete", post(artifacts::delete_several))
        .route("/artifacts/{id}", get(artifacts::show).delete(artifacts::delete))
        .route("/artifacts/{id}/content", get(artifacts::content))
        .route("/sets/{execution}", get(sets::show).delete(sets::delete))
        .route("/sets/{execution}/hold", put(sets::hold).delete(sets::release))
        .route("/sets/{execution}/manifest", get(sets::manifest))
        .route("/sets/{execution}/signature", get(sets::signature))
        .route("/recipients", get(recipients::list).post(recipients::add))
        .route("/recipients/{name}", get(recipients::show).merge(delete(recipients::remove)))
        .route("/recipients/{name}/sample", get(recipients::sample))
        .route("/sources", get(sources::list))
        .route("/sources/{id}", get(sources::show))
        .route("/sources/{id}/types", get(sources::types))
        .route("/sources/{id}/fields", get(sources::fields))
        .route("/notices", get(notices::list))
        .route("/notices/{id}/replay", post(notices::replay))
        .route("/audit", get(audit::list))
        .method_not_allowed_fallback(not_allowed)
}

/// Answers a method that an address does not have; axum adds those that it has as `Allow`.
async fn not_allowed(method: Method) -> impl IntoResponse {
    let detail = format!("this address does not take {method}: choose one of those that Allow names");
    ProblemView::new(405, "method_not_allowed", detail)
}

/// A list that always has a single page.
#[derive(Debug, Serialize)]
struct Whole<T> {
    items: Vec<T>,
    /// Always null.
    next: Option<String>,
}

impl<T> Whole<T> {
    fn of(items: impl IntoIterator<Item = T>) -> Self {
        Self { items: items.into_iter().collect(), next: None }
    }
}

/// Refuses parameters that a list does not know.
fn check(answers: &Answers, parameters: &[&str]) -> Result<(), ProblemView> {
    let known: Vec<&str> = parameters.iter().chain(&lists::COMMON).copied().collect();
    answers.only(&known)
}
