//! A condition on one field.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::decimal::Decimal;
use super::list::{self, ValueList};
use super::{check_name, invalid};
use crate::domain::violation::{RuleViolation, quoted};

/// A condition on one of a record's outermost keys (rule J4).
///
/// - A JSON number is compared as a number if the filter's value is a JSON number, exactly and at any size or
///   precision. It equals no other value. [`Contains`](Operator::Contains) looks at the number's text.
/// - A JSON string is compared as text, by Unicode code points. Instants that are written in the same form
///   therefore compare correctly.
/// - `true` and `false` are compared as these texts, but have no order.
/// - A field that is missing or empty (rule A2), an array and an object match
///   [`NotEqual`](Operator::NotEqual) and no other operator.
/// - A list matches the fields that equal one of its values.
///
/// If a record has a key twice, the last value counts (rule R7). `Debug` does not print values, which may be
/// personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Filter {
    field: String,
    test: Test,
}

/// The part of a filter that judges the value of its field.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Test {
    Compare(Operator, String),
    /// Shared, since settings are copied often and lists are long.
    OneOf(Arc<ValueList>),
}

/// The condition of a filter. Its values may be personal data, so `Debug` does not print them.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition<'a> {
    /// The field is compared with one value.
    Compare(Operator, &'a str),
    /// ` in `: the field equals one of these values. There is at least one; all differ and are in the order
    /// of their code points.
    OneOf(&'a [String]),
}

impl Condition<'_> {
    /// Returns the operator as it is stored and printed: `=` and the like, or `in`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compare(operator, _) => operator.as_str(),
            Self::OneOf(_) => Filter::ONE_OF,
        }
    }
}

impl fmt::Debug for Condition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({} …)", self.as_str())
    }
}

/// How a field is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`: anything that is not equal, including missing fields.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `*=`: the text of the field contains the text of the value.
    Contains,
}

impl Operator {
    /// Every operator. An operator that begins with another one comes before it, so that it is found first.
    pub const ALL: [Self; 7] = [
        Self::NotEqual,
        Self::LessOrEqual,
        Self::GreaterOrEqual,
        Self::Contains,
        Self::Equal,
        Self::Less,
        Self::Greater,
    ];

    /// Returns the operator as it is typed, stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Contains => "*=",
        }
    }
}

/// Refuses the `==` and `<>` of other languages. Taken literally, they would match nothing.
fn check_no_other_spelling(operator: Operator, value: &str) -> Result<(), RuleViolation> {
    match operator {
        Operator::Equal if value.starts_with('=') => Err(invalid("a filter has ==: write a single =")),
        Operator::Less if value.starts_with('>') => Err(invalid("a filter has <>: write != instead")),
        _ => Ok(()),
    }
}

impl FromStr for Operator {
    type Err = RuleViolation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
            invalid(format!(
                "{} is not an operator of one value: use =, !=, <, <=, >, >= or *=, or give a list",
                quoted(text)
            ))
        })
    }
}

impl Filter {
    /// The longest value, in characters.
    pub const VALUE_CHARS_MAX: usize = 4_096;

    /// The most values of one list, and of all lists of a job together.
    pub const VALUES_MAX: usize = 10_000;

    /// The most bytes of the values of one list, and of all lists of a job together.
    pub const VALUES_BYTES_MAX: usize = 512 << 10;

    /// The word of a list, as it is stored and printed. When typed, it has a space on either side.
    pub const ONE_OF: &'static str = "in";

    /// Creates a condition on `field`. An empty value equals nothing, since an empty field counts as missing.
    ///
    /// # Errors
    /// [`Code::InvalidTemplate`](crate::domain::violation::Code::InvalidTemplate) if the name is empty or
    /// longer than 255 characters, or the value is longer than 4,096.
    pub fn new(
        field: impl Into<String>,
        operator: Operator,
        value: impl Into<String>,
    ) -> Result<Self, RuleViolation> {
        let (field, value) = (field.into(), value.into());
        check_name(&field)?;
        match value.chars().count() {
            0..=Self::VALUE_CHARS_MAX => Ok(Self { field, test: Test::Compare(operator, value) }),
            count => Err(invalid(format!(
                "the filter on {field:?} has a value of {count} characters: use {} or fewer",
                Self::VALUE_CHARS_MAX
            ))),
        }
    }

    /// Creates a condition on `field` that holds if it equals one of `values`. A repeated value counts once.
    ///
    /// # Errors
    /// [`Code::InvalidTemplate`](crate::domain::violation::Code::InvalidTemplate) if the name is empty or
    /// longer than 255 characters, if there is no value or one is empty or longer than 4,096 characters, or if
    /// there are more than 10,000 values or 512 KiB of them.
    pub fn one_of(
        field: impl Into<String>,
        values: impl IntoIterator<Item = String>,
    ) -> Result<Self, RuleViolation> {
        let field = field.into();
        check_name(&field)?;
        let list = ValueList::new(&field, values)?;
        Ok(Self { field, test: Test::OneOf(Arc::new(list)) })
    }

