//! Rules W1, W4 and invariants I1–I4: exports since the last one, compared with a list of rows.

use std::collections::BTreeMap;

use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::schedule::materialise;
use cdds_core::domain::execution::watermark::{Overtaken, Watermark};
use cdds_core::domain::execution::{Beginning, Execution, ExecutionState, SkipReason};
use cdds_core::domain::id::{ExecutionId, WorkerId};
use cdds_core::domain::job::JobState;
use cdds_core::domain::job::lifecycle;
use cdds_core::domain::work::Nonce;
use cdds_core::testing::commands::{Command, commands};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use proptest::prelude::*;

use crate::rules::support::{begin, daily, fail, instant, settings, source_terms, submit, succeed, terms};
use crate::rules::world::World;

const NOON: &str = "2026-03-01T12:00:00Z";

#[test]
fn w4_the_end_is_settled_and_the_start_is_the_watermark_of_the_first_claim() {
    let job = submit(daily("02:00"), "since-last", instant(NOON)).job;
    let first = materialise(&job, &[], terms(), instant("2026-03-02T02:00:00Z")).unwrap();
    let waiting = first.entries[0].clone();
    assert!(waiting.has_open_start());
    assert_eq!(waiting.not_before, waiting.slot, "the lag is in the window, not in the wait");
    let end = instant("2026-03-02T01:59:55Z");
    let now = instant("2026-03-02T09:00:00Z");
    let begun = begin(&first.job, waiting, now);
    assert_eq!((begun.window, begun.generation), (Window::until(end), Some(1)));

    let mut moved = first.job.clone();
    moved.watermark = Some(Watermark { generation: 1, at: Some(instant("2026-03-02T01:00:00Z")) });
    let retried = begin(&moved, fail(begun.clone(), true, now), now);
    assert_eq!(retried.window, begun.window, "kept over retries");
    assert_eq!(lifecycle::ended(&moved, &succeed(retried.clone(), now), Vec::new(), now), Err(Overtaken));
    // Nor does the success of an empty window, which exports nothing.
    let watermark = moved.watermark();
    let at = watermark.at.unwrap();
    let empty =
        Execution { window: Window::between(at, at), generation: Some(watermark.generation), ..retried };
    assert_eq!(watermark.after_success(&empty), Err(Overtaken));
}

#[test]
fn w4_only_success_moves_the_watermark() {
    let job = submit(daily("02:00"), "since-last", instant(NOON)).job;
    let now = instant("2026-03-02T02:00:00Z");
    let due = materialise(&job, &[], terms(), now).unwrap();
    let begun = begin(&due.job, due.entries[0].clone(), now);
    for ended in [fail(begun.clone(), false, now), begun.clone().cancelled(now)] {
        let after = lifecycle::ended(&due.job, &ended, Vec::new(), now).unwrap().job;
        assert_eq!(after.watermark, job.watermark);
    }
    let end = begun.window.end();
    let after = lifecycle::ended(&due.job, &succeed(begun, now), Vec::new(), now).unwrap().job;
    assert_eq!(after.watermark, Some(Watermark { generation: 1, at: Some(end) }));
}

#[test]
fn w4_nothing_new_is_skipped_as_covered() {
    let mut job = submit(daily("02:00"), "since-last", instant(NOON)).job;
    let now = instant("2026-03-02T02:00:00Z");
    let waiting = materialise(&job, &[], terms(), now).unwrap().entries.remove(0);
    for (at, covered) in [("01:59:54", false), ("01:59:55", true), ("02:00:00", true)] {
        let at = Some(instant(&format!("2026-03-02T{at}Z")));
        job.watermark = Some(Watermark { generation: 1, at });
        let beginning = waiting.clone().begin(&job, WorkerId::new("w").unwrap(), Nonce(1), now);
        match beginning {
            Beginning::Covered(skipped) => {
                assert!(covered, "{at:?}");
                assert_eq!(skipped.state, ExecutionState::Skipped(SkipReason::Covered { watermark: at }));
            }
            Beginning::Running(_) => assert!(!covered, "{at:?}"),
        }
    }
}

#[test]
fn w4_an_origin_is_where_the_first_export_begins() {
    let job = submit(daily("02:00"), "since-last:2026-02-01T00:00:00Z", instant(NOON)).job;
    let now = instant("2026-03-02T02:00:00Z");
    let due = materialise(&job, &[], terms(), now).unwrap();
    let begun = begin(&due.job, due.entries[0].clone(), now);
    assert_eq!(begun.window.start(), Some(instant("2026-02-01T00:00:00Z")));
}

