//! The stored template. Filters with lists belong to version 3 of the settings; the rest is as in version 1.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::record::template::{Condition, FieldNames, FieldSelection, Filter, Template};
use crate::domain::violation::{Code, RuleViolation};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateV1 {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    filters: Vec<FilterV1>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FilterV1 {
    field: String,
    operator: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
}

impl fmt::Debug for FilterV1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilterV1({:?} {} …)", self.field, self.operator)
    }
}

impl TemplateV1 {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a filter has a list, which no version before 3 can say.
    pub(super) fn has_list(&self) -> bool {
        self.filters.iter().any(|filter| filter.operator == Filter::ONE_OF)
    }
}

impl From<&Filter> for FilterV1 {
    fn from(filter: &Filter) -> Self {
        let values = filter.values().to_vec();
        let (value, values) = match filter.condition() {
            Condition::OneOf(_) => (None, values),
            _ => (values.into_iter().next(), Vec::new()),
        };
        let operator = filter.condition().as_str().to_owned();
        Self { field: filter.field().to_owned(), operator, value, values }
    }
}

impl From<&Template> for TemplateV1 {
    fn from(template: &Template) -> Self {
        Self {
            fields: template.fields.names().map(<[String]>::to_vec),
            filters: template.filters.iter().map(FilterV1::from).collect(),
        }
    }
}

impl TryFrom<TemplateV1> for Template {
    type Error = RuleViolation;

    fn try_from(form: TemplateV1) -> Result<Self, Self::Error> {
        let fields = match form.fields {
            None => FieldSelection::All,
            Some(names) => FieldSelection::Only(FieldNames::new(names)?),
        };
        let filters = form.filters.into_iter().map(Filter::try_from);
        Self::new(fields, filters.collect::<Result<_, _>>()?)
    }
}

impl TryFrom<FilterV1> for Filter {
    type Error = RuleViolation;

    fn try_from(form: FilterV1) -> Result<Self, Self::Error> {
        let is_list = form.operator == Self::ONE_OF;
        match form.value {
            None if is_list => Self::one_of(form.field, form.values),
            Some(value) if !is_list && form.values.is_empty() => {
                Self::new(form.field, form.operator.parse()?, value)
            }
            _ => Err(RuleViolation::new(
                Code::InvalidTemplate,
                "a stored filter has one value, or a list if its operator is in",
            )),
        }
    }
}
