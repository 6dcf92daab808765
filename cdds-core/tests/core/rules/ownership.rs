//! Rule J16: of a type that does not say whose its records are, no owner but the default one reads any.

use std::sync::Arc;

use cdds_core::domain::access::Principal;
use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::failure::{FailureKind, Step};
use cdds_core::domain::execution::{Execution, ExecutionState, Status};
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::admission::{Circumstances, check, check_owner};
use cdds_core::domain::job::{JobSettings, Read, Reads};
use cdds_core::domain::record::{Place, RecordBatch, RecordBatchBuilder};
use cdds_core::domain::request::RequestKey;
use cdds_core::domain::violation::Code;
use cdds_core::engine::{Engine, Until};
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::ports::source::{
    DataType, Ownership, ReadRequest, RegisteredSource, SourceDescription, SourceErrorKind, Sources,
};
use cdds_core::service::ServiceError;
use cdds_core::service::history::History;
use cdds_core::service::jobs::{EditRequest, JobRules, Jobs};
use cdds_core::testing::{MemoryPorts, PreparedSource, administrator};
use chrono::TimeDelta;
use futures::executor::block_on;

use crate::rules::support::{daily, instant, settings};

const SOURCE: &str = "contact-history";

fn north() -> Principal {
    administrator(&Owner::new("north").unwrap())
}

fn host() -> Principal {
    administrator(&Owner::default())
}

fn records(text: &str) -> Vec<RecordBatch> {
    let mut batch = RecordBatchBuilder::new();
    let mut record = batch.record(&Place::Folder("interaction/all/undated".into()));
    record.text("of", text);
    record.finish();
    vec![batch.take()]
}

/// A source of which all records are shared, except perhaps those of its second type.
fn source(ownership: Ownership) -> Arc<PreparedSource> {
    let data_type = |id: &str| DataType::new(id.parse().unwrap()).with_event_instant();
    let description = SourceDescription::new(SOURCE.parse().unwrap(), "Contact History")
        .with_type(data_type("note").with_ownership(Ownership::Shared))
        .with_type(data_type("interaction").with_ownership(ownership));
    Arc::new(PreparedSource::new(description, records("somebody")))
}

fn memory(ownership: Ownership) -> MemoryPorts {
    MemoryPorts::new(instant("2026-03-01T12:00:00Z"), Sources::new().with(source(ownership)))
}

fn jobs(memory: &MemoryPorts) -> Jobs {
    Jobs::new(&memory.ports, JobRules::default())
}

/// Replaces the source by one whose second type says this.
fn declare(memory: &mut MemoryPorts, ownership: Ownership) {
    memory.ports = memory.ports.clone().with_source(source(ownership));
}

fn once() -> JobSettings {
    settings(Frequency::Once(Start::Immediately), "all")
}

/// All types of the source, as if somebody had selected everything that it offers.
fn all_types() -> JobSettings {
    let reads = ["note", "interaction"].map(|id| Read::of(id.parse().unwrap()));
    once().with_reads(Reads::new(reads.to_vec()).unwrap())
}

fn since_last() -> JobSettings {
    settings(daily("02:00"), "since-last")
}

fn run(memory: &MemoryPorts) {
    let engine = Engine::builder(&memory.ports).build();
    block_on(engine.run(Until::Idle, futures::future::pending())).unwrap();
}

fn executions(memory: &MemoryPorts) -> Vec<Execution> {
    let listed = block_on(History::new(&memory.ports).list(&north(), &ExecutionQuery::default())).unwrap();
    let mut all: Vec<Execution> = listed.items.into_iter().map(|one| one.execution).collect();
    all.sort_by_key(|execution| execution.slot);
    all
}

