//! The pages: complete without a script, by the same services as the API.

mod frame;
mod jobs;
mod parts;
mod problem;
#[cfg(feature = "accounts")]
pub(crate) mod sign_in;

use axum::Router;
use axum::routing::{get, post};

pub(crate) use self::problem::{Refused, shown};
use crate::App;

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/jobs", get(jobs::list))
        .route("/jobs/selected", post(jobs::selected))
        .route("/jobs/{id}/suspend", post(jobs::suspend))
        .route("/jobs/{id}/resume", post(jobs::resume))
}
