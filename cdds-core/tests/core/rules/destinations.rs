//! Rules N3, N5, N9: destinations and endpoints are checked, disabled, enabled and pinned, and sets delivered again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cdds_core::domain::access::Action;
use cdds_core::domain::access::audit::{AuditRecord, Object};
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::delivery::destination::{Naming, ServerIdentity, Transport};
use cdds_core::domain::delivery::health::{DisabledReason, Health};
use cdds_core::domain::delivery::path::RemotePath;
use cdds_core::domain::delivery::probe::{Probe, ProbeStep};
use cdds_core::domain::id::{ExecutionId, Owner, Subscriber, WorkerId};
use cdds_core::domain::violation::Code;
use cdds_core::ports::catalog::query::{AuditQuery, DeliveryQuery};
use cdds_core::ports::catalog::{DeliveryClaim, DeliveryStore};
use cdds_core::ports::destination::DestinationErrorKind;
use cdds_core::ports::notifier::NotifyErrorKind;
use cdds_core::ports::source::Visibility;
use cdds_core::service::ServiceError;
use cdds_core::service::audit::Audit;
use cdds_core::service::deliveries::Deliveries;
use cdds_core::service::subscribers::Subscribers;
use cdds_core::testing::destination::{Fate, RemoteCall};
use cdds_core::testing::{MemoryDestination, administrator};
use futures::executor::block_on;

use crate::rules::delivery::{delivering, id, service, submit};
use crate::rules::jobs_in_memory::{Service, refused};
use crate::rules::support::settings;

/// Decides what becomes of the calls to a destination from now on.
#[derive(Clone, Default)]
struct Weather(Arc<Mutex<Option<(RemoteCallKind, Fate)>>>);

type RemoteCallKind = fn(&RemoteCall) -> bool;

impl Weather {
    fn over(&self, place: MemoryDestination) -> MemoryDestination {
        let weather = Arc::clone(&self.0);
        place.with_fate(move |call| match *weather.lock().unwrap() {
            Some((is_meant, fate)) if is_meant(call) => fate,
            _ => Fate::Works,
        })
    }

    fn turns(&self, weather: Option<(RemoteCallKind, Fate)>) {
        *self.0.lock().unwrap() = weather;
    }
}

fn steps(probe: &Probe) -> Vec<(ProbeStep, bool)> {
    probe.steps.iter().map(|one| (one.step, one.failure.is_none())).collect()
}

fn audit(service: &Service) -> Vec<AuditRecord> {
    block_on(Audit::new(&service.memory.ports).list(&service.by, &AuditQuery::default())).unwrap().items
}

#[test]
fn n3_a_check_writes_measures_renames_reads_back_and_removes() {
    use ProbeStep::{Connect, ReadBack, Remove, Rename, Size, Write};
    let weather = Weather::default();
    let place = weather.over(MemoryDestination::new(id("one")));
    let direct = MemoryDestination::new(id("direct")).described(|one| one.with_naming(Naming::Direct));
    let (service, _) = service(&[&place, &direct]);
    let deliveries = Deliveries::new(&service.memory.ports);
    let check = |name: &str| block_on(deliveries.check(&service.by, &id(name))).unwrap();

    let (probe, state) = check("one");
    let all = [Connect, Write, Size, Rename, ReadBack, Remove];
    assert_eq!(steps(&probe), all.map(|step| (step, true)));
    assert!(state.health.latest.is_some_and(|latest| latest.failure.is_none()));
    let (probe, _) = check("direct");
    assert_eq!(steps(&probe), [Connect, Write, Size, ReadBack, Remove].map(|step| (step, true)));
    assert!(place.files().is_empty() && direct.files().is_empty(), "nothing is left");

    let fails = Fate::Fails(DestinationErrorKind::CannotRename);
    weather.turns(Some((|call| matches!(call, RemoteCall::Rename(_)), fails)));
    let (probe, state) = check("one");
    assert_eq!(
        steps(&probe),
        [(Connect, true), (Write, true), (Size, true), (Rename, false), (Remove, true)]
    );
    assert!(!probe.is_well() && state.health.failing_since.is_some());
    assert!(place.files().is_empty(), "{:?}", place.files());

    // A reply that is lost leaves the file under its new name.
    weather.turns(Some((|call| matches!(call, RemoteCall::Rename(_)), Fate::ReplyLost)));
    assert!(!check("one").0.is_well());
    assert!(place.files().is_empty(), "{:?}", place.files());

    // Who may only write can be delivered to, but not with receipts by digest.
    let refuses = Fate::Fails(DestinationErrorKind::Refused);
    weather.turns(Some((|call| matches!(call, RemoteCall::Read(_)), refuses)));
    let (probe, state) = check("one");
    assert!(probe.is_well() && steps(&probe).contains(&(ReadBack, false)));
    assert_eq!(state.health.failing_since, None);

    // What arrives cut short is noticed.
    weather.turns(Some((|call| matches!(call, RemoteCall::Write(_)), Fate::CutsShort)));
    let (probe, _) = check("one");
    assert_eq!(probe.failure().map(|one| one.step), Some(Size));
}

