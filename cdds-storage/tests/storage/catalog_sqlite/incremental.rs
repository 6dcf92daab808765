//! Exports since the last one: the start of their windows, and moves of the watermark (rules W4, W5, J11;
//! invariants I1, I2, I3, I7).

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::manual;
use cdds_core::domain::execution::watermark::Watermark;
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason, Status, Trigger};
use cdds_core::domain::id::Owner;
use cdds_core::domain::job::edit::{Edit, OneTimeEdit, WatermarkChoice, edit};
use cdds_core::domain::job::{Job, JobState};
use cdds_core::ports::catalog::{ArtifactStore, CatalogErrorKind, JobStore, Settlement, WorkQueue};
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use proptest::prelude::*;

use crate::catalog_sqlite::world::*;

fn watermark(world: &World, job: &Job) -> (u64, Option<DateTime<Utc>>) {
    let Watermark { generation, at } = world.job(job.id).watermark.unwrap();
    (generation, at)
}

fn reset(world: &World, job: &Job, now: DateTime<Utc>) {
    let current = world.job(job.id);
    let open =
        block_on(world.catalog.open_executions(&job.owner, job.id, None, usize::MAX)).unwrap().executions;
    let asked = Edit {
        settings: current.settings.clone(),
        watermark: Some(WatermarkChoice::Reset),
        one_time: OneTimeEdit::default(),
    };
    world.change(&current, &edit(&current, open, asked, terms(), now).unwrap()).unwrap();
}

fn one(world: &World, now: DateTime<Utc>) -> Execution {
    let mut claimed = claim(&world.catalog, "w", now, 9);
    assert_eq!(claimed.len(), 1);
    claimed.remove(0)
}

#[test]
fn w4_only_a_publication_moves_the_watermark() {
    let world = World::new();
    let job = world.submit_daily("since-last", at(0));
    assert_eq!(watermark(&world, &job), (1, None));
    world.materialise(day(1));
    assert!(world.history()[0].has_open_start());

    let first = one(&world, day(1));
    assert_eq!((first.window, first.generation), (Window::until(day(1)), Some(1)));
    let waits = world.settle(&first, &failed(true), day(1));
    assert_eq!(watermark(&world, &job), (1, None));
    let again = one(&world, waits.not_before);
    assert_eq!((again.window, again.epoch), (first.window, 2));
    world.publish(&again, day(1)).unwrap();
    assert_eq!(watermark(&world, &job), (1, Some(day(1))));

    world.materialise(day(2));
    let second = one(&world, day(2));
    assert_eq!(second.window, Window::between(day(1), day(2)));
    world.settle(&second, &Settlement::Released, day(2));
    let second = one(&world, day(2));
    assert_eq!(second.window, Window::between(day(1), day(2)));
    world.settle(&second, &failed(false), day(2));
    assert_eq!((watermark(&world, &job), world.job(job.id).failures_in_row), ((1, Some(day(1))), 1));

    world.materialise(day(3));
    let third = one(&world, day(3));
    assert_eq!(third.window, Window::between(day(1), day(3)));
    world.publish(&third, day(3)).unwrap();
    assert_eq!((watermark(&world, &job), world.job(job.id).failures_in_row), ((1, Some(day(3))), 0));
}

#[test]
fn w4_a_publication_over_another_watermark_is_refused_whole() {
    let world = World::new();
    let job = world.submit_daily("since-last:2026-01-01T00:00:00Z", at(0));
    world.materialise(day(1));
    let claimed = one(&world, day(1));
    assert_eq!(claimed.window, Window::between(day(0), day(1)));
    for elsewhere in [day(1), day(0) - TimeDelta::microseconds(1)] {
        let sql = "UPDATE job SET watermark_at = ?1";
        world.raw().execute(sql, [elsewhere.timestamp_micros()]).unwrap();
        let before = world.job(job.id);
        let error = world.publish(&claimed, day(1)).unwrap_err();
        assert_eq!(error.kind(), CatalogErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains(&claimed.id.to_string()), "{error}");
        assert_eq!((world.job(job.id), world.execution(&claimed)), (before, claimed.clone()));
        assert_eq!(block_on(world.catalog.artifact_set(&job.owner, claimed.id)).unwrap(), None);
    }
    let sql = "UPDATE job SET watermark_at = ?1";
    world.raw().execute(sql, [day(0).timestamp_micros()]).unwrap();
    world.publish(&claimed, day(1)).unwrap();
    assert_eq!(watermark(&world, &job), (1, Some(day(1))));
}

