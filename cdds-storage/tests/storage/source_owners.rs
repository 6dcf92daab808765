//! Sources that hold the records of several owners (rule J16).

use std::fs;
use std::path::Path;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::record::RecordBatch;
use cdds_core::domain::record::instant::InstantFormat;
#[cfg(feature = "sqlite")]
use cdds_core::ports::source::RecordInstant;
use cdds_core::ports::source::{BadRecordMode, Ownership, ReadRequest, Source, SourceError, SourceErrorKind};
use cdds_storage::source::{JsonLinesConfig, JsonLinesSource, JsonLinesType, OwnerConfig};
use futures::TryStreamExt;
use futures::executor::block_on;
use serde_json::Value;

fn id() -> TypeId {
    TypeId::new("contact").unwrap()
}

fn owner(name: &str) -> Owner {
    Owner::new(name).unwrap()
}

fn field(name: &str) -> OwnerConfig {
    OwnerConfig::Field(name.to_owned())
}

fn everything(name: &str) -> ReadRequest {
    let window = Window::until("9000-01-01T00:00:00Z".parse().unwrap());
    ReadRequest::new(owner(name), id(), window).with_bad_records(BadRecordMode::Report)
}

/// One day, by the event instant.
fn day(name: &str) -> ReadRequest {
    let [start, end] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"].map(|at| at.parse().unwrap());
    everything(name).with_window(Window::between(start, end))
}

fn read(source: &dyn Source, request: ReadRequest) -> Result<Vec<RecordBatch>, SourceError> {
    block_on(async { source.read(request).await?.try_collect().await })
}

/// Returns the numbers of the records that a read returns.
fn numbers(source: &dyn Source, request: ReadRequest) -> Vec<i64> {
    let mut numbers = Vec::new();
    for batch in read(source, request).unwrap() {
        for record in batch.iter() {
            numbers.push(serde_json::from_slice::<Value>(record.line).unwrap()["n"].as_i64().unwrap());
        }
    }
    numbers
}

/// Returns what a read says beside its records: the bad ones, the number of undated ones, the bytes read.
fn beside(source: &dyn Source, request: ReadRequest) -> (Vec<String>, u64, u64) {
    let (mut rejected, mut undated, mut bytes) = (Vec::new(), 0, 0);
    for batch in read(source, request).unwrap() {
        rejected.extend(batch.rejected().iter().map(|one| format!("{one:?}")));
        (undated, bytes) = (undated + batch.undated(), bytes + batch.bytes_read());
    }
    (rejected, undated, bytes)
}

fn ownership(source: &dyn Source) -> Ownership {
    source.describe().types[0].ownership
}

fn files(path: &Path, data_type: JsonLinesType) -> JsonLinesSource {
    JsonLinesSource::new(
        JsonLinesConfig::new(SourceId::new("files").unwrap(), "Files", path.to_str().unwrap())
            .with_type(data_type),
    )
    .unwrap()
}

fn lines_of(owner: OwnerConfig) -> JsonLinesType {
    JsonLinesType::new(id(), None).with_time("at", InstantFormat::Iso).with_owner(owner)
}

#[test]
fn j16_lines_are_those_of_the_owner_whom_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contacts.jsonl");
    let text = [
        r#"{"n":1,"tenant":"north","at":"2026-01-01","meta":{"by":"south"}}"#,
        r#"{"n":2,"tenant":"south","at":"2026-01-01"}"#,
        r#"{"n":3,"tenant":null,"at":"2026-01-01"}"#,
        r#"{"n":4,"at":"2026-01-01"}"#,
        r#"{"n":5,"tenant":7,"at":"2026-01-01"}"#,
        r#"{"n":6,"tenant":["north"],"at":"2026-01-01"}"#,
        r#"{"n":7,"tenant":"south","tenant":"north","at":"2026-01-01"}"#,
        "",
    ];
    fs::write(&path, text.join("\n")).unwrap();
    let by_key = files(&path, lines_of(field("tenant")));
    assert_eq!(ownership(&by_key), Ownership::PerOwner);
    for (name, expected) in
        [("north", &[1, 7][..]), ("south", &[2]), ("7", &[5]), ("null", &[]), ("east", &[])]
    {
        assert_eq!(numbers(&by_key, everything(name)), expected, "{name}");
        assert_eq!(numbers(&by_key, day(name)), expected, "{name}");
        assert_eq!(block_on(by_key.estimate(&everything(name))).unwrap(), None, "{name}");
    }
    let by_pointer = files(&path, lines_of(field("/meta/by")));
    assert_eq!(numbers(&by_pointer, everything("south")), [1]);
    let shared = files(&path, lines_of(OwnerConfig::Shared));
    assert_eq!((ownership(&shared), numbers(&shared, everything("east")).len()), (Ownership::Shared, 7));
    assert_eq!(ownership(&files(&path, lines_of(OwnerConfig::Unstated))), Ownership::Unstated);
    // A misspelt field would make all records nobody's without a word.
    assert_eq!(block_on(by_key.remarks(&owner("north"))).unwrap(), [""; 0]);
    let remarks = block_on(files(&path, lines_of(field("Tenant"))).remarks(&owner("north"))).unwrap();
    assert!(
        remarks.len() == 1 && remarks[0].contains("\"Tenant\"") && !remarks[0].contains("south"),
        "{remarks:?}"
    );
}

