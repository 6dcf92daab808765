//! Requests that are sent again because their answer got lost: `Idempotency-Key` (rule J18).

use axum::extract::FromRequestParts;
use cdds_core::domain::request::RequestKey;
use cdds_view::ProblemView;
use http::HeaderName;
use http::request::Parts;
use serde::Serialize;

use crate::App;
use crate::answers::wrong;

const NAME: HeaderName = HeaderName::from_static("idempotency-key");

/// The key of a request, if it has one.
pub(super) struct Key(Option<String>);

impl FromRequestParts<App> for Key {
    type Rejection = ProblemView;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ProblemView> {
        let Some(value) = parts.headers.get(NAME) else { return Ok(Self(None)) };
        let refusal = |_| wrong("Idempotency-Key", "use 1 to 255 visible ASCII characters, such as a UUID");
        let text = value.to_str().map_err(refusal)?;
        // The draft of the header has a quoted text; most clients send it bare.
        let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        Ok(Self(Some(inside.unwrap_or(text).to_owned())))
    }
}

impl Key {
    /// Returns the key together with all that the request asks for.
    pub(super) fn of(self, request: &impl Serialize) -> Result<Option<RequestKey>, ProblemView> {
        let Some(key) = self.0 else { return Ok(None) };
        // Forms have nothing but texts, numbers and lists, which are always written, and in one order.
        let request = serde_json::to_vec(request).unwrap_or_default();
        Ok(Some(RequestKey::new(key, &request)?))
    }
}
