use super::*;
use crate::domain::id::TypeId;
use crate::domain::record::RejectedContent;
use crate::domain::record::selection::CategorySelection;
use crate::domain::record::{Place, RecordBatch, RecordBatchBuilder, RejectedRecord};
use crate::testing::records;
use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Map, Value};

fn filter(text: &str) -> Filter {
    text.parse().unwrap()
}

fn only(names: &[&str]) -> FieldSelection {
    FieldSelection::Only(FieldNames::new(names.iter().map(|name| (*name).to_owned())).unwrap())
}

fn batch(lines: &[&str]) -> RecordBatch {
    let mut builder = RecordBatchBuilder::new();
    for (day, line) in (0..).zip(lines) {
        let at = DateTime::from_timestamp(day * 86_400, 0);
        builder.raw_line(&Place::of(None, at), line.as_bytes()).unwrap();
    }
    builder.add_bytes_read(99);
    builder.take()
}

/// Returns the remaining part of these lines.
fn exported(fields: FieldSelection, filters: &[&str], lines: &[&str]) -> String {
    let template = Template::new(fields, filters.iter().map(|text| filter(text)).collect()).unwrap();
    String::from_utf8(template.apply(&batch(lines)).lines().to_vec()).unwrap()
}

#[test]
fn j4_the_first_operator_splits_the_text() {
    for (text, field, operator, value) in [
        ("a=b", "a", Operator::Equal, "b"),
        ("a!=b=c", "a", Operator::NotEqual, "b=c"),
        ("a<=1", "a", Operator::LessOrEqual, "1"),
        ("a<1", "a", Operator::Less, "1"),
        ("a >=  1", "a ", Operator::GreaterOrEqual, "  1"),
        ("a>", "a", Operator::Greater, ""),
        ("é!*=ü>", "é!", Operator::Contains, "ü>"),
    ] {
        let parsed = filter(text);
        let condition = Condition::Compare(operator, value);
        assert!(parsed.field() == field && parsed.condition() == condition, "{text}");
        assert_eq!(parsed.to_string(), text);
    }
}

#[test]
fn j4_what_is_no_filter_is_refused_and_not_told() {
    let long = format!("{}=4711", "n".repeat(256));
    let wide = format!("a={}", "7".repeat(4_097));
    for text in ["", "4711", "=4711", "4711!", &long, &wide] {
        let violation = text.parse::<Filter>().unwrap_err();
        assert_eq!(violation.code(), Code::InvalidTemplate, "{text}");
        assert!(!violation.to_string().contains("4711"), "{violation}");
    }
    assert!(Filter::new("ü".repeat(255), Operator::Equal, "ü".repeat(4_096)).is_ok());
    let debug = format!("{:?}", Template::new(FieldSelection::All, vec![filter("name=4711")]).unwrap());
    assert!(debug.contains("name") && !debug.contains("4711"), "{debug}");
}

