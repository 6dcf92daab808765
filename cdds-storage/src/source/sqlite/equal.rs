//! Filters for equality as SQL conditions (rule J4).
//!
//! [`Filter::matches`] decides for each row whether it matches. The condition here only spares SQLite rows
//! that cannot match, so that an index is of use. It must let through every row that might match, however it
//! is stored:
//!
//! - TEXT matches if it is the value, byte for byte. BINARY compares like that, whatever the column's own
//!   collation, which may exist only in the database's application.
//! - INTEGER matches if the value is this number; SQLite compares integers exactly.
//! - REAL matches if its exported text, the shortest that reads back as the same number, is numerically equal
//!   to the value. The value then reads as this number too.
//! - The infinities are exported as words, BLOB in Base64.
//!
//! Conversions by the column's affinity do the same to both sides, and so only let more rows through.

use cdds_core::domain::record::template::{Filter, Operator};
use rusqlite::types::Value;

use super::open::Relation;
use super::statement::compared;

/// Returns a condition that holds for every row whose field equals the filter's value, and its bound values;
/// `None` for other filters, and for fields that are not columns.
pub(super) fn condition(filter: &Filter, relation: &Relation) -> Option<(String, Vec<Value>)> {
    if filter.operator() != Operator::Equal || !relation.columns.iter().any(|name| name == filter.field()) {
        return None;
    }
    let values = storages(filter);
    let places = vec!["?"; values.len()].join(", ");
    Some((format!("{} IN ({places})", compared(filter.field())), values))
}

/// Returns every stored value that is exported as the text the filter asks for.
fn storages(filter: &Filter) -> Vec<Value> {
    let value = filter.value();
    let infinity = match value {
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    };
    let mut storages = vec![Value::Text(value.to_owned())];
    storages.extend(filter.integer().map(Value::Integer));
    storages.extend(filter.real().or(infinity).map(Value::Real));
    storages.extend(base64_decoded(value).map(Value::Blob));
    storages
}

/// Returns the bytes with this Base64 text (RFC 4648, 4), if there are any.
fn base64_decoded(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    if text.is_empty() || !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits.bytes() {
        bits = (bits << 6) | u32::from(base64_digit(digit)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.extend(u8::try_from((bits >> count) & 0xff));
        }
        bits &= 0xff;
    }
    Some(bytes)
}

fn base64_digit(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_follows_rfc_4648_section_10() {
        for (text, bytes) in [
            ("Zg==", Some("f")),
            ("Zm8=", Some("fo")),
            ("Zm9v", Some("foo")),
            ("Zm9vYg==", Some("foob")),
            ("Zm9vYmE=", Some("fooba")),
            ("Zm9vYmFy", Some("foobar")),
            ("", None),
            ("Zg=", None),
            ("Zg", None),
            ("Z-==", None),
            ("====", None),
        ] {
            assert_eq!(base64_decoded(text), bytes.map(|bytes| bytes.as_bytes().to_vec()), "{text}");
        }
        assert_eq!(base64_decoded("+/+/").unwrap(), [0xfb, 0xff, 0xbf]);
    }

    #[test]
    fn j4_every_storage_of_a_value_is_looked_for() {
        let storages = |value: &str| storages(&Filter::new("a", Operator::Equal, value).unwrap());
        let text = |value: &str| Value::Text(value.to_owned());
        assert_eq!(storages("5.0"), [text("5.0"), Value::Integer(5), Value::Real(5.0)]);
        assert_eq!(storages("-Infinity"), [text("-Infinity"), Value::Real(f64::NEG_INFINITY)]);
        assert_eq!(storages("open"), [text("open"), Value::Blob(vec![0xa2, 0x97, 0xa7])]);
        assert_eq!(
            storages("-9007199254740993"),
            [
                text("-9007199254740993"),
                Value::Integer(-9_007_199_254_740_993),
                Value::Real(-9_007_199_254_740_992.0)
            ]
        );
        assert_eq!(storages("1e400"), [text("1e400")]);
    }
}
