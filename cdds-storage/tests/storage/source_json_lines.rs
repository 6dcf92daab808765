//! The JSON lines source over real files.

use std::fs;
use std::path::Path;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::{Place, RecordBatch};
use cdds_core::ports::source::{
    BadRecordMode, ReadRequest, RecordInstant, Source, SourceError, SourceErrorKind,
};
use cdds_storage::source::{CategoryConfig, JsonLinesConfig, JsonLinesSource, JsonLinesType};
use chrono::{DateTime, NaiveDate, Utc};
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt};

fn id() -> TypeId {
    TypeId::new("interaction").unwrap()
}

fn plain() -> JsonLinesType {
    JsonLinesType::new(id(), None)
}

fn dated() -> JsonLinesType {
    plain().with_time("at", InstantFormat::Any).with_category(CategoryConfig {
        name: "media types".to_owned(),
        column: "media".to_owned(),
        values: vec!["voice".to_owned(), "chat".to_owned()],
    })
}

fn source(path: impl AsRef<Path>, data_type: JsonLinesType) -> JsonLinesSource {
    JsonLinesSource::new(
        JsonLinesConfig::new(SourceId::new("files").unwrap(), "Files", path.as_ref().to_str().unwrap())
            .with_type(data_type),
    )
    .unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn everything() -> ReadRequest {
    ReadRequest::new(Owner::default(), id(), Window::until(at("9000-01-01T00:00:00Z")))
}

fn read(source: &JsonLinesSource, request: ReadRequest) -> Result<Vec<RecordBatch>, SourceError> {
    block_on(async { source.read(request).await?.try_collect().await })
}

fn lines(batches: &[RecordBatch]) -> String {
    batches.iter().map(|batch| String::from_utf8(batch.lines().to_vec()).unwrap()).collect()
}

#[test]
fn files_are_read_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("b.jsonl", "\u{feff}{\"n\":3}\r\n\r\n  \n{\"n\":4, \"empty\": \"\"}"),
        ("a.jsonl", "{\"n\":1}\n{\"n\":2}\n"),
        ("c.jsonl", ""),
        ("other.txt", "not JSON"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::create_dir(folder.path().join("d.jsonl")).unwrap();
    let source = source(folder.path().join("*.jsonl"), plain());
    let batches = read(&source, everything()).unwrap();
    assert_eq!(lines(&batches), "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n");
}

#[test]
fn a_name_with_pattern_characters_may_be_meant_literally() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data[1].jsonl");
    fs::write(&path, "{\"n\":1}\n").unwrap();
    assert_eq!(lines(&read(&source(&path, plain()), everything()).unwrap()), "{\"n\":1}\n");
    let own = JsonLinesType { rows: Some(path.to_str().unwrap().to_owned()), ..plain() };
    assert_eq!(lines(&read(&source("/nowhere", own), everything()).unwrap()), "{\"n\":1}\n");
}

#[test]
fn w1_w7_a1_window_category_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    fs::write(
        &path,
        r#"{"n":1,"at":"2026-01-31T23:59:59.999999Z","media":"voice"}
{"n":2,"at":"2026-02-01T00:00:00Z","media":"chat"}
{"n":3,"at":1769904000000,"media":"fax"}
{"n":4,"\u0061t":"2026-02-01T01:30:00+01:00","media":"\u0076oice"}
{"n":5,"at":null,"media":"voice"}
{"n":6,"media":null}
{"n":7,"at":"2026-02-02 00:00:00","media":"voice"}
"#,
    )
    .unwrap();
    let source = source(&path, dated());
    let placed = |window: Window, categories| {
        let batches = read(&source, everything().with_window(window).with_categories(categories)).unwrap();
        let mut found = Vec::new();
        for record in batches.iter().flat_map(RecordBatch::iter) {
            let json: serde_json::Value = serde_json::from_slice(record.line).unwrap();
            let Place::Dated { category, day } = record.place else { panic!("{record:?}") };
            found.push((
                json["n"].as_i64().unwrap(),
                category.as_deref().map(str::to_owned),
                day.map(|day| day.to_string()),
            ));
        }
        found
    };
    let first = NaiveDate::from_ymd_opt(2026, 2, 1).unwrap().to_string();
    let day = Window::between(at("2026-02-01T00:00:00Z"), at("2026-02-02T00:00:00Z"));
    let expected = [(2, Some("chat")), (3, None), (4, Some("voice"))];
    let expected = expected.map(|(n, category)| (n, category.map(str::to_owned), Some(first.clone())));
    assert_eq!(placed(day, CategorySelection::All), expected);
    let voice = CategorySelection::Only(["voice".to_owned()].into());
    assert_eq!(placed(day, voice), expected[2..]);
    let undated = placed(Window::until(at("2026-02-01T00:00:00Z")), CategorySelection::All);
    assert_eq!(undated.iter().map(|(n, ..)| *n).collect::<Vec<_>>(), [1, 5, 6]);
    assert_eq!((undated[1].1.as_deref(), undated[1].2.as_deref()), (Some("voice"), None));
}

