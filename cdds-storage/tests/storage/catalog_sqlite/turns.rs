//! Turns between owners and limits of sources, from claim to claim (rule E2).

use std::collections::BTreeMap;

use cdds_core::domain::execution::Execution;
use cdds_core::domain::execution::queue::SourceLimits;
use cdds_core::domain::id::{JobId, Owner, SourceId};
use cdds_core::domain::job::{Job, lifecycle};
use cdds_core::ports::catalog::{Catalog, Settlement, WorkQueue};
use cdds_core::testing::MemoryCatalog;
use chrono::{DateTime, Utc};
use futures::executor::block_on;
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use crate::catalog_sqlite::world::*;

fn owner(name: &str) -> Owner {
    Owner::new(name).unwrap()
}

fn owners(executions: &[Execution]) -> Vec<&str> {
    executions.iter().map(|execution| execution.owner.as_str()).collect()
}

fn limit(source: &str, executions: u32) -> SourceLimits {
    BTreeMap::from([(SourceId::new(source).unwrap(), executions.try_into().unwrap())])
}

#[test]
fn e2_the_backlog_of_one_owner_does_not_keep_another_waiting() {
    let world = World::new();
    for seconds in 0..20 {
        world.submit_as(&owner("busy"), settings("Many", immediately()), at(seconds));
    }
    for (seconds, name) in [(50, "late"), (51, "later")] {
        world.submit_as(&owner(name), settings("One", immediately()), at(seconds));
    }
    let first = claim(&world.catalog, "a", at(60), 1);
    assert_eq!(owners(&first), ["busy"]);
    // Another process goes on where this one stopped.
    let reopened = world.second_handle();
    assert_eq!(owners(&claim(&reopened, "b", at(60), 1)), ["late"]);
    assert_eq!(owners(&claim(&world.catalog, "c", at(60), 3)), ["later", "busy", "busy"]);
}

#[test]
fn e2_a_source_runs_no_more_than_it_allows_over_all_workers() {
    let world = World::new();
    for seconds in 0..4 {
        world.submit_as(&owner("one"), settings("Many", immediately()), at(seconds));
    }
    let source = settings("Many", immediately()).source;
    let limited = |worker: &str| claim_of(worker, 9).with_source_limits(limit(source.as_str(), 2));
    let begun = block_on(world.catalog.at(at(9)).claim(&limited("a"))).unwrap().executions;
    assert_eq!(begun.len(), 2);
    assert!(block_on(world.catalog.claim(&limited("b"))).unwrap().executions.is_empty());
    world.publish(&begun[0], at(9)).unwrap();
    assert_eq!(block_on(world.catalog.claim(&limited("b"))).unwrap().executions.len(), 1);
}

#[test]
fn e2_what_nobody_can_end_uses_up_no_limit_for_ever() {
    let world = World::new();
    for seconds in 0..2 {
        world.submit_as(&owner("one"), settings("Many", immediately()), at(seconds));
    }
    let source = settings("Many", immediately()).source;
    let begun = claim(&world.catalog, "a", at(9), 1).remove(0);
    world.raw().execute("UPDATE execution SET attempts = 'x' WHERE id = ?1", [begun.id.to_string()]).unwrap();
    let limited = claim_of("b", 9).with_source_limits(limit(source.as_str(), 1));
    assert!(block_on(world.catalog.at(at(10)).claim(&limited)).unwrap().executions.is_empty());
    let late = at(9) + chrono::TimeDelta::from_std(LEASE).unwrap();
    assert_eq!(block_on(world.catalog.at(late).claim(&limited)).unwrap().executions.len(), 1);
}

/// What happens to both catalogs alike.
#[derive(Debug, Clone)]
enum Step {
    Submit { owner: u8, source: u8 },
    Claim { limit: usize, limited: Option<u32> },
    Fail(usize),
    Release(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..4, 0_u8..2).prop_map(|(owner, source)| Step::Submit { owner, source }),
        4 => (1_usize..4, prop::option::of(1_u32..3)).prop_map(|(limit, limited)| Step::Claim { limit, limited }),
        1 => (0_usize..4).prop_map(Step::Fail),
        1 => (0_usize..4).prop_map(Step::Release),
    ]
}

fn submit(catalogs: [&dyn Catalog; 2], number: u128, owner: Owner, source: u8, now: DateTime<Utc>) {
    let settings =
        settings("Once", immediately()).with_source(SourceId::new(format!("source-{source}")).unwrap());
    let lifecycle::Submission { job, first } =
        lifecycle::submit(JobId(Uuid::from_u128(number)), owner, settings, terms().source, now);
    for catalog in catalogs {
        block_on(catalog.insert_job(&Job { ..job.clone() }, first.as_ref(), &[])).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn e2_both_catalogs_pick_the_same(steps in vec(any_step(), 1..40)) {
        let world = World::new();
        let memory = MemoryCatalog::new().with_clock(world.catalog.clock.clone());
        let catalogs: [&dyn Catalog; 2] = [&memory, &*world.catalog];
        let mut running: Vec<Execution> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let now = at(i64::try_from(number).unwrap());
            world.catalog.clock.set(now);
            match step {
                Step::Submit { owner: of, source } => {
                    submit(catalogs, number as u128, owner(&format!("owner-{of}")), source, now);
                }
                Step::Claim { limit: executions, limited } => {
                    let source_limits = limited.map(|most| limit("source-0", most)).unwrap_or_default();
                    let holding = running.iter().map(fence).collect();
                    let asking = claim_of("w", executions).with_source_limits(source_limits).with_holding(holding);
                    let [ours, theirs] = catalogs.map(|catalog| block_on(catalog.claim(&asking)).unwrap());
                    prop_assert_eq!(&ours, &theirs);
                    running.extend(theirs.executions);
                }
                Step::Fail(which) | Step::Release(which) if which < running.len() => {
                    let how = if matches!(step, Step::Fail(_)) { failed(true) } else { Settlement::Released };
                    let execution = running.remove(which);
                    for catalog in catalogs {
                        block_on(catalog.settle(fence(&execution), &how)).unwrap();
                    }
                }
                Step::Fail(_) | Step::Release(_) => {}
            }
        }
    }
}
