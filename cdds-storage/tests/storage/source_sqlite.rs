//! The SQLite source over real databases.
#![cfg(feature = "sqlite")]

use std::path::{Path, PathBuf};

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Template};
use cdds_core::domain::record::{Place, RecordBatch};
use cdds_core::ports::source::{BadRecordMode, ReadRequest, Source, SourceError, SourceErrorKind};
use cdds_storage::source::{CategoryConfig, SqliteConfig, SqliteRows, SqliteSource, SqliteType};
use chrono::{DateTime, Utc};
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt};
use rusqlite::Connection;
use tempfile::TempDir;

fn database(schema: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contacts.db");
    Connection::open(&path).unwrap().execute_batch(schema).unwrap();
    (folder, path)
}

fn id() -> TypeId {
    TypeId::new("contact").unwrap()
}

fn table(name: &str) -> SqliteType {
    SqliteType::new(id(), SqliteRows::Table(name.to_owned()))
}

fn query(sql: &str) -> SqliteType {
    SqliteType::new(id(), SqliteRows::Query(sql.to_owned()))
}

fn media() -> CategoryConfig {
    CategoryConfig {
        name: "media types".to_owned(),
        column: "media".to_owned(),
        values: vec!["voice".to_owned(), "chat".to_owned(), "7".to_owned()],
    }
}

fn source(path: &Path, data_type: SqliteType) -> SqliteSource {
    SqliteSource::new(
        SqliteConfig::new(SourceId::new("contacts").unwrap(), "Contacts", path).with_type(data_type),
    )
    .unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn everything() -> ReadRequest {
    ReadRequest::new(Owner::default(), id(), Window::until(at("9000-01-01T00:00:00Z")))
}

fn read(source: &SqliteSource, request: ReadRequest) -> Result<Vec<RecordBatch>, SourceError> {
    block_on(async { source.read(request).await?.try_collect().await })
}

fn lines(batches: &[RecordBatch]) -> String {
    batches.iter().map(|batch| String::from_utf8(batch.lines().to_vec()).unwrap()).collect()
}

fn error(path: &Path, data_type: SqliteType) -> SourceError {
    read(&source(path, data_type), everything()).unwrap_err()
}

#[test]
fn every_storage_class_becomes_json_in_column_order() {
    let (_folder, path) = database(
        r#"CREATE TABLE "od""d table" (z INTEGER, "a key" REAL, t TEXT, b BLOB, n);
           INSERT INTO "od""d table" VALUES (9223372036854775807, 0.1, 'é "quoted"' || char(10), x'00ff', NULL);
           INSERT INTO "od""d table" VALUES (-1, 2.0, '', x'', 9e999);"#,
    );
    let batches = read(&source(&path, table("od\"d table")), everything()).unwrap();
    assert_eq!(
        lines(&batches),
        concat!(
            r#"{"z":9223372036854775807,"a key":0.1,"t":"é \"quoted\"\n","b":"AP8="}"#,
            "\n",
            r#"{"z":-1,"a key":2.0,"n":"Infinity"}"#,
            "\n"
        )
    );
}

#[test]
fn tables_views_and_queries_are_read() {
    let (_folder, path) = database(
        "CREATE TABLE contacts (id TEXT PRIMARY KEY, n) WITHOUT ROWID; INSERT INTO contacts VALUES ('b', 1), ('a', 2);
         CREATE VIEW seen AS SELECT n FROM contacts WHERE n > 1;",
    );
    let text = |data_type| lines(&read(&source(&path, data_type), everything()).unwrap());
    assert_eq!(text(table("CONTACTS")), "{\"id\":\"a\",\"n\":2}\n{\"id\":\"b\",\"n\":1}\n");
    assert_eq!(text(table("seen")), "{\"n\":2}\n");
    assert_eq!(
        text(query("SELECT n * 2 AS double FROM contacts -- twice\n ; ")),
        "{\"double\":4}\n{\"double\":2}\n"
    );
    assert_eq!(text(query("SELECT 1 AS one -- no newline")), "{\"one\":1}\n");
}

#[test]
fn w1_windows_hold_over_mixed_storage_and_declared_formats() {
    let (_folder, path) = database(
        "CREATE TABLE any_form (n, at, media);
         INSERT INTO any_form VALUES (1, '2026-01-31T23:59:59.999999Z', 'voice'), (2, '2026-02-01', 'chat'),
           (3, 1769904000, 'voice'), (4, 1769904000000, 'VOICE'), (5, '2026-02-01 01:30:00+01:00', 7),
           (6, 1769904000.5, NULL), (7, NULL, 'voice'), (8, '', 'fax'), (9, '2026-02-02', 'voice');
         CREATE TABLE iso (n, at TEXT, media); CREATE INDEX iso_at ON iso (at);
         INSERT INTO iso SELECT n, at, media FROM any_form WHERE typeof(at) IN ('text', 'null');
         CREATE TABLE unix (n, at INTEGER, media); CREATE INDEX unix_at ON unix (at);
         INSERT INTO unix SELECT n, at, media FROM any_form WHERE at < 1e12 OR at IS NULL;",
    );
    let numbers = |data_type: &SqliteType, window: Window, categories: &CategorySelection| {
        let request = everything().with_window(window).with_categories(categories.clone());
        let text = lines(&read(&source(&path, data_type.clone().with_category(media())), request).unwrap());
        let mut numbers: Vec<i64> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["n"].as_i64().unwrap())
            .collect();
        numbers.sort_unstable();
        numbers
    };
    let february = Window::between(at("2026-02-01T00:00:00Z"), at("2026-02-02T00:00:00Z"));
    let before = Window::until(at("2026-02-01T00:00:00Z"));
    let all = CategorySelection::All;
    let some = CategorySelection::Only(["voice".to_owned(), "7".to_owned()].into());
    let any_form = table("any_form").with_time("at", InstantFormat::Any);
    assert_eq!(numbers(&any_form, february, &all), [2, 3, 4, 5, 6]);
    assert_eq!(numbers(&any_form, before, &all), [1, 7, 8]);
    assert_eq!(numbers(&any_form, february, &some), [3, 5]);
    let iso = table("iso").with_time("AT", InstantFormat::Iso);
    assert_eq!(numbers(&iso, february, &all), [2, 5]);
    assert_eq!(numbers(&iso, before, &all), [1, 7, 8]);
    assert_eq!(numbers(&iso, february, &some), [5]);
    let unix = table("unix").with_time("at", InstantFormat::Unix);
    assert_eq!(numbers(&unix, february, &all), [3, 6]);
    assert_eq!(numbers(&unix, before, &all), [7]);
}