#[test]
fn e10_bad_records_are_named_by_file_and_line_and_not_told() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bad, reason) in [
        ("syntax", "{\"secret\":\"4711\",}", "unexpected character at byte 18"),
        ("array", "[\"4711\"]", "an object is expected"),
        ("two", "{} {\"secret\":4711}", "more text after the end"),
        ("time", "{\"at\":\"4711-13-01\"}", "member \"at\": the value is not an instant"),
        ("boolean", "{\"at\":true}", "member \"at\": the value is not an instant"),
        ("surrogate", "{\"at\":\"4711\\ud800\"}", "member \"at\": the value is not an instant"),
    ] {
        let path = folder.path().join(format!("{name}.jsonl"));
        fs::write(&path, format!("{{\"n\":1}}\n\n{bad}\n{{\"n\":2}}\n")).unwrap();
        let source = source(&path, dated());
        let mut stream = block_on(source.read(everything())).unwrap();
        let before = block_on(stream.next()).unwrap().unwrap();
        assert_eq!(before.lines().as_ref(), b"{\"n\":1}\n");
        let error = block_on(stream.next()).unwrap().unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::BadRecord);
        let report = error.report();
        assert!(report.contains(&format!("line 3 of {name}.jsonl cannot")), "{report}");
        assert!(report.contains(reason), "{report}");
        assert!(!report.contains("4711"), "{report}");
        assert!(block_on(stream.next()).is_none());
    }
}