#[test]
fn n3_a_server_that_does_not_answer_is_given_up_after_a_minute_at_most() {
    let weather = Weather::default();
    let place = weather.over(MemoryDestination::new(id("mute")));
    let (service, _) = service(&[&place]);
    let deliveries = Deliveries::new(&service.memory.ports);
    weather.turns(Some((|_| true, Fate::Hangs)));
    let (probe, _) = block_on(deliveries.check(&service.by, &id("mute"))).unwrap();
    assert_eq!(steps(&probe), [(ProbeStep::Connect, false)]);
    weather.turns(Some((|call| !matches!(call, RemoteCall::Connect), Fate::Hangs)));
    let (probe, _) = block_on(deliveries.check(&service.by, &id("mute"))).unwrap();
    assert_eq!(
        steps(&probe),
        [(ProbeStep::Connect, true), (ProbeStep::Write, false), (ProbeStep::Remove, false)]
    );
    assert_eq!(probe.steps[1].took, Duration::from_secs(60));
}

#[test]
fn n3_saving_a_job_checks_its_destinations_and_refuses_nothing() {
    let calls = Arc::new(Mutex::new(0_u32));
    let counted = Arc::clone(&calls);
    let place = MemoryDestination::new(id("one")).with_fate(move |call| {
        *counted.lock().unwrap() += u32::from(*call == RemoteCall::Connect);
        Fate::Fails(DestinationErrorKind::Unavailable)
    });
    let (service, _) = service(&[&place]);
    let deliveries = Deliveries::new(&service.memory.ports);
    submit(&service, delivering(&["one"], &[]));
    let state = block_on(deliveries.destination(&service.by, &id("one"))).unwrap();
    assert!(state.health.failing_since.is_some());
    assert_eq!(*calls.lock().unwrap(), 1);
    submit(&service, delivering(&["one"], &[]));
    assert_eq!(*calls.lock().unwrap(), 1, "it was checked a moment ago");
    service.memory.clock.advance(Duration::from_secs(86_400));
    submit(&service, delivering(&["one"], &[]));
    assert_eq!(*calls.lock().unwrap(), 2);
}

#[test]
fn n3_the_engine_checks_destinations_once_a_day() {
    let calls = Arc::new(Mutex::new(0_u32));
    let counted = Arc::clone(&calls);
    let place = MemoryDestination::new(id("one")).with_fate(move |call| {
        *counted.lock().unwrap() += u32::from(*call == RemoteCall::Connect);
        Fate::Works
    });
    let (service, _) = service(&[&place]);
    let made = || *calls.lock().unwrap();
    service.run();
    assert_eq!(made(), 0, "nobody has used it yet");
    let deliveries = Deliveries::new(&service.memory.ports);
    block_on(deliveries.check(&service.by, &id("one"))).unwrap();
    service.memory.clock.advance(Duration::from_secs(86_399));
    service.run();
    assert_eq!(made(), 1);
    service.memory.clock.advance(Duration::from_secs(1));
    service.run();
    service.run();
    assert_eq!(made(), 2);
    assert!(place.files().is_empty());
    block_on(deliveries.disable(&service.by, &id("one"))).unwrap();
    service.memory.clock.advance(Duration::from_secs(86_400));
    service.run();
    assert_eq!(made(), 2, "nothing is sent to what is disabled");
}

