//! Changes of jobs while their executions wait, run or end (rules J7, J10, J12, E5).

use std::num::NonZeroU32;

use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::manual;
use cdds_core::domain::execution::{ExecutionState, SkipReason, Status};
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::edit::{Edit, OneTimeEdit, edit};
use cdds_core::domain::job::lifecycle::{delete, suspend};
use cdds_core::domain::job::{Job, JobState, Title};
use cdds_core::ports::catalog::{CatalogErrorKind, JobStore, Settlement, WorkQueue};
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

fn open(world: &World, job: &Job) -> Vec<cdds_core::domain::execution::Execution> {
    block_on(world.catalog.open_executions(&job.owner, job.id, None, usize::MAX)).unwrap().executions
}

#[test]
fn whatever_begins_or_ends_moves_the_revision() {
    let world = World::new();
    let job = world.submit_daily("rolling:1d", at(0));
    let revision = || world.job(job.id).revision;
    assert_eq!(revision(), 1);
    world.materialise(day(3));
    assert_eq!(revision(), 2);
    let claimed = claim(&world.catalog, "w", day(3), 1).remove(0);
    assert_eq!(revision(), 3, "begun");
    world.settle(&claimed, &Settlement::Released, day(3));
    assert_eq!(revision(), 3);
    let claimed = claim(&world.catalog, "w", day(3), 1).remove(0);
    world.publish(&claimed, day(3)).unwrap();
    assert_eq!(revision(), 5, "begun again, published");
    let claimed = claim(&world.catalog, "w", day(3), 1).remove(0);
    world.settle(&claimed, &failed(false), day(3));
    assert_eq!(revision(), 7, "failed for good");
    assert_eq!(world.job(job.id).version, 1, "no person changed it");
}

#[test]
fn what_was_decided_before_a_claim_is_decided_again() {
    let world = World::new();
    let job = world.submit_daily("rolling:1d", at(0));
    world.materialise(day(1));
    let before = world.job(job.id);
    let change = suspend(&before, open(&world, &job), day(1)).unwrap();
    let claimed = claim(&world.catalog, "w", day(1), 1).remove(0);
    assert_eq!(world.change(&before, &change).unwrap_err().kind(), CatalogErrorKind::Conflict);
    assert_eq!((world.job(job.id).state, world.execution(&claimed)), (JobState::Active, claimed));
}

#[test]
fn j7_a_suspension_and_a_claim_never_pass_each_other() {
    let (mut suspended_first, mut claimed_first) = (0, 0);
    for _ in 0..40 {
        let world = World::new();
        let job = world.submit_daily("rolling:1d", at(0));
        world.materialise(day(1));
        let before = world.job(job.id);
        let change = suspend(&before, open(&world, &job), day(1)).unwrap();
        let (one, other) = (world.second_handle(), world.second_handle());
        let (claimed, suspended) = std::thread::scope(|scope| {
            let claimed = scope.spawn(|| claim(&one, "w", day(1), 1));
            let suspended = scope.spawn(|| block_on(other.change_job(&change, before.revision, &[])).is_ok());
            (claimed.join().unwrap(), suspended.join().unwrap())
        });
        let status = world.history()[0].status();
        if suspended {
            assert_eq!(
                (claimed.len(), status, world.job(job.id).state),
                (0, Status::Skipped, JobState::Suspended)
            );
            suspended_first += 1;
        } else {
            assert_eq!(
                (claimed.len(), status, world.job(job.id).state),
                (1, Status::InProgress, JobState::Active)
            );
            claimed_first += 1;
        }
    }
    assert_eq!(suspended_first + claimed_first, 40);
}

