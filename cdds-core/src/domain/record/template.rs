//! Rule J4: which fields are exported, and which records.
//!
//! What a template means is said in terms of the *exported* record, after rule A2: whatever a source keeps
//! its records in, the same template gives the same export, whether the source applies it itself or the
//! engine does with [`Template::apply`].

mod apply;
mod decimal;
mod filter;
mod text;
mod value;

use std::collections::HashSet;

use crate::domain::source::DataType;
use crate::domain::violation::{Code, RuleViolation, quoted};

pub use filter::{Filter, Operator};
pub use text::spells;
pub(in crate::domain) use text::unescaped;
pub use value::FieldValue;

/// What of the records of a type is exported; by default every record with every field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// Which fields.
    pub fields: FieldSelection,
    /// Which records: those that match every filter.
    pub filters: Vec<Filter>,
}

/// Which of a record's outermost keys are exported, in the source's order. A record that is left without
/// any is exported as `{}`: it is never lost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FieldSelection {
    /// Every field.
    #[default]
    All,
    /// These only.
    Only(FieldNames),
}

/// One or more names of fields, each once, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldNames(Vec<String>);

/// The longest name of a field, characters.
const NAME_CHARS_MAX: usize = 255;

impl FieldNames {
    /// The most names; what a SQLite table can have columns.
    pub const COUNT_MAX: usize = 2_000;

    /// Takes the names; repeated ones count once.
    ///
    /// # Errors
    /// [`Code::InvalidTemplate`] if there is none or more than 2,000, or one is empty or longer than 255
    /// characters.
    pub fn new(names: impl IntoIterator<Item = String>) -> Result<Self, RuleViolation> {
        let mut seen = HashSet::new();
        let mut distinct = Vec::new();
        for name in names {
            check_name(&name)?;
            if seen.insert(name.clone()) {
                distinct.push(name);
            }
            if distinct.len() > Self::COUNT_MAX {
                return Err(invalid(format!(
                    "more than {} fields are named: leave the selection out for all",
                    Self::COUNT_MAX
                )));
            }
        }
        if distinct.is_empty() {
            return Err(invalid("no field is named: name at least one, or leave the selection out for all"));
        }
        Ok(Self(distinct))
    }

    /// The names, at least one.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl FieldSelection {
    /// Whether the outermost key `name` is exported.
    pub fn includes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.0.iter().any(|known| known == name),
        }
    }

    /// The names, if only some fields are exported.
    pub fn names(&self) -> Option<&[String]> {
        match self {
            Self::All => None,
            Self::Only(names) => Some(names.as_slice()),
        }
    }
}

impl Template {
    /// The most filters of one job.
    pub const FILTERS_MAX: usize = 100;

    /// A template of these fields and filters.
    ///
    /// # Errors
    /// [`Code::InvalidTemplate`] if there are more than 100 filters.
    pub fn new(fields: FieldSelection, filters: Vec<Filter>) -> Result<Self, RuleViolation> {
        let template = Self { fields, filters };
        template.check_count()?;
        Ok(template)
    }

    /// Whether every record is exported with every field.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the template against what a type declares. A type that does not declare its fields takes any
    /// name; one that no record has is missing in all of them.
    ///
    /// # Errors
    /// [`Code::UnknownField`] for a name outside the declared ones, [`Code::InvalidTemplate`] for more than
    /// 100 filters.
    pub fn check(&self, data_type: &DataType) -> Result<(), RuleViolation> {
        self.check_count()?;
        let Some(known) = &data_type.fields else {
            return Ok(());
        };
        let selected = self.fields.names().unwrap_or_default().iter().map(String::as_str);
        let mut named = selected.chain(self.filters.iter().map(Filter::field));
        match named.find(|name| !known.iter().any(|field| field == name)) {
            None => Ok(()),
            Some(unknown) => Err(RuleViolation::new(
                Code::UnknownField,
                format!(
                    "type {} has no field {}: choose out of {}",
                    data_type.id,
                    quoted(unknown),
                    known.join(", ")
                ),
            )),
        }
    }

    fn check_count(&self) -> Result<(), RuleViolation> {
        match self.filters.len() {
            0..=Self::FILTERS_MAX => Ok(()),
            count => Err(invalid(format!(
                "there are {count} filters: use {} or fewer, or filter in the source",
                Self::FILTERS_MAX
            ))),
        }
    }
}

fn check_name(name: &str) -> Result<(), RuleViolation> {
    match name.chars().count() {
        0 => Err(invalid("the name of a field is empty: name the field")),
        1..=NAME_CHARS_MAX => Ok(()),
        count => Err(invalid(format!(
            "the name of a field has {count} characters: fields have {NAME_CHARS_MAX} or fewer"
        ))),
    }
}

fn invalid(message: impl Into<String>) -> RuleViolation {
    RuleViolation::new(Code::InvalidTemplate, message)
}

#[cfg(test)]
mod tests;
