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

//!
//! The values of a list are bound as one array, whatever their number: statements have a bound on parameters.

use std::rc::Rc;

use cdds_core::domain::record::template::{Condition, Filter, Operator};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value};

use super::open::Relation;
use super::statement::compared;

/// A bound parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bound {
    One(Value),
    /// An array for `rarray`, which returns its values as they are: JSON has no blobs, and SQLite may read a
    /// real number in it as its neighbour.
    Array(Rc<Vec<Value>>),
}

impl From<Value> for Bound {
    fn from(value: Value) -> Self {
        Self::One(value)
    }
}

impl ToSql for Bound {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::One(value) => value.to_sql(),
            Self::Array(values) => values.to_sql(),
        }
    }
}

/// Returns a condition that holds for every row whose field equals a value of the filter, and its bound
/// values; `None` for other filters, and for fields that are not columns.
pub(super) fn condition(filter: &Filter, relation: &Relation) -> Option<(String, Vec<Bound>)> {
    if !relation.columns.iter().any(|name| name == filter.field()) {
        return None;
    }
    let stored = filter.equalities().flat_map(|equal| storages(&equal));
    let (places, values) = match filter.condition() {
        Condition::Compare(Operator::Equal, _) => {
            let values: Vec<Bound> = stored.map(Bound::One).collect();
            (vec!["?"; values.len()].join(", "), values)
        }
        Condition::OneOf(_) => {
            ("SELECT value FROM rarray(?)".to_owned(), vec![Bound::Array(Rc::new(stored.collect()))])
        }
        _ => return None,
    };
    Some((format!("{} IN ({places})", compared(filter.field())), values))
}

/// Returns every stored value that is exported as the text that a filter for equality asks for.
fn storages(filter: &Filter) -> Vec<Value> {
    let value = filter.values().first().map_or("", String::as_str);
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
    use cdds_core::domain::calendar::window::Window;
    use cdds_core::domain::id::{Owner, TypeId};
    use cdds_core::domain::record::template::{FieldSelection, Template};
    use cdds_core::ports::source::ReadRequest;

    use super::super::SqliteType;
    use super::super::open::Database;
    use super::super::statement::select;
    use super::*;
    use crate::source::SqliteRows;

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

    #[test]
    fn j4_a_list_is_one_parameter_and_an_index_serves_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE t (a, b); CREATE INDEX by_a ON t (a)").unwrap();
        let database = Database::open(&path, "test").unwrap();
        let id = TypeId::new("t").unwrap();
        let data_type = SqliteType::new(id.clone(), SqliteRows::Table("t".to_owned()));
        let relation = database.relation(&data_type).unwrap();
        let filter = Filter::one_of("a", (0..10_000).map(|number| number.to_string())).unwrap();
        let template = Template::new(FieldSelection::All, vec![filter]).unwrap();
        let window = Window::until(chrono::DateTime::UNIX_EPOCH);
        let request = ReadRequest::new(Owner::default(), id, window).with_template(template);
        let statements = select(&data_type, &relation, &relation.columns, &request);
        assert_eq!(statements.len(), 1);
        assert_eq!(statements[0].values.len(), 1);
        let mut explain =
            database.connection().prepare(&format!("EXPLAIN QUERY PLAN {}", statements[0].sql)).unwrap();
        let values = rusqlite::params_from_iter(&statements[0].values);
        let plan = explain.query_map(values, |row| row.get::<_, String>(3)).unwrap();
        let plan: Vec<String> = plan.map(Result::unwrap).collect();
        assert!(plan[0].starts_with("SEARCH t USING INDEX by_a (a=?)"), "{plan:?}");
    }
}
