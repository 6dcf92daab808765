//! Changes of jobs with many waiting executions, made in steps (rules J7, J10, J12).

use cdds_core::domain::execution::ahead::{Truth, bring_back};
use cdds_core::domain::execution::manual;
use cdds_core::domain::execution::schedule::materialise;
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason};
use cdds_core::domain::job::Job;
use cdds_core::domain::job::edit::{self, Edit, OneTimeEdit};
use cdds_core::domain::job::lifecycle;
use cdds_core::domain::job::settling::{Drops, Open, Unsettled, settle};
use cdds_core::domain::violation::Code;
use cdds_core::testing::commands::commands;
use proptest::prelude::*;

use crate::rules::support::{daily, instant, settings, source_terms, submit_settings, terms};
use crate::rules::tiling::{Event, event, tiling_settings};
use crate::rules::world::World;

const NOON: &str = "2026-03-01T12:00:00Z";

/// The job without its revision, which counts how often it was stored.
fn job_of(world: &World) -> Job {
    Job { revision: 0, ..world.job.clone() }
}

fn record_of(world: &World) -> Vec<Execution> {
    let mut record = world.executions.clone();
    record.sort_by_key(|execution| execution.id);
    record
}

proptest! {
    /// Many steps have the same result as one change, whatever people do.
    #[test]
    fn j7_j10_j12_steps_come_to_what_one_change_does(
        timeframe in prop::sample::select(vec!["all", "rolling:1d", "previous:1d", "since-last"]),
        page in 1_usize..4,
        commands in commands(1..100),
    ) {
        let settings = settings(daily("02:00"), timeframe);
        let mut whole = World::new(settings.clone(), instant(NOON));
        let mut stepwise = World::in_pages(settings, instant(NOON), page);
        for command in &commands {
            // A due slot can cover only those waiting executions that were read, so both worlds first do what
            // is due.
            whole.tick();
            stepwise.tick();
            let refused = (whole.carry_out(command).is_err(), stepwise.carry_out(command).is_err());
            prop_assert_eq!(refused.0, refused.1, "{:?}", command);
            prop_assert_eq!(job_of(&whole), job_of(&stepwise), "after {:?}", command);
            prop_assert_eq!(record_of(&whole), record_of(&stepwise), "after {:?}", command);
        }
    }

    #[test]
    fn w3_windows_go_on_at_the_same_place_after_steps(
        first in tiling_settings(),
        events in prop::collection::vec(event(), 1..60),
    ) {
        let begin = instant("2026-01-15T12:00:00Z");
        let (mut whole, mut stepwise) = (World::new(first.clone(), begin), World::in_pages(first, begin, 1));
        for event in &events {
            for world in [&mut whole, &mut stepwise] {
                world.tick();
                let _refused = match event {
                    Event::Does(command) => world.carry_out(command),
                    Event::Edit(settings) => world.edit_to((**settings).clone(), None),
                };
            }
            prop_assert_eq!(job_of(&whole), job_of(&stepwise), "after {:?}", event);
            prop_assert_eq!(record_of(&whole), record_of(&stepwise), "after {:?}", event);
        }
    }
}

/// Returns a job with so many waiting executions.
fn waiting(days: u32) -> (Job, Vec<Execution>) {
    let job = submit_settings(settings(daily("02:00"), "all"), instant(NOON)).job;
    let now = instant(&format!("2026-03-{:02}T03:00:00Z", days + 1));
    let (mut job, mut executions) = (job, Vec::new());
    for _ in 0..days {
        // The id of a manual execution depends on the instant of the request, so each has its own second.
        let change =
            manual::run_now(&job, source_terms(), now + chrono::TimeDelta::seconds(executions.len() as i64));
        let change = change.unwrap();
        executions.extend(change.entries);
        job = change.job;
    }
    (job, executions)
}

fn retitled(job: &Job) -> Edit {
    let title = cdds_core::domain::job::Title::new("Another").unwrap();
    let settings = job.settings.clone().with_title(title);
    Edit { settings, watermark: None, one_time: OneTimeEdit::UntilStarted }
}

