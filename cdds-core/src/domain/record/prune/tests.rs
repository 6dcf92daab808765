use super::*;
use proptest::prelude::*;
use serde_json::{Map, Value};

fn pruned(input: &str) -> String {
    let mut output = b"before".to_vec();
    object(input.as_bytes(), &mut output, |_, _| ()).unwrap();
    String::from_utf8(output.split_off(6)).unwrap()
}

fn fault(input: impl AsRef<[u8]>) -> JsonFault {
    let mut output = b"before".to_vec();
    let error = object(input.as_ref(), &mut output, |_, _| ()).unwrap_err();
    assert_eq!(output, b"before", "nothing of a faulty record stays");
    error.fault()
}

#[test]
fn a2_empty_members_go_at_any_depth() {
    for (input, expected) in [
        (r#"{"a":null,"b":"","c":[],"d":{},"e":{"f":{"g":null}}}"#, "{}"),
        (r#"{"a":1,"b":"","c":2}"#, r#"{"a":1,"c":2}"#),
        (r#"{"a":"","b":1,"c":null}"#, r#"{"b":1}"#),
        (r#"{"a":{"x":""},"b":{"x":"","y":0}}"#, r#"{"b":{"y":0}}"#),
        (r#"{"a":{"b":{"c":1,"d":null},"e":{}},"f":""}"#, r#"{"a":{"b":{"c":1}}}"#),
        (r#"{"a":[ ],"b":{ },"c":[[ ]]}"#, r#"{"c":[[]]}"#),
        ("{}", "{}"),
    ] {
        assert_eq!(pruned(input), expected, "{input}");
    }
}

#[test]
fn a2_false_zero_and_blanks_are_values() {
    let record = r#"{"a":false,"b":0,"c":"  ","d":-0.0,"e":"\u0000"}"#;
    assert_eq!(pruned(record), record);
}

#[test]
fn a2_array_elements_stay_and_are_pruned_inside() {
    assert_eq!(
        pruned(r#"{"a":[null,"",[],{},{"b":""},{"b":1,"c":[]}]}"#),
        r#"{"a":[null,"",[],{},{},{"b":1}]}"#
    );
}

#[test]
fn numbers_and_text_keep_their_spelling() {
    let record =
        r#"{"a":0.7640,"b":1E+002,"c":123456789012345678901234567890,"d":"\u00e9\/é\ud83d😀\"\\","e":-1e-0}"#;
    assert_eq!(pruned(record), record);
}

#[test]
fn a1_of_a_key_that_comes_again_the_last_value_counts_where_the_first_stood() {
    for (input, expected) in [
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        (r#"{"a":1,"\u0061":3,"A":2}"#, r#"{"a":3,"A":2}"#),
        (r#"{"b\/":1,"b/":3,"a":2}"#, r#"{"b\/":3,"a":2}"#),
        (r#"{"a":1,"b":2,"a":null}"#, r#"{"b":2}"#),
        (r#"{"a":null,"b":2,"a":1}"#, r#"{"a":1,"b":2}"#),
        (r#"{"a":"","a":[]}"#, "{}"),
        (r#"{"a":1,"a":2,"a":3}"#, r#"{"a":3}"#),
        (
            r#" { "a" : { "x" : 1 , "x" : 2 } , "b" : [ { "x" : 1 , "x" : [ ] , "y" : "" } , 5 ] } "#,
            r#"{"a":{"x":2},"b":[{},5]}"#,
        ),
        (r#"{"a":{"x":1},"b":{"x":2},"x":{"a":3}}"#, r#"{"a":{"x":1},"b":{"x":2},"x":{"a":3}}"#),
        (r#"{"a":{"x":1,"x":2},"a":{"y":1,"y":{"z":"é","z":-1.50}}}"#, r#"{"a":{"y":{"z":-1.50}}}"#),
        (r#"{"":1,"":2}"#, r#"{"":2}"#),
        (r#"{"\ud800":1,"\uD800":2}"#, r#"{"\ud800":2}"#),
    ] {
        assert_eq!(pruned(input), expected, "{input}");
    }
    // A fault after a repeated key is found, too.
    assert_eq!(fault(r#"{"a":1,"a":2,"b":tru}"#), JsonFault::Unexpected);
    assert_eq!(fault(b"{\"a\":1,\"a\":\"\xff\"}"), JsonFault::Utf8);
    let mut output = Vec::new();
    assert!(value(br#"{"a":1,"a":null}"#, &mut output).unwrap());
    assert!(!value(br#"[{"a":1,"a":null}]"#, &mut output).unwrap());
    assert_eq!(output, b"[{}]");
}

#[test]
fn repeated_keys_at_every_depth_cost_no_more_than_their_depth() {
    let depth = DEPTH_MAX - 1;
    let record = format!("{}{{}}{}", "{\"a\":1,\"a\":".repeat(depth), "}".repeat(depth));
    assert_eq!(pruned(&record), "{}");
    let wide: String = (0..20_000).map(|n| format!("\"{}\":{n},", n % 10_000)).collect();
    assert!(pruned(&format!("{{{wide}\"last\":0}}")).starts_with(r#"{"0":10000,"1":10001,"#));
}

#[test]
fn a1_a_record_becomes_one_line() {
    let spread = "\r\n{ \"a\" :\t1 ,\n\"b\"\n: \"\" , \"c\" : [ 1 , { \"d\" : null } ]\n}\n ";
    assert_eq!(pruned(spread), r#"{"a":1,"c":[1,{}]}"#);
}

#[test]
fn the_visitor_sees_outer_members_before_pruning() {
    let mut seen = Vec::new();
    let record = br#"{ "t\u0069me" : "2026" , "n" : {"x":""}, "e":null }"#;
    object(record, &mut Vec::new(), |key, value| {
        seen.push((String::from_utf8_lossy(key).into_owned(), String::from_utf8_lossy(value).into_owned()));
    })
    .unwrap();
    let expected = [(r"t\u0069me", r#""2026""#), ("n", r#"{"x":""}"#), ("e", "null")];
    assert_eq!(seen, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
}

#[test]
fn faults_are_found_and_told_apart() {
    use JsonFault::{
        ControlCharacter, Escape, NotAnObject, Number, TooDeep, Trailing, Truncated, Unexpected,
    };
    for (input, expected) in [
        ("", Truncated),
        ("  ", Truncated),
        ("[]", NotAnObject),
        ("{", Truncated),
        (r#"{"a"#, Truncated),
        (r#"{"a""#, Truncated),
        (r#"{"a":"#, Truncated),
        (r#"{"a":1"#, Truncated),
        (r#"{"a":1,"#, Truncated),
        (r#"{"a":1,}"#, Unexpected),
        (r#"{,"a":1}"#, Unexpected),
        (r#"{"a" 1}"#, Unexpected),
        (r#"{a:1}"#, Unexpected),
        (r#"{"a":[1,]}"#, Unexpected),
        (r#"{"a":[1 2]}"#, Unexpected),
        (r#"{"a":tru}"#, Unexpected),
        (r#"{"a":nul"#, Unexpected),
        (r#"{"a":NaN}"#, Unexpected),
        (r#"{"a":+1}"#, Unexpected),
        (r#"{"a":.5}"#, Unexpected),
        (r#"{"a":1}}"#, Trailing),
        (r#"{"a":1}{"b":2}"#, Trailing),
        (r#"{"a":01}"#, Number),
        (r#"{"a":-}"#, Number),
        (r#"{"a":1.}"#, Number),
        (r#"{"a":1.e3}"#, Number),
        (r#"{"a":1e}"#, Number),
        (r#"{"a":1e+}"#, Number),
        (r#"{"a":"\x"}"#, Escape),
        (r#"{"a":"\u12g4"}"#, Escape),
        (r#"{"a":"\u12"#, Escape),
        ("{\"a\":\"\t\"}", ControlCharacter),
        ("{\"a\n\":1}", ControlCharacter),
    ] {
        assert_eq!(fault(input), expected, "{input}");
    }
    assert_eq!(fault(b"{\"a\":\"\xff\"}"), JsonFault::Utf8);
    let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert_eq!(pruned(&nested(DEPTH_MAX)), nested(DEPTH_MAX));
    assert_eq!(fault(nested(DEPTH_MAX + 1)), TooDeep);
    assert_eq!(fault("{\"a\":".repeat(1_000_000)), TooDeep);
}

#[test]
fn errors_say_where_and_never_what() {
    let error = object(br#"{"secret":"4711",}"#, &mut Vec::new(), |_, _| ()).unwrap_err();
    assert_eq!(error.to_string(), "not valid JSON: unexpected character at byte 18");
    assert_eq!((error.fault(), error.offset()), (JsonFault::Unexpected, 17));
    let error = object(b"{\"ab\":\"xy\tz\"}", &mut Vec::new(), |_, _| ()).unwrap_err();
    assert_eq!((error.fault(), error.offset()), (JsonFault::ControlCharacter, 9));
}

#[test]
fn a_record_that_is_cut_anywhere_breaks_off_and_one_that_is_wrong_does_not() {
    let breaks_off = |input: &[u8]| object(input, &mut Vec::new(), |_, _| ()).unwrap_err().breaks_off(input);
    let record = "{\"a\":[true,false,null,{\"\\u00e9\\n\":-12.5e+3}],\"b\" : \"é\\\\😀\"}".as_bytes();
    for end in 1..record.len() {
        assert!(breaks_off(&record[..end]), "{}", String::from_utf8_lossy(&record[..end]));
    }
    for input in [
        "{\"a\":1}}",
        "[1",
        "12",
        "{\"a\" 1",
        "{\"a\":tru}",
        "{\"a\":nil",
        "{\"a\":01",
        "{\"a\":1.}",
        "{\"a\":\"\\x",
        "{\"a\":\"\\u12g",
        "no JSON",
    ] {
        assert!(!breaks_off(input.as_bytes()), "{input}");
    }
    assert!(!breaks_off(b"{\"a\":\"\xff\"}"));
}

#[test]
fn single_values_tell_whether_they_are_empty() {
    for (input, empty, expected) in [
        (" [ ] ", true, ""),
        (r#"{"a":""}"#, true, ""),
        (r#""""#, true, ""),
        ("null", true, ""),
        (" [ 1, {} ]", false, "[1,{}]"),
        ("0", false, "0"),
    ] {
        let mut output = Vec::new();
        assert_eq!(value(input.as_bytes(), &mut output).unwrap(), empty, "{input}");
        assert_eq!(output, expected.as_bytes());
    }
    assert!(value(b"1 1", &mut Vec::new()).is_err());
}

/// Rule A2 implemented once more, over a tree.
fn prune_tree(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members.into_iter().map(|(key, value)| (key, prune_tree(value))).filter(kept).collect(),
        ),
        Value::Array(elements) => Value::Array(elements.into_iter().map(prune_tree).collect()),
        other => other,
    }
}

fn kept((_, value): &(String, Value)) -> bool {
    let empty = [Value::Null, Value::from(""), Value::Array(Vec::new()), Value::Object(Map::new())];
    !empty.contains(value)
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::from("")),
        "\\PC{0,12}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-c\"é\n]{0,3}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a2_agrees_with_the_tree(members in prop::collection::btree_map("[a-e]{1,3}", any_json(), 0..8), pretty: bool) {
        let record = Value::Object(members.into_iter().collect());
        let text = if pretty { serde_json::to_vec_pretty(&record) } else { serde_json::to_vec(&record) }.unwrap();
        let mut output = Vec::new();
        object(&text, &mut output, |_, _| ()).unwrap();
        prop_assert_eq!(&output, &serde_json::to_vec(&prune_tree(record)).unwrap());
        let mut again = Vec::new();
        object(&output, &mut again, |_, _| ()).unwrap();
        prop_assert_eq!(output, again);
    }

    #[test]
    fn a1_repeated_keys_agree_with_the_tree(
        members in prop::collection::vec(("[a-c]{1,2}", any_json()), 0..12), nested in any_json(),
    ) {
        let text = |members: &[(String, Value)]| {
            let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        };
        let inner = text(&members);
        let record = format!("{{\"a\":{nested},\"o\":[{inner}],\"a\":{inner}}}");
        let expected: Value = serde_json::from_str(&record).unwrap();
        let mut output = Vec::new();
        object(record.as_bytes(), &mut output, |_, _| ()).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Value>(&output).unwrap(), prune_tree(expected));
        let mut again = Vec::new();
        object(&output, &mut again, |_, _| ()).unwrap();
        prop_assert_eq!(output, again);
    }

    #[test]
    fn damaged_records_are_judged_as_serde_judges_them(
        members in prop::collection::btree_map("[a-e]{1,3}", any_json(), 0..4), at: prop::sample::Index, byte: u8,
    ) {
        let mut text = serde_json::to_vec(&members).unwrap();
        let at = at.index(text.len());
        text[at] = byte;
        let legal = std::str::from_utf8(&text)
            .is_ok_and(|text| text.trim_start().starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
        prop_assert_eq!(object(&text, &mut Vec::new(), |_, _| ()).is_ok(), legal);
    }
}