#[test]
fn j16_what_a_read_says_of_bad_and_undated_lines_is_the_owners() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contacts.jsonl");
    let own = "{\"n\":1,\"tenant\":\"north\",\"at\":\"2026-01-01\"}\n";
    let text = [
        own,
        "{\"n\":2,\"tenant\":\"south\",\"at\":\"soon, says the secret\"}\n",
        "{\"n\":3,\"tenant\":\"south\"}\n",
        "secret\n",
        "{\"secret\":1,\"tenant\":\"south\",\n",
        // A writer broke off, and the next one went on in the same line.
        "{\"n\":4,\"tenant\":\"north\",\"text\":\"lo{\"n\":5,\"tenant\":\"south\",\"text\":\"secret\"}\n",
        "{\"n\":6,\"tenant\":\"north\",\"at\":\"later\"}\n",
    ];
    fs::write(&path, text.concat()).unwrap();
    let source = files(&path, lines_of(field("tenant")));
    let (rejected, undated, bytes) = beside(&source, day("north"));
    assert_eq!((rejected.len(), undated, bytes), (2, 0, own.len() as u64), "{rejected:?}");
    assert!(rejected[0].contains("Text(0 bytes)") && rejected[1].contains("Json(37 bytes)"), "{rejected:?}");
    let (rejected, undated, _) = beside(&source, day("south"));
    assert_eq!((rejected.len(), undated), (2, 1), "{rejected:?}");
    let (rejected, undated, bytes) = beside(&source, day("east"));
    assert_eq!((rejected.len(), undated, bytes), (0, 0, 0), "{rejected:?}");
    let fails = everything("east").with_bad_records(BadRecordMode::Fail);
    assert_eq!(numbers(&source, fails), [0; 0], "the bad records of others end no read");
}

#[test]
fn j16_an_unfinished_line_holds_up_its_own_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contacts.jsonl");
    fs::write(&path, "{\"n\":1,\"tenant\":\"north\"}\n{\"tenant\":\"south\",\"n\"").unwrap();
    let source = files(&path, JsonLinesType::new(id(), None).with_owner(field("tenant")));
    assert_eq!(numbers(&source, everything("north")), [1]);
    let error = read(&source, everything("south")).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Interrupted);
    let unknown = "{\"n\":1,\"tenant\":\"north\"}\n{\"n\":2,\"ten";
    fs::write(&path, unknown).unwrap();
    let error = read(&source, everything("north")).unwrap_err();
    assert_eq!(error.kind(), SourceErrorKind::Interrupted, "it may still be north's");
}

