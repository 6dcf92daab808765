//! Rules N1, N2, N4, N5: deliveries and those who are told, through services and engine in memory.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::delivery::destination::Transport;
use cdds_core::domain::delivery::health::{ContactOutcome, TargetId};
use cdds_core::domain::delivery::path::PathTemplate;
use cdds_core::domain::delivery::{Delivery, JobDestination, JobDestinations};
use cdds_core::domain::id::{DestinationId, ExecutionId, Owner, Subscriber};
use cdds_core::domain::job::JobSettings;
use cdds_core::domain::notice::subscription::Subscriptions;
use cdds_core::domain::violation::Code;
use cdds_core::domain::work::row::{GivenUp, WorkState, WorkStatus};
use cdds_core::ports::catalog::DeliveryStore;
use cdds_core::ports::catalog::query::DeliveryQuery;
use cdds_core::ports::destination::DestinationErrorKind;
use cdds_core::ports::notifier::{Channel, Message, NoticeKind, Notifier, NotifyError, NotifyErrorKind};
use cdds_core::service::jobs::{JobRules, Jobs};
use cdds_core::testing::MemoryDestination;
use cdds_core::testing::destination::{Fate, RemoteCall};
use futures::executor::block_on;

use crate::rules::jobs_in_memory::{Service, refused};
use crate::rules::support::settings;

/// Remembers what it was asked to send, and fails as it is told.
#[derive(Debug, Default, Clone)]
pub(crate) struct Postbox {
    pub(crate) sent: Arc<Mutex<Vec<Message>>>,
    pub(crate) fails: Arc<Mutex<Vec<NotifyErrorKind>>>,
}

#[async_trait]
impl Notifier for Postbox {
    fn channel(&self) -> Channel {
        Channel::Webhook
    }

    fn check(&self, subscriber: &Subscriber, _: &Owner) -> Result<(), NotifyError> {
        match subscriber.as_str() {
            "billing" => Ok(()),
            "keyless" => Err(NotifyError::new(NotifyErrorKind::Refused, "its secret cannot be read")),
            other => Err(NotifyError::new(NotifyErrorKind::Refused, format!("no endpoint {other}"))),
        }
    }

    fn endpoints_of(&self, _: &Owner) -> Vec<Subscriber> {
        ["keyless", "billing"].map(|name| Subscriber::new(name).unwrap()).to_vec()
    }

    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        if let Some(kind) = self.fails.lock().unwrap().pop() {
            return Err(NotifyError::new(kind, "planned"));
        }
        self.sent.lock().unwrap().push(message.clone());
        Ok(())
    }
}

impl Postbox {
    fn kinds(&self) -> Vec<NoticeKind> {
        self.sent.lock().unwrap().iter().map(Message::kind).collect()
    }
}

pub(crate) fn id(name: &str) -> DestinationId {
    DestinationId::new(name).unwrap()
}

pub(crate) fn delivering(to: &[&str], subscribers: &[&str]) -> JobSettings {
    let path = PathTemplate::new("in/{yyyy}").unwrap();
    let to = to.iter().map(|name| JobDestination::new(id(name)).with_path(path.clone()));
    settings(Frequency::Once(Start::Immediately), "all")
        .with_destinations(JobDestinations::new(to).unwrap())
        .with_subscriptions(Subscriptions::new(subscribers.iter().map(|text| text.parse().unwrap())).unwrap())
}

/// A service that delivers to these places and tells by webhook.
pub(crate) fn service(places: &[&MemoryDestination]) -> (Service, Postbox) {
    let (mut service, postbox) = (Service::with_records(3), Postbox::default());
    for place in places {
        service.memory.ports = service.memory.ports.clone().with_destination((*place).clone());
    }
    service.memory.ports = service.memory.ports.clone().with_notifier(postbox.clone());
    service.jobs = Jobs::new(&service.memory.ports, JobRules::default());
    (service, postbox)
}

pub(crate) fn submit(service: &Service, settings: JobSettings) -> ExecutionId {
    block_on(service.jobs.submit(&service.by, settings)).unwrap().latest.unwrap().id
}

