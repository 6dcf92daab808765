//! A condition on one field.

use std::fmt;
use std::str::FromStr;

use super::decimal::Decimal;
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
///
/// If a record has a key twice, the last value counts (rule R7). `Debug` does not print the value, which may
/// be personal data.
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
            invalid(format!("{} is not an operator: use =, !=, <, <=, >, >= or *=", quoted(text)))
        })
    }
}

impl Filter {
    /// The longest value, in characters.
    pub const VALUE_CHARS_MAX: usize = 4_096;

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
            0..=Self::VALUE_CHARS_MAX => Ok(Self { field, operator, value }),
            count => Err(invalid(format!(
                "the filter on {field:?} has a value of {count} characters: use {} or fewer",
                Self::VALUE_CHARS_MAX
            ))),
        }
    }

    /// Returns the name of the field.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns the operator.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// Returns the value with which the field is compared. It may be personal data.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Returns the value as a whole number if it is one of 64 bits: `5`, `5.0` and `5e0` are 5. Sources use
    /// it, together with [`real`](Self::real), to look for equal numbers by themselves.
    pub fn integer(&self) -> Option<i64> {
        self.number()?.to_integer()
    }

    /// Returns the real number nearest to the value, or `None` if the value is not a JSON number or exceeds
    /// the range. A real number whose exported text equals the value is this one.
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
    /// Writes the form that people type: `status=open`. This reveals the value. It cannot be read back if the
    /// name of the field contains an operator, or if the value begins with `=` after `<` or `>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.field, self.operator.as_str(), self.value)
    }
}

impl FromStr for Filter {
    type Err = RuleViolation;

    /// Reads `field=value` and the like. The first operator in the text ends the name. The error does not
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
