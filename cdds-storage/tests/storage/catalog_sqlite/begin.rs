//! The second step of a claim: the fenced end of a window (rule W3b).

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::completeness::Frozen;
use cdds_core::domain::execution::{ExecutionState, Status};
use cdds_core::domain::id::{Owner, SourceId};
use cdds_core::domain::job::JobState;
use cdds_core::ports::catalog::{CatalogErrorKind, ExecutionStore, Settlement, Standing, WorkQueue};
use chrono::TimeDelta;
use futures::executor::block_on;

use super::world::{LEASE, World, at, claim, claim_of, daily, day, fence, settings};

#[test]
fn w3b_begin_freezes_the_window_once_and_keeps_the_lease() {
    let world = World::new();
    world.submit_daily("since-last", at(0));
    world.materialise(day(1));
    let claimed = claim(&world.catalog, "w", day(1), 1).remove(0);
    let until = day(1) - TimeDelta::hours(3);
    let begin = |until| block_on(world.catalog.begin(fence(&claimed), until));
    let Frozen::Running(begun) = begin(Some(until)).unwrap() else { panic!("held") };
    assert_eq!(begun.window, Window::until(until));
    assert_eq!(world.execution(&claimed), begun, "as it was returned");
    // Its reply was lost, and meanwhile the source answers otherwise.
    for again in [None, Some(until - TimeDelta::hours(9))] {
        assert_eq!(begin(again).unwrap(), Frozen::Running(begun.clone()));
    }
    assert!(claim(&world.catalog, "v", day(1), 1).is_empty(), "it is held as before");
    world.publish(&begun, day(1)).unwrap();
    assert_eq!(world.job(begun.job_id).watermark().at, Some(until));
}

#[test]
fn w3b_a_held_execution_gives_up_its_claim_and_keeps_its_job_and_no_other() {
    let world = World::new();
    let job = world.submit_daily("rolling:1d", at(0));
    world.submit_daily("all", at(0));
    world.materialise(day(1));
    let source: SourceId = "contact-history".parse().unwrap();
    let limits = [(source, 1.try_into().unwrap())].into_iter().collect();
    let one = || claim_of("w", 1).with_source_limits(std::collections::BTreeMap::clone(&limits));
    let mut first = block_on(world.catalog.at(day(1)).claim(&one())).unwrap().executions.remove(0);
    if first.job_id != job.id {
        world.publish(&first, day(1)).unwrap();
        first = block_on(world.catalog.claim(&one())).unwrap().executions.remove(0);
    }
    let until = day(1) - TimeDelta::hours(3);
    let Frozen::Held(held) = block_on(world.catalog.begin(fence(&first), Some(until))).unwrap() else {
        panic!("not held")
    };
    assert_eq!(world.execution(&first), held, "as it was returned");
    assert_eq!((held.status(), held.waits_for_source()), (Status::Queued, Some(day(1))));
    assert_eq!(held.completeness.complete_until, Some(until));
    assert_eq!(world.standing(&first), Standing::Unknown, "it has stored nothing");
    let lost = block_on(world.catalog.begin(fence(&first), None)).unwrap_err();
    assert_eq!(lost.kind(), CatalogErrorKind::Fenced);
    // The room of its source is free again, and later executions of its job do not pass it.
    world.materialise(day(2));
    let begun = claim(&world.catalog, "v", day(1) + TimeDelta::seconds(29), 9);
    assert!(begun.iter().all(|execution| execution.job_id != job.id), "{begun:?}");
    let again = claim(&world.catalog, "u", day(1) + TimeDelta::seconds(30), 9).remove(0);
    assert_eq!((again.id, again.epoch, again.attempt_count()), (held.id, 2, 1));
    assert_eq!(again.completeness, held.completeness, "it has waited since the first time");
}

#[test]
fn w3b_a_claim_that_was_lost_cannot_begin() {
    let world = World::new();
    world.submit_daily("all", at(0));
    world.materialise(day(1));
    let lost = claim(&world.catalog, "w", day(1), 1).remove(0);
    let later = day(1) + TimeDelta::from_std(LEASE).unwrap();
    let other = world.second_handle();
    let taken = claim(&other, "v", later, 1);
    let taken = taken.first().cloned().unwrap_or_else(|| world.execution(&lost));
    if taken.epoch == lost.epoch {
        // Both workers live in this process, so the lease alone decides.
        world.settle(&lost, &Settlement::Released, later);
    }
    let error = block_on(world.catalog.begin(fence(&lost), None)).unwrap_err();
    assert_eq!(error.kind(), CatalogErrorKind::Fenced);
}

#[test]
fn w3b_e8_a_held_execution_is_cancelled_at_once_and_a_stop_that_came_first_is_heeded() {
    let world = World::new();
    let mut held = settings("Once", super::world::immediately());
    held.timeframe = "rolling:1d".parse().unwrap();
    world.submit_as(&Owner::default(), held, day(1));
    let first = claim(&world.catalog, "w", day(1), 1).remove(0);
    let asked = first.clone().cancel(day(1)).unwrap();
    block_on(world.catalog.change_execution(&first, &asked, &[])).unwrap();
    let until = Some(day(1) - TimeDelta::hours(3));
    let Frozen::Held(ended) = block_on(world.catalog.begin(fence(&first), until)).unwrap() else {
        panic!("not held")
    };
    assert_eq!(ended.state, ExecutionState::Cancelled);
    assert_eq!(world.execution(&first), ended);

    let job = world.submit_daily("rolling:1d", day(1));
    world.materialise(day(2));
    let second = claim(&world.catalog, "w", day(2), 1).remove(0);
    let until = Some(day(2) - TimeDelta::hours(3));
    let held = block_on(world.catalog.begin(fence(&second), until)).unwrap().into_execution();
    let cancelled = held.clone().cancel(day(2)).unwrap();
    block_on(world.catalog.change_execution(&held, &cancelled, &[])).unwrap();
    assert_eq!(world.execution(&second).state, ExecutionState::Cancelled);
    assert_eq!((world.job(job.id).state, daily()), (JobState::Active, job.settings.frequency));
}

#[test]
fn w3b_a_cancellation_does_not_undo_the_frozen_window() {
    let world = World::new();
    world.submit_daily("since-last", at(0));
    world.materialise(day(1));
    let claimed = claim(&world.catalog, "w", day(1), 1).remove(0);
    let until = day(1) - TimeDelta::hours(3);
    block_on(world.catalog.begin(fence(&claimed), Some(until))).unwrap();
    // Decided from a reading before the window was frozen.
    let asked = claimed.clone().cancel(day(1)).unwrap();
    block_on(world.catalog.change_execution(&claimed, &asked, &[])).unwrap();
    let stored = world.execution(&claimed);
    assert_eq!((stored.window, stored.is_frozen()), (Window::until(until), true));
}
