//! The fate of work whose worker dies, stalls or comes back (rule E5, invariant I6).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cdds_core::domain::execution::failure::Failure;
use cdds_core::domain::execution::{ExecutionState, Status};
use cdds_core::domain::id::ExecutionId;
use cdds_core::ports::catalog::{
    ArtifactStore, Beat, CatalogErrorKind, Claimed, Directive, Fence, Publication, Settlement, Standing,
    WorkQueue, Writer,
};
use chrono::TimeDelta;
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

#[test]
fn i6_a_claim_that_was_taken_over_can_do_nothing() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let old = claim(&world.catalog, "slow", at(0), 1).remove(0);
    let other = world.second_handle();
    assert!(claim(&other, "quick", at(59), 1).is_empty(), "the lease holds");
    let new = claim(&other, "quick", at(60), 1).remove(0);
    assert_eq!((new.id, new.epoch), (old.id, 2));
    assert_eq!(new.attempts[0].failure, Some(Failure::crashed()));

    let fence_of_none = Fence { id: ExecutionId(old.job_id.0), epoch: 1 };
    let never = Writer { fence: fence_of_none, nonce: None };
    assert_eq!(block_on(world.catalog.standing(never)).unwrap(), Standing::Unknown);

    let publication = publication(&old, 2, at(61));
    let refused = [
        block_on(world.catalog.publish(fence(&old), &publication)).unwrap_err(),
        block_on(world.catalog.at(at(61)).settle(fence(&old), &Settlement::Cancelled)).unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), CatalogErrorKind::Fenced);
    }
    let beat = Beat { fence: fence(&old), progress: old.progress };
    assert_eq!(
        block_on(world.catalog.at(at(61)).beat(&worker("slow"), LEASE, &[beat])).unwrap(),
        [Directive::Fenced]
    );
    assert_eq!(world.execution(&old), new);
    assert_eq!(block_on(world.catalog.artifact_set(&old.owner, old.id)).unwrap(), None);
    let at = new.attempts[0].ended_at.expect("it was given up");
    assert_eq!(world.standing(&old), Standing::GivenUp { at, replaced: true });
    assert_eq!(world.standing(&new), Standing::Wanted);

    // As after a restore that gave the same epoch to another claim.
    let of_other = block_on(other.publish(fence(&new), &publication)).unwrap_err();
    assert_eq!(of_other.kind(), CatalogErrorKind::Fenced, "the nonce is that of the old claim");
    let own = Publication { nonce: new.writer().nonce, ..publication };
    block_on(other.publish(fence(&new), &own)).unwrap();
    let twice = block_on(other.publish(fence(&new), &own)).unwrap_err();
    assert_eq!(twice.kind(), CatalogErrorKind::Fenced);
}

#[test]
fn a_beat_renews_the_lease() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let claimed = claim(&world.catalog, "w", at(0), 1).remove(0);
    let beat = Beat { fence: fence(&claimed), progress: claimed.progress };
    block_on(world.catalog.at(at(50)).beat(&worker("w"), LEASE, &[beat])).unwrap();
    let other = world.second_handle();
    assert!(claim(&other, "x", at(109), 1).is_empty());
    assert_eq!(claim(&other, "x", at(110), 1).len(), 1);
}

#[test]
fn a_lease_from_a_clock_that_was_set_back_does_not_hold_for_ever() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let claimed = claim(&world.catalog, "w", day(365), 1).remove(0);
    let beat = Beat { fence: fence(&claimed), progress: claimed.progress };
    block_on(world.catalog.at(at(0)).beat(&worker("w"), LEASE, &[beat])).unwrap();
    let other = world.second_handle();
    assert!(claim(&other, "x", at(1), 1).is_empty(), "it was renewed since");

    // The clock may be set back by a minute.
    block_on(world.catalog.at(at(61)).beat(&worker("w"), LEASE, &[beat])).unwrap();
    assert!(claim(&other, "x", at(1), 1).is_empty());
    assert_eq!(claim(&other, "x", at(1) - TimeDelta::microseconds(1), 1).len(), 1);
}