/// Returns the message of a refusal because nobody says whose the records are.
fn refusal<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> String {
    match result.unwrap_err() {
        ServiceError::Refused(violation) => {
            assert_eq!(violation.code(), Code::OwnershipUnstated, "{violation}");
            violation.to_string()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn j16_a_type_that_does_not_say_whose_its_records_are_is_refused() {
    let memory = memory(Ownership::Unstated);
    let jobs = jobs(&memory);
    let told = refusal(block_on(jobs.submit(&north(), once())));
    for named in ["type interaction", "source contact-history", "owner north", "PerOwner", "`shared = true`"]
    {
        assert!(told.contains(named), "{named}: {told}");
    }
    // It is refused whatever else is selected.
    assert_eq!(refusal(block_on(jobs.submit(&north(), all_types()))), told);
    assert_eq!(refusal(block_on(jobs.preview_draft(&north(), all_types(), 1))), told);

    let note = since_last().with_data_type("note".parse().unwrap());
    let note = block_on(jobs.submit(&north(), note)).unwrap().job.id;
    let edit = EditRequest::new(since_last());
    assert_eq!(refusal(block_on(jobs.edit(&north(), note, &edit))), told);
    assert_eq!(refusal(block_on(jobs.preview_edit(&north(), note, &edit, 1))), told);
    assert!(block_on(jobs.submit(&host(), all_types())).is_ok(), "the default owner needs no answer");
    for stated in [Ownership::Shared, Ownership::PerOwner] {
        let memory = self::memory(stated);
        assert!(block_on(self::jobs(&memory).submit(&north(), all_types())).is_ok(), "{stated:?}");
    }
}

#[test]
fn j16_admission_asks_whose_records_are_after_which_they_are() {
    let (sources, north) = (Sources::new().with(source(Ownership::Unstated)), north().owner);
    let offered = sources.for_owner(&north);
    let circumstances = Circumstances {
        destinations: &[],
        owner: &north,
        sources: &offered,
        recipients: &[],
        retention: RetentionDays::default(),
        sealed_part_bytes: 0,
        now: instant("2026-03-01T12:00:00Z"),
    };
    let code = |settings: &JobSettings| check(settings, None, &circumstances).unwrap_err().code();
    assert_eq!(code(&all_types()), Code::OwnershipUnstated);
    assert_eq!(code(&once().with_data_type("email".parse().unwrap())), Code::UnknownType);
    // What is gone is no matter of this rule: executions fail for want of it.
    for gone in
        [once().with_data_type("email".parse().unwrap()), once().with_source("nowhere".parse().unwrap())]
    {
        assert_eq!(check_owner(&gone, &north, &offered), Ok(()));
    }
}

#[test]
fn j16_no_execution_of_an_older_job_is_queued_for_records_of_nobody_knows_whom() {
    let mut memory = memory(Ownership::Shared);
    let job = block_on(jobs(&memory).submit(&north(), since_last())).unwrap().job.id;
    declare(&mut memory, Ownership::Unstated);
    memory.clock.set(instant("2026-03-02T03:00:00Z"));
    run(&memory);
    let failed = executions(&memory)[0].id;
    let now = instant("2026-03-02T03:00:00Z");
    refusal(block_on(jobs(&memory).run_now(&north(), job)));
    let range = (now - TimeDelta::days(2), now);
    refusal(block_on(jobs(&memory).backfill(&north(), job, range.0, range.1)));
    let key = RequestKey::new("k", b"").unwrap();
    refusal(block_on(jobs(&memory).run_once(&north(), job, &key)));
    refusal(block_on(jobs(&memory).backfill_once(&north(), job, range, &key)));
    refusal(block_on(History::new(&memory.ports).rerun(&north(), failed)));
    assert_eq!(executions(&memory).len(), 1);
    declare(&mut memory, Ownership::PerOwner);
    assert!(block_on(History::new(&memory.ports).rerun(&north(), failed)).is_ok());
}

#[test]
fn j16_an_older_job_fails_and_loses_nothing() {
    let mut memory = memory(Ownership::Shared);
    block_on(jobs(&memory).submit(&north(), since_last())).unwrap();
    declare(&mut memory, Ownership::Unstated);
    memory.clock.set(instant("2026-03-02T03:00:00Z"));
    run(&memory);
    let failed = &executions(&memory)[0];
    let ExecutionState::Failed(failure) = &failed.state else { panic!("{:?}", failed.state) };
    assert_eq!((failure.step, failure.kind, failed.attempts.len()), (Step::Prepare, FailureKind::Invalid, 1));
    for told in ["type interaction of source contact-history", "`owner = \"…\"`", "(ownership_unstated)"] {
        assert!(failure.message.contains(told), "{}", failure.message);
    }
    assert!(memory.sink.objects().is_empty(), "nothing was exported");

    declare(&mut memory, Ownership::PerOwner);
    memory.clock.set(instant("2026-03-03T03:00:00Z"));
    run(&memory);
    let all = executions(&memory);
    let [failed, done] = &all[..] else { panic!("{all:?}") };
    assert_eq!((failed.status(), done.status()), (Status::Failed, Status::Finished));
    let (one, other) = (failed.window, done.window);
    assert!(other.start() <= one.start() && one.end() < other.end(), "{other:?} begins with {one:?}");
}

#[test]
fn j16_no_caller_reads_or_counts_such_records_through_the_registry() {
    for (ownership, by, expected) in [
        (Ownership::Unstated, north(), Some(SourceErrorKind::Invalid)),
        (Ownership::Unstated, host(), None),
        (Ownership::Shared, north(), None),
        (Ownership::PerOwner, north(), None),
    ] {
        let sources = Sources::new().with(source(ownership));
        let found = sources.for_owner(&by.owner).find(&SOURCE.parse().unwrap());
        let Some(RegisteredSource::Supported(source)) = found else { panic!("{found:?}") };
        let window = Window::until(instant("2026-03-01T12:00:00Z"));
        let request = ReadRequest::new(by.owner.clone(), "interaction".parse().unwrap(), window);
        let answers = [
            block_on(source.estimate(&request)).err(),
            block_on(source.complete_until(&request)).err(),
            block_on(source.read(request.clone())).err(),
        ];
        for answer in answers {
            assert_eq!(answer.map(|error| error.kind()), expected, "{ownership:?} {by:?}");
        }
    }
}
