//! What the file forgets, and which process keeps house (rules E14, E15).

use std::time::Duration;

use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::lifecycle;
use cdds_core::domain::keeping::RecordRetention;
use cdds_core::domain::keeping::sweep::Swept;
use cdds_core::ports::catalog::query::{JobQuery, NoticeQuery};
use cdds_core::ports::catalog::{
    ArtifactStore, ExecutionStore, Forget, Housekeeping, JobStore, Outbox, Standing,
};
use chrono::{DateTime, Utc};
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

/// Forgets what is too old after a number of days, in pages of so many rows. Returns the rows of each page.
fn forget(world: &World, days: i64, limit: usize) -> Vec<usize> {
    let cutoffs = RecordRetention::default().cutoffs(RetentionDays::default(), day(days));
    let mut page = Forget::new(cutoffs).with_limit(limit);
    let mut pages = Vec::new();
    loop {
        let Swept { rows, next } = block_on(world.catalog.forget(&page)).unwrap();
        pages.push(rows);
        let Some(next) = next else { return pages };
        page = page.with_behind(next);
    }
}

fn rows(world: &World, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    world.raw().query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// Removes the sets that have expired, with their files.
fn remove_files(world: &World, now: DateTime<Utc>) {
    block_on(world.catalog.expire(now, 1_000)).unwrap();
    for removal in block_on(world.catalog.removals(1_000)).unwrap() {
        block_on(world.catalog.confirm_removed(&removal, now)).unwrap();
    }
}

#[test]
fn e14_all_rows_of_an_old_execution_go_in_pages_and_the_job_keeps_its_newest() {
    let world = World::new();
    let job = world.submit_daily("rolling:1d", at(0));
    for days in 1..=20 {
        world.materialise(day(days));
        let claimed = world.run_one(day(days), 3);
        let publication = publication(&claimed, 3, day(days));
        let file = &publication.set.artifacts[0];
        download(&*world.catalog, &Owner::default(), file.id, verified(day(days)));
    }
    let held = world.history().pop().unwrap();
    block_on(world.catalog.hold(&Owner::default(), held.id, true, &[])).unwrap();
    remove_files(&world, day(60));
    assert_eq!(forget(&world, 400, 1_000), [0], "nothing is old enough");
    // Of 20 executions the first is on hold and the last is needed. The others have 3 files, a set, a
    // download and a notice each, and an entry of the audit.
    let pages = forget(&world, 430, 10);
    assert!(pages.iter().all(|rows| *rows <= 10 + 6), "{pages:?}");
    assert_eq!(pages.iter().sum::<usize>(), 18 * 7 + 18 + 1, "{pages:?}");
    assert_eq!(world.history().len(), 2);
    for (table, left) in [("artifact_set", 2), ("artifact", 6), ("download", 2), ("notice", 2), ("audit", 1)]
    {
        assert_eq!(rows(&world, table), left, "{table}");
    }
    assert_eq!(block_on(world.catalog.last_records(job.id)).unwrap(), Some(42));
    assert_eq!(forget(&world, 430, 10), [0], "it is done");
}

#[test]
fn e14_a_deleted_job_goes_after_its_history() {
    let world = World::new();
    let job = world.submit("One", immediately(), at(0));
    let done = world.run_one(at(0), 1);
    remove_files(&world, day(31));
    let job = world.job(job.id);
    let delete = lifecycle::delete(&job, Vec::new(), day(40)).unwrap();
    world.change(&job, &delete).unwrap();
    assert_eq!(forget(&world, 400, 1_000), [4], "a deleted job needs no execution");
    assert_eq!((world.standing(&done), rows(&world, "job")), (Standing::Unknown, 1));
    let query = NoticeQuery::default().with_execution(done.id);
    assert_eq!(block_on(world.catalog.notices(&Owner::default(), &query)).unwrap().items, []);
    assert_eq!(forget(&world, 439, 1_000), [0]);
    assert_eq!(forget(&world, 440, 1_000), [1]);
    assert_eq!(rows(&world, "job"), 0);
    assert_eq!(block_on(world.catalog.jobs(&Owner::default(), &JobQuery::default())).unwrap().items, []);
}

#[test]
fn e14_the_row_of_a_deleted_execution_stays_until_its_files_are_gone_for_a_month() {
    let world = World::new();
    world.submit("One", immediately(), at(0));
    let done = world.run_one(at(0), 1);
    block_on(world.catalog.delete_execution(&Owner::default(), done.id, day(1), &[])).unwrap();
    assert_eq!(forget(&world, 300, 1_000), [0], "nobody has confirmed that its files are deleted");
    assert_eq!(world.standing(&done), Standing::Unwanted);
    remove_files(&world, day(300));
    assert_eq!(forget(&world, 329, 1_000), [0]);
    assert_eq!(forget(&world, 330, 1_000), [4]);
    assert_eq!(world.standing(&done), Standing::Unknown);
}

#[test]
fn e14_a_row_that_is_not_understood_holds_up_no_other() {
    let world = World::new();
    world.submit_daily("rolling:1d", at(0));
    for days in 1..=4 {
        world.materialise(day(days));
        world.run_one(day(days), 1);
    }
    remove_files(&world, day(60));
    let oldest = world.history().pop().unwrap();
    let damage = "PRAGMA foreign_keys = OFF; UPDATE execution SET id = 'x' WHERE id = '";
    world.raw().execute_batch(&format!("{damage}{}'", oldest.id)).unwrap();
    assert_eq!(forget(&world, 440, 1).iter().sum::<usize>(), 2 * 4, "the newest stays, too");
}

#[test]
fn e15_one_process_keeps_house_until_it_ends_or_its_lease_runs_out() {
    let world = World::new();
    let other = world.second_handle();
    let lease = Duration::from_secs(180);
    let keeps = |catalog: &Timed, name, seconds| {
        block_on(catalog.at(at(seconds)).keep_house(&worker(name), lease)).unwrap()
    };
    assert!(keeps(&world.catalog, "a", 0) && !keeps(&other, "b", 1));
    assert!(keeps(&world.catalog, "a", 100) && !keeps(&other, "b", 279), "it was renewed");
    assert!(keeps(&other, "b", 280), "the lease has run out");
    assert!(!keeps(&world.catalog, "a", 281));
    block_on(other.leave_house(&worker("a"))).unwrap();
    assert!(!keeps(&world.catalog, "a", 282), "nobody leaves for another");
    block_on(other.leave_house(&worker("b"))).unwrap();
    assert!(keeps(&world.catalog, "a", 283));
    drop(world.catalog);
    assert!(keeps(&other, "b", 284), "its process has ended");
}
