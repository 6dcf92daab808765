//! The engine over real sources: the effect of templates (rule J4), and the handling of unreadable records
//! (rule E10).

#![cfg(feature = "sqlite")]

use std::io::{Cursor, Read};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::failure::{Failure, FailureKind};
use cdds_core::domain::execution::{Execution, ExecutionState, Status};
use cdds_core::domain::id::{Owner, SourceId, TypeId};
use cdds_core::domain::job::{JobSettings, Protection, Title};
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Template};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::Ports;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::ports::sink::Key;
use cdds_core::ports::source::Source;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::stored::manifest::Manifest;
use cdds_core::testing::administrator;
use cdds_storage::archive::ZipPackager;
use cdds_storage::catalog::SqliteCatalog;
use cdds_storage::sink::ObjectSink;
use cdds_storage::source::{
    JsonLinesConfig, JsonLinesSource, JsonLinesType, SqliteConfig, SqliteRows, SqliteSource, SqliteType,
};
use cdds_storage::workers::ThreadPool;
use futures::TryStreamExt;
use futures::executor::block_on;
use rusqlite::Connection;
use serde_json::{Value, json};

/// The result of an export.
pub(crate) struct Outcome {
    pub(crate) execution: Execution,
    /// The archive and the manifest, if it succeeded.
    pub(crate) published: Option<(Vec<u8>, Manifest)>,
}

impl Outcome {
    /// Returns the paths and contents of the archive's entries in order.
    pub(crate) fn files(&self) -> Vec<(String, String)> {
        let (zip, _) = self.published.as_ref().expect("a published set");
        let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        (0..archive.len())
            .map(|index| {
                let mut file = archive.by_index(index).unwrap();
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                (file.name().unwrap().into_owned(), text)
            })
            .collect()
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.published.as_ref().expect("a published set").1
    }

