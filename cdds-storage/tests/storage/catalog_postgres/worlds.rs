//! Simulated worlds, and random steps beside the catalog in memory.

use std::sync::Arc;

use cdds_core::testing::sim::{World, run_all};

use super::scene::Scene;

/// The default number of worlds, of a day each.
const SEEDS: u64 = 2;

#[test]
fn i1_to_i12_hold_over_postgres() {
    let seeds = std::env::var("CDDS_SIMULATION_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let scene = Arc::new(Scene::new());
    let world = |seed| {
        let scene = Arc::clone(&scene);
        World::new(seed).days(1).over(move |clock| scene.fresh(clock))
    };
    let figures = run_all(0..seeds, 2, world).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(figures.successes > 0 && figures.faults > 0, "{figures}");
}
