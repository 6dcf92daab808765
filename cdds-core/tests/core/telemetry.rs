//! The spans and events that the guide promises.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use cdds_core::domain::record::RecordBatchBuilder;
use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
use cdds_core::{
    Engine, Frequency, JobRules, JobSettings, Jobs, Owner, Place, Protection, Sources, Start, Title, Until,
};
use futures::executor::block_on;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The fields of everything seen, by name.
#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<String, BTreeMap<String, String>>>>);

impl Seen {
    fn note(&self, metadata: &Metadata<'_>, record: impl FnOnce(&mut Fields)) {
        if metadata.target() == "cdds" {
            let mut fields = Fields::default();
            record(&mut fields);
            self.0.lock().unwrap().insert(metadata.name().to_owned(), fields.0);
        }
    }
}

#[derive(Default)]
struct Fields(BTreeMap<String, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

impl Subscriber for Seen {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.note(span.metadata(), |fields| span.record(fields));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        self.note(event.metadata(), |fields| event.record(fields));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Returns the rows of the guide's table: the fields of each event, by name.
fn promised() -> BTreeMap<String, Vec<String>> {
    let guide =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("guide/operations.md")).unwrap();
    let (_, table) = guide.split_once("| event | level |").unwrap();
    let rows = table.lines().take_while(|line| !line.is_empty()).filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row.split(" | ");
        let name = cells.next().unwrap().trim_start_matches("| ").trim_matches('`').to_owned();
        let fields = cells.nth(1).unwrap_or_default().split('`').skip(1).step_by(2).map(str::to_owned);
        (name, fields.collect())
    })
    .collect()
}

#[test]
fn an_export_is_told_as_the_guide_says() {
    let mut batch = RecordBatchBuilder::new();
    batch.raw_line(&Place::of(None, None), br#"{"caller": "Ada", "secret": "hunter2"}"#).unwrap();
    let source = PreparedSource::of("calls", "call", vec![batch.take()]).unwrap();
    let memory =
        MemoryPorts::new("2026-03-01T10:00:00Z".parse().unwrap(), Sources::new().with(Arc::new(source)));
    let once = Frequency::Once(Start::Immediately);
    let (source, data_type) = ("calls".parse().unwrap(), "call".parse().unwrap());
    let job = JobSettings::new(Title::new("Calls").unwrap(), source, data_type, once, Protection::Plaintext);
    let seen = Seen::default();
    tracing::subscriber::with_default(seen.clone(), || {
        block_on(
            Jobs::new(&memory.ports, JobRules::default()).submit(&administrator(&Owner::default()), job),
        )
        .unwrap();
        block_on(Engine::builder(&memory.ports).build().run(Until::Idle, std::future::pending())).unwrap();
    });

    let seen = seen.0.lock().unwrap();
    let fields = seen["execution"].keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(fields, ["epoch", "execution_id", "job_id", "owner", "slot"]);
    assert_eq!(seen["execution.ended"]["status"], "\"finished\"");
    assert_eq!(seen["execution.ended"]["records"], "1");
    assert!(seen.contains_key("execution.started"));
    let told = format!("{seen:?}");
    assert!(!told.contains("Ada") && !told.contains("hunter2"), "{told}");
    let promised = promised();
    for (name, fields) in seen.iter().filter(|(name, _)| *name != "execution") {
        let found: Vec<_> = fields.keys().filter(|field| *field != "message").collect();
        let mut expected = promised[name].iter().collect::<Vec<_>>();
        expected.sort();
        assert_eq!(found, expected, "{name}");
    }
}

/// Adds the names of events in the files below a folder.
fn names(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let pieces = text.split("name: \"").skip(1).filter(|piece| {
                let end = piece.split_once('"').map_or("", |(_, rest)| rest);
                end.trim_start_matches(',').trim_start().starts_with("target: \"cdds\"")
            });
            found.extend(pieces.map(|piece| piece.split('"').next().unwrap().to_owned()));
        }
    }
}

#[test]
fn the_guide_has_each_event_and_no_other() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    for of in ["cdds-core/src", "cdds-storage/src"] {
        names(&workspace.join(of), &mut found);
    }
    found.sort();
    found.dedup();
    assert_eq!(found, promised().into_keys().collect::<Vec<_>>());
}
