//! The order in which work is assigned, and what holds it up (rules E2, W6).

use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::manual;
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::JobId;
use cdds_core::domain::job::{Job, JobState};
use cdds_core::ports::catalog::{JobStore, Settlement, WorkQueue};
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

fn backfill(world: &World, job: &Job, from: i64, to: i64, now: DateTime<Utc>) {
    let current = world.job(job.id);
    let change = manual::backfill(&current, day(from), day(to), terms().source, now).unwrap();
    world.change(&current, &change).unwrap();
}

fn open(world: &World, job: &Job) -> Vec<Execution> {
    block_on(world.catalog.open_executions(&job.owner, job.id, None, usize::MAX)).unwrap().executions
}

fn places(executions: &[Execution]) -> Vec<(JobId, DateTime<Utc>)> {
    executions.iter().map(|execution| (execution.job_id, execution.slot)).collect()
}

#[test]
fn w6_a_backfill_waits_where_it_was_asked_for() {
    let world = World::new();
    let busy = world.submit_daily("rolling:1d", at(0));
    let other = world.submit_daily("rolling:1d", at(0));
    world.materialise(day(1));
    backfill(&world, &busy, -2, 1, day(1) + TimeDelta::seconds(1));
    world.materialise(day(2));

    let order: Vec<_> = open(&world, &busy).iter().map(|execution| execution.slot).collect();
    let slots = [day(1), day(-2), day(-1), day(0), day(2)];
    assert_eq!(order, slots, "by place, then by slot");
    let now = day(2);
    for slot in slots {
        let claimed = claim(&world.catalog, "w", now, 9);
        let mine = claimed.iter().find(|execution| execution.job_id == busy.id).unwrap();
        assert_eq!(mine.slot, slot);
        for execution in &claimed {
            world.publish(execution, now).unwrap();
        }
    }
    let done = world.history();
    assert!(done.iter().all(|execution| execution.status() == Status::Finished));
    assert_eq!(done.iter().filter(|execution| execution.job_id == other.id).count(), 2);
}

#[test]
fn e2_of_a_job_that_waits_to_try_again_nothing_else_is_begun() {
    let world = World::new();
    for seconds in [0, 1] {
        world.submit_daily("rolling:1d", at(seconds));
    }
    world.materialise(day(3));
    let begun = claim(&world.catalog, "w", day(3), 1).remove(0);
    let failed = world.settle(&begun, &failed(true), day(3));
    assert!(failed.not_before > day(3));

    // Its retry is not due yet. Other executions of its job wait for it, those of other jobs do not.
    let claimed = claim(&world.catalog, "w", day(3), 9);
    assert_eq!(claimed.len(), 1);
    assert_ne!(claimed[0].job_id, begun.job_id);
    let again = claim(&world.catalog, "w", failed.not_before, 9);
    assert_eq!((places(&again), again[0].epoch), (vec![(begun.job_id, day(1))], 2));
    world.settle(&again[0], &Settlement::Released, failed.not_before);
    let again = claim(&world.catalog, "w", failed.not_before, 9);
    assert_eq!((again[0].id, again[0].epoch), (begun.id, 3), "given back is begun, too");
    world.publish(&again[0], failed.not_before).unwrap();
    let next = claim(&world.catalog, "w", failed.not_before, 9);
    assert_eq!(places(&next), [(begun.job_id, day(2))]);
}

#[test]
fn what_was_begun_and_is_not_understood_holds_nothing_up() {
    let world = World::new();
    let job = world.submit_daily("rolling:1d", at(0));
    world.materialise(day(2));
    let begun = claim(&world.catalog, "w", day(2), 1).remove(0);
    world.settle(&begun, &failed(true), day(2));
    assert!(claim(&world.catalog, "w", day(2), 1).is_empty());
    let raw = world.raw();
    raw.execute("UPDATE execution SET attempts = 'x' WHERE id = ?1", [begun.id.to_string()]).unwrap();
    assert_eq!(places(&claim(&world.catalog, "w", day(2), 1)), [(job.id, day(2))]);
}

#[test]
fn two_that_an_older_version_has_begun_do_not_wait_for_each_other() {
    let world = World::new();
    let job = world.submit_daily("rolling:1d", at(0));
    world.materialise(day(3));
    world
        .raw()
        .execute("UPDATE execution SET epoch = 1 WHERE slot < ?1", [day(3).timestamp_micros()])
        .unwrap();
    for slot in [day(1), day(2), day(3)] {
        let claimed = claim(&world.catalog, "w", day(3), 9);
        assert_eq!(places(&claimed), [(job.id, slot)]);
        world.publish(&claimed[0], day(3)).unwrap();
    }
}

#[test]
fn j12_a_deleted_job_begins_nothing() {
    let world = World::new();
    let [job, other] = [0, 1].map(|seconds| world.submit("Once", immediately(), at(seconds)));
    let sql = "UPDATE job SET state = 'deleted' WHERE id = ?1";
    world.raw().execute(sql, [job.id.to_string()]).unwrap();
    assert_eq!(places(&claim(&world.catalog, "w", at(2), 9)), [(other.id, at(1))]);
    assert_eq!(world.job(other.id).state, JobState::Completed);
    assert_eq!(block_on(world.catalog.due(day(9), 9, Clocks::default())).unwrap(), []);
}

#[test]
fn open_executions_are_those_that_have_not_ended() {
    let world = World::new();
    let job = world.submit_daily("rolling:1d", at(0));
    world.materialise(day(3));
    let cancelled = claim(&world.catalog, "w", day(3), 1).remove(0);
    world.settle(&cancelled, &Settlement::Cancelled, day(3));
    let running = claim(&world.catalog, "w", day(3), 1).remove(0);
    let all = open(&world, &job);
    assert_eq!(places(&all), [(job.id, day(2)), (job.id, day(3))]);
    assert_eq!((&all[0], all[1].status()), (&running, Status::Queued));
}

/// A claim skips a thousand waiting executions in the index, without reading them.
#[test]
fn w6_a_large_backfill_stands_in_nobodys_way() {
    let world = World::new();
    let large = world.submit_daily("rolling:1d", at(0));
    backfill(&world, &large, -1_000, 0, at(1));
    assert_eq!(open(&world, &large).len(), 1_000);
    let small = world.submit("Once", immediately(), at(2));
    let claimed = claim(&world.catalog, "w", at(3), 9);
    assert_eq!(places(&claimed), [(large.id, day(-1_000)), (small.id, at(2))]);
    let raw = world.raw();
    raw.execute("UPDATE execution SET settings = 'unread' WHERE status = 'queued'", []).unwrap();
    let later = world.submit("Once", immediately(), at(4));
    assert_eq!(places(&claim(&world.catalog, "w", at(5), 9)), [(later.id, at(4))]);
}
