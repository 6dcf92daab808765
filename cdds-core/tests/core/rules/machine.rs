//! The life of a job as a state machine: random commands, compared with a naive model (J7–J14, E1, E2;
//! invariants I5, I9, I10).

use std::collections::BTreeSet;

use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason, Trigger};
use cdds_core::domain::job::{JobSettings, JobState};
use cdds_core::testing::commands::{Command, EditOf, commands};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use crate::rules::support::{daily, instant, settings};
use crate::rules::world::World;

/// The view of a person: the expected state of the job, and whether it has started for good.
#[derive(Debug)]
struct Model {
    once: bool,
    state: JobState,
    started: bool,
}

impl Model {
    /// Updates the expected state after a command that was carried out.
    fn after(&mut self, command: &Command, world: &World) {
        let begun = world.executions.iter().any(Execution::is_begun);
        if self.once && begun {
            self.started = true;
        }
        self.state = match (command, self.state) {
            (_, JobState::Deleted) | (Command::Delete, _) => JobState::Deleted,
            _ if self.started => JobState::Completed,
            (Command::Suspend, JobState::Active) => JobState::Suspended,
            (Command::Resume, JobState::Suspended) => JobState::Active,
            // The start of a one-time job suspends it (J8).
            (_, JobState::Active) if self.once && !world.executions.is_empty() => JobState::Suspended,
            (_, state) => state,
        };
    }
}

fn jobs() -> impl Strategy<Value = JobSettings> {
    let start = instant("2026-03-03T00:00:00Z");
    let frequency = prop_oneof![
        4 => Just(daily("02:00")),
        1 => Just(Frequency::Once(Start::Immediately)),
        1 => Just(Frequency::Once(Start::At(start))),
    ];
    let timeframe = prop::sample::select(vec!["all", "rolling:1d", "previous:1d", "since-last"]);
    (frequency, timeframe).prop_map(|(frequency, timeframe)| settings(frequency, timeframe))
}

/// Returns the slots that an entry of the record accounts for.
fn slots_of(execution: &Execution, settings: &[Frequency]) -> Vec<DateTime<Utc>> {
    let (ExecutionState::Skipped(
        SkipReason::Coalesced { first, last, count, .. }
        | SkipReason::CatchUpLimit { first, last, count }
        | SkipReason::Suspended { first, last, count }
        | SkipReason::Deleted { first, last, count },
    ),) = (&execution.state,)
    else {
        return vec![execution.slot];
    };
    let (first, last, count) = (*first, *last, usize::try_from(*count).unwrap());
    let of = |frequency: &Frequency| {
        std::iter::successors(Some(first), |slot| frequency.next_after(*slot)).take(count).collect::<Vec<_>>()
    };
    settings.iter().map(of).find(|slots| slots.last() == Some(&last)).unwrap_or_default()
}

fn check(world: &World, suspended_before: bool, before: &[Execution]) -> Result<(), TestCaseError> {
    prop_assert!(world.running().count() <= 1, "I10: {:?}", world.executions);
    let ids: BTreeSet<_> = world.executions.iter().map(|execution| execution.id).collect();
    prop_assert_eq!(ids.len(), world.executions.len());
    let is_new = |execution: &&Execution| {
        execution.epoch > 0 && !before.iter().any(|known| known.id == execution.id && known.epoch > 0)
    };
    for begun in world.executions.iter().filter(is_new) {
        let scheduled = begun.trigger == Trigger::Scheduled && !begun.settings.frequency.is_once();
        prop_assert!(!(suspended_before && scheduled), "I9: a suspended job started {:?}", begun);
    }
    if world.job.settings.frequency.is_once() {
        let successes = world.executions.iter().filter(|one| one.state == ExecutionState::Succeeded).count();
        prop_assert!(successes <= 1, "I9: a one-time job ran twice");
    }
    for done in world.executions.iter().filter(|one| one.state == ExecutionState::Succeeded) {
        let rival = |other: &&Execution| {
            other.id != done.id
                && other.state == ExecutionState::Succeeded
                && other.slot == done.slot
                && other.trigger.is_backfill() == done.trigger.is_backfill()
                && !done.trigger.is_backfill()
        };
        prop_assert!(!world.executions.iter().any(|other| rival(&other)), "I5: {:?}", done);
    }
    if world.job.state != JobState::Active {
        prop_assert_eq!(world.job.next_due_at, None, "only active jobs are due");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2 * ProptestConfig::default().cases))]

    #[test]
    fn j7_j14_no_sequence_of_commands_breaks_an_invariant(settings in jobs(), commands in commands(1..100)) {
        let mut world = World::new(settings, instant("2026-03-01T12:00:00Z"));
        let once = world.job.settings.frequency.is_once();
        let mut model = Model { once, state: world.job.state, started: false };
        let mut frequencies = vec![world.job.settings.frequency.clone()];
        let mut edited_at = None;
        for command in &commands {
            let before = world.executions.clone();
            let (job, suspended) = (world.job.clone(), world.job.state == JobState::Suspended);
            let carried_out = world.carry_out(command);
            if carried_out.is_err() {
                prop_assert_eq!((&job, &before), (&world.job, &world.executions), "a refusal changes nothing");
            } else {
                model.after(command, &world);
            }
            prop_assert_eq!(world.job.state, model.state, "after {:?}", command);
            check(&world, suspended, &before)?;
            if !frequencies.contains(&world.job.settings.frequency) {
                frequencies.push(world.job.settings.frequency.clone());
            }
            if matches!(command, Command::Edit(EditOf::Hour(_))) {
                // The slots of the earlier schedule do not count any more.
                edited_at = Some(world.now);
            }
        }
        // E1: every occurrence since the last edit of the schedule is on the record.
        if world.job.state == JobState::Active && !once {
            world.tick();
            let recorded: BTreeSet<_> = world
                .executions
                .iter()
                .filter(|execution| execution.trigger == Trigger::Scheduled)
                .flat_map(|execution| slots_of(execution, &frequencies))
                .collect();
            let since = edited_at.unwrap_or(world.job.created_at);
            let frequency = &world.job.settings.frequency;
            let mut slot = frequency.next_after(since);
            while let Some(at) = slot.filter(|at| *at <= world.now) {
                prop_assert!(recorded.contains(&at), "E1: {at} is not on the record");
                slot = frequency.next_after(at);
            }
        }
        prop_assert!(world.now - world.job.created_at < TimeDelta::days(2_000));
    }
}
