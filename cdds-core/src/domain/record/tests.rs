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
fn a1_of_a_key_that_is_given_again_the_last_value_counts_by_each_way_in() {
    let mut builder = RecordBatchBuilder::new();
    let place = Place::of(None, None);
    let written = |builder: &mut RecordBatchBuilder| {
        String::from_utf8(builder.take().lines().to_vec()).unwrap().trim_end().to_owned()
    };
    let mut record = builder.record(&place);
    record.text("a", "x").integer("b", 1).unsigned("a", 2);
    record.finish();
    assert_eq!(written(&mut builder), r#"{"a":2,"b":1}"#);
    // An empty value removes the key, until another value follows.
    let mut record = builder.record(&place);
    record.text("a", "x").text("a", "").boolean("b", true).bytes_base64("c", b"x").bytes_base64("c", b"");
    record.raw("b", b"[1,{\"x\":1,\"x\":2}]").unwrap().text("d", "").text("d", "y");
    record.raw("e", b"1").unwrap().raw("e", b"{}").unwrap();
    assert!(record.raw("d", b"[1").is_err());
    record.finish();
    assert_eq!(written(&mut builder), r#"{"b":[1,{"x":2}],"d":"y"}"#);
    builder.raw_line(&place, br#"{"a":1,"b":2,"a":3}"#).unwrap();
    assert_eq!(written(&mut builder), r#"{"a":3,"b":2}"#);

    struct Twice;
    impl serde::Serialize for Twice {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([("a", 1), ("b", 2), ("a", 3)])
        }
    }
    builder.serialize(&place, &Twice).unwrap();
    assert_eq!(written(&mut builder), r#"{"a":3,"b":2}"#);
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
fn the_memory_of_a_batch_is_used_again_once_nobody_has_it() {
    let mut builder = RecordBatchBuilder::with_capacity(100);
    let mut next = |number: u8| {
        builder.raw_line(&place("voice"), format!("{{\"a\":{number}}}").as_bytes()).unwrap();
        builder.take()
    };
    let (first, second) = (next(1), next(2));
    let lines = first.lines().clone();
    let (at_first, at_second) = (first.lines().as_ptr(), second.lines().as_ptr());
    drop((first, second));
    // If their memory was returned to the system, it is gone now.
    let _taken = [Vec::<u8>::with_capacity(100), Vec::with_capacity(100)];
    // This takes the memory of the second batch for later lines.
    let third = next(3);
    let fourth = next(4);
    assert_eq!(fourth.lines().as_ptr(), at_second);
    assert_eq!((lines.as_ptr(), lines.as_ref()), (at_first, b"{\"a\":1}\n".as_slice()));
    assert_eq!(third.lines().as_ref(), b"{\"a\":3}\n");
    assert_eq!(fourth.lines().as_ref(), b"{\"a\":4}\n");
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

fn rejected(record: &[u8]) -> Value {
    let mut line = Vec::new();
    RejectedRecord::new("line 7", "not valid JSON", record).write_line(&mut line);
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    assert_eq!(line.last(), Some(&b'\n'));
    serde_json::from_slice(&line).unwrap()
}

#[test]
fn e10_rejected_records_are_told_as_what_they_are() {
    let base = serde_json::json!({"position": "line 7", "reason": "not valid JSON"});
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for (record, key, told) in [
        (&b"{\"at\":\n\"x\", \"n\":null}"[..], "record", serde_json::json!({"at": "x", "n": null})),
        (b" 4711\r", "record", Value::from(4711)),
        (b"{\"at\":", "record", Value::from("{\"at\":")),
        (b"a\nb\0", "record", Value::from("a\nb\0")),
        (b"", "record", Value::from("")),
        (b"\xff\0", "record_base64", Value::from("/wA=")),
        (deep(126).as_bytes(), "record", serde_json::from_str(&deep(126)).unwrap()),
        // One more level, and the whole line would be too deep for most readers.
        (deep(127).as_bytes(), "record", Value::from(deep(127))),
    ] {
        let mut expected = base.clone();
        expected[key] = told;
        assert_eq!(rejected(record), expected);
    }
}

#[test]
fn e10_rejected_records_are_cut_at_64_kib() {
    let text = |length: usize| "é".repeat(length / 2);
    let whole = rejected(text(64 << 10).as_bytes());
    assert_eq!((whole["record"].as_str().unwrap().len(), &whole["truncated"]), (64 << 10, &Value::Null));
    // The cut goes through a character.
    let cut = rejected(format!("x{}", text(64 << 10)).as_bytes());
    assert_eq!(
        (cut["record"].as_str().unwrap().len(), &cut["truncated"]),
        ((64 << 10) - 1, &Value::from(true))
    );
    let json = rejected(serde_json::to_string(&vec![1; 40_000]).unwrap().as_bytes());
    assert!(json["record"].is_string() && json["truncated"] == true);
    let bytes = rejected(&[0xff; 70_000]);
    assert_eq!(bytes["record_base64"].as_str().unwrap().len(), (64_usize << 10).div_ceil(3) * 4);
    let debug = format!("{:?}", RejectedRecord::new("line 7", "no", b"4711"));
    assert!(debug.contains("line 7") && !debug.contains("4711"), "{debug}");
}

#[test]
fn e10_batches_carry_what_was_rejected() {
    let mut builder = RecordBatchBuilder::new();
    builder.reject(RejectedRecord::new("line 1", "no", &[b'x'; 1_000]));
    assert!(!builder.is_empty() && builder.len_bytes() >= 1_000);
    let batch = builder.take();
    assert_eq!((batch.records(), batch.rejected().len()), (0, 1));
    assert!(builder.is_empty() && builder.len_bytes() == 0);
}

#[test]
fn nested_values_stay_within_the_depth_of_a_record() {
    let nested = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
    let mut builder = RecordBatchBuilder::new();
    let mut record = builder.record(&place("voice"));
    assert!(record.raw("a", &nested(127)).is_err());
    record.raw("a", &nested(126)).unwrap();
    record.finish();
    let line = builder.take();
    assert!(serde_json::from_slice::<Value>(line.lines()).is_ok());
}

#[test]
fn a_leap_second_is_written_as_one() {
    let at = DateTime::from_timestamp(1_483_228_799, 1_500_000_000).unwrap();
    let written = line(|record| {
        record.instant("t", at);
    });
    assert_eq!(written, "{\"t\":\"2016-12-31T23:59:60.500Z\"}\n");
}

#[test]
fn every_character_of_ascii_is_escaped_as_serde_escapes_it() {
    for byte in 0..0x80_u8 {
        let value = char::from(byte).to_string();
        let written = line(|record| {
            record.text("k", &value);
        });
        assert_eq!(written, format!("{{\"k\":{}}}\n", Value::from(value)), "{byte:#x}");
    }
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

    /// For example JSON that is the text of a column.
    #[test]
    fn long_strings_are_escaped_as_serde_escapes_them(pieces in prop::collection::vec(
        prop_oneof![4 => "[ -~]{0,90}", 4 => "[\"\\\\]{0,70}", 4 => "(\"[a-z]{0,9}){0,30}", 2 => "\\PC{0,40}",
            1 => "[\\x00-\\x7f]"], 0..12)) {
        let value = format!("0{}", pieces.concat());
        let written = line(|record| { record.text("k", &value); });
        prop_assert_eq!(written, format!("{{\"k\":{}}}\n", Value::from(value)));
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
