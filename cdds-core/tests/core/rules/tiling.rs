//! Rule W3 over the life of a job: its windows join without gap or overlap, whatever happens to its schedule.

use cdds_core::domain::calendar::frequency::{Frequency, Hourly, MissingDay, Monthly};
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::schedule::{materialise, preview};
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason, Trigger};
use cdds_core::domain::job::edit::{Edit, OneTimeEdit, edit};
use cdds_core::domain::job::policy::{CatchUp, CatchUpLimit, Jitter, Overlap, Policies};
use cdds_core::domain::job::{Job, JobSettings, JobState};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::testing::commands::Command;
use cdds_core::testing::strategies::wall_clock;
use chrono::{DateTime, TimeDelta, Utc, Weekday};
use proptest::prelude::*;

use crate::rules::support::{daily, instant, settings, submit, submit_settings, terms};
use crate::rules::world::World;

/// Returns a daily job of 20:00 that ran on 1 March and was edited on 2 March.
fn edited_to(new: JobSettings, now: &str) -> Job {
    let first = instant("2026-03-01T20:00:00Z");
    let job = submit(daily("20:00"), "rolling:1d", instant("2026-03-01T12:00:00Z")).job;
    let ran = materialise(&job, &[], terms(), first).unwrap().job;
    assert_eq!(ran.tiled_until, Some(first));
    let asked = Edit { settings: new, watermark: None, one_time: OneTimeEdit::UntilStarted };
    edit(&ran, Vec::new(), asked, terms(), instant(now)).unwrap().job
}

fn weekly(day: Weekday, at: &str) -> Frequency {
    Frequency::Weekly { day, at: at.parse().unwrap() }
}

/// Monthly on this day, in the months that have it.
fn monthly(day: u32, at: &str) -> Frequency {
    Frequency::Monthly(Monthly::new(day, at.parse().unwrap(), MissingDay::Skip).unwrap())
}

fn next_windows(job: &Job, now: &str) -> Vec<(String, String)> {
    let text = |window: Window| (window.start().unwrap().to_string(), window.end().to_string());
    preview(job, terms().source, 2, instant(now)).into_iter().map(|next| text(next.window)).collect()
}

fn text(start: &str, end: &str) -> (String, String) {
    (instant(start).to_string(), instant(end).to_string())
}