#[test]
fn j11_an_execution_of_an_older_generation_moves_nothing() {
    let world = World::new();
    let job = world.submit_daily("since-last", at(0));
    world.materialise(day(1));
    world.publish(&one(&world, day(1)), day(1)).unwrap();
    world.materialise(day(2));
    let old = one(&world, day(2));
    reset(&world, &job, day(2));
    assert_eq!(watermark(&world, &job), (2, None));
    world.publish(&old, day(2)).unwrap();
    assert_eq!(world.execution(&old).status(), Status::Finished);
    assert_eq!(watermark(&world, &job), (2, None));
    world.materialise(day(3));
    let new = one(&world, day(3));
    assert_eq!((new.window, new.generation), (Window::until(day(3)), Some(2)));
}

#[test]
fn j11_what_waits_when_the_watermark_is_reset_starts_at_the_origin() {
    let world = World::new();
    let job = world.submit_daily("since-last", at(0));
    world.materialise(day(1));
    world.publish(&one(&world, day(1)), day(1)).unwrap();
    world.materialise(day(2));
    reset(&world, &job, day(2));
    let waiting = world.history().remove(0);
    assert_eq!((waiting.status(), waiting.generation), (Status::Queued, Some(2)));
    let claimed = one(&world, day(2));
    assert_eq!((claimed.window, claimed.generation), (Window::until(day(2)), Some(2)));
    world.publish(&claimed, day(2)).unwrap();
    assert_eq!(watermark(&world, &job), (2, Some(day(2))));
}

#[test]
fn w4_what_is_covered_is_skipped_and_the_next_one_runs() {
    let world = World::new();
    let job = world.submit_daily("since-last", at(0));
    world.materialise(day(1));
    let given_up = world.settle(&one(&world, day(1)), &failed(false), day(1));
    world.materialise(day(2));
    let asked_at = day(2) + TimeDelta::seconds(10);
    let same_slot = [given_up.clone()];
    let open =
        block_on(world.catalog.open_executions(&job.owner, job.id, None, usize::MAX)).unwrap().executions;
    let current = world.job(job.id);
    let rerun = manual::rerun(&current, &given_up, &same_slot, &open, terms().source, asked_at).unwrap();
    world.change(&current, &rerun).unwrap();
    let current = world.job(job.id);
    let later = asked_at + TimeDelta::seconds(10);
    let now = manual::run_now(&current, terms().source, later).unwrap();
    world.change(&current, &now).unwrap();

    // They run in queue order: by slot if scheduled, by the instant of the request otherwise.
    let scheduled = one(&world, later);
    assert_eq!((scheduled.trigger, scheduled.slot), (Trigger::Scheduled, day(2)));
    world.publish(&scheduled, later).unwrap();
    let before = world.job(job.id).revision;
    let claimed = block_on(world.catalog.at(later).claim(&claim_of("w", 9))).unwrap();
    let covered = claimed.covered[0].clone();
    assert_eq!((claimed.covered.len(), covered.id), (1, rerun.entries[0].id));
    assert_eq!(covered.trigger, Trigger::Rerun { of: given_up.id, of_backfill: false });
    assert_eq!(covered.state, ExecutionState::Skipped(SkipReason::Covered { watermark: Some(day(2)) }));
    assert_eq!(world.execution(&covered), covered);
    assert_eq!(claimed.executions[0].window, Window::between(day(2), later));
    assert_eq!((claimed.executions.len(), world.job(job.id).revision), (1, before + 1));
    assert_eq!(watermark(&world, &job), (1, Some(day(2))));
}

