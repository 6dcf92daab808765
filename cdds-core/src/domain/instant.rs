//! Event instants as sources hold them: text or epoch numbers, read as UTC microseconds (rule W1).

use std::str::FromStr;

use chrono::{DateTime, Utc};

/// How a source writes its instants.
///
/// Reading is total: anything that is not an instant in the form is [`UnreadableInstant`]. What is
/// finer than a microsecond is cut off, towards the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum InstantFormat {
    /// Each value tells by itself: text with a date is read as [`Iso`](Self::Iso) or the same with
    /// `/` in the date; numbers, also as text, count from 1970 in seconds, milliseconds, microseconds
    /// or nanoseconds, told apart by their size: below 10^11, 10^14, 10^17, and above.
    #[default]
    Any,
    /// ISO 8601, RFC 3339: `2026-01-31`, then optionally `T` or a space and `23:59`, `:59`, a fraction
    /// of up to nine digits, and `Z`, `+01`, `+0100` or `+01:00`. Without an offset it is UTC, without a
    /// time midnight.
    Iso,
    /// Seconds since 1970, whole or not, also as text.
    Unix,
    /// Milliseconds since 1970 likewise.
    UnixMillis,
    /// Microseconds since 1970 likewise.
    UnixMicros,
}

/// A value that is not an instant in the expected form. It does not say the value, which belongs to a
/// record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the value is not an instant: ISO 8601 text or a number of seconds, milliseconds, microseconds or \
     nanoseconds since 1970 is expected, as declared"
)]
pub struct UnreadableInstant;

/// A format name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time format: use iso, unix, unix-ms or unix-us, or leave it out")]
pub struct UnknownInstantFormat(String);

impl FromStr for InstantFormat {
    type Err = UnknownInstantFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "iso" => Ok(Self::Iso),
            "unix" => Ok(Self::Unix),
            "unix-ms" => Ok(Self::UnixMillis),
            "unix-us" => Ok(Self::UnixMicros),
            _ => Err(UnknownInstantFormat(name.to_owned())),
        }
    }
}

/// 10^-9 of the unit of an epoch number, in a microsecond.
#[derive(Clone, Copy)]
struct Unit(i128);

impl Unit {
    const SECONDS: Self = Self(1_000);
    const MILLIS: Self = Self(1_000_000);
    const MICROS: Self = Self(1_000_000_000);
    const NANOS: Self = Self(1_000_000_000_000);

    fn of_magnitude(whole: u64) -> Self {
        match whole {
            0..100_000_000_000 => Self::SECONDS,
            100_000_000_000..100_000_000_000_000 => Self::MILLIS,
            100_000_000_000_000..100_000_000_000_000_000 => Self::MICROS,
            _ => Self::NANOS,
        }
    }
}

/// 10^9, the denominator of fractions.
const BILLION: i128 = 1_000_000_000;

impl InstantFormat {
    /// Reads text.
    ///
    /// # Errors
    /// [`UnreadableInstant`] if it is no instant in this format, or one beyond the range of `chrono`.
    pub fn read_text(self, text: &[u8]) -> Result<DateTime<Utc>, UnreadableInstant> {
        let dated = match self {
            Self::Iso => text.get(4) != Some(&b'/'),
            Self::Any => matches!(text.get(4), Some(b'-' | b'/')),
            _ => false,
        };
        let instant = if dated { calendar(text) } else { self.number(text) };
        instant.ok_or(UnreadableInstant)
    }

    /// Reads a whole number.
    ///
    /// # Errors
    /// As for [`read_text`](Self::read_text).
    pub fn read_integer(self, value: i64) -> Result<DateTime<Utc>, UnreadableInstant> {
        let unit = self.unit(value.unsigned_abs()).ok_or(UnreadableInstant)?;
        epoch(i128::from(value) * BILLION, unit).ok_or(UnreadableInstant)
    }

    /// Reads a real number. Its decimals count as they would be printed, so that 1700000000.123456 is
    /// that microsecond, though its binary form lies a bit beside it.
    ///
    /// # Errors
    /// As for [`read_text`](Self::read_text); NaN and infinities are no instants.
    pub fn read_real(self, value: f64) -> Result<DateTime<Utc>, UnreadableInstant> {
        // Also keeps the text short: `Display` writes no exponents.
        let text = (value.abs() < 1e19).then(|| value.to_string());
        text.and_then(|text| self.decimal(text.as_bytes())).ok_or(UnreadableInstant)
    }

