//! The conformance kit of the catalog, over the catalog in memory and over each broken one.

use std::sync::Arc;

use cdds_core::ports::catalog::Catalog;
use cdds_core::ports::clock::Clock;
use cdds_core::testing::MemoryCatalog;
use cdds_core::testing::conformance::catalog::{Clause, Effort, Planted, check, check_only, damaged, worlds};
use cdds_core::testing::conformance::{Contract, Report};
use cdds_core::testing::sim::Invariant;
use futures::executor::block_on;

fn memory(clock: Arc<dyn Clock>) -> Arc<MemoryCatalog> {
    Arc::new(MemoryCatalog::new().with_clock(clock))
}

fn report_of(bug: Planted) -> Report<Clause> {
    block_on(check_only(&[bug.breaks()], |clock| {
        let catalog = bug.over(memory(clock));
        move || Arc::clone(&catalog)
    }))
}

#[test]
fn the_catalog_in_memory_keeps_every_promise() {
    let report = block_on(check(|clock| {
        let catalog = memory(clock);
        move || catalog.clone() as Arc<dyn Catalog>
    }));
    assert_eq!(report.checked, Clause::ALL);
    report.assert();
}

#[test]
fn each_planted_bug_is_reported_under_the_clause_that_it_breaks() {
    let missed: Vec<String> = Planted::ALL
        .iter()
        .map(|bug| (*bug, report_of(*bug)))
        .filter(|(bug, report)| !report.found(bug.breaks()))
        .map(|(bug, report)| format!("{bug:?} does not break {:?}: {report}", bug.breaks()))
        .collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn each_clause_is_proven_by_a_planted_bug() {
    for clause in Clause::ALL {
        assert!(Planted::ALL.iter().any(|bug| bug.breaks() == *clause), "{clause:?}");
    }
}

#[test]
fn damaged_rows_are_passed_over_and_each_bug_about_them_is_found() {
    let report_of = |bug: Option<damaged::Planted>| {
        block_on(damaged::check(|clock| {
            let catalog = damaged::Damageable::over(memory(clock), bug);
            let rows = catalog.clone();
            let damage = move |row| {
                rows.damage(row);
                Ok(())
            };
            (catalog.catalog(), damage)
        }))
    };
    report_of(None).assert();
    for bug in damaged::Planted::ALL {
        let report = report_of(Some(*bug));
        let broken: Vec<_> = report.broken.iter().map(|broken| broken.clause).collect();
        assert_eq!(broken, [bug.breaks()], "{bug:?}: {report}");
    }
}

#[test]
fn worlds_over_the_catalog_in_memory_are_clean_and_find_one_that_keeps_everything() {
    let make = |bug: Option<Planted>| {
        move |clock| {
            let catalog = memory(clock);
            let catalog =
                bug.map_or_else(|| catalog.clone() as Arc<dyn Catalog>, |bug| bug.over(catalog.clone()));
            move || Arc::clone(&catalog)
        }
    };
    let figures = worlds(make(None), Effort::Quick).unwrap_or_else(|violation| panic!("{violation}"));
    assert!(figures.successes > 0);
    let violation = worlds(make(Some(Planted::NeverExpires)), Effort::Quick).unwrap_err();
    assert_eq!(violation.invariant, Invariant::I12);
}
