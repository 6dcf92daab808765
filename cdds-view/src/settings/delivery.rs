//! The destinations and subscribers of a job as people type them (rules N1, N2).

use std::collections::BTreeSet;

use cdds_core::domain::delivery::path::PathTemplate;
use cdds_core::domain::delivery::{JobDestination, JobDestinations, Receipt};
use cdds_core::domain::id::DestinationId;
use cdds_core::domain::notice::NoticeKind;
use cdds_core::domain::notice::subscription::{Subscription, Subscriptions};
use cdds_core::domain::violation::{Code, RuleViolation};
use serde::{Deserialize, Serialize};

/// A destination: the text `partner` or `partner:in/{job}`, or an object if it has a receipt of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(
    untagged,
    expecting = "a destination like \"partner\" or \"partner:in/{job}\", or {\"destination\", \"path\", \"receipt\"}"
)]
pub enum DestinationForm {
    /// `partner`, or `partner:in/{job}` with a path of its own.
    Text(String),
    /// A destination in its parts.
    Spelled(SpelledDestination),
}

/// A destination in its parts: `{"destination": "partner", "path": "in/{job}", "receipt": "digest"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SpelledDestination {
    /// The id of a registered destination.
    pub destination: String,
    /// The folder below the destination's own, with placeholders (rule N7); `{job}/{yyyy}-{mm}-{dd}` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is compared before a file has its final name: `size` or `digest` (rule N6); that of the job by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::Receipt>))]
    pub receipt: Option<String>,
}

impl From<&JobDestination> for DestinationForm {
    /// Leaves out what is the default.
    fn from(one: &JobDestination) -> Self {
        let id = one.destination.to_string();
        let path = (one.path != PathTemplate::default()).then(|| one.path.to_string());
        // As a text, `none` takes all destinations away.
        if one.receipt == Receipt::default() && id != "none" {
            return Self::Text(path.map_or_else(|| id.clone(), |path| format!("{id}:{path}")));
        }
        let receipt = (one.receipt != Receipt::default()).then(|| one.receipt.to_string());
        Self::Spelled(SpelledDestination { destination: id, path, receipt })
    }
}

impl DestinationForm {
    /// Reads what is typed: a text, or an object in JSON, which begins with a brace.
    ///
    /// # Errors
    /// [`Code::InvalidDestinations`] if it begins with a brace and is not such an object.
    pub fn typed(text: &str) -> Result<Self, RuleViolation> {
        if !text.starts_with('{') {
            return Ok(Self::Text(text.to_owned()));
        }
        serde_json::from_str(text).map(Self::Spelled).map_err(|error| {
            let told = "write it like {\"destination\": \"partner\", \"receipt\": \"digest\"}";
            RuleViolation::new(
                Code::InvalidDestinations,
                format!("the destination cannot be read: {error}: {told}"),
            )
        })
    }

    /// Returns the destination, with `receipt` if it has none of its own. Whether it is registered is decided when the
    /// job is saved.
    ///
    /// # Errors
    /// A name, a path or a receipt that is not possible.
    pub fn read(self, receipt: Receipt) -> Result<JobDestination, RuleViolation> {
        let (id, path, own) = match self {
            Self::Text(text) => match text.split_once(':') {
                Some((id, path)) => (id.to_owned(), Some(path.to_owned()), None),
                None => (text, None, None),
            },
            Self::Spelled(SpelledDestination { destination, path, receipt }) => (destination, path, receipt),
        };
        let path = path.as_deref().map(PathTemplate::new).transpose()?.unwrap_or_default();
        let receipt = own.as_deref().map(parse_receipt).transpose()?.unwrap_or(receipt);
        Ok(JobDestination::new(DestinationId::new(id)?).with_path(path).with_receipt(receipt))
    }
}

/// Reads what is compared before a file has its final name (rule N6).
///
/// # Errors
/// [`Code::InvalidDestinations`] if it is neither `size` nor `digest`.
pub fn parse_receipt(text: &str) -> Result<Receipt, RuleViolation> {
    Receipt::parse(text).ok_or_else(|| {
        let told = format!("receipt {text:?} is not known: choose size or digest");
        RuleViolation::new(Code::InvalidDestinations, told)
    })
}

/// Reads kinds of notices with commas between them. `default` is `None`: the kinds that rule N2 names.
///
/// # Errors
/// [`Code::InvalidSubscribers`] if one is not known.
pub fn parse_notice_kinds(text: &str) -> Result<Option<BTreeSet<NoticeKind>>, RuleViolation> {
    if text == "default" {
        return Ok(None);
    }
    let kind = |name: &str| {
        NoticeKind::parse(name.trim()).ok_or_else(|| {
            let known: Vec<_> = NoticeKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let told =
                format!("notices of {name:?} are not known: choose from {}, or default", known.join(", "));
            RuleViolation::new(Code::InvalidSubscribers, told)
        })
    };
    text.split(',').map(kind).collect::<Result<_, _>>().map(Some)
}

/// Returns the destinations of a job.
pub(super) fn destinations(
    forms: Vec<DestinationForm>,
    receipt: Option<&str>,
) -> Result<JobDestinations, RuleViolation> {
    let receipt = receipt.map(parse_receipt).transpose()?.unwrap_or_default();
    JobDestinations::new(forms.into_iter().map(|form| form.read(receipt)).collect::<Result<Vec<_>, _>>()?)
}

/// Returns the subscribers of a job: `kinds` are those of subscribers that name none.
pub(super) fn subscriptions(texts: &[String], kinds: Option<&str>) -> Result<Subscriptions, RuleViolation> {
    let kinds = kinds.map(parse_notice_kinds).transpose()?.flatten();
    let read = |text: &String| {
        let one: Subscription = text.parse()?;
        Ok(Subscription { kinds: one.kinds.or_else(|| kinds.clone()), ..one })
    };
    Subscriptions::new(texts.iter().map(read).collect::<Result<Vec<_>, RuleViolation>>()?)
}
