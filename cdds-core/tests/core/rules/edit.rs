//! Rules J10, J11: the effect of an edit on the job and its executions.

use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::schedule::materialise;
use cdds_core::domain::execution::watermark::Watermark;
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason};
use cdds_core::domain::job::edit::{Edit, OneTimeEdit, WatermarkChoice, edit};
use cdds_core::domain::job::lifecycle::{self, Submission};
use cdds_core::domain::job::{Job, JobChange, JobSettings, JobState, Title};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::record::template::{FieldSelection, Template};
use cdds_core::domain::violation::{Code, RuleViolation};
use chrono::{DateTime, TimeDelta, Utc};

use crate::rules::support::{begin, daily, fail, instant, settings, submit, succeed, terms};

fn asked(settings: JobSettings, watermark: Option<WatermarkChoice>) -> Edit {
    Edit { settings, watermark, one_time: OneTimeEdit::UntilStarted }
}

fn edited(
    job: &Job,
    open: &[Execution],
    settings: JobSettings,
    watermark: Option<WatermarkChoice>,
    now: DateTime<Utc>,
) -> Result<JobChange, RuleViolation> {
    edit(job, open.to_vec(), asked(settings, watermark), terms(), now)
}

fn refused(result: Result<JobChange, RuleViolation>) -> Code {
    result.expect_err("refused").code()
}

fn titled(settings: &JobSettings, title: &str) -> JobSettings {
    settings.clone().with_title(Title::new(title).unwrap())
}

const NOON: &str = "2026-03-01T12:00:00Z";

#[test]
fn j10_an_edit_counts_for_what_waits_and_not_for_what_has_begun() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let now = instant("2026-03-02T02:00:00Z");
    let change = materialise(&job, &[], terms(), now).unwrap();
    let (job, waiting) = (change.job, change.entries[0].clone());
    let running = begin(&job, waiting.clone(), now);

    let new = titled(&job.settings, "Renamed");
    let change = edited(&job, std::slice::from_ref(&waiting), new.clone(), None, now).unwrap();
    assert_eq!(change.edited.len(), 1);
    assert_eq!((&change.edited[0].settings, change.edited[0].id), (&new, waiting.id));
    assert_eq!(change.edited[0].window, waiting.window, "the window stays frozen (W1)");
    assert_eq!((change.job.version, change.job.updated_at), (job.version + 1, now));
    assert_eq!(change.job.next_due_at, job.next_due_at, "the schedule is as it was");

    let change = edited(&job, &[running], new, None, now).unwrap();
    assert!(change.edited.is_empty() && change.superseded.is_empty() && change.entries.is_empty());
}

#[test]
fn j10_another_timeframe_gives_what_waits_another_window() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let now = instant("2026-03-02T02:00:00Z");
    let change = materialise(&job, &[], terms(), now).unwrap();
    let wider = settings(daily("02:00"), "rolling:1w");
    let edited = edited(&change.job, &change.entries, wider, None, now).unwrap().edited;
    assert_eq!(edited[0].window.start(), Some(instant("2026-02-23T02:00:00Z")));
    assert_eq!(edited[0].window.end(), now);
}

#[test]
fn j10_another_frequency_counts_from_now_and_due_slots_of_the_old_one_are_not_lost() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let now = instant("2026-03-04T11:00:00Z");
    let change = edited(&job, &[], settings(daily("18:00"), "rolling:1d"), None, now).unwrap();
    let slots: Vec<_> = change.entries.iter().map(|entry| (entry.slot, entry.is_waiting())).collect();
    let due = |day: u32| (instant(&format!("2026-03-{day:02}T02:00:00Z")), true);
    assert_eq!(slots, [due(2), due(3), due(4)]);
    assert!(change.entries.iter().all(|entry| entry.settings == change.job.settings));
    assert_eq!(change.job.next_due_at, Some(instant("2026-03-04T18:00:00Z")));
}