#[test]
fn n3_a_changed_identity_is_refused_until_a_person_pins_it() {
    let before = MemoryDestination::new(id("one")).with_identity(ServerIdentity::new("SHA256:old"));
    let (first, _) = service(&[&before]);
    let deliveries = Deliveries::new(&first.memory.ports);
    let (_, state) = block_on(deliveries.check(&first.by, &id("one"))).unwrap();
    assert_eq!(state.health.pinned, Some(ServerIdentity::new("SHA256:old")));

    let after = MemoryDestination::new(id("one")).with_identity(ServerIdentity::new("SHA256:new"));
    let ports = first.memory.ports.clone().with_destination(after);
    let deliveries = Deliveries::new(&ports);
    let (probe, state) = block_on(deliveries.check(&first.by, &id("one"))).unwrap();
    let told = probe.failure().unwrap().failure.clone().unwrap();
    assert!(told.contains("SHA256:old") && told.contains("SHA256:new"), "{told}");
    assert_eq!(state.health.pinned, Some(ServerIdentity::new("SHA256:old")));
    let pinned = Some(ServerIdentity::new("SHA256:new"));
    block_on(deliveries.pin(&first.by, &id("one"), pinned.clone())).unwrap();
    let (probe, state) = block_on(deliveries.check(&first.by, &id("one"))).unwrap();
    assert!(probe.is_well() && state.health.pinned == pinned);
    let last = &audit(&first)[0];
    assert_eq!(
        (last.action, last.object.clone()),
        (Action::PinDestination, Some(Object::Destination(id("one"))))
    );
}

#[test]
fn n5_what_a_person_disabled_waits_until_somebody_enables_it() {
    let place = MemoryDestination::new(id("one"));
    let (service, _) = service(&[&place]);
    let deliveries = Deliveries::new(&service.memory.ports);
    let disabled = block_on(deliveries.disable(&service.by, &id("one"))).unwrap().health.disabled.unwrap();
    assert_eq!(disabled.reason, DisabledReason::Person(service.by.name.clone()));
    block_on(deliveries.disable(&service.by, &id("one"))).unwrap();
    submit(&service, delivering(&["one"], &[]));
    service.run();
    assert!(place.files().is_empty());
    assert!(block_on(deliveries.enable(&service.by, &id("one"))).unwrap().health.is_enabled());
    block_on(deliveries.enable(&service.by, &id("one"))).unwrap();
    service.run();
    assert_eq!(place.files().len(), 2);
    let actions: Vec<Action> = audit(&service).into_iter().map(|entry| entry.action).collect();
    assert_eq!(
        actions,
        [Action::EnableDestination, Action::CreateJob, Action::DisableDestination],
        "what changes nothing is not on record"
    );
}

#[test]
fn n5_a_set_is_delivered_again_for_as_long_as_it_is_kept() {
    let (one, other) = (MemoryDestination::new(id("one")), MemoryDestination::new(id("other")));
    let open = MemoryDestination::new(id("open")).described(|open| open.with_transport(Transport::Open));
    let theirs =
        MemoryDestination::new(id("theirs")).described(|one| one.with_visibility(Visibility::owners([])));
    let (service, _) = service(&[&one, &other, &open, &theirs]);
    let deliveries = Deliveries::new(&service.memory.ports);
    let again = |execution: ExecutionId, to: Option<&str>| {
        block_on(deliveries.redeliver(&service.by, execution, to.map(id).as_ref()))
    };
    let execution = submit(&service, delivering(&["one"], &[]));
    assert_eq!(refused(again(execution, None)), Code::NothingToDeliver, "nothing is published yet");
    service.run();
    let lost: Vec<RemotePath> = one.files().into_keys().collect();
    for path in &lost {
        one.take(path);
    }
    assert_eq!(again(execution, None).unwrap().len(), 1);
    assert_eq!(again(execution, Some("other")).unwrap().len(), 1);
    service.run();
    assert_eq!((one.files().len(), other.files().len()), (2, 2));
    assert!(
        other.files().keys().all(|path| path.as_str().contains("/2026-03-01/")),
        "by the default template"
    );
    let audited: Vec<_> =
        audit(&service).into_iter().filter(|entry| entry.action == Action::Redeliver).collect();
    assert_eq!(audited[0].settings, ["destination:other"]);
    assert_eq!(audited[0].object, Some(Object::Execution(execution)));

    // The set of this service is plaintext.
    assert_eq!(refused(again(execution, Some("open"))), Code::PlaintextOverOpenTransport);
    for unknown in ["theirs", "nobody"] {
        assert!(matches!(again(execution, Some(unknown)), Err(ServiceError::NotFound { .. })));
    }
    let stranger = administrator(&Owner::new("stranger").unwrap());
    let asked = block_on(deliveries.redeliver(&stranger, execution, None));
    assert!(matches!(asked, Err(ServiceError::NotFound { .. })));
    let bare = submit(&service, settings(Frequency::Once(Start::Immediately), "all"));
    service.run();
    assert_eq!(refused(again(bare, None)), Code::NothingToDeliver, "it names no destination");
    service.days_pass(31);
    assert_eq!(refused(again(execution, None)), Code::NothingToDeliver, "it has expired");
}

