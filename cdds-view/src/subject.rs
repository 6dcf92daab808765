//! A request of a data subject.

use cdds_core::domain::id::SubjectRequestId;
use cdds_core::domain::subject::request::{Due, RequestStep, SubjectRequest};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::instant::Instant;
use crate::selection::Selection;

/// A request about the records of one person (rule D2). It holds no identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SubjectRequestView {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: SubjectRequestId,
    /// What is asked for: `access`, `erasure` or `both`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::SubjectRequestKind))]
    pub kind: String,
    /// How far it has come: `received`, `verified`, `approved`, `refused` or `withdrawn`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::SubjectRequestState))]
    pub state: String,
    /// When it has to be answered.
    pub due_at: Instant,
    /// How near that is: `passed`, `near` (less than a week) or `later`; null if the request has ended.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::DueDate>))]
    pub due: Option<String>,
    /// The chosen sources, and types as `source/type`.
    pub chosen: Selection,
    /// The keyed hashes of the identifiers, by each key of the service.
    pub identifiers_hashed: Vec<HashedIdentifierView>,
    /// When it was put on record, and by whom.
    pub received: RequestStepView,
    /// When the person's identity was put on record as checked, and by whom; null before.
    pub verified: Option<RequestStepView>,
    /// Who has checked the identity; null before.
    pub evidence_who: Option<String>,
    /// How it was checked; null before.
    pub evidence_how: Option<String>,
    /// When the erasure was approved, and by whom; null before.
    pub approved: Option<RequestStepView>,
    /// When the due date was extended, and by whom; null unless it was.
    pub extended: Option<RequestStepView>,
    /// When it was refused or withdrawn, and by whom; null before.
    pub ended: Option<RequestStepView>,
    /// Why it was refused; null unless it was.
    pub reason: Option<String>,
    /// Counts the changes, from 1.
    pub version: u64,
}

/// A step that somebody took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RequestStepView {
    /// When.
    pub at: Instant,
    /// Who.
    pub by: String,
}

impl From<&RequestStep> for RequestStepView {
    fn from(step: &RequestStep) -> Self {
        Self { at: Instant(step.at), by: step.by.to_string() }
    }
}

/// What stays of an identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct HashedIdentifierView {
    /// The kind: `phone`, `email`, or another name.
    pub kind: String,
    /// The name of the key, a colon, and HMAC-SHA-256 as 64 lower-case hexadecimal digits.
    pub hash: String,
}

impl SubjectRequestView {
    /// Returns the view of a request at an instant.
    pub fn new(request: &SubjectRequest, now: DateTime<Utc>) -> Self {
        let (evidence, verified) = request.verified.as_ref().map(|(one, step)| (one, step)).unzip();
        let (ended, reason) = request.ended().unzip();
        let parts: Vec<String> = request.scope.parts().iter().map(ToString::to_string).collect();
        let hashed = request
            .identifiers
            .iter()
            .map(|one| HashedIdentifierView { kind: one.kind.to_string(), hash: one.hash.to_string() });
        Self {
            id: request.id,
            kind: request.kind.as_str().to_owned(),
            state: request.status().as_str().to_owned(),
            due_at: Instant(request.due_at),
            due: request.due(now).map(|due| due.as_str().to_owned()),
            chosen: if parts.is_empty() { Selection::All } else { Selection::Only(parts) },
            identifiers_hashed: hashed.collect(),
            received: (&request.received).into(),
            verified: verified.map(Into::into),
            evidence_who: evidence.map(|evidence| evidence.who.to_string()),
            evidence_how: evidence.map(|evidence| evidence.how.to_string()),
            approved: request.approved.as_ref().map(Into::into),
            extended: request.extended.as_ref().map(Into::into),
            ended: ended.map(Into::into),
            reason: reason.flatten().map(ToString::to_string),
            version: request.version,
        }
    }

    /// How near the due date is, as a warning: empty for a request that has ended, or that is not near it.
    pub fn due_words(&self) -> &'static str {
        match self.due.as_deref() {
            Some(due) if due == Due::Passed.as_str() => "overdue",
            Some(due) if due == Due::Near.as_str() => "due soon",
            _ => "",
        }
    }
}