    fn unit(self, whole: u64) -> Option<Unit> {
        match self {
            Self::Any => Some(Unit::of_magnitude(whole)),
            Self::Iso => None,
            Self::Unix => Some(Unit::SECONDS),
            Self::UnixMillis => Some(Unit::MILLIS),
            Self::UnixMicros => Some(Unit::MICROS),
        }
    }

    fn number(self, text: &[u8]) -> Option<DateTime<Utc>> {
        self.decimal(text).or_else(|| {
            // JSON may write numbers with an exponent.
            let text = std::str::from_utf8(text).ok().filter(|text| text.contains(['e', 'E']))?;
            self.read_real(text.parse().ok()?).ok()
        })
    }

    /// `[+-]? digits (\. digits)?`, exactly.
    fn decimal(self, text: &[u8]) -> Option<DateTime<Utc>> {
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
        let size = i128::from(whole) * BILLION + i128::from(billionths);
        let value = if negative { -size - i128::from(finer) } else { size };
        epoch(value, self.unit(whole)?)
    }
}

/// An instant that is `value` billionths of the unit after 1970.
fn epoch(value: i128, unit: Unit) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(i64::try_from(value.div_euclid(unit.0)).ok()?)
}

/// A calendar date with an optional time of day and offset.
fn calendar(text: &[u8]) -> Option<DateTime<Utc>> {
    let ([y1, y2, y3, y4, first, m1, m2, second, d1, d2], rest) = text.split_first_chunk::<10>()?;
    if first != second || !matches!(first, b'-' | b'/') {
        return None;
    }
    let year = two(*y1, *y2)? * 100 + two(*y3, *y4)?;
    let days = days_since_1970(year, two(*m1, *m2)?, two(*d1, *d2)?)?;
    let (seconds, micros) = if rest.is_empty() { (0, 0) } else { time_of_day(rest)? };
    DateTime::from_timestamp_micros((days * 86_400 + seconds) * 1_000_000 + micros)
}

/// `T10:20`, `T10:20:30`, `T10:20:30.5`, each with an optional offset, as seconds and microseconds
/// after midnight UTC of the date before it. `:60` is a leap second, the first one of the next minute.
fn time_of_day(text: &[u8]) -> Option<(i64, i64)> {
    let ([b'T' | b't' | b' ', h1, h2, b':', m1, m2], rest) = text.split_first_chunk::<6>()? else {
        return None;
    };
    let (second, micros, rest) = match rest.split_first_chunk::<3>() {
        Some(([b':', s1, s2], rest)) => {
            let (micros, rest) = fraction(rest)?;
            (two(*s1, *s2)?, micros, rest)
        }
        _ => (0, 0, rest),
    };
    let (hour, minute) = (two(*h1, *h2)?, two(*m1, *m2)?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some((hour * 3_600 + minute * 60 + second - offset_seconds(rest)?, micros))
}

/// A fraction of a second in microseconds, and what comes after it.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.' | b',', rest @ ..] = text else {
        return Some((0, text));
    };
    let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    if !(1..=9).contains(&length) {
        return None;
    }
    let (digits, rest) = rest.split_at(length);
    let (billionths, _) = billionths(digits)?;
    Some((i64::from(billionths / 1_000), rest))
}

/// An offset from UTC in seconds; nothing is UTC. RFC 3339 knows `+01:00`, ISO 8601 also the others.
fn offset_seconds(text: &[u8]) -> Option<i64> {
    let (sign, hour, minute) = match *text {
        [] | [b'Z' | b'z'] => return Some(0),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, two(h1, h2)?, two(m1, m2)?),
        [sign, h1, h2] => (sign, two(h1, h2)?, 0),
        _ => return None,
    };
    if hour > 23 || minute > 59 {
        return None;
    }
    match sign {
        b'+' => Some(hour * 3_600 + minute * 60),
        b'-' => Some(-(hour * 3_600 + minute * 60)),
        _ => None,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, if there is such a date. Years
/// are counted from March, so that the leap day is the last one; 400 years have 146,097 days.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    Some(era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468)
}

fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 {
        return None;
    }
    Some(i64::from(tens) * 10 + i64::from(ones))
}

/// One to nineteen digits.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    text.iter()
        .try_fold(0u64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')))
}

/// The first nine decimals, and whether more follow that are not zero.
fn billionths(digits: &[u8]) -> Option<(u32, bool)> {
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

#[cfg(test)]
mod tests;
