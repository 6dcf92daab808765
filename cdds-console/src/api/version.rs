//! Changes of something that their author has not seen: `ETag` and `If-Match` (RFC 9110, 8.8.3 and 13.1.1).

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use cdds_core::JobId;
use cdds_core::domain::id::SubjectRequestId;
use cdds_core::service::jobs::ExpectedJob;
use cdds_core::service::subjects::ExpectedSubjectRequest;
use cdds_view::{JobView, ProblemView};
use http::header;
use http::request::Parts;

use crate::App;

/// What a request says about the version of what it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfMatch {
    /// Nothing.
    Silent,
    /// Any version that exists.
    Any,
    /// This one.
    Version(u64),
    /// Tags of which none can be that of anything.
    Never,
}

impl FromRequestParts<App> for IfMatch {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        Ok(match parts.headers.get(header::IF_MATCH) {
            None => Self::Silent,
            Some(value) => Self::read(value.to_str().unwrap_or_default()),
        })
    }
}

impl IfMatch {
    fn read(text: &str) -> Self {
        let inside = text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        match (text.trim(), inside.and_then(|version| version.parse().ok())) {
            ("*", _) => Self::Any,
            (_, Some(version)) => Self::Version(version),
            _ => Self::Never,
        }
    }

    /// Returns the version that an edit asks for; `None` for any.
    pub(super) fn version(self) -> Result<Option<u64>, ProblemView> {
        match self {
            Self::Silent | Self::Any => Ok(None),
            Self::Version(version) => Ok(Some(version)),
            Self::Never => Err(stale("`If-Match` must be the `ETag` of what is changed, or `*`")),
        }
    }

    /// Refuses a request that says nothing, because it replaces everything.
    pub(super) fn required(self) -> Result<Self, ProblemView> {
        match self {
            Self::Silent => Err(ProblemView::new(
                428,
                "precondition_required",
                "this replaces all settings of the job: send its `ETag` as `If-Match`, or `*` to replace any version",
            )),
            said => Ok(said),
        }
    }

    /// Returns a job that must have the version.
    pub(super) fn of(self, id: JobId) -> Result<ExpectedJob, ProblemView> {
        Ok(ExpectedJob::from(id).with_if_version(self.version()?))
    }

    /// Returns a request of a data subject that must have the version.
    pub(super) fn of_subject(self, id: SubjectRequestId) -> Result<ExpectedSubjectRequest, ProblemView> {
        Ok(ExpectedSubjectRequest::from(id).with_if_version(self.version()?))
    }
}

fn stale(detail: &str) -> ProblemView {
    ProblemView::new(412, "version_overtaken", detail)
}

/// Gives the refusal of a version the status of an unmet condition.
pub(super) fn unmet(problem: impl Into<ProblemView>) -> ProblemView {
    let problem = problem.into();
    if problem.code == "version_overtaken" { stale(&problem.detail) } else { problem }
}

/// Answers with a job and its tag.
pub(super) fn tagged(view: JobView) -> Response {
    ([(header::ETAG, tag(view.version))], Json(view)).into_response()
}

pub(super) fn tag(version: u64) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_strong_tag_or_a_star_can_match() {
        for (text, expected) in [
            ("*", IfMatch::Any),
            (" \"3\" ", IfMatch::Version(3)),
            ("3", IfMatch::Never),
            ("W/\"3\"", IfMatch::Never),
            ("\"3\", \"4\"", IfMatch::Never),
            ("", IfMatch::Never),
        ] {
            assert_eq!(IfMatch::read(text), expected, "{text}");
        }
    }
}
