//! Dates and times of day, written as text or as digits alone.

use chrono::{DateTime, Utc};

use super::number::billionths;

/// Parses a calendar date with an optional time of day and offset.
pub(super) fn calendar(text: &[u8]) -> Option<DateTime<Utc>> {
    let ([y1, y2, y3, y4, first, m1, m2, second, d1, d2], rest) = text.split_first_chunk::<10>()?;
    if first != second || !matches!(first, b'-' | b'/') {
        return None;
    }
    let year = two(*y1, *y2)? * 100 + two(*y3, *y4)?;
    let days = days_since_1970(year, two(*m1, *m2)?, two(*d1, *d2)?)?;
    let (seconds, micros) = if rest.is_empty() { (0, 0) } else { time_of_day(rest)? };
    DateTime::from_timestamp_micros((days * 86_400 + seconds) * 1_000_000 + micros)
}

/// Parses `T10:20`, `T10:20:30` or `T10:20:30.5`, each with an optional offset. Returns seconds and
/// microseconds after midnight UTC of the date before it. `:60` is a leap second and means the first second
/// of the next minute.
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

/// Parses an optional fraction of a second. Returns it in microseconds, and the rest of the text.
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

/// Parses an offset from UTC. Returns it in seconds; an empty text means UTC. RFC 3339 defines `+01:00`, ISO
/// 8601 the other forms as well.
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

/// Returns the days from 1970-01-01 to a date of the proleptic Gregorian calendar, or `None` if there is no
/// such date. Years are counted from March, so that the leap day is the last day of a year. 400 years have
/// 146,097 days.
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
    // Counted from March, the lengths of months repeat every five months, which have 153 days.
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    Some(era * 146_097 + year * 365 + year / 4 - year / 100 + day_of_year - 719_468)
}

pub(super) fn two(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    if tens > 9 || ones > 9 {
        return None;
    }
    Some(i64::from(tens) * 10 + i64::from(ones))
}

/// Returns the instant of a date written as one number, `20260131`.
pub(super) fn date_number(number: u64) -> Option<DateTime<Utc>> {
    date_time_number(number.checked_mul(1_000_000)?)
}

/// Returns the instant of a date and a time of day written as one number, `20260131235959`. Second 60 is a
/// leap second and means the first second of the next minute.
pub(super) fn date_time_number(number: u64) -> Option<DateTime<Utc>> {
    let (date, time) = (i64::try_from(number / 1_000_000).ok()?, i64::try_from(number % 1_000_000).ok()?);
    let (year, month, day) = (date / 10_000, date / 100 % 100, date % 100);
    let (hour, minute, second) = (time / 10_000, time / 100 % 100, time % 100);
    // A year with fewer digits belongs to another form, cut short or without a century.
    if !(1_000..=9_999).contains(&year) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let days = days_since_1970(year, month, day)?;
    DateTime::from_timestamp(days * 86_400 + hour * 3_600 + minute * 60 + second, 0)
}
