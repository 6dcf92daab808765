//! Everything, or only some names.

use std::fmt;

use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::FieldSelection;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A selection of categories or of fields: `"all"`, or an array of names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Selection {
    /// Everything.
    #[default]
    All,
    /// Only these names. Categories are in the order of their names, fields in the order of the export.
    Only(Vec<String>),
}

impl Selection {
    /// Returns whether everything is selected.
    pub fn is_all(&self) -> bool {
        *self == Self::All
    }

    /// `all`, or the names with commas between them.
    pub fn words(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::Only(names) => names.join(","),
        }
    }
}

impl From<CategorySelection> for Selection {
    fn from(selection: CategorySelection) -> Self {
        match selection {
            CategorySelection::All => Self::All,
            CategorySelection::Only(values) => Self::Only(values.into_iter().collect()),
        }
    }
}

impl From<FieldSelection> for Selection {
    fn from(selection: FieldSelection) -> Self {
        match selection {
            FieldSelection::All => Self::All,
            FieldSelection::Only(names) => Self::Only(names.as_slice().to_vec()),
        }
    }
}

impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Only(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordOrNames)
    }
}

struct WordOrNames;

impl<'de> Visitor<'de> for WordOrNames {
    type Value = Selection;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"all\" or an array of names")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Selection, E> {
        match word {
            "all" => Ok(Selection::All),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Selection, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = seq.next_element()? {
            names.push(name);
        }
        Ok(Selection::Only(names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_or_an_array() {
        for (json, selection) in [
            ("\"all\"", Selection::All),
            ("[]", Selection::Only(Vec::new())),
            ("[\"all\"]", Selection::Only(vec!["all".to_owned()])),
        ] {
            assert_eq!(serde_json::from_str::<Selection>(json).unwrap(), selection);
            assert_eq!(serde_json::to_string(&selection).unwrap(), json);
        }
        let refused = serde_json::from_str::<Selection>("\"voice\"").unwrap_err().to_string();
        assert!(refused.contains("\"all\" or an array of names"), "{refused}");
    }
}
