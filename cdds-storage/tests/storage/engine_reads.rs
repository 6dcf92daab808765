//! Rule J17: the engine reads several data types of a source into one set.

#![cfg(feature = "sqlite")]

use std::path::Path;
use std::sync::Arc;

use cdds_core::domain::execution::failure::Step;
use cdds_core::domain::id::{SourceId, TypeId};
use cdds_core::domain::job::{JobSettings, Read, Reads};
use cdds_core::domain::record::instant::InstantFormat;
use cdds_core::domain::record::template::{FieldNames, FieldSelection, Template};
use cdds_core::ports::source::Source;
use cdds_storage::source::{JsonLinesConfig, JsonLinesSource, JsonLinesType};

use crate::engine_records::{export, settings};

/// Creates a source of calls and notes, each one file of JSON lines.
fn calls_and_notes(folder: &Path, calls: &str, notes: &str) -> Arc<dyn Source> {
    let mut config = JsonLinesConfig::new(SourceId::new("calls").unwrap(), "Calls", "*.jsonl");
    for (name, lines) in [("call", calls), ("note", notes)] {
        let path = folder.join(format!("{name}.jsonl"));
        std::fs::write(&path, lines).unwrap();
        let pattern = Some(path.to_str().unwrap().to_owned());
        let data_type = JsonLinesType::new(TypeId::new(name).unwrap(), pattern);
        config = config.with_type(data_type.with_time("at", InstantFormat::Any));
    }
    Arc::new(JsonLinesSource::new(config).unwrap())
}

const CALLS: &str = "{\"at\":\"2026-02-01\",\"id\":1,\"queue\":\"sales\"}\n\
                     {\"at\":\"2026-02-01\",\"id\":2,\"queue\":\"support\"}\n\
                     {\"at\":\"2026-02-02\",\"id\":3,\"queue\":\"sales\"}\n";
const NOTES: &str =
    "{\"at\":\"2026-02-01\",\"text\":\"hello\"}\n{\"at\":\"2027-01-01\",\"text\":\"later\"}\n";

fn read(name: &str) -> Read {
    Read::of(TypeId::new(name).unwrap())
}

fn reading(reads: impl IntoIterator<Item = Read>) -> JobSettings {
    settings().with_reads(Reads::new(reads).unwrap())
}

#[test]
fn j17_several_types_give_one_set_in_the_order_of_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let source = calls_and_notes(folder.path(), CALLS, NOTES);
    let fields = FieldSelection::Only(FieldNames::new(["id".to_owned()]).unwrap());
    let template = Template::new(fields, vec!["queue=sales".parse().unwrap()]).unwrap();
    let job = reading([read("note"), read("call").with_template(template)]);
    let outcome = export(Arc::clone(&source), job.clone(), 2);
    let expected = [
        ("note/all/2026-02-01/note-00001.json", "{\"at\":\"2026-02-01\",\"text\":\"hello\"}\n"),
        ("call/all/2026-02-01/call-00001.json", "{\"id\":1}\n"),
        ("call/all/2026-02-02/call-00001.json", "{\"id\":3}\n"),
    ];
    let files: Vec<(String, String)> =
        outcome.files().into_iter().filter(|(path, _)| !path.ends_with('/')).collect();
    assert_eq!(files, expected.map(|(path, contents)| (path.to_owned(), contents.to_owned())));
    assert_eq!(outcome.execution.progress.records, 3);
    let manifest = serde_json::to_value(outcome.manifest()).unwrap();
    assert_eq!(manifest["records_by_type"], serde_json::json!({"call": 2, "note": 1}));
    assert_eq!(manifest["settings"]["v"], "2");
    assert_eq!(manifest["settings"]["types"][1]["template"]["filters"][0]["value"], serde_json::Value::Null);
    // Rule A6: byte by byte the same, with any number of threads.
    assert!(outcome.published.unwrap().0 == export(source, job, 5).published.unwrap().0);
}

#[test]
fn j17_one_type_has_the_manifest_that_it_always_had() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = export(calls_and_notes(folder.path(), CALLS, NOTES), settings(), 2);
    let manifest = serde_json::to_value(outcome.manifest()).unwrap();
    assert_eq!(manifest.get("records_by_type"), None);
    assert_eq!(
        (&manifest["settings"]["v"], &manifest["settings"]["data_type"]),
        (&"1".into(), &"call".into())
    );
}

#[test]
fn j17_a_read_that_fails_fails_the_execution() {
    let folder = tempfile::tempdir().unwrap();
    let outcome =
        export(calls_and_notes(folder.path(), CALLS, "no JSON\n"), reading([read("call"), read("note")]), 2);
    assert_eq!(outcome.failure().step, Step::Read);
    assert!(outcome.published.is_none());
}

#[test]
fn j17_bad_records_of_all_types_share_one_budget_and_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let source = calls_and_notes(folder.path(), "bad\n{\"at\":\"2026-02-01\"}\n", "worse\nworst\n");
    let mut job = reading([read("call"), read("note")]);
    job.policies.bad_records = "skip:3".parse().unwrap();
    let outcome = export(Arc::clone(&source), job.clone(), 2);
    assert_eq!((outcome.execution.progress.records, outcome.execution.progress.rejected), (1, 3));
    let files = outcome.files();
    let (last, errors) = files.last().unwrap();
    assert_eq!((last.as_str(), errors.lines().count()), ("errors.jsonl", 3));
    job.policies.bad_records = "skip:2".parse().unwrap();
    assert_eq!(export(source, job, 2).failure().step, Step::Read);
}