fn deliveries(service: &Service) -> Vec<Delivery> {
    let all = DeliveryQuery::default();
    block_on(service.memory.catalog.deliveries(&Owner::default(), &all)).unwrap().items
}

#[test]
fn n1_a_published_set_arrives_at_each_destination_and_those_who_asked_are_told_once() {
    let (one, other) = (MemoryDestination::new(id("one")), MemoryDestination::new(id("other")));
    let (service, postbox) = service(&[&one, &other]);
    let execution = submit(&service, delivering(&["one", "other"], &["webhook:billing"]));
    assert_eq!(service.run().finished, 1);
    let names =
        [format!("in/2026/export-{execution}.manifest.json"), format!("in/2026/export-{execution}.zip")];
    for place in [&one, &other] {
        let files: Vec<String> = place.files().keys().map(ToString::to_string).collect();
        assert_eq!(files, names);
    }
    assert_eq!(
        deliveries(&service).iter().map(|one| one.work.status()).collect::<Vec<_>>(),
        [WorkStatus::Done; 2]
    );
    assert_eq!(postbox.kinds(), [NoticeKind::Delivered], "once, when all of it has arrived");
    let told = postbox.sent.lock().unwrap()[0].clone();
    assert_eq!((told.deliveries.len(), told.files.len(), told.execution.unwrap().records), (2, 1, 3));
    assert_eq!(service.run().finished, 0);
    assert_eq!(postbox.kinds().len(), 1);
}

#[test]
fn n5_a_destination_that_is_down_for_a_day_loses_nothing_and_holds_up_nobody() {
    let down = Arc::new(Mutex::new(true));
    let is_down = Arc::clone(&down);
    let broken = MemoryDestination::new(id("broken")).with_fate(move |call| {
        let fails = *is_down.lock().unwrap() && *call == RemoteCall::Connect;
        if fails { Fate::Fails(DestinationErrorKind::Unavailable) } else { Fate::Works }
    });
    let fine = MemoryDestination::new(id("fine"));
    let (service, postbox) = service(&[&broken, &fine]);
    submit(&service, delivering(&["broken", "fine"], &["webhook:billing"]));
    for _ in 0..24 {
        service.run();
        service.memory.clock.advance(std::time::Duration::from_secs(3_600));
    }
    assert_eq!((broken.files().len(), fine.files().len()), (0, 2));
    assert_eq!(postbox.kinds(), []);
    let waiting = deliveries(&service).into_iter().find(|one| one.to.destination == id("broken")).unwrap();
    assert!(waiting.work.attempts.count > 10, "{waiting:?}");
    assert!(waiting.work.attempts.failure.unwrap().message.contains("memory:broken"));
    *down.lock().unwrap() = false;
    service.memory.clock.advance(std::time::Duration::from_secs(2 * 3_600));
    service.run();
    assert_eq!(broken.files(), fine.files());
    assert_eq!(postbox.kinds(), [NoticeKind::Delivered]);
}

