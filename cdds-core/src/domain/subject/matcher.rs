//! Rule D1: whether a record is about a person.

use std::borrow::Cow;

use serde_json::Value;

use super::{IdentifierKind, Subject, SubjectField};
use crate::domain::record::template::spells;
use crate::domain::record::{RecordBatch, prune};

/// Tells which records are about a person: those in which a subject field holds one of the person's identifiers of its
/// kind, both normalised (rule D1).
///
/// ```
/// use cdds_core::domain::subject::{Identifier, IdentifierKind, Subject, SubjectField, SubjectMatcher};
///
/// # fn main() -> Result<(), cdds_core::domain::subject::InvalidIdentifier> {
/// let ada = Subject::new([Identifier::new(IdentifierKind::Phone, "+49 30 123")?])?;
/// let fields = [SubjectField::new("caller", IdentifierKind::Phone), SubjectField::new("callee", IdentifierKind::Phone)];
/// let about_ada = SubjectMatcher::new(&fields, &ada);
/// assert!(about_ada.matches_line(br#"{"caller":"0049 (0)30 123","callee":"+49 40 9"}"#));
/// assert!(!about_ada.matches_line(br#"{"caller":"+49 40 9"}"#));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SubjectMatcher {
    fields: Vec<Field>,
    subject: Subject,
}

/// A subject field, prepared.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The key of the outermost object.
    pub(super) key: String,
    /// The keys of the objects within, from outside to inside.
    pub(super) within: Vec<String>,
    pub(super) kind: IdentifierKind,
}

impl Field {
    pub(super) fn new(field: &SubjectField) -> Self {
        Self { key: field.key(), within: field.within(), kind: field.kind.clone() }
    }
}

impl SubjectMatcher {
    /// Prepares to look for a person in these fields. Without any, no record is about the person.
    pub fn new(fields: &[SubjectField], subject: &Subject) -> Self {
        Self { fields: fields.iter().map(Field::new).collect(), subject: subject.clone() }
    }

    /// Returns the person.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Returns the number of fields; they are numbered from 0 in the order in which they were declared.
    pub fn fields(&self) -> usize {
        self.fields.len()
    }

    /// Returns the keys of the outermost members that the fields are in, by number.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.key.as_str())
    }

    /// Whether a field is in the outermost member with this key, as JSON spells it between its quotes.
    pub fn is_in(&self, field: usize, key: &[u8]) -> bool {
        self.fields.get(field).is_some_and(|field| spells(key, &field.key))
    }

    /// Whether the value of a field, as text, is one of the person's identifiers.
    pub fn is_named_by_text(&self, field: usize, text: &str) -> bool {
        self.fields.get(field).is_some_and(|field| self.subject.is_named_by(&field.kind, text))
    }

    /// Whether the outermost member that a field is in, as JSON, names the person.
    pub fn is_named_by_json(&self, field: usize, member: &[u8]) -> bool {
        let Some(field) = self.fields.get(field) else { return false };
        match member.first() {
            // Most values are neither: these need not be parsed.
            Some(b'[' | b'{') => serde_json::from_slice(member)
                .is_ok_and(|value: Value| self.is_within(field, &value, &field.within)),
            Some(b'"') if field.within.is_empty() => {
                text(member).is_some_and(|text| self.subject.is_named_by(&field.kind, &text))
            }
            Some(_) if field.within.is_empty() => std::str::from_utf8(member)
                .ok()
                .and_then(whole)
                .is_some_and(|number| self.subject.is_named_by(&field.kind, number)),
            _ => false,
        }
    }

    fn is_within(&self, field: &Field, value: &Value, path: &[String]) -> bool {
        match (value, path.split_first()) {
            (Value::Array(elements), _) => {
                elements.iter().any(|element| self.is_within(field, element, path))
            }
            (Value::Object(members), Some((key, rest))) => {
                members.get(key).is_some_and(|member| self.is_within(field, member, rest))
            }
            (Value::String(text), None) => self.subject.is_named_by(&field.kind, text),
            (Value::Number(number), None) => {
                whole(&number.to_string()).is_some_and(|number| self.subject.is_named_by(&field.kind, number))
            }
            _ => false,
        }
    }

    /// Whether a record, one JSON object, is about the person. Text that is no object is about nobody.
    pub fn matches_line(&self, line: &[u8]) -> bool {
        // Of a key that is there several times, the last member counts (rule R7).
        let mut found: Vec<Option<&[u8]>> = vec![None; self.fields.len()];
        let read = prune::object(line, &mut Vec::new(), |key, value| {
            for (field, found) in found.iter_mut().enumerate() {
                if self.is_in(field, key) {
                    *found = Some(value);
                }
            }
        });
        let mut found = found.iter().enumerate();
        read.is_ok()
            && found.any(|(field, value)| value.is_some_and(|value| self.is_named_by_json(field, value)))
    }

    /// Returns the records of a batch that are about the person.
    #[must_use]
    pub fn apply(&self, batch: &RecordBatch) -> RecordBatch {
        self.kept(batch, true)
    }

    /// Returns the records of a batch that are not about the person.
    #[must_use]
    pub fn without(&self, batch: &RecordBatch) -> RecordBatch {
        self.kept(batch, false)
    }

    fn kept(&self, batch: &RecordBatch, about: bool) -> RecordBatch {
        batch.rewritten(|line, lines| {
            let matches = self.matches_line(line) == about;
            if matches {
                lines.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            }
            matches
        })
    }
}

