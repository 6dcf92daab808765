//! Deletion by people: of single files, and from the history (rules A8, E9).

use cdds_core::domain::archive::artifact::artifact_id;
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::{ArtifactId, Owner};
use cdds_core::ports::catalog::query::{ArtifactQuery, ExecutionQuery};
use cdds_core::ports::catalog::{
    ArtifactStore, CatalogErrorKind, ExecutionStore, JobStore, Removal, Settlement, Standing,
};
use cdds_core::ports::sink::Key;
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

fn set(world: &World, seconds: i64, parts: u32) -> Execution {
    world.submit("Some", immediately(), at(seconds));
    world.run_one(at(seconds), parts)
}

fn removals(world: &World) -> Vec<Removal> {
    block_on(world.catalog.removals(100)).unwrap()
}

fn confirm(world: &World, removal: &Removal) {
    block_on(world.catalog.confirm_removed(removal, at(99))).unwrap();
}

fn delete(world: &World, ids: &[ArtifactId], seconds: i64) -> Result<(), CatalogErrorKind> {
    block_on(world.catalog.delete_artifacts(&Owner::default(), ids, at(seconds), &[]))
        .map_err(|error| error.kind())
}

fn file(set: &Execution, part: u32) -> Removal {
    let key = Key::new(format!("{}/{}/{part:06}", set.id, set.epoch));
    Removal::File { artifact: artifact_id(set.id, part), key }
}

/// Returns the parts that are listed.
fn parts(world: &World, set: &Execution) -> Vec<u32> {
    let query = ArtifactQuery::default().with_execution(Some(set.id));
    let listed = block_on(world.catalog.artifacts(&set.owner, &query)).unwrap();
    let listed: Vec<u32> = listed.items.iter().map(|overview| overview.artifact.part).collect();
    let found = block_on(world.catalog.artifact_set(&set.owner, set.id)).unwrap();
    let found: Vec<u32> = found.iter().flat_map(|set| &set.artifacts).map(|artifact| artifact.part).collect();
    assert_eq!(listed, found);
    for part in 1..=4 {
        let one = block_on(world.catalog.artifact(&set.owner, artifact_id(set.id, part))).unwrap();
        assert_eq!(one.is_some(), listed.contains(&part));
    }
    listed
}

#[test]
fn a8_files_go_one_by_one_and_the_last_one_takes_the_set_along() {
    let world = World::new();
    let set = set(&world, 0, 3);
    delete(&world, &[artifact_id(set.id, 3)], 1).unwrap();
    delete(&world, &[artifact_id(set.id, 1)], 2).unwrap();
    assert_eq!(parts(&world, &set), [2]);
    assert_eq!(removals(&world), [file(&set, 3), file(&set, 1)], "oldest first");
    assert_eq!(world.standing(&set), Standing::Wanted, "one is left");
    for _ in 0..2 {
        confirm(&world, &file(&set, 3));
        assert_eq!(removals(&world), [file(&set, 1)]);
    }
    assert_eq!(delete(&world, &[artifact_id(set.id, 3)], 3), Err(CatalogErrorKind::Conflict), "it is gone");

    delete(&world, &[artifact_id(set.id, 2)], 4).unwrap();
    assert_eq!(parts(&world, &set), Vec::<u32>::new());
    assert_eq!(removals(&world), [Removal::Set { execution: set.id }], "the manifest goes too");
    assert_eq!(world.standing(&set), Standing::Unwanted);
    confirm(&world, &Removal::Set { execution: set.id });
    assert_eq!(removals(&world), []);
    let left = "SELECT count(*) FROM artifact WHERE removed_at IS NOT NULL AND removal_confirmed_at IS NULL";
    let left: i64 = world.raw().query_row(left, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "nothing is looked at for ever");
    assert_eq!(world.execution(&set).status(), Status::Finished);
}

