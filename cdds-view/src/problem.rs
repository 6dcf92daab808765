//! Errors as an HTTP interface sends them.

use cdds_core::domain::violation::{Code, ErrorClass, RuleViolation};
use cdds_core::service::ServiceError;
use serde::{Deserialize, Serialize};

use crate::settings::SettingsError;

/// An error as problem details (RFC 9457, media type `application/problem+json`).
///
/// Of an error that is the service's own it says only that it happened, since its message may name files and hosts:
/// log [`ServiceError::report`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ProblemView {
    /// The stable code: `invalid_title`.
    #[serde(rename = "type")]
    pub code: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(minimum = 400, maximum = 599))]
    pub status: u16,
    /// What was refused, why, and what to do.
    pub detail: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// The key of the body that was refused, as a [form](crate::settings::SettingsForm) spells it; left out if it
    /// is none alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl ProblemView {
    /// Creates a problem of one's own, in the same form: a missing sign-in, a body that is no JSON. It is retryable if
    /// the status is 429 or 503.
    ///
    /// ```
    /// use cdds_view::ProblemView;
    ///
    /// let problem = ProblemView::new(401, "sign_in_required", "sign in first");
    /// assert_eq!((problem.status, problem.retryable), (401, false));
    /// ```
    pub fn new(status: u16, code: impl Into<String>, detail: impl Into<String>) -> Self {
        let retryable = matches!(status, 429 | 503);
        Self { code: code.into(), status, detail: detail.into(), retryable, field: None }
    }

    /// Names the key of the body that was refused.
    #[must_use]
    pub fn with_field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }
}

/// Returns the key of a job's form that a refusal is about; `None` if it may be one of several.
fn field(code: &str) -> Option<&'static str> {
    const FIELDS: [(Code, &str); 22] = [
        (Code::InvalidTitle, "title"),
        (Code::InvalidDescription, "description"),
        (Code::UnknownSource, "source"),
        (Code::UnsupportedSource, "source"),
        (Code::UnknownType, "type"),
        (Code::InvalidTypes, "type"),
        (Code::UnknownCategory, "category"),
        (Code::EmptyCategories, "category"),
        (Code::StartInPast, "start"),
        (Code::InvalidCron, "cron"),
        (Code::InvalidTimeZone, "time-zone"),
        (Code::InvalidTimeOfDay, "at"),
        (Code::InvalidTimeframe, "timeframe"),
        (Code::TimeframeNeedsInstant, "timeframe"),
        (Code::InvalidSplitSize, "split-size"),
        (Code::SplitSizeTooLargeToSeal, "split-size"),
        (Code::InvalidRetention, "retention-days"),
        (Code::InvalidDestinations, "destination"),
        (Code::UnknownDestination, "destination"),
        (Code::PlaintextOverOpenTransport, "destination"),
        (Code::InvalidPath, "destination"),
        (Code::InvalidSubscribers, "notify"),
    ];
    const RECIPIENTS: [Code; 2] = [Code::RecipientRequired, Code::UnknownRecipient];
    let found = FIELDS.iter().find(|(known, _)| known.as_str() == code).map(|(_, field)| *field);
    found.or_else(|| RECIPIENTS.iter().any(|known| known.as_str() == code).then_some("recipient"))
}

impl From<RuleViolation> for ProblemView {
    fn from(refused: RuleViolation) -> Self {
        ServiceError::from(refused).into()
    }
}

impl From<&ServiceError> for ProblemView {
    fn from(error: &ServiceError) -> Self {
        let detail = match error.class() {
            ErrorClass::Unavailable => "the service cannot do this at the moment: try again later".to_owned(),
            ErrorClass::Internal => "the service failed, and its log says why: tell its operator".to_owned(),
            _ => error.to_string(),
        };
        Self {
            code: error.code().to_owned(),
            status: error.http_status(),
            detail,
            retryable: error.is_retryable(),
            field: field(error.code()).map(str::to_owned),
        }
    }
}

impl From<ServiceError> for ProblemView {
    fn from(error: ServiceError) -> Self {
        Self::from(&error)
    }
}

impl From<SettingsError> for ProblemView {
    fn from(error: SettingsError) -> Self {
        let class = match &error {
            SettingsError::Refused(violation) => violation.code().class(),
            _ => ErrorClass::Invalid,
        };
        let field = match &error {
            SettingsError::Schedule(_) => Some("run"),
            SettingsError::PlaintextWithRecipients => Some("plaintext"),
            SettingsError::FirstRun => Some("first-run-now"),
            error => field(error.code()),
        };
        Self {
            code: error.code().to_owned(),
            status: class.http_status(),
            detail: error.to_string(),
            retryable: false,
            field: field.map(str::to_owned),
        }
    }
}

#[cfg(test)]
mod tests {
    use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};

    use super::*;

    #[test]
    fn a_refusal_keeps_its_code_and_its_message() {
        let refused = || RuleViolation::new(Code::OnHold, "a hold keeps the set: release it first");
        let problem = ProblemView::from(ServiceError::from(refused()));
        assert_eq!(
            serde_json::to_value(&problem).unwrap(),
            serde_json::json!({
                "type": "on_hold", "status": 409, "detail": "a hold keeps the set: release it first",
                "retryable": false
            })
        );
        assert_eq!(ProblemView::from(SettingsError::from(refused())), problem);
        assert_eq!(ProblemView::from(refused()), problem);
        assert_eq!(ProblemView::from(SettingsError::SplitSize).code, "invalid_split_size");
    }

    #[test]
    fn a_refusal_of_one_key_names_it() {
        let title = RuleViolation::new(Code::InvalidTitle, "give a title");
        assert_eq!(ProblemView::from(title).field.as_deref(), Some("title"));
        assert_eq!(ProblemView::from(SettingsError::SplitSize).field.as_deref(), Some("split-size"));
        let recipient = RuleViolation::new(Code::UnknownRecipient, "add it first");
        assert_eq!(ProblemView::from(SettingsError::from(recipient)).field.as_deref(), Some("recipient"));
        assert_eq!(ProblemView::from(RuleViolation::new(Code::JobBusy, "wait")).field, None);
    }

    #[test]
    fn what_fails_inside_is_not_told() {
        for (kind, status) in [(CatalogErrorKind::Unavailable, 503), (CatalogErrorKind::Corrupt, 500)] {
            let problem = ProblemView::from(ServiceError::from(CatalogError::new(kind, "/srv/cdds.db")));
            assert_eq!((problem.status, problem.retryable), (status, status == 503));
            assert!(!problem.detail.contains("srv"), "{}", problem.detail);
        }
    }
}
