//! Rule N8: notices that no execution causes.

use std::time::Duration;

use cdds_core::domain::id::{ExecutionId, JobId, Owner};
use cdds_core::domain::job::{Job, Protection, RecipientNames, lifecycle};
use cdds_core::domain::notice::Subject;
use cdds_core::domain::notice::expiring::KeptSet;
use cdds_core::domain::recipient::{CertificateFacts, Expires, Recipient};
use cdds_core::domain::source::SourceTerms;
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::engine::Engine;
use cdds_core::ports::catalog::query::NoticeQuery;
use cdds_core::ports::catalog::{ExecutionStore, JobStore, Outbox, RecipientStore};
use cdds_core::ports::notifier::{Channel, Message, NoticeKind, NotifyErrorKind};
use cdds_core::testing::MemoryDestination;
use chrono::TimeDelta;
use futures::executor::block_on;
use uuid::Uuid;

use crate::rules::delivery::{Postbox, delivering, id, service, submit};
use crate::rules::jobs_in_memory::Service;
use crate::rules::support::daily;

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

const CERTIFICATE: &str = "webhook:billing?on=certificate";

/// A recipient whose certificate can be used for some days.
fn recipient(service: &Service, fingerprint: &str, days: i64) -> Recipient {
    let now = service.memory.ports.clock.now();
    Recipient {
        owner: Owner::default(),
        name: "law".parse().unwrap(),
        certificate: CertificateFacts {
            der: fingerprint.as_bytes().to_vec(),
            fingerprint: fingerprint.to_owned(),
            subject: "CN=law".to_owned(),
            not_before: now,
            not_after: now + TimeDelta::days(days),
            warnings: Vec::new(),
        },
        added_at: now,
    }
}

/// Stores a job that runs every day and seals for `law`, past the checks that a person's request meets.
fn sealing(service: &Service, recipient: &Recipient) -> Job {
    let names = RecipientNames::new([recipient.name.clone()]).unwrap();
    let settings = delivering(&[], &[CERTIFICATE]);
    let settings = settings.with_frequency(daily("02:00")).with_protection(Protection::Sealed(names));
    let now = service.memory.ports.clock.now();
    let submission =
        lifecycle::submit(JobId(Uuid::from_u128(7)), Owner::default(), settings, SourceTerms::default(), now);
    block_on(service.memory.catalog.insert_recipient(recipient, &[])).unwrap();
    block_on(service.memory.catalog.insert_job(&submission.job, None, &[])).unwrap();
    submission.job
}

fn of_certificates(service: &Service) -> Vec<(Channel, WorkStatus, Expires)> {
    let all =
        block_on(service.memory.catalog.notices(&Owner::default(), &NoticeQuery::default())).unwrap().items;
    let told = all.into_iter().filter_map(|notice| match notice.subject {
        Subject::Certificate(ref one) => Some((notice.channel, notice.work.status(), one.expires)),
        _ => None,
    });
    let mut told: Vec<_> = told.collect();
    told.sort_by_key(|(channel, ..)| *channel);
    told
}

/// Keeps house and tells, without running the job.
fn keeps_house(service: &Service) {
    let engine = Engine::builder(&service.memory.ports).build();
    assert!(block_on(engine.keep_house()).unwrap());
    block_on(engine.leave_house());
}

#[test]
fn n8_s3_a_certificate_that_expires_is_told_of_once_and_once_more_when_the_next_run_will_fail() {
    let (service, postbox) = service(&[]);
    let law = recipient(&service, "first", 30);
    let job = sealing(&service, &law);
    keeps_house(&service);
    assert_eq!(of_certificates(&service), [], "it lasts for 30 days");
    service.memory.clock.advance(Duration::from_secs(1));
    for _ in 0..2 {
        keeps_house(&service);
    }
    let soon = (Channel::Host, WorkStatus::Waiting, Expires::Soon);
    assert_eq!(of_certificates(&service), [soon, (Channel::Webhook, WorkStatus::Waiting, Expires::Soon)]);
    service.run();
    let message = postbox.sent.lock().unwrap().pop().unwrap();
    let certificate = message.certificate.clone().unwrap();
    assert_eq!(
        (certificate.fingerprint, certificate.not_after),
        ("first".to_owned(), law.certificate.not_after)
    );
    assert_eq!(
        (message.kind(), message.job.id, message.execution.is_none()),
        (NoticeKind::Certificate, job.id, true)
    );
    let reason = message.reason.unwrap();
    assert!(
        reason.contains("certificate of law expires on 2026-03-31") && reason.contains("renewed"),
        "{reason}"
    );

    service.days_pass(30);
    let again = service.run();
    assert_eq!(again.finished, 0, "nothing here seals");
    keeps_house(&service);
    let late = of_certificates(&service).into_iter().filter(|(.., expires)| *expires != Expires::Soon);
    assert_eq!(late.count(), 2, "the host and the endpoint");
}

#[test]
fn n8_a_certificate_that_was_renewed_is_told_of_no_more() {
    let (service, postbox) = service(&[]);
    let law = recipient(&service, "first", 20);
    sealing(&service, &law);
    keeps_house(&service);
    let renewed = recipient(&service, "second", 365);
    block_on(service.memory.catalog.replace_recipient(&renewed, "first", &[])).unwrap();
    service.run();
    let gone = (Channel::Webhook, WorkStatus::GivenUp, Expires::Soon);
    assert_eq!(of_certificates(&service), [(Channel::Host, WorkStatus::Waiting, Expires::Soon), gone]);
    assert_eq!(sent(&postbox), []);
    keeps_house(&service);
    assert_eq!(of_certificates(&service).len(), 2, "of the renewed one nobody is told");
}
