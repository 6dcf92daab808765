//! JSON bodies: what cannot be read is a problem that names the key.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use cdds_view::ProblemView;
use cdds_view::settings::SettingsForm;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::App;

/// The JSON of a body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = ProblemView;

    async fn from_request(request: Request, app: &App) -> Result<Self, ProblemView> {
        parsed(&bytes(request, app).await?).map(Self)
    }
}

/// The JSON of a body that holds what must not come back: refusals name a key and quote nothing.
pub(super) struct Discreet<T>(pub(super) T);

/// A form whose values must not come back.
pub(super) trait DiscreetForm: DeserializeOwned {
    /// Its keys.
    const KEYS: &[&str];
}

impl<T: DiscreetForm> FromRequest<App> for Discreet<T> {
    type Rejection = ProblemView;

    async fn from_request(request: Request, app: &App) -> Result<Self, ProblemView> {
        parsed(&bytes(request, app).await?).map(Self).map_err(|problem| discreet(problem, T::KEYS))
    }
}

/// Leaves out what a refusal says of the values of a form, and of keys that it does not have.
pub(super) fn discreet(problem: ProblemView, keys: &[&str]) -> ProblemView {
    if problem.status != 422 {
        return problem;
    }
    let named = |field: &str| {
        let field = field.split(['.', '[']).next().unwrap_or_default();
        keys.iter().find(|key| **key == field)
    };
    let detail = format!(
        "a key is missing, unknown, or has no value of its type; these are known: {}",
        keys.join(", ")
    );
    let quiet = ProblemView::new(422, "invalid_form", detail);
    match problem.field.as_deref().and_then(named) {
        Some(field) => quiet.with_field(*field),
        None => quiet,
    }
}

/// A form of which each key may be left out, and so may the body.
pub(super) struct Perhaps<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<App> for Perhaps<T> {
    type Rejection = ProblemView;

    async fn from_request(request: Request, app: &App) -> Result<Self, ProblemView> {
        if request.headers().contains_key(header::CONTENT_TYPE) {
            // An empty list would be taken for a form without keys.
            let keys: Map<String, Value> = parsed(&bytes(request, app).await?)?;
            let form = serde_path_to_error::deserialize(Value::Object(keys)).map_err(|error| {
                let path = error.path().to_string();
                refused(error.inner(), Some(&path))
            });
            return form.map(Self);
        }
        // A body that is not declared may be a form of a foreign page.
        match read(request, app).await?.is_empty() {
            true => Ok(Self(T::default())),
            false => Err(unsupported()),
        }
    }
}

/// The settings that are to be other than those of something else, by RFC 7396: null takes a key away, so that it has
/// its default. No body changes nothing.
pub(super) struct Changes(Map<String, Value>);

impl FromRequest<App> for Changes {
    type Rejection = ProblemView;

    async fn from_request(request: Request, app: &App) -> Result<Self, ProblemView> {
        let is_empty = request.headers().get(header::CONTENT_TYPE).is_none();
        let bytes = if is_empty { read(request, app).await? } else { bytes(request, app).await? };
        match is_empty {
            true if bytes.is_empty() => Ok(Self(Map::new())),
            true => Err(unsupported()),
            false => parsed(&bytes).map(Self),
        }
    }
}

impl Changes {
    /// Returns what the body says.
    pub(super) fn asked(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Returns the settings with these changes.
    pub(super) fn over(self, form: &SettingsForm) -> Result<SettingsForm, ProblemView> {
        let mut merged = serde_json::to_value(form).map_err(|error| refused(&error, None))?;
        if let Value::Object(settings) = &mut merged {
            for (key, value) in self.0 {
                // The values of the form are texts, numbers and lists, which are replaced as a whole.
                match value {
                    Value::Null => settings.remove(&key),
                    value => settings.insert(key, value),
                };
            }
        }
        serde_path_to_error::deserialize(merged).map_err(|error| {
            let path = error.path().to_string();
            refused(error.inner(), Some(&path))
        })
    }
}

/// Reads a body that is declared as JSON.
async fn bytes(request: Request, app: &App) -> Result<Bytes, ProblemView> {
    // A form of a foreign page cannot declare this.
    if !is_json(request.headers()) {
        return Err(unsupported());
    }
    read(request, app).await
}

async fn read(request: Request, app: &App) -> Result<Bytes, ProblemView> {
    Bytes::from_request(request, app).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ProblemView::new(413, "body_too_large", "the body has more than 2 MiB: send less at once")
        }
        status => ProblemView::new(status.as_u16(), "unreadable_body", rejection.body_text()),
    })
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ProblemView> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        refused(error.inner(), Some(&path))
    })?;
    json.end().map_err(|error| refused(&error, None))?;
    Ok(value)
}

fn refused(error: &serde_json::Error, path: Option<&str>) -> ProblemView {
    let (status, code) = match error.classify() {
        Category::Data => (422, "invalid_form"),
        Category::Io | Category::Syntax | Category::Eof => (400, "invalid_json"),
    };
    let problem = ProblemView::new(status, code, error.to_string());
    match path.filter(|path| status == 422 && *path != "." && *path != "?") {
        Some(path) => problem.with_field(path),
        None => match (status, missing(&problem.detail)) {
            (422, Some(key)) => problem.with_field(key),
            _ => problem,
        },
    }
}

/// Returns the key that serde says is missing.
fn missing(detail: &str) -> Option<String> {
    let (_, rest) = detail.split_once("missing field `")?;
    Some(rest.split_once('`')?.0.to_owned())
}

fn unsupported() -> ProblemView {
    let detail = "send JSON, with Content-Type: application/json";
    ProblemView::new(415, "unsupported_media_type", detail)
}

/// Returns whether the media type is `application/json` or ends with `+json` (RFC 6839).
fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = declared.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
}
