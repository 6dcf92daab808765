//! Rule J18, over the services in memory.

use std::time::Duration;

use cdds_core::domain::access::Principal;
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::id::{JobId, Owner};
use cdds_core::domain::job::Title;
use cdds_core::domain::job::lifecycle::NewJob;
use cdds_core::domain::request::RequestKey;
use cdds_core::domain::violation::Code;
use cdds_core::ports::catalog::query::{AuditQuery, ExecutionQuery, JobQuery};
use cdds_core::service::ServiceError;
use cdds_core::service::audit::Audit;
use cdds_core::service::jobs::EditRequest;
use cdds_core::testing::administrator;
use futures::executor::block_on;

use crate::rules::jobs_in_memory::Service;
use crate::rules::support::{daily, instant, settings};

fn key(text: &str, request: &str) -> RequestKey {
    RequestKey::new(text, request.as_bytes()).unwrap()
}

fn submit(service: &Service, by: &Principal, key: RequestKey) -> Result<JobId, ServiceError> {
    let new = NewJob::from(settings(daily("02:00"), "all")).with_key(key);
    block_on(service.jobs.submit(by, new)).map(|overview| overview.job.id)
}

fn count(service: &Service) -> usize {
    block_on(service.jobs.list(&service.by, &JobQuery::default())).unwrap().items.len()
}

#[test]
fn j18_a_submission_that_is_sent_again_makes_one_job_and_is_answered_by_it_as_it_is_now() {
    let service = Service::with_records(1);
    let first = submit(&service, &service.by, key("k", "one")).unwrap();
    service.memory.clock.advance(Duration::from_secs(60));
    assert_eq!(submit(&service, &service.by, key("k", "one")).unwrap(), first);
    let edited = EditRequest::new(settings(daily("02:00"), "all").with_title(Title::new("Other").unwrap()));
    block_on(service.jobs.edit(&service.by, first, &edited)).unwrap();
    assert_eq!(submit(&service, &service.by, key("k", "one")).unwrap(), first, "after an edit");
    assert_ne!(submit(&service, &service.by, key("l", "one")).unwrap(), first);
    assert_eq!(count(&service), 2);
    let entries =
        block_on(Audit::new(&service.memory.ports).list(&service.by, &AuditQuery::default())).unwrap();
    assert_eq!(entries.items.len(), 3, "a repetition changes nothing");
}

#[test]
fn j18_another_request_with_the_same_key_is_refused() {
    let service = Service::with_records(1);
    submit(&service, &service.by, key("k", "one")).unwrap();
    let refused = submit(&service, &service.by, key("k", "other")).unwrap_err();
    assert_eq!((refused.code(), refused.http_status()), (Code::RequestKeyUsed.as_str(), 422));
    assert_eq!(count(&service), 1);
}

#[test]
fn j18_the_key_of_another_owner_is_another_key() {
    let service = Service::with_records(1);
    let other = administrator(&Owner::new("other").unwrap());
    let first = submit(&service, &service.by, key("k", "one")).unwrap();
    assert_ne!(submit(&service, &other, key("k", "two")).unwrap(), first);
}

#[test]
fn j18_the_key_of_a_deleted_job_creates_nothing() {
    let service = Service::with_records(1);
    let first = submit(&service, &service.by, key("k", "one")).unwrap();
    block_on(service.jobs.delete(&service.by, first)).unwrap();
    let missing = submit(&service, &service.by, key("k", "one")).unwrap_err();
    assert_eq!(missing.code(), "not_found");
    assert_eq!(count(&service), 0);
}

#[test]
fn j18_a_refused_submission_leaves_its_key_free() {
    let service = Service::with_records(1);
    let unknown = settings(daily("02:00"), "all").with_source("nothing".parse().unwrap());
    let refused = block_on(service.jobs.submit(&service.by, NewJob::from(unknown).with_key(key("k", "one"))));
    assert_eq!(refused.unwrap_err().code(), Code::UnknownSource.as_str());
    submit(&service, &service.by, key("k", "other")).unwrap();
}

#[test]
fn j18_a_run_and_a_rerun_are_queued_once_for_each_key() {
    let service = Service::with_records(1);
    let job = submit(&service, &service.by, key("k", "one")).unwrap();
    let run = |text: &str| block_on(service.jobs.run_once(&service.by, job, &key(text, ""))).unwrap().id;
    let first = run("k");
    service.memory.clock.advance(Duration::from_secs(60));
    assert_eq!(run("k"), first);
    assert_ne!(run("l"), first);
    block_on(service.history.cancel(&service.by, first)).unwrap();
    let again =
        |text: &str| block_on(service.history.rerun_once(&service.by, first, &key(text, ""))).unwrap().id;
    let second = again("k");
    service.memory.clock.advance(Duration::from_secs(60));
    assert_eq!(again("k"), second);
    let record = block_on(service.history.list(&service.by, &ExecutionQuery::default())).unwrap();
    assert_eq!(record.items.len(), 3);
}

#[test]
fn j18_a_range_is_queued_once_for_each_key_however_many_are_left_of_it() {
    let service = Service::with_records(1);
    let new = NewJob::from(settings(daily("02:00"), "rolling:1d"));
    let job = block_on(service.jobs.submit(&service.by, new)).unwrap().job.id;
    let range = |from: &str, to: &str| (instant(from), instant(to));
    let (three, others) = (
        range("2026-02-01T00:00:00Z", "2026-02-04T00:00:00Z"),
        range("2026-02-10T00:00:00Z", "2026-02-12T00:00:00Z"),
    );
    let fill = |range, text: &str, request: &str| {
        let filled = block_on(service.jobs.backfill_once(&service.by, job, range, &key(text, request)));
        filled.map(|executions| executions.into_iter().map(|queued| queued.id).collect::<Vec<_>>())
    };
    let first = fill(three, "k", "three").unwrap();
    assert_eq!(first.len(), 3);
    service.memory.clock.advance(Duration::from_secs(60));
    assert_eq!(fill(three, "k", "three").unwrap(), first);
    let refused = fill(others, "k", "others").unwrap_err();
    assert_eq!(refused.code(), Code::RequestKeyUsed.as_str());
    assert_eq!(fill(others, "l", "others").unwrap().len(), 2);
    assert_ne!(fill(three, "m", "three").unwrap(), first);
    service.run();
    block_on(service.history.delete(&service.by, first[0], WithArtifacts::Delete)).unwrap();
    assert_eq!(fill(three, "k", "three").unwrap(), first[1..], "what was deleted is not queued again");
}
