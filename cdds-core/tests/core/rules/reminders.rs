//! Rule N8: notices that no execution causes.

use std::time::Duration;

use cdds_core::domain::id::{ExecutionId, Owner};
use cdds_core::domain::notice::expiring::KeptSet;
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::catalog::query::NoticeQuery;
use cdds_core::ports::catalog::{ExecutionStore, Outbox};
use cdds_core::ports::notifier::{Channel, Message, NoticeKind, NotifyErrorKind};
use cdds_core::testing::MemoryDestination;
use chrono::TimeDelta;
use futures::executor::block_on;

use crate::rules::delivery::{Postbox, delivering, id, service, submit};
use crate::rules::jobs_in_memory::Service;

const CHOSEN: &str = "webhook:billing?on=expiring";

/// Returns the channels and states of the notices that a set expires.
fn reminders(service: &Service, of: ExecutionId) -> Vec<(Channel, WorkStatus)> {
    let query = NoticeQuery::default().with_execution(of);
    let all = block_on(service.memory.catalog.notices(&Owner::default(), &query)).unwrap().items;
    let expiring = all.into_iter().filter(|notice| notice.kind == NoticeKind::Expiring);
    let mut told: Vec<_> = expiring.map(|notice| (notice.channel, notice.work.status())).collect();
    told.sort();
    told
}

fn sent(postbox: &Postbox) -> Vec<NoticeKind> {
    postbox.sent.lock().unwrap().iter().map(Message::kind).collect()
}

fn download(service: &Service, of: ExecutionId) {
    let file = block_on(service.artifacts.set(&service.by, of)).unwrap().artifacts.remove(0);
    let mut download = block_on(service.artifacts.download(&service.by, file.id, 0)).unwrap();
    while block_on(download.next()).unwrap().is_some() {}
}

#[test]
fn n8_a_set_that_nobody_fetched_is_told_of_once_three_days_before_it_expires() {
    let (service, postbox) = service(&[]);
    let set = submit(&service, delivering(&[], &[CHOSEN]));
    assert_eq!(service.run().finished, 1);
    service.days_pass(26);
    service.run();
    assert_eq!((reminders(&service, set), sent(&postbox)), (vec![], vec![]), "a day too early");
    for _ in 0..3 {
        service.days_pass(1);
        service.run();
        service.run();
    }
    let waits_for_the_host = (Channel::Host, WorkStatus::Waiting);
    assert_eq!(reminders(&service, set), [waits_for_the_host, (Channel::Webhook, WorkStatus::Done)]);
    assert_eq!(sent(&postbox), [NoticeKind::Expiring]);
    let message = postbox.sent.lock().unwrap()[0].clone();
    assert_eq!((message.files.len(), message.execution.unwrap().id), (1, set));
    assert_eq!(message.expires_at.unwrap() - message.notice.at, TimeDelta::days(3));
}

#[test]
fn n8_nobody_is_told_of_a_set_that_was_fetched_or_is_kept_or_gone() {
    let place = MemoryDestination::new(id("place"));
    let (service, postbox) = service(&[&place]);
    let [downloaded, held, deleted] = [(); 3].map(|()| submit(&service, delivering(&[], &[CHOSEN])));
    let delivered = submit(&service, delivering(&["place"], &[CHOSEN]));
    assert_eq!(service.run().finished, 4);
    download(&service, downloaded);
    block_on(service.artifacts.hold(&service.by, held)).unwrap();
    let file = block_on(service.artifacts.set(&service.by, deleted)).unwrap().artifacts.remove(0);
    block_on(service.artifacts.delete(&service.by, &[file.id])).unwrap();
    service.days_pass(28);
    service.run();
    for set in [downloaded, held, deleted, delivered] {
        assert_eq!(reminders(&service, set), []);
    }
    assert_eq!(sent(&postbox), []);
    block_on(service.artifacts.release(&service.by, held)).unwrap();
    service.run();
    assert_eq!(reminders(&service, held).len(), 2, "a release begins it anew");
}

#[test]
fn n8_a_notice_that_is_overtaken_before_it_is_sent_is_given_up() {
    let (service, postbox) = service(&[]);
    let set = submit(&service, delivering(&[], &[CHOSEN]));
    service.run();
    service.days_pass(28);
    postbox.fails.lock().unwrap().push(NotifyErrorKind::Unavailable);
    service.run();
    let of_webhook = || reminders(&service, set)[1];
    assert_eq!(of_webhook(), (Channel::Webhook, WorkStatus::Waiting), "the endpoint did not answer");
    download(&service, set);
    service.memory.clock.advance(Duration::from_secs(3600));
    service.run();
    assert_eq!(of_webhook(), (Channel::Webhook, WorkStatus::GivenUp));
    assert_eq!(sent(&postbox), [], "it is not true any more");
}

#[test]
fn n8_a_set_that_is_kept_for_a_short_time_is_told_of_after_half_of_it() {
    let (service, _) = service(&[]);
    let of = submit(&service, delivering(&[], &[]));
    service.run();
    let found =
        block_on(service.memory.catalog.execution(&Owner::default(), of, service.memory.ports.clock.now()))
            .unwrap();
    let execution = found.unwrap().execution;
    let published_at = execution.finished_at.unwrap();
    let tells = |kept: TimeDelta, after: TimeDelta| {
        let expires_at = published_at + kept;
        let set = KeptSet { execution: execution.clone(), expires_at, is_held: false, is_fetched: false };
        !set.notices(published_at + after).is_empty()
    };
    let (second, hours, days) = (TimeDelta::seconds(1), TimeDelta::hours, TimeDelta::days);
    assert!(!tells(days(1), hours(12) - second) && tells(days(1), hours(12)));
    assert!(!tells(days(6), days(3) - second) && tells(days(6), days(3)));
    assert!(!tells(days(30), days(27) - second) && tells(days(30), days(27)));
    assert!(tells(days(30), days(30) - second) && !tells(days(30), days(30)), "nothing is left to fetch");
}