#[test]
fn w3_an_edited_schedule_goes_on_where_the_last_window_ended() {
    let now = "2026-03-02T10:00:00Z";
    // With a later time of day the first window is longer than the period, with an earlier one it is shorter.
    let later = edited_to(settings(daily("22:00"), "rolling:1d"), now);
    let windows = [
        text("2026-03-01T20:00:00Z", "2026-03-02T22:00:00Z"),
        text("2026-03-02T22:00:00Z", "2026-03-03T22:00:00Z"),
    ];
    assert_eq!(next_windows(&later, now), windows);
    let earlier = edited_to(settings(daily("11:00"), "rolling:1d"), now);
    let windows = [
        text("2026-03-01T20:00:00Z", "2026-03-02T11:00:00Z"),
        text("2026-03-02T11:00:00Z", "2026-03-03T11:00:00Z"),
    ];
    assert_eq!(next_windows(&earlier, now), windows);
    // The same holds for a change from rolling to previous windows, and to another period.
    let previous = edited_to(settings(daily("11:00"), "previous:1d"), now);
    assert_eq!(next_windows(&previous, now)[0], text("2026-03-01T20:00:00Z", "2026-03-02T00:00:00Z"));
    let weekly = edited_to(settings(weekly(Weekday::Mon, "01:00"), "rolling:1w"), now);
    assert_eq!(next_windows(&weekly, now)[0], text("2026-03-01T20:00:00Z", "2026-03-09T01:00:00Z"));
    // Back to whole months: records that were already exported are not exported again. The windows stay empty
    // until one ends after the exported range.
    let monthly = edited_to(settings(monthly(5, "00:00"), "previous:1mo"), now);
    assert_eq!(
        next_windows(&monthly, now),
        [
            text("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            text("2026-03-01T20:00:00Z", "2026-04-01T00:00:00Z")
        ]
    );
}

#[test]
fn w3_windows_that_do_not_tile_or_are_of_other_records_stand_by_themselves() {
    let now = "2026-03-02T10:00:00Z";
    let wider = edited_to(settings(daily("22:00"), "rolling:2d"), now);
    assert_eq!(wider.tiled_until, None);
    assert_eq!(next_windows(&wider, now)[0], text("2026-02-28T22:00:00Z", "2026-03-02T22:00:00Z"));
    let other = settings(daily("22:00"), "rolling:1d")
        .with_categories(CategorySelection::Only(["voice".to_owned()].into()));
    let other = edited_to(other, now);
    assert_eq!(next_windows(&other, now)[0], text("2026-03-01T22:00:00Z", "2026-03-02T22:00:00Z"));
    // A job that is given a later start begins there, and does not continue the earlier windows.
    let starts = settings(daily("22:00"), "rolling:1d").with_starts_at(Some(instant("2026-04-01T00:00:00Z")));
    let starts = edited_to(starts, now);
    assert_eq!(next_windows(&starts, now)[0], text("2026-03-31T22:00:00Z", "2026-04-01T22:00:00Z"));
    // A start in the past has no effect.
    let started =
        settings(daily("22:00"), "rolling:1d").with_starts_at(Some(instant("2026-03-01T00:00:00Z")));
    let starts_now = started.clone().with_starts_at(Some(instant(now)));
    for settings in [started, starts_now] {
        assert_eq!(next_windows(&edited_to(settings, now), now)[0].0, "2026-03-01 20:00:00 UTC");
    }
}

#[test]
fn w3_a_job_that_had_come_to_its_end_starts_anew() {
    let end = instant("2026-03-02T00:00:00Z");
    let bounded = settings(daily("20:00"), "rolling:1d").with_ends_at(Some(end));
    let job = submit_settings(bounded.clone(), instant("2026-03-01T12:00:00Z")).job;
    let ended = materialise(&job, &[], terms(), end).unwrap().job;
    assert_eq!(ended.state, JobState::Completed);
    let asked = Edit { settings: bounded.with_ends_at(None), watermark: None, one_time: OneTimeEdit::Never };
    let now = "2026-06-01T00:00:00Z";
    let revived = edit(&ended, Vec::new(), asked, terms(), instant(now)).unwrap().job;
    assert_eq!(next_windows(&revived, now)[0], text("2026-05-31T20:00:00Z", "2026-06-01T20:00:00Z"));
}

#[test]
fn w3_what_waits_when_a_job_begins_to_tile_is_part_of_it() {
    let job = submit(daily("20:00"), "rolling:2d", instant("2026-03-01T12:00:00Z")).job;
    let due = materialise(&job, &[], terms(), instant("2026-03-01T20:00:00Z")).unwrap();
    let now = "2026-03-01T20:00:01Z";
    let asked = Edit {
        settings: settings(daily("02:00"), "rolling:1d"),
        watermark: None,
        one_time: OneTimeEdit::UntilStarted,
    };
    let change = edit(&due.job, due.entries, asked, terms(), instant(now)).unwrap();
    assert_eq!(
        change.edited[0].window,
        Window::between(instant("2026-03-01T02:00:00Z"), instant("2026-03-01T20:00:00Z"))
    );
    assert_eq!(next_windows(&change.job, now)[0], text("2026-03-01T20:00:00Z", "2026-03-02T02:00:00Z"));
}

/// An event in the life of a job whose windows tile before and after it.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Does(Command),
    Edit(Box<JobSettings>),
}

