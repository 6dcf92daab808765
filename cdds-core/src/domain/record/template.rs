//! Rule J4: which fields and which records are exported.
//!
//! A template is defined in terms of the *exported* record, after rule A2. The same template therefore gives
//! the same export in whatever form a source keeps its records, and whether the source applies the template
//! itself or the engine does so with [`Template::apply`].

mod apply;
mod decimal;
mod filter;
mod list;
mod text;
mod value;

use std::collections::HashSet;

use crate::domain::source::DataType;
use crate::domain::violation::{Code, RuleViolation, quoted};
use crate::setters::setters;

pub use filter::{Condition, Filter, Operator};
pub use text::spells;
pub(in crate::domain) use text::unescaped;
pub use value::FieldValue;

/// The part of a type's records that is exported. The default is every record with every field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// The exported fields.
    pub fields: FieldSelection,
    /// Filters. A record is exported if it matches all of them.
    pub filters: Vec<Filter>,
}

setters! {
    Template {
        with_fields => fields: value FieldSelection;
        with_filters => filters: value Vec<Filter>;
    }
}

/// The outermost keys of a record that are exported, in the source's order. A record that is left without any
/// is exported as `{}`, so that it is not lost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FieldSelection {
    /// Every field.
    #[default]
    All,
    /// Only these fields.
    Only(FieldNames),
}

/// The names of one or more fields, without repetitions, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldNames(Vec<String>);

/// The longest name of a field, in characters.
const NAME_CHARS_MAX: usize = 255;

impl FieldNames {
    /// The most names: as many as a SQLite table can have columns.
    pub const COUNT_MAX: usize = 2_000;

    /// Creates the list of names. Repeated names count once.
    ///
    /// # Errors
    /// [`Code::InvalidTemplate`] if there are no names or more than 2,000, or if one is empty or longer than
    /// 255 characters.
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

    /// Returns the names, at least one.
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

    /// Returns the names, or `None` if all fields are exported.
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

    /// Creates a template of these fields and filters.
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

    /// Checks the template against the declarations of a type. A type that does not declare its fields
    /// accepts any name; a name that no record has is then missing in all of them.
    ///
    /// # Errors
    /// [`Code::UnknownField`] if a name is not declared, [`Code::InvalidTemplate`] if there are more than 100
    /// filters.
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
                    "type {} has no field {}: choose from {}",
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

/// Checks the lists of all filters of a job together, since each of its executions stores them (rule J4).
///
/// # Errors
/// [`Code::InvalidTemplate`] if there are more than 10,000 values or 512 KiB of them.
pub(in crate::domain) fn check_lists<'a>(
    filters: impl IntoIterator<Item = &'a Filter>,
) -> Result<(), RuleViolation> {
    let sizes = filters.into_iter().map(Filter::list_size);
    let (count, bytes) = sizes.fold((0, 0), |(count, bytes), (more, longer)| (count + more, bytes + longer));
    list::check_size(count, bytes, || "the lists of all filters together".to_owned())
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