#[test]
fn n5_a_destination_that_fails_for_five_days_is_disabled_and_its_sets_are_kept_until_it_is_enabled() {
    let down = Arc::new(Mutex::new(true));
    let is_down = Arc::clone(&down);
    let place = MemoryDestination::new(id("one")).with_fate(move |_| {
        if *is_down.lock().unwrap() { Fate::Fails(DestinationErrorKind::Refused) } else { Fate::Works }
    });
    let (service, postbox) = service(&[&place]);
    submit(&service, delivering(&["one"], &["webhook:billing"]));
    let target = TargetId::Destination(id("one"));
    let disabled = || {
        let known = block_on(service.memory.catalog.health()).unwrap();
        known.into_iter().find(|(id, _)| *id == target).is_some_and(|(_, health)| !health.is_enabled())
    };
    for hour in 0..(24 * 5 + 2) {
        if hour == 24 * 4 {
            submit(&service, delivering(&["one"], &["webhook:billing"]));
        }
        service.run();
        service.memory.clock.advance(std::time::Duration::from_secs(3_600));
    }
    assert!(disabled());
    // The first was given up after three days, the second waits; both jobs' people know.
    let states = deliveries(&service).into_iter().map(|one| one.work.status()).collect::<Vec<_>>();
    assert_eq!(states, [WorkStatus::Waiting, WorkStatus::GivenUp]);
    assert_eq!(postbox.kinds(), [NoticeKind::DeliveryFailed, NoticeKind::Disabled]);
    submit(&service, delivering(&["one"], &["webhook:billing"]));
    service.run();
    assert_eq!(postbox.kinds()[2..], [NoticeKind::Disabled], "the next job's people are told at once");
    *down.lock().unwrap() = false;
    service.memory.clock.advance(std::time::Duration::from_secs(7_200));
    service.run();
    assert_eq!(place.files().len(), 0, "nothing is sent to it");
    let (_, before) = block_on(service.memory.catalog.health()).unwrap().remove(0);
    block_on(service.memory.catalog.set_health(&target, &before, &before.clone().enabled(), &[])).unwrap();
    service.run();
    assert_eq!(place.files().len(), 6, "all three sets are delivered");
}

#[test]
fn n5_expiry_and_deletion_end_what_is_still_to_be_delivered() {
    let place =
        MemoryDestination::new(id("one")).with_fate(|_| Fate::Fails(DestinationErrorKind::Unavailable));
    let (service, postbox) = service(&[&place]);
    submit(&service, delivering(&["one"], &["webhook:billing"]));
    service.run();
    service.days_pass(31);
    service.run();
    let gone = deliveries(&service).remove(0).work.state;
    assert!(
        matches!(gone, WorkState::GivenUp { reason: GivenUp::Gone | GivenUp::Exhausted, .. }),
        "{gone:?}"
    );
    assert!(postbox.kinds().len() <= 1);
}

#[test]
fn n1_a_job_is_refused_whose_destination_or_subscriber_cannot_be_reached() {
    let open = MemoryDestination::new(id("open"))
        .described(|description| description.with_transport(Transport::Open));
    let (service, _) = service(&[&open]);
    let refused_of = |settings| refused(block_on(service.jobs.submit(&service.by, settings)));
    assert_eq!(refused_of(delivering(&["nowhere"], &[])), Code::UnknownDestination);
    assert_eq!(refused_of(delivering(&["open"], &[])), Code::PlaintextOverOpenTransport);
    assert_eq!(refused_of(delivering(&[], &["webhook:unknown"])), Code::InvalidSubscribers);
    assert_eq!(refused_of(delivering(&[], &["mailto:ada@example.com"])), Code::InvalidSubscribers);
}

#[test]
fn n9_an_endpoint_that_is_gone_is_disabled_and_one_that_asks_to_wait_is_waited_for() {
    let (service, postbox) = service(&[]);
    let wait = std::time::Duration::from_secs(5_000);
    *postbox.fails.lock().unwrap() = vec![NotifyErrorKind::Later(wait)];
    submit(&service, delivering(&[], &["webhook:billing"]));
    service.run();
    service.memory.clock.advance(std::time::Duration::from_secs(4_000));
    service.run();
    assert_eq!(postbox.kinds(), []);
    service.memory.clock.advance(std::time::Duration::from_secs(1_001));
    service.run();
    assert_eq!(postbox.kinds(), [NoticeKind::Published]);
    *postbox.fails.lock().unwrap() = vec![NotifyErrorKind::Gone];
    submit(&service, delivering(&[], &["webhook:billing"]));
    service.run();
    let health = block_on(service.memory.catalog.health()).unwrap();
    assert!(!health[0].1.is_enabled(), "{health:?}");
    submit(&service, delivering(&[], &["webhook:billing"]));
    service.run();
    assert_eq!(postbox.kinds().len(), 1, "nothing is sent to it");
    let outcome = ContactOutcome::Worked { identity: None };
    block_on(service.memory.catalog.contacted(&health[0].0, &outcome)).unwrap();
}