/// A row of the source. Its change instant is stored to the second, and it becomes visible some time later.
#[derive(Debug, Clone, Copy)]
struct Row {
    changed_at: DateTime<Utc>,
    visible_at: DateTime<Utc>,
}

/// Rows around the time of the test, each with a delay of its own up to the settle lag.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let lag = source_terms().settle_lag.num_milliseconds();
    let row = (-100_000_000_i64..1_000_000_000, 0..=lag).prop_map(|(at, delay)| {
        let written_at = instant(NOON) + TimeDelta::milliseconds(at);
        let changed_at = written_at.duration_trunc(source_terms().granularity).unwrap();
        Row { changed_at, visible_at: written_at + TimeDelta::milliseconds(delay) }
    });
    prop::collection::vec(row, 0..60)
}

/// The window and rows that each success published, by generation and end of the window.
type Published = BTreeMap<(u64, DateTime<Utc>), (Window, Vec<usize>)>;

fn read(rows: &[Row], execution: &Execution, now: DateTime<Utc>) -> Vec<usize> {
    let wanted = |row: &Row| row.visible_at <= now && execution.window.contains(Some(row.changed_at));
    rows.iter().enumerate().filter(|(_, row)| wanted(row)).map(|(index, _)| index).collect()
}

/// Checks that every row before the watermark is in exactly one set of its generation and that the windows
/// tile.
fn check(published: &Published, rows: &[Row], watermark: Watermark) -> Result<(), TestCaseError> {
    for generation in 1..=watermark.generation {
        let sets: Vec<_> =
            published.iter().filter(|((of, _), _)| *of == generation).map(|(_, set)| set).collect();
        for pair in sets.windows(2) {
            prop_assert_eq!(pair[1].0.start(), Some(pair[0].0.end()), "windows tile");
        }
        let Some(((first, _), (last, _))) = sets.first().zip(sets.last()).map(|(a, b)| (*a, *b)) else {
            continue;
        };
        prop_assert_eq!(first.start(), None, "the first starts at the origin");
        if generation == watermark.generation {
            prop_assert_eq!(watermark.at, Some(last.end()), "the watermark is the end of the last success");
        }
        for (index, row) in rows.iter().enumerate() {
            let times: usize =
                sets.iter().map(|(_, set)| set.iter().filter(|read| **read == index).count()).sum();
            prop_assert_eq!(times, usize::from(row.changed_at < last.end()), "{:?}", row);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2 * ProptestConfig::default().cases))]

    /// No row is lost and none is exported twice, whatever people and engines do (invariants I1–I4, I7).
    #[test]
    fn w4_since_last_export_tiles_under_any_history(rows in rows(), commands in commands(1..120)) {
        let mut world = World::new(settings(daily("02:00"), "since-last"), instant(NOON));
        let mut published = Published::new();
        let mut reading: Option<(ExecutionId, Vec<usize>)> = None;
        let mut watermark = world.job.watermark();
        let drain = [Command::Resume, Command::Advance(TimeDelta::days(2)), Command::Tick];
        let settle = [Command::Claim, Command::Succeed].iter().cycle().take(400);
        for command in commands.iter().filter(|command| **command != Command::Delete).chain(&drain).chain(settle) {
            let running = world.running().next().map(|execution| execution.id);
            // A command that the rules refuse changes nothing.
            let _ = world.carry_out(command);
            if let Some(begun) = world.running().find(|execution| Some(execution.id) != running) {
                // The worst case: everything is read at the instant of the claim.
                reading = Some((begun.id, read(&rows, begun, world.now)));
            }
            if let Some(done) = world.executions.iter().find(|done| Some(done.id) == running)
                && done.state == ExecutionState::Succeeded
                && let Some(generation) = done.generation
                && let Some((_, read)) = reading.take_if(|(id, _)| *id == done.id)
            {
                let before = published.insert((generation, done.window.end()), (done.window, read));
                prop_assert!(before.is_none(), "the same end twice");
            }
            let after = world.job.watermark();
            prop_assert!(
                after.generation > watermark.generation || after.at >= watermark.at, "never backwards"
            );
            watermark = after;
        }
        check(&published, &rows, watermark)?;
        prop_assert!(world.open().is_empty(), "everything ends: {:?}", world.open());
        if world.job.state == JobState::Active {
            prop_assert!(watermark.at.is_some_and(|at| at + TimeDelta::days(2) > world.now - TimeDelta::days(1)));
        }
    }
}
