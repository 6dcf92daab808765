//! No invariant breaks, whatever goes wrong, and a seed reproduces everything.

use std::sync::{Arc, Mutex};

use cdds_core::ports::source::CheckedSource;
use cdds_core::testing::MemorySink;
use cdds_core::testing::conformance::sink::{Planted, PlantedSink};
use cdds_core::testing::sim::{Event, FaultKind, Invariant, PlantedBug, World, run_all};

#[test]
fn i1_to_i12_hold_in_every_world() {
    let figures =
        run_all(0..30, 1, |seed| World::new(seed).days(4)).unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!(figures.seeds, 30);
    for (what, count) in [
        ("successes", figures.successes),
        ("crashes", figures.crashes),
        ("pauses", figures.pauses),
        ("faults", figures.faults),
        ("outages", figures.outages),
        ("panics", figures.panics),
        ("fenced commits", figures.fenced),
        ("removals", figures.removals),
        ("forgotten", figures.forgotten),
        ("changed records", figures.changed),
        ("first runs", figures.first_runs),
        ("sets of several types", figures.several_types),
        ("sets filtered by a list", figures.filtered),
    ] {
        assert!(count > 0, "there are no {what}: {figures}");
    }
    // Every kind of fault must occur. To see each at every call takes as many worlds as `.ci/test` runs.
    let coverage = &figures.coverage;
    for fault in FaultKind::ALL {
        let calls = coverage.calls().filter(|call| coverage.count(call, fault) > 0).count();
        let least = match fault {
            FaultKind::Panic => 3,
            FaultKind::Hang | FaultKind::Change => 1,
            _ => 5,
        };
        assert!(calls >= least, "{} came at {calls} calls:\n{coverage}", fault.as_str());
    }
    let met = coverage.calls().count();
    assert!(met >= 30, "there were faults at {met} calls:\n{coverage}");
}

#[test]
fn e17_a_restored_catalog_loses_no_file_and_no_record() {
    let world = |seed| World::new(seed).days(4).restoring();
    let figures = run_all(0..40, 1, world).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(figures.restores > 30, "{figures}");
}

#[test]
fn f9_what_holds_in_utc_holds_over_changes_of_clocks_and_of_their_law() {
    let figures = run_all(0..25, 1, |seed| World::new(seed).days(4).zoned());
    let figures = figures.unwrap_or_else(|broken| panic!("{broken}"));
    assert!(figures.successes > 100 && figures.renewals > 3, "{figures}");
}

/// A source that is checked while it is read: whatever breaks off or changes, it keeps its contract.
#[test]
fn a_world_reads_through_what_is_put_in_front_of_its_sources() {
    let world = |seed| World::new(seed).days(2).reading(|source| Arc::new(CheckedSource::new(source)));
    let figures = run_all(0..10, 1, world).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(figures.successes > 0, "{figures}");
    // One that is wrong is found: this one shows every record to every owner.
    let leaking = |seed| world(seed).planted(PlantedBug::OwnerLeak);
    assert!((0..20).any(|seed| leaking(seed).run().is_err()));
}

#[test]
fn stores_that_lose_or_alter_files_are_found() {
    for bug in [Planted::LosesLastWrite, Planted::KeepsDeleted, Planted::MissingIsUnavailable] {
        let world = |seed| World::new(seed).days(2).storing(Arc::new(PlantedSink::new(bug)));
        let found = (0..20).find_map(|seed| world(seed).run().err());
        assert_eq!(found.map(|found| found.invariant), Some(Invariant::Store), "{bug:?}");
    }
    let world = |seed| World::new(seed).days(2).storing(Arc::new(MemorySink::new()));
    run_all(0..10, 1, world).unwrap_or_else(|broken| panic!("{broken}"));
}

#[test]
fn a_panic_is_told_with_its_seed() {
    let world = |seed| World::new(seed).days(2).planted(PlantedBug::PanicEndsEngine);
    let violation = run_all(0..200, 2, world).unwrap_err();
    assert_eq!(violation.invariant, Invariant::Ends);
    assert!(violation.what.contains("panic") && !violation.events.is_empty(), "{violation}");
    assert_eq!(world(violation.seed).run().unwrap_err(), violation);
}

#[test]
fn a_seed_is_the_same_world_every_time() {
    let trace = |seed| {
        let events = Arc::new(Mutex::new(Vec::<Event>::new()));
        let listener = Arc::clone(&events);
        let world =
            World::new(seed).days(3).traced(move |event| listener.lock().unwrap().push(event.clone()));
        let figures = world.run().unwrap_or_else(|broken| panic!("{broken}"));
        let events = std::mem::take(&mut *events.lock().unwrap());
        (figures, events)
    };
    for seed in [3, 17] {
        let (one, other) = (trace(seed), trace(seed));
        let differs = one.1.iter().zip(&other.1).find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(one, other, "seed {seed}");
    }
    assert_ne!(trace(3).0.trace_hash, trace(17).0.trace_hash);
}