#[test]
fn j10_a_one_time_job_may_be_edited_until_it_has_started() {
    let now = instant(NOON);
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "all", now);
    let first = first.unwrap();
    let new = titled(&job.settings, "Renamed");
    let change = edited(&job, std::slice::from_ref(&first), new.clone(), None, now).unwrap();
    assert_eq!((change.edited.len(), &change.edited[0].settings), (1, &new));
    assert_eq!((change.job.state, change.entries.len()), (JobState::Suspended, 0));

    let never = Edit { one_time: OneTimeEdit::Never, ..asked(new.clone(), None) };
    let result = edit(&job, vec![first.clone()], never, terms(), now);
    assert_eq!(refused(result), Code::OneTimeCannotEdit);
    let started = lifecycle::started(&job);
    let running = begin(&job, first, now);
    assert_eq!(refused(edited(&started, &[running], new, None, now)), Code::OneTimeCannotEdit);
}

#[test]
fn j10_a_one_time_job_can_be_given_another_start_or_a_frequency() {
    let now = instant(NOON);
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "all", now);
    let waiting = [first.unwrap()];
    for (frequency, next) in [
        (Frequency::Once(Start::At(instant("2026-03-05T00:00:00Z"))), "2026-03-05T00:00:00Z"),
        (daily("02:00"), "2026-03-02T02:00:00Z"),
    ] {
        let change = edited(&job, &waiting, settings(frequency, "all"), None, now).unwrap();
        assert_eq!((change.job.state, change.job.next_due_at), (JobState::Active, Some(instant(next))));
        assert_eq!(change.superseded[0].state, ExecutionState::Skipped(SkipReason::Replaced));
        assert!(change.edited.is_empty());
    }
    // In the other direction: a one-time start replaces the waiting execution of the schedule.
    let job = submit(daily("02:00"), "all", now).job;
    let later = instant("2026-03-02T03:00:00Z");
    let due = materialise(&job, &[], terms(), later).unwrap();
    let once = settings(Frequency::Once(Start::Immediately), "all");
    let change = edited(&due.job, &due.entries, once.clone(), None, later).unwrap();
    assert_eq!((change.job.state, change.job.next_due_at), (JobState::Suspended, None));
    assert_eq!(change.superseded[0].state, ExecutionState::Skipped(SkipReason::Replaced));
    assert_eq!((change.entries.len(), change.entries[0].slot), (1, later));
    let running = begin(&due.job, due.entries[0].clone(), later);
    assert_eq!(refused(edited(&due.job, &[running], once, None, later)), Code::JobBusy);
}

#[test]
fn j9_a_suspended_one_time_job_is_given_a_new_start_and_resumed() {
    let start = instant("2026-03-02T00:00:00Z");
    let job = submit(Frequency::Once(Start::At(start)), "all", instant(NOON)).job;
    let suspended = lifecycle::suspend(&job, Vec::new(), instant(NOON)).unwrap().job;
    let now = start + TimeDelta::days(1);
    assert_eq!(lifecycle::resume(&suspended, now).unwrap_err().code(), Code::OneTimeCannotResume);
    let later = settings(Frequency::Once(Start::At(now + TimeDelta::days(1))), "all");
    let change = edited(&suspended, &[], later, None, now).unwrap();
    let job = change.job;
    assert_eq!((job.state, job.next_due_at), (JobState::Suspended, None), "suspended by hand stays so");
    let passed = SkipReason::Suspended { first: start, last: start, count: 1 };
    assert_eq!(change.entries[0].state, ExecutionState::Skipped(passed), "the old start is on the record");
    let resumed = lifecycle::resume(&job, now).unwrap().unwrap();
    assert_eq!(resumed.job.next_due_at, Some(now + TimeDelta::days(1)));
    assert!(resumed.entries.is_empty(), "and only once");
}

