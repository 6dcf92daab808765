//! Rules D2, D3: the steps of a request, each with who took it, and the words that people leave.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::domain::access::PrincipalName;
use crate::domain::subject::{Identifier, Subject};
use crate::domain::violation::{Code, RuleViolation};

/// A step that somebody took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestStep {
    /// Who.
    pub by: PrincipalName,
    /// When, by the clock of the catalog.
    pub at: DateTime<Utc>,
}

/// How a person's identity was checked, for the record (rule D2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Who has checked it: a person or a department.
    pub who: RequestText,
    /// How: `passport shown at the desk`. Never the number of the passport.
    pub how: RequestText,
}

/// The most characters of a text.
const CHARS_MAX: usize = 500;

/// What a person writes into a request: 1 to 500 characters without control characters. It stays on record when the
/// identifiers are destroyed, so it must hold none of them ([`check_against`](Self::check_against)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestText(String);

impl RequestText {
    /// Takes in a text, without white space at its ends.
    ///
    /// # Errors
    /// [`Code::InvalidSubjectRequest`] for an empty or a longer one, or one with control characters.
    pub fn new(text: &str) -> Result<Self, RuleViolation> {
        let text = text.trim();
        if text.is_empty() || text.chars().nth(CHARS_MAX).is_some() || text.chars().any(char::is_control) {
            let why = format!(
                "words about a request have 1 to {CHARS_MAX} characters, in one line: who checked, how, or why"
            );
            return Err(RuleViolation::new(Code::InvalidSubjectRequest, why));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Refuses a text that holds an identifier of the person, in whatever spelling each of its words may be: it would
    /// outlive the request (rule D6).
    ///
    /// # Errors
    /// [`Code::InvalidSubjectRequest`], which does not repeat the text.
    pub fn check_against(&self, subject: &Subject) -> Result<(), RuleViolation> {
        match held(&self.0, subject) {
            None => Ok(()),
            Some(one) => Err(RuleViolation::new(
                Code::InvalidSubjectRequest,
                format!(
                    "the words hold an identifier of the person ({one}), which would stay on record when the request \
                     has ended: say it without"
                ),
            )),
        }
    }
}

/// Whether words of a program or of people hold an identifier of the person, in whatever spelling each word may be
/// (rule D6). If so they are not put on record.
pub fn names_person(text: &str, subject: &Subject) -> bool {
    held(text, subject).is_some()
}

/// Returns the first identifier of the person that a text holds.
fn held<'s>(text: &str, subject: &'s Subject) -> Option<&'s Identifier> {
    let folded = text.to_lowercase();
    let digits_of = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    // People write a zero in brackets behind the country's code, which no identifier has (rule D2).
    let spelled = [digits_of(&bare), digits_of(&bare.replace("(0)", ""))];
    let holds = |value: &str| {
        let number = value.trim_start_matches('+');
        let is_number = number.len() >= DIGITS_MIN && number.bytes().all(|byte| byte.is_ascii_digit());
        holds_word(&folded, &value.to_lowercase())
            || is_number && spelled.iter().any(|digits| digits.contains(number))
    };
    subject.identifiers().iter().find(|one| holds(one.expose()))
}

/// Shorter numbers occur by chance in the digits of dates and of other numbers.
const DIGITS_MIN: usize = 6;

/// Whether a text holds a value: a short one only as a word, since it is also a part of others.
fn holds_word(text: &str, value: &str) -> bool {
    text.match_indices(value).any(|(at, found)| {
        let (before, after) = (text[..at].chars().next_back(), text[at + found.len()..].chars().next());
        let is_word = |next: Option<char>| !next.is_some_and(char::is_alphanumeric);
        value.len() >= DIGITS_MIN || is_word(before) && is_word(after)
    })
}

impl fmt::Display for RequestText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d2_words_are_short_and_in_one_line() {
        assert_eq!(RequestText::new(" passport at the desk ").unwrap().as_str(), "passport at the desk");
        assert!(RequestText::new(&"ü".repeat(500)).is_ok());
        for bad in ["", "  ", "a\nb", &"x".repeat(501)] {
            assert_eq!(RequestText::new(bad).unwrap_err().code(), Code::InvalidSubjectRequest, "{bad:?}");
        }
    }

    #[test]
    fn d6_words_hold_no_identifier_of_the_person() {
        let identifier = |kind: &str, value| Identifier::new(kind.parse().unwrap(), value).unwrap();
        let person = Subject::new([
            identifier("phone", "+49 30 123456"),
            identifier("email", "ada@example.com"),
            identifier("customer-id", "17"),
        ]);
        let person = person.unwrap();
        let check = |text| RequestText::new(text).unwrap().check_against(&person);
        for held in [
            "called 0049 30 / 123456",
            "called +49 (0)30/123456",
            "called +49( 0 )30 123456 back",
            "wrote from Ada@Example.COM.",
            "customer 17",
            "+4930123456",
        ] {
            let refused = check(held).unwrap_err();
            assert_eq!(refused.code(), Code::InvalidSubjectRequest, "{held}");
            assert!(!refused.to_string().contains(held), "{refused}");
        }
        for fine in ["called back on the number on file", "seen on 2017-03-01", "30 12 34"] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
    }
}
