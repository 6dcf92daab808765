//! The reads of stored settings: one in version 1, several in version 2, any number in version 3, of several sources in
//! version 6.

use serde::{Deserialize, Serialize};

use super::template::TemplateV1;
use super::{SettingsFields, StoredFormError};
use crate::domain::id::{SourceId, TypeId};
use crate::domain::job::{Read, Reads};
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::template::Template;
use crate::domain::violation::RuleViolation;

/// One of the reads of version 2 or later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadV2 {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<SourceId>,
    data_type: TypeId,
    categories: CategorySelection,
    #[serde(default, skip_serializing_if = "TemplateV1::is_default")]
    template: TemplateV1,
}

impl From<&Read> for ReadV2 {
    fn from(read: &Read) -> Self {
        Self {
            source: read.source.clone(),
            data_type: read.data_type.clone(),
            categories: read.categories.clone(),
            template: (&read.template).into(),
        }
    }
}

impl TryFrom<ReadV2> for Read {
    type Error = RuleViolation;

    fn try_from(form: ReadV2) -> Result<Self, Self::Error> {
        let template: Template = form.template.try_into()?;
        let read = Self::of(form.data_type).with_source(form.source);
        Ok(read.with_categories(form.categories).with_template(template))
    }
}

impl SettingsFields {
    /// Takes the read of version 1 out of the fields.
    pub(super) fn only_read(&mut self) -> Result<Reads, StoredFormError> {
        let (Some(data_type), Some(categories)) = (self.data_type.take(), self.categories.take()) else {
            return Err(StoredFormError::new("job settings", "version 1 has a data type and its categories"));
        };
        if !self.types.is_empty() {
            return Err(StoredFormError::new("job settings", "version 1 has no list of types"));
        }
        let template = std::mem::take(&mut self.template);
        check_no_list(&template)?;
        let read =
            Read::try_from(ReadV2 { source: None, data_type, categories, template }).map_err(refused)?;
        Ok(Reads::one(read))
    }

    /// Takes the reads of version 2 out of the fields.
    pub(super) fn several_reads(&mut self) -> Result<Reads, StoredFormError> {
        self.types.iter().try_for_each(|read| check_no_list(&read.template))?;
        self.listed_reads()
    }

    /// Takes the reads of version 3 out of the fields.
    pub(super) fn listed_reads(&mut self) -> Result<Reads, StoredFormError> {
        if self.types.iter().any(|read| read.source.is_some()) {
            return Err(StoredFormError::new(
                "job settings",
                "no version before 6 names a source for each type",
            ));
        }
        Reads::new(self.all_reads()?).map_err(refused)
    }

    /// Takes the reads of version 6 out of the fields.
    pub(super) fn reads_across(&mut self) -> Result<Reads, StoredFormError> {
        Reads::across(self.all_reads()?).map_err(refused)
    }

    fn all_reads(&mut self) -> Result<Vec<Read>, StoredFormError> {
        if self.data_type.is_some() || self.categories.is_some() || !self.template.is_default() {
            return Err(StoredFormError::new(
                "job settings",
                "from version 2 on there is a list of types instead of one type",
            ));
        }
        let reads = std::mem::take(&mut self.types).into_iter().map(Read::try_from);
        reads.collect::<Result<Vec<_>, _>>().map_err(refused)
    }
}

fn check_no_list(template: &TemplateV1) -> Result<(), StoredFormError> {
    match template.has_list() {
        true => Err(StoredFormError::new("job settings", "no version before 3 has filters with lists")),
        false => Ok(()),
    }
}

fn refused(violation: RuleViolation) -> StoredFormError {
    StoredFormError::new("job settings", violation)
}