    pub(crate) fn failure(&self) -> &Failure {
        match &self.execution.state {
            ExecutionState::Failed(failure) => failure,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn settings() -> JobSettings {
    JobSettings::new(
        Title::new("Calls").unwrap(),
        SourceId::new("calls").unwrap(),
        TypeId::new("call").unwrap(),
        Frequency::Once(Start::Immediately),
        Protection::Plaintext,
    )
    .with_timeframe("fixed:2026-02-01T00:00:00Z..2026-03-01T00:00:00Z".parse().unwrap())
}

/// Runs one job over one source, from its submission to its end.
pub(crate) fn export(source: Arc<dyn Source>, settings: JobSettings, threads: usize) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("store")).unwrap();
    let ports = Ports::new(
        Arc::new(SqliteCatalog::open(folder.path().join("cdds.db")).unwrap()),
        Arc::new(ObjectSink::local(folder.path().join("store")).unwrap()),
        Arc::new(ZipPackager::default()),
        Arc::new(ThreadPool::new(NonZeroUsize::new(threads)).unwrap()),
    )
    .with_source(source);
    let by = administrator(&Owner::default());
    block_on(async {
        Jobs::new(&ports, JobRules::default()).submit(&by, settings).await.unwrap();
        let engine = Engine::builder(&ports).build();
        engine.run(Until::Idle, std::future::pending()).await.unwrap();
        let history = History::new(&ports).list(&by, &ExecutionQuery::default()).await.unwrap();
        let [overview] = history.items.try_into().unwrap();
        let execution = overview.execution;
        let published = match ports.catalog.artifact_set(&by.owner, execution.id).await.unwrap() {
            None => None,
            Some(set) => {
                let [artifact] = set.artifacts.try_into().unwrap();
                let manifest = stored(&ports, &set.manifest.key).await;
                Some((stored(&ports, &artifact.key).await, Manifest::from_json(&manifest).unwrap()))
            }
        };
        Outcome { execution, published }
    })
}

async fn stored(ports: &Ports, key: &Key) -> Vec<u8> {
    let pieces: Vec<_> = ports.sink.read(key, 0).await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

/// Creates a source over one file of calls, some of which may be unreadable.
fn json_lines(folder: &Path, text: &str) -> Arc<dyn Source> {
    let path = folder.join("calls.jsonl");
    std::fs::write(&path, text).unwrap();
    let call = JsonLinesType::new(TypeId::new("call").unwrap(), None).with_time("at", InstantFormat::Any);
    let source = JsonLinesSource::new(
        JsonLinesConfig::new(SourceId::new("calls").unwrap(), "Calls", path.to_str().unwrap())
            .with_type(call)
            .with_line_bytes_max(1_000),
    );
    Arc::new(source.unwrap())
}

fn sqlite(folder: &Path, schema: &str) -> Arc<dyn Source> {
    let path = folder.join("calls.db");
    Connection::open(&path).unwrap().execute_batch(schema).unwrap();
    let rows = SqliteRows::Table("calls".to_owned());
    let call = SqliteType::new(TypeId::new("call").unwrap(), rows).with_time("at", InstantFormat::Iso);
    let source =
        SqliteSource::new(SqliteConfig::new(SourceId::new("calls").unwrap(), "Calls", path).with_type(call));
    Arc::new(source.unwrap())
}

const DAMAGED: &str = r#"{"at":"2026-02-01","id":1,"name":"Ada"}
{"at":"2026-02-01","id":2,
{"at":"2026-02-02","id":3,"name":"Bob"}
{"at":"soon","id":4,"name":"Eve"}
"#;

fn skipping(max: u32) -> JobSettings {
    let mut settings = settings();
    settings.policies.bad_records = format!("skip:{max}").parse().unwrap();
    settings
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn e10_a_bad_record_fails_the_execution_unless_the_job_skips_them() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = export(json_lines(folder.path(), DAMAGED), settings(), 2);
    let failure = outcome.failure();
    assert_eq!((failure.kind, failure.retryable), (FailureKind::BadRecord, false));
    assert!(failure.message.contains("line 2 of "), "{failure:?}");
    assert!(outcome.published.is_none());
    assert_eq!(outcome.execution.attempts.len(), 1);
}

#[test]
fn e10_skipped_records_are_told_in_the_archives_last_file() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = export(json_lines(folder.path(), DAMAGED), skipping(2), 2);
    assert!(matches!(outcome.execution.state, ExecutionState::Succeeded));
    let progress = outcome.execution.progress;
    assert_eq!((progress.records, progress.rejected), (2, 2));
    let manifest = outcome.manifest();
    assert_eq!((manifest.records, manifest.bad_records, manifest.files), (2, 2, 3));

    let files = outcome.files();
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        ["call/all/2026-02-01/call-00001.json", "call/all/2026-02-02/call-00001.json", "errors.jsonl"]
    );
    assert_eq!(files[0].1, "{\"at\":\"2026-02-01\",\"id\":1,\"name\":\"Ada\"}\n");
    let [syntax, time] = lines(&files[2].1).try_into().unwrap();
    assert_eq!(
        syntax,
        json!({
            "position": "calls.jsonl line 2",
            "reason": "not valid JSON: the text ends too early at byte 27",
            "record": "{\"at\":\"2026-02-01\",\"id\":2,",
        })
    );
    assert_eq!(time["position"], "calls.jsonl line 4");
    assert!(time["reason"].as_str().unwrap().starts_with("member \"at\": the value is not an instant"));
    assert_eq!(time["record"], json!({"at": "soon", "id": 4, "name": "Eve"}));
}

#[test]
fn e10_one_more_than_allowed_fails_for_good_and_names_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = export(json_lines(folder.path(), DAMAGED), skipping(1), 2);
    let failure = outcome.failure();
    assert_eq!((failure.kind, failure.retryable), (FailureKind::BadRecord, false));
    assert_eq!(
        failure.message,
        "more than 1 records cannot be read (the first: calls.jsonl line 2: not valid JSON: the text ends \
         too early at byte 27): correct them, or let the job skip more"
    );
    assert_eq!((outcome.execution.status(), outcome.execution.attempts.len()), (Status::Failed, 1));
    assert!(outcome.published.is_none());
}

#[test]
fn e10_without_bad_records_there_is_no_such_file() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = export(json_lines(folder.path(), "{\"at\":\"2026-02-01\",\"id\":1}\n"), skipping(1), 2);
    assert_eq!(outcome.files().len(), 1);
    let manifest = String::from_utf8(outcome.manifest().to_json().unwrap()).unwrap();
    assert!(!manifest.contains("bad_records\": 0"), "{manifest}");
    // An export with nothing but bad records reports them, too.
    let all_bad = export(json_lines(folder.path(), "no\nno\n"), skipping(2), 2);
    assert_eq!(all_bad.files().iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(), ["errors.jsonl"]);
}