#[test]
fn j10_an_edit_counts_for_what_waits_and_not_for_what_runs() {
    let world = World::new();
    let job = world.submit_daily("rolling:1d", at(0));
    world.materialise(day(2));
    let running = claim(&world.catalog, "w", day(2), 1).remove(0);
    let before = world.job(job.id);
    let asked = before
        .settings
        .clone()
        .with_title(Title::new("New NAME").unwrap())
        .with_source("other".parse().unwrap())
        .with_data_type("event".parse().unwrap())
        .with_timeframe("rolling:2d".parse().unwrap());
    let asked = Edit { settings: asked, watermark: None, one_time: OneTimeEdit::default() };
    let change = edit(&before, open(&world, &job), asked.clone(), terms(), day(2)).unwrap();
    world.change(&before, &change).unwrap();
    assert_eq!(world.job(job.id), Job { revision: before.revision + 1, ..change.job });
    assert_eq!(world.execution(&running), running);
    let waiting = open(&world, &job).remove(1);
    assert_eq!((&waiting.settings, waiting.status()), (&asked.settings, Status::Queued));
    assert_eq!(waiting.window.start(), Some(day(0)));
    assert_eq!(vec![waiting], change.edited);
    let columns: (String, String, String) = world
        .raw()
        .query_row(
            "SELECT title_folded, source, data_type FROM execution WHERE status = 'queued'",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!(columns, ("new name".to_owned(), "other".to_owned(), "event".to_owned()));
}

#[test]
fn e5_failures_in_a_row_suspend_the_job_and_skip_what_waits() {
    let world = World::new();
    let mut settings = settings("Daily", daily());
    settings.timeframe = "rolling:1d".parse().unwrap();
    settings.policies.pause_after_failures = NonZeroU32::new(2);
    let job = world.submit_as(&Owner::default(), settings, at(0));
    world.materialise(day(3));
    let manual = manual::run_now(&world.job(job.id), terms().source, day(3)).unwrap();
    world.change(&world.job(job.id), &manual).unwrap();
    for (failures, state) in [(1, JobState::Active), (2, JobState::Suspended)] {
        let claimed = claim(&world.catalog, "w", day(3), 1).remove(0);
        world.settle(&claimed, &failed(false), day(3));
        let after = world.job(job.id);
        assert_eq!((after.failures_in_row, after.state), (failures, state));
    }
    let after = world.job(job.id);
    assert_eq!((after.version, after.next_due_at), (1, None), "no person changed it (J1)");
    let third = world.history().into_iter().find(|e| e.status() == Status::Skipped).unwrap();
    let reason = SkipReason::Suspended { first: day(3), last: day(3), count: 1 };
    assert_eq!((third.slot, third.state), (day(3), ExecutionState::Skipped(reason)));
    // An execution that a person requested still runs, and its success resets the count.
    let claimed = claim(&world.catalog, "w", day(3), 1).remove(0);
    assert_eq!(claimed.id, manual.entries[0].id);
    world.publish(&claimed, day(3)).unwrap();
    assert_eq!(world.job(job.id).failures_in_row, 0);
}

#[test]
fn e5_a_crash_for_the_last_time_counts_as_a_failure_of_the_job() {
    let world = World::new();
    let mut settings = settings("Daily", daily());
    settings.policies.pause_after_failures = NonZeroU32::new(1);
    let job = world.submit_as(&Owner::default(), settings, at(0));
    world.materialise(day(1));
    for attempt in 1..=5 {
        let dying = world.second_handle();
        assert_eq!(claim(&dying, &format!("w{attempt}"), day(1), 1).len(), 1);
    }
    let claimed = block_on(world.catalog.at(day(1)).claim(&claim_of("w", 1))).unwrap();
    assert_eq!(claimed.given_up.len(), 1);
    let after = world.job(job.id);
    assert_eq!((after.failures_in_row, after.state), (1, JobState::Suspended));
}

#[test]
fn what_a_crash_ends_waits_for_its_job_to_be_understood() {
    let world = World::new();
    let job = world.submit("Once", immediately(), at(0));
    for attempt in 1..=5 {
        claim(&world.second_handle(), &format!("w{attempt}"), at(attempt), 1);
    }
    let raw = world.raw();
    raw.execute("UPDATE job SET state = 'dreaming'", []).unwrap();
    world.submit("Other", immediately(), at(6));
    let claimed = block_on(world.catalog.at(at(7)).claim(&claim_of("w", 9))).unwrap();
    assert_eq!((claimed.given_up.len(), claimed.executions.len()), (0, 1), "others run");
    raw.execute("UPDATE job SET state = 'completed' WHERE id = ?1", [job.id.to_string()]).unwrap();
    let claimed = block_on(world.catalog.at(at(8)).claim(&claim_of("w", 9))).unwrap();
    assert_eq!((claimed.given_up.len(), world.job(job.id).failures_in_row), (1, 1));
}

#[test]
fn j12_what_waits_for_later_goes_with_its_job() {
    let world = World::new();
    let mut settings = settings("Daily", daily());
    settings.policies.jitter = Some("1h".parse().unwrap());
    let job = world.submit_as(&Owner::default(), settings, at(0));
    world.materialise(day(1));
    let before = world.job(job.id);
    let change = delete(&before, open(&world, &job), day(1)).unwrap();
    world.change(&before, &change).unwrap();
    assert_eq!(open(&world, &job), []);
    let reason = SkipReason::Deleted { first: day(1), last: day(1), count: 1 };
    assert_eq!(world.history()[0].state, ExecutionState::Skipped(reason));
    assert_eq!(block_on(world.catalog.job(&job.owner, job.id)).unwrap(), None);
    assert_eq!(block_on(world.catalog.agenda(Clocks::default())).unwrap().next_due_at, None);
    let state: String = world.raw().query_row("SELECT state FROM job", [], |row| row.get(0)).unwrap();
    assert_eq!(state, "deleted", "kept for its history");
}
