use super::*;
use chrono::{SecondsFormat, TimeDelta};
use proptest::prelude::*;
use serde::Serialize;
use serde_json::Value;

fn place(category: &str) -> Place {
    Place::of(Some(category.into()), Some(DateTime::UNIX_EPOCH))
}

fn line(write: impl FnOnce(&mut RecordWriter<'_>)) -> String {
    let mut builder = RecordBatchBuilder::new();
    let mut record = builder.record(&place("voice"));
    write(&mut record);
    record.finish();
    String::from_utf8(builder.take().lines().to_vec()).unwrap()
}

#[test]
fn a1_keys_keep_their_order_and_a2_empty_ones_go() {
    let written = line(|record| {
        record.text("z", "").text("b", "x").integer("a", -1).bytes_base64("y", b"").boolean("c", false);
        record.unsigned("d", u64::MAX).float("e", 0.0).text("f", " ");
    });
    assert_eq!(
        written,
        "{\"b\":\"x\",\"a\":-1,\"c\":false,\"d\":18446744073709551615,\"e\":0.0,\"f\":\" \"}\n"
    );
}

#[test]
fn a2_a_record_is_never_lost() {
    assert_eq!(
        line(|record| {
            record.text("a", "");
        }),
        "{}\n"
    );
    let mut builder = RecordBatchBuilder::new();
    builder.raw_line(&place("voice"), br#"{"a":null}"#).unwrap();
    builder.serialize(&place("voice"), &serde_json::json!({"a": []})).unwrap();
    assert_eq!(builder.take().lines().as_ref(), b"{}\n{}\n");
}

#[test]
fn floats_are_shortest_and_say_that_they_are_floats() {
    let written = line(|record| {
        record.float("a", 2.0).float("b", 0.1).float("c", -0.0).float("d", 1e300).float("e", f64::NAN);
        record.float("f", f64::INFINITY).float("g", f64::NEG_INFINITY);
    });
    assert_eq!(
        written,
        "{\"a\":2.0,\"b\":0.1,\"c\":-0.0,\"d\":1e+300,\"e\":\"NaN\",\"f\":\"Infinity\",\"g\":\"-Infinity\"}\n"
    );
}

#[test]
fn base64_follows_rfc_4648_section_10() {
    for (bytes, expected) in [
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        assert_eq!(
            line(|record| {
                record.bytes_base64("a", bytes.as_bytes());
            }),
            format!("{{\"a\":\"{expected}\"}}\n")
        );
    }
    assert_eq!(
        line(|record| {
            record.bytes_base64("a", &[0xfb, 0xff, 0xbf]);
        }),
        "{\"a\":\"+/+/\"}\n"
    );
}

#[test]
fn raw_values_are_pruned_and_refused_without_a_trace() {
    let written = line(|record| {
        record.raw("a", b" { \"x\" : \"\" } ").unwrap();
        record.raw("b", b"[1, {\"x\":null}]").unwrap();
        assert!(record.raw("c", b"[1,").is_err());
        record.raw("d", b"\"\"").unwrap().integer("e", 1);
    });
    assert_eq!(written, "{\"b\":[1,{}],\"e\":1}\n");
}

#[test]
fn an_unfinished_record_leaves_no_trace() {
    let mut builder = RecordBatchBuilder::new();
    builder.raw_line(&place("voice"), b"{\"a\":1}").unwrap();
    let mut abandoned = builder.record(&place("voice"));
    abandoned.text("b", "c");
    drop(abandoned);
    assert!(builder.raw_line(&place("voice"), b"{\"a\":1").is_err());
    drop(builder.scan(b"{\"a\":2}", |_, _| ()).unwrap());
    assert!(builder.serialize(&place("voice"), &7).is_err());
    let batch = builder.take();
    assert_eq!((batch.records(), batch.lines().as_ref()), (1, b"{\"a\":1}\n".as_slice()));
}

#[test]
fn serialised_records_are_pruned() {
    #[derive(Serialize)]
    struct Contact<'a> {
        id: u32,
        note: Option<&'a str>,
        tags: Vec<&'a str>,
        rate: f64,
    }
    let mut builder = RecordBatchBuilder::new();
    builder.serialize(&place("chat"), &Contact { id: 1, note: None, tags: vec![], rate: f64::NAN }).unwrap();
    builder
        .serialize(&place("chat"), &Contact { id: 2, note: Some("é"), tags: vec![""], rate: 1.0 })
        .unwrap();
    let expected = "{\"id\":1}\n{\"id\":2,\"note\":\"é\",\"tags\":[\"\"],\"rate\":1.0}\n";
    assert_eq!(builder.take().lines().as_ref(), expected.as_bytes());
}

#[test]
fn batches_know_their_lines_places_and_bytes_read() {
    let mut builder = RecordBatchBuilder::with_capacity(64);
    for (category, json) in [("voice", "{\"a\":1}"), ("chat", "{}"), ("voice", "{\"b\": 2}")] {
        builder.raw_line(&place(category), json.as_bytes()).unwrap();
        builder.add_bytes_read(json.len() as u64);
    }
    assert_eq!((builder.records(), builder.len_bytes(), builder.is_empty()), (3, 19, false));
    let batch = builder.take();
    assert!(builder.is_empty());
    assert_eq!((batch.records(), batch.lines_bytes(), batch.bytes_read()), (3, 19, 17));
    assert_eq!(batch.places(), [place("voice"), place("chat")]);
    let records: Vec<_> = batch.iter().map(|record| (record.line, record.place_index)).collect();
    assert_eq!(records, [(&b"{\"a\":1}\n"[..], 0), (b"{}\n", 1), (b"{\"b\":2}\n", 0)]);
    assert!(batch.iter().all(|record| *record.place == batch.places()[record.place_index]));
    builder.raw_line(&place("email"), b"{}").unwrap();
    assert_eq!(builder.take().places(), [place("email")]);
}

#[test]
fn places_follow_the_day_in_utc() {
    let midnight = DateTime::UNIX_EPOCH + TimeDelta::days(1);
    let before = Place::of(None, Some(midnight - TimeDelta::microseconds(1)));
    assert_eq!(before, Place::of(None, Some(DateTime::UNIX_EPOCH)));
    assert_ne!(before, Place::of(None, Some(midnight)));
}

proptest! {
    #[test]
    fn strings_are_escaped_as_serde_escapes_them(key: String, value in "(\\PC|[\\x00-\\x20\"\\\\\\x7f]){0,40}") {
        let written = line(|record| { record.text(&key, &value); });
        let expected = if value.is_empty() {
            "{}\n".to_owned()
        } else {
            format!("{{{}:{}}}\n", Value::from(key), Value::from(value))
        };
        prop_assert_eq!(written, expected);
    }

    #[test]
    fn numbers_read_back(float in any::<f64>().prop_filter("finite", |f| f.is_finite()), integer: i64) {
        let written = line(|record| { record.float("f", float).integer("i", integer); });
        prop_assert_eq!(written, format!("{{\"f\":{},\"i\":{integer}}}\n", Value::from(float)));
    }

    #[test]
    fn instants_are_written_as_chrono_writes_them(
        seconds in -99_999_999_999i64..=999_999_999_999,
        nanos in prop_oneof![Just(0u32), (0u32..1000).prop_map(|ms| ms * 1_000_000),
            (0u32..1_000_000).prop_map(|us| us * 1_000), 0u32..1_000_000_000],
    ) {
        let at = DateTime::from_timestamp(seconds, nanos).unwrap();
        let written = line(|record| { record.instant("t", at); });
        prop_assert_eq!(written, format!("{{\"t\":\"{}\"}}\n", at.to_rfc3339_opts(SecondsFormat::AutoSi, true)));
    }
}
