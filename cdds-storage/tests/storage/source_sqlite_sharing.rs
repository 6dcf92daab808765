//! Reading a SQLite database that its application is using: no files are left next to it, the application can
//! write, and its collations are not needed.
#![cfg(feature = "sqlite")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Filter, Operator, Template};
use cdds_core::domain::record::{RecordBatch, RejectedRecord};
use cdds_core::ports::source::{
    BadRecordMode, ReadRequest, RecordInstant, Source, SourceError, SourceErrorKind,
};
use cdds_storage::source::{CategoryConfig, SqliteConfig, SqliteRows, SqliteSource, SqliteType};
use chrono::{DateTime, Utc};
use futures::executor::block_on;
use futures::{StreamExt, TryStreamExt};
use rusqlite::Connection;
use tempfile::TempDir;

fn application(schema: &str) -> (TempDir, PathBuf, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contacts.db");
    let connection = Connection::open(&path).unwrap();
    connection.create_collation("LOCALIZED", |a, b| a.to_lowercase().cmp(&b.to_lowercase())).unwrap();
    connection.execute_batch(schema).unwrap();
    (folder, path, connection)
}

fn contact(rows: SqliteRows) -> SqliteType {
    SqliteType::new(TypeId::new("contact").unwrap(), rows)
}

fn table(name: &str) -> SqliteType {
    contact(SqliteRows::Table(name.to_owned()))
}

fn source(path: &Path, data_type: SqliteType) -> SqliteSource {
    let (id, title) = (SourceId::new("contacts").unwrap(), "Contacts".to_owned());
    SqliteSource::new(SqliteConfig::new(id, title, path).with_type(data_type)).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn everything() -> ReadRequest {
    ReadRequest::new(
        Owner::default(),
        TypeId::new("contact").unwrap(),
        Window::until(at("9000-01-01T00:00:00Z")),
    )
}

fn read(source: &SqliteSource, request: ReadRequest) -> Result<String, SourceError> {
    let batches: Vec<RecordBatch> = block_on(async { source.read(request).await?.try_collect().await })?;
    Ok(batches.iter().map(|batch| String::from_utf8(batch.lines().to_vec()).unwrap()).collect())
}

/// Returns the files of a folder with their contents.
fn listing(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut listing: Vec<_> = entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    listing.sort();
    listing
}

const WAL: &str = "PRAGMA journal_mode = WAL; CREATE TABLE contacts (n); INSERT INTO contacts VALUES (1);";

#[test]
fn nothing_is_left_beside_a_database_in_wal_mode_at_rest() {
    let (folder, path, connection) = application(WAL);
    drop(connection);
    let before = listing(folder.path());
    assert_eq!(before.len(), 1);
    let source = source(&path, table("contacts"));
    assert_eq!(read(&source, everything()).unwrap(), "{\"n\":1}\n");
    assert_eq!(block_on(source.estimate(&everything())).unwrap().unwrap().records(), Some(1));
    assert_eq!(block_on(source.remarks(&Owner::default())).unwrap(), [""; 0]);
    assert_eq!(listing(folder.path()), before);
    // An empty log, as another program may have left it.
    fs::write(folder.path().join("contacts.db-wal"), "").unwrap();
    let before = listing(folder.path());
    assert_eq!(read(&source, everything()).unwrap(), "{\"n\":1}\n");
    assert_eq!(listing(folder.path()), before);
}

#[cfg(unix)]
#[test]
fn a_database_in_wal_mode_in_a_folder_that_is_read_only_is_read() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (folder, path, connection) = application(WAL);
    drop(connection);
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("a b?%#é.db");
    symlink(&path, &link).unwrap();
    let mode = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let found = [&path, &link].map(|path| read(&source(path, table("contacts")), everything()));
    mode(0o755);
    assert_eq!(found.map(Result::unwrap), ["{\"n\":1}\n"; 2]);
    assert_eq!((listing(folder.path()).len(), listing(elsewhere.path()).len()), (1, 1));
}