#[test]
fn n5_a_delivery_that_is_carried_out_is_not_begun_again() {
    let place = MemoryDestination::new(id("one"));
    let (service, _) = service(&[&place]);
    let deliveries = Deliveries::new(&service.memory.ports);
    let execution = submit(&service, delivering(&["one"], &[]));
    service.run();
    block_on(deliveries.redeliver(&service.by, execution, None)).unwrap();
    let worker = WorkerId::new("another").unwrap();
    let claim = DeliveryClaim::new(worker, Duration::from_secs(60), 1, [id("one")]);
    assert_eq!(block_on(service.memory.catalog.claim_deliveries(&claim)).unwrap().len(), 1);
    assert_eq!(refused(block_on(deliveries.redeliver(&service.by, execution, None))), Code::DeliveryOpen);
}

#[test]
fn n5_the_health_that_all_owners_see_names_no_file() {
    let weather = Weather::default();
    let place = weather.over(MemoryDestination::new(id("one")));
    let (service, _) = service(&[&place]);
    let execution = submit(&service, delivering(&["one"], &[]));
    weather.turns(Some((
        |call| matches!(call, RemoteCall::Create(_)),
        Fate::Fails(DestinationErrorKind::Refused),
    )));
    service.run();
    let deliveries = Deliveries::new(&service.memory.ports);
    let health = block_on(deliveries.destination(&service.by, &id("one"))).unwrap().health;
    assert_eq!(health.latest.unwrap().failure.as_deref(), Some("it refused a file"));
    let listed = block_on(deliveries.list(&service.by, &DeliveryQuery::default())).unwrap().items;
    let told = listed[0].work.attempts.failure.clone().unwrap().message;
    assert!(told.contains(&execution.to_string()), "the owner is told which: {told}");
}

#[test]
fn n9_a_subscriber_is_tested_and_an_endpoint_enabled_again() {
    let (service, postbox) = service(&[]);
    let subscribers = Subscribers::new(&service.memory.ports);
    let test = |text: &str| block_on(subscribers.test(&service.by, &text.parse().unwrap()));
    assert_eq!(test("webhook:billing").unwrap().failure, None);
    let sent = postbox.sent.lock().unwrap()[0].clone();
    assert!(sent.is_test && sent.notice.work.owner == Owner::default());
    postbox.fails.lock().unwrap().push(NotifyErrorKind::Gone);
    assert!(test("webhook:billing").unwrap().failure.is_some());
    for unknown in ["webhook:nobody", "mailto:ada@example.com"] {
        assert_eq!(refused(test(unknown)), Code::InvalidSubscribers, "{unknown}");
    }
    let billing = Subscriber::new("billing").unwrap();
    let listed = block_on(subscribers.endpoints(&service.by)).unwrap();
    let keyless = Subscriber::new("keyless").unwrap();
    let names: Vec<_> = listed.iter().map(|one| one.endpoint.clone()).collect();
    assert_eq!(names, [billing.clone(), keyless.clone()], "one that was never used and cannot be told, too");
    assert_eq!(listed[1].health, Health::default());
    assert_eq!(listed[0].health.disabled.clone().unwrap().reason, DisabledReason::Gone);
    assert!(block_on(subscribers.enable(&service.by, &billing)).unwrap().health.is_enabled());
    assert!(!block_on(subscribers.disable(&service.by, &billing)).unwrap().health.is_enabled());
    assert!(!block_on(subscribers.disable(&service.by, &keyless)).unwrap().health.is_enabled());
    let unknown = block_on(subscribers.enable(&service.by, &Subscriber::new("nobody").unwrap()));
    assert!(matches!(unknown, Err(ServiceError::NotFound { .. })));
}
