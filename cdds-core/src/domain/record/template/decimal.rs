//! Numbers as RFC 8259, 6 writes them, compared digit by digit: exactly, without a bound on their size, and
//! in one pass over their text.

use std::cmp::Ordering;

/// Larger exponents count as this one. No text that fits into memory has enough digits to make up for such an
/// exponent.
const EXPONENT_MAX: i128 = 10_i128.pow(30);

/// A number that is kept as its text: `±0.d₁d₂d₃… · 10^exponent`, with d₁ ≠ 0. Zero has no digits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal<'a> {
    negative: bool,
    /// The digits before and after the point. The first of all is not 0.
    digits: (&'a [u8], &'a [u8]),
    exponent: i128,
}

impl<'a> Decimal<'a> {
    /// Parses exactly `-? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?`.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let (whole, rest) = digits(text);
        if whole.is_empty() || (whole.len() > 1 && whole.starts_with(b"0")) {
            return None;
        }
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => Some(digits(rest)).filter(|(fraction, _)| !fraction.is_empty())?,
            _ => (&b""[..], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => exponent(rest)?,
            _ => return None,
        };
        Some(Self::normal(negative, whole, fraction, exponent))
    }

    fn normal(negative: bool, whole: &'a [u8], fraction: &'a [u8], exponent: i128) -> Self {
        let zeros = |digits: &[u8]| digits.iter().take_while(|digit| **digit == b'0').count();
        let (_, whole) = whole.split_at(zeros(whole));
        if !whole.is_empty() {
            return Self { negative, digits: (whole, fraction), exponent: exponent + as_i128(whole.len()) };
        }
        // The part before the point was a single 0.
        let leading = zeros(fraction);
        let (_, fraction) = fraction.split_at(leading);
        if fraction.is_empty() {
            return Self { negative: false, digits: (&[], &[]), exponent: 0 };
        }
        Self { negative, digits: (&[], fraction), exponent: exponent - as_i128(leading) }
    }

    fn is_zero(&self) -> bool {
        self.digits.0.is_empty() && self.digits.1.is_empty()
    }

    fn digits(&self) -> impl Iterator<Item = u8> + use<'a> {
        self.digits.0.iter().chain(self.digits.1).copied()
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (true, true) => return Ordering::Equal,
            (true, false) => return if other.negative { Ordering::Greater } else { Ordering::Less },
            (false, true) => return if self.negative { Ordering::Less } else { Ordering::Greater },
            (false, false) => {}
        }
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
        }
    }

    fn compare_size(&self, other: &Self) -> Ordering {
        // Normalised numbers with a larger exponent are larger. With equal exponents the first different
        // digit decides, and missing digits count as 0.
        let (mut one, mut two) = (self.digits(), other.digits());
        let mut order = self.exponent.cmp(&other.exponent);
        while order == Ordering::Equal {
            order = match (one.next(), two.next()) {
                (None, None) => break,
                (digit, against) => digit.unwrap_or(b'0').cmp(&against.unwrap_or(b'0')),
            };
        }
        order
    }

    /// Returns the number if it is a whole number of 64 bits.
    pub(super) fn to_integer(self) -> Option<i64> {
        if self.is_zero() {
            return Some(0);
        }
        // 2^63 has 19 digits.
        let places = usize::try_from(self.exponent).ok().filter(|places| *places <= 19)?;
        if self.digits().skip(places).any(|digit| digit != b'0') {
            return None;
        }
        let padded = self.digits().chain(std::iter::repeat(b'0')).take(places);
        let size = padded.fold(0_i128, |size, digit| size * 10 + i128::from(digit - b'0'));
        i64::try_from(if self.negative { -size } else { size }).ok()
    }
}

/// Returns the digits at the start of a text, and the rest.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

fn exponent(text: &[u8]) -> Option<i128> {
    let (negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (all, rest) = digits(text);
    if all.is_empty() || !rest.is_empty() {
        return None;
    }
    let grown = |size: i128, digit: &u8| (size * 10 + i128::from(digit - b'0')).min(EXPONENT_MAX);
    let size = all.iter().fold(0, grown);
    Some(if negative { -size } else { size })
}

fn as_i128(count: usize) -> i128 {
    i128::try_from(count).unwrap_or(EXPONENT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_lies_between_the_smallest_numbers() {
        let order = ["-0.001", "-1e-400", "0", "1e-400", "0.001"];
        for (place, one) in order.iter().enumerate() {
            for (other_place, other) in order.iter().enumerate() {
                let [one, other] = [one, other].map(|text| Decimal::parse(text.as_bytes()).unwrap());
                assert_eq!(one.compare(&other), place.cmp(&other_place), "{one:?} {other:?}");
            }
        }
        for zero in ["-0", "0.00", "0e7", "-0.0E-9"] {
            let [zero, plain] = [zero, "0"].map(|text| Decimal::parse(text.as_bytes()).unwrap());
            assert_eq!(zero.compare(&plain), Ordering::Equal);
        }
    }
}
