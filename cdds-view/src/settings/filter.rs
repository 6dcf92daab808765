//! Filters as people type them.

use std::fmt;

use cdds_core::domain::record::template::{Condition, Filter};
use cdds_core::domain::violation::{Code, RuleViolation};
use serde::{Deserialize, Serialize};

/// A filter: the text `status=open`, or an object where the text would mean another filter or has a list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(
    untagged,
    expecting = "a filter: a text like \"status=open\", {\"field\", \"operator\", \"value\"} or {\"field\", \"in\"}"
)]
pub enum FilterForm {
    /// `status=open`, or `status in new,open`
    Text(String),
    /// A filter with one value in its parts.
    Spelled(SpelledFilter),
    /// A filter with a list in its parts.
    Listed(ListedFilter),
}

/// A filter in its parts: `{"field": "status", "operator": "=", "value": "open"}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SpelledFilter {
    /// The field.
    pub field: String,
    /// The comparison: `=`, `!=`, `<`, `<=`, `>`, `>=` or `*=` (contains).
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::FilterOperator))]
    pub operator: String,
    /// The value.
    pub value: String,
}

/// A filter with a list: `{"field": "status", "in": ["new", "open"]}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ListedFilter {
    /// The field.
    pub field: String,
    /// The values, of which the field must equal one: 1 to 10,000.
    #[serde(rename = "in")]
    pub values: Vec<String>,
}

/// Leaves out the value, which may be personal data.
impl fmt::Debug for FilterForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("FilterForm(…)"),
            Self::Spelled(spelled) => spelled.fmt(f),
            Self::Listed(listed) => listed.fmt(f),
        }
    }
}

impl fmt::Debug for SpelledFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpelledFilter({:?} {} …)", self.field, self.operator)
    }
}

impl fmt::Debug for ListedFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ListedFilter({:?} in …)", self.field)
    }
}

impl From<&Filter> for FilterForm {
    fn from(filter: &Filter) -> Self {
        let field = filter.field().to_owned();
        // A list may be long: an array is easier to read and to change than one text.
        if let Condition::OneOf(values) = filter.condition() {
            return Self::Listed(ListedFilter { field, values: values.to_vec() });
        }
        let short = filter.to_string();
        // On a command line `none` takes all filters away, and a brace begins an object.
        let clear = !short.starts_with('{') && short != "none";
        if clear && short.parse().is_ok_and(|read: Filter| read == *filter) {
            return Self::Text(short);
        }
        Self::Spelled(SpelledFilter {
            field,
            operator: filter.condition().as_str().to_owned(),
            value: filter.values().first().cloned().unwrap_or_default(),
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
            FilterForm::Listed(ListedFilter { field, values }) => Self::one_of(field, values),
        }
    }
}

/// Parses `field=value` or `field in a,b`, or the JSON of an object if the field's name holds an operator.
///
/// # Errors
/// [`Code::InvalidTemplate`] for anything else; the message leaves out the text, which may be personal data.
pub fn typed_filter(text: &str) -> Result<Filter, RuleViolation> {
    if !text.starts_with('{') {
        return text.parse();
    }
    let form: FilterForm = serde_json::from_str(text).map_err(|_| {
        let forms = r#"{"field": "…", "operator": "=", "value": "…"} or {"field": "…", "in": ["…"]}"#;
        let why = format!("a filter that begins with a brace must have the form {forms}");
        RuleViolation::new(Code::InvalidTemplate, why)
    })?;
    form.try_into()
}
