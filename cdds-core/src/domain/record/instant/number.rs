//! Decimal numbers, and the instants that they mean as counts since 1970.

use std::ops::Range;

use chrono::{DateTime, Utc};

use super::calendar::two;

/// 10^9, the denominator of fractions.
const BILLION: i128 = 1_000_000_000;

/// A unit of epoch numbers. Holds how many billionths of the unit make a microsecond.
#[derive(Clone, Copy)]
pub(super) struct Unit(i128);

impl Unit {
    pub(super) const SECONDS: Self = Self(1_000);
    pub(super) const MILLIS: Self = Self(1_000_000);
    pub(super) const MICROS: Self = Self(1_000_000_000);
    pub(super) const NANOS: Self = Self(1_000_000_000_000);

    /// The seconds since 1970 that are read without a declared format: 1990 to the end of 2099.
    const CERTAIN_SECONDS: Range<u64> = 631_152_000..4_102_444_800;

    /// Returns the unit in which the number lies between 1990 and 2100. The ranges of the units are disjoint,
    /// so there is at most one.
    pub(super) fn certain(decimal: Decimal) -> Option<Self> {
        let units = [
            (1, Self::SECONDS),
            (1_000, Self::MILLIS),
            (1_000_000, Self::MICROS),
            (1_000_000_000, Self::NANOS),
        ];
        let fits = |per_second: u64| {
            let Range { start, end } = Self::CERTAIN_SECONDS;
            (start * per_second..end * per_second).contains(&decimal.whole)
        };
        let found = units.into_iter().find(|(per_second, _)| fits(*per_second));
        found.filter(|_| !decimal.negative).map(|(_, unit)| unit)
    }

    /// Returns how many of the unit make a second.
    pub(super) fn per_second(self) -> i128 {
        1_000_000 * self.0 / BILLION
    }
}

/// A decimal number with up to nineteen digits before the point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decimal {
    negative: bool,
    whole: u64,
    /// The first nine decimals.
    billionths: u32,
    /// Whether further decimals follow that are not all zero.
    finer: bool,
}

impl Decimal {
    pub(super) fn of_integer(value: i64) -> Self {
        Self { negative: value < 0, whole: value.unsigned_abs(), billionths: 0, finer: false }
    }

    /// Parses exactly `[+-]? digits (\. digits)?`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        let point = text.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(point) => (text.get(..point)?, text.get(point + 1..).filter(|digits| !digits.is_empty())?),
            None => (text, &b""[..]),
        };
        let whole = digits(whole)?;
        let (billionths, finer) = billionths(fraction)?;
        Some(Self { negative, whole, billionths, finer })
    }

    /// Returns the number if it is whole and not negative.
    pub(super) fn whole(self) -> Option<u64> {
        (!self.negative && self.billionths == 0 && !self.finer).then_some(self.whole)
    }

    /// Returns the number in billionths, rounded towards minus infinity.
    fn in_billionths(self) -> i128 {
        let size = i128::from(self.whole) * BILLION + i128::from(self.billionths);
        // The cut-off decimals of a negative number make it smaller.
        if self.negative { -size - i128::from(self.finer) } else { size }
    }

    /// Returns the instant that lies this many units after 1970.
    pub(super) fn since_1970(self, unit: Unit) -> Option<DateTime<Utc>> {
        let micros = self.in_billionths().div_euclid(unit.0);
        DateTime::from_timestamp_micros(i64::try_from(micros).ok()?)
    }

    /// Returns the instant of a Julian day number of the years 0 to 9999, to the millisecond. A binary number
    /// of days is no more precise, and SQLite reads it the same way. Days begin at noon; 1970 began at
    /// 2440587.5.
    pub(super) fn julian_day(self) -> Option<DateTime<Utc>> {
        const MILLIS_PER_DAY: i128 = 86_400_000;
        const MILLIS_TO_1970: i128 = 210_866_760_000_000;
        if !JULIAN_DAYS.contains(&i64::try_from(self.whole).ok()?) || self.negative {
            return None;
        }
        let millis = (self.in_billionths() * MILLIS_PER_DAY + BILLION / 2).div_euclid(BILLION);
        DateTime::from_timestamp_millis(i64::try_from(millis - MILLIS_TO_1970).ok()?)
    }
}

/// The Julian days of the years 0 to 9999.
pub(super) const JULIAN_DAYS: Range<i64> = 1_721_059..5_373_484;

/// Parses one to nineteen digits.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter()
        .try_fold(0u64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')))
}

/// Parses decimals. Returns the first nine as a number, and whether further ones follow that are not all
/// zero.
pub(super) fn billionths(digits: &[u8]) -> Option<(u32, bool)> {
    let mut number = 0;
    for place in 0..9 {
        let digit = digits.get(place).map_or(Some(0), |byte| two(b'0', *byte))?;
        number = number * 10 + u32::try_from(digit).ok()?;
    }
    let finer = digits.get(9..).unwrap_or_default();
    if !finer.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some((number, finer.iter().any(|digit| *digit != b'0')))
}