#[test]
fn a8_all_or_none_are_deleted() {
    let world = World::new();
    let (one, held) = (set(&world, 0, 2), set(&world, 1, 1));
    let stranger = Owner::new("stranger").unwrap();
    world.submit_as(&stranger, settings("Theirs", immediately()), at(2));
    let theirs = world.run_one(at(2), 1);
    block_on(world.catalog.hold(&held.owner, held.id, true, &[])).unwrap();
    let (first, second) = (artifact_id(one.id, 1), artifact_id(one.id, 2));
    for bad in [artifact_id(held.id, 1), artifact_id(theirs.id, 1), artifact_id(one.id, 9)] {
        assert_eq!(delete(&world, &[first, bad, second], 3), Err(CatalogErrorKind::Conflict));
        assert_eq!((parts(&world, &one), removals(&world)), (vec![1, 2], Vec::new()));
    }
    delete(&world, &[first, first], 4).unwrap();
    assert_eq!(parts(&world, &one), [2], "named twice, deleted once");
    delete(&world, &[], 5).unwrap();
    block_on(world.catalog.hold(&one.owner, one.id, true, &[])).unwrap();
    assert_eq!(delete(&world, &[second], 6), Err(CatalogErrorKind::Conflict));
    assert_eq!(removals(&world), [file(&one, 1)], "what was deleted before goes all the same");
}

#[test]
fn a7_a_set_that_expires_takes_its_deleted_files_along() {
    let world = World::new();
    let set = set(&world, 0, 2);
    delete(&world, &[artifact_id(set.id, 1)], 1).unwrap();
    assert_eq!(block_on(world.catalog.expire(day(31), 9)).unwrap(), 1);
    assert_eq!(removals(&world), [Removal::Set { execution: set.id }]);
    assert_eq!(delete(&world, &[artifact_id(set.id, 2)], 2), Err(CatalogErrorKind::Conflict), "expired");
    confirm(&world, &Removal::Set { execution: set.id });
    assert_eq!(removals(&world), []);
}

#[test]
fn a_removal_that_is_not_understood_is_passed_over() {
    let world = World::new();
    let sets = [0, 1].map(|seconds| set(&world, seconds, 2));
    for (seconds, set) in (5..).zip(&sets) {
        delete(&world, &[artifact_id(set.id, 1)], seconds).unwrap();
    }
    let raw = world.raw();
    let strange = "UPDATE artifact SET id = 'strange' WHERE id = ?1";
    raw.execute(strange, [artifact_id(sets[0].id, 1).to_string()]).unwrap();
    let others = block_on(world.catalog.removals(1)).unwrap();
    assert_eq!(others, [file(&sets[1], 1)], "it does not count");
}

#[test]
fn e9_a_deleted_execution_is_gone_and_known_as_unwanted() {
    let world = World::new();
    let mut confidential = settings("Confidential", daily());
    confidential.description = cdds_core::domain::job::Description::new("confidential").unwrap();
    let job = world.submit_as(&Owner::default(), confidential, at(0));
    world.materialise(day(1));
    let older = world.run_one(day(1), 1);
    world.materialise(day(2));
    let set = world.run_one(day(2), 2);
    world.raw().execute("UPDATE execution SET records = 7 WHERE id = ?1", [older.id.to_string()]).unwrap();
    let last = || block_on(world.catalog.last_records(job.id)).unwrap();
    let latest = || block_on(world.catalog.job(&job.owner, job.id)).unwrap().unwrap().latest.unwrap().id;
    assert_eq!((last(), latest(), world.standing(&set)), (Some(42), set.id, Standing::Wanted));

    let remove = |owner: &Owner| block_on(world.catalog.delete_execution(owner, set.id, day(2), &[]));
    let stranger = Owner::new("stranger").unwrap();
    assert_eq!(remove(&stranger).unwrap_err().kind(), CatalogErrorKind::Conflict);
    remove(&set.owner).unwrap();
    assert_eq!(remove(&set.owner).unwrap_err().kind(), CatalogErrorKind::Conflict, "it is gone");
    assert_eq!(world.overview(&set, day(2)), None);
    assert_eq!(world.history(), [world.execution(&older)]);
    let of_job = ExecutionQuery::default().with_job(Some(job.id));
    assert_eq!(world.executions(&of_job).len(), 1);
    assert_eq!((last(), latest(), world.standing(&set)), (Some(7), older.id, Standing::Unwanted));
    assert_eq!(removals(&world), [Removal::Set { execution: set.id }]);
    assert_eq!(parts(&world, &set), Vec::<u32>::new());
    let error = block_on(world.catalog.hold(&set.owner, set.id, true, &[])).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Conflict);
    confirm(&world, &Removal::Set { execution: set.id });
    assert_eq!((removals(&world), world.standing(&set)), (Vec::new(), Standing::Unwanted));
}

