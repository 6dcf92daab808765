//! Artifact sets: published, listed, downloaded, removed (rules A7, A8; invariants I3, I12).

use cdds_core::domain::access::download::{DownloadEnd, DownloadOutcome};
use cdds_core::domain::archive::artifact::{ArtifactSet, artifact_id};
use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::Status;
use cdds_core::domain::id::{ArtifactId, Owner};
use cdds_core::ports::catalog::query::{ArtifactQuery, Total};
use cdds_core::ports::catalog::{
    ArtifactStore, CatalogErrorKind, ExecutionStore, Publication, Removal, Standing, WorkQueue,
};
use chrono::TimeDelta;
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

#[test]
fn i3_a_publication_is_the_set_and_the_success() {
    let world = World::new();
    let job = world.submit("Once", immediately(), at(0));
    assert_eq!(block_on(world.catalog.last_records(job.id)).unwrap(), None);
    let claimed = claim(&world.catalog, "w", at(0), 1).remove(0);
    assert_eq!(block_on(world.catalog.artifact_set(&claimed.owner, claimed.id)).unwrap(), None);

    let publication = publication(&claimed, 3, at(9));
    block_on(world.catalog.publish(fence(&claimed), &publication)).unwrap();
    let set = block_on(world.catalog.artifact_set(&claimed.owner, claimed.id)).unwrap().unwrap();
    assert_eq!(set, publication.set);
    let second = block_on(world.catalog.artifact(&claimed.owner, artifact_id(claimed.id, 2))).unwrap();
    assert_eq!(second.map(|overview| overview.artifact).as_ref(), set.artifacts.get(1));
    let execution = world.execution(&claimed);
    assert_eq!(execution, claimed.clone().succeeded(publication.progress, at(9)));
    assert_eq!((execution.status(), execution.progress.percent), (Status::Finished, Some(100)));
    assert_eq!(block_on(world.catalog.last_records(job.id)).unwrap(), Some(42));
    assert_eq!(world.standing(&claimed), Standing::Wanted);
    let agenda = block_on(world.catalog.agenda(Clocks::default())).unwrap();
    assert_eq!((agenda.queued, agenda.running), (0, 0));
}

#[test]
fn a_publication_that_does_not_fit_changes_nothing() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let claimed = claim(&world.catalog, "w", at(0), 1).remove(0);
    let sound = publication(&claimed, 2, at(9));
    let doubled = sound.set.artifacts.iter().chain(&sound.set.artifacts).cloned().collect();
    let set = ArtifactSet { artifacts: doubled, ..sound.set.clone() };
    let error = block_on(world.catalog.publish(fence(&claimed), &Publication { set, ..sound.clone() }));
    assert_eq!(error.unwrap_err().kind(), CatalogErrorKind::Conflict);
    assert_eq!(world.execution(&claimed), claimed);
    block_on(world.catalog.publish(fence(&claimed), &sound)).unwrap();
}

fn expire(world: &World, seconds: i64, limit: usize) -> usize {
    block_on(world.catalog.expire(at(seconds), limit)).unwrap()
}

fn removals(world: &World) -> Vec<Removal> {
    block_on(world.catalog.removals(100)).unwrap()
}

#[test]
fn a7_sets_expire_are_hidden_and_confirmed() {
    const DAYS_30: i64 = 30 * 86_400;
    let world = World::new();
    world.submit("One", immediately(), at(0));
    world.submit("Two", immediately(), at(1));
    let one = world.run_one(at(10), 2);
    let two = world.run_one(at(20), 1);
    let shown = || {
        let page = block_on(world.catalog.artifacts(&Owner::default(), &ArtifactQuery::default())).unwrap();
        assert_eq!(u64::try_from(page.items.len()).ok(), page.total.and_then(Total::exact));
        page.total.and_then(Total::exact)
    };

    let early = at(10 + DAYS_30) - TimeDelta::microseconds(1);
    assert_eq!(block_on(world.catalog.expire(early, 10)).unwrap(), 0);
    assert_eq!((shown(), removals(&world)), (Some(3), Vec::new()));
    let gone = Removal::Set { execution: one.id };
    assert_eq!(expire(&world, 10 + DAYS_30, 10), 1);
    assert_eq!(expire(&world, 10 + DAYS_30, 10), 0, "it is marked");
    assert_eq!(removals(&world), std::slice::from_ref(&gone));
    assert_eq!(shown(), Some(1));
    assert_eq!(block_on(world.catalog.artifact_set(&one.owner, one.id)).unwrap(), None);
    assert_eq!(block_on(world.catalog.artifact(&one.owner, artifact_id(one.id, 1))).unwrap(), None);
    assert_eq!(world.standing(&one), Standing::Unwanted);
    assert_eq!(world.standing(&two), Standing::Wanted);

    // A removal is returned until it is confirmed, also to another process.
    assert_eq!(block_on(world.second_handle().removals(10)).unwrap(), std::slice::from_ref(&gone));
    for _ in 0..2 {
        block_on(world.catalog.confirm_removed(&gone, at(11 + DAYS_30))).unwrap();
        assert_eq!(removals(&world), []);
    }
    assert_eq!(expire(&world, 20 + DAYS_30, 10), 1);
    assert_eq!(removals(&world), [Removal::Set { execution: two.id }]);
    assert_eq!(world.execution(&one).status(), Status::Finished, "the history stays");
}