#[test]
fn j4_a_list_matches_what_equals_one_of_its_values() {
    let list = filter("a in 5.0,open, true ,Infinity");
    assert_eq!(list.values(), ["5.0", "Infinity", "open", "true"]);
    assert_eq!(list, filter(r#"a in ["true","open","5.0","open","Infinity"]"#), "a set");
    for (value, matches) in [
        (FieldValue::Integer(5), true),
        (FieldValue::Json(b"50e-1"), true),
        (FieldValue::Text("5"), false),
        (FieldValue::Text("5.0"), true),
        (FieldValue::Text("open"), true),
        (FieldValue::Text("ope"), false),
        (FieldValue::Boolean(true), true),
        (FieldValue::Boolean(false), false),
        (FieldValue::Float(f64::INFINITY), true),
        (FieldValue::Missing, false),
        (FieldValue::Nested, false),
    ] {
        assert_eq!(list.matches(value), matches, "{value:?}");
        assert_eq!(list.equalities().any(|equal| equal.matches(value)), matches, "{value:?}");
    }
}

#[test]
fn j4_a_list_is_typed_with_commas_or_as_an_array() {
    for (text, field, values, shown) in [
        ("a in b", "a", &["b"][..], "a in b"),
        ("a  in  c, b,c", "a", &["b", "c"], "a in b,c"),
        ("a in x=1,y in z", "a", &["x=1", "y in z"], "a in x=1,y in z"),
        (r#"a in ["b,c", " d", "@e"]"#, "a", &[" d", "@e", "b,c"], r#"a in [" d","@e","b,c"]"#),
        (r#"in in in,"x""#, "in", &["\"x\"", "in"], r#"in in "x",in"#),
    ] {
        let parsed = filter(text);
        assert!(parsed.field() == field && parsed.values() == values, "{text}");
        assert_eq!(parsed.to_string(), shown);
        assert_eq!(filter(shown), parsed);
    }
    assert_eq!(filter("a=b in c").condition(), Condition::Compare(Operator::Equal, "b in c"));
    assert_eq!(Filter::listed("a in @ids.txt"), Some(("a", "@ids.txt")));
    assert_eq!(Filter::listed("a=b in c"), None);
}

#[test]
fn j4_lists_are_bounded_and_refusals_name_no_value() {
    let refused = |text: &str| text.parse::<Filter>().unwrap_err();
    let wide = format!("a in 4711,{}", "7".repeat(4_097));
    for text in
        ["a in ", "a in []", "a in 4711,,x", "a in 4711,", "a in [4711", "a in [4711]", "a in @4711", &wide]
    {
        assert_eq!(refused(text).code(), Code::InvalidTemplate, "{text}");
        assert!(!refused(text).to_string().contains("4711"), "{}", refused(text));
    }
    let many = |count: usize| Filter::one_of("a", (0..count).map(|number| number.to_string()));
    assert!(many(10_000).is_ok());
    assert!(many(10_001).unwrap_err().to_string().contains("more than 10000 values"));
    let again = (0..20_000).map(|number| (number % 10_000).to_string());
    assert!(Filter::one_of("a", again).is_ok(), "repeated values count once");
    let long = |count: usize| Filter::one_of("a", (0..count).map(|number| format!("{number:04096}")));
    assert!(long(128).is_ok());
    assert!(long(129).unwrap_err().to_string().contains("more than 512 KiB"));
    let halves = [many(5_000).unwrap(), many(5_001).unwrap()];
    assert!(check_lists(&halves[..1]).is_ok());
    assert_eq!(check_lists(&halves).unwrap_err().code(), Code::InvalidTemplate);
    assert!(!format!("{:?}", [&halves[0]].map(Filter::condition)).contains("4711"));
}

#[test]
fn j4_templates_are_bounded() {
    assert!(Template::new(FieldSelection::All, vec![filter("a=1"); 100]).is_ok());
    let refused = Template::new(FieldSelection::All, vec![filter("a=1"); 101]).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidTemplate);
    let names = |count: usize| FieldNames::new((0..count).map(|number| number.to_string()));
    assert!(names(2_000).is_ok());
    for refused in [names(2_001), names(0), FieldNames::new(["a".to_owned(), String::new()])] {
        assert_eq!(refused.unwrap_err().code(), Code::InvalidTemplate);
    }
}

#[test]
fn j4_declared_fields_can_be_named_and_no_others() {
    let open = DataType::new(TypeId::new("call").unwrap());
    let declared = open.clone().with_fields(["id", "status"]);
    let template = |fields, text: &str| Template::new(fields, vec![filter(text)]).unwrap();
    assert!(template(only(&["id"]), "status=open").check(&declared).is_ok());
    for unknown in [template(only(&["id", "ID"]), "status=1"), template(FieldSelection::All, "state=4711")] {
        let violation = unknown.check(&declared).unwrap_err();
        assert_eq!(violation.code(), Code::UnknownField);
        assert!(violation.to_string().ends_with("choose from id, status"), "{violation}");
        assert!(!violation.to_string().contains("4711"));
        assert!(unknown.check(&open).is_ok());
    }
    let many = Template { filters: vec![filter("id=1"); 101], ..Template::default() };
    assert_eq!(many.check(&open).unwrap_err().code(), Code::InvalidTemplate);
}

/// Returns which of `=`, `<` and `*=` match a value as it is spelled in JSON.
fn verdicts(spelled: &str, value: &str) -> (bool, bool, bool) {
    let asked =
        |operator| Filter::new("a", operator, value).unwrap().matches(FieldValue::Json(spelled.as_bytes()));
    assert_eq!(asked(Operator::NotEqual), !asked(Operator::Equal), "{spelled} {value}");
    let (equal, less, greater) = (asked(Operator::Equal), asked(Operator::Less), asked(Operator::Greater));
    assert!([equal, less, greater].iter().filter(|holds| **holds).count() <= 1, "{spelled} {value}");
    if spelled != "true" {
        assert_eq!(asked(Operator::LessOrEqual), equal || less, "{spelled} {value}");
        assert_eq!(asked(Operator::GreaterOrEqual), equal || greater, "{spelled} {value}");
    }
    (equal, less, asked(Operator::Contains))
}

#[test]
fn j4_numbers_are_compared_exactly() {
    for (equal, same) in [
        ("9007199254740993", &["9007199254740993.0", "9007199254740.993e3", "9007199254740993000E-3"][..]),
        ("0", &["-0", "0.000", "0e999999999999999999999999999999999999", "-0.0E-1"]),
        ("-1.50", &["-1.5", "-15e-1", "-0.15E+1", "-0.000000015e8"]),
        ("1e400", &["1e0400", "10e399", "0.1e401"]),
        ("123456789012345678901234567890", &["1.2345678901234567890123456789e29"]),
    ] {
        for same in same {
            assert!(verdicts(equal, same).0, "{equal} {same}");
            assert!(verdicts(same, equal).0, "{equal} {same}");
        }
    }
    for (less, greater) in [
        ("9007199254740992", "9007199254740993"),
        ("-9007199254740993", "-9007199254740992"),
        ("0.1", "0.1000000000000000055511151231257827"),
        ("1e308", "1e400"),
        ("-1e400", "1e-400"),
        ("1e-401", "1e-400"),
        ("-1", "0"),
        ("9", "10"),
        ("1e9", "1e999999999999999999999999999999999999999999999999"),
    ] {
        assert_eq!(verdicts(less, greater), (false, true, false), "{less} {greater}");
        assert!(!verdicts(greater, less).1 && !verdicts(greater, less).0, "{less} {greater}");
    }
}

#[test]
fn j4_a_number_is_like_no_other_text() {
    for text in ["", "a", " 1", "1 ", "+1", "01", "1.", ".1", "0x1", "1e", "--1", "Infinity", "1_0"] {
        let (equal, less, _) = verdicts("1", text);
        assert!(!equal && !less, "{text}");
        assert!(!filter(&format!("a>={text}")).matches(FieldValue::Integer(1)), "{text}");
    }
    assert!(verdicts("12.50", "2.5").2 && verdicts("12.50", "0").2 && !verdicts("12.50", "25").2);
}

#[test]
fn j4_text_is_compared_by_code_points() {
    assert_eq!(verdicts(r#""\u0061\/\n""#, "a/\n"), (true, false, true));
    assert_eq!(verdicts("\"10\"", "9"), (false, true, false));
    assert_eq!(verdicts("\"1.0\"", "1"), (false, false, true));
    // UTF-16 would sort these two the other way round.
    assert_eq!(verdicts("\"\u{ffff}\"", "\u{10000}"), (false, true, false));
    assert_eq!(verdicts(r#""\ud800\udc00""#, "\u{10000}"), (true, false, true));
    assert_eq!(verdicts(r#""\ud800""#, "\u{e000}"), (false, true, false));
    assert_eq!(verdicts(r#""x\udc00\ud800y""#, "y"), (false, true, true));
    assert_eq!(verdicts("\"2026-01-31T23:59:59Z\"", "2026-02-01T00:00:00Z"), (false, true, false));
}

#[test]
fn j4_booleans_are_words_without_an_order() {
    assert_eq!(verdicts("true", "true"), (true, false, true));
    assert_eq!(verdicts("true", "rue"), (false, false, true));
    assert!(!filter("a>=true").matches(FieldValue::Boolean(true)));
    assert!(!filter("a<true").matches(FieldValue::Boolean(false)));
}

#[test]
fn j4_missing_and_nested_values_match_unequal_only() {
    let empty = [FieldValue::Missing, FieldValue::Text(""), FieldValue::Bytes(b""), FieldValue::Nested];
    let spelled =
        ["null", "\"\"", "[]", "{}", "[1]", "{\"a\":1}"].map(|json| FieldValue::Json(json.as_bytes()));
    for value in empty.into_iter().chain(spelled) {
        for operator in Operator::ALL {
            for text in ["", "1", "null", "[1]"] {
                let matches = Filter::new("a", operator, text).unwrap().matches(value);
                assert_eq!(matches, operator == Operator::NotEqual, "{value:?} {operator:?} {text}");
            }
        }
    }
}

#[test]
fn j4_fields_stay_in_the_sources_order_and_a_record_is_never_lost() {
    let lines = [r#"{"b":1,"a":"x\"","c":[{}],"b":2}"#, r#"{"\u0061":{"n":1}}"#, r#"{"c":1}"#, "{}"];
    assert_eq!(
        exported(only(&["a", "b", "z"]), &[], &lines),
        "{\"b\":2,\"a\":\"x\\\"\"}\n{\"\\u0061\":{\"n\":1}}\n{}\n{}\n"
    );
}

#[test]
fn j4_filters_may_name_other_fields_and_the_last_of_two_counts() {
    let lines = [r#"{"a":1,"b":1,"b":2}"#, r#"{"a":2,"b":2,"b":1}"#, r#"{"a":3,"b":2,"b":null}"#];
    assert_eq!(exported(only(&["a"]), &["b=2"], &lines), "{\"a\":1}\n");
    assert_eq!(exported(FieldSelection::All, &["b>=1", "a!=1", "b<2"], &lines), "{\"a\":2,\"b\":1}\n");
}

#[test]
fn j4_places_and_counts_follow_the_records() {
    let template = Template::new(FieldSelection::All, vec![filter("a>1")]).unwrap();
    let mut builder = RecordBatchBuilder::new();
    builder.reject(RejectedRecord::new("line 1", "no", b"x"));
    assert_eq!(template.apply(&builder.take()).rejected().len(), 1);
    let batch = batch(&["{\"a\":1}", "{\"a\":2}", "{\"a\":3}"]);
    let applied = template.apply(&batch);
    assert_eq!((applied.records(), applied.bytes_read()), (2, 99));
    assert_eq!(applied.places(), &batch.places()[1..]);
    let found: Vec<_> = applied.iter().map(|record| (record.line, record.place)).collect();
    assert_eq!(found, [(&b"{\"a\":2}\n"[..], &batch.places()[1]), (b"{\"a\":3}\n", &batch.places()[2])]);
}

#[test]
fn e10_a_bad_record_tells_no_field_that_the_job_does_not_export() {
    let told = |fields: FieldSelection, record: &[u8]| {
        let template = Template { fields, ..Template::default() };
        let rejected = RejectedRecord::new("row 1", "bad", record);
        let mut line = Vec::new();
        template.tell(rejected, &CategorySelection::All).unwrap().write_line(&mut line);
        let line: Value = serde_json::from_slice(&line).unwrap();
        (line["record"].clone(), line["withheld"].clone())
    };
    let record = br#"{"id":1,"secret":2,"at":null}"#;
    assert_eq!(told(FieldSelection::All, record).0, serde_json::from_slice::<Value>(record).unwrap());
    assert_eq!(told(only(&["id"]), record), (serde_json::json!({"id": 1}), Value::Null));
    for unknown in [&b"{\"id\":1"[..], b"[1]", b"\xff", &[b'x'; 70_000]] {
        assert_eq!(told(only(&["id"]), unknown), (Value::Null, Value::from(true)));
    }
}

#[test]
fn j4_operators_of_other_languages_are_refused() {
    for (text, hint) in [("id==1", "write a single ="), ("id<>1", "write !=")] {
        let refusal = text.parse::<Filter>().unwrap_err();
        assert!(refusal.to_string().contains(hint), "{refusal}");
        assert_eq!(refusal.code(), Code::InvalidTemplate);
    }
    // A value that really begins with `=` can be passed separately.
    assert_eq!(Filter::new("id", Operator::Equal, "=1").unwrap().values(), ["=1"]);
}

#[test]
fn e10_a_bad_record_of_somebody_else_is_not_told() {
    let filtered = Template::new(FieldSelection::All, vec![filter("customer=acme")]).unwrap();
    let chosen = CategorySelection::Only(["voice".to_owned()].into());
    let told = |template: &Template, categories: &CategorySelection, record: &[u8]| {
        let told = template.tell(RejectedRecord::new("row 1", "bad", record), categories)?;
        Some(matches!(told.content(), RejectedContent::Withheld))
    };
    let (ours, theirs) = (&br#"{"customer":"acme"}"#[..], &br#"{"customer":"other"}"#[..]);
    let all = CategorySelection::All;
    assert_eq!(told(&filtered, &all, ours), Some(false));
    assert_eq!(told(&filtered, &all, theirs), None, "no bad record of this job");
    for unreadable in [&b"{\"customer\":\"acme\""[..], b"[1]", b"\xff"] {
        assert_eq!(told(&filtered, &all, unreadable), Some(true));
        assert_eq!(told(&Template::default(), &chosen, unreadable), Some(true));
        assert_eq!(told(&Template::default(), &all, unreadable), Some(false));
    }
    assert_eq!(told(&Template::default(), &chosen, ours), Some(false), "the source knows its category");
}

#[test]
fn values_of_sources_mean_what_is_exported() {
    for (value, spelled) in [
        (FieldValue::Integer(-5), "-5"),
        (FieldValue::Unsigned(u64::MAX), "18446744073709551615"),
        (FieldValue::Float(2.0), "2.0"),
        (FieldValue::Float(f64::NAN), "\"NaN\""),
        (FieldValue::Float(f64::NEG_INFINITY), "\"-Infinity\""),
        (FieldValue::Bytes(b"\0\xff"), "\"AP8=\""),
        (FieldValue::Text("a\"b"), "\"a\\\"b\""),
        (FieldValue::Boolean(true), "true"),
    ] {
        for operator in Operator::ALL {
            for text in ["-5", "-5.0", "2.", "2", "NaN", "AP8=", "a\"b", "true", "-Infinity", "5"] {
                let filter = Filter::new("a", operator, text).unwrap();
                let expected = filter.matches(FieldValue::Json(spelled.as_bytes()));
                assert_eq!(filter.matches(value), expected, "{value:?} {operator:?} {text}");
            }
        }
    }
}

#[test]
fn numbers_to_look_for_are_exact_or_none() {
    for (text, integer, real) in [
        ("5", Some(5), Some(5.0)),
        ("-50e-1", Some(-5), Some(-5.0)),
        ("0.5", None, Some(0.5)),
        ("9007199254740993.0", Some(9_007_199_254_740_993), Some(9_007_199_254_740_992.0)),
        ("-9223372036854775808", Some(i64::MIN), Some(-9_223_372_036_854_775_808.0)),
        ("9223372036854775808", None, Some(9_223_372_036_854_775_808.0)),
        ("1e400", None, None),
        ("-0", Some(0), Some(-0.0)),
        ("0x5", None, None),
        ("NaN", None, None),
    ] {
        let filter = Filter::new("a", Operator::Equal, text).unwrap();
        assert_eq!((filter.integer(), filter.real()), (integer, real), "{text}");
    }
}

/// Rule J4 implemented once more, over trees: numbers are written out in full before they are compared.
fn matches_in_tree(record: &Map<String, Value>, filter: &Filter) -> bool {
    let field = record.get(filter.field());
    match filter.condition() {
        Condition::Compare(operator, value) => compared_in_tree(field, operator, value),
        Condition::OneOf(values) => {
            values.iter().any(|value| compared_in_tree(field, Operator::Equal, value))
        }
    }
}

fn compared_in_tree(field: Option<&Value>, operator: Operator, value: &str) -> bool {
    use std::cmp::Ordering;
    let (text, order) = match field {
        Some(Value::Bool(word)) => (word.to_string(), (word.to_string() == value).then_some(Ordering::Equal)),
        Some(Value::String(text)) => (text.clone(), Some(text.chars().cmp(value.chars()))),
        Some(Value::Number(number)) => {
            let text = number.to_string();
            let order = is_number(value).then(|| written_out(&text).cmp(&written_out(value)));
            (text, order)
        }
        _ => return operator == Operator::NotEqual,
    };
    match operator {
        Operator::Contains => text.contains(value),
        Operator::NotEqual => order != Some(Ordering::Equal),
        Operator::Equal => order == Some(Ordering::Equal),
        Operator::Less => order == Some(Ordering::Less),
        Operator::Greater => order == Some(Ordering::Greater),
        // `true` equals itself, but is neither less nor greater than, nor at most or at least, anything.
        _ if matches!(field, Some(Value::Bool(_))) => false,
        Operator::LessOrEqual => order.is_some_and(Ordering::is_le),
        Operator::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    }
}

/// `IgnoredAny` follows the grammar and does not limit the size of numbers.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && !text.ends_with(char::is_whitespace)
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Writes a number with 800 digits before and after its point. The digits of negative numbers are negative.
fn written_out(number: &str) -> Vec<i32> {
    let lower = number.to_lowercase();
    let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
    let exponent: i32 = exponent.parse().unwrap();
    let sign = if mantissa.starts_with('-') { -1 } else { 1 };
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = vec![0; 1_600];
    let first = 800 - exponent - i32::try_from(whole.len()).unwrap();
    for (place, digit) in (first..).zip(whole.chars().chain(fraction.chars())) {
        digits[usize::try_from(place).unwrap()] = sign * i32::try_from(digit.to_digit(10).unwrap()).unwrap();
    }
    digits
}

proptest! {
    #[test]
    fn j4_templates_agree_with_the_tree(
        rows in prop::collection::vec(prop::collection::vec(records::field_value(), 5), 1..6),
        template in records::template(),
    ) {
        let rows = rows.into_iter().map(|values| {
            let names = records::FIELDS.iter().map(|name| (*name).to_owned());
            Value::Object(names.zip(values).collect())
        });
        let lines: Vec<String> = rows.map(|row| row.to_string()).collect();
        let batch = batch(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let mut expected = Vec::new();
        for record in batch.iter() {
            let Value::Object(mut tree) = serde_json::from_slice(record.line).unwrap() else { panic!() };
            if template.filters.iter().all(|filter| matches_in_tree(&tree, filter)) {
                tree.retain(|name, _| template.fields.includes(name));
                expected.push((Value::Object(tree), record.place.clone()));
            }
        }
        let applied = template.apply(&batch);
        let found: Vec<_> = applied.iter()
            .map(|record| (serde_json::from_slice::<Value>(record.line).unwrap(), record.place.clone()))
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn j4_filters_round_trip_through_what_people_type(
        field in "[^=<>!*]{1,20}", operator in prop::sample::select(&Operator::ALL[..]), value in "([^=>][^=]{0,19})?",
    ) {
        let filter = Filter::new(field, operator, value).unwrap();
        prop_assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
    }
}
