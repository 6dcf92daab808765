//! A long queue costs neither those who look for work nor those who wait behind it (rules E2, E3).

use std::collections::HashSet;

use cdds_core::domain::frequency::{CronExpression, Frequency};
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::{Job, JobChange};
use cdds_core::domain::policy::Overlap;
use cdds_core::ports::catalog::{Catalog, WAITING_MAX};
use futures::executor::block_on;

use crate::world::*;

/// A job that is due each minute, and `rounds` thousand of its slots in the queue.
fn minutely(world: &World, rounds: u32) -> Job {
    let mut settings = settings("Each minute", Frequency::Cron(CronExpression::new("* * * * *").unwrap()));
    settings.policies.overlap = Some(Overlap::Queue);
    settings.policies.catch_up.missed = Some(Overlap::Queue);
    let job = world.submit_as(&Owner::default(), settings, at(0));
    (0..rounds).for_each(|_| world.materialise(day(5)));
    world.job(job.id)
}

#[test]
fn e3_what_waits_is_read_where_it_can_be_covered_and_no_more_than_a_round_deals_with() {
    let world = World::new();
    let job = minutely(&world, 2);
    let waiting = || block_on(world.catalog.due(day(5), 10)).unwrap().remove(0).waiting;
    assert!(waiting().is_empty(), "its slots are queued, none covers another");
    let mut coalescing = job.clone();
    coalescing.settings.policies.overlap = Some(Overlap::Coalesce);
    world.change(&job, &JobChange::of(coalescing)).unwrap();
    let waiting = waiting();
    assert_eq!(waiting.len(), WAITING_MAX);
    assert!(waiting.is_sorted_by_key(|waiting| waiting.slot), "the oldest first");

    // Those behind it come when it has been dealt with.
    world.submit("Later", daily(), day(3));
    assert_eq!(block_on(world.catalog.due(day(5), 10)).unwrap().len(), 1);
}

#[test]
fn e2_a_job_behind_a_long_queue_of_another_is_begun() {
    let world = World::new();
    let long = minutely(&world, 5);
    let behind = world.submit("Once", immediately(), day(5));
    let claimed = claim(&world.catalog, "w", day(5), 9);
    let jobs: HashSet<_> = claimed.iter().map(|execution| execution.job_id).collect();
    assert_eq!(jobs, [long.id, behind.id].into());
    assert_eq!(claimed[0].slot, at(60), "the oldest first");
}

#[test]
fn the_agenda_counts_a_long_queue_no_further_than_anybody_needs() {
    let world = World::new();
    minutely(&world, 3);
    assert_eq!(block_on(world.catalog.agenda()).unwrap().queued, 3_000);
}