#[test]
fn a7_removal_goes_in_steps_and_a_live_set_is_not_confirmed_away() {
    let world = World::new();
    let sets: Vec<_> = (0..3)
        .map(|number| {
            world.submit("Some", immediately(), at(number));
            world.run_one(at(number), 1)
        })
        .collect();
    let of = |index: usize| Removal::Set { execution: sets[index].id };
    block_on(world.catalog.confirm_removed(&of(2), at(5))).unwrap();
    let later = 40 * 86_400;
    assert_eq!((expire(&world, later, 2), expire(&world, later + 1, 2)), (2, 1));
    let mut first = vec![of(0), of(1)];
    first.sort_by_key(|removal| format!("{removal:?}"));
    assert_eq!(removals(&world), [first.as_slice(), &[of(2)]].concat(), "oldest first");
    assert_eq!(block_on(world.catalog.removals(2)).unwrap(), first);
    assert_eq!(block_on(world.catalog.removals(0)).unwrap(), []);
}

#[test]
fn a7_a_set_on_hold_stays_until_it_is_released() {
    let world = World::new();
    world.submit("Held", immediately(), at(0));
    let set = world.run_one(at(0), 2);
    let (owner, late) = (set.owner.clone(), 400 * 86_400);
    let hold = |hold| block_on(world.catalog.hold(&owner, set.id, hold, &[]));
    hold(true).unwrap();
    hold(true).unwrap();
    let held = block_on(world.catalog.artifact_set(&owner, set.id)).unwrap().unwrap();
    assert!(held.artifacts.iter().all(|artifact| artifact.hold && artifact.is_available(at(late))));
    assert_eq!((expire(&world, late, 10), removals(&world)), (0, Vec::new()));

    let id = artifact_id(set.id, 1);
    let error = block_on(world.catalog.delete_artifacts(&owner, &[id], at(late), &[])).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Conflict);
    let error = block_on(world.catalog.delete_execution(&owner, set.id, at(late), &[])).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Conflict);
    assert_eq!(block_on(world.catalog.artifact_set(&owner, set.id)).unwrap(), Some(held));

    // Once the hold is released, the expiry applies at once.
    hold(false).unwrap();
    assert_eq!((expire(&world, late, 10), removals(&world)), (1, vec![Removal::Set { execution: set.id }]));
    let error = hold(true).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Conflict, "it is too late");
    let stranger = Owner::new("stranger").unwrap();
    world.submit("Other", immediately(), at(late));
    let other = world.run_one(at(late), 1);
    let error = block_on(world.catalog.hold(&stranger, other.id, true, &[])).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Conflict);
}

#[test]
fn a7_one_held_file_keeps_its_set() {
    let world = World::new();
    world.submit("Held", immediately(), at(0));
    let claimed = claim(&world.catalog, "w", at(0), 1).remove(0);
    let mut held = publication(&claimed, 2, at(0));
    held.set.artifacts[1].hold = true;
    block_on(world.catalog.publish(fence(&claimed), &held)).unwrap();
    assert_eq!(expire(&world, 400 * 86_400, 10), 0);
    assert_eq!(block_on(world.catalog.artifact_set(&claimed.owner, claimed.id)).unwrap(), Some(held.set));
}

#[test]
fn a8_downloads_of_the_owners_files_are_recorded() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let mine = world.run_one(at(0), 2);
    let other = Owner::new("other").unwrap();
    world.submit_as(&other, settings("Once", immediately()), at(1));
    let theirs = world.run_one(at(1), 1);
    let (one, two) = (artifact_id(mine.id, 1), artifact_id(mine.id, 2));
    let (foreign, unknown) = (artifact_id(theirs.id, 1), artifact_id(mine.id, 3));

    for file in [one, unknown, one, two] {
        download(&*world.catalog, &Owner::default(), file, verified(at(5)));
    }
    for outcome in [DownloadOutcome::BrokenOff, DownloadOutcome::Corrupt] {
        download(&*world.catalog, &Owner::default(), two, DownloadEnd { outcome, ..verified(at(6)) });
    }
    let raw = world.raw();
    let count = |id: ArtifactId| -> i64 {
        let sql = "SELECT count(*) FROM download WHERE artifact_id = ?1";
        raw.query_row(sql, [id.to_string()], |row| row.get(0)).unwrap()
    };
    assert_eq!([one, two, foreign, unknown].map(count), [2, 1, 0, 0]);
}
