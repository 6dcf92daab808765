//! Rules D1 to D8: the people whom records are about, as requests name them and records hold them, what they ask for, and
//! what becomes of it.

pub mod copies;
mod disclosure;
mod erasure;
mod field;
pub mod filter;
mod hash;
mod identifier;
mod kind;
mod ledger;
mod matcher;
mod named;
pub mod request;
mod task;
mod values;

use std::fmt;

pub use self::disclosure::CopyRule;
pub(crate) use self::disclosure::ShownFields;
pub use self::erasure::{EraseRequest, Erased, ErasureRule, Kept, ON_HOLD};
pub use self::field::{StoredForm, SubjectField};
pub use self::hash::{HashedIdentifier, KeyedHash, SealedIdentifiers};
pub use self::identifier::{Identifier, InvalidIdentifier};
pub use self::kind::{IdentifierKind, KindName};
pub use self::ledger::{ErasedType, ErasureEntry};
pub use self::matcher::SubjectMatcher;
pub use self::named::NamedPeople;
pub use self::task::{
    HOLD_LOOKED_AT, SubjectTask, TaskOutcome, TaskReport, TaskStanding, answered_at, task_id,
};
pub use self::values::SubjectValues;

/// One person, by all identifiers that a request names (rule D2): 1 to 20, ordered by kind and value, each once.
///
/// `Debug` shows the kinds alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    identifiers: Vec<Identifier>,
}

impl Subject {
    /// The most identifiers that a request names.
    pub const IDENTIFIERS_MAX: usize = 20;

    /// Names a person. Identifiers that are the same once normalised count once.
    ///
    /// # Errors
    /// [`InvalidIdentifier::Count`] if there are none, or more than [`IDENTIFIERS_MAX`](Self::IDENTIFIERS_MAX).
    pub fn new(identifiers: impl IntoIterator<Item = Identifier>) -> Result<Self, InvalidIdentifier> {
        let mut identifiers: Vec<Identifier> = identifiers.into_iter().collect();
        identifiers.sort_unstable();
        identifiers.dedup();
        match identifiers.len() {
            1..=Self::IDENTIFIERS_MAX => Ok(Self { identifiers }),
            found => Err(InvalidIdentifier::Count { found }),
        }
    }

    /// Returns the identifiers, ordered by kind and value.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// Returns the normalised values of one kind, in order.
    pub fn of_kind(&self, kind: &IdentifierKind) -> impl Iterator<Item = &str> {
        self.identifiers.iter().filter(move |one| one.kind() == kind).map(Identifier::expose)
    }

    /// Whether `text`, as a record holds it in a field of this kind, is one of the person's identifiers: both sides
    /// are compared normalised ([`IdentifierKind::normalise`]).
    pub fn is_named_by(&self, kind: &IdentifierKind, text: &str) -> bool {
        // Most reads name no identifier of most kinds.
        self.identifiers.iter().any(|one| one.kind() == kind)
            && kind.normalise(text).is_some_and(|value| self.of_kind(kind).any(|one| one == value))
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.identifiers.iter().map(Identifier::kind)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identifier(kind: &str, value: &str) -> Identifier {
        Identifier::new(kind.parse().unwrap(), value).unwrap()
    }

    #[test]
    fn d2_a_person_has_one_to_twenty_identifiers_in_order_and_each_once() {
        let phones = ["+49 30 123", "0049 30 123", "+49 40 1"].map(|value| identifier("phone", value));
        let person =
            Subject::new(phones.into_iter().chain([identifier("email", "Ada@Example.com")])).unwrap();
        let held: Vec<_> =
            person.identifiers().iter().map(|one| (one.kind().as_str(), one.expose())).collect();
        assert_eq!(held, [("email", "ada@example.com"), ("phone", "+4930123"), ("phone", "+49401")]);
        assert_eq!(Subject::new([]), Err(InvalidIdentifier::Count { found: 0 }));
        let many =
            |count: usize| Subject::new((0..count).map(|id| identifier("customer-id", &format!("{id}"))));
        assert!(many(20).is_ok());
        assert_eq!(many(21), Err(InvalidIdentifier::Count { found: 21 }));
    }

    #[test]
    fn d2_records_name_a_person_by_any_spelling_of_the_same_kind() {
        let person =
            Subject::new([identifier("phone", "+4930123"), identifier("customer-id", "c-7")]).unwrap();
        let named = |kind: &str, text| person.is_named_by(&kind.parse().unwrap(), text);
        assert!(named("phone", "0049 (0)30/123") && named("customer-id", " c-7 "));
        assert!(!named("phone", "+49 30 124") && !named("customer-id", "C-7") && !named("phone", "c-7"));
        assert!(!named("email", "+4930123") && !named("phone", ""));
    }

    #[test]
    fn d2_no_debug_form_holds_a_value() {
        let person = Subject::new([identifier("phone", "+4930123"), identifier("email", "ada@example.com")]);
        let shown = format!("{person:?}");
        assert!(!shown.contains("4930123") && !shown.contains("ada") && shown.contains("Phone"), "{shown}");
    }
}