#[test]
fn what_a_running_application_wrote_last_is_read_and_it_goes_on_writing() {
    let (folder, path, connection) = application(WAL);
    let names = || listing(folder.path()).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    let before = names();
    assert_eq!(before.len(), 3);
    let source = source(&path, table("contacts"));
    let mut stream = block_on(source.read(everything())).unwrap();
    connection.execute_batch("INSERT INTO contacts VALUES (2)").unwrap();
    assert_eq!(block_on(stream.next()).unwrap().unwrap().lines().as_ref(), b"{\"n\":1}\n");
    assert!(block_on(stream.next()).is_none());
    assert_eq!(read(&source, everything()).unwrap(), "{\"n\":1}\n{\"n\":2}\n");
    assert_eq!(names(), before);
    connection.close().unwrap();
    assert_eq!(names().len(), 1);
}

#[test]
fn a_log_without_its_index_is_read_and_left_as_it_is() {
    let (folder, path, _connection) = application(WAL);
    let copied = tempfile::tempdir().unwrap();
    for name in ["contacts.db", "contacts.db-wal"] {
        fs::copy(folder.path().join(name), copied.path().join(name)).unwrap();
    }
    assert!(fs::metadata(copied.path().join("contacts.db-wal")).unwrap().len() > 0);
    let before = listing(copied.path());
    let path = copied.path().join(path.file_name().unwrap());
    assert_eq!(read(&source(&path, table("contacts")), everything()).unwrap(), "{\"n\":1}\n");
    assert_eq!(listing(copied.path()), before);
}

#[test]
fn an_application_with_a_rollback_journal_writes_while_an_export_goes_on() {
    let (folder, path, connection) = application(
        "CREATE TABLE contacts (n INTEGER PRIMARY KEY, pad, at);
         WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000)
         INSERT INTO contacts SELECT n, printf('%0200d', n), NULL FROM s;
         UPDATE contacts SET at = 'soon' WHERE n = 20000; UPDATE contacts SET pad = x'00ff' WHERE n = 19999;
         UPDATE contacts SET pad = 1.0 WHERE n = 19998",
    );
    let source = source(&path, table("contacts").with_time("at", InstantFormat::Iso));
    let remarks = block_on(source.remarks(&Owner::default())).unwrap();
    assert!(remarks[0].contains("application cannot write"), "{remarks:?}");
    let request = everything().with_bad_records(BadRecordMode::Report);
    let mut stream = block_on(source.read(request)).unwrap();
    let mut batches = vec![block_on(stream.next()).unwrap().unwrap()];
    // From here on the export takes its time.
    connection.busy_timeout(Duration::from_secs(120)).unwrap();
    connection
        .execute_batch("DELETE FROM contacts WHERE n % 2; INSERT INTO contacts (n) VALUES (0)")
        .unwrap();
    while let Some(batch) = block_on(stream.next()) {
        batches.push(batch.unwrap());
    }
    let records = batches.iter().flat_map(RecordBatch::iter).map(|record| record.line);
    let records: Vec<serde_json::Value> = records.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let expected: Vec<i64> = (1..20_000).collect();
    assert_eq!(records.iter().map(|record| record["n"].as_i64().unwrap()).collect::<Vec<_>>(), expected);
    assert_eq!((&records[19_998]["pad"], &records[19_997]["pad"]), (&"AP8=".into(), &1.0.into()));
    let rejected: Vec<&str> =
        batches.iter().flat_map(RecordBatch::rejected).map(RejectedRecord::position).collect();
    assert_eq!(rejected, ["row 20000 (rowid 20000)"]);
    assert_eq!(listing(folder.path()).len(), 1);
}

