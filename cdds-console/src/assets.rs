//! The files of the pages: one stylesheet, one script, one sprite of icons.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;

use crate::App;

/// The version in the addresses of assets, which a browser may keep for ever.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The symbols that pages show, written into each page: images from elsewhere are refused.
pub(crate) const ICONS: &str = include_str!("../assets/icons.svg");

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/icon.svg", get(|| file("image/svg+xml", include_str!("../assets/icon.svg"))))
        .route("/console.css", get(|| file("text/css; charset=utf-8", include_str!("../assets/console.css"))))
        .route(
            "/console.js",
            get(|| file("text/javascript; charset=utf-8", include_str!("../assets/console.js"))),
        )
}

async fn file(media_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "public, max-age=3600")], text)
}
