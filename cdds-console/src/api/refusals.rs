//! The refusals that the document has for an operation: all that it can answer, of one place.

use cdds_view::ProblemView;
use http::Method;
use serde_json::{Value, json};

/// What decides which refusals an operation can answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits<'a> {
    pub(super) method: &'a Method,
    /// Whether its address names something.
    pub(super) names_one: bool,
    /// Whether it takes a body.
    pub(super) has_body: bool,
    /// Whether it answers with JSON.
    pub(super) gives_json: bool,
}

/// Returns the statuses by which every such operation may refuse.
pub(super) fn statuses(of: Traits<'_>) -> Vec<u16> {
    let Traits { method, names_one, has_body, gives_json } = of;
    // 422: each refuses parameters that it does not have.
    let mut statuses = vec![401, 403, 422, 429, 500, 503];
    if gives_json {
        statuses.push(406);
    }
    if names_one {
        statuses.push(404);
    }
    if has_body {
        statuses.extend([400, 413, 415]);
    }
    if *method != Method::GET {
        statuses.push(409);
    }
    statuses
}

/// Returns the reference to the answer by which a status is told.
pub(super) fn refusal(status: u16) -> Value {
    let name = match status {
        401 => "NotSignedIn",
        429 => "TooManyRequests",
        _ => "Problem",
    };
    json!({"$ref": format!("#/components/responses/{name}")})
}

/// Returns the answers that [`refusal`] refers to.
pub(super) fn components() -> Value {
    let schema = json!({"$ref": "#/components/schemas/ProblemView"});
    let content = json!({ProblemView::MEDIA_TYPE: {"schema": schema}});
    json!({
        "Problem": {
            "description": "A problem (RFC 9457), whose `type` is the code of the refusal.",
            "content": content,
        },
        "NotSignedIn": {
            "description": "The request says nobody's name, or has a token that is not valid.",
            "content": content,
            "headers": {"WWW-Authenticate": {
                "description": "How to sign in.", "required": true, "schema": {"type": "string"},
            }},
        },
        "TooManyRequests": {
            "description": "Too many requests came from there.",
            "content": content,
            "headers": {"Retry-After": retry_after(true)},
        },
    })
}

/// Describes the header that says when to ask again.
pub(super) fn retry_after(required: bool) -> Value {
    json!({
        "description": "After how many seconds to ask again.",
        "required": required,
        "schema": {"type": "integer", "minimum": 0},
    })
}
