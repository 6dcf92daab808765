#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod access;
#[cfg(feature = "accounts")]
#[cfg_attr(docsrs, doc(cfg(feature = "accounts")))]
pub mod accounts;
mod answers;
mod api;
mod arrivals;
mod assets;
mod done;
mod forms;
mod guard;
mod handed;
mod lists;
mod live;
mod pages;
mod place;
mod services;
mod texts;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use self::live::Live;

pub use self::access::{Access, Denied, Visitor};
pub use self::services::Services;

/// What every handler reaches.
#[derive(Debug, Clone)]
pub(crate) struct App {
    services: Services,
    access: Arc<dyn Access>,
    live: Live,
}

/// Returns the console and its API as a router, whose requests are allowed what `access` says.
///
/// Mount it with [`Router::nest_service`], which also answers the prefix with a slash behind it, or serve it alone. All
/// its links are relative, so it needs not be told where it is mounted, nor which prefix a proxy strips.
///
/// Where `axum::serve` serves it alone, give it [`Router::into_make_service`]: axum otherwise copies all its routes for
/// each connection, which takes 2.6 MB.
///
/// Every response says what a browser may load and do with it; the responses of the host's own routes stay as they
/// are.
pub fn router(services: Services, access: impl Access + 'static) -> Router {
    assembled(services, Arc::new(access), Router::new())
}

/// Returns the console with some routes more, which are guarded like its own.
fn assembled(services: Services, access: Arc<dyn Access>, more: Router<App>) -> Router {
    let app = App { services, access, live: Live::default() };
    let routes = Router::new()
        .route("/", get(place::home))
        .route("/live", get(live::events))
        .merge(pages::routes())
        .merge(more)
        .method_not_allowed_fallback(place::of_a_form)
        .nest("/api/v1", api::routes())
        .nest("/assets", assets::routes())
        .fallback(place::other)
        .with_state(app);
    guard::guarded(routes)
}
