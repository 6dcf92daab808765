//! Values that are not instants, and records without an instant, in both sources. Every window reports them,
//! even where the database would skip them.
#![cfg(feature = "sqlite")]

use std::path::Path;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::record::RecordBatch;
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::Template;
use cdds_core::ports::source::{BadRecordMode, ReadRequest, RecordInstant, Source};
use cdds_storage::source::{
    CategoryConfig, JsonLinesConfig, JsonLinesSource, JsonLinesType, SqliteConfig, SqliteRows, SqliteSource,
    SqliteType, TypeConfig,
};
use futures::TryStreamExt;
use futures::executor::block_on;
use rusqlite::Connection;

fn id() -> TypeId {
    TypeId::new("contact").unwrap()
}

fn february() -> Window {
    Window::between("2026-02-01T00:00:00Z".parse().unwrap(), "2026-02-02T00:00:00Z".parse().unwrap())
}

fn report(window: Window) -> ReadRequest {
    ReadRequest::new(Owner::default(), id(), window).with_bad_records(BadRecordMode::Report)
}

fn sqlite(path: &Path, set_up: impl Fn(SqliteType) -> SqliteType) -> SqliteSource {
    let data_type = set_up(SqliteType::new(id(), SqliteRows::Table("contacts".to_owned())));
    let (id, title) = (SourceId::new("contacts").unwrap(), "Contacts".to_owned());
    SqliteSource::new(SqliteConfig::new(id, title, path).with_type(data_type)).unwrap()
}

/// Counts the records of a read, the bad ones, and those without an instant.
fn counts(source: &dyn Source, request: ReadRequest) -> (usize, usize, u64) {
    let batches: Vec<RecordBatch> =
        block_on(async { source.read(request).await.unwrap().try_collect().await }).unwrap();
    let records = batches.iter().map(RecordBatch::records).sum();
    let rejected = batches.iter().map(|batch| batch.rejected().len()).sum();
    (records, rejected, batches.iter().map(RecordBatch::undated).sum())
}

/// For each form: a value inside the window and one outside it, and values that are not instants in this
/// form.
const FORMS: [(InstantFormat, [&str; 2], &[&str]); 6] = [
    (
        InstantFormat::Iso,
        ["'2026-02-01T10:00:00Z'", "'2020-06-01'"],
        &[
            "'20260201'",
            "'02.01.2026'",
            "'2026/02/01'",
            "'soon'",
            "'SOON'",
            "' 2026-02-01'",
            "'0000-00-00 00:00'",
            "'2026-2-1'",
            "'-'",
            "1769940000",
            "x'00'",
            "CAST(x'ff41' AS TEXT)",
            "'9'",
        ],
    ),
    (InstantFormat::Unix, ["1769940000", "1591000000"], &["'soon'", "1e300", "-1e300", "9e999", "x'00'"]),
    (InstantFormat::UnixMillis, ["1769940000000", "'1591000000000'"], &["'2026-02-01'", "1e300", "x'00'"]),
    (InstantFormat::DateDigits, ["20260201", "'20200601'"], &["'soon'", "20260201100000", "-1", "1e300"]),
    (
        InstantFormat::DateTimeDigits,
        ["'20260201100000'", "20200601000000"],
        &["20260201", "'2026-02-01'", "-5"],
    ),
    (InstantFormat::JulianDay, ["2461072.9", "2459001.5"], &["20260201", "'soon'", "-1", "1e300"]),
];

#[test]
fn r6_e10_w1_what_is_no_instant_is_a_bad_record_of_every_window() {
    for (format, [inside, outside], bad) in FORMS {
        for index in ["", "CREATE INDEX by_at ON contacts (at);"] {
            for column in ["at", "at TEXT COLLATE NOCASE"] {
                if !column.ends_with("at") && format != InstantFormat::Iso {
                    continue;
                }
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("contacts.db");
                let values: Vec<String> = [&inside, &outside]
                    .into_iter()
                    .chain(bad)
                    .map(|value| format!("({value}), ({value})"))
                    .collect();
                Connection::open(&path)
                    .unwrap()
                    .execute_batch(&format!(
                        "CREATE TABLE contacts ({column}); {index} INSERT INTO contacts VALUES {}, (NULL), ('');",
                        values.join(", ")
                    ))
                    .unwrap();
                let source = sqlite(&path, |data_type| data_type.with_time("at", format));
                let told = format!("{format:?} {index:?} {column:?}");
                assert_eq!(counts(&source, report(february())), (2, 2 * bad.len(), 2), "{told}");
                let years = Window::between(
                    "2019-01-01T00:00:00Z".parse().unwrap(),
                    "2027-01-01T00:00:00Z".parse().unwrap(),
                );
                assert_eq!(counts(&source, report(years)), (4, 2 * bad.len(), 2), "{told}");
                // An invalid change instant is reported as well, and so is an invalid event instant that
                // takes its place.
                for set_up in [
                    |data_type: SqliteType, format| data_type.with_changed("at", format),
                    |data_type: SqliteType, format| data_type.with_time("at", format),
                ] {
                    let source = sqlite(&path, |data_type| set_up(data_type, format));
                    let request = report(february()).with_by(RecordInstant::Change);
                    assert_eq!(counts(&source, request), (2, 2 * bad.len(), 2), "{told}");
                }
            }
        }
    }
}