#[test]
fn a_lease_is_as_long_as_its_worker_made_it() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let patient = claim_of("patient", 1).with_lease(Duration::from_secs(600));
    let claimed = block_on(world.catalog.at(at(0)).claim(&patient)).unwrap().executions.remove(0);
    let other = world.second_handle();
    assert!(claim(&other, "quick", at(1), 1).is_empty());
    let beat = Beat { fence: fence(&claimed), progress: claimed.progress };
    block_on(world.catalog.at(at(10)).beat(&worker("patient"), patient.lease, &[beat])).unwrap();
    assert!(claim(&other, "quick", at(609), 1).is_empty());
    assert_eq!(claim(&other, "quick", at(610), 1).len(), 1, "it lives, but hangs");
}

#[test]
fn a_worker_never_takes_over_what_it_holds() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let claimed = claim(&world.catalog, "w", day(30), 1).remove(0);
    for now in [day(31), at(0)] {
        let asking = claim_of("w", 1).with_holding(vec![fence(&claimed)]);
        assert_eq!(block_on(world.catalog.at(now).claim(&asking)).unwrap(), Claimed::default());
        assert_eq!(world.execution(&claimed), claimed);
    }
    assert_eq!(claim(&world.catalog, "x", day(31), 1).len(), 1, "another one does, even in the same process");
}

#[test]
fn what_a_worker_was_given_in_a_lost_reply_comes_back_when_its_lease_has_run_out() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let lost = claim(&world.catalog, "w", at(0), 1).remove(0);
    assert!(claim(&world.catalog, "w", at(59), 1).is_empty());
    let again = claim(&world.catalog, "w", at(60), 1).remove(0);
    assert_eq!((again.id, again.epoch), (lost.id, lost.epoch + 1));
}

#[test]
fn e5_crashes_are_taken_over_at_once_and_count_as_attempts() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let mut last = None;
    for attempt in 1..=5 {
        let dying = world.second_handle();
        let name = format!("w{attempt}");
        let Claimed { mut executions, given_up, .. } =
            block_on(dying.at(at(attempt)).claim(&claim_of(&name, 1))).unwrap();
        assert!(given_up.is_empty());
        let claimed = executions.remove(0);
        assert_eq!(claimed.attempts.len(), usize::try_from(attempt).unwrap());
        last = Some(claimed);
    }
    // The fifth crash is the last one. It is reported once.
    let claimed = block_on(world.catalog.at(at(6)).claim(&claim_of("w", 1))).unwrap();
    let failed = world.execution(&last.unwrap());
    assert_eq!(claimed, Claimed { given_up: vec![failed.clone()], ..Claimed::default() });
    assert_eq!(block_on(world.catalog.at(at(7)).claim(&claim_of("w", 1))).unwrap(), Claimed::default());
    assert_eq!(failed.state, ExecutionState::Failed(Failure::crashed()));
    assert_eq!((failed.attempts.len(), failed.finished_at), (5, Some(at(6))));
    let locks = world.folder.path().join("cdds.db.workers");
    let names = std::fs::read_dir(locks).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(
        names.filter(|name| *name != "folder").collect::<Vec<_>>(),
        ["w.lock"],
        "no lock file piles up"
    );
}

#[test]
fn a_worker_that_comes_back_under_its_name_takes_over_from_itself() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let before = world.second_handle();
    claim(&before, "w", at(0), 1);
    drop(before);
    let again = claim(&world.second_handle(), "w", at(1), 1);
    assert_eq!(again[0].epoch, 2);
}

#[test]
fn a_worker_keeps_its_own_work_when_it_claims_more() {
    let world = World::new();
    world.submit("One", immediately(), at(0));
    let one = claim(&world.catalog, "w", at(1), 1).remove(0);
    world.submit("Two", immediately(), at(2));
    assert_eq!(claim(&world.catalog, "w", at(3), 5).len(), 1);
    assert_eq!(world.execution(&one), one);
}

#[test]
fn one_id_is_for_one_engine() {
    let world = World::new();
    claim(&world.catalog, "w", at(0), 1);
    let other = world.second_handle();
    let refused = block_on(other.at(at(0)).claim(&claim_of("w", 1))).unwrap_err();
    assert_eq!(refused.kind(), CatalogErrorKind::Conflict);
    assert!(refused.to_string().contains("a worker id of its own"), "{refused}");
}

fn lock_file(world: &World, name: &str) -> PathBuf {
    world.folder.path().join("cdds.db.workers").join(name)
}