#[test]
fn j14_a_job_past_its_end_goes_on_when_it_is_given_a_later_one() {
    let now = instant("2026-03-03T02:00:00Z");
    let bounded = settings(daily("02:00"), "rolling:1d").with_ends_at(Some(now));
    let job = crate::rules::support::submit_settings(bounded.clone(), instant(NOON)).job;
    let ended = materialise(&job, &[], terms(), now).unwrap().job;
    assert_eq!((ended.state, ended.next_due_at), (JobState::Completed, None));
    let renamed = edited(&ended, &[], titled(&bounded, "Renamed"), None, now).unwrap().job;
    assert_eq!(renamed.state, JobState::Completed);
    let longer = bounded.with_ends_at(Some(now + TimeDelta::days(9)));
    let job = edited(&ended, &[], longer, None, now).unwrap().job;
    assert_eq!((job.state, job.next_due_at), (JobState::Active, Some(now + TimeDelta::days(1))));
}

#[test]
fn j11_whoever_changes_what_is_exported_says_what_becomes_of_the_watermark() {
    let job = submit(daily("02:00"), "since-last", instant(NOON)).job;
    let now = instant(NOON);
    let since = &job.settings;
    let mut filtered = since.clone();
    filtered = filtered
        .with_template(Template::new(FieldSelection::All, vec!["channel=voice".parse().unwrap()]).unwrap());
    let voice = CategorySelection::Only(["voice".to_owned()].into());
    let changes = [
        since.clone().with_source("other".parse().unwrap()),
        since.clone().with_data_type("contact".parse().unwrap()),
        since.clone().with_categories(voice),
        since.clone().with_timeframe("rolling:1d".parse().unwrap()),
        since.clone().with_timeframe("since-last:2026-01-01T00:00:00Z".parse().unwrap()),
        filtered,
    ];
    for new in changes {
        assert_eq!(refused(edited(&job, &[], new.clone(), None, now)), Code::WatermarkChoiceRequired);
        for choice in [WatermarkChoice::Reset, WatermarkChoice::Continue] {
            assert!(edited(&job, &[], new.clone(), Some(choice), now).is_ok());
        }
    }
    assert!(edited(&job, &[], titled(since, "Renamed"), None, now).is_ok(), "a title exports nothing");
    assert!(edited(&job, &[], settings(daily("03:00"), "since-last"), None, now).is_ok());

    let plain = submit(daily("02:00"), "rolling:1d", now).job;
    let result = edited(&plain, &[], titled(&plain.settings, "R"), Some(WatermarkChoice::Reset), now);
    assert_eq!(refused(result), Code::NoWatermark);
    let became = edited(&plain, &[], settings(daily("02:00"), "since-last"), None, now).unwrap().job;
    assert_eq!(became.watermark, Some(Watermark { generation: 1, at: None }));
}

#[test]
fn j11_a_reset_opens_a_generation_that_older_executions_cannot_move() {
    let job = submit(daily("02:00"), "since-last", instant(NOON)).job;
    let now = instant("2026-03-02T02:00:00Z");
    let due = materialise(&job, &[], terms(), now).unwrap();
    let running = begin(&due.job, due.entries[0].clone(), now);
    let from = "since-last:2026-01-01T00:00:00Z";
    let new = settings(daily("02:00"), from);
    let reset =
        edited(&due.job, std::slice::from_ref(&running), new.clone(), Some(WatermarkChoice::Reset), now)
            .unwrap()
            .job;
    let origin = Some(instant("2026-01-01T00:00:00Z"));
    assert_eq!(reset.watermark, Some(Watermark { generation: 2, at: origin }));
    let succeeded = succeed(running.clone(), now);
    let after = lifecycle::ended(&reset, &succeeded, Vec::new(), now).unwrap().job;
    assert_eq!(after.watermark, reset.watermark, "an execution of an older generation moves nothing");

    let continued = edited(&due.job, &[running], new, Some(WatermarkChoice::Continue), now).unwrap().job;
    let after = lifecycle::ended(&continued, &succeeded, Vec::new(), now).unwrap().job;
    assert_eq!(after.watermark, Some(Watermark { generation: 1, at: Some(instant("2026-03-02T01:59:55Z")) }));
}