pub(crate) fn tiling_settings() -> impl Strategy<Value = JobSettings> {
    let hour = 0_u8..24;
    let daily = (hour.clone(), prop::sample::select(vec!["rolling:1d", "previous:1d"]))
        .prop_map(|(hour, timeframe)| settings(daily(&format!("{hour:02}:00")), timeframe));
    let others = prop::sample::select(vec![
        (Frequency::Hourly(Hourly::new(6, 0).unwrap()), "rolling:6h"),
        (Frequency::Hourly(Hourly::new(6, 30).unwrap()), "previous:6h"),
        (Frequency::Hourly(Hourly::new(5, 15).unwrap()), "rolling:5h"),
        (weekly(Weekday::Wed, "13:00"), "rolling:1w"),
        (weekly(Weekday::Sun, "00:00"), "previous:1w"),
        (monthly(31, "06:00"), "rolling:1mo"),
        (monthly(1, "00:00"), "previous:1mo"),
    ]);
    let settings = prop_oneof![
        3 => daily,
        2 => others.prop_map(|(frequency, timeframe)| settings(frequency, timeframe)),
    ];
    let settings = (settings, policies(), wall_clock());
    settings.prop_map(|(settings, policies, clock)| settings.with_policies(policies).with_clock(clock))
}

/// Every combination of overlap and catch-up, mostly the default of the timeframe.
fn policies() -> impl Strategy<Value = Policies> {
    let way =
        || prop_oneof![2 => Just(None), 1 => Just(Some(Overlap::Coalesce)), 1 => Just(Some(Overlap::Queue))];
    let limit = prop_oneof![3 => Just(None), 1 => Just(CatchUpLimit::new(TimeDelta::hours(30)).ok())];
    let jitter = prop_oneof![3 => Just(None), 1 => Just(Jitter::new(TimeDelta::hours(1)).ok())];
    (way(), way(), limit, jitter).prop_map(|(overlap, missed, limit, jitter)| {
        Policies::default().with_overlap(overlap).with_catch_up(CatchUp { missed, limit }).with_jitter(jitter)
    })
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let seconds = prop_oneof![1_i64..3_600, 3_600_i64..90_000, 86_400_i64..1_000_000];
    prop_oneof![
        6 => seconds.prop_map(|seconds| Event::Does(Command::Advance(TimeDelta::seconds(seconds)))),
        5 => Just(Event::Does(Command::Tick)),
        2 => Just(Event::Does(Command::Claim)),
        2 => Just(Event::Does(Command::Succeed)),
        1 => Just(Event::Does(Command::Fail { retryable: false })),
        1 => Just(Event::Does(Command::Suspend)),
        2 => Just(Event::Does(Command::Resume)),
        1 => Just(Event::Does(Command::RunNow)),
        1 => (1_u8..5).prop_map(|days| Event::Does(Command::Backfill { days })),
        1 => any::<usize>().prop_map(|number| Event::Does(Command::Cancel(number))),
        3 => tiling_settings().prop_map(|settings| Event::Edit(Box::new(settings))),
    ]
}

/// Whether a later occurrence exports the records of this one.
fn is_covered(execution: &Execution) -> bool {
    matches!(execution.state, ExecutionState::Skipped(SkipReason::Coalesced { .. }))
}

/// Returns the windows of scheduled executions, run and skipped, in the order in which they were recorded.
/// Covered ones are left out, since their windows lie in others (rule W3a).
fn scheduled(executions: &[Execution]) -> Vec<Window> {
    let of_schedule = executions
        .iter()
        .filter(|execution| execution.trigger == Trigger::Scheduled && !is_covered(execution));
    of_schedule.map(|execution| execution.window).collect()
}

/// Checks that the windows tile, and returns where they end. Their order is that of time: one that was cancelled
/// stays where it is when an edit joins those around it, so it may have been recorded before an earlier one.
fn tile(windows: &[Window]) -> Result<Option<DateTime<Utc>>, TestCaseError> {
    let mut in_time = windows.to_vec();
    in_time.sort_by_key(|window| (window.start(), window.end()));
    let mut until = None;
    for window in &in_time {
        // An empty window: its records were exported already. If it was cancelled or skipped, it may even
        // precede the window that covers those around it.
        if window.start() == Some(window.end()) {
            continue;
        }
        prop_assert!(until.is_none_or(|until| window.start() == Some(until)), "{:?}", windows);
        until = Some(window.end());
    }
    Ok(until)
}

