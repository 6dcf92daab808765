//! Deliveries and notices whose worker dies: they wait for no lease (rule N5).

use cdds_core::domain::delivery::{Delivery, JobDestination, JobDestinations};
use cdds_core::domain::id::{DestinationId, Owner};
use cdds_core::domain::notice::{Channel, Notice};
use cdds_core::domain::work::row::WorkFailure;
use cdds_core::domain::work::worker::WorkerFacts;
use cdds_core::ports::catalog::{DeliveryClaim, DeliveryStore, NoticeClaim, Outbox, WorkerRegister};
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

/// A world with one set that is to be delivered, and the notice that it is there.
fn world() -> World {
    let world = World::new();
    let partner = JobDestination::new(DestinationId::new("partner").unwrap());
    let mut settings = settings("One", immediately());
    settings.destinations = JobDestinations::new([partner]).unwrap();
    world.submit_as(&Owner::default(), settings, at(0));
    world.run_one(at(0), 1);
    world
}

fn attend(catalog: &Timed, name: &str) {
    block_on(catalog.at(at(100)).attend(&worker(name), &WorkerFacts::default(), LEASE)).unwrap();
}

fn delivery(catalog: &Timed, name: &str, seconds: i64) -> Option<Delivery> {
    let claim = DeliveryClaim::new(worker(name), LEASE, 9, [DestinationId::new("partner").unwrap()]);
    block_on(catalog.at(at(seconds)).claim_deliveries(&claim)).unwrap().pop()
}

fn notice(catalog: &Timed, name: &str, seconds: i64) -> Option<Notice> {
    let claim = NoticeClaim::new(Channel::Host, worker(name), LEASE, 9);
    block_on(catalog.at(at(seconds)).claim_notices(&claim)).unwrap().pop()
}

#[test]
fn n5_what_a_dead_worker_held_waits_for_no_lease() {
    let world = world();
    let dying = world.second_handle();
    attend(&dying, "dying");
    let held = (delivery(&dying, "dying", 100).unwrap(), notice(&dying, "dying", 100).unwrap());
    assert!(delivery(&world.catalog, "w", 158).is_none() && notice(&world.catalog, "w", 158).is_none());
    drop(dying);
    // It counts as a failed attempt, so the next one comes after half a minute, spread by a fifth.
    assert!(delivery(&world.catalog, "w", 101).is_none() && notice(&world.catalog, "w", 101).is_none());
    let delivery = delivery(&world.catalog, "w", 138).unwrap();
    let notice = notice(&world.catalog, "w", 138).unwrap();
    assert_eq!((delivery.work.epoch, notice.work.epoch), (held.0.work.epoch + 1, held.1.work.epoch + 1));
    assert_eq!(delivery.work.attempts.failure, Some(WorkFailure::crashed()));
    assert_eq!(notice.work.attempts.failure, Some(WorkFailure::crashed()));
}

#[test]
fn n5_a_worker_that_is_not_on_record_keeps_its_lease() {
    let world = world();
    let other = world.second_handle();
    assert!(delivery(&other, "other", 100).is_some() && notice(&other, "other", 100).is_some());
    drop(other);
    for seconds in [101, 140, 159] {
        let taken = (delivery(&world.catalog, "w", seconds), notice(&world.catalog, "w", seconds));
        assert_eq!(taken, (None, None), "after {seconds} s");
    }
}

#[test]
fn n5_a_worker_never_takes_over_what_its_own_name_holds() {
    let world = world();
    let before = world.second_handle();
    attend(&before, "again");
    drop(before);
    // A new process under the same name, which has given no sign of life yet.
    assert!(
        delivery(&world.catalog, "again", 100).is_some() && notice(&world.catalog, "again", 100).is_some()
    );
    // Taken back after a second, they would be tried again well within the lease.
    for seconds in [101, 150] {
        let taken = (delivery(&world.catalog, "again", seconds), notice(&world.catalog, "again", seconds));
        assert_eq!(taken, (None, None), "after {seconds} s");
    }
}
