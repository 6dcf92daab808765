//! Worlds in which people ask what is kept about them, and that it is erased.

use cdds_core::testing::sim::{World, run_all};

#[test]
fn d3_to_d11_hold_in_every_world_in_which_people_ask() {
    let figures = run_all(0..30, 1, |seed| World::new(seed).days(4).asking());
    let figures = figures.unwrap_or_else(|broken| panic!("{broken}"));
    for (what, count) in [
        ("requests", figures.requests),
        ("copies", figures.handed_over),
        ("erased records", figures.erased),
        ("restores", figures.restores),
        ("erasures applied again", figures.reapplied),
        ("sets asked for people", figures.filters_asked),
        ("recalled sets", figures.recalled),
        ("crashes", figures.crashes),
        ("pauses", figures.pauses),
        ("faults", figures.faults),
        ("panics", figures.panics),
        ("lost claims", figures.fenced),
    ] {
        assert!(count > 0, "there are no {what}: {figures}");
    }
    let coverage = &figures.coverage;
    let met = coverage.calls().filter(|call| call.contains("subject") || *call == "source.erase").count();
    assert!(met >= 12, "there were faults at {met} calls:\n{coverage}");
}

#[test]
fn a_seed_is_the_same_world_of_requests_every_time() {
    let world = |seed| World::new(seed).days(2).asking().run().unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!(world(5), world(5));
    assert_ne!(world(5).trace_hash, world(6).trace_hash);
}
