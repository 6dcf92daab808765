//! Rules N2, N4, N5: notices, through the service that the host uses.

use std::collections::BTreeMap;
use std::time::Duration;

use cdds_core::domain::access::Role;
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::id::{ExecutionId, NoticeId, Owner, Subscriber};
use cdds_core::domain::notice::{Channel, Notice, NoticeKind, notice_id};
use cdds_core::domain::record::{RecordBatchBuilder, RejectedRecord};
use cdds_core::domain::violation::Code;
use cdds_core::domain::work::row::{GivenUp, WorkFailure, WorkState, WorkStatus};
use cdds_core::ports::catalog::CatalogErrorKind;
use cdds_core::ports::catalog::query::{ExecutionQuery, NoticeQuery};
use cdds_core::service::ServiceError;
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::service::outbox::Outbox;
use cdds_core::testing::{administrator, principal};
use futures::executor::block_on;
use uuid::Uuid;

use crate::rules::jobs_in_memory::{Service, refused};
use crate::rules::support::settings;

impl Service {
    fn submit(&self, owner: &Owner) -> ExecutionId {
        let jobs = Jobs::new(&self.memory.ports, JobRules::default());
        let once = settings(Frequency::Once(Start::Immediately), "all");
        block_on(jobs.submit(&administrator(owner), once)).unwrap().latest.unwrap().id
    }

    fn outbox(&self) -> Outbox {
        Outbox::new(&self.memory.ports)
    }

    fn seconds_pass(&self, seconds: u64) {
        self.memory.clock.advance(Duration::from_secs(seconds));
    }

    fn notices(&self, query: &NoticeQuery) -> Vec<Notice> {
        block_on(self.outbox().list(&self.by, query)).unwrap().items
    }
}

fn take(outbox: &Outbox, limit: usize) -> Vec<Notice> {
    block_on(outbox.take(limit)).unwrap()
}

fn temporary(outbox: &Outbox, notice: &Notice) -> Notice {
    block_on(outbox.failed(notice, WorkFailure::temporary("nobody answers"))).unwrap()
}

#[test]
fn n2_each_success_and_each_failure_is_told_once_it_is_true() {
    let service = Service::with_records(1);
    let (outbox, owner) = (service.outbox(), Owner::default());
    block_on(service.history.cancel(&service.by, service.submit(&owner))).unwrap();
    let (one, other) = (service.submit(&owner), service.submit(&owner));
    assert_eq!(take(&outbox, 10), [], "nothing before it is published");
    service.run();
    let taken = take(&outbox, 10);
    let told: BTreeMap<_, _> =
        taken.iter().map(|notice| (notice.execution_id().unwrap(), notice.kind)).collect();
    let published = NoticeKind::Published;
    assert_eq!(told, BTreeMap::from([(one, published), (other, published)]));
    assert_eq!(take(&outbox, 10), [], "each has its lease");
    block_on(outbox.confirm(&taken[0])).unwrap();
    assert_eq!(block_on(outbox.confirm(&taken[0])).unwrap().work.status(), WorkStatus::Done);
    let silenced = taken[1].execution_id().unwrap();
    block_on(service.history.delete(&service.by, silenced, WithArtifacts::Delete)).unwrap();
    let error = block_on(outbox.confirm(&taken[1])).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Fenced, "nothing is left to be told");
    let of = service.notices(&NoticeQuery::default().with_execution(silenced));
    assert!(matches!(of[0].work.state, WorkState::GivenUp { reason: GivenUp::Gone, .. }), "{of:?}");
    assert_eq!(service.notices(&NoticeQuery::default().with_status(WorkStatus::Done)).len(), 1);

    let mut bad = RecordBatchBuilder::new();
    bad.reject(RejectedRecord::new("line 1", "not valid JSON", b"{"));
    let failing = Service::over(bad);
    failing.submit(&owner);
    assert_eq!(failing.run().failed, 1);
    let history = block_on(failing.history.list(&failing.by, &ExecutionQuery::default())).unwrap();
    let failed = &history.items[0].execution;
    let notices = failing.notices(&NoticeQuery::default());
    assert_eq!(notices, Notice::of(failed));
    assert_eq!((notices[0].kind, Some(notices[0].at)), (NoticeKind::Failed, failed.finished_at));
}

