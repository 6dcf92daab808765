//! Rule D2: one identifier of a person.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use zeroize::Zeroizing;

use super::{IdentifierKind, Subject};

/// One identifier of a person: a telephone number, an e-mail address, the number of a customer (rule D2).
///
/// The value is normalised by its kind and has 1 to 320 characters, as an e-mail address may have (RFC 3696, erratum
/// 1690). It is wiped from memory when it is dropped; `Debug` and `Display` show the kind alone, and there is no
/// serialised form. So nothing writes it to a log, an error or the catalog unless it asks for it
/// ([`expose`](Self::expose)).
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    kind: IdentifierKind,
    value: Zeroizing<String>,
}

/// Why a text is no identifier, or a choice of them no person. Holds nothing of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIdentifier {
    /// The kind is no name.
    #[error(
        "a kind of identifier is phone, email, or another name of up to 32 small letters, digits, '-' and '_' that \
         begins with a letter"
    )]
    Kind,
    /// The value is empty or no value of its kind.
    #[error("the value is empty, or no value of its kind: a telephone number has digits and no letters")]
    Value,
    /// The value is too long.
    #[error("the value has more than 320 characters")]
    Length,
    /// There are too few or too many identifiers.
    #[error("{found} identifiers: name 1 to {}", Subject::IDENTIFIERS_MAX)]
    Count {
        /// How many there are, each counted once.
        found: usize,
    },
}

impl Identifier {
    /// The most characters of a normalised value.
    pub const CHARS_MAX: usize = 320;

    /// Takes in an identifier as a person writes it.
    ///
    /// # Errors
    /// [`InvalidIdentifier::Value`] if the text is no value of this kind, [`InvalidIdentifier::Length`] if it is too
    /// long.
    pub fn new(kind: IdentifierKind, text: &str) -> Result<Self, InvalidIdentifier> {
        let value = Zeroizing::new(kind.normalise(text).ok_or(InvalidIdentifier::Value)?.into_owned());
        match value.chars().nth(Self::CHARS_MAX) {
            None => Ok(Self { kind, value }),
            Some(_) => Err(InvalidIdentifier::Length),
        }
    }

    /// Returns the kind.
    pub fn kind(&self) -> &IdentifierKind {
        &self.kind
    }

    /// Returns the normalised value: personal data, which belongs in no log, no error and no catalog.
    pub fn expose(&self) -> &str {
        &self.value
    }
}

/// Reads `KIND=VALUE`, as people write it: `phone=+49 30 123`.
impl FromStr for Identifier {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, InvalidIdentifier> {
        let (kind, value) = text.split_once('=').ok_or(InvalidIdentifier::Kind)?;
        Self::new(kind.trim().parse()?, value)
    }
}

impl Ord for Identifier {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.kind, self.expose()).cmp(&(&other.kind, other.expose()))
    }
}

impl PartialOrd for Identifier {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Identifier {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.kind, self.expose()).hash(state);
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identifier").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d2_identifiers_are_normalised_bounded_and_shown_by_their_kind() {
        let email = |text: &str| Identifier::new(IdentifierKind::Email, text);
        let found = email(" Ada@Example.com").unwrap();
        assert_eq!(found.expose(), "ada@example.com");
        assert_eq!(
            (found.to_string(), format!("{found:?}")),
            ("email".into(), "Identifier { kind: Email, .. }".into())
        );
        assert!(email(&"é".repeat(320)).is_ok());
        assert_eq!(email(&"e".repeat(321)), Err(InvalidIdentifier::Length));
        assert_eq!(email(" "), Err(InvalidIdentifier::Value));
        assert_eq!(Identifier::new(IdentifierKind::Phone, "ada"), Err(InvalidIdentifier::Value));
    }

    #[test]
    fn d2_an_identifier_is_read_as_people_write_it() {
        let read = |text: &str| text.parse::<Identifier>();
        assert_eq!(read(" phone = 0049 30 1"), Identifier::new(IdentifierKind::Phone, "+49301"));
        assert_eq!(read("customer-id=a=b").unwrap().expose(), "a=b");
        for (text, why) in [
            ("+49 30 1", InvalidIdentifier::Kind),
            ("Phone=+49 30 1", InvalidIdentifier::Kind),
            ("phone=", InvalidIdentifier::Value),
        ] {
            assert_eq!(read(text), Err(why), "{text}");
        }
    }
}
