//! Rule D1: the fields of a record that name people.

use super::IdentifierKind;

/// A field of a data type that names a person, or several (rule D1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectField {
    /// The key of the outermost object or, if it begins with `/`, a JSON pointer (RFC 6901), which passes through all
    /// elements of an array. The value may be an array, each element of which names a person. Text and whole numbers
    /// are values; everything else names nobody.
    pub name: String,
    /// What the values are.
    pub kind: IdentifierKind,
    /// How they are stored.
    pub stored: StoredForm,
}

/// How a field stores the values that name people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StoredForm {
    /// As people wrote them, so that a read by subject has to look at every record.
    #[default]
    AsWritten,
    /// In the form of [`IdentifierKind::normalise`] alone, so that an index finds them. A promise: a value in another
    /// form is not found.
    Normalised,
}

impl SubjectField {
    /// Declares a field whose values are stored as people wrote them.
    pub fn new(name: impl Into<String>, kind: IdentifierKind) -> Self {
        Self { name: name.into(), kind, stored: StoredForm::default() }
    }

    /// Returns the key of the outermost object that the field is, or is in.
    pub fn key(&self) -> String {
        key(&self.name)
    }

    /// Returns the keys of the objects within, from outside to inside.
    pub(super) fn within(&self) -> Vec<String> {
        within(&self.name).collect()
    }

    /// Replaces how the values are stored.
    #[must_use]
    pub fn with_stored(self, stored: StoredForm) -> Self {
        Self { stored, ..self }
    }
}

/// Returns the key of the outermost object that a field is, or is in: a name that begins with `/` is a pointer.
pub(super) fn key(name: &str) -> String {
    let first = name.strip_prefix('/').and_then(|tokens| tokens.split('/').next());
    first.map_or_else(|| name.to_owned(), token)
}

/// Returns the keys of the objects within, from outside to inside.
pub(super) fn within(name: &str) -> impl Iterator<Item = String> {
    let tokens = name.strip_prefix('/').into_iter().flat_map(|tokens| tokens.split('/'));
    tokens.skip(1).map(token)
}

/// Reads a token of a JSON pointer (RFC 6901, section 4).
fn token(escaped: &str) -> String {
    escaped.replace("~1", "/").replace("~0", "~")
}
