//! Writes JSON values as text (RFC 8259).

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};

pub(in crate::domain) use super::string::string;

pub(in crate::domain) fn integer(output: &mut Vec<u8>, value: impl itoa::Integer) {
    output.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

pub(in crate::domain) fn float(output: &mut Vec<u8>, value: f64) {
    let text: &[u8] = if value.is_nan() {
        b"\"NaN\""
    } else if value == f64::INFINITY {
        b"\"Infinity\""
    } else if value == f64::NEG_INFINITY {
        b"\"-Infinity\""
    } else {
        return output.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    };
    output.extend_from_slice(text);
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Writes bytes as Base64 between quotes (RFC 4648, 4).
pub(in crate::domain) fn base64(output: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |group: u32, shift: u32| BASE64[((group >> shift) & 63) as usize];
    output.reserve(bytes.len().div_ceil(3) * 4 + 2);
    output.push(b'"');
    let (triples, rest) = bytes.as_chunks::<3>();
    for [a, b, c] in triples {
        let group = u32::from_be_bytes([0, *a, *b, *c]);
        output.extend_from_slice(&[digit(group, 18), digit(group, 12), digit(group, 6), digit(group, 0)]);
    }
    match *rest {
        [a] => {
            let group = u32::from_be_bytes([0, a, 0, 0]);
            output.extend_from_slice(&[digit(group, 18), digit(group, 12), b'=', b'=']);
        }
        [a, b] => {
            let group = u32::from_be_bytes([0, a, b, 0]);
            output.extend_from_slice(&[digit(group, 18), digit(group, 12), digit(group, 6), b'=']);
        }
        _ => {}
    }
    output.push(b'"');
}

/// Writes an instant as RFC 3339 text in UTC, with `Z` and as many of 0, 3, 6 or 9 decimals as it needs.
pub(super) fn instant(output: &mut Vec<u8>, value: DateTime<Utc>) {
    let time = value.time();
    // Years without four digits and leap seconds are rare enough for the slow way.
    let Ok(year @ 0..=9999) = u32::try_from(value.year()) else {
        return string(output, &value.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    };
    if time.nanosecond() >= 1_000_000_000 {
        return string(output, &value.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    }
    let mut text = *b"\"0000-00-00T00:00:00.000000000Z\"";
    digits(&mut text[1..5], year);
    digits(&mut text[6..8], value.month());
    digits(&mut text[9..11], value.day());
    digits(&mut text[12..14], time.hour());
    digits(&mut text[15..17], time.minute());
    digits(&mut text[18..20], time.second());
    digits(&mut text[21..30], time.nanosecond());
    let end = match time.nanosecond() {
        0 => 20,
        nanos if nanos % 1_000_000 == 0 => 24,
        nanos if nanos % 1_000 == 0 => 27,
        _ => 30,
    };
    output.extend_from_slice(&text[..end]);
    output.extend_from_slice(b"Z\"");
}

const DIGITS: &[u8; 10] = b"0123456789";

fn digits(text: &mut [u8], mut number: u32) {
    for byte in text.iter_mut().rev() {
        *byte = DIGITS[(number % 10) as usize];
        number /= 10;
    }
}
