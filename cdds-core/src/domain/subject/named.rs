//! Rule D1: whom records name, whoever that is.

use std::borrow::Cow;

use serde_json::Value;

use super::matcher::{text, whole};
use super::{IdentifierKind, SubjectField};
use crate::domain::record::prune;
use crate::domain::record::template::spells;

/// Reads from records the values of the fields that name people. It finds what a
/// [`SubjectMatcher`](super::SubjectMatcher) compares, for any person.
///
/// ```
/// use cdds_core::domain::subject::{IdentifierKind, NamedPeople, SubjectField};
///
/// let people = NamedPeople::new(&[SubjectField::new("/parties/phone", IdentifierKind::Phone)]);
/// let mut named = Vec::new();
/// people.of_line(br#"{"parties":[{"phone":"0049 30 1"},{"phone":4930}]}"#, |kind, text| {
///     named.extend(kind.normalise(text).map(|value| value.into_owned()));
/// });
/// assert_eq!(named, ["+49301", "4930"]);
/// ```
#[derive(Debug, Clone)]
pub struct NamedPeople {
    fields: Vec<Field>,
}

/// A subject field, prepared.
#[derive(Debug, Clone)]
struct Field {
    key: String,
    within: Vec<String>,
    kind: IdentifierKind,
}

impl NamedPeople {
    /// Prepares to read these fields.
    pub fn new(fields: &[SubjectField]) -> Self {
        let prepared = |field: &SubjectField| Field {
            key: field.key(),
            within: field.within(),
            kind: field.kind.clone(),
        };
        Self { fields: fields.iter().map(prepared).collect() }
    }

    /// Hands over each value that names somebody in a record, one JSON object, as it is written there, with its kind. Text
    /// that is no object names nobody.
    pub fn of_line(&self, line: &[u8], mut named: impl FnMut(&IdentifierKind, &str)) {
        // Of a key that is there several times, the last member counts (rule R7).
        let mut found: Vec<Option<&[u8]>> = vec![None; self.fields.len()];
        let read = prune::object(line, &mut Vec::new(), |key, value| {
            for (field, found) in self.fields.iter().zip(&mut found) {
                if spells(key, &field.key) {
                    *found = Some(value);
                }
            }
        });
        if read.is_err() {
            return;
        }
        for (field, member) in self.fields.iter().zip(found) {
            if let Some(member) = member {
                field.of_member(member, &mut named);
            }
        }
    }
}

impl Field {
    fn of_member(&self, member: &[u8], named: &mut impl FnMut(&IdentifierKind, &str)) {
        match member.first() {
            Some(b'[' | b'{') => {
                if let Ok(value) = serde_json::from_slice::<Value>(member) {
                    self.of_value(&value, &self.within, named);
                }
            }
            Some(b'"') if self.within.is_empty() => {
                let value: Option<Cow<'_, str>> = text(member);
                value.iter().for_each(|value| named(&self.kind, value));
            }
            Some(_) if self.within.is_empty() => {
                let value = std::str::from_utf8(member).ok().and_then(whole);
                value.iter().for_each(|value| named(&self.kind, value));
            }
            _ => {}
        }
    }

    fn of_value(&self, value: &Value, path: &[String], named: &mut impl FnMut(&IdentifierKind, &str)) {
        match (value, path.split_first()) {
            (Value::Array(elements), _) => elements.iter().for_each(|one| self.of_value(one, path, named)),
            (Value::Object(members), Some((key, rest))) => {
                members.get(key).into_iter().for_each(|member| self.of_value(member, rest, named));
            }
            (Value::String(text), None) => named(&self.kind, text),
            (Value::Number(number), None) => {
                whole(&number.to_string()).into_iter().for_each(|number| named(&self.kind, number));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::subject::{Identifier, Subject, SubjectMatcher};

    fn fields() -> Vec<SubjectField> {
        let phone = |name: &str| SubjectField::new(name, IdentifierKind::Phone);
        vec![phone("caller"), phone("/parties/contact/phone"), SubjectField::new("id", "id".parse().unwrap())]
    }

    /// JSON in which people are named in every possible place, and in none.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            prop::sample::select(vec!["+49 30 1", "0049301", "7", " 7 ", "", "no"]).prop_map(Value::from),
            (0_i64..9).prop_map(Value::from),
            Just(serde_json::json!(7.0)),
            Just(serde_json::json!(7.5)),
            Just(Value::Null),
        ];
        leaf.prop_recursive(4, 24, 3, |inner| {
            let keys = prop::sample::select(vec!["caller", "parties", "contact", "phone", "id"]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(keys, inner, 0..4)
                    .prop_map(|members| members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn d1_whoever_is_named_by_a_record_is_found_by_a_read_and_nobody_else(line in value()) {
            let line = serde_json::to_vec(&line).unwrap();
            let mut named = Vec::new();
            NamedPeople::new(&fields()).of_line(&line, |kind, text| {
                named.extend(Identifier::new(kind.clone(), text).ok());
            });
            for (kind, text) in [("phone", "+49301"), ("phone", "7"), ("id", "7"), ("id", "no"), ("id", "0")] {
                let one = Identifier::new(kind.parse().unwrap(), text).unwrap();
                let person = Subject::new([one.clone()]).unwrap();
                let matches = SubjectMatcher::new(&fields(), &person).matches_line(&line);
                prop_assert_eq!(named.contains(&one), matches, "{} {}", kind, text);
            }
        }
    }
}
