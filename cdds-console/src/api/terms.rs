//! What a request of an operation may say: the parameters that the document has, and an `Accept` that can be met.

use std::sync::Arc;

use cdds_view::ProblemView;
use http::header;
use http::request::Parts;

use crate::answers::unknown;

const JSON: &str = "application/json";

/// The terms of one operation. They are checked as soon as it is known who asks, so that nobody else learns them.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// The names of the parameters of its query.
    parameters: Arc<[String]>,
    /// Whether it answers with JSON. A file has the type that it was stored with, whatever is asked for (RFC 9110,
    /// 12.5.1): clients that ask for JSON by default can download.
    gives_json: bool,
}

impl Terms {
    pub(super) fn new(parameters: impl IntoIterator<Item = String>, gives_json: bool) -> Self {
        Self { parameters: parameters.into_iter().collect(), gives_json }
    }

    /// Refuses a parameter that the operation does not have, so that a misspelt filter does not go unnoticed, and a
    /// request that does not accept JSON where there is nothing else.
    pub(crate) fn check(&self, request: &Parts) -> Result<(), ProblemView> {
        if self.gives_json && !accepts_json(request) {
            let detail = format!("this address answers with {JSON}: ask for that, or for */*, by Accept");
            return Err(ProblemView::new(406, "not_acceptable", detail));
        }
        let query = request.uri.query().unwrap_or_default();
        let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
        match names.find(|name| !self.parameters.iter().any(|known| known == name)) {
            Some(name) => Err(unknown(&name, &self.parameters)),
            None => Ok(()),
        }
    }
}

/// Returns whether `Accept` lets JSON through: the most specific range that fits decides (RFC 9110, 12.5.1).
fn accepts_json(request: &Parts) -> bool {
    let values = request.headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<&str> =
        values.flat_map(|value| value.split(',')).map(str::trim).filter(|range| !range.is_empty()).collect();
    let fitting = [JSON, "application/*", "*/*"].into_iter().find_map(|wanted| {
        let fits = |range: &&&str| media_type(range).eq_ignore_ascii_case(wanted);
        ranges.iter().find(fits)
    });
    match fitting {
        Some(range) => weight(range) > 0.0,
        None => ranges.is_empty(),
    }
}

fn media_type(range: &str) -> &str {
    range.split(';').next().unwrap_or_default().trim()
}

/// Returns the weight of a range, 1 if it has none.
fn weight(range: &str) -> f32 {
    let mut parameters = range.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let weight = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    weight.and_then(|(_, weight)| weight.trim().parse().ok()).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn asked(path: &str, accept: &[&str]) -> Parts {
        let request =
            accept.iter().fold(Request::get(path), |request, value| request.header("accept", *value));
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_most_specific_range_decides() {
        for (accept, accepted) in [
            (&[][..], true),
            (&[""], true),
            (&["*/*"], true),
            (&["text/html, application/xhtml+xml, */*;q=0.8"], true),
            (&["Application/JSON; charset=utf-8"], true),
            (&["text/csv", "application/*"], true),
            (&["text/csv"], false),
            (&["application/problem+json"], false),
            (&["application/json;q=0, */*"], false),
            (&["application/json;q=0.1, */*;q=0"], true),
            (&["*/*; q=0.0"], false),
        ] {
            assert_eq!(accepts_json(&asked("/", accept)), accepted, "{accept:?}");
        }
    }

    #[test]
    fn a_parameter_that_is_not_there_is_named_even_if_it_is_empty() {
        let terms = Terms::new(["limit".to_owned()], true);
        assert_eq!(terms.check(&asked("/?limit=7&limit=", &[])), Ok(()));
        let refused = terms.check(&asked("/?limit=7&unheard=", &[])).unwrap_err();
        assert_eq!((refused.status, &*refused.code), (422, "invalid_parameter"));
        assert_eq!(refused.detail, "`unheard`: there is no such parameter; these are known: limit");
        let refused = Terms::new([], true).check(&asked("/?a", &[])).unwrap_err();
        assert_eq!(refused.detail, "`a`: there is no such parameter; this address takes none");
    }
}
