//! Event instants as sources hold them: text or numbers, read as UTC microseconds (rule W1).

mod calendar;
mod number;

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};

use calendar::{calendar, date_number, date_time_number};
use number::{Decimal, JULIAN_DAYS, Unit};

/// How a source writes its instants.
///
/// Reading is total: anything that is not an instant in the form is [`UnreadableInstant`]. What is
/// finer than a microsecond is cut off, towards the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum InstantFormat {
    /// Accepts only values that cannot be mistaken: text with a date, read as [`Iso`](Self::Iso) or the same
    /// with `/` in the date, and numbers, also as text, that count seconds, milliseconds, microseconds or
    /// nanoseconds since 1970 and lie in the years 1990 to 2099. A number can do so in one of these units only.
    /// Everything else needs a declared format: `20260131` would be a day of 1970.
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
    /// Nanoseconds since 1970 likewise.
    UnixNanos,
    /// A date as eight digits, `20260131`, a number or text: its midnight.
    DateDigits,
    /// A date and a time of day as fourteen digits, `20260131235959`, a number or text, UTC.
    DateTimeDigits,
    /// A Julian day number, `2461072.5`, as SQLite's `julianday()` returns it, a number or text; to the
    /// millisecond.
    JulianDay,
}

/// A value that is not an instant in the expected form. It does not hold the value, which belongs to a
/// record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadableInstant(InstantFormat);

impl std::error::Error for UnreadableInstant {}

impl fmt::Display for UnreadableInstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            InstantFormat::Any => write!(
                f,
                "the value is not an instant that cannot be mistaken: ISO 8601 text, or a number of seconds, \
                 milliseconds, microseconds or nanoseconds since 1970 that lies between 1990 and 2100; declare \
                 any other form as time_format: {Names}"
            ),
            format => write!(
                f,
                "the value is not an instant of the declared form, {}: correct it, or declare another \
                 time_format: {Names}",
                format.name().unwrap_or_default(),
            ),
        }
    }
}

/// A format name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time format: use {Names}, or leave it out")]
pub struct UnknownInstantFormat(String);

/// The names of all formats, in words.
#[derive(Debug)]
struct Names;

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = InstantFormat::DECLARED.iter().filter_map(|format| format.name()).collect();
        match names.split_last() {
            Some((last, others)) => write!(f, "{} or {last}", others.join(", ")),
            None => Ok(()),
        }
    }
}

impl FromStr for InstantFormat {
    type Err = UnknownInstantFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::DECLARED.into_iter().find(|format| format.name() == Some(name));
        found.ok_or_else(|| UnknownInstantFormat(name.to_owned()))
    }
}

impl InstantFormat {
    /// Every format that can be declared: all but [`Any`](Self::Any).
    pub const DECLARED: [Self; 8] = [
        Self::Iso,
        Self::Unix,
        Self::UnixMillis,
        Self::UnixMicros,
        Self::UnixNanos,
        Self::DateDigits,
        Self::DateTimeDigits,
        Self::JulianDay,
    ];

