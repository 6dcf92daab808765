//! Names of principals.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::action::Role;
use crate::domain::violation::{Code, RuleViolation, quoted};

/// The maximum length of a name, in characters.
const CHARS_MAX: usize = 255;

/// The name of a person or a program, as the host knows it: an account, an address, the id of a token.
///
/// It is freer than other names, because accounts come from elsewhere: `EXAMPLE\ada` is one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalName(Arc<str>);

impl PrincipalName {
    /// Creates a name of 1 to 255 characters, none of which is a control character, and the first and last of
    /// which are not blank.
    ///
    /// # Errors
    /// [`Code::InvalidName`] for any other text.
    pub fn new(name: impl Into<String>) -> Result<Self, RuleViolation> {
        let name = name.into();
        let count = name.chars().count();
        if count == 0 || count > CHARS_MAX || name.trim() != name || name.chars().any(char::is_control) {
            return Err(RuleViolation::new(
                Code::InvalidName,
                format!(
                    "principal {} is not a valid name: use 1 to {CHARS_MAX} characters without control \
                     characters, and no blank at either end",
                    quoted(&name)
                ),
            ));
        }
        Ok(Self(name.into()))
    }

    /// Returns the name of a role, for whoever acts in it without a name of their own.
    pub fn of(role: Role) -> Self {
        Self(role.as_str().into())
    }

    /// Returns the name of a user or a token that has only a number.
    pub fn of_number(number: u64) -> Self {
        Self(number.to_string().into())
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PrincipalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PrincipalName {
    type Err = RuleViolation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_accounts_are_accepted_and_unprintable_ones_refused() {
        for name in ["ada", "1000", "ada@example.org", "EXAMPLE\\ada", "Ada Lovelace", "oidc|42"] {
            assert_eq!(PrincipalName::new(name).unwrap().as_str(), name);
        }
        for bad in ["", " ada", "ada ", "a\nb", "a\u{1b}[2J", &"x".repeat(256)] {
            assert_eq!(PrincipalName::new(bad).unwrap_err().code(), Code::InvalidName, "{bad:?}");
        }
    }
}