#[test]
fn w7_by_change_a_record_counts_by_its_change_or_else_by_its_event() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl");
    let records = [
        r#"{"n":1,"at":"2026-01-05","changed":"2026-02-01"}"#,
        r#"{"n":2,"changed":"2026-02-01T23:59:59.999999Z"}"#,
        r#"{"n":3,"at":"2026-02-01","changed":null}"#,
        r#"{"n":4,"at":"2026-02-01","changed":""}"#,
        r#"{"n":5,"at":"2026-02-01","changed":"2026-02-02"}"#,
        r#"{"n":6,"at":"2026-01-31"}"#,
        r#"{"n":7}"#,
        // The change lies outside the window, so the event instant does not have to be readable.
        r#"{"n":8,"at":"soon","changed":"2026-03-01"}"#,
    ];
    fs::write(&path, records.join("\n")).unwrap();
    let changes = plain().with_time("at", InstantFormat::Any).with_changed("changed", InstantFormat::Any);
    let day = Window::between(at("2026-02-01T00:00:00Z"), at("2026-02-02T00:00:00Z"));
    let found = |data_type: &JsonLinesType, window| {
        let request = everything().with_window(window).with_by(RecordInstant::Change);
        let batches = read(&source(&path, data_type.clone()), request).unwrap();
        let numbers = lines(&batches);
        let numbers = numbers.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        numbers.map(|record| record["n"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(found(&changes, day), [1, 2, 3, 4]);
    assert_eq!(found(&changes, Window::until(at("2026-02-02T00:00:00Z"))), [1, 2, 3, 4, 6]);
    let first = read(&source(&path, changes), everything().with_window(day).with_by(RecordInstant::Change));
    let places: Vec<Place> =
        first.unwrap().iter().flat_map(RecordBatch::iter).map(|record| record.place.clone()).collect();
    assert_eq!(places[0], Place::of(None, Some(at("2026-01-05T00:00:00Z"))));
    assert_eq!(places[1], Place::of(None, None));
    let refused = everything().with_by(RecordInstant::Change);
    assert_eq!(read(&source(&path, plain()), refused).unwrap_err().kind(), SourceErrorKind::Invalid);
}

#[test]
fn e10_bad_records_can_be_handed_over_and_the_others_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("b")).unwrap();
    let long = format!("{{\"n\":\"{}\"}}", "x".repeat(300_000));
    for (name, text) in [
        ("a.jsonl", format!("{{\"n\":1}}\nno JSON\r\n{long}\n{{\"n\":2}}\n")),
        ("b/a.jsonl", format!("\u{feff}{{\"at\":true}}\n{{\"n\":3}}\n{long}")),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    fs::write(folder.path().join("b/b.jsonl"), b"{\"n\":\"\xff\"}").unwrap();
    let pattern = folder.path().join("**/*.jsonl");
    let source = JsonLinesSource::new(
        JsonLinesConfig::new(SourceId::new("files").unwrap(), "Files", pattern.to_str().unwrap())
            .with_type(dated())
            .with_line_bytes_max(10),
    )
    .unwrap();
    let request = everything().with_bad_records(BadRecordMode::Report);
    let batches = read(&source, request).unwrap();
    assert_eq!(lines(&batches), "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
    let mut told = Vec::new();
    batches.iter().flat_map(RecordBatch::rejected).for_each(|rejected| rejected.write_line(&mut told));
    let told = String::from_utf8(told).unwrap();
    let told: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Vec<String> = told
        .iter()
        .map(|line| {
            let content = [&line["record"], &line["record_base64"]].map(ToString::to_string).join(" ");
            let reason = line["reason"].as_str().unwrap().split(':').next().unwrap();
            format!("{}: {reason}: {content} {}", line["position"].as_str().unwrap(), line["truncated"])
        })
        .collect();
    assert_eq!(
        shown,
        [
            "a.jsonl line 2: not valid JSON: \"no JSON\" null null",
            "a.jsonl line 3: it is longer than 10 bytes, the longest that is accepted: \"{\\\"n\\\":\\\"xxxx\" null true",
            "b/a.jsonl line 1: it is longer than 10 bytes, the longest that is accepted: \"{\\\"at\\\":true\" null true",
            "b/a.jsonl line 3: it is longer than 10 bytes, the longest that is accepted: \"{\\\"n\\\":\\\"xxxx\" null true",
            "b/b.jsonl line 1: not valid JSON: null \"eyJuIjoi/yJ9\" null",
        ]
    );
}

#[test]
fn what_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in ["none.jsonl", "*.jsonl"] {
        let path = folder.path().join(path);
        let error = read(&source(&path, plain()), everything()).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Missing);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    let error = read(&source("a/***/b", plain()), everything()).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Invalid);
}

#[test]
fn requests_that_do_not_fit_are_refused() {
    let source = source("unused", plain());
    let windowed = Window::between(at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
    let voice = CategorySelection::Only(["voice".to_owned()].into());
    for request in [
        everything().with_data_type(TypeId::new("other").unwrap()),
        everything().with_window(windowed),
        everything().with_categories(voice),
    ] {
        assert_eq!(read(&source, request).unwrap_err().kind(), SourceErrorKind::Invalid);
    }
}

#[test]
fn much_data_comes_in_small_batches_and_an_estimate_is_near() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.jsonl");
    let text: String = (0..50_000).map(|n| format!("{{\"n\":{n},\"pad\":\"{n:060}\"}}\n")).collect();
    fs::write(&path, &text).unwrap();
    let source = source(&path, plain());
    let batches = read(&source, everything()).unwrap();
    assert_eq!(lines(&batches), text);
    assert!(batches.iter().all(|batch| batch.lines_bytes() < 600_000));
    assert_eq!(batches.iter().map(RecordBatch::bytes_read).sum::<u64>(), text.len() as u64);
    let estimate = block_on(source.estimate(&everything())).unwrap().unwrap();
    assert!((45_000..55_000).contains(&estimate.records().unwrap()), "{estimate:?}");
}