#[test]
fn a1_places_follow_category_and_day() {
    let (_folder, path) = database(
        "CREATE TABLE contacts (at, media);
         INSERT INTO contacts VALUES ('2026-02-01T23:30:00-01:00', 'voice'), ('2026-02-01', 'fax'), (NULL, 7);",
    );
    let data_type = table("contacts").with_time("at", InstantFormat::Any).with_category(media());
    let batches = read(&source(&path, data_type), everything()).unwrap();
    let expected = [
        Place::of(Some("voice".into()), Some(at("2026-02-02T00:00:00Z"))),
        Place::of(None, Some(at("2026-02-01T00:00:00Z"))),
        Place::of(Some("7".into()), None),
    ];
    let places: Vec<&Place> = batches.iter().flat_map(RecordBatch::iter).map(|record| record.place).collect();
    assert_eq!(places, expected.iter().collect::<Vec<_>>());
}

#[test]
fn e10_bad_rows_are_named_by_number_and_not_told() {
    let (_folder, path) = database(
        "CREATE TABLE bad_time (at, note); INSERT INTO bad_time VALUES (1, 'x'), ('4711-99-99', 'secret');
         CREATE TABLE bad_blob (at, note); INSERT INTO bad_blob VALUES (1, 'x'), (x'34373131', 'secret');
         CREATE TABLE bad_text (at, note); INSERT INTO bad_text VALUES (1, 'x'), (2, CAST(x'34373131ff' AS TEXT));
         UPDATE bad_time SET rowid = 42 WHERE rowid = 2;",
    );
    for (name, place, reason) in [
        ("bad_time", "row 2 (rowid 42) of type contact", "column \"at\": the value is not an instant"),
        ("bad_blob", "row 2 (rowid 2) of type contact", "column \"at\": the value is not an instant"),
        ("bad_text", "row 2 (rowid 2) of type contact", "column \"note\": its text is not UTF-8"),
    ] {
        for data_type in [table(name), query(&format!("SELECT * FROM {name}"))] {
            let is_table = matches!(data_type.rows, SqliteRows::Table(_));
            let source = source(&path, data_type.with_time("at", InstantFormat::Unix));
            let mut stream = block_on(source.read(everything())).unwrap();
            assert_eq!(
                block_on(stream.next()).unwrap().unwrap().lines().as_ref(),
                b"{\"at\":1,\"note\":\"x\"}\n"
            );
            let error = block_on(stream.next()).unwrap().unwrap_err();
            assert_eq!(error.kind(), SourceErrorKind::BadRecord);
            let report = error.report();
            let place = if is_table { place } else { "row 2 of type contact" };
            assert!(report.contains(place) && report.contains(reason), "{report}");
            assert!(!report.contains("4711") && !report.contains("secret"), "{report}");
        }
    }
}