/// Tables whose compared columns have a collation that only the application knows.
const LOCALIZED: &str =
    "CREATE TABLE contacts (n INTEGER PRIMARY KEY, media TEXT COLLATE LOCALIZED, at TEXT COLLATE LOCALIZED);
     CREATE INDEX by_media ON contacts (media); CREATE INDEX by_at ON contacts (at, media);
     INSERT INTO contacts VALUES (1, 'voice', '2026-01-01T00:00:00Z'), (2, 'Voice', '2026-01-01T00:00:00Z'),
       (3, 'chat', '2026-01-02'), (4, 'voice', NULL), (5, 'voice', '');
     CREATE TABLE by_name (media TEXT COLLATE LOCALIZED PRIMARY KEY, n) WITHOUT ROWID;
     INSERT INTO by_name VALUES ('b', 1), ('A', 2);
     CREATE VIEW sorted AS SELECT * FROM contacts ORDER BY media";

#[test]
fn j3_w1_w7_collations_of_the_application_are_not_needed() {
    let (_folder, path, _connection) = application(LOCALIZED);
    let category = CategoryConfig {
        name: "media types".to_owned(),
        column: "media".to_owned(),
        values: vec!["voice".to_owned(), "chat".to_owned()],
    };
    let window = Window::between(at("2026-01-01T00:00:00Z"), at("2026-01-02T00:00:00Z"));
    let voice = CategorySelection::Only(["voice".to_owned()].into());
    let iso = |name: &str| table(name).with_time("at", InstantFormat::Iso);
    let changed = iso("contacts").with_changed("at", InstantFormat::Iso);
    let filtered = |filter: &str| {
        let mut request = everything();
        request.template.filters.push(filter.parse().unwrap());
        request
    };
    let numbers = |data_type: SqliteType, request: ReadRequest| {
        let source = source(&path, data_type);
        block_on(source.estimate(&request)).unwrap();
        let found = read(&source, request).unwrap();
        let number = |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["n"].as_i64().unwrap();
        found.lines().map(number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(table("contacts"), everything()), [1, 2, 3, 4, 5]);
    assert_eq!(numbers(table("contacts"), filtered("media=voice")), [1, 4, 5]);
    assert_eq!(numbers(table("contacts"), filtered("media<voice")), [2, 3]);
    let of_voice = everything().with_categories(voice);
    assert_eq!(numbers(iso("contacts").with_category(category.clone()), of_voice.clone()), [1, 4, 5]);
    assert_eq!(numbers(iso("contacts"), everything().with_window(window)), [1, 2]);
    let by_change = of_voice.with_window(window).with_by(RecordInstant::Change);
    assert_eq!(numbers(changed.with_category(category), by_change), [1]);
    // The rows of this table are stored in the order of the collation, which SQLite cannot avoid.
    assert_eq!(numbers(table("by_name"), everything()), [2, 1]);
    assert_eq!(numbers(table("by_name"), filtered("media=b")), [1]);
}

#[test]
fn what_compares_by_a_collation_of_the_application_is_refused_with_the_way_out() {
    let (_folder, path, _connection) = application(LOCALIZED);
    let sorted = "SELECT n FROM contacts ORDER BY media".to_owned();
    for data_type in [table("sorted"), contact(SqliteRows::Query(sorted))] {
        let error = read(&source(&path, data_type), everything()).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Invalid);
        assert!(error.to_string().contains("COLLATE BINARY"), "{error}");
    }
}

