//! Simulated worlds over the SQLite catalog. Each life of an engine opens the file anew, as a process does, so that
//! the work of a dead one is taken over at once.
//!
//! `CDDS_SIMULATION_SEEDS=1000 cargo nextest run --release -p cdds-storage --test simulation` runs more of them.

#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use cdds_core::testing::sim::{Invariant, PlantedBug, World, run_all};
use cdds_storage::catalog::SqliteCatalog;
use tempfile::TempDir;

/// How many worlds of two days there are, if the environment does not say: three quarters of a minute on two cores.
const SEEDS: u64 = 50;

fn world(seed: u64) -> World {
    let folder = Arc::new(folder());
    World::new(seed)
        .days(2)
        .over(move || Arc::new(SqliteCatalog::open(folder.path().join("cdds.db")).unwrap()))
}

/// In memory where there is such a place: a simulation has no power cuts.
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

#[test]
fn a_planted_bug_is_found_over_sqlite_too() {
    let bug = PlantedBug::WatermarkOutsideTransaction;
    let found = (0..20).find_map(|seed| world(seed).planted(bug).run().err());
    assert_eq!(found.unwrap().invariant, Invariant::I3);
}
