//! Version 1 of the stored template.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::record::template::{FieldNames, FieldSelection, Filter, Template};
use crate::domain::violation::RuleViolation;

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
    value: String,
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
}

impl From<&Template> for TemplateV1 {
    fn from(template: &Template) -> Self {
        let filter = |filter: &Filter| FilterV1 {
            field: filter.field().to_owned(),
            operator: filter.operator().as_str().to_owned(),
            value: filter.value().to_owned(),
        };
        Self {
            fields: template.fields.names().map(<[String]>::to_vec),
            filters: template.filters.iter().map(filter).collect(),
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
        Self::new(form.field, form.operator.parse()?, form.value)
    }
}
