//! Property-test strategies for templates and for the field values that templates examine.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;

use crate::domain::record::template::{FieldNames, FieldSelection, Filter, Operator, Template};

/// Texts that are numbers, almost numbers, or likely to compare equal to one another.
const TEXTS: &[&str] = &[
    "",
    "0",
    "-0",
    "0.0",
    "1",
    "1.0",
    "1e0",
    "10e-1",
    "0.1",
    "-1",
    "+1",
    "01",
    "1.",
    " 1",
    "0x1",
    "9007199254740992",
    "9007199254740993",
    "9007199254740993.0",
    "9007199254740992.000001",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "123456789012345678901234567890",
    "1e400",
    "1e-400",
    "5e-324",
    "1.7976931348623157e308",
    "NaN",
    "Infinity",
    "-Infinity",
    "true",
    "false",
    "null",
    "a",
    "A",
    "a ",
    "ab",
    "b",
    "é",
    "\u{ffff}",
    "\u{10000}",
    "YQ==",
    "AP8=",
    "2026-02-01T00:00:00Z",
    "2026-02-01T00:00:00.5Z",
];

/// The field names that [`filter`] and [`template`] use.
pub const FIELDS: &[&str] = &["a", "b", "c", "d", "missing"];

/// Text, mostly chosen so that two samples are likely to be equal or close when compared.
pub fn field_text() -> impl Strategy<Value = String> {
    let known = select(TEXTS).prop_map(str::to_owned);
    let number = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        (-20_i64..20, -3_i32..3).prop_map(|(digits, exponent)| format!("{digits}e{exponent}")),
    ];
    prop_oneof![6 => known, 2 => number, 1 => "\\PC{0,6}", 1 => any::<String>()]
}

/// The value of a field, of any JSON type, including empty values.
pub fn field_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => select(&[0, 1, -1, i64::MAX, i64::MIN, 9_007_199_254_740_992, 9_007_199_254_740_993][..])
            .prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        2 => select(&[0.0, -0.0, 0.1, 1.0, 9_007_199_254_740_992.0, 1e300, 5e-324][..]).prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        5 => field_text().prop_map(Value::from),
        1 => select(vec![
            serde_json::json!([]), serde_json::json!({}), serde_json::json!({"a": null}),
            serde_json::json!([1, ""]), serde_json::json!({"a": "b"}),
        ]),
    ]
}

/// A condition on one of [`FIELDS`], with one value or a list.
pub fn filter() -> impl Strategy<Value = Filter> {
    let one = (select(FIELDS), select(&Operator::ALL[..]), field_text())
        .prop_filter_map("values are bounded", |(field, operator, value)| {
            Filter::new(field, operator, value).ok()
        });
    let list = (select(FIELDS), prop::collection::vec(field_text(), 1..6))
        .prop_filter_map("values are bounded and not empty", |(field, values)| {
            Filter::one_of(field, values).ok()
        });
    prop_oneof![3 => one, 1 => list]
}

/// A template over [`FIELDS`], with or without a selection and filters.
pub fn template() -> impl Strategy<Value = Template> {
    let fields = prop::collection::vec(select(FIELDS), 0..4).prop_map(|names| {
        FieldNames::new(names.into_iter().map(str::to_owned))
            .map_or(FieldSelection::All, FieldSelection::Only)
    });
    (fields, prop::collection::vec(filter(), 0..3)).prop_map(|(fields, filters)| Template { fields, filters })
}