    /// The name by which it is declared; `None` for [`Any`](Self::Any), which is what an undeclared one is.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Any => None,
            Self::Iso => Some("iso"),
            Self::Unix => Some("unix"),
            Self::UnixMillis => Some("unix-ms"),
            Self::UnixMicros => Some("unix-us"),
            Self::UnixNanos => Some("unix-ns"),
            Self::DateDigits => Some("yyyymmdd"),
            Self::DateTimeDigits => Some("yyyymmddhhmmss"),
            Self::JulianDay => Some("julian-day"),
        }
    }

    /// The error for a value that no format reads, like bytes.
    pub const fn unreadable(self) -> UnreadableInstant {
        UnreadableInstant(self)
    }

    /// Reads text.
    ///
    /// # Errors
    /// [`UnreadableInstant`] if it is no instant in this format, or one beyond the range of `chrono`.
    pub fn read_text(self, text: &[u8]) -> Result<DateTime<Utc>, UnreadableInstant> {
        let instant = match self {
            Self::Iso if text.get(4) == Some(&b'/') => None,
            Self::Iso => calendar(text),
            Self::Any if matches!(text.get(4), Some(b'-' | b'/')) => calendar(text),
            // As many digits as the form has, no more and no fewer.
            Self::DateDigits if text.len() != 8 => None,
            Self::DateTimeDigits if text.len() != 14 => None,
            _ => self.number(text),
        };
        instant.ok_or(self.unreadable())
    }

    /// Reads a whole number.
    ///
    /// # Errors
    /// As for [`read_text`](Self::read_text).
    pub fn read_integer(self, value: i64) -> Result<DateTime<Utc>, UnreadableInstant> {
        self.instant(Decimal::of_integer(value)).ok_or(self.unreadable())
    }

    /// Reads a real number. Its decimals count as they would be printed, so that 1700000000.123456 is
    /// that microsecond, though its binary form lies a bit beside it.
    ///
    /// # Errors
    /// As for [`read_text`](Self::read_text); NaN and infinities are no instants.
    pub fn read_real(self, value: f64) -> Result<DateTime<Utc>, UnreadableInstant> {
        // Also keeps the text short: `Display` writes no exponents.
        let text = (value.abs() < 1e19).then(|| value.to_string());
        let decimal = text.and_then(|text| Decimal::parse(text.as_bytes()));
        decimal.and_then(|decimal| self.instant(decimal)).ok_or(self.unreadable())
    }

    /// Whole numbers between which every number lies that reads as an instant in `[start, end)`, both included,
    /// for a source that looks for numbers by an index. `None` if the format reads no numbers, or several units.
    pub fn numbers_within(self, start: DateTime<Utc>, end: DateTime<Utc>) -> Option<RangeInclusive<i64>> {
        let units = |unit: Unit| {
            let number = |at: DateTime<Utc>, more: i128| {
                let micros = i128::from(at.timestamp_micros()) * unit.per_second();
                saturated(micros.div_euclid(1_000_000) + more)
            };
            number(start, 0)..=number(end, 1)
        };
        let digits = |number: &dyn Fn(DateTime<Utc>) -> i64| {
            // A leap second counts as the one after it.
            let start = start.checked_sub_signed(TimeDelta::minutes(2)).unwrap_or(start);
            number(start)..=number(end)
        };
        match self {
            Self::Any | Self::Iso => None,
            Self::Unix => Some(units(Unit::SECONDS)),
            Self::UnixMillis => Some(units(Unit::MILLIS)),
            Self::UnixMicros => Some(units(Unit::MICROS)),
            Self::UnixNanos => Some(units(Unit::NANOS)),
            Self::DateDigits => Some(digits(&date_digits)),
            Self::DateTimeDigits => Some(digits(&|at| {
                let time = at.hour() * 10_000 + at.minute() * 100 + at.second();
                date_digits(at) * 1_000_000 + i64::from(time)
            })),
            Self::JulianDay => {
                let day = |at: DateTime<Utc>| at.timestamp().div_euclid(86_400) + 2_440_587;
                Some(day(start)..=day(end) + 2)
            }
        }
    }

    /// Whole numbers between which every number lies that reads as an instant at all; `None` likewise.
    pub fn numbers(self) -> Option<RangeInclusive<i64>> {
        match self {
            Self::DateDigits => Some(10_000_101..=99_991_231),
            Self::DateTimeDigits => Some(10_000_101_000_000..=99_991_231_235_960),
            Self::JulianDay => Some(JULIAN_DAYS.start..=JULIAN_DAYS.end),
            _ => self.numbers_within(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC),
        }
    }

    fn number(self, text: &[u8]) -> Option<DateTime<Utc>> {
        if let Some(decimal) = Decimal::parse(text) {
            return self.instant(decimal);
        }
        // JSON may write numbers with an exponent.
        let text = std::str::from_utf8(text).ok().filter(|text| text.contains(['e', 'E']))?;
        self.read_real(text.parse().ok()?).ok()
    }

    fn instant(self, decimal: Decimal) -> Option<DateTime<Utc>> {
        let unit = match self {
            Self::Any => Unit::certain(decimal)?,
            Self::Unix => Unit::SECONDS,
            Self::UnixMillis => Unit::MILLIS,
            Self::UnixMicros => Unit::MICROS,
            Self::UnixNanos => Unit::NANOS,
            Self::Iso => return None,
            Self::DateDigits => return date_number(decimal.whole()?),
            Self::DateTimeDigits => return date_time_number(decimal.whole()?),
            Self::JulianDay => return decimal.julian_day(),
        };
        decimal.since_1970(unit)
    }
}

/// The date as one number; of years that have no four digits, one before or behind all that have.
fn date_digits(at: DateTime<Utc>) -> i64 {
    match at.year() {
        year @ 0..=9_999 => i64::from(year) * 10_000 + i64::from(at.month() * 100 + at.day()),
        ..0 => 0,
        _ => 100_000_000,
    }
}

fn saturated(number: i128) -> i64 {
    i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests;
