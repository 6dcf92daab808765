//! The values that filters judge.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::decimal::Decimal;
use super::filter::{Filter, Operator, Test};
use super::list::ValueList;
use super::text::unescaped;
use crate::domain::record::json;

/// The value of a field, in the form in which a source has it.
///
/// It is judged as it would be exported. A source that applies filters itself passes the value that it would
/// pass to a [`RecordWriter`](crate::domain::record::RecordWriter), and so selects the same records as the
/// engine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue<'a> {
    /// The field does not exist or is empty.
    Missing,
    /// Text. Empty text counts as missing (rule A2).
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// A whole number without a sign.
    Unsigned(u64),
    /// A real number, compared as it is exported: as the shortest text that reads back as the same number, or
    /// as the text `NaN`, `Infinity` or `-Infinity`.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// Bytes, compared as the exported Base64 text. An empty slice counts as missing.
    Bytes(&'a [u8]),
    /// An array or an object.
    Nested,
    /// Any value as it is spelled in JSON, without whitespace around it. It must be valid JSON.
    Json(&'a [u8]),
}

/// A value in the form in which it is compared.
enum Operand<'a> {
    /// Missing or nested.
    Nothing,
    /// Bytes that sort by code point.
    Text(Cow<'a, [u8]>),
    /// A JSON number.
    Number(Cow<'a, [u8]>),
    Boolean(bool),
}

impl<'a> From<FieldValue<'a>> for Operand<'a> {
    fn from(value: FieldValue<'a>) -> Self {
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut text = Vec::new();
            write(&mut text);
            text
        };
        match value {
            FieldValue::Missing | FieldValue::Nested | FieldValue::Text("") | FieldValue::Bytes([]) => {
                Self::Nothing
            }
            FieldValue::Text(text) => Self::Text(Cow::Borrowed(text.as_bytes())),
            FieldValue::Integer(number) => {
                Self::Number(Cow::Owned(written(&|text| json::integer(text, number))))
            }
            FieldValue::Unsigned(number) => {
                Self::Number(Cow::Owned(written(&|text| json::integer(text, number))))
            }
            FieldValue::Float(number) => Self::owned(written(&|text| json::float(text, number))),
            FieldValue::Bytes(bytes) => Self::owned(written(&|text| json::base64(text, bytes))),
            FieldValue::Boolean(value) => Self::Boolean(value),
            FieldValue::Json(spelled) => Self::of_json(spelled),
        }
    }
}

impl<'a> Operand<'a> {
    fn of_json(spelled: &'a [u8]) -> Self {
        match spelled {
            [] | [b'{' | b'[' | b'n', ..] | b"\"\"" => Self::Nothing,
            b"true" => Self::Boolean(true),
            b"false" => Self::Boolean(false),
            [b'"', text @ .., b'"'] => Self::Text(unescaped(text)),
            number => Self::Number(Cow::Borrowed(number)),
        }
    }

    /// Reads the JSON of a value that contains no escapes.
    fn owned(mut spelled: Vec<u8>) -> Self {
        if spelled.first() != Some(&b'"') {
            return Self::Number(Cow::Owned(spelled));
        }
        spelled.pop();
        spelled.remove(0);
        Self::Text(Cow::Owned(spelled))
    }
}

impl Filter {
    /// Whether a field with this value matches the filter (rule J4).
    pub fn matches(&self, value: FieldValue<'_>) -> bool {
        let value = Operand::from(value);
        match self.test() {
            Test::Compare(operator, against) => value.meets(*operator, against.as_bytes()),
            Test::OneOf(list) => value.is_in(list),
        }
    }
}

impl Operand<'_> {
    fn meets(&self, operator: Operator, against: &[u8]) -> bool {
        match operator {
            Operator::Contains => self.contains(against),
            Operator::NotEqual => self.order(against) != Some(Ordering::Equal),
            Operator::Equal => self.order(against) == Some(Ordering::Equal),
            operator => self.ordered(against).is_some_and(|order| match operator {
                Operator::Less => order.is_lt(),
                Operator::LessOrEqual => order.is_le(),
                Operator::Greater => order.is_gt(),
                _ => order.is_ge(),
            }),
        }
    }

    /// Whether this equals one of the values, as [`Operator::Equal`] compares.
    fn is_in(&self, list: &ValueList) -> bool {
        match self {
            Self::Nothing => false,
            Self::Text(text) => list.has_text(text),
            Self::Number(text) => Decimal::parse(text).is_some_and(|number| list.has_number(&number)),
            Self::Boolean(value) => list.has_text(boolean_text(*value)),
        }
    }

    fn contains(&self, needle: &[u8]) -> bool {
        match self {
            Self::Nothing => false,
            Self::Text(text) | Self::Number(text) => contains(text, needle),
            Self::Boolean(value) => contains(boolean_text(*value), needle),
        }
    }

    /// Compares a field with the filter's value. Returns `None` if the two cannot be compared.
    fn order(&self, against: &[u8]) -> Option<Ordering> {
        match self {
            Self::Nothing => None,
            Self::Text(text) => Some((**text).cmp(against)),
            Self::Number(text) => Some(Decimal::parse(text)?.compare(&Decimal::parse(against)?)),
            Self::Boolean(value) => Some(boolean_text(*value).cmp(against)),
        }
    }

    /// Like [`order`](Self::order), but only for values that have an order, which booleans do not.
    fn ordered(&self, against: &[u8]) -> Option<Ordering> {
        if matches!(self, Self::Boolean(_)) { None } else { self.order(against) }
    }
}

fn boolean_text(value: bool) -> &'static [u8] {
    if value { b"true" } else { b"false" }
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(text, needle).is_some()
}
