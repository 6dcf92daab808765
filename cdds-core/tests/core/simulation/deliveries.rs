//! Nothing half-made bears a final name, nothing is lost, and nobody is told too early, whatever goes wrong.

use cdds_core::testing::sim::{Crowd, DeliveryBug, DeliveryFigures, DeliveryWorld, Invariant};

#[test]
fn n_i1_to_n_i3_hold_in_every_world_of_deliveries() {
    let mut figures = DeliveryFigures::default();
    for seed in 0..12 {
        figures.add(&DeliveryWorld::new(seed).days(2).run().unwrap_or_else(|broken| panic!("{broken}")));
    }
    assert_eq!(figures.worlds, 12);
    for (what, count) in [
        ("deliveries", figures.delivered),
        ("failed attempts", figures.failed),
        ("deliveries given up", figures.given_up),
        ("deliveries asked for again", figures.asked_again),
        ("files taken away", figures.taken),
        ("notices", figures.told),
        ("faults", figures.faults),
        ("crashes", figures.crashes),
        ("pauses", figures.pauses),
        ("fenced reports", figures.fenced),
    ] {
        assert!(count > 0, "there are no {what}: {figures}");
    }
}

#[test]
fn n5_what_hangs_for_five_days_is_disabled_and_delivered_once_it_is_enabled() {
    let figures = DeliveryWorld::new(0).days(6).run().unwrap_or_else(|broken| panic!("{broken}"));
    assert!(figures.disabled > 0 && figures.given_up > 0, "{figures}");
}

/// The number of seeds within which each bug must be found.
const SEEDS: u64 = 40;

#[test]
fn each_planted_bug_of_deliveries_is_found() {
    for bug in DeliveryBug::ALL {
        let world = |seed| DeliveryWorld::new(seed).days(1);
        let found = (0..SEEDS).find_map(|seed| world(seed).planted(bug).run().err());
        let violation = found.unwrap_or_else(|| panic!("{bug:?} is not found within {SEEDS} seeds"));
        assert_eq!(violation.invariant, bug.breaks(), "{bug:?}: {violation}");
        let clean = world(violation.seed).run();
        assert!(clean.is_ok(), "without {bug:?}: {}", clean.unwrap_err());
        let again = world(violation.seed).planted(bug).run().unwrap_err();
        assert_eq!(violation, again, "{bug:?} is found again in the same way");
    }
    for invariant in
        [Invariant::Whole, Invariant::Arrives, Invariant::OnRecord, Invariant::Alone, Invariant::I6]
    {
        assert!(DeliveryBug::ALL.iter().any(|bug| bug.breaks() == invariant), "{invariant}");
    }
}

#[test]
fn n_i4_twenty_destinations_that_hang_hardly_delay_the_others() {
    let waits = |crowd: Crowd| crowd.run().unwrap_or_else(|broken| panic!("{broken}"));
    let (alone, crowded) = (waits(Crowd::healthy()), waits(Crowd::with_twenty_that_hang()));
    assert!(alone.measured > 40 && crowded.measured == alone.measured, "{alone:?} {crowded:?}");
    assert!(crowded.p99 <= 2 * alone.p99, "alone {alone:?}, beside those that hang {crowded:?}");
    // Without limits, what hangs takes all that there is.
    let unlimited = waits(Crowd::with_twenty_that_hang().planted(DeliveryBug::HangsUnlimited));
    println!("alone {alone:?}, beside twenty that hang {crowded:?}, without limits {unlimited:?}");
    assert!(unlimited.p99 > 2 * alone.p99, "alone {alone:?}, without limits {unlimited:?}");
}

#[test]
fn n_i4_twenty_endpoints_that_hang_hardly_delay_the_others() {
    let waits = |crowd: Crowd| crowd.run_for_notices().unwrap_or_else(|broken| panic!("{broken}"));
    let (alone, crowded) = (waits(Crowd::healthy()), waits(Crowd::with_twenty_endpoints_that_hang()));
    assert!(alone.measured > 120 && crowded.measured == alone.measured, "{alone:?} {crowded:?}");
    assert!(crowded.p99 <= 2 * alone.p99, "alone {alone:?}, beside those that hang {crowded:?}");
    // Without limits, what hangs takes all that there is.
    let unlimited = waits(Crowd::with_twenty_endpoints_that_hang().planted(DeliveryBug::HangsUnlimited));
    println!("alone {alone:?}, beside twenty that hang {crowded:?}, without limits {unlimited:?}");
    assert!(unlimited.p99 > 2 * alone.p99, "alone {alone:?}, without limits {unlimited:?}");
}
