//! Rule J4: which fields are exported, and which records.

use super::violation::{Code, RuleViolation};

/// What of the records of a type is exported; by default every record with every field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// Which fields.
    pub fields: FieldSelection,
    /// Which records: those that match every filter.
    pub filters: Vec<Filter>,
}

/// Which of a record's outermost keys are exported, in the source's order.
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

/// A condition on one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    field: String,
    operator: Operator,
    value: String,
}

/// How a field is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `*=`: the text of the field contains that of the value.
    Contains,
}

impl FieldNames {
    /// Takes the names; repeated ones count once.
    ///
    /// # Errors
    /// [`Code::InvalidTemplate`] if there is none, or one is empty.
    pub fn new(names: impl IntoIterator<Item = String>) -> Result<Self, RuleViolation> {
        let mut distinct: Vec<String> = Vec::new();
        for name in names {
            if !distinct.contains(&name) {
                distinct.push(name);
            }
        }
        if distinct.is_empty() || distinct.iter().any(String::is_empty) {
            return Err(RuleViolation::new(
                Code::InvalidTemplate,
                "no field is named: name at least one, or leave the selection out for all",
            ));
        }
        Ok(Self(distinct))
    }

    /// The names, at least one.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}