/// Decodes a JSON string; `None` if it holds half a surrogate pair.
pub(super) fn text(quoted: &[u8]) -> Option<Cow<'_, str>> {
    let plain = quoted.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', plain).is_some() {
        return serde_json::from_slice::<String>(quoted).ok().map(Cow::Owned);
    }
    std::str::from_utf8(plain).ok().map(Cow::Borrowed)
}

/// Returns the digits of a whole number; `None` for other numbers and words of JSON. The point of `4930.5` would
/// otherwise count as a separator of a telephone number.
pub(super) fn whole(number: &str) -> Option<&str> {
    let (digits, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole =
        is_number(digits.strip_prefix('-').unwrap_or(digits)) && fraction.bytes().all(|byte| byte == b'0');
    is_whole.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::record::{Place, RecordBatchBuilder};
    use crate::domain::subject::Identifier;

    fn matcher(fields: &[(&str, &str)], person: &[(&str, &str)]) -> SubjectMatcher {
        let fields: Vec<_> =
            fields.iter().map(|(name, kind)| SubjectField::new(*name, kind.parse().unwrap())).collect();
        let person =
            person.iter().map(|(kind, value)| Identifier::new(kind.parse().unwrap(), value).unwrap());
        SubjectMatcher::new(&fields, &Subject::new(person).unwrap())
    }

    #[test]
    fn d1_a_record_is_about_whom_one_of_its_subject_fields_names() {
        let fields = [("caller", "phone"), ("/parties/contact/phone", "phone"), ("customer", "customer-id")];
        let ada = matcher(&fields, &[("phone", "+49 30 123"), ("customer-id", "7")]);
        for (line, expected) in [
            (r#"{"caller":"+49 30 123"}"#, true),
            (r#"{"caller":"+49\u002030 123"}"#, true),
            (r#"{"c\u0061ller":["+1","0049 30 123"]}"#, true),
            (r#"{"caller":"+49 30 124"}"#, false),
            (r#"{"caller":7,"customer":"+4930123"}"#, false),
            (r#"{"callee":"+4930123"}"#, false),
            (r#"{"caller":{"caller":"+4930123"}}"#, false),
            (r#"{"parties":[{"contact":{"phone":"1"}},{"contact":[{"phone":"+4930123"}]}]}"#, true),
            (r#"{"parties":{"contact":"+4930123"}}"#, false),
            (r#"{"customer":7}"#, true),
            (r#"{"customer":7.0}"#, true),
            (r#"{"customer":7.5}"#, false),
            (r#"{"customer":7e0}"#, false),
            (r#"{"customer":[7]}"#, true),
            (r#"{"customer":true,"caller":null}"#, false),
            (r#"{"caller":"+4930123","caller":"+1"}"#, false),
            ("{", false),
        ] {
            assert_eq!(ada.matches_line(line.as_bytes()), expected, "{line}");
        }
        assert!(!matcher(&[], &[("phone", "1")]).matches_line(br#"{"caller":"1"}"#));
    }

    #[test]
    fn d1_a_number_is_no_telephone_number_with_separators() {
        let person = matcher(&[("caller", "phone")], &[("phone", "49305")]);
        assert!(
            person.matches_line(br#"{"caller":49305}"#) && person.matches_line(br#"{"caller":"4930.5"}"#)
        );
        assert!(
            !person.matches_line(br#"{"caller":4930.5}"#) && !person.matches_line(br#"{"caller":[4930.5]}"#)
        );
    }

    #[test]
    fn d1_the_records_of_a_batch_keep_their_places() {
        let mut builder = RecordBatchBuilder::new();
        for (place, caller) in [("a", "1"), ("b", "2"), ("a", "+1")] {
            let mut record = builder.record(&Place::of(Some(place.into()), None));
            record.text("caller", caller);
            record.finish();
        }
        let batch = builder.take();
        let found = matcher(&[("caller", "phone")], &[("phone", "2")]).apply(&batch);
        assert_eq!(&found.lines()[..], b"{\"caller\":\"2\"}\n");
        assert_eq!(found.places(), [Place::of(Some("b".into()), None)]);
        assert_eq!(matcher(&[("caller", "phone")], &[("phone", "2")]).without(&batch).records(), 2);
    }
}
