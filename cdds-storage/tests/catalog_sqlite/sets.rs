//! Artifact sets: published, shown, downloaded, removed (rules A7, A8; invariants I3, I12).

use cdds_core::domain::artifact::{ArtifactSet, artifact_id};
use cdds_core::domain::execution::Status;
use cdds_core::domain::id::{ArtifactId, Owner};
use cdds_core::ports::catalog::query::ArtifactQuery;
use cdds_core::ports::catalog::{Catalog, CatalogErrorKind, ExpiredSet, Publication, Standing};
use chrono::TimeDelta;
use futures::executor::block_on;

use crate::world::*;

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
    assert_eq!(second.as_ref(), set.artifacts.get(1));
    let execution = world.execution(&claimed);
    assert_eq!(execution, claimed.clone().succeeded(publication.progress, at(9)));
    assert_eq!((execution.status(), execution.progress.percent), (Status::Finished, Some(100)));
    assert_eq!(block_on(world.catalog.last_records(job.id)).unwrap(), Some(42));
    assert_eq!(world.standing(&claimed), Standing::Wanted);
    let agenda = block_on(world.catalog.agenda()).unwrap();
    assert_eq!((agenda.queued, agenda.running), (0, 0));
}

#[test]
fn a_publication_that_does_not_fit_changes_nothing() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let claimed = claim(&world.catalog, "w", at(0), 1).remove(0);
    let sound = publication(&claimed, 2, at(9));
    let doubled = sound.set.artifacts.iter().chain(&sound.set.artifacts).cloned().collect();
    let set = ArtifactSet { artifacts: doubled, manifest: sound.set.manifest.clone() };
    let error = block_on(world.catalog.publish(fence(&claimed), &Publication { set, ..sound.clone() }));
    assert_eq!(error.unwrap_err().kind(), CatalogErrorKind::Conflict);
    assert_eq!(world.execution(&claimed), claimed);
    block_on(world.catalog.publish(fence(&claimed), &sound)).unwrap();
}

fn expire(world: &World, seconds: i64, limit: usize) -> Vec<ExpiredSet> {
    block_on(world.catalog.expire(at(seconds), limit)).unwrap()
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
        assert_eq!(u64::try_from(page.items.len()).unwrap(), page.total);
        page.total
    };

    assert!(
        block_on(world.catalog.expire(at(10 + DAYS_30) - TimeDelta::microseconds(1), 10)).unwrap().is_empty()
    );
    assert_eq!(shown(), 3);
    let gone = [ExpiredSet { execution: one.id }];
    assert_eq!(expire(&world, 10 + DAYS_30, 10), gone);
    assert_eq!(shown(), 1);
    assert_eq!(block_on(world.catalog.artifact_set(&one.owner, one.id)).unwrap(), None);
    assert_eq!(block_on(world.catalog.artifact(&one.owner, artifact_id(one.id, 1))).unwrap(), None);
    assert_eq!(world.standing(&one), Standing::Unwanted);
    assert_eq!(world.standing(&two), Standing::Wanted);

    // Until the files are confirmed as gone they are asked for again, also by another process.
    assert_eq!(block_on(world.second_handle().expire(at(11 + DAYS_30), 10)).unwrap(), gone);
    block_on(world.catalog.confirm_removed(one.id, at(11 + DAYS_30))).unwrap();
    block_on(world.catalog.confirm_removed(one.id, at(12 + DAYS_30))).unwrap();
    assert!(expire(&world, 12 + DAYS_30, 10).is_empty());
    assert_eq!(expire(&world, 20 + DAYS_30, 10), [ExpiredSet { execution: two.id }]);
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
    block_on(world.catalog.confirm_removed(sets[2].id, at(5))).unwrap();
    let later = 40 * 86_400;
    assert_eq!(expire(&world, later, 2).len(), 2);
    assert_eq!(expire(&world, later, 2).len(), 3, "what is marked is given whatever the limit");
}

#[test]
fn a7_a_set_on_hold_stays() {
    let world = World::new();
    world.submit("Held", immediately(), at(0));
    let claimed = claim(&world.catalog, "w", at(0), 1).remove(0);
    let mut held = publication(&claimed, 2, at(0));
    held.set.artifacts[1].hold = true;
    block_on(world.catalog.publish(fence(&claimed), &held)).unwrap();
    assert!(expire(&world, 400 * 86_400, 10).is_empty());
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

    let record = |ids: &[_]| block_on(world.catalog.record_download(&Owner::default(), ids, at(5))).unwrap();
    record(&[foreign, one, unknown]);
    record(&[one, two]);
    let raw = world.raw();
    let count = |id: ArtifactId| -> i64 {
        let sql = "SELECT count(*) FROM download WHERE artifact_id = ?1";
        raw.query_row(sql, [id.to_string()], |row| row.get(0)).unwrap()
    };
    assert_eq!([one, two, foreign, unknown].map(count), [2, 1, 0, 0]);
}