#[test]
fn j16_a_path_with_the_owner_in_it_leads_to_its_files() {
    let folder = tempfile::tempdir().unwrap();
    for (name, numbers) in [("north", 1..=2), ("northeast", 3..=3), ("south", 4..=6)] {
        fs::create_dir(folder.path().join(name)).unwrap();
        let lines: String = numbers.map(|n| format!("{{\"n\":{n}}}\n")).collect();
        fs::write(folder.path().join(name).join("a.jsonl"), lines).unwrap();
    }
    fs::write(folder.path().join("a.jsonl"), "{\"n\":7}\n").unwrap();
    let source = |path: &str| {
        let path = folder.path().join(path);
        let config = JsonLinesConfig::new("files".parse().unwrap(), "Files", path.to_str().unwrap());
        JsonLinesSource::new(config.with_type(JsonLinesType::new(id(), None)))
    };
    let own = source("{owner}/*.jsonl").unwrap();
    assert_eq!(ownership(&own), Ownership::PerOwner);
    for (name, expected) in [("north", &[1, 2][..]), ("northeast", &[3]), ("south", &[4, 5, 6])] {
        assert_eq!(numbers(&own, everything(name)), expected, "{name}");
        let estimate = block_on(own.estimate(&everything(name))).unwrap().unwrap();
        assert_eq!(estimate.records(), Some(expected.len() as u64), "{name}");
    }
    for name in ["east", "..", ".", "north."] {
        let error = read(&own, everything(name)).unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Missing, "{name}: {error}");
        assert!(!error.to_string().contains("south"), "{error}");
    }
    let error = source("{owner}*/*.jsonl").unwrap_err();
    assert!(error.to_string().contains("files of other owners"), "{error}");
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::path::PathBuf;

    use cdds_storage::source::{SqliteConfig, SqliteRows, SqliteSource, SqliteType};
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::*;

    fn database(schema: &str) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contacts.db");
        Connection::open(&path).unwrap().execute_batch(schema).unwrap();
        (folder, path)
    }

    fn source(path: &Path, rows: SqliteRows) -> SqliteSource {
        let data_type = SqliteType::new(id(), rows).with_time("at", InstantFormat::Iso);
        let config = SqliteConfig::new(SourceId::new("contacts").unwrap(), "Contacts", path);
        SqliteSource::new(config.with_type(data_type.with_owner(field("tenant")))).unwrap()
    }

    fn rows(column: &str) -> String {
        format!(
            "CREATE TABLE contacts (n INTEGER PRIMARY KEY, {column}, at TEXT);
             INSERT INTO contacts VALUES
             (1, 'north', '2026-01-01'), (2, 'South', '2026-01-01'), (3, NULL, '2026-01-01'),
             (4, 7, '2026-01-01'), (5, '007', '2026-01-01'), (6, x'6e6f727468', '2026-01-01'),
             (7, 7.5, '2026-01-01'), (8, 'south', '2026-01-01'), (9, 'north', '2026-01-01');"
        )
    }

    #[test]
    fn j16_rows_are_those_of_the_owner_whom_they_name() {
        let table = SqliteRows::Table("contacts".to_owned());
        let query = SqliteRows::Query("SELECT * FROM contacts".to_owned());
        let index = "CREATE INDEX by_owner ON contacts (tenant COLLATE BINARY, at COLLATE BINARY);";
        for (column, more) in [
            ("tenant", ""),
            ("tenant TEXT COLLATE NOCASE", ""),
            ("tenant TEXT COLLATE NOCASE", index),
            ("tenant", index),
            ("tenant", "CREATE INDEX by_instant ON contacts (at);"),
        ] {
            let (_folder, path) = database(&(rows(column) + more));
            for kind in [&table, &query] {
                let source = source(&path, kind.clone());
                assert_eq!(ownership(&source), Ownership::PerOwner);
                for (name, expected) in [
                    ("north", &[1, 9][..]),
                    ("South", &[2]),
                    ("south", &[8]),
                    ("7", &[4]),
                    ("007", &[5]),
                    ("7.5", if column.contains("TEXT") { &[7] } else { &[] }),
                    ("null", &[]),
                ] {
                    let told = format!("{name} by {column} {more}");
                    let mut whole = numbers(&source, everything(name));
                    whole.sort_unstable();
                    assert_eq!(whole, expected, "{told}");
                    let mut of_day = numbers(&source, day(name));
                    of_day.sort_unstable();
                    assert_eq!(of_day, expected, "{told}");
                    for request in [everything(name), day(name)] {
                        let estimate = block_on(source.estimate(&request)).unwrap();
                        let estimate =
                            estimate.map_or(expected.len() as u64, |estimate| estimate.records().unwrap());
                        assert_eq!(estimate, expected.len() as u64, "{told}");
                    }
                }
            }
        }
    }

    #[test]
    fn j16_an_index_on_the_owner_finds_its_rows() {
        let index = "CREATE INDEX by_owner ON contacts (tenant, at);";
        let (_folder, path) = database(&(rows("tenant") + index));
        let source = source(&path, SqliteRows::Table("contacts".to_owned()));
        let estimate = block_on(source.estimate(&everything("north"))).unwrap().unwrap();
        assert_eq!(estimate.records(), Some(2), "it is counted by the index");
    }

    /// SQLite converts a text to the type of its column, which makes owners of `7`, `007` and `7.0` the same
    /// number.
    #[test]
    fn j16_a_number_is_the_owner_as_it_is_written() {
        for (column, owner_of_7) in
            [("tenant INTEGER", Some("7")), ("tenant REAL", None), ("tenant NUMERIC", Some("7"))]
        {
            let index = "CREATE INDEX by_owner ON contacts (tenant);";
            let (_folder, path) = database(&(rows(column) + index));
            let source = source(&path, SqliteRows::Table("contacts".to_owned()));
            for name in ["7", "007", "7.0", "-7"] {
                let expected = if owner_of_7 == Some(name) { 2 } else { 0 };
                assert_eq!(numbers(&source, everything(name)).len(), expected, "{name} of {column}");
                let estimate = block_on(source.estimate(&everything("7.0"))).unwrap();
                assert_eq!(
                    estimate.and_then(cdds_core::Estimate::records).unwrap_or(0),
                    0,
                    "{name} of {column}"
                );
            }
        }
    }

    #[test]
    fn j16_what_a_read_says_of_bad_and_undated_rows_is_the_owners() {
        let schema = "CREATE TABLE contacts (n INTEGER PRIMARY KEY, tenant TEXT, at TEXT, text TEXT);
             CREATE INDEX by_instant ON contacts (at);
             INSERT INTO contacts VALUES (1, 'north', '2026-01-01', 'a'), (2, 'south', 'secret', 'secret'),
             (3, 'south', NULL, ''), (4, 'south', '2026-01-01', CAST(x'ff' AS TEXT)), (5, 'north', 'later', ''),
             (6, CAST(x'ff' AS TEXT), '2026-01-01', 'secret'), (7, 'north', NULL, '');";
        let (_folder, path) = database(schema);
        let source = source(&path, SqliteRows::Table("contacts".to_owned()));
        for request in [day("north"), day("north").with_by(RecordInstant::Change)] {
            let (rejected, undated, _) = beside(&source, request);
            assert_eq!((rejected.len(), undated), (1, 1), "{rejected:?}");
            assert!(!rejected.concat().contains("secret") && rejected[0].contains("rowid 5"), "{rejected:?}");
        }
        let (rejected, undated, _) = beside(&source, day("south"));
        assert_eq!((rejected.len(), undated), (2, 1), "{rejected:?}");
        assert_eq!(beside(&source, day("east")), (Vec::new(), 0, 0));
    }

    #[test]
    fn j16_a_database_with_the_owner_in_its_path_is_its_own() {
        let folder = tempfile::tempdir().unwrap();
        for (name, row) in [("north", 1), ("south", 2)] {
            let path = folder.path().join(format!("{name}.db"));
            let schema = format!("CREATE TABLE contacts (n); INSERT INTO contacts VALUES ({row})");
            Connection::open(path).unwrap().execute_batch(&schema).unwrap();
        }
        let with = |owner: OwnerConfig| {
            let data_type = SqliteType::new(id(), SqliteRows::Table("contacts".to_owned())).with_owner(owner);
            let path = folder.path().join("{owner}.db");
            SqliteSource::new(SqliteConfig::new("contacts".parse().unwrap(), "", path).with_type(data_type))
        };
        let source = with(OwnerConfig::Unstated).unwrap();
        assert_eq!(ownership(&source), Ownership::PerOwner);
        assert_eq!(numbers(&source, everything("north")), [1]);
        assert_eq!(numbers(&source, everything("south")), [2]);
        let remarks = block_on(source.remarks(&owner("north"))).unwrap();
        assert!(remarks[0].contains("north.db") && !remarks[0].contains("south"), "{remarks:?}");
        for refused in [
            read(&source, everything("east")).unwrap_err(),
            block_on(source.estimate(&everything("east"))).unwrap_err(),
            block_on(source.remarks(&owner("east"))).unwrap_err(),
        ] {
            assert_eq!(refused.kind(), SourceErrorKind::Missing, "{refused}");
        }
        assert!(with(OwnerConfig::Shared).unwrap_err().to_string().contains("not shared"));
    }

    #[test]
    fn j16_a_missing_column_of_the_owner_is_told() {
        let (_folder, path) = database("CREATE TABLE contacts (n, at TEXT)");
        let error = read(&source(&path, SqliteRows::Table("contacts".to_owned())), day("north")).unwrap_err();
        assert!(error.to_string().contains("there is no column \"tenant\""), "{error}");
    }
}