#[test]
fn n2_a_notice_is_one_for_each_execution_kind_subscriber_and_channel() {
    let execution = ExecutionId(Uuid::from_u128(1));
    let (host, ada) = (Subscriber::default(), Subscriber::new("ada").unwrap());
    let id = notice_id(execution, NoticeKind::Published, None, &host, Channel::Host);
    assert_eq!(id.to_string(), "2b123008-4d27-5ea1-957f-d3289ce2ae30", "ids are stored and never change");
    let mut ids: Vec<NoticeId> = Vec::new();
    for execution in [execution, ExecutionId(Uuid::from_u128(2))] {
        for kind in NoticeKind::ALL {
            for channel in Channel::ALL {
                ids.extend([&host, &ada].map(|who| notice_id(execution, *kind, None, who, *channel)));
            }
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 2 * 9 * 3 * 2);
    assert!(NoticeKind::ALL.iter().all(|kind| NoticeKind::parse(kind.as_str()) == Some(*kind)));
    assert!(Channel::ALL.iter().all(|channel| Channel::parse(channel.as_str()) == Some(*channel)));
}

#[test]
fn n4_a_notice_that_fails_holds_up_no_other() {
    let service = Service::with_records(1);
    let (outbox, owner) = (service.outbox(), Owner::default());
    let all = [(); 3].map(|()| service.submit(&owner));
    service.run();
    // One at a time, and each fails: the next call returns another one, not the same again.
    let mut seen: Vec<ExecutionId> = Vec::new();
    for _ in all {
        let taken = take(&outbox, 1);
        seen.push(taken[0].execution_id().unwrap());
        temporary(&outbox, &taken[0]);
    }
    seen.sort();
    let mut expected = all.to_vec();
    expected.sort();
    assert_eq!(seen, expected);
    assert_eq!(take(&outbox, 9), [], "each waits for its next attempt");
    service.seconds_pass(36);
    let again = take(&outbox, 9);
    assert_eq!(again.iter().map(|notice| notice.work.attempts.count).collect::<Vec<_>>(), [2, 2, 2]);
}

#[test]
fn n4_a_worker_that_is_silent_loses_the_notice() {
    let service = Service::with_records(1);
    service.submit(&Owner::default());
    service.run();
    let (slow, other) = (service.outbox(), service.outbox());
    let taken = take(&slow, 1);
    service.seconds_pass(59);
    assert_eq!(take(&other, 1), [], "the lease holds");
    service.seconds_pass(1);
    assert_eq!(take(&other, 1), [], "what was lost counts as a failed attempt and waits");
    service.seconds_pass(36);
    let again = take(&other, 1);
    assert_eq!((again[0].work.id, again[0].work.epoch), (taken[0].work.id, 2));
    assert_eq!(again[0].work.attempts.failure, Some(WorkFailure::crashed()));
    let error = block_on(slow.confirm(&taken[0])).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Fenced);
    block_on(other.confirm(&again[0])).unwrap();
}

#[test]
fn n4_owners_take_turns() {
    let service = Service::with_records(1);
    let owners = ["a", "b"].map(|name| Owner::new(name).unwrap());
    for owner in [&owners[0], &owners[0], &owners[0], &owners[1], &owners[1]] {
        service.submit(owner);
    }
    service.run();
    let outbox = service.outbox();
    let names = |taken: Vec<Notice>| {
        taken.iter().map(|notice| notice.work.owner.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(take(&outbox, 3)), "a b a");
    assert_eq!(names(take(&outbox, 9)), "b a");
}

#[test]
fn n5_a_notice_is_given_up_after_72_hours_and_can_be_asked_for_again() {
    let service = Service::with_records(1);
    let execution = service.submit(&Owner::default());
    service.run();
    let outbox = service.outbox();
    let mut attempts = 0;
    let given_up = loop {
        for notice in take(&outbox, 1) {
            attempts += 1;
            let after = temporary(&outbox, &notice);
            assert_eq!(after.work.attempts.count, attempts);
        }
        if let [given_up] = &service.notices(&NoticeQuery::default().with_status(WorkStatus::GivenUp))[..] {
            break given_up.clone();
        }
        service.seconds_pass(30);
    };
    assert!((70..100).contains(&attempts), "{attempts}");
    let WorkState::GivenUp { reason, at } = given_up.work.state else { panic!("{given_up:?}") };
    let tried = at - given_up.work.attempts.first_at.unwrap();
    assert_eq!((reason, tried.num_minutes()), (GivenUp::Exhausted, 72 * 60));

    let id = given_up.work.id;
    let viewer = principal(&service.by.owner, Role::Viewer);
    let forbidden = block_on(outbox.send_again(&viewer, id)).unwrap_err();
    assert!(matches!(forbidden, ServiceError::Forbidden(_)), "{forbidden}");
    let stranger = administrator(&Owner::new("stranger").unwrap());
    let missing = block_on(outbox.send_again(&stranger, id)).unwrap_err();
    assert!(matches!(missing, ServiceError::NotFound { .. }), "{missing}");
    block_on(outbox.send_again(&service.by, id)).unwrap();
    let open = block_on(outbox.send_again(&service.by, id)).unwrap_err();
    assert!(open.to_string().contains("it is tried next at 20"), "{open}");
    assert_eq!(refused(Err::<Notice, _>(open)), Code::NoticeOpen);
    let taken = take(&outbox, 1);
    assert_eq!(taken[0].work.attempts.count, 1, "it starts over");
    let refusal = WorkFailure::permanent("no such address");
    let after = block_on(outbox.failed(&taken[0], refusal)).unwrap();
    assert!(matches!(after.work.state, WorkState::GivenUp { reason: GivenUp::Refused, .. }), "{after:?}");
    block_on(service.history.delete(&service.by, execution, WithArtifacts::Delete)).unwrap();
    let told = refused(block_on(outbox.send_again(&service.by, id)));
    assert_eq!(told, Code::NoticeGone, "its execution is gone");
}

#[test]
fn n5_a_notice_that_was_told_can_be_told_again_under_its_id() {
    let service = Service::with_records(1);
    let execution = service.submit(&Owner::default());
    service.run();
    let outbox = service.outbox();
    let taken = take(&outbox, 1).remove(0);
    let id = taken.work.id;
    let held = refused(block_on(outbox.send_again(&service.by, id)));
    assert_eq!(held, Code::NoticeOpen, "it is being told");
    block_on(outbox.confirm(&taken)).unwrap();
    block_on(outbox.send_again(&service.by, id)).unwrap();
    let again = take(&outbox, 1).remove(0);
    assert_eq!((again.work.id, again.kind, again.at), (id, taken.kind, taken.at));
    assert!(block_on(outbox.confirm(&taken)).is_err(), "the first claim does not hold again");
    block_on(outbox.confirm(&again)).unwrap();
    block_on(service.history.delete(&service.by, execution, WithArtifacts::Delete)).unwrap();
    assert_eq!(refused(block_on(outbox.send_again(&service.by, id))), Code::NoticeGone);
}
