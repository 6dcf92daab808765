//! Rule F8a: what a sample shows, how little it reads, and that it gives no value.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use cdds_core::domain::access::{Principal, Role};
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::{JobSettings, Protection, Read, Reads, Title};
use cdds_core::domain::record::template::{FieldSelection, Template};
use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder};
use cdds_core::domain::violation::Code;
use cdds_core::ports::catalog::query::{AuditQuery, JobQuery};
use cdds_core::ports::source::{
    DataType, Ownership, ReadRequest, RecordStream, Source, SourceDescription, SourceError, SourceErrorKind,
    Sources,
};
use cdds_core::service::ServiceError;
use cdds_core::service::audit::Audit;
use cdds_core::service::jobs::{JobRules, Jobs, SAMPLE_MAX, Sample};
use cdds_core::testing::{MemoryPorts, administrator};
use futures::executor::block_on;
use futures::{StreamExt, stream};
use serde_json::json;

use crate::rules::support::instant;

/// How the source goes on after its first batch.
#[derive(Debug, Clone, Copy)]
enum Then {
    Repeat,
    End,
    Hang,
    Fail,
}

/// A source that counts the batches that were taken from it.
#[derive(Debug)]
struct Counted {
    description: SourceDescription,
    then: Then,
    taken: Arc<AtomicUsize>,
}

fn batch() -> RecordBatch {
    let mut batch = RecordBatchBuilder::new();
    for record in [
        json!({"name": "Ada L.", "phone": "+49 30 1815", "note": "", "open": true}),
        json!({"name": "Grace", "phone": null, "open": false}),
    ] {
        batch.serialize(&Place::of(None, None), &record).unwrap();
    }
    batch.take()
}

#[async_trait]
impl Source for Counted {
    fn describe(&self) -> &SourceDescription {
        &self.description
    }

    async fn read(&self, request: ReadRequest) -> Result<RecordStream, SourceError> {
        assert_eq!(request.owner, Owner::default());
        assert_eq!((request.window.start(), request.window.end()), (None, instant("2026-03-01T12:00:00Z")));
        let taken = Arc::clone(&self.taken);
        let count = move |batch| {
            taken.fetch_add(1, Ordering::Relaxed);
            Ok(batch)
        };
        let quote = || SourceError::new(SourceErrorKind::BadRecord, "cannot read Ada L.");
        Ok(match self.then {
            Then::Repeat => stream::repeat_with(batch).map(count).boxed(),
            Then::End => stream::iter([batch()]).map(count).boxed(),
            Then::Hang => stream::iter([batch()]).map(count).chain(stream::pending()).boxed(),
            Then::Fail => stream::iter([batch()]).map(count).chain(stream::iter([Err(quote())])).boxed(),
        })
    }
}

struct World {
    memory: MemoryPorts,
    jobs: Jobs,
    taken: Arc<AtomicUsize>,
}

impl World {
    fn new(then: Then) -> Self {
        let data_type = |id: &str| DataType::new(id.parse().unwrap()).with_ownership(Ownership::Shared);
        let description = SourceDescription::new("calls".parse().unwrap(), "Calls")
            .with_type(data_type("call"))
            .with_type(data_type("chat"));
        let taken = Arc::new(AtomicUsize::new(0));
        let source = Counted { description, then, taken: Arc::clone(&taken) };
        let memory = MemoryPorts::new(instant("2026-03-01T12:00:00Z"), Sources::new().with(Arc::new(source)));
        let jobs = Jobs::new(&memory.ports, JobRules::default());
        Self { memory, jobs, taken }
    }

    fn sample(&self, settings: &JobSettings, count: usize) -> Sample {
        block_on(self.jobs.sample(&ada(), settings, count)).unwrap()
    }
}

fn ada() -> Principal {
    administrator(&Owner::default())
}

fn settings(types: &[&str]) -> JobSettings {
    let reads = Reads::new(types.iter().map(|id| Read::of(id.parse().unwrap()))).unwrap();
    JobSettings::of_reads(
        Title::new("Calls").unwrap(),
        "calls".parse().unwrap(),
        reads,
        Frequency::Once(Start::Immediately),
        Protection::Plaintext,
    )
}

