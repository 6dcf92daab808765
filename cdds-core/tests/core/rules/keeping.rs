//! Rules E14, E15: what engines forget, and which of them keeps house.

use std::time::Duration;

use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::Status;
use cdds_core::domain::id::ExecutionId;
use cdds_core::domain::work::row::{WorkFailure, WorkStatus};
use cdds_core::engine::Engine;
use cdds_core::ports::catalog::Writer;
use cdds_core::ports::catalog::query::{AuditQuery, ExecutionQuery, NoticeQuery};
use cdds_core::ports::sink::{Key, Prefix, Sink};
use cdds_core::service::audit::Audit;
use cdds_core::service::outbox::Outbox;
use futures::executor::block_on;

use crate::rules::jobs_in_memory::Service;
use crate::rules::support::{daily, settings};

fn history(service: &Service) -> Vec<ExecutionId> {
    let page = block_on(service.history.list(&service.by, &ExecutionQuery::default())).unwrap();
    page.items.into_iter().map(|overview| overview.execution.id).collect()
}

fn submit(service: &Service, frequency: Frequency, timeframe: &str) {
    block_on(service.jobs.submit(&service.by, settings(frequency, timeframe))).unwrap();
}

fn notices(service: &Service) -> usize {
    let outbox = Outbox::new(&service.memory.ports);
    block_on(outbox.list(&service.by, &NoticeQuery::default())).unwrap().items.len()
}

fn entries(service: &Service) -> usize {
    let audit = Audit::new(&service.memory.ports);
    block_on(audit.list(&service.by, &AuditQuery::default())).unwrap().items.len()
}

#[test]
fn e14_history_audit_and_notices_are_kept_for_400_days() {
    let service = Service::with_records(1);
    submit(&service, Frequency::Once(Start::Immediately), "all");
    service.run();
    let [first] = history(&service)[..] else { panic!("one execution") };
    block_on(service.artifacts.hold(&service.by, first)).unwrap();
    submit(&service, daily("02:00"), "all");
    // Every day for a while, so that the catalog's time passes as it does for a service.
    for _ in 0..10 {
        service.days_pass(1);
        service.run();
    }
    assert_eq!((history(&service).len(), notices(&service)), (11, 11));
    let outbox = Outbox::new(&service.memory.ports);
    for notice in block_on(outbox.take(99)).unwrap() {
        let told = match notice.execution_id() == Some(first) {
            true => block_on(outbox.failed(&notice, WorkFailure::permanent("no such address"))),
            false => block_on(outbox.confirm(&notice)),
        };
        assert!(matches!(told.unwrap().work.status(), WorkStatus::Done | WorkStatus::GivenUp));
    }
    let jobs = block_on(service.jobs.list(&service.by, &Default::default())).unwrap().items;
    for job in jobs {
        let _already_over = block_on(service.jobs.suspend(&service.by, job.job.id));
    }
    // The last execution ended on the tenth day. The files of all but the first go after another month.
    service.days_pass(40);
    service.run();
    service.days_pass(355);
    service.run();
    assert_eq!(history(&service).len(), 5 + 1, "those of the last days, and the one on hold");
    service.days_pass(30);
    service.run();
    let left = history(&service);
    assert_eq!(left.len(), 2, "the last success, and the one on hold");
    assert_eq!((left.contains(&first), notices(&service)), (true, 1), "its notice is kept as well");
    assert_eq!(entries(&service), 1, "and that it was put on hold");
}

#[test]
fn e9_e14_a_deleted_execution_is_forgotten_after_a_month() {
    let service = Service::with_records(1);
    submit(&service, Frequency::Once(Start::Immediately), "all");
    service.run();
    let [first] = history(&service)[..] else { panic!("one execution") };
    block_on(service.history.delete(&service.by, first, WithArtifacts::Delete)).unwrap();
    assert_eq!(service.memory.catalog.record().len(), 1, "an erased row");
    service.days_pass(29);
    service.run();
    assert_eq!(service.memory.catalog.record().len(), 1);
    service.days_pass(1);
    service.run();
    assert_eq!(service.memory.catalog.record(), []);
}

#[test]
fn e15_another_engine_keeps_house_when_the_first_one_stops_or_dies() {
    let service = Service::with_records(1);
    submit(&service, Frequency::Once(Start::Immediately), "all");
    service.run();
    let [first] = history(&service)[..] else { panic!("one execution") };
    block_on(service.history.delete(&service.by, first, WithArtifacts::Delete)).unwrap();
    let engine = || Engine::builder(&service.memory.ports).build();
    let mut files = 0;
    let mut keeps = |engine: &Engine| {
        // A file that the claim of a deleted execution has left.
        let [deleted] = &service.memory.catalog.record()[..] else { panic!("one execution") };
        let Writer { fence, nonce: Some(nonce) } = deleted.writer() else { panic!("a claim with a nonce") };
        files += 1;
        let orphan = Key::new(format!("{first}/{}-{nonce}/{files:06}", fence.epoch));
        store(&service, &orphan);
        assert!(block_on(engine.keep_house()).unwrap());
        let keys = block_on(service.memory.sink.list(&Prefix::new(""))).unwrap();
        !keys.contains(&orphan)
    };
    let (one, other) = (engine(), engine());
    assert!(keeps(&one));
    assert!(!keeps(&other), "the first keeps house");
    block_on(one.leave_house());
    assert!(keeps(&other), "the first has stopped");
    drop(other);
    service.memory.clock.advance(Duration::from_secs(179));
    assert!(!keeps(&one), "the lease of the second holds");
    service.memory.clock.advance(Duration::from_secs(1));
    // It has swept less than an hour ago, and leaves the sweep for later.
    assert!(!keeps(&one));
    service.memory.clock.advance(Duration::from_secs(3_600));
    assert!(keeps(&one));
    assert_eq!(service.memory.catalog.record()[0].status(), Status::Finished);
}

fn store(service: &Service, key: &Key) {
    let stored = async {
        let upload = service.memory.sink.begin(key).await?;
        upload.finish().await
    };
    block_on(stored).unwrap();
}
