//! Rule D2: kinds of identifiers, and when two spellings are one value.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use super::InvalidIdentifier;

/// What an identifier is: it decides which spellings are the same value (rule D2). As text: `phone`, `email`, or
/// another name such as `customer-id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierKind {
    /// An e-mail address. Case makes no difference, also before the `@`: there are next to no mailboxes that
    /// differ in case alone, and many records that do.
    Email,
    /// A telephone number. Separators make no difference, and a first `00` is `+`. A number without a country code
    /// equals none with one.
    Phone,
    /// Any other, compared exactly but for white space at its ends.
    Other(KindName),
}

/// The name of a kind other than those with rules of their own: `[a-z][a-z0-9_-]{0,31}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindName(Arc<str>);

impl KindName {
    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl IdentifierKind {
    /// The most characters of a name.
    pub const CHARS_MAX: usize = 32;

    /// Returns the kind as text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Other(name) => name.as_str(),
        }
    }

    /// Returns the form in which values of this kind are compared, or `None` if the text is no value of this kind:
    /// it is empty, or a telephone number has letters. Normalising twice changes nothing more.
    pub fn normalise<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        match self.plain(text.as_bytes()) {
            Some(plain) => text.get(text.len() - plain.len()..).map(Cow::Borrowed),
            None => self.normalise_any(text),
        }
    }

    /// Returns the end of a value that is compared as it is written, which is said in few steps: most sources store
    /// values so. Such values are of ASCII alone.
    pub(super) fn plain<'v>(&self, value: &'v [u8]) -> Option<&'v [u8]> {
        let plain = match self {
            Self::Phone => value.strip_prefix(SCHEME.as_bytes()).unwrap_or(value),
            Self::Email | Self::Other(_) => value,
        };
        let is_plain = match self {
            Self::Email => each(plain, |byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()),
            // Two zeros stand for a plus.
            Self::Phone => {
                let digits = plain.strip_prefix(b"+").unwrap_or(plain);
                !digits.is_empty() && each(digits, |byte| byte.is_ascii_digit()) && !plain.starts_with(b"00")
            }
            Self::Other(_) => each(plain, |byte| byte.is_ascii_graphic()),
        };
        (is_plain && !plain.is_empty()).then_some(plain)
    }

    fn normalise_any<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        let value = match self {
            Self::Email => Cow::Owned(email(text.trim())),
            Self::Phone => Cow::Owned(phone(text)?),
            Self::Other(_) => Cow::Borrowed(text.trim()),
        };
        (!value.is_empty()).then_some(value)
    }
}

/// Whether all bytes are as they should be. Most values are, so that nothing is won by stopping at the first that is not,
/// and several are compared at once.
fn each(bytes: &[u8], is_right: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(true, |all, byte| all & is_right(*byte))
}

/// Lowercases an address, with one form for each character that Unicode can write in several.
fn email(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower: String = text.nfc().flat_map(char::to_lowercase).collect();
    lower.nfc().collect()
}

/// Returns the digits of a number behind its `+`, if it has one.
fn phone(text: &str) -> Option<String> {
    let text = text.trim_matches(is_separator);
    let text = match text.get(..SCHEME.len()) {
        Some(scheme) if scheme.eq_ignore_ascii_case(SCHEME) => &text[SCHEME.len()..],
        _ => text,
    };
    let mut value = String::with_capacity(text.len() + 1);
    // Whether the digit before is a zero alone in brackets: `+49 (0)30`.
    let mut bracketed = Bracket::None;
    for c in text.chars() {
        match c {
            '0'..='9' => value.push(c),
            '+' | '\u{ff0b}' if value.is_empty() => value.push('+'),
            c if is_separator(c) => {}
            _ => return None,
        }
        if value == "00" {
            "+".clone_into(&mut value);
        }
        bracketed = bracketed.after(c);
        // Dialled within the country alone, though people write it behind the country's code.
        if bracketed == Bracket::Zero && value.starts_with('+') && value.ends_with('0') {
            value.pop();
        }
    }
    (value != "+").then_some(value)
}

/// The scheme of telephone numbers as addresses (RFC 3966).
const SCHEME: &str = "tel:";

/// How much of `(0)` has been read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    None,
    Open,
    OpenZero,
    Zero,
}

impl Bracket {
    fn after(self, c: char) -> Self {
        match (self, c) {
            (_, '(') => Self::Open,
            (Self::Open, '0') => Self::OpenZero,
            (Self::OpenZero, ')') => Self::Zero,
            (before @ (Self::Open | Self::OpenZero), c) if c.is_whitespace() => before,
            _ => Self::None,
        }
    }
}

fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '.' | '(' | ')' | '/')
        // Dashes, and marks without a width, as they come along from documents and web pages.
        || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ad}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl fmt::Display for IdentifierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for IdentifierKind {
    type Err = InvalidIdentifier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        match text {
            "email" => Ok(Self::Email),
            "phone" => Ok(Self::Phone),
            _ if text.len() <= Self::CHARS_MAX
                && text.starts_with(|first: char| first.is_ascii_lowercase())
                && text.chars().all(is_legal) =>
            {
                Ok(Self::Other(KindName(text.into())))
            }
            _ => Err(InvalidIdentifier::Kind),
        }
    }
}

impl Serialize for IdentifierKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for IdentifierKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kind(text: &str) -> IdentifierKind {
        text.parse().unwrap()
    }

    #[test]
    fn d2_kinds_are_read_and_written_as_text() {
        for text in ["phone", "email", "customer-id", "a", "a_2", &"x".repeat(32)] {
            assert_eq!(kind(text).to_string(), text);
            let json = serde_json::to_string(&kind(text)).unwrap();
            assert_eq!(serde_json::from_str::<IdentifierKind>(&json).unwrap(), kind(text));
        }
        for text in ["", "Phone", "7a", "-a", "a b", "ä", "a.b", &"x".repeat(33)] {
            assert_eq!(text.parse::<IdentifierKind>(), Err(InvalidIdentifier::Kind), "{text:?}");
        }
    }

    #[test]
    fn d2_spellings_of_one_value_are_normalised_to_it() {
        for (of, spelling, expected) in [
            ("phone", "+49 30 123", Some("+4930123")),
            ("phone", "+49 (0)30 / 123-4", Some("+49301234")),
            ("phone", "0049 ( 0 ) 30.123", Some("+4930123")),
            ("phone", "tel:+49-30-123", Some("+4930123")),
            ("phone", "\u{202a}+49\u{a0}30\u{2011}123\u{202c}", Some("+4930123")),
            ("phone", "(030) 123", Some("030123")),
            ("phone", "(0) 30", Some("030")),
            ("phone", "0 0 49", Some("+49")),
            ("phone", "0(0)49", Some("+49")),
            ("phone", "4930123", Some("4930123")),
            ("phone", "49+30", None),
            ("phone", "anonymous", None),
            ("phone", "+", None),
            ("phone", " - ", None),
            ("email", " Foo.Bar@Example.COM\n", Some("foo.bar@example.com")),
            ("email", "JOSE\u{301}@EXAMPLE.COM", Some("jos\u{e9}@example.com")),
            ("email", "", None),
            ("customer-id", "\tAb 7 ", Some("Ab 7")),
            ("customer-id", "  ", None),
        ] {
            assert_eq!(kind(of).normalise(spelling).as_deref(), expected, "{of} {spelling:?}");
        }
    }

    proptest! {
        #[test]
        fn d2_plain_values_become_what_all_values_become(
            number in "(tel:){0,2}\\+?[0-9]{0,6}",
            address in "[aA@. ]{0,5}",
            text in "\\PC{0,4}",
        ) {
            for of in ["phone", "email", "customer-id"].map(kind) {
                for text in [&number, &address, &text] {
                    prop_assert_eq!(of.normalise(text), of.normalise_any(text));
                }
            }
        }

        #[test]
        fn d2_normalising_twice_changes_nothing_more(text in "\\PC{0,40}", digits in "[+0-9() ./-]{0,24}") {
            for of in ["phone", "email", "customer-id"].map(kind) {
                for text in [&text, &digits] {
                    if let Some(once) = of.normalise(text) {
                        prop_assert_eq!(of.normalise(&once), Some(once.clone()));
                    }
                }
            }
        }

        #[test]
        fn d2_separators_and_case_make_no_difference(
            digits in "[1-9][0-9]{5,14}",
            separators in prop::collection::vec("[ ./\u{a0}\u{2011}-]?", 15),
            address in "[a-z0-9._]{1,20}@[a-z0-9.]{1,20}",
        ) {
            let spelt: String = digits.chars().zip(&separators).flat_map(|(c, s)| s.chars().chain([c])).collect();
            for prefix in ["+", "00", " 00 ", "tel:+"] {
                let normalised = IdentifierKind::Phone.normalise(&format!("{prefix}{spelt}")).unwrap().into_owned();
                prop_assert_eq!(normalised, format!("+{digits}"));
            }
            let email = IdentifierKind::Email.normalise(&address.to_uppercase()).unwrap().into_owned();
            prop_assert_eq!(email, address);
        }
    }
}