#[test]
fn j8_a_one_time_job_whose_execution_is_covered_was_not_started() {
    let world = World::new();
    let mut settings = settings("Once", immediately());
    settings.timeframe = "since-last:2027-01-01T00:00:00Z".parse().unwrap();
    let job = world.submit_as(&Owner::default(), settings, at(0));
    let claimed = block_on(world.catalog.at(at(0)).claim(&claim_of("w", 9))).unwrap();
    assert_eq!((claimed.executions.len(), claimed.covered.len()), (0, 1));
    let after = world.job(job.id);
    assert_eq!((after.state, after.revision), (JobState::Suspended, 2));
    assert_eq!(block_on(world.catalog.agenda(Clocks::default())).unwrap().queued, 0);
}

#[test]
fn w6_a_backfill_and_its_reruns_leave_the_watermark() {
    let world = World::new();
    let job = world.submit_daily("since-last", at(0));
    let current = world.job(job.id);
    let change = manual::backfill(&current, day(-3), day(0), terms().source, at(5)).unwrap();
    world.change(&current, &change).unwrap();
    for slot in [-3, -2] {
        let claimed = one(&world, at(6));
        assert_eq!(
            (claimed.trigger, claimed.window),
            (Trigger::Backfill, Window::between(day(slot - 1), day(slot)))
        );
        world.publish(&claimed, at(6)).unwrap();
        assert_eq!(watermark(&world, &job), (1, None));
    }
    let given_up = world.settle(&one(&world, at(7)), &failed(false), at(7));
    let current = world.job(job.id);
    let rerun =
        manual::rerun(&current, &given_up, std::slice::from_ref(&given_up), &[], terms().source, at(8))
            .unwrap();
    world.change(&current, &rerun).unwrap();
    let again = one(&world, at(8));
    assert_eq!(again.trigger, Trigger::Rerun { of: given_up.id, of_backfill: true });
    assert_eq!((again.window, again.generation), (given_up.window, None));
    world.publish(&again, at(8)).unwrap();
    assert_eq!(watermark(&world, &job), (1, None));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Due,
    RunNow,
    Claim,
    Publish,
    Fail { retryable: bool },
    Release,
    Cancel,
    Reset,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Due),
        2 => Just(Step::RunNow),
        8 => Just(Step::Claim),
        6 => Just(Step::Publish),
        2 => any::<bool>().prop_map(|retryable| Step::Fail { retryable }),
        1 => Just(Step::Release),
        1 => Just(Step::Cancel),
        1 => Just(Step::Reset),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// The published windows of a generation tile from the origin to the watermark.
    #[test]
    fn i1_i2_i3_published_windows_tile_up_to_the_watermark(steps in steps()) {
        let world = World::new();
        let job = world.submit_daily("since-last", at(0));
        let mut expected = (1, None);
        let mut running: Option<Execution> = None;
        for (hour, step) in (1..).zip(steps) {
            let now = at(hour * 36_000);
            match (step, running.take()) {
                (Step::Due, kept) => {
                    world.materialise(now);
                    running = kept;
                }
                (Step::RunNow, kept) => {
                    let current = world.job(job.id);
                    let change = manual::run_now(&current, terms().source, now).unwrap();
                    world.change(&current, &change).unwrap();
                    running = kept;
                }
                (Step::Reset, kept) => {
                    reset(&world, &job, now);
                    expected = (expected.0 + 1, None);
                    running = kept;
                }
                (Step::Claim, kept) => {
                    let holding = kept.iter().map(fence).collect();
                    let asking = claim_of("w", 1).with_holding(holding);
                    let claimed = block_on(world.catalog.at(now).claim(&asking)).unwrap().executions;
                    prop_assert!(kept.is_none() || claimed.is_empty());
                    running = kept.or(claimed.into_iter().next());
                }
                (Step::Publish, Some(claimed)) => {
                    world.publish(&claimed, now).unwrap();
                    if claimed.generation == Some(expected.0) {
                        prop_assert_eq!(claimed.window.start(), expected.1);
                        expected.1 = Some(claimed.window.end());
                    }
                }
                (Step::Fail { retryable }, Some(claimed)) => {
                    world.settle(&claimed, &failed(retryable), now);
                }
                (Step::Release, Some(claimed)) => {
                    world.settle(&claimed, &Settlement::Released, now);
                }
                (Step::Cancel, Some(claimed)) => {
                    world.settle(&claimed, &Settlement::Cancelled, now);
                }
                (_, None) => {}
            }
            prop_assert_eq!(watermark(&world, &job), expected);
        }
    }
}
