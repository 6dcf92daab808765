//! Views as answers of axum's handlers, and the form of a job as what one takes.

use axum_core::body::Body;
use axum_core::extract::{FromRequest, Request};
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use super::{FileResponse, HeaderMap, view_response};
use crate::settings::SettingsForm;
use crate::{
    ArtifactView, AuditView, ExecutionDetailsView, ExecutionView, ForecastView, JobView, NoticeView,
    OccurrenceView, PageView, ProblemView, RecipientView, RenewalView, SetView, SourceView,
};

impl IntoResponse for FileResponse {
    fn into_response(self) -> Response {
        Self::into_response(self).map(Body::from_stream)
    }
}

impl IntoResponse for ProblemView {
    fn into_response(self) -> Response {
        Self::into_response(self).map(Body::from)
    }
}

macro_rules! answers {
    ($($view:ty),*) => {
        $(impl IntoResponse for $view {
            fn into_response(self) -> Response {
                view_response(&self).map(Body::from)
            }
        })*
    };
}

answers!(
    ArtifactView,
    AuditView,
    ExecutionDetailsView,
    ExecutionView,
    ForecastView,
    JobView,
    NoticeView,
    OccurrenceView,
    RecipientView,
    RenewalView,
    SetView,
    SettingsForm,
    SourceView
);

impl<T: Serialize> IntoResponse for PageView<T> {
    fn into_response(self) -> Response {
        view_response(&self).map(Body::from)
    }
}

/// Takes the body of a request. What is refused is a problem: 415 `unsupported_media_type` if the body is not declared
/// as JSON, so that no form of a foreign page can send it; 413 or 400 `unreadable_body`; and those of
/// [`SettingsForm::from_json`].
impl<S: Send + Sync> FromRequest<S> for SettingsForm {
    type Rejection = ProblemView;

    async fn from_request(request: Request, state: &S) -> Result<Self, ProblemView> {
        if !is_json(request.headers()) {
            let detail = "send the settings as JSON, with Content-Type: application/json";
            return Err(ProblemView::new(415, "unsupported_media_type", detail));
        }
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            ProblemView::new(rejection.status().as_u16(), "unreadable_body", rejection.body_text())
        })?;
        Self::from_json(&body)
    }
}

/// Returns whether the media type is `application/json` or ends with `+json` (RFC 6839).
fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = declared.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use futures::executor::block_on;

    use super::*;

    const FORM: &str =
        r#"{"title": "Calls", "source": "calls", "type": "call", "run": "once", "plaintext": true}"#;

    fn taken(media_type: Option<&str>, body: &str) -> Result<SettingsForm, (u16, String)> {
        let mut request = Request::new(Body::from(body.to_owned()));
        if let Some(media_type) = media_type {
            request.headers_mut().insert(CONTENT_TYPE, media_type.parse().unwrap());
        }
        block_on(SettingsForm::from_request(request, &())).map_err(|problem| (problem.status, problem.code))
    }

    #[test]
    fn a_form_is_taken_from_json_alone() {
        for media_type in
            ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"]
        {
            assert_eq!(taken(Some(media_type), FORM).unwrap().title, "Calls", "{media_type}");
        }
        for media_type in [None, Some("text/plain"), Some("application/x-www-form-urlencoded")] {
            assert_eq!(taken(media_type, FORM).unwrap_err(), (415, "unsupported_media_type".to_owned()));
        }
    }

    #[test]
    fn what_is_no_form_is_a_problem_with_a_code() {
        for (body, status, code) in [
            ("", 400, "invalid_json"),
            ("{\"title\": ", 400, "invalid_json"),
            ("title=Calls", 400, "invalid_json"),
            ("[]", 422, "invalid_form"),
            (r#"{"title": 7}"#, 422, "invalid_form"),
            (&FORM.replace("plaintext", "plain"), 422, "invalid_form"),
        ] {
            let refused = taken(Some("application/json"), body).unwrap_err();
            assert_eq!(refused, (status, code.to_owned()), "{body}");
        }
    }

    #[test]
    fn a_body_that_breaks_off_is_a_problem() {
        let broken = futures::stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]);
        let request = Request::builder().header(CONTENT_TYPE, "application/json");
        let request = request.body(Body::from_stream(broken)).unwrap();
        let problem = block_on(SettingsForm::from_request(request, &())).unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (400, "unreadable_body"));
    }

    #[test]
    fn a_view_is_an_answer_in_json() {
        let form = SettingsForm::from_json(FORM.as_bytes()).unwrap();
        let response = form.clone().into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let body = response.into_body().into_data_stream().try_collect::<Vec<_>>();
        assert_eq!(SettingsForm::from_json(&block_on(body).unwrap().concat()).unwrap(), form);
    }
}
