//! The pages: complete without a script, by the same services as the API.

mod artifacts;
mod audit;
mod confirm;
mod deliveries;
mod destinations;
mod execution;
mod filters;
mod frame;
mod history;
mod job;
mod job_form;
mod jobs;
mod listing;
mod notices;
mod parts;
mod problem;
mod recipients;
mod set;
mod sheet;
#[cfg(feature = "accounts")]
pub(crate) mod sign_in;
mod skips;
mod sources;
mod subjects;
mod workers;

use axum::Router;
use axum::routing::{get, post};

pub(crate) use self::problem::{Refused, shown};
use crate::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/jobs", get(jobs::list))
        .route("/jobs/new", get(job_form::new).post(job_form::create))
        .route("/jobs/{id}/edit", get(job_form::edit).post(job_form::change))
        .route("/jobs/{id}", get(job::show))
        .route("/jobs/{id}/run", post(job::run))
        .route("/jobs/{id}/bring-back", post(job::bring_back))
        .route("/jobs/{id}/backfill", post(job::fill))
        .route("/jobs/{id}/delete", post(job::delete))
        .route("/jobs/selected", post(jobs::selected))
        .route("/jobs/{id}/suspend", post(jobs::suspend))
        .route("/jobs/{id}/resume", post(jobs::resume))
        .merge(of_results())
        .merge(of_surroundings())
        .merge(of_people())
}

/// What jobs need, and who did what.
fn of_surroundings() -> Router<App> {
    Router::new()
        .route("/recipients", get(recipients::list).post(recipients::add))
        .route("/recipients/renew", get(recipients::renewal).post(recipients::renew))
        .route("/recipients/remove", post(recipients::remove))
        .route("/recipients/sample", get(recipients::sample))
        .route("/sources", get(sources::list))
        .route("/sources/check", post(sources::check))
        .route("/destinations", get(destinations::list))
        .route("/destinations/check", post(destinations::check))
        .route("/destinations/enable", post(destinations::enable))
        .route("/destinations/disable", post(destinations::disable))
        .route("/destinations/pin", post(destinations::pin))
        .route("/notices", get(notices::list))
        .route("/notices/replay", post(notices::replay))
        .route("/notices/test", post(notices::test))
        .route("/notices/enable", post(notices::enable))
        .route("/notices/disable", post(notices::disable))
        .route("/audit", get(audit::list))
        .route("/workers", get(workers::list))
        .route("/workers/drain", post(workers::drain))
        .route("/workers/resume", post(workers::resume))
}

/// What people ask for about their own records.
fn of_people() -> Router<App> {
    Router::new()
        .route("/subjects", get(subjects::list))
        .route("/subjects/new", get(subjects::new).post(subjects::create))
        .route("/subjects/{id}", get(subjects::show))
        .route("/subjects/{id}/verify", get(subjects::ask).post(subjects::take))
        .route("/subjects/{id}/approve", get(subjects::ask).post(subjects::take))
        .route("/subjects/{id}/extend", get(subjects::ask).post(subjects::take))
        .route("/subjects/{id}/refuse", get(subjects::ask).post(subjects::take))
        .route("/subjects/{id}/withdraw", get(subjects::ask).post(subjects::take))
        .route("/subjects/{id}/preview", get(subjects::preview))
        .route("/subjects/{id}/run", post(subjects::run))
        .route("/subjects/{id}/copies", get(subjects::copies))
        .route("/subjects/{id}/copies/notify", get(subjects::ask_recall).post(subjects::recall))
        .route("/subjects/{id}/copies/delete", get(subjects::ask_delete).post(subjects::delete_copies))
}

/// What jobs leave behind.
fn of_results() -> Router<App> {
    Router::new()
        .route("/history", get(history::list))
        .route("/history/selected", post(history::selected))
        .route("/history/{id}", get(execution::show))
        .route("/history/{id}/rerun", post(execution::run_again))
        .route("/history/{id}/redeliver", post(execution::redeliver))
        .route("/history/{id}/cancel", post(execution::cancel))
        .route("/history/{id}/delete", post(execution::remove))
        .route("/artifacts", get(artifacts::list))
        .route("/artifacts/selected", post(artifacts::selected))
        .route("/artifacts/delete", post(artifacts::delete))
        .route("/artifacts/{id}/content", get(artifacts::content))
        .route("/sets/{execution}", get(set::show))
        .route("/sets/{execution}/hold", post(set::hold))
        .route("/sets/{execution}/release", post(set::release))
        .route("/sets/{execution}/redeliver", post(set::redeliver))
        .route("/sets/{execution}/delete", post(set::delete))
        .route("/sets/{execution}/manifest", get(set::manifest))
        .route("/sets/{execution}/signature", get(set::signature))
        .route("/sets/{execution}/download.sh", get(set::download))
}