#[test]
fn e5_the_locks_of_workers_are_looked_at_outside_of_any_transaction() {
    let world = World::new();
    claim(&world.catalog, "w", at(0), 1);
    world.submit("Once", immediately(), at(0));
    let lost = claim(&world.second_handle(), "crashed", at(0), 1).remove(0);
    // A killed process leaves its lock file behind, and nobody holds the lock.
    File::create(lock_file(&world, "crashed.lock")).unwrap();

    let mut other = world.raw();
    let writing = other.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    std::thread::scope(|scope| {
        let claiming = scope.spawn(|| claim(&world.catalog, "w", at(1), 1));
        // It removes the lock file once it has found the worker dead, although it cannot write to the catalog
        // yet.
        while lock_file(&world, "crashed.lock").exists() {
            assert!(!claiming.is_finished(), "it looks only while it writes");
        }
        writing.rollback().unwrap();
        let taken = claiming.join().unwrap();
        assert_eq!((taken[0].id, taken[0].epoch), (lost.id, 2));
    });
}

#[test]
fn e5_whoever_keeps_the_folder_of_the_locks_locked_stops_nobody_who_works() {
    let world = World::new();
    world.submit("One", immediately(), at(0));
    let own = claim(&world.catalog, "w", at(0), 1).remove(0);
    world.submit("Two", immediately(), at(0));
    let crashed = claim(&world.second_handle(), "crashed", at(0), 1).remove(0);
    let held = File::options().write(true).open(lock_file(&world, "folder")).unwrap();
    held.lock().unwrap();

    world.submit("Three", immediately(), at(1));
    let next = claim(&world.catalog, "w", at(2), 5);
    assert_eq!(next.len(), 1, "whether the other one lives cannot be told yet");
    let beat = Beat { fence: fence(&own), progress: own.progress };
    let told = block_on(world.catalog.at(at(2)).beat(&worker("w"), LEASE, &[beat])).unwrap();
    assert_eq!(told, [Directive::Continue]);
    let holding = vec![fence(&own), fence(&next[0])];
    let later = claim_of("w", 5).with_holding(holding);
    let taken = block_on(world.catalog.at(at(60)).claim(&later)).unwrap().executions;
    assert_eq!((taken[0].id, taken.len()), (crashed.id, 1), "the lease has told");

    let refused = block_on(world.second_handle().at(at(60)).claim(&claim_of("late", 5))).unwrap_err();
    assert_eq!(refused.kind(), CatalogErrorKind::Unavailable);
    let (message, file) = (refused.to_string(), lock_file(&world, "folder").canonicalize().unwrap());
    for words in [&*file.display().to_string(), "end that process and try again"] {
        assert!(message.contains(words), "{words:?} is not in {message:?}");
    }
    drop(held);
    claim(&world.second_handle(), "late", at(60), 5);
}

#[test]
fn links_to_the_file_lead_to_the_same_locks() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    claim(&world.catalog, "w", at(0), 1);
    let link = world.folder.path().join("link.db");
    std::os::unix::fs::symlink(world.catalog.path(), &link).unwrap();
    let linked = Timed::open(&link).unwrap();
    assert_eq!(linked.path(), world.catalog.path());
    assert!(claim(&linked, "x", at(1), 1).is_empty(), "the worker lives");
}

const CATALOG: &str = "CDDS_TEST_CATALOG";

/// The other process of the next test. Does nothing when it runs as a test.
#[test]
fn a_process_that_claims_and_waits() {
    let Some(path) = std::env::var_os(CATALOG) else { return };
    let catalog = Timed::open(Path::new(&path)).unwrap();
    println!("claimed {}", claim(&catalog, "child", at(0), 1).len());
    // Wait until this process is killed or its parent is gone.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
}

#[test]
fn e5_a_killed_process_is_taken_over_at_once() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            concat!(module_path!(), "::a_process_that_claims_and_waits").split_once("::").unwrap().1,
            "--nocapture",
        ])
        .env(CATALOG, world.catalog.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("claimed 1")), "the other process got nothing");
    assert!(claim(&world.catalog, "w", at(1), 1).is_empty(), "it lives");

    child.kill().unwrap();
    child.wait().unwrap();
    let taken = claim(&world.catalog, "w", at(1), 1).remove(0);
    assert_eq!((taken.epoch, taken.status()), (2, Status::InProgress));
}