#[test]
fn e10_a6_what_is_told_depends_on_the_records_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..40_000)
        .map(|number| match number % 100 {
            0 => format!("{{\"id\":{number}\n"),
            1 => format!("{{\"id\":\"{}\"}}\n", "x".repeat(2_000)),
            _ => format!("{{\"at\":\"2026-02-{:02}\",\"id\":{number}}}\n", number % 28 + 1),
        })
        .collect();
    let source = json_lines(folder.path(), &text);
    let archives = [1, 3].map(|threads| {
        let outcome = export(Arc::clone(&source), skipping(800), threads);
        assert_eq!(outcome.execution.progress.rejected, 800);
        outcome.published.unwrap().0
    });
    assert!(archives[0] == archives[1]);
}

#[test]
fn j4_both_ways_to_apply_a_template_give_the_same_archive() {
    let fields = FieldSelection::Only(FieldNames::new(["id", "at"].map(str::to_owned)).unwrap());
    let filters = ["secret=4711", "id<3", "name!=Bob"].map(|filter| filter.parse().unwrap()).to_vec();
    let settings = settings().with_template(Template::new(fields, filters).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        ("2026-02-01", 1, "Ada", "4711"),
        ("2026-02-01", 2, "Bob", "4711"),
        ("2026-02-02", 2, "Eve", "4711"),
        ("2026-02-02", 0, "Eve", "4712"),
        ("2026-02-02", 3, "Ada", "4711"),
    ];
    let text: String = rows
        .iter()
        .map(|(at, id, name, secret)| {
            format!("{{\"at\":\"{at}\",\"id\":{id},\"name\":\"{name}\",\"secret\":\"{secret}\"}}\n")
        })
        .collect();
    let values: Vec<String> =
        rows.iter().map(|(at, id, name, secret)| format!("('{at}', {id}, '{name}', '{secret}')")).collect();
    let schema =
        format!("CREATE TABLE calls (at, id, name, secret); INSERT INTO calls VALUES {}", values.join(", "));
    let sources = [json_lines(folder.path(), &text), sqlite(folder.path(), &schema)];
    let archives = sources.map(|source| {
        let outcome = export(source, settings.clone(), 2);
        assert_eq!((outcome.execution.progress.records, outcome.manifest().records), (2, 2));
        assert_eq!(
            outcome.files(),
            [
                (
                    "call/all/2026-02-01/call-00001.json".to_owned(),
                    "{\"at\":\"2026-02-01\",\"id\":1}\n".to_owned()
                ),
                (
                    "call/all/2026-02-02/call-00001.json".to_owned(),
                    "{\"at\":\"2026-02-02\",\"id\":2}\n".to_owned()
                ),
            ]
        );
        // Rule A5: the manifest names the filters, but not the values that they look for.
        let manifest = String::from_utf8(outcome.manifest().to_json().unwrap()).unwrap();
        assert!(manifest.contains("\"secret\"") && !manifest.contains("4711"), "{manifest}");
        outcome.published.unwrap().0
    });
    assert!(archives[0] == archives[1]);
}

#[test]
fn e10_bad_rows_tell_only_what_the_job_exports() {
    let schema = "CREATE TABLE calls (at, id, name, secret);
                  INSERT INTO calls VALUES ('2026-02-01', 1, 'Ada', 4711), (5, 2, 'Bob', 4711),
                    ('2026-02-02', CAST(x'ff' AS TEXT), 'Eve', 4711);";
    let folder = tempfile::tempdir().unwrap();
    let settings = skipping(2);
    let source = sqlite(folder.path(), schema);
    let all = lines(&export(Arc::clone(&source), settings.clone(), 2).files().pop().unwrap().1);
    let records: Vec<&Value> = all.iter().map(|line| &line["record"]).collect();
    assert_eq!(
        records,
        [
            &json!({"at": 5, "id": 2, "name": "Bob", "secret": 4711}),
            &json!({"at": "2026-02-02", "id": "/w==", "name": "Eve", "secret": 4711}),
        ]
    );
    assert_eq!(all[1]["position"], "row 3 (rowid 3)");
    assert_eq!(all[1]["reason"], "column \"id\": its text is not UTF-8");

    let fields = FieldSelection::Only(FieldNames::new(["id".to_owned()]).unwrap());
    let filters = vec!["secret=4711".parse().unwrap()];
    let settings = settings.with_template(Template::new(fields, filters).unwrap());
    let some = lines(&export(source, settings, 2).files().pop().unwrap().1);
    let records: Vec<&Value> = some.iter().map(|line| &line["record"]).collect();
    assert_eq!(records, [&json!({"id": 2}), &json!({"id": "/w=="})]);
}