#[test]
fn j10_nothing_that_waits_begins_until_all_of_it_has_taken_on_the_edit() {
    let now = instant("2026-03-01T13:00:00Z");
    let (job, waiting) = waiting(3);
    let open = Open { executions: vec![waiting[0].clone()], more: true };
    let change = edit::edit(&job, open, retitled(&job), terms(), now).unwrap();
    let edited = change.job;
    assert_eq!(edited.unsettled, Some(Unsettled { drops: None, behind: Some(waiting[0].place()) }));
    assert_eq!(change.edited[0].settings.title, edited.settings.title);
    assert!(!edited.may_begin(&change.edited[0]) && !edited.may_begin(&waiting[1]));
    let retried = Execution { epoch: 1, ..waiting[2].clone() };
    assert!(edited.may_begin(&retried), "what was begun goes on");
    // Until the edit is settled, nothing else is decided or recorded.
    assert_eq!(lifecycle::resume(&edited, now).unwrap_err().code(), Code::JobBusy);
    let again = edit::edit(&edited, Vec::new(), retitled(&edited), terms(), now).unwrap_err();
    assert_eq!(again.code(), Code::JobBusy);

    let later = instant("2026-03-09T12:00:00Z");
    let step = materialise(&edited, &waiting[1..], terms(), later).unwrap();
    assert_eq!((step.entries.len(), step.edited.len(), step.job.version), (0, 2, edited.version));
    let last = materialise(&step.job, &[], terms(), later).unwrap();
    assert_eq!((last.job.unsettled, last.entries.len()), (None, 0));
    assert!(materialise(&last.job, &[], terms(), later).unwrap().entries.len() > 1, "now what is due");
}

#[test]
fn j7_a_pause_in_the_middle_of_an_edit_drops_what_is_scheduled_and_edits_the_rest() {
    let job = submit_settings(settings(daily("02:00"), "all"), instant(NOON)).job;
    let due = materialise(&job, &[], terms(), instant("2026-03-04T12:00:00Z")).unwrap();
    let scheduled: Vec<_> = due.entries.into_iter().filter(Execution::is_waiting).collect();
    let now = instant("2026-03-04T13:00:00Z");
    let manual = manual::run_now(&due.job, source_terms(), now).unwrap().entries.remove(0);
    let open = Open { executions: Vec::new(), more: true };
    let edited = edit::edit(&due.job, open, retitled(&due.job), terms(), now).unwrap().job;
    let paused = lifecycle::suspend(&edited, Vec::new(), now).unwrap().job;
    assert_eq!(paused.unsettled, Some(Unsettled { drops: Some(Drops::Suspended), behind: None }));
    let waiting = [scheduled, vec![manual]].concat();
    let step = settle(&paused, &waiting, source_terms(), now);
    assert!(
        step.superseded
            .iter()
            .all(|one| matches!(one.state, ExecutionState::Skipped(SkipReason::Suspended { .. })))
    );
    assert_eq!((step.superseded.len(), step.edited.len()), (waiting.len() - 1, 1));
    assert_eq!(step.edited[0].settings.title, paused.settings.title);
}

#[test]
fn w4_what_waits_for_slots_ahead_is_dropped_in_steps() {
    let job = submit_settings(settings(daily("02:00"), "since-last"), instant(NOON)).job;
    let ahead = materialise(&job, &[], terms(), instant("2026-03-22T12:00:00Z")).unwrap();
    let waiting = ahead.entries.iter().find(|entry| entry.is_waiting()).unwrap().clone();
    let now = instant("2026-03-02T12:00:00Z");
    let open = Open { executions: Vec::new(), more: true };
    let back = bring_back(&ahead.job, &Truth::new(&ahead.job, now), open, source_terms()).unwrap().unwrap();
    let step = settle(&back.job, &[waiting], source_terms(), now);
    assert_eq!(step.superseded[0].state, ExecutionState::Skipped(SkipReason::Replaced));
    assert_eq!(settle(&step.job, &[], source_terms(), now).job.unsettled, None);
}

/// If an occurrence's window were retried by change, it would leave out the records that changed since.
#[test]
fn w7_j10_what_keeps_its_window_gives_way_where_records_are_taken_by_another_instant() {
    let now = instant("2026-03-04T12:00:00Z");
    for (before, after, replaced) in [
        ("rolling:1d", "since-last", true),
        ("since-last", "rolling:1d", true),
        ("rolling:1d", "previous:1d", false),
    ] {
        let job = submit_settings(settings(daily("02:00"), before), instant(NOON)).job;
        let due = materialise(&job, &[], terms(), now).unwrap();
        let from = instant("2026-02-20T00:00:00Z");
        let asked = manual::backfill(&due.job, from, instant("2026-02-22T00:00:00Z"), source_terms(), now);
        let waiting = asked.unwrap().entries;
        let mut edit = retitled(&due.job);
        edit.settings.timeframe = after.parse().unwrap();
        edit.watermark = due.job.watermark.is_some().then_some(edit::WatermarkChoice::Continue);
        let change = edit::edit(&due.job, waiting.clone(), edit, terms(), now).unwrap();
        assert_eq!((change.superseded.len(), change.edited.len()), if replaced { (2, 0) } else { (0, 2) });
        let is_replaced = |one: &Execution| one.state == ExecutionState::Skipped(SkipReason::Replaced);
        assert!(change.superseded.iter().all(is_replaced), "{before} to {after}");
        let kept = change.edited.iter().zip(&waiting).all(|(edited, asked)| edited.window == asked.window);
        assert!(kept, "{before} to {after}");
    }
}
