//! Event instants as sources write them, in text or numbers, read as UTC microseconds (rule W1).

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
/// Reading never panics: anything that is not an instant in this form returns [`UnreadableInstant`]. Digits
/// finer than a microsecond are cut off, towards the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum InstantFormat {
    /// Accepts only values that have a single meaning (rule R6): text with a date, read as [`Iso`](Self::Iso)
    /// or with `/` instead of `-` in the date, and numbers, also as text, of seconds, milliseconds,
    /// microseconds or nanoseconds since 1970 that lie in the years 1990 to 2099. A number lies there in at
    /// most one of these units. Everything else needs a declared format; `20260131`, for example, would be a
    /// day of 1970.
    #[default]
    Any,
    /// ISO 8601 or RFC 3339: `2026-01-31`, then optionally `T` or a space and `23:59`, `:59`, a fraction of
    /// up to nine digits, and `Z`, `+01`, `+0100` or `+01:00`. Without an offset it is UTC; without a time it
    /// is midnight.
    Iso,
    /// Seconds since 1970, whole or with decimals, as a number or text.
    Unix,
    /// Milliseconds since 1970, in the same forms.
    UnixMillis,
    /// Microseconds since 1970, in the same forms.
    UnixMicros,
    /// Nanoseconds since 1970, in the same forms.
    UnixNanos,
    /// A date as eight digits, `20260131`, as a number or text. It means midnight of that day.
    DateDigits,
    /// A date and a time of day in UTC as fourteen digits, `20260131235959`, as a number or text.
    DateTimeDigits,
    /// A Julian day number, `2461072.5`, as SQLite's `julianday()` returns it, as a number or text. It is
    /// read to the millisecond.
    JulianDay,
}

/// A value that is not an instant in the expected form. The error does not contain the value, which belongs
/// to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadableInstant(InstantFormat);

impl std::error::Error for UnreadableInstant {}

impl fmt::Display for UnreadableInstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            InstantFormat::Any => write!(
                f,
                "the value is not an instant in an unambiguous form, which is ISO 8601 text, or a number of \
                 seconds, milliseconds, microseconds or nanoseconds since 1970 that lies between 1990 and \
                 2100; declare any other form as time_format: {Names}"
            ),
            format => write!(
                f,
                "the value is not an instant in the declared form, {}: correct it, or declare another \
                 time_format: {Names}",
                format.name().unwrap_or_default(),
            ),
        }
    }
}

/// An unknown name of a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time format: use {Names}, or leave it out")]
pub struct UnknownInstantFormat(String);

/// The names of all formats, as a list in a sentence.
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

    /// Returns the name by which the format is declared. `None` for [`Any`](Self::Any), which is used if none
    /// is declared.
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

    /// Returns the error for a value that no format can read, such as bytes.
    pub const fn unreadable(self) -> UnreadableInstant {
        UnreadableInstant(self)
    }

    /// Reads text.
    ///
    /// # Errors
    /// [`UnreadableInstant`] if it is not an instant in this format, or lies beyond the range of `chrono`.
    pub fn read_text(self, text: &[u8]) -> Result<DateTime<Utc>, UnreadableInstant> {
        let instant = match self {
            Self::Iso if text.get(4) == Some(&b'/') => None,
            Self::Iso => calendar(text),
            Self::Any if matches!(text.get(4), Some(b'-' | b'/')) => calendar(text),
            // The form has exactly this many digits.
            Self::DateDigits if text.len() != 8 => None,
            Self::DateTimeDigits if text.len() != 14 => None,
            _ => self.number(text),
        };
        instant.ok_or(self.unreadable())
    }

    /// Reads a whole number.
    ///
    /// # Errors
    /// Those of [`read_text`](Self::read_text).
    pub fn read_integer(self, value: i64) -> Result<DateTime<Utc>, UnreadableInstant> {
        self.instant(Decimal::of_integer(value)).ok_or(self.unreadable())
    }

    /// Reads a real number. Its decimals count as they would be printed: 1700000000.123456 means that
    /// microsecond, although its binary form lies slightly beside it.
    ///
    /// # Errors
    /// Those of [`read_text`](Self::read_text). NaN and infinities are not instants.
    pub fn read_real(self, value: f64) -> Result<DateTime<Utc>, UnreadableInstant> {
        // The bound also keeps the text short, since `Display` writes no exponents.
        let text = (value.abs() < 1e19).then(|| value.to_string());
        let decimal = text.and_then(|text| Decimal::parse(text.as_bytes()));
        decimal.and_then(|decimal| self.instant(decimal)).ok_or(self.unreadable())
    }

    /// Returns whole numbers, both included, between which every number lies that reads as an instant in
    /// `[start, end)`. A source uses them to look numbers up in an index. Returns `None` if the format reads
    /// no numbers, or numbers in several units.
    pub fn numbers_within(self, start: DateTime<Utc>, end: DateTime<Utc>) -> Option<RangeInclusive<i64>> {
        let units = |unit: Unit| {
            let number = |at: DateTime<Utc>, more: i128| {
                let micros = i128::from(at.timestamp_micros()) * unit.per_second();
                saturated(micros.div_euclid(1_000_000) + more)
            };
            number(start, 0)..=number(end, 1)
        };
        let digits = |number: &dyn Fn(DateTime<Utc>) -> i64| {
            // A leap second reads as the first second of the next minute, so its digits are smaller than
            // those of the instant. Begin early enough to include it.
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

    /// Returns whole numbers, both included, between which every number lies that reads as any instant.
    /// `None` as for [`numbers_within`](Self::numbers_within).
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
        // JSON numbers may have an exponent.
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

/// Returns the date as one number of eight digits. For years without four digits, it returns a number below
/// or above all of these.
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
