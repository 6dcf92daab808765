//! Simulated worlds over the SQLite catalog. Each life of an engine opens the file anew, as a process does,
//! so that the work of a dead one is taken over at once.
//!
//! `CDDS_SIMULATION_SEEDS=1000 cargo nextest run --release -p cdds-storage simulation::` runs more of
//! them.

#![cfg(feature = "sqlite")]

use std::sync::Arc;

use cdds_core::testing::sim::{Invariant, PlantedBug, World, run_all};
use cdds_storage::ObjectSink;
use cdds_storage::catalog::SqliteCatalog;
use tempfile::TempDir;

/// The default number of worlds of two days each. They take three quarters of a minute on two cores.
const SEEDS: u64 = 50;

fn world(seed: u64) -> World {
    let folder = Arc::new(folder());
    World::new(seed).days(2).over(move |clock| {
        move || {
            let catalog = SqliteCatalog::open(folder.path().join("cdds.db")).unwrap();
            Arc::new(catalog.with_clock(Arc::clone(&clock)))
        }
    })
}

/// Creates a folder, in memory where possible: a simulation does not need durable files.
fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

#[test]
fn i1_to_i12_hold_over_sqlite() {
    let seeds = std::env::var("CDDS_SIMULATION_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let figures = run_all(0..seeds, 2, world).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(figures.successes > 0 && figures.faults > 0, "{figures}");
    println!("{figures}");
}

#[test]
fn a_seed_is_the_same_world_over_sqlite_too() {
    let run = || world(3).run().unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!(run(), run());
}

/// Finds some bugs of a catalog, or every planted bug if the environment asks for more worlds.
#[test]
fn planted_bugs_are_found_over_sqlite_too() {
    let few = [
        (PlantedBug::WatermarkOutsideTransaction, Invariant::I3),
        (PlantedBug::AckWithoutWrite, Invariant::Answer),
        (PlantedBug::NewestFirst, Invariant::Order),
    ];
    for (bug, invariant) in few {
        let found = (0..20).find_map(|seed| world(seed).planted(bug).run().err());
        assert_eq!(found.unwrap().invariant, invariant, "{bug:?}");
    }
    if std::env::var("CDDS_SIMULATION_SEEDS").is_ok() {
        for bug in PlantedBug::ALL {
            let found = (0..200).find_map(|seed| world(seed).days(4).planted(bug).run().err());
            let violation = found.unwrap_or_else(|| panic!("{bug:?} is not found"));
            println!("{bug:?}: seed {}, {}", violation.seed, violation.invariant);
        }
    }
}

/// Worlds over a folder instead of a store in memory: 20 of a day, in which each file is written by system calls.
#[test]
fn i1_to_i12_hold_over_a_folder() {
    let world = |seed| {
        let folder = folder();
        let store = Arc::new(ObjectSink::local(folder.path()).unwrap());
        let around = move |source| {
            // The folder lives as long as the world.
            let _folder = &folder;
            source
        };
        World::new(seed).days(1).storing(store).reading(around)
    };
    let figures = run_all(0..20, 2, world).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(figures.successes > 0 && figures.removals > 0, "{figures}");
}
