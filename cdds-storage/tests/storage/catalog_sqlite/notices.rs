//! Notices of several subscribers, from claim to claim (rule N4).

use std::num::NonZeroU32;

use cdds_core::domain::id::{Owner, WorkerId};
use cdds_core::domain::notice::{Channel, Notice};
use cdds_core::domain::work::row::WorkOutcome;
use cdds_core::ports::catalog::query::NoticeQuery;
use cdds_core::ports::catalog::{CatalogErrorKind, NoticeClaim, Outbox};
use futures::executor::block_on;
use rusqlite::params;
use uuid::Uuid;

use crate::catalog_sqlite::world::*;

/// A world with one execution, so that rows of notices can refer to it.
fn world() -> World {
    let world = World::new();
    world.submit("One", immediately(), at(0));
    world.run_one(at(0), 1);
    let of_host = take(&world.catalog, Channel::Host, 9, None);
    assert_eq!(of_host.len(), 1);
    world
}

/// Inserts a notice for a subscriber that may be sent at an instant. No job has subscribers yet.
fn insert(world: &World, number: u128, owner: &str, subscriber: &str, seconds: i64) {
    let sql =
        "INSERT INTO notice (id, execution_id, job_id, owner, kind, at, subscriber, channel, state, epoch,
            attempts, next_attempt_at)
         SELECT ?1, execution_id, job_id, ?2, 'published', at, ?3, 'webhook', 'waiting', 0, 0, ?4 FROM notice
         WHERE channel = 'host'";
    let id = Uuid::from_u128(number).to_string();
    let values = params![id, owner, subscriber, at(seconds).timestamp_micros()];
    assert_eq!(world.raw().execute(sql, values).unwrap(), 1);
}

fn take(catalog: &Timed, channel: Channel, limit: usize, per_subscriber: Option<u32>) -> Vec<Notice> {
    let claim = NoticeClaim::new(channel, worker("w"), LEASE, limit)
        .with_per_subscriber(per_subscriber.and_then(NonZeroU32::new));
    block_on(catalog.at(at(100)).claim_notices(&claim)).unwrap()
}

fn numbers(notices: &[Notice]) -> Vec<u128> {
    notices.iter().map(|notice| notice.work.id.0.as_u128()).collect()
}

#[test]
fn n4_within_an_owner_the_first_to_be_tried_comes_first() {
    let world = world();
    for (number, subscriber, seconds) in [(1, "b", 30), (2, "a", 20), (3, "b", 10), (4, "a", 101)] {
        insert(&world, number, "default", subscriber, seconds);
    }
    assert_eq!(numbers(&take(&world.catalog, Channel::Webhook, 2, None)), [3, 2]);
    assert_eq!(numbers(&take(&world.catalog, Channel::Webhook, 9, None)), [1], "the last one is not due");
    assert_eq!(take(&world.catalog, Channel::Email, 9, None), []);
}

#[test]
fn n4_a_subscriber_that_hangs_does_not_keep_all_workers() {
    let world = world();
    for number in 1..=6 {
        insert(&world, number, "default", "hangs", 0);
    }
    insert(&world, 7, "default", "fine", 50);
    insert(&world, 8, "other", "hangs", 50);
    let first = take(&world.catalog, Channel::Webhook, 9, Some(2));
    assert_eq!(numbers(&first), [1, 8, 7], "another owner has its turn, and uses up the limit too");
    assert_eq!(take(&world.catalog, Channel::Webhook, 9, Some(2)), [], "both are held");
    let settled = world.catalog.settle_notice(first[0].work.fence(), &WorkOutcome::Done);
    block_on(settled).unwrap();
    assert_eq!(numbers(&take(&world.catalog, Channel::Webhook, 9, Some(2))), [2]);
}

#[test]
fn n4_turns_go_on_in_another_process() {
    let world = world();
    for (number, owner) in [(1, "a"), (2, "a"), (3, "b"), (4, "c")] {
        insert(&world, number, owner, "host", 0);
    }
    assert_eq!(numbers(&take(&world.catalog, Channel::Webhook, 1, None)), [1]);
    let reopened = world.second_handle();
    assert_eq!(numbers(&take(&reopened, Channel::Webhook, 2, None)), [3, 4]);
    assert_eq!(numbers(&take(&world.catalog, Channel::Webhook, 9, None)), [2]);
}

#[test]
fn n4_a_row_that_is_not_understood_holds_up_no_other() {
    let world = world();
    for number in 1..=4 {
        insert(&world, number, "default", "host", 0);
    }
    let (one, two) = (Uuid::from_u128(1).to_string(), Uuid::from_u128(2).to_string());
    let held = "UPDATE notice SET kind = 'of the future', state = 'held' WHERE id = ?1";
    world.raw().execute(held, [&one]).unwrap();
    world.raw().execute("UPDATE notice SET kind = 'of the future' WHERE id = ?1", [&two]).unwrap();
    let taken = take(&world.catalog, Channel::Webhook, 9, None);
    assert_eq!(numbers(&taken), [3, 4]);
    let listed = block_on(world.catalog.notices(&Owner::default(), &NoticeQuery::default())).unwrap();
    assert_eq!(listed.items.len(), 3, "with that of the host");
}

#[test]
fn n4_a_claim_returns_the_rows_as_they_are_stored() {
    let world = world();
    insert(&world, 1, "default", "host", 0);
    let claim = NoticeClaim::new(Channel::Webhook, WorkerId::of(Uuid::nil()), LEASE, 1);
    let fine = at(100) + chrono::TimeDelta::nanoseconds(7);
    let taken = block_on(world.catalog.at(fine).claim_notices(&claim)).unwrap();
    let listed = block_on(world.catalog.notices(&Owner::default(), &NoticeQuery::default())).unwrap();
    assert!(listed.items.contains(&taken[0]), "{listed:?}");
    let owner = Owner::default();
    let again = world.catalog.ask_notice_again(&owner, taken[0].work.id, &[]);
    assert_eq!(block_on(again).unwrap_err().kind(), CatalogErrorKind::Conflict);
}