#[test]
fn j11_what_waits_belongs_to_the_new_generation() {
    let job = submit(daily("02:00"), "since-last", instant(NOON)).job;
    let now = instant("2026-03-02T02:00:00Z");
    let due = materialise(&job, &[], terms(), now).unwrap();
    let other = job.settings.clone().with_source("other".parse().unwrap());
    let change = edited(&due.job, &due.entries, other, Some(WatermarkChoice::Reset), now).unwrap();
    assert_eq!(change.edited[0].generation, Some(2));
    let rolling = settings(daily("02:00"), "rolling:1d");
    let change = edited(&due.job, &due.entries, rolling, Some(WatermarkChoice::Continue), now).unwrap();
    assert_eq!(change.edited[0].generation, None);
    assert_eq!(change.edited[0].window.start(), Some(instant("2026-03-01T02:00:00Z")));
}

#[test]
fn j11_a_rerun_whose_start_is_open_does_not_outlive_the_watermark() {
    let job = submit(daily("02:00"), "since-last", instant(NOON)).job;
    let now = instant("2026-03-02T02:00:00Z");
    let due = materialise(&job, &[], terms(), now).unwrap();
    let failed = fail(begin(&due.job, due.entries[0].clone(), now), false, now);
    let queued =
        cdds_core::domain::execution::manual::rerun(&due.job, &failed, &[], &[], terms().source, now)
            .unwrap()
            .entries;
    let rolling = settings(daily("02:00"), "rolling:1d");
    let change = edited(&due.job, &queued, rolling, Some(WatermarkChoice::Reset), now).unwrap();
    assert_eq!(change.superseded[0].state, ExecutionState::Skipped(SkipReason::Replaced));
    assert!(change.edited.is_empty());
}

#[test]
fn j10_what_a_due_slot_covers_is_covered_once_and_takes_nothing_on() {
    let job = submit(daily("02:00"), "all", instant(NOON)).job;
    let first = materialise(&job, &[], terms(), instant("2026-03-02T02:00:00Z")).unwrap();
    let waiting = first.entries[0].clone();
    let now = instant("2026-03-03T05:00:00Z");
    let new = titled(&job.settings, "Renamed");
    let change = edited(&first.job, std::slice::from_ref(&waiting), new.clone(), None, now).unwrap();
    assert!(change.edited.is_empty());
    assert_eq!((change.superseded.len(), change.superseded[0].id), (1, waiting.id));
    assert!(matches!(change.superseded[0].state, ExecutionState::Skipped(SkipReason::Coalesced { .. })));
    assert_eq!((change.entries.len(), &change.entries[0].settings), (1, &new));
}

#[test]
fn j10_a_due_slot_gives_way_to_a_one_time_start() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let now = instant("2026-03-02T05:00:00Z");
    let start = Start::At(instant("2026-03-09T00:00:00Z"));
    let change = edited(&job, &[], settings(Frequency::Once(start), "rolling:1d"), None, now).unwrap();
    assert_eq!(change.entries.len(), 1);
    assert_eq!(change.entries[0].state, ExecutionState::Skipped(SkipReason::Replaced));
    assert_eq!(change.job.next_due_at, Some(instant("2026-03-09T00:00:00Z")));
}

#[test]
fn j10_a_long_backlog_is_on_the_record_before_the_schedule_changes() {
    use cdds_core::domain::calendar::frequency::Hourly;
    let hourly = Frequency::Hourly(Hourly::new(1, 0).unwrap());
    let mut old = settings(hourly, "rolling:1h");
    old.policies.catch_up = "3650d".parse().unwrap();
    let job = crate::rules::support::submit_settings(old, instant("2025-01-01T00:30:00Z")).job;
    let change = edited(&job, &[], settings(daily("02:00"), "rolling:1d"), None, instant(NOON)).unwrap();
    let hours = (instant(NOON) - instant("2025-01-01T00:00:00Z")).num_hours();
    assert_eq!(change.entries.len(), usize::try_from(hours).unwrap());
}