proptest! {
    #[test]
    fn w3_j17_windows_tile_under_any_sequence_of_edits_and_suspensions(
        first in tiling_settings(),
        first_run_now in any::<bool>(),
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut world = World::with_first_run(first, first_run_now, instant("2026-01-15T12:00:00Z"));
        for event in events {
            let edited = match &event {
                Event::Does(command) => world.carry_out(command),
                Event::Edit(settings) => world.edit_to((**settings).clone(), None),
            };
            let refused_edit = edited.is_err() && matches!(event, Event::Edit(_));
            prop_assert!(!refused_edit, "{:?}", edited);
            let until = tile(&scheduled(&world.executions))?;
            prop_assert_eq!(world.job.tiled_until, until);
            // The preview of coming windows continues at the same place.
            if world.job.state == JobState::Active && world.job.next_due_at.is_some_and(|due| due > world.now) {
                let mut windows = scheduled(&world.executions);
                windows.extend(preview(&world.job, terms().source, 3, world.now).iter().map(|next| next.window));
                tile(&windows)?;
            }
        }
    }
}

/// Returns a job that covers missed occurrences, submitted half an hour into March.
fn coalescing(frequency: Frequency, timeframe: &str) -> Job {
    let missed = CatchUp { missed: Some(Overlap::Coalesce), limit: None };
    let policies = Policies::default().with_catch_up(missed).with_overlap(Some(Overlap::Coalesce));
    let settings = settings(frequency, timeframe).with_policies(policies);
    submit_settings(settings, instant("2026-03-01T00:30:00Z")).job
}

fn hourly() -> Frequency {
    Frequency::Hourly(Hourly::new(1, 0).unwrap())
}

/// Returns the window of the only entry that runs.
fn covering(entries: &[Execution]) -> (String, String) {
    let run: Vec<&Execution> = entries.iter().filter(|entry| entry.is_waiting()).collect();
    assert_eq!(run.len(), 1);
    (run[0].window.start().unwrap().to_string(), run[0].window.end().to_string())
}

#[test]
fn w3a_what_was_missed_lies_in_the_window_of_the_occurrence_that_covers_it() {
    let job = coalescing(hourly(), "rolling:1h");
    let first = materialise(&job, &[], terms(), instant("2026-03-01T01:00:00Z")).unwrap();
    assert_eq!(covering(&first.entries), text("2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z"));
    // No engine ran at the slots of 02:00 to 06:00.
    let now = "2026-03-01T06:10:00Z";
    let change = materialise(&first.job, &[], terms(), instant(now)).unwrap();
    assert_eq!(change.entries.len(), 2);
    assert_eq!(covering(&change.entries), text("2026-03-01T01:00:00Z", "2026-03-01T06:00:00Z"));
    // The preview is the same before and after, and continues from there.
    let ahead = text("2026-03-01T06:00:00Z", "2026-03-01T07:00:00Z");
    assert_eq!(next_windows(&first.job, now)[0], ahead);
    assert_eq!(next_windows(&change.job, now)[0], ahead);
    // If nothing of the job is on the record yet, the window begins where its first one would have.
    let change = materialise(&job, &[], terms(), instant(now)).unwrap();
    assert_eq!(covering(&change.entries), text("2026-03-01T00:00:00Z", "2026-03-01T06:00:00Z"));
}

#[test]
fn w3a_what_waits_lies_in_the_window_of_the_occurrence_that_covers_it() {
    let job = coalescing(hourly(), "rolling:1h");
    let first = materialise(&job, &[], terms(), instant("2026-03-01T01:00:00Z")).unwrap();
    let second = materialise(&first.job, &[], terms(), instant("2026-03-01T02:05:00Z")).unwrap();
    let waiting: Vec<Execution> = [first.entries, second.entries].concat();
    let now = instant("2026-03-01T04:05:00Z");
    let change = materialise(&second.job, &waiting, terms(), now).unwrap();
    assert_eq!(change.superseded.len(), 2);
    assert_eq!(covering(&change.entries), text("2026-03-01T00:00:00Z", "2026-03-01T04:00:00Z"));
    // An execution that cannot start yet keeps its window, and so do those before it.
    let held_up = Execution { not_before: now + TimeDelta::hours(1), ..waiting[1].clone() };
    let change = materialise(&second.job, &[waiting[0].clone(), held_up], terms(), now).unwrap();
    assert_eq!(change.superseded.len(), 0);
    assert_eq!(covering(&change.entries), text("2026-03-01T02:00:00Z", "2026-03-01T04:00:00Z"));
}

