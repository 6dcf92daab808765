//! Rule J4: the fields of a data type, as their source knows them.

use crate::domain::subject::{IdentifierKind, SubjectField};

/// A field of a data type, as its source knows it: nothing of any record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// The name, as records, selections and filters spell it.
    pub name: String,
    /// The type that the source declares, in its own words, such as `character varying(40)`; `None` if it declares none.
    pub declared: Option<String>,
    /// Whether the source finds records by the field without looking at all of them.
    pub indexed: Indexed,
    /// What the field is used for, each once; most fields have no role.
    pub roles: Vec<FieldRole>,
}

impl Field {
    /// Creates a field of which nothing is known but its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), declared: None, indexed: Indexed::Unknown, roles: Vec::new() }
    }

    /// Sets the declared type.
    #[must_use]
    pub fn with_declared(self, declared: impl Into<String>) -> Self {
        Self { declared: Some(declared.into()), ..self }
    }

    /// Sets whether an index leads to the field.
    #[must_use]
    pub fn with_indexed(self, indexed: Indexed) -> Self {
        Self { indexed, ..self }
    }

    /// Adds roles that it does not have yet.
    #[must_use]
    pub fn with_roles(mut self, roles: impl IntoIterator<Item = FieldRole>) -> Self {
        for role in roles {
            if !self.roles.contains(&role) {
                self.roles.push(role);
            }
        }
        self
    }
}

/// Whether a source finds records by the values of a field, compared as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Indexed {
    /// An index of all records begins with the field.
    Fully,
    /// Only indexes of some of the records begin with it, which find none of the others.
    Partly,
    /// Only indexes of an expression of it are there, such as `lower(email)`, which do not find the values themselves.
    Expression,
    /// Only indexes in another order of text (collation) begin with it, which such a comparison cannot use.
    Collation,
    /// No index begins with it.
    No,
    /// The source does not know, as of a view.
    Unknown,
}

/// What a field is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldRole {
    /// It holds the event instant (rule W7).
    Time,
    /// It holds the instant of the last change (rule W7).
    Changed,
    /// It holds the category (rule J3).
    Category,
    /// It names data subjects by identifiers of this kind (rule D1).
    Subject(IdentifierKind),
    /// It names the owner (rule J16).
    Owner,
    /// It keeps a record from being erased (rule D5).
    Hold,
    /// It belongs to the key by which the source tells records apart.
    Key,
}

impl FieldRole {
    /// Returns the roles that these subject fields give to the field of this name (rule D1). A JSON pointer gives its
    /// role to the outermost key.
    pub fn of_subjects<'a>(
        subjects: &'a [SubjectField],
        name: &'a str,
    ) -> impl Iterator<Item = Self> + use<'a> {
        let named = subjects.iter().filter(move |subject| subject.key() == name);
        named.map(|subject| Self::Subject(subject.kind.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d1_a_pointer_gives_its_role_to_the_outermost_key_and_each_role_counts_once() {
        let subjects = [
            SubjectField::new("/customer/phone", IdentifierKind::Phone),
            SubjectField::new("/customer/mobile", IdentifierKind::Phone),
            SubjectField::new("customer", IdentifierKind::Email),
            SubjectField::new("phone", IdentifierKind::Phone),
        ];
        let field = Field::new("customer").with_roles(FieldRole::of_subjects(&subjects, "customer"));
        let roles = [IdentifierKind::Phone, IdentifierKind::Email].map(FieldRole::Subject);
        assert_eq!(field.roles, roles);
        assert_eq!(FieldRole::of_subjects(&subjects, "/customer/phone").count(), 0);
    }
}
