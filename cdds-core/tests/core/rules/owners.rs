//! Rule J16: an owner sees the sources that are shown to it, and exports its own records.

use std::sync::Arc;

use cdds_core::domain::access::Principal;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::{Execution, ExecutionState, Status};
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::JobSettings;
use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder};
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::ports::source::{DataType, Ownership, SourceDescription, Sources, Visibility};
use cdds_core::service::history::History;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
use futures::executor::block_on;

use crate::rules::support::{instant, settings};

const REGION: &str = "contact-history";
const SHARED: &str = "shared";

fn north() -> Principal {
    administrator(&Owner::new("north").unwrap())
}

fn south() -> Principal {
    administrator(&Owner::new("south").unwrap())
}

fn records(text: &str, count: usize) -> Vec<RecordBatch> {
    let mut batch = RecordBatchBuilder::new();
    for _ in 0..count {
        let mut record = batch.record(&Place::Folder("interaction/all/undated".into()));
        record.text("of", text);
        record.finish();
    }
    vec![batch.take()]
}

/// A source with one record of everybody, two of north's and three of south's.
fn source(id: &str, visibility: Visibility) -> Arc<PreparedSource> {
    let interaction = DataType::new("interaction".parse().unwrap())
        .with_event_instant()
        .with_ownership(Ownership::PerOwner);
    let description =
        SourceDescription::new(id.parse().unwrap(), id).with_type(interaction).with_visibility(visibility);
    let source = PreparedSource::new(description, records("everybody", 1))
        .with_owned(north().owner, records("north", 2))
        .with_owned(south().owner, records("south", 3));
    Arc::new(source)
}

/// The first source is visible to these owners, a second one to all.
fn memory(visibility: Visibility) -> MemoryPorts {
    let sources = Sources::new().with(source(REGION, visibility)).with(source(SHARED, Visibility::AllOwners));
    MemoryPorts::new(instant("2026-03-01T12:00:00Z"), sources)
}

fn once(source: &str) -> JobSettings {
    settings(Frequency::Once(Start::Immediately), "all").with_source(source.parse().unwrap())
}

fn run(memory: &MemoryPorts) {
    let engine = Engine::builder(&memory.ports).build();
    block_on(engine.run(Until::Idle, futures::future::pending())).unwrap();
}

fn only_execution(memory: &MemoryPorts, by: &Principal) -> Execution {
    let listed = block_on(History::new(&memory.ports).list(by, &ExecutionQuery::default())).unwrap().items;
    assert_eq!(listed.len(), 1, "{by:?}");
    listed[0].execution.clone()
}

#[test]
fn j16_what_an_owner_does_not_see_is_not_registered() {
    let memory = memory(Visibility::owners([north().owner]));
    let jobs = Jobs::new(&memory.ports, JobRules::default());
    assert!(block_on(jobs.submit(&north(), once(REGION))).is_ok());
    let refusal = |source: &str| block_on(jobs.submit(&south(), once(source))).unwrap_err().to_string();
    let hidden = refusal(REGION);
    assert_eq!(hidden.replace(REGION, "nowhere"), refusal("nowhere"), "the same words as for no source");
    assert!(hidden.ends_with("choose from shared"), "{hidden}");
    let previewed = block_on(jobs.preview_draft(&south(), once(REGION), 1)).unwrap_err();
    assert_eq!(previewed.to_string(), hidden);
}

#[test]
fn j16_a_registry_answers_by_owner() {
    let memory = memory(Visibility::owners([north().owner]));
    let (sources, id) = (&memory.ports.sources, REGION.parse().unwrap());
    let seen = |by: &Principal| {
        let sources = sources.for_owner(&by.owner);
        let ids: Vec<String> = sources.iter().map(|(id, _)| id.to_string()).collect();
        (ids, sources.find(&id).is_some(), sources.data_type(&id, &"interaction".parse().unwrap()).is_some())
    };
    assert_eq!(seen(&north()), (vec![REGION.to_owned(), SHARED.to_owned()], true, true));
    assert_eq!(seen(&south()), (vec![SHARED.to_owned()], false, false));
    let nobody = Visibility::owners([]);
    assert!(!nobody.is_visible_to(&north().owner) && Visibility::AllOwners.is_visible_to(&south().owner));
}

#[test]
fn j16_a_read_carries_the_owner_of_the_job() {
    let memory = memory(Visibility::AllOwners);
    let jobs = Jobs::new(&memory.ports, JobRules::default());
    for by in [north(), south()] {
        block_on(jobs.submit(&by, once(REGION))).unwrap();
    }
    run(&memory);
    for (by, records) in [(north(), 3), (south(), 4)] {
        let done = only_execution(&memory, &by);
        assert_eq!((done.status(), done.progress.records), (Status::Finished, records));
    }
}

#[test]
fn j16_jobs_of_a_withdrawn_source_fail_and_stay() {
    let mut memory = memory(Visibility::AllOwners);
    let job =
        block_on(Jobs::new(&memory.ports, JobRules::default()).submit(&south(), once(REGION))).unwrap().job;
    let withdrawn = source(REGION, Visibility::owners([north().owner]));
    memory.ports = memory.ports.clone().with_source(withdrawn);
    run(&memory);
    let failed = only_execution(&memory, &south());
    let ExecutionState::Failed(failure) = &failed.state else { panic!("{:?}", failed.state) };
    assert!(failure.message.contains("source contact-history is not registered"), "{}", failure.message);
    let jobs = Jobs::new(&memory.ports, JobRules::default());
    assert_eq!(block_on(jobs.show(&south(), job.id)).unwrap().job.settings, job.settings);
}
