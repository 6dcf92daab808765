//! Rules D4, D5: what becomes of records about a person who is to be forgotten.

use super::{Subject, SubjectField};
use crate::domain::id::{Owner, TypeId};
use crate::setters::setters;

/// What an erasure does with a record about the person (rule D5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ErasureRule {
    /// The record is deleted.
    #[default]
    Delete,
    /// The record stays, without what these fields hold. The fields that name people are among them; of these, an
    /// erasure empties those that name the person.
    Empty {
        /// The keys of outermost fields.
        fields: Vec<String>,
    },
    /// The record stays as it is.
    Keep {
        /// Why, in words for the person: a legal duty, say.
        reason: String,
    },
}

impl ErasureRule {
    /// Checks the rule against the fields of a type that name people.
    ///
    /// # Errors
    /// The reason, if the type names nobody, if a field that names people would stay, so that the person could still be
    /// found, or if no reason is given.
    pub fn check(&self, named: &[SubjectField]) -> Result<(), String> {
        if named.is_empty() {
            return Err(
                "records that name nobody cannot be erased: declare the fields that name people".to_owned()
            );
        }
        match self {
            Self::Empty { fields } => match named.iter().find(|field| !fields.contains(&field.key())) {
                Some(field) => Err(format!(
                    "the field {:?} names people and would stay: empty it, too, or delete the records",
                    field.name
                )),
                None => Ok(()),
            },
            Self::Keep { reason } if reason.trim().is_empty() => {
                Err("records are kept for a reason: say which".to_owned())
            }
            Self::Delete | Self::Keep { .. } => Ok(()),
        }
    }
}

/// A request to erase what a source holds about a person (rule D5).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EraseRequest {
    /// The owner whose records are erased (rule J16).
    pub owner: Owner,
    /// The data type.
    pub data_type: TypeId,
    /// The person.
    pub subject: Subject,
    /// Whether nothing is to change: the answer says what would.
    pub dry_run: bool,
}

setters! {
    EraseRequest {
        with_dry_run => dry_run: value bool;
    }
}

impl EraseRequest {
    /// Asks for the erasure of the owner's records about a person.
    pub fn new(owner: Owner, data_type: TypeId, subject: Subject) -> Self {
        Self { owner, data_type, subject, dry_run: false }
    }
}

/// What became of the records about a person, or would (rule D4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erased {
    /// How many were deleted or emptied.
    pub records: u64,
    /// Those that stay, by reason, each reason once; none without records.
    pub kept: Vec<Kept>,
}

/// Records that an erasure left (rule D5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Why, in words for people.
    pub reason: String,
    /// How many.
    pub records: u64,
}

/// Why records stay that are on hold: those that a type declares as such, one by one.
pub const ON_HOLD: &str = "on hold";

impl Erased {
    /// Adds records that stay.
    #[must_use]
    pub fn with_kept(mut self, reason: &str, records: u64) -> Self {
        match self.kept.iter_mut().find(|kept| kept.reason == reason) {
            Some(kept) => kept.records += records,
            None if records > 0 => self.kept.push(Kept { reason: reason.to_owned(), records }),
            None => {}
        }
        self
    }

    /// Counts as erased what was `found` before and is not there any more: a worker that has lost its claim and stood still
    /// may have erased it in between, and its own answer is not heard.
    #[must_use]
    pub(crate) fn since(self, found: &Self) -> Self {
        let stays = self.kept.iter().map(|kept| kept.records).fold(0, u64::saturating_add);
        Self { records: self.records.max(found.found().saturating_sub(stays)), ..self }
    }

    /// Returns how many records about the person were found.
    pub fn found(&self) -> u64 {
        self.kept.iter().map(|kept| kept.records).fold(self.records, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::subject::IdentifierKind;

    #[test]
    fn d5_a_rule_leaves_nothing_that_names_the_person() {
        let named = ["caller", "/contact/phone"].map(|name| SubjectField::new(name, IdentifierKind::Phone));
        let empty =
            |fields: &[&str]| ErasureRule::Empty { fields: fields.iter().map(|f| (*f).to_owned()).collect() };
        let keep = |reason: &str| ErasureRule::Keep { reason: reason.to_owned() };
        assert_eq!(ErasureRule::Delete.check(&named), Ok(()));
        assert_eq!(empty(&["notes", "contact", "caller"]).check(&named), Ok(()));
        assert!(empty(&["notes", "caller"]).check(&named).unwrap_err().contains("\"/contact/phone\""));
        assert_eq!(keep("kept for ten years by law").check(&named), Ok(()));
        assert!(keep(" ").check(&named).is_err() && ErasureRule::Delete.check(&[]).is_err());
    }

    #[test]
    fn d4_what_was_found_is_what_was_erased_and_what_stays() {
        let erased = Erased { records: 3, ..Erased::default() };
        let erased = erased.with_kept(ON_HOLD, 2).with_kept("law", 0).with_kept(ON_HOLD, 1);
        assert_eq!((erased.found(), erased.kept.len(), erased.kept[0].records), (6, 1, 3));
    }

    #[test]
    fn d4_what_somebody_else_has_erased_since_it_was_counted_counts() {
        let erased = |records, held| Erased { records, kept: Vec::new() }.with_kept(ON_HOLD, held);
        for (found, answer, counted) in [
            (erased(3, 1), erased(3, 1), 3),
            (erased(3, 1), erased(0, 1), 3),
            (erased(3, 1), erased(1, 2), 2),
            (erased(3, 1), erased(4, 0), 4),
            (erased(3, 0), erased(5, 0), 5),
            (erased(1, 0), erased(0, 9), 0),
        ] {
            assert_eq!(answer.clone().since(&found), Erased { records: counted, ..answer });
        }
    }
}
