//! What every response of the console tells the browser, and which requests are refused before anything else.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, map_request};
use axum::response::IntoResponse;
use cdds_view::ProblemView;
use http::{HeaderName, HeaderValue, Method, header};
use tower_http::csrf::CsrfLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::pages::{self, Refused};

/// Only the console's own files, no inline script or style, no frame around it, no form to elsewhere.
pub(crate) const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const CROSS_SITE: &str = "another site sent this request: change things from the console's own pages, or by a \
    program that sends no `Origin`";

/// Wraps the routes of the console. A request that another site made a browser send changes nothing: browsers say where
/// it came from (`Sec-Fetch-Site`, `Origin`), and programs send neither.
pub(crate) fn guarded(routes: Router) -> Router {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        // Pages show what only this visitor may see. Assets say otherwise themselves.
        (header::CACHE_CONTROL, "no-store"),
    ];
    let forged = |_| Refused::from(ProblemView::new(403, "cross_site", CROSS_SITE)).into_response();
    let routes = routes.layer(map_request(without_range));
    let routes = routes.layer(CsrfLayer::new().with_rejection_response(forged)).layer(from_fn(pages::shown));
    headers.into_iter().fold(routes, |routes, (name, value)| {
        routes.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)))
    })
}

/// Leaves a range out of all requests but GET (RFC 9110, 14.2): a HEAD request is told of the whole file.
async fn without_range(mut request: Request) -> Request {
    if *request.method() != Method::GET {
        request.headers_mut().remove(header::RANGE);
    }
    request
}
