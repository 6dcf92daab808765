//! Rule W7: reading a SQLite database by the instants of changes.
#![cfg(feature = "sqlite")]

use std::path::Path;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::record::instant::{InstantFormat, UnreadableInstant};
use cdds_core::domain::record::{Place, Record, RecordBatch};
use cdds_core::ports::source::{
    BadRecordMode, ReadRequest, RecordInstant, Source, SourceError, SourceErrorKind,
};
use cdds_storage::source::{SqliteConfig, SqliteRows, SqliteSource, SqliteType};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use futures::executor::block_on;
use rusqlite::Connection;
use rusqlite::types::Value;

fn contacts() -> SqliteType {
    SqliteType::new(TypeId::new("contact").unwrap(), SqliteRows::Table("contacts".to_owned()))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn february() -> Window {
    Window::between(at("2026-02-01T00:00:00Z"), at("2026-02-02T00:00:00Z"))
}

/// A request for the changes in the window.
fn changes(window: Window) -> ReadRequest {
    ReadRequest::new(Owner::default(), TypeId::new("contact").unwrap(), window).with_by(RecordInstant::Change)
}

fn read(path: &Path, data_type: SqliteType, request: ReadRequest) -> Result<Vec<RecordBatch>, SourceError> {
    let (id, title) = (SourceId::new("contacts").unwrap(), "Contacts".to_owned());
    let source = SqliteSource::new(SqliteConfig::new(id, title, path).with_type(data_type))?;
    block_on(async { source.read(request).await?.try_collect().await })
}

fn database(schema: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Connection::open(folder.path().join("contacts.db")).unwrap().execute_batch(schema).unwrap();
    folder
}

/// Stored values of a row's two instants, as SQL.
const INSTANTS: &[&str] = &[
    "NULL",
    "''",
    "'2026-02-01T00:00:00Z'",
    "'2026-02-01 23:59:59.999999'",
    "'2026-01-31T23:59:59.999999Z'",
    "'2026-02-02'",
    "'2026-02-02T01:00:00+02:00'",
    "1769904000",
    "1769990399.5",
    "1769990400",
    "'1769904000'",
    "'soon'",
    "'  '",
    "x'00'",
];

/// Reads a stored value as an instant. Fails if it is not one.
fn instant(value: &Value, format: InstantFormat) -> Result<Option<DateTime<Utc>>, UnreadableInstant> {
    match value {
        Value::Null => Ok(None),
        Value::Text(text) if text.is_empty() => Ok(None),
        Value::Integer(number) => format.read_integer(*number).map(Some),
        Value::Real(number) => format.read_real(*number).map(Some),
        Value::Text(text) => format.read_text(text.as_bytes()).map(Some),
        Value::Blob(_) => Err(format.unreadable()),
    }
}

/// Whether a row is exported by change. Fails if the row cannot be read.
fn is_wanted(
    window: Window,
    event: &Value,
    change: &Value,
    formats: [InstantFormat; 2],
) -> Result<bool, UnreadableInstant> {
    match instant(change, formats[1])? {
        Some(changed_at) if !window.contains(Some(changed_at)) => Ok(false),
        Some(_) => instant(event, formats[0]).map(|_| true),
        None => Ok(instant(event, formats[0])?.is_some_and(|event_at| window.contains(Some(event_at)))),
    }
}

#[test]
fn w7_by_change_every_row_counts_once_and_by_the_right_instant() {
    for declared in ["", "INTEGER", "TEXT", "TEXT COLLATE NOCASE", "TEXT COLLATE RTRIM", "NUMERIC"] {
        let pairs = INSTANTS.iter().flat_map(|event| INSTANTS.iter().map(move |change| (event, change)));
        let rows: Vec<String> =
            (0..).zip(pairs).map(|(n, (event, change))| format!("({n}, {event}, {change})")).collect();
        let folder = database(&format!(
            "CREATE TABLE contacts (n INTEGER PRIMARY KEY, at {declared}, changed {declared});
             CREATE INDEX by_at ON contacts (at); CREATE INDEX by_change ON contacts (changed);
             INSERT INTO contacts VALUES {}",
            rows.join(", ")
        ));
        let path = folder.path().join("contacts.db");
        let connection = Connection::open(&path).unwrap();
        let mut all = connection.prepare("SELECT at, changed FROM contacts ORDER BY n").unwrap();
        let all = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let stored: Vec<(Value, Value)> = all.map(Result::unwrap).collect();
        for formats in [
            [InstantFormat::Any, InstantFormat::Any],
            [InstantFormat::Iso, InstantFormat::Iso],
            [InstantFormat::Any, InstantFormat::Unix],
            [InstantFormat::Unix, InstantFormat::Iso],
        ] {
            let data_type = contacts().with_time("at", formats[0]).with_changed("changed", formats[1]);
            for window in [february(), Window::until(at("2026-02-02T00:00:00Z"))] {
                let request = changes(window).with_bad_records(BadRecordMode::Report);
                let batches = read(&path, data_type.clone(), request).unwrap();
                let records = batches.iter().flat_map(RecordBatch::iter);
                let number = |record: Record<'_>| {
                    serde_json::from_slice::<serde_json::Value>(record.line).unwrap()["n"].as_u64().unwrap()
                };
                let mut found: Vec<usize> =
                    records.map(|record| usize::try_from(number(record)).unwrap()).collect();
                found.sort_unstable();
                let expected: Vec<usize> = (0..stored.len())
                    .filter(|n| is_wanted(window, &stored[*n].0, &stored[*n].1, formats) == Ok(true))
                    .collect();
                assert_eq!(found, expected, "{declared:?} {formats:?} {window:?}");
                assert!(!expected.is_empty() || declared.starts_with("TEXT") || declared == "INTEGER");
            }
        }
    }
}

#[test]
fn w7_the_folder_follows_the_event_and_types_without_changes_their_events() {
    let folder = database(
        "CREATE TABLE contacts (at, changed);
         INSERT INTO contacts VALUES ('2026-01-05', '2026-02-01'), (NULL, '2026-02-01T10:00:00Z'),
           ('2026-02-01', NULL), (NULL, NULL);",
    );
    let path = folder.path().join("contacts.db");
    let days = |data_type: &SqliteType, window| {
        let batches = read(&path, data_type.clone(), changes(window)).unwrap();
        let places = batches.iter().flat_map(RecordBatch::iter).map(|record| record.place.clone());
        places.collect::<Vec<_>>()
    };
    let day = |text: Option<&str>| Place::of(None, text.map(|text| at(&format!("{text}T00:00:00Z"))));
    let events = contacts().with_time("at", InstantFormat::Any);
    let both = events.clone().with_changed("changed", InstantFormat::Any);
    assert_eq!(days(&both, february()), [day(Some("2026-01-05")), day(None), day(Some("2026-02-01"))]);
    assert_eq!(days(&events, february()), [day(Some("2026-02-01"))]);
    // Rows with neither instant are exported by `All` only.
    let from_the_beginning = Window::until(at("2026-03-01T00:00:00Z"));
    assert_eq!(days(&both, from_the_beginning).len(), 3);
    assert_eq!(days(&events, from_the_beginning).len(), 2);
    let all = changes(from_the_beginning).with_by(RecordInstant::Event);
    assert_eq!(read(&path, events, all).unwrap().iter().map(RecordBatch::records).sum::<usize>(), 4);
    let refused = read(&path, contacts(), changes(from_the_beginning)).unwrap_err();
    assert_eq!(refused.kind(), SourceErrorKind::Invalid);
}
