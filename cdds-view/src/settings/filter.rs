//! Filters as people type them.

use std::fmt;

use cdds_core::domain::record::template::Filter;
use cdds_core::domain::violation::{Code, RuleViolation};
use serde::{Deserialize, Serialize};

/// A filter: the text `status=open`, or an object where the text would mean another filter.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a filter: a text like \"status=open\", or {\"field\", \"operator\", \"value\"}"
)]
pub enum FilterForm {
    /// `status=open`
    Text(String),
    /// The same in its parts.
    Spelled(SpelledFilter),
}

/// A filter in its parts: `{"field": "status", "operator": "=", "value": "open"}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpelledFilter {
    /// The field.
    pub field: String,
    /// The comparison: `=`, `!=`, `<`, `<=`, `>`, `>=` or `*=` (contains).
    pub operator: String,
    /// The value.
    pub value: String,
}

/// Leaves out the value, which may be personal data.
impl fmt::Debug for FilterForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("FilterForm(…)"),
            Self::Spelled(spelled) => spelled.fmt(f),
        }
    }
}

impl fmt::Debug for SpelledFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpelledFilter({:?} {} …)", self.field, self.operator)
    }
}

impl From<&Filter> for FilterForm {
    fn from(filter: &Filter) -> Self {
        let short = filter.to_string();
        // On a command line `none` takes all filters away, and a brace begins an object.
        let clear = !short.starts_with('{') && short != "none";
        if clear && short.parse().is_ok_and(|read: Filter| read == *filter) {
            return Self::Text(short);
        }
        Self::Spelled(SpelledFilter {
            field: filter.field().to_owned(),
            operator: filter.operator().as_str().to_owned(),
            value: filter.value().to_owned(),
        })
    }
}

impl TryFrom<FilterForm> for Filter {
    type Error = RuleViolation;

    fn try_from(form: FilterForm) -> Result<Self, Self::Error> {
        match form {
            FilterForm::Text(text) => typed_filter(&text),
            FilterForm::Spelled(SpelledFilter { field, operator, value }) => {
                Self::new(field, operator.parse()?, value)
            }
        }
    }
}

/// Parses `field=value`, or the JSON of an object if the field's name holds an operator.
///
/// # Errors
/// [`Code::InvalidTemplate`] for anything else; the message leaves out the text, which may be personal data.
pub fn typed_filter(text: &str) -> Result<Filter, RuleViolation> {
    if !text.starts_with('{') {
        return text.parse();
    }
    let spelled: SpelledFilter = serde_json::from_str(text).map_err(|_| {
        let form = r#"{"field": "…", "operator": "=", "value": "…"}"#;
        let why = format!("a filter that begins with a brace must have the form {form}");
        RuleViolation::new(Code::InvalidTemplate, why)
    })?;
    FilterForm::Spelled(spelled).try_into()
}