#[test]
fn j11_a_choice_is_welcome_where_the_edit_makes_a_job_incremental() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let since = settings(daily("02:00"), "since-last");
    for choice in [WatermarkChoice::Reset, WatermarkChoice::Continue] {
        let change = edited(&job, &[], since.clone(), Some(choice), instant(NOON)).unwrap();
        assert_eq!(change.job.watermark, Some(Watermark { generation: 1, at: None }));
    }
}

#[test]
fn j10_nothing_that_waits_outlives_a_one_time_start() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let now = instant("2026-03-02T05:00:00Z");
    let extra = cdds_core::domain::execution::manual::run_now(&job, terms().source, now).unwrap().entries;
    let start = Start::At(instant("2026-03-09T00:00:00Z"));
    let change = edited(&job, &extra, settings(Frequency::Once(start), "rolling:1d"), None, now).unwrap();
    assert_eq!(change.superseded[0].state, ExecutionState::Skipped(SkipReason::Replaced));
    assert_eq!(change.job.next_due_at, Some(instant("2026-03-09T00:00:00Z")));
}

#[test]
fn j9_a_one_time_job_that_was_kept_from_its_start_is_given_another() {
    let now = instant(NOON);
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "all", now);
    let later = settings(Frequency::Once(Start::At(now + TimeDelta::days(1))), "all");
    // Cancelled before it began: the job was not suspended by a person, so the new start runs.
    let change = edited(&job, &[], later.clone(), None, now).unwrap();
    assert_eq!(
        (change.job.state, change.job.next_due_at),
        (JobState::Active, Some(now + TimeDelta::days(1)))
    );
    // Suspended before it began: the waiting execution is skipped, and the new start waits for a person to
    // resume.
    let suspended = lifecycle::suspend(&job, vec![first.unwrap()], now).unwrap();
    let skipped = SkipReason::Suspended { first: now, last: now, count: 1 };
    assert_eq!(suspended.superseded[0].state, ExecutionState::Skipped(skipped));
    let change = edited(&suspended.job, &[], later, None, now).unwrap();
    assert_eq!((change.job.state, change.job.next_due_at), (JobState::Suspended, None));
    assert!(lifecycle::suspend(&suspended.job, Vec::new(), now).is_none(), "once is enough");
}

#[test]
fn j11_an_extra_occurrence_takes_the_new_timeframe_on() {
    let job = submit(daily("02:00"), "since-last", instant(NOON)).job;
    let now = instant("2026-03-01T15:00:00Z");
    let extra = cdds_core::domain::execution::manual::run_now(&job, terms().source, now).unwrap().entries;
    let rolling = settings(daily("02:00"), "rolling:1w");
    let change = edited(&job, &extra, rolling, Some(WatermarkChoice::Reset), now).unwrap();
    assert!(change.superseded.is_empty());
    assert_eq!((change.edited[0].generation, change.edited[0].window.end()), (None, now));
    assert_eq!(change.edited[0].window.start(), Some(now - TimeDelta::weeks(1)));
}

#[test]
fn j10_an_edit_of_the_schedule_moves_no_window_and_one_of_the_jitter_only_starts_of_the_schedule() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let now = instant("2026-03-02T02:00:00Z");
    let change = materialise(&job, &[], terms(), now).unwrap();
    let scheduled = change.entries[0].clone();
    let manual =
        cdds_core::domain::execution::manual::run_now(&change.job, terms().source, now).unwrap().entries[0]
            .clone();
    let mut new = settings(daily("05:00"), "rolling:1d");
    new.policies.jitter = Some("1h".parse().unwrap());
    let edited = edited(&change.job, &[scheduled.clone(), manual.clone()], new, None, now).unwrap().edited;
    assert_eq!((edited[0].window, edited[1].window), (scheduled.window, manual.window), "frozen (W1)");
    assert!(edited[0].not_before > scheduled.not_before, "{:?}", edited[0].not_before);
    assert_eq!(edited[1].not_before, manual.not_before, "asked for now");
}