#[test]
fn r7_of_columns_with_one_name_the_last_counts_for_everything() {
    let (_folder, path, _connection) = application(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, media, at, seen, n);
         CREATE TABLE b (id INTEGER PRIMARY KEY, media, at, seen, n); CREATE INDEX b_at ON b (at);
         INSERT INTO a VALUES (1, 'chat', 'never', 'never', 0), (2, 'voice', 'never', 'never', 0), (3, 'chat', 'never', 'never', 0);
         INSERT INTO b VALUES (1, 'voice', '2026-01-01', '2026-01-05', 7), (2, 'chat', '2026-01-02', '2026-01-05', 7),
           (3, 'voice', '2026-01-03', '2026-01-06', 7);",
    );
    let query = "SELECT a.id, a.media, a.at, a.seen, a.n, 5 AS 'n:1', b.* FROM a JOIN b USING (id) -- the last counts";
    let values = ["chat", "voice"].map(str::to_owned).to_vec();
    let data_type = contact(SqliteRows::Query(query.to_owned()))
        .with_time("at", InstantFormat::Iso)
        .with_changed("seen", InstantFormat::Iso)
        .with_category(CategoryConfig { name: "media".to_owned(), column: "media".to_owned(), values });
    let source = source(&path, data_type);
    let first =
        "{\"id\":1,\"media\":\"voice\",\"at\":\"2026-01-01\",\"seen\":\"2026-01-05\",\"n\":7,\"n:1\":5}\n";
    let january = |from, to| Window::between(at(from), at(to));
    let request = everything()
        .with_categories(CategorySelection::Only(["voice".to_owned()].into()))
        .with_window(january("2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"));
    assert_eq!(read(&source, request.clone()).unwrap(), first);
    let window = january("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z");
    let changed = request.clone().with_by(RecordInstant::Change).with_window(window);
    assert_eq!(read(&source, changed).unwrap(), first);
    let filtered = Template {
        filters: vec![Filter::new("n", Operator::Equal, "7").unwrap()],
        fields: FieldSelection::Only(FieldNames::new(["id", "n"].map(str::to_owned)).unwrap()),
    };
    let template = request.with_template(filtered);
    assert_eq!(read(&source, template).unwrap(), "{\"id\":1,\"n\":7}\n");
    let remarks = block_on(source.remarks(&Owner::default())).unwrap();
    assert!(
        remarks
            .iter()
            .any(|remark| remark.contains("more than one column id and media and at and seen and n:")),
        "{remarks:?}"
    );
}

#[test]
fn r7_names_that_sql_does_not_tell_apart_are_refused_with_the_way_out() {
    let (_folder, path, _connection) = application("CREATE TABLE a (id, n); CREATE TABLE b (ID, m);");
    let query = SqliteRows::Query("SELECT a.*, b.* FROM a, b".to_owned());
    let error = read(&source(&path, contact(query)), everything()).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Invalid);
    assert!(error.to_string().contains("two columns \"ID\" that differ in case only"), "{error}");
    assert!(error.to_string().contains("name one with AS"), "{error}");
    // A view gives the columns distinct names.
    let view = "CREATE VIEW both AS SELECT a.*, b.* FROM a, b; INSERT INTO a VALUES (1, 2); INSERT INTO b VALUES (3, 4)";
    Connection::open(&path).unwrap().execute_batch(view).unwrap();
    assert_eq!(
        read(&source(&path, table("both")), everything()).unwrap(),
        "{\"id\":1,\"n\":2,\"ID:1\":3,\"m\":4}\n"
    );
}

#[test]
fn e7_estimates_do_not_go_by_the_greatest_id() {
    let (_folder, path, connection) = application(
        "CREATE TABLE contacts (id INTEGER PRIMARY KEY, _rowid_);
         WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < 999)
         INSERT INTO contacts SELECT 1234567890000000000 + n * 1000003, 'x' FROM s",
    );
    let source = source(&path, table("contacts"));
    let estimated =
        || block_on(source.estimate(&everything())).unwrap().and_then(cdds_core::Estimate::records);
    assert_eq!(estimated(), Some(1_000));
    connection.execute_batch("DELETE FROM contacts").unwrap();
    assert_eq!(estimated(), Some(0));
    connection
        .execute_batch(
            "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 50000)
             INSERT INTO contacts SELECT n, n FROM s; INSERT INTO contacts VALUES (9223372036854775807, 1)",
        )
        .unwrap();
    assert_eq!(estimated(), None);
}