#[test]
fn e10_bad_rows_can_be_handed_over_and_the_others_read() {
    let (_folder, path) = database(
        "CREATE TABLE contacts (at, note, pad);
         INSERT INTO contacts VALUES (1, 'a', 1), ('4711-99-99', 'b', NULL), (2, CAST(x'34ff' AS TEXT), 3), (3, 'd', 4);",
    );
    let source = source(&path, table("contacts").with_time("at", InstantFormat::Unix));
    let request = everything().with_bad_records(BadRecordMode::Report);
    let batches = read(&source, request.clone()).unwrap();
    assert_eq!(lines(&batches), "{\"at\":1,\"note\":\"a\",\"pad\":1}\n{\"at\":3,\"note\":\"d\",\"pad\":4}\n");
    let told = |batches: &[RecordBatch]| {
        let mut told = Vec::new();
        let rejected = batches.iter().flat_map(RecordBatch::rejected);
        rejected.for_each(|rejected| rejected.write_line(&mut told));
        String::from_utf8(told).unwrap()
    };
    assert_eq!(
        told(&batches),
        concat!(
            r#"{"position":"row 2 (rowid 2)","reason":"column \"at\": the value is not an instant in the declared form, "#,
            r#"unix: correct it, or declare another time_format: iso, unix, unix-ms, unix-us, unix-ns, yyyymmdd, "#,
            r#"yyyymmddhhmmss or julian-day","#,
            r#""record":{"at":"4711-99-99","note":"b"}}"#,
            "\n",
            r#"{"position":"row 3 (rowid 3)","reason":"column \"note\": its text is not UTF-8","#,
            r#""record":{"at":2,"note":"NP8=","pad":3}}"#,
            "\n"
        )
    );
    // A column that is not requested is not read, unless a filter needs it.
    let fields = |filters: &[&str]| {
        let fields = FieldSelection::Only(FieldNames::new(["pad".to_owned()]).unwrap());
        let filters = filters.iter().map(|filter| filter.parse().unwrap()).collect();
        request.clone().with_template(Template::new(fields, filters).unwrap())
    };
    let batches = read(&source, fields(&[])).unwrap();
    assert_eq!(lines(&batches), "{\"pad\":1}\n{\"pad\":3}\n{\"pad\":4}\n");
    assert_eq!(told(&batches).lines().count(), 1);
    let batches = read(&source, fields(&["note!=d"])).unwrap();
    assert_eq!((lines(&batches).as_str(), told(&batches).lines().count()), ("{\"pad\":1}\n", 2));
}

