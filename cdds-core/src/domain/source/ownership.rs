//! Rule J16: whose the records of a data type are.

use super::DataType;
use crate::domain::id::{Owner, SourceId};
use crate::domain::violation::{Code, RuleViolation};

/// Whose the records of a data type are (rule J16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ownership {
    /// The type does not say. The [default owner](Owner::is_default), the only one of a service that does not
    /// tell owners apart, may export all records, and every other owner none.
    #[default]
    Unstated,
    /// Every owner who sees the source may export all records.
    Shared,
    /// The source returns and counts only the records of the request's owner. A record that names no owner
    /// belongs to nobody, and no read returns it.
    PerOwner,
}

impl Ownership {
    /// Whether an owner may read records of a type that says this of them.
    pub fn admits(self, owner: &Owner) -> bool {
        match self {
            Self::Unstated => owner.is_default(),
            Self::Shared | Self::PerOwner => true,
        }
    }
}

/// Checks that an owner may read records of a type.
pub(super) fn check(source: &SourceId, data_type: &DataType, owner: &Owner) -> Result<(), RuleViolation> {
    if data_type.ownership.admits(owner) {
        return Ok(());
    }
    Err(RuleViolation::new(
        Code::OwnershipUnstated,
        format!(
            "type {} of source {source} does not say whose its records are, so owner {owner} exports none of them: \
             declare them `Ownership::PerOwner` or `Ownership::Shared`; in the configuration, give the type \
             `owner = \"…\"`, the field that names the owner, or `shared = true`",
            data_type.id
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j16_only_the_default_owner_reads_records_of_which_nobody_says_whose_they_are() {
        let north = Owner::new("north").unwrap();
        assert!(Owner::default().is_default() && !north.is_default());
        for (ownership, expected) in
            [(Ownership::Unstated, false), (Ownership::Shared, true), (Ownership::PerOwner, true)]
        {
            assert_eq!(ownership.admits(&north), expected, "{ownership:?}");
            assert!(ownership.admits(&Owner::default()), "{ownership:?}");
        }
    }
}
