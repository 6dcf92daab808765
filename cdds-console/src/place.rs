//! Where the console is mounted: nowhere that it has to know.
//!
//! A page names every other page by its way from itself (`../history`), so that any prefix works, whether the host or a
//! proxy strips it.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, OriginalUri, Request, State};
use axum::response::{IntoResponse, Response};
use cdds_view::ProblemView;
use http::request::Parts;
use http::{Method, StatusCode, Uri, header};

use crate::App;
use crate::pages::Refused;
use crate::visit::Visit;

/// Returns the way from a page to the root of the console: `./` or `../../`. The path is that inside of the console.
pub(crate) fn root(path: &str) -> String {
    match path.matches('/').count() {
        0 | 1 => "./".to_owned(),
        deep => "../".repeat(deep - 1),
    }
}

/// Sends a browser elsewhere, after a form was posted or to an address that replaces this one.
pub(crate) fn see(location: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, location.to_owned())]).into_response()
}

/// Answers the root: the jobs.
pub(crate) async fn home(OriginalUri(uri): OriginalUri) -> Response {
    // Seen from `/exports`, the jobs are at `exports/jobs`; from `/exports/` at `jobs`.
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    see(&if last.is_empty() { "jobs".to_owned() } else { format!("{last}/jobs") })
}

/// Answers an address that nothing has: with a slash too many by the address without it, else that it is missing.
pub(crate) async fn other(State(app): State<App>, request: Request) -> Response {
    if let Some(location) = without_slash(request.uri()) {
        return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response();
    }
    let problem = ProblemView::new(404, "not_found", "there is nothing at this address");
    if is_of_a_program(request.uri().path()) {
        return IntoResponse::into_response(problem);
    }
    // Somebody who is let in gets the menu; for the others an address that is missing is no way to the sign-in page.
    Visit::from_request_parts(&mut request.into_parts().0, &app).await.ok();
    Refused::from(problem).into_response()
}

/// Answers a method that an address does not have. Whoever opens the address of a form, by a reload or after signing
/// in, gets the page that the form is on, which is one step up.
pub(crate) async fn of_a_form(method: Method, uri: Uri) -> Response {
    if matches!(method, Method::GET | Method::HEAD) {
        return see(&up(uri.path()));
    }
    let detail = format!("this address does not take {method}");
    Refused::from(ProblemView::new(405, "method_not_allowed", detail)).into_response()
}

/// Returns the way from an address to the one above it.
fn up(path: &str) -> String {
    match path.rsplit('/').nth(1) {
        None | Some("") => "./".to_owned(),
        Some(above) => format!("../{above}"),
    }
}

/// Returns whether programs ask at this address, rather than browsers.
pub(crate) fn is_of_a_program(path: &str) -> bool {
    path.starts_with("/api/")
}

fn without_slash(uri: &Uri) -> Option<String> {
    let last = uri.path().strip_suffix('/')?.rsplit('/').next().filter(|last| !last.is_empty())?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!("../{last}{query}"))
}

/// Where a request was sent to, for what has to name the console from elsewhere: a script that somebody saves.
#[derive(Debug)]
pub(crate) struct Whence {
    /// Host and port, as the request names them.
    host: String,
    /// The path before any prefix was stripped.
    path: String,
    /// The page that the browser came from, if it is of this host.
    page: Option<Uri>,
}

impl<S: Send + Sync> FromRequestParts<S> for Whence {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let OriginalUri(uri) = OriginalUri::from_request_parts(parts, state).await?;
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST).or(uri.host()).unwrap_or("localhost").to_owned();
        let page = text(header::REFERER).and_then(|text| text.parse::<Uri>().ok());
        // The page of another host would make the script send its token there.
        let page = page.filter(|page| page.authority().is_some_and(|authority| authority.as_str() == host));
        Ok(Self { host, path: uri.path().to_owned(), page })
    }
}

impl Whence {
    /// Returns the address of the console, given the path of this request inside of it. The page that a browser came
    /// from tells which prefix and which scheme it sees; otherwise both are guessed.
    pub(crate) fn console(&self, path: &str) -> String {
        let page = self.page.as_ref().and_then(|page| {
            let (before, _) =
                ["/artifacts", "/sets/"].iter().find_map(|section| page.path().rsplit_once(section))?;
            Some(format!("{}://{}{before}", page.scheme_str()?, self.host))
        });
        page.unwrap_or_else(|| {
            let prefix = self.path.strip_suffix(path).unwrap_or_default().trim_end_matches('/');
            let is_local =
                ["localhost", "127.0.0.1", "[::1]"].iter().any(|local| self.host.starts_with(local));
            format!("{}://{}{prefix}", if is_local { "http" } else { "https" }, self.host)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_as_many_steps_up_as_the_page_is_deep() {
        for (path, expected) in [("/", "./"), ("/jobs", "./"), ("/jobs/7", "../"), ("/jobs/7/edit", "../../")]
        {
            assert_eq!(root(path), expected, "{path}");
        }
    }

    #[test]
    fn above_a_form_is_its_page() {
        for (path, expected) in
            [("/jobs/7/run", "../7"), ("/jobs/selected", "../jobs"), ("/logout", "./"), ("/", "./")]
        {
            assert_eq!(up(path), expected, "{path}");
        }
    }

    #[test]
    fn a_slash_too_many_leads_to_the_address_without_it_and_to_no_other_host() {
        for (path, expected) in [
            ("/jobs/", Some("../jobs")),
            ("/jobs/7/?a=b", Some("../7?a=b")),
            ("//evil.example/", Some("../evil.example")),
            ("/nothing", None),
            ("/", None),
        ] {
            assert_eq!(without_slash(&path.parse().unwrap()).as_deref(), expected, "{path}");
        }
    }
}