#[test]
fn what_is_missing_is_named_with_what_there_is() {
    let (folder, path) = database("CREATE TABLE contacts (id, media); CREATE TABLE calls (id);");
    let nowhere = folder.path().join("nowhere.db");
    let declaring = |fields: &[&str]| SqliteType {
        fields: Some(fields.iter().map(|name| (*name).to_owned()).collect()),
        ..table("contacts")
    };
    let no_file = error(&nowhere, table("contacts"));
    assert_eq!(no_file.kind(), SourceErrorKind::Missing);
    assert!(no_file.to_string().contains(nowhere.to_str().unwrap()), "{no_file}");
    assert!(!nowhere.exists(), "reading creates nothing");
    for (data_type, named) in [
        (table("contact"), "no table \"contact\": choose from: calls, contacts"),
        (table("contacts").with_time("at", InstantFormat::Any), "no column \"at\": choose from id, media"),
        (
            table("contacts").with_changed("updated_at", InstantFormat::Any),
            "no column \"updated_at\": choose from id, media",
        ),
        (declaring(&["id", "MEDIA"]), "no column \"MEDIA\", did you mean \"media\"? Choose from id, media"),
        (query("SELECT id FROM calls").with_category(media()), "no column \"media\": choose from id"),
    ] {
        let error = error(&path, data_type);
        assert_eq!(error.kind(), SourceErrorKind::Missing);
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    let (folder, path) = database("CREATE TABLE contacts (id);");
    let text = folder.path().join("text.db");
    std::fs::write(&text, "this is no database, however long the text goes on".repeat(100)).unwrap();
    assert_eq!(error(&text, table("contacts")).kind(), SourceErrorKind::Invalid);
    for sql in [
        "SELECT",
        "SELECT id, id AS ID FROM contacts",
        "DELETE FROM contacts RETURNING id",
        "SELECT id FROM contacts; SELECT 1 AS x",
    ] {
        assert_eq!(error(&path, query(sql)).kind(), SourceErrorKind::Invalid, "{sql}");
    }
}

#[test]
fn a_read_sees_one_state_of_the_database_over_all_its_statements() {
    let (_folder, path) = database(
        "PRAGMA journal_mode = WAL; CREATE TABLE contacts (at, pad);
         WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000)
         INSERT INTO contacts SELECT n, printf('%0200d', n) FROM s;",
    );
    let application = Connection::open(&path).unwrap();
    application.execute_batch("UPDATE contacts SET pad = pad WHERE at = 1").unwrap();
    let source = source(&path, table("contacts").with_time("at", InstantFormat::Unix));
    let window = Window::between(at("1970-01-01T00:00:00Z"), at("1971-01-01T00:00:00Z"));
    let mut stream = block_on(source.read(everything().with_window(window))).unwrap();
    let mut records = block_on(stream.next()).unwrap().unwrap().records();
    // Text is read by a statement of its own, after the numbers.
    let late = "INSERT INTO contacts SELECT CAST(at AS TEXT), 'late' FROM contacts; DELETE FROM contacts WHERE at < 9";
    application.execute_batch(late).unwrap();
    while let Some(batch) = block_on(stream.next()) {
        let batch = batch.unwrap();
        assert!(!String::from_utf8_lossy(batch.lines()).contains("late"));
        records += batch.records();
    }
    assert_eq!(records, 20_000);
    assert_eq!(block_on(source.estimate(&everything())).unwrap().unwrap().records(), Some(39_992));
}

#[test]
fn dropping_the_stream_interrupts_a_query_that_gives_nothing() {
    let (_folder, path) = database("CREATE TABLE contacts (n); INSERT INTO contacts VALUES (1)");
    let endless =
        "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s) SELECT n FROM s WHERE n < 0";
    let source = source(&path, query(endless));
    let stream = block_on(source.read(everything())).unwrap();
    drop(stream);
    // The reader's transaction ends with the stream. Until then no other connection gets exclusive access.
    let writer = Connection::open(&path).unwrap();
    writer.busy_timeout(std::time::Duration::from_secs(60)).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE; INSERT INTO contacts VALUES (2); COMMIT").unwrap();
}
