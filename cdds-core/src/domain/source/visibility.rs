//! Rule J16: which owners see something that the service registers for all of them.

use std::collections::BTreeSet;

use crate::domain::id::Owner;

/// The owners to whom something registered is visible (rule J16). To every other owner it is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Visibility {
    /// Every owner, also one who comes later.
    #[default]
    AllOwners,
    /// These owners and no others. Without any, nobody sees it.
    Owners(BTreeSet<Owner>),
}

impl Visibility {
    /// Names the only owners to whom something is visible.
    pub fn owners(owners: impl IntoIterator<Item = Owner>) -> Self {
        Self::Owners(owners.into_iter().collect())
    }

    /// Whether this owner sees it.
    pub fn is_visible_to(&self, owner: &Owner) -> bool {
        match self {
            Self::AllOwners => true,
            Self::Owners(owners) => owners.contains(owner),
        }
    }
}
