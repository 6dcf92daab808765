//! Rule J3: the categories of a data type that a job exports.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::domain::violation::{Code, RuleViolation, quoted};

/// A dimension that divides a data type, such as "media types" or "entity types" (rule J3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryDimension {
    /// The name of the dimension, for people.
    pub name: String,
    /// The declared values, in the order in which they are shown.
    pub values: Vec<String>,
}

/// The categories that are exported.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CategorySelection {
    /// Every record, with or without a category.
    #[default]
    All,
    /// Only records of these declared values. Never empty.
    Only(BTreeSet<String>),
}

impl CategorySelection {
    /// Creates a selection and checks it against the declared values of the type (rule J3).
    ///
    /// # Errors
    /// [`Code::UnknownCategory`] if a value is not declared, or the type declares none;
    /// [`Code::EmptyCategories`] if the selection is empty.
    pub fn only(
        values: impl IntoIterator<Item = String>,
        declared: Option<&CategoryDimension>,
    ) -> Result<Self, RuleViolation> {
        let values: BTreeSet<String> = values.into_iter().collect();
        if values.is_empty() {
            return Err(RuleViolation::new(
                Code::EmptyCategories,
                "no category is selected: name at least one, or leave the selection out for all",
            ));
        }
        let Some(declared) = declared else {
            return Err(RuleViolation::new(
                Code::UnknownCategory,
                "this data type has no categories: leave the selection out",
            ));
        };
        if let Some(unknown) = values.iter().find(|value| !declared.values.contains(value)) {
            return Err(RuleViolation::new(
                Code::UnknownCategory,
                format!(
                    "{} is not one of the {}: choose from {}",
                    quoted(unknown),
                    declared.name,
                    declared.values.join(", ")
                ),
            ));
        }
        Ok(Self::Only(values))
    }

    /// Whether a record with this category is exported. `None` stands for a record without one.
    pub fn includes(&self, category: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Only(values) => category.is_some_and(|category| values.contains(category)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media() -> CategoryDimension {
        CategoryDimension { name: "media types".into(), values: vec!["voice".into(), "chat".into()] }
    }

    #[test]
    fn j3_selections_are_all_or_declared_values() {
        let voice = CategorySelection::only(["voice".to_owned()], Some(&media())).unwrap();
        assert!(voice.includes(Some("voice")) && !voice.includes(Some("chat")) && !voice.includes(None));
        assert!(CategorySelection::All.includes(None));
    }

    #[test]
    fn j3_empty_and_unknown_are_refused() {
        let refused = |values: &[&str], declared: Option<&CategoryDimension>| {
            CategorySelection::only(values.iter().map(|v| (*v).to_owned()), declared).unwrap_err().code()
        };
        assert_eq!(refused(&[], Some(&media())), Code::EmptyCategories);
        assert_eq!(refused(&["fax"], Some(&media())), Code::UnknownCategory);
        assert_eq!(refused(&["voice"], None), Code::UnknownCategory);
    }
}
