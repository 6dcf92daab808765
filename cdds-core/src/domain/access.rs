//! Rules C1 to C3: who may do what.
//!
//! The host decides who somebody is, and gives every call of a service a [`Principal`]. The services check
//! it, so that no front end can forget to. What principals change and download is put on [record](audit).

pub mod action;
pub mod audit;
pub mod download;
pub mod link;
mod name;

use std::fmt;

pub use self::action::{Action, Actions, Role};
pub use self::name::PrincipalName;
use crate::domain::id::Owner;
use crate::setters::setters;

/// A person or a program that calls a service on behalf of an owner (rule C1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Principal {
    /// The name under which the host knows them.
    pub name: PrincipalName,
    /// The owner whose data they see and change.
    pub owner: Owner,
    /// The actions that they are allowed.
    pub actions: Actions,
}

setters! {
    Principal {
        with_name => name: value PrincipalName;
        with_owner => owner: value Owner;
        with_actions => actions: value Actions;
    }
}

impl Principal {
    /// Creates a principal with the actions of a role. [`with_actions`](Self::with_actions) replaces them.
    pub fn new(name: PrincipalName, owner: Owner, role: Role) -> Self {
        Self { name, owner, actions: role.actions() }
    }

    /// Creates the principal of a service that decides by itself who may do what: an administrator named after that role.
    /// The audit then says which owner, but not which person.
    pub fn host(owner: Owner) -> Self {
        Self::new(PrincipalName::of(Role::Administrator), owner, Role::Administrator)
    }

    /// Checks that the principal is allowed an action.
    ///
    /// # Errors
    /// [`Forbidden`] if it is not.
    pub fn check(&self, action: Action) -> Result<(), Forbidden> {
        if self.actions.contains(action) {
            return Ok(());
        }
        Err(Forbidden { principal: self.name.clone(), action })
    }
}

/// The refusal of an action that a principal is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forbidden {
    /// Who asked.
    pub principal: PrincipalName,
    /// The action.
    pub action: Action,
}

impl std::error::Error for Forbidden {}

/// Writes a sentence for people: who may not do what, and who may.
impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { principal, action } = self;
        let role = action.least_role();
        write!(f, "{principal} may not {}: ask {} to do it", action.in_words(), role.in_words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(role: Role) -> Principal {
        Principal::new(PrincipalName::new("ada").unwrap(), Owner::default(), role)
    }

    #[test]
    fn c1_a_principal_is_allowed_the_actions_it_was_given() {
        let viewer = somebody(Role::Viewer);
        assert_eq!(viewer.check(Action::See), Ok(()));
        let refused = viewer.check(Action::Download).unwrap_err();
        assert_eq!(refused.to_string(), "ada may not download artifacts: ask an operator to do it");
        let refused = somebody(Role::Operator).check(Action::DeleteArtifacts).unwrap_err();
        assert_eq!(refused.to_string(), "ada may not delete artifacts: ask an administrator to do it");
        let chosen = viewer.with_actions(Actions::NONE.with(Action::Download));
        assert_eq!(chosen.check(Action::Download), Ok(()));
        assert!(chosen.check(Action::See).is_err());
    }
}
