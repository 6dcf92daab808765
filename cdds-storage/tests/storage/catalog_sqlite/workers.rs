//! The register of workers, beside the locks of their processes (rule E19).

use cdds_core::domain::id::Owner;
use cdds_core::domain::work::worker::{WorkerFacts, WorkerState};
use cdds_core::ports::catalog::WorkerRegister;
use futures::executor::block_on;

use crate::catalog_sqlite::world::*;

impl World {
    /// Returns who is listed, and in which state, as of an instant.
    fn workers(&self, seconds: i64) -> Vec<(String, WorkerState)> {
        let list = block_on(self.catalog.workers(&Owner::default(), at(seconds), 9)).unwrap();
        list.into_iter().map(|one| (one.entry.worker.to_string(), one.state)).collect()
    }
}

fn attend(catalog: &Timed, name: &str, seconds: i64) {
    block_on(catalog.at(at(seconds)).attend(&worker(name), &WorkerFacts::default(), LEASE)).unwrap();
}

fn state(name: &str, state: WorkerState) -> (String, WorkerState) {
    (name.to_owned(), state)
}

#[test]
fn e19_a_worker_is_gone_with_its_process_and_not_before() {
    let world = World::new();
    let (dying, leaving) = (world.second_handle(), world.second_handle());
    attend(&dying, "dying", 0);
    attend(&leaving, "leaving", 1);
    let alive = [state("leaving", WorkerState::Alive), state("dying", WorkerState::Alive)];
    assert_eq!(world.workers(2), alive);
    assert_eq!(world.workers(9_999), alive, "a process that lives may be slow");
    block_on(leaving.at(at(3)).leave(&worker("leaving"))).unwrap();
    drop((dying, leaving));
    assert_eq!(world.workers(4), [state("dying", WorkerState::Gone), state("leaving", WorkerState::Left)]);
}

#[test]
fn e19_a_sign_of_life_makes_no_claim_and_ends_none() {
    let world = World::new();
    world.submit("Once", immediately(), at(0));
    let held = claim(&world.catalog, "w", at(0), 1).remove(0);
    attend(&world.catalog, "w", 1);
    block_on(world.catalog.at(at(2)).leave(&worker("w"))).unwrap();
    assert_eq!(world.execution(&held), held);
    let list = block_on(world.catalog.workers(&Owner::default(), at(2), 9)).unwrap();
    assert_eq!((list[0].state, list[0].running.own), (WorkerState::Left, 1));
}

#[test]
fn e19_a_worker_that_is_not_understood_hides_no_other() {
    let world = World::new();
    attend(&world.catalog, "good", 0);
    for change in ["started_at = 9223372036854775807", "concurrency = -1", "process = 4294967296"] {
        attend(&world.catalog, "bad", 0);
        world.raw().execute(&format!("UPDATE worker SET {change} WHERE id = 'bad'"), []).unwrap();
        assert_eq!(world.workers(0), [state("good", WorkerState::Alive)], "{change}");
        attend(&world.catalog, "bad", 0);
        assert_eq!(world.workers(0).len(), 2, "{change}: its next sign is stored");
    }
}
