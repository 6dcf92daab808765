//! A condition on one field.

use std::fmt;
use std::str::FromStr;

use super::decimal::Decimal;
use super::{check_name, invalid};
use crate::domain::violation::{RuleViolation, quoted};

/// A condition on one of a record's outermost keys (rule J4).
///
/// - A JSON number is compared with a value that is a JSON number as a number, exactly, however large or
///   finely written both are; no other value is like it. [`Contains`](Operator::Contains) looks at the
///   number's text.
/// - A JSON string is compared as text, by Unicode code points: instants of one form compare right.
/// - `true` and `false` are these texts, and neither before nor after anything.
/// - A field that is missing or empty (rule A2), an array or an object, matches
///   [`NotEqual`](Operator::NotEqual) and nothing else.
///
/// If a record has a key twice, the last one counts. `Debug` does not tell the value, which may be personal
/// data.
#[derive(Clone, PartialEq, Eq)]
pub struct Filter {
    field: String,
    operator: Operator,
    value: String,
}

/// How a field is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`: whatever is not equal, missing fields too.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `*=`: the text of the field contains that of the value.
    Contains,
}

impl Operator {
    /// Every operator; those that begin with another one come before it.
    pub const ALL: [Self; 7] = [
        Self::NotEqual,
        Self::LessOrEqual,
        Self::GreaterOrEqual,
        Self::Contains,
        Self::Equal,
        Self::Less,
        Self::Greater,
    ];

    /// The operator as it is typed, stored and printed.
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

/// Other languages write `==` and `<>`: taken by the letter they would find nothing.
fn check_no_other_spelling(operator: Operator, value: &str) -> Result<(), RuleViolation> {
    match operator {
        Operator::Equal if value.starts_with('=') => Err(invalid("a filter has ==: write = once")),
        Operator::Less if value.starts_with('>') => Err(invalid("a filter has <>: write != instead")),
        _ => Ok(()),
    }
}

impl FromStr for Operator {
    type Err = RuleViolation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
            invalid(format!("{} is not an operator: use =, !=, <, <=, >, >= or *=", quoted(text)))
        })
    }
}

impl Filter {
    /// The longest value, characters.
    pub const VALUE_CHARS_MAX: usize = 4_096;

    /// A condition on `field`. An empty value equals nothing: an empty field is a missing one.
    ///
    /// # Errors
    /// [`Code::InvalidTemplate`](crate::domain::violation::Code::InvalidTemplate) unless the name has 1 to
    /// 255 characters and the value 4,096 or fewer.
    pub fn new(
        field: impl Into<String>,
        operator: Operator,
        value: impl Into<String>,
    ) -> Result<Self, RuleViolation> {
        let (field, value) = (field.into(), value.into());
        check_name(&field)?;
        match value.chars().count() {
            0..=Self::VALUE_CHARS_MAX => Ok(Self { field, operator, value }),
            count => Err(invalid(format!(
                "the filter on {field:?} has a value of {count} characters: use {} or fewer",
                Self::VALUE_CHARS_MAX
            ))),
        }
    }

    /// The field's name.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// How it is compared.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// What it is compared with. May be personal data.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The value as a whole number, if that is what it says and 64 bits hold it: `5`, `5.0` and `5e0` are 5.
    /// For sources that look for equal numbers by themselves, together with [`real`](Self::real).
    pub fn integer(&self) -> Option<i64> {
        self.number()?.to_integer()
    }

    /// The value as the real number next to it, if it is a JSON number within their range. A real number
    /// whose exported text equals the value is this one.
    pub fn real(&self) -> Option<f64> {
        self.number()?;
        self.value.parse().ok().filter(|number: &f64| number.is_finite())
    }

    pub(super) fn number(&self) -> Option<Decimal<'_>> {
        Decimal::parse(self.value.as_bytes())
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({:?} {} …)", self.field, self.operator.as_str())
    }
}

impl fmt::Display for Filter {
    /// The form people type: `status=open`. It tells the value. A field whose name holds an operator, and a
    /// value that begins with `=` after `<` or `>`, have no such form that would be read back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.field, self.operator.as_str(), self.value)
    }
}

impl FromStr for Filter {
    type Err = RuleViolation;

    /// Reads `field=value` and the like; the first operator in the text ends the name. The error does not
    /// repeat the text, which may be personal data.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        for (start, _) in text.char_indices() {
            let (field, rest) = text.split_at(start);
            for operator in Operator::ALL {
                if let Some(value) = rest.strip_prefix(operator.as_str()) {
                    check_no_other_spelling(operator, value)?;
                    return Self::new(field, operator, value);
                }
            }
        }
        Err(invalid("a filter has no operator: write it like status=open, with =, !=, <, <=, >, >= or *="))
    }
}