#[test]
fn w3a_windows_that_do_not_tile_reach_back_as_far_as_they_must() {
    for (timeframe, until, start) in [
        // As long as its own window includes all covered ones, it is unchanged.
        ("rolling:7d", "2026-03-06T02:00:00Z", "2026-02-27T02:00:00Z"),
        ("rolling:7d", "2026-03-20T02:00:00Z", "2026-03-02T02:00:00Z"),
        ("previous:2d", "2026-03-05T02:00:00Z", "2026-03-02T00:00:00Z"),
        // Windows with gaps between them: it does not reach into the gap before the first missed one.
        ("rolling:1h", "2026-03-05T02:00:00Z", "2026-03-03T01:00:00Z"),
    ] {
        let job = coalescing(daily("02:00"), timeframe);
        // The first occurrence has passed.
        let job = materialise(&job, &[], terms(), instant("2026-03-01T02:00:00Z")).unwrap().job;
        let job = materialise(&job, &[], terms(), instant("2026-03-02T02:00:00Z")).unwrap().job;
        let change = materialise(&job, &[], terms(), instant(until)).unwrap();
        assert_eq!(covering(&change.entries).0, instant(start).to_string(), "{timeframe}");
    }
}

proptest! {
    /// Every instant in the window of a covered occurrence lies in a window on the record.
    #[test]
    fn w3a_covered_is_true_of_any_rolling_or_previous_timeframe(
        timeframe in prop::sample::select(vec![
            "rolling:1h", "rolling:3h", "rolling:1d", "rolling:7d", "previous:1h", "previous:1d", "previous:1w",
        ]),
        frequency in prop_oneof![
            (1_u32..8, 0_u32..60).prop_map(|(every, minute)| Frequency::Hourly(Hourly::new(every, minute).unwrap())),
            Just(daily("13:30")),
            Just(weekly(Weekday::Wed, "13:00")),
        ],
        policies in policies(),
        clock in wall_clock(),
        ticks in prop::collection::vec((1_i64..700_000, any::<bool>()), 1..12),
    ) {
        let begin = instant("2026-03-01T00:30:00Z");
        let settings = settings(frequency, timeframe).with_policies(policies).with_clock(clock);
        let mut world = World::new(settings, begin);
        for (seconds, claims) in ticks {
            let commands = [Command::Advance(TimeDelta::seconds(seconds)), Command::Tick, Command::Claim, Command::Succeed];
            let count = if claims { 4 } else { 2 };
            for command in &commands[..count] {
                let _refused = world.carry_out(command);
            }
        }
        let of_schedule = || world.executions.iter().filter(|one| one.trigger == Trigger::Scheduled);
        for covered in of_schedule().filter(|one| is_covered(one)) {
            let ExecutionState::Skipped(SkipReason::Coalesced { first, last, .. }) = covered.state else { continue };
            let settings = &covered.settings;
            let slots = std::iter::successors(Some(first), |slot| settings.next_slot(*slot));
            for slot in slots.take_while(|slot| *slot <= last) {
                let own = settings.timeframe.window(settings.schedule(), slot).unwrap();
                let mut at = own.start().unwrap();
                while at < own.end() {
                    let held = of_schedule().any(|one| !is_covered(one) && one.window.contains(Some(at)));
                    prop_assert!(held, "{} of the occurrence at {} is in no window", at, slot);
                    at += TimeDelta::minutes(30);
                }
            }
        }
    }
}