    /// Returns the name of the field.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns the condition that the field must meet.
    pub fn condition(&self) -> Condition<'_> {
        match &self.test {
            Test::Compare(operator, value) => Condition::Compare(*operator, value),
            Test::OneOf(list) => Condition::OneOf(list.as_slice()),
        }
    }

    pub(super) fn test(&self) -> &Test {
        &self.test
    }

    /// Returns the values with which the field is compared. They may be personal data.
    pub fn values(&self) -> &[String] {
        match &self.test {
            Test::Compare(_, value) => std::slice::from_ref(value),
            Test::OneOf(list) => list.as_slice(),
        }
    }

    /// Returns filters for equality of which one must match for this filter to match; none if this is not a
    /// filter for equality. Sources that look for equal values themselves use it.
    pub fn equalities(&self) -> impl Iterator<Item = Self> + '_ {
        let values = match self.condition() {
            Condition::Compare(Operator::Equal, _) | Condition::OneOf(_) => self.values(),
            Condition::Compare(..) => &[],
        };
        let equal = |value: &String| Test::Compare(Operator::Equal, value.clone());
        values.iter().map(move |value| Self { field: self.field.clone(), test: equal(value) })
    }

    /// Returns the number of values in the list and their bytes, or zero for a filter without one.
    pub(super) fn list_size(&self) -> (usize, usize) {
        match &self.test {
            Test::Compare(..) => (0, 0),
            Test::OneOf(list) => (list.as_slice().len(), list.bytes()),
        }
    }

    /// Splits the text `field in values` into the name of the field and the text of the values. Returns `None`
    /// for any other text. Interfaces that fetch the values from elsewhere, such as a file, use it.
    pub fn listed(text: &str) -> Option<(&str, &str)> {
        match split(text) {
            Some((field, None, values)) => Some((field, values)),
            _ => None,
        }
    }

    /// Returns the value as a whole number if it is one of 64 bits: `5`, `5.0` and `5e0` are 5. Sources use
    /// it, together with [`real`](Self::real), to look for equal numbers by themselves. A list has none.
    pub fn integer(&self) -> Option<i64> {
        self.number()?.to_integer()
    }

    /// Returns the real number nearest to the value, or `None` if the value is not a JSON number or exceeds
    /// the range. A real number whose exported text equals the value is this one. A list has none.
    pub fn real(&self) -> Option<f64> {
        self.number()?;
        let value = self.values().first()?;
        value.parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn number(&self) -> Option<Decimal<'_>> {
        match &self.test {
            Test::Compare(_, value) => Decimal::parse(value.as_bytes()),
            Test::OneOf(_) => None,
        }
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({:?} {} …)", self.field, self.condition().as_str())
    }
}

impl fmt::Display for Filter {
    /// Writes the form that people type: `status=open` or `status in new,open`. This reveals the values. It
    /// cannot be read back if the name of the field contains an operator, or if the value begins with `=` after
    /// `<` or `>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.test {
            Test::Compare(operator, value) => write!(f, "{}{}{value}", self.field, operator.as_str()),
            Test::OneOf(list) => {
                write!(f, "{} {} {}", self.field, Self::ONE_OF, list::spelled(list.as_slice()))
            }
        }
    }
}

impl FromStr for Filter {
    type Err = RuleViolation;

    /// Reads `field=value` and the like, or `field in a,b`, whose values may also be a JSON array of texts. The
    /// first operator in the text ends the name. The error does not repeat the text, which may be personal
    /// data.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match split(text) {
            Some((field, Some(operator), value)) => {
                check_no_other_spelling(operator, value)?;
                Self::new(field, operator, value)
            }
            Some((field, None, values)) => Self::one_of(field, list::values(field, values)?),
            None => Err(invalid(
                "a filter has no operator: write it like status=open, with =, !=, <, <=, >, >= or *=, or like \
                 status in new,open",
            )),
        }
    }
}

/// Splits a text at its first operator, which is `None` for a list.
fn split(text: &str) -> Option<(&str, Option<Operator>, &str)> {
    for (start, _) in text.char_indices() {
        let (field, rest) = text.split_at(start);
        for operator in Operator::ALL {
            if let Some(value) = rest.strip_prefix(operator.as_str()) {
                return Some((field, Some(operator), value));
            }
        }
        let list = rest.strip_prefix(' ').and_then(|rest| rest.strip_prefix(Filter::ONE_OF));
        if let Some(values) = list.and_then(|rest| rest.strip_prefix(' ')) {
            return Some((field.trim_end(), None, values));
        }
    }
    None
}