#[test]
fn e9_a_deleted_execution_says_nothing_and_does_not_come_back() {
    let world = World::new();
    let job = world.submit("Confidential", daily(), at(0));
    world.materialise(day(1));
    let before = world.job(job.id);
    let claimed = claim(&world.catalog, "w", day(1), 1).remove(0);
    let ended = world.settle(&claimed, &failed(false), day(1));
    block_on(world.catalog.delete_execution(&ended.owner, ended.id, day(1), &[])).unwrap();
    let raw = world.raw();
    let texts = "SELECT settings || title_folded || coalesce(detail, '') || attempts FROM execution";
    let texts: String = raw.query_row(texts, [], |row| row.get(0)).unwrap();
    // Only the claim is left, since its files may still appear in the store (rule E16).
    let left = format!(
        concat!(
            r#"{{"v":1,"attempts":[{{"epoch":1,"nonce":"{}","worker":"unknown","#,
            r#""started_at":"2026-01-02T00:00:00Z","ended_at":"2026-01-02T00:00:00Z"}}]}}"#
        ),
        claimed.writer().nonce.unwrap()
    );
    assert_eq!(texts, left);
    assert_eq!(world.standing(&claimed), Standing::Unwanted);

    // Its occurrence stays on the record, so that the same slot does not run again.
    let slot = Execution::scheduled(&before, day(1), terms().source, day(1));
    assert_eq!(slot.id, claimed.id);
    let current = world.job(job.id);
    let change = cdds_core::domain::job::JobChange {
        entries: vec![slot],
        ..cdds_core::domain::job::JobChange::of(current.clone())
    };
    world.change(&current, &change).unwrap();
    assert_eq!((world.history(), claim(&world.catalog, "w", day(1), 9)), (Vec::new(), Vec::new()));
}

#[test]
fn e16_files_of_claims_that_cannot_be_decoded_are_not_confirmed_as_removed() {
    let world = World::new();
    let set = set(&world, 0, 1);
    delete(&world, &[artifact_id(set.id, 1)], 1).unwrap();
    let raw = world.raw();
    let attempts: String = raw.query_row("SELECT attempts FROM execution", [], |row| row.get(0)).unwrap();
    raw.execute("UPDATE execution SET attempts = '{\"v\":99}'", []).unwrap();
    assert_eq!(world.standing(&set), Standing::Unknown, "they stay");
    assert_eq!(removals(&world), []);
    raw.execute("UPDATE execution SET attempts = ?1", [attempts]).unwrap();
    assert_eq!(world.standing(&set), Standing::Unwanted);
    assert_eq!(removals(&world), [Removal::Set { execution: set.id }]);
}

#[test]
fn e9_what_has_not_ended_cannot_be_deleted() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let waiting = world.history().remove(0);
    let remove = || block_on(world.catalog.delete_execution(&waiting.owner, waiting.id, at(1), &[]));
    assert_eq!(remove().unwrap_err().kind(), CatalogErrorKind::Conflict);
    let running = claim(&world.catalog, "w", at(0), 1).remove(0);
    assert_eq!(remove().unwrap_err().kind(), CatalogErrorKind::Conflict);
    assert_eq!(world.execution(&running), running);
    world.settle(&running, &Settlement::Cancelled, at(1));
    remove().unwrap();
    assert_eq!((world.history(), removals(&world)), (Vec::new(), Vec::new()));
}
