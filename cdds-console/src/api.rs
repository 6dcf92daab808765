//! The API: JSON under `/api/v1`, by the same services as the pages.
//!
//! Each handler takes the caller first, so that somebody who is not let in learns nothing else.

mod artifacts;
mod audit;
mod body;
mod deliveries;
mod destinations;
mod document;
mod endpoints;
mod executions;
mod jobs;
mod key;
mod notices;
mod operation;
mod parameter;
mod recipients;
mod refusals;
mod schema;
mod sets;
mod sources;
mod subjects;
mod taken;
mod terms;
mod version;
mod workers;

use axum::Router;
use axum::response::{IntoResponse, Response};
use cdds_view::ProblemView;
use cdds_view::token::ListColumn;
use http::{Method, StatusCode};
use serde::Serialize;

use self::document::Api;
pub(crate) use self::terms::Terms;
use crate::App;

/// The rows of a page that does not say how many.
const LIMIT: u64 = 100;

/// After how many seconds it is worth to ask for an execution again that has not ended.
const ASK_AGAIN: &str = "2";

/// Returns the routes, and with them the document that describes them.
pub(crate) fn routes() -> Router<App> {
    let api = jobs::routes(Api::default());
    let api = executions::routes(api);
    let api = artifacts::routes(api);
    let api = sets::routes(api);
    let api = recipients::routes(api);
    let api = sources::routes(api);
    let api = destinations::routes(api);
    let api = deliveries::routes(api);
    let api = subjects::routes(api);
    let api = notices::routes(api);
    let api = endpoints::routes(api);
    let api = audit::routes(api);
    let api = workers::routes(api);
    api.into_router().method_not_allowed_fallback(not_allowed)
}

/// Answers a method that an address does not have, or says which it has; axum adds them as `Allow`.
async fn not_allowed(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    let detail = format!("this address does not take {method}: choose one of those that Allow names");
    IntoResponse::into_response(ProblemView::new(405, "method_not_allowed", detail))
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

/// Returns the names of the columns of a list.
fn columns<C: ListColumn>(all: &[C]) -> Vec<&'static str> {
    all.iter().map(|column| column.name()).collect()
}