#[test]
fn w7_records_without_an_instant_are_counted_once_however_they_are_looked_for() {
    const CHANGES: [&str; 3] = ["NULL", "''", "'2026-02-01'"];
    for index in ["", "CREATE INDEX by_at ON contacts (at);", "CREATE INDEX by_change ON contacts (changed);"]
    {
        for both in
            ["", "CREATE INDEX one ON contacts (at, media); CREATE INDEX other ON contacts (changed);"]
        {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("contacts.db");
            let rows =
                CHANGES.iter().flat_map(|at| CHANGES.map(|changed| format!("({at}, {changed}, 'voice')")));
            let rows: Vec<String> = rows.chain(["(NULL, NULL, 'chat')".to_owned()]).collect();
            let insert = format!("INSERT INTO contacts VALUES {}", rows.join(", "));
            let schema = format!("CREATE TABLE contacts (at, changed, media); {index} {both} {insert}");
            Connection::open(&path).unwrap().execute_batch(&schema).unwrap();
            for format in [InstantFormat::Any, InstantFormat::Iso] {
                let set_up = |data_type: SqliteType| {
                    let media = CategoryConfig {
                        name: "media types".to_owned(),
                        column: "media".to_owned(),
                        values: vec!["voice".to_owned(), "chat".to_owned()],
                    };
                    data_type.with_time("at", format).with_changed("changed", format).with_category(media)
                };
                let source = sqlite(&path, set_up);
                let told = format!("{format:?} {index} {both}");
                let of = |by, categories: &CategorySelection, filters: &[&str]| {
                    let filters = filters.iter().map(|filter| filter.parse().unwrap()).collect();
                    let template = Template::default().with_filters(filters);
                    let request = report(february())
                        .with_by(by)
                        .with_categories(categories.clone())
                        .with_template(template);
                    counts(&source, request)
                };
                let voice = CategorySelection::Only(["voice".to_owned()].into());
                assert_eq!(of(RecordInstant::Event, &CategorySelection::All, &[]), (3, 0, 7), "{told}");
                assert_eq!(of(RecordInstant::Event, &voice, &[]), (3, 0, 6), "{told}");
                assert_eq!(of(RecordInstant::Change, &CategorySelection::All, &[]), (5, 0, 5), "{told}");
                assert_eq!(of(RecordInstant::Change, &voice, &["media!=chat"]), (5, 0, 4), "{told}");
                assert_eq!(
                    of(RecordInstant::Change, &CategorySelection::All, &["media=chat"]),
                    (0, 0, 1),
                    "{told}"
                );
                // A request for everything includes the records without an instant, so none is left out.
                let all = report(Window::until(february().end())).with_by(RecordInstant::Event);
                assert_eq!(counts(&source, all), (10, 0, 0), "{told}");
            }
        }
    }
}

fn json_lines(path: &Path, set_up: impl Fn(JsonLinesType) -> JsonLinesType) -> JsonLinesSource {
    let config = JsonLinesConfig::new(SourceId::new("contacts").unwrap(), "Contacts", path.to_str().unwrap())
        .with_type(set_up(TypeConfig::new(id(), None)));
    JsonLinesSource::new(config).unwrap()
}

#[test]
fn e10_w7_lines_tell_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("contacts.jsonl");
    let lines = [
        r#"{"at":"2026-02-01T10:00:00Z"}"#,
        r#"{"at":1769940000}"#,
        r#"{"at":20260201}"#,
        r#"{"at":"20260201100000"}"#,
        r#"{"at":2461072.9}"#,
        r#"{"at":"2020-06-01"}"#,
        r#"{"at":null}"#,
        r#"{"At":"2026-02-01"}"#,
        r#"{"at":"","changed":"2026-02-01"}"#,
    ];
    std::fs::write(&path, lines.join("\n")).unwrap();
    let source = json_lines(&path, |one| one.with_time("at", InstantFormat::Any));
    assert_eq!(counts(&source, report(february())), (2, 3, 3));
    let whole = Window::until(february().end());
    assert_eq!(counts(&source, report(whole)), (6, 3, 0));
    let changes = json_lines(&path, |one| {
        one.with_time("at", InstantFormat::Any).with_changed("changed", InstantFormat::Any)
    });
    let by_change = |window| report(window).with_by(RecordInstant::Change);
    assert_eq!(counts(&changes, by_change(february())), (3, 3, 2));
    // A window without a start. Records with neither instant are in no export by change.
    assert_eq!(counts(&changes, by_change(whole)), (4, 3, 2));
}
