//! The data types of a job, each with its own selection (rule J17).

use cdds_core::domain::id::TypeId;
use cdds_core::domain::job::{Read, Reads};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Filter, Template};
use cdds_core::domain::violation::{Code, RuleViolation};
use serde::{Deserialize, Serialize};

use super::FilterForm;
use crate::selection::Selection;

/// The data types of a job: the id of one, or an array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(
    untagged,
    expecting = "a type like \"contact\", or an array of types, each a text or {\"type\", \"category\", \"field\", \"filter\"}"
)]
pub enum TypesForm {
    /// `"contact"`
    One(String),
    /// `["contact", {"type": "interaction", "filter": ["status=open"]}]`
    Several(Vec<ReadForm>),
}

/// One of several data types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged, expecting = "a type like \"contact\", or {\"type\", \"category\", \"field\", \"filter\"}")]
pub enum ReadForm {
    /// A data type with the job's own `category`, `field` and `filter`.
    Named(String),
    /// A data type with selections of its own.
    Spelled(SpelledRead),
}

/// A data type with selections of its own. A missing one is that of the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SpelledRead {
    /// The id of the data type.
    #[serde(rename = "type")]
    pub data_type: String,
    /// The categories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Selection>,
    /// The fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Selection>,
    /// The filters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Vec<FilterForm>>,
}

impl From<&Read> for SpelledRead {
    /// Leaves out every selection that is the default.
    fn from(read: &Read) -> Self {
        let Template { fields, filters } = &read.template;
        Self {
            data_type: read.data_type.to_string(),
            category: (read.categories != CategorySelection::All).then(|| read.categories.clone().into()),
            field: (*fields != FieldSelection::All).then(|| fields.clone().into()),
            filter: (!filters.is_empty()).then(|| filters.iter().map(FilterForm::from).collect()),
        }
    }
}

impl From<&Reads> for TypesForm {
    fn from(reads: &Reads) -> Self {
        match reads.only() {
            Some(read) => Self::One(read.data_type.to_string()),
            None => Self::Several(reads.iter().map(|read| ReadForm::Spelled(read.into())).collect()),
        }
    }
}

impl SpelledRead {
    /// Returns the read, with the selections of `others` where it has none. Whether categories and fields are
    /// declared is decided when the job is saved (rules J3, J4).
    ///
    /// # Errors
    /// A name, a selection or a filter that is not possible.
    fn over(self, others: &Read) -> Result<Read, RuleViolation> {
        let Template { mut fields, mut filters } = others.template.clone();
        if let Some(typed) = self.field {
            fields = field_selection(typed)?;
        }
        if let Some(typed) = self.filter {
            filters = typed.into_iter().map(Filter::try_from).collect::<Result<_, _>>()?;
        }
        let categories = self.category.map_or_else(|| others.categories.clone(), categories);
        let read = Read::of(TypeId::new(self.data_type)?).with_categories(categories);
        Ok(read.with_template(Template::new(fields, filters)?))
    }
}

impl ReadForm {
    /// Returns the id of the data type.
    pub fn data_type(&self) -> &str {
        match self {
            Self::Named(data_type) => data_type,
            Self::Spelled(spelled) => &spelled.data_type,
        }
    }

    /// Returns the read, with the selections of `others` where it has none.
    ///
    /// # Errors
    /// A name, a selection or a filter that is not possible.
    pub fn over(self, others: &Read) -> Result<Read, RuleViolation> {
        match self {
            Self::Named(data_type) => Ok(others.clone().with_data_type(TypeId::new(data_type)?)),
            Self::Spelled(spelled) => spelled.over(others),
        }
    }
}

/// Parses the id of a data type, or the JSON of an object if the type has selections of its own.
///
/// # Errors
/// [`Code::InvalidTypes`] for an object of another form; the message leaves out the text, whose filters may
/// be personal data.
pub fn typed_read(text: &str) -> Result<ReadForm, RuleViolation> {
    if !text.starts_with('{') {
        return Ok(ReadForm::Named(text.to_owned()));
    }
    serde_json::from_str(text).map(ReadForm::Spelled).map_err(|_| {
        let form = r#"{"type": "…", "category": ["…"], "field": ["…"], "filter": ["…"]}"#;
        let why = format!("a type that begins with a brace must have the form {form}");
        RuleViolation::new(Code::InvalidTypes, why)
    })
}

impl TypesForm {
    /// Returns the reads. `job` has the selections of types without their own; its type does not matter.
    ///
    /// # Errors
    /// A list of types, a name, a selection or a filter that is not possible.
    pub fn reads(self, job: &Read) -> Result<Reads, RuleViolation> {
        match self {
            Self::One(data_type) => ReadForm::Named(data_type).over(job).map(Reads::one),
            Self::Several(forms) => {
                let reads = forms.into_iter().map(|form| form.over(job));
                Reads::new(reads.collect::<Result<Vec<_>, _>>()?)
            }
        }
    }
}

/// Returns the categories. Whether they are declared is decided when the job is saved (rule J3).
pub(super) fn categories(selection: Selection) -> CategorySelection {
    match selection {
        Selection::All => CategorySelection::All,
        Selection::Only(values) => {
            CategorySelection::Only(values.into_iter().filter(|value| !value.is_empty()).collect())
        }
    }
}

pub(super) fn field_selection(fields: Selection) -> Result<FieldSelection, RuleViolation> {
    match fields {
        Selection::All => Ok(FieldSelection::All),
        Selection::Only(names) => FieldNames::new(names).map(FieldSelection::Only),
    }
}