fn shown(sample: &Sample) -> Vec<(&str, &str)> {
    sample.records.iter().map(|record| (record.data_type.as_str(), record.masked.as_str())).collect()
}

#[test]
fn f8a_a_sample_shows_the_first_records_masked_and_without_empty_keys() {
    let world = World::new(Then::End);
    let sample = world.sample(&settings(&["call"]), 5);
    let expected = [
        ("call", r#"{"name":"xxx x.","open":true,"phone":"+00 00 0000"}"#),
        ("call", r#"{"name":"xxxxx","open":true}"#),
    ];
    assert_eq!((shown(&sample), sample.is_partial), (expected.to_vec(), false));
    // Nothing is stored, neither as a job nor on the audit.
    assert!(block_on(world.jobs.list(&ada(), &JobQuery::default())).unwrap().items.is_empty());
    let audit = Audit::new(&world.memory.ports);
    assert!(block_on(audit.list(&ada(), &AuditQuery::default())).unwrap().items.is_empty());
}

#[test]
fn f8a_the_templates_of_the_job_select_what_a_sample_shows() {
    let world = World::new(Then::End);
    let template = Template::new(FieldSelection::All, vec!["name=Grace".parse().unwrap()]).unwrap();
    let sample = world.sample(&settings(&["call"]).with_template(template), 5);
    assert_eq!(shown(&sample), [("call", r#"{"name":"xxxxx","open":true}"#)]);
}

#[test]
fn f8a_a_sample_is_shared_among_the_types_and_each_read_ends_early() {
    let world = World::new(Then::Repeat);
    let sample = world.sample(&settings(&["call", "chat"]), 5);
    let types: Vec<&str> = shown(&sample).into_iter().map(|(data_type, _)| data_type).collect();
    assert_eq!(types, ["call", "call", "call", "chat", "chat"]);
    assert_eq!((world.taken.load(Ordering::Relaxed), sample.is_partial), (3, false));
    assert_eq!(world.sample(&settings(&["call"]), usize::MAX).records.len(), SAMPLE_MAX);
    assert!(world.sample(&settings(&["call"]), 0).records.is_empty());
}

#[test]
fn f8a_a_filter_that_nothing_matches_ends_after_a_bounded_number_of_bytes() {
    let world = World::new(Then::Repeat);
    let template = Template::new(FieldSelection::All, vec!["name=Nobody".parse().unwrap()]).unwrap();
    let sample = world.sample(&settings(&["call"]).with_template(template), 5);
    assert!(sample.records.is_empty() && sample.is_partial);
    let bytes = world.taken.load(Ordering::Relaxed) * batch().lines_bytes();
    assert!(bytes <= (1 << 20) + batch().lines_bytes(), "{bytes}");
}

#[test]
fn f8a_a_source_that_hangs_or_fails_gives_what_it_gave_and_no_word_of_why() {
    for then in [Then::Hang, Then::Fail] {
        let sample = World::new(then).sample(&settings(&["call"]), 5);
        assert_eq!((sample.records.len(), sample.is_partial), (2, true), "{then:?}");
        assert!(!format!("{sample:?}").contains("Ada"), "{then:?}");
    }
}

#[test]
fn f8a_c1_a_sample_is_for_those_who_may_create_the_job() {
    let world = World::new(Then::End);
    let viewer = Principal::new(ada().name, Owner::default(), Role::Viewer);
    let refused = block_on(world.jobs.sample(&viewer, &settings(&["call"]), 5)).unwrap_err();
    assert!(matches!(refused, ServiceError::Forbidden(_)), "{refused}");
    let refused = block_on(world.jobs.sample(&ada(), &settings(&["mail"]), 5)).unwrap_err();
    assert!(matches!(refused, ServiceError::Refused(refused) if refused.code() == Code::UnknownType));
    assert_eq!(world.taken.load(Ordering::Relaxed), 0);
}
