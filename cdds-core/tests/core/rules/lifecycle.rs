//! Rules J7–J9, E3, E4: the fate of a job's slots over its life.

use std::num::NonZeroU32;

use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::schedule::{Terms, materialise};
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason, Status};
use cdds_core::domain::job::lifecycle::{self, Submission};
use cdds_core::domain::job::policy::Policies;
use cdds_core::domain::job::{Job, JobChange, JobState, SuspensionReason};
use cdds_core::domain::violation::Code;
use chrono::TimeDelta;
use proptest::prelude::*;

use crate::rules::support::{begin, daily, fail, instant, settings, submit, submit_settings, terms};

fn due(job: &Job, waiting: &[Execution], now: &str) -> Option<JobChange> {
    materialise(job, waiting, terms(), instant(now))
}

#[test]
fn j8_an_immediate_one_time_job_is_stored_suspended_with_its_one_execution() {
    let now = instant("2026-03-01T10:00:00Z");
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "all", now);
    assert_eq!((job.state, job.next_due_at), (JobState::Suspended, None));
    let first = first.expect("queued with the job");
    assert_eq!((first.slot, &first.state), (now, &ExecutionState::Queued));

    let refused = lifecycle::resume(&job, now + TimeDelta::hours(1)).unwrap_err();
    assert_eq!(refused.code(), Code::OneTimeCannotResume);

    let completed = lifecycle::started(&job);
    assert_eq!(completed.state, JobState::Completed);
    assert_eq!(lifecycle::started(&completed), completed);
    assert_eq!(lifecycle::resume(&completed, now).unwrap_err().code(), Code::OneTimeCannotResume);
    assert_eq!(lifecycle::suspend(&completed, Vec::new(), now), None);
}

#[test]
fn j8_a_one_time_job_that_waits_says_so_and_not_that_it_was_started() {
    let now = instant("2026-03-01T10:00:00Z");
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "all", now);
    let first = first.unwrap();
    let why = |job: &Job, latest| job.suspension(latest).map(|one| (one.reason, one.since));
    assert_eq!(why(&job, Some(Status::Queued)), Some((SuspensionReason::AwaitsStart, None)));
    assert_eq!(why(&job, Some(Status::Cancelled)), Some((SuspensionReason::NeverStarted, None)));
    assert_eq!(why(&lifecycle::started(&job), Some(Status::InProgress)), None);
    let refused = lifecycle::resume(&job, now).unwrap_err();
    assert!(refused.to_string().contains("starts by itself"), "{refused}");

    // Kept from its start by a person, it has not been started either.
    let stopped = lifecycle::suspend(&job, vec![first], now).unwrap().job;
    assert_eq!(why(&stopped, None), Some((SuspensionReason::Person, Some(now))));
    let refused = lifecycle::resume(&stopped, now).unwrap_err();
    assert_eq!(refused.code(), Code::OneTimeCannotResume);
    assert!(refused.to_string().contains("give it a new start"), "{refused}");
    let refused = lifecycle::resume(&lifecycle::started(&job), now).unwrap_err();
    assert!(refused.to_string().contains("that was started"), "{refused}");
}

#[test]
fn e5_a_pause_by_failures_is_told_from_a_persons_suspension() {
    let (submitted, at) = (instant("2026-03-01T10:00:00Z"), instant("2026-03-02T02:00:00Z"));
    let policies = Policies::default().with_pause_after_failures(NonZeroU32::new(1));
    let job = submit_settings(settings(daily("02:00"), "rolling:1d").with_policies(policies), submitted).job;
    let reason = |job: &Job| job.suspension(None).map(|one| (one.reason, one.since));
    assert_eq!(reason(&job), None);
    let change = due(&job, &[], "2026-03-02T02:00:00Z").unwrap();
    let failed = fail(begin(&change.job, change.entries[0].clone(), at), false, at);
    let paused = lifecycle::ended(&change.job, &failed, Vec::new(), at).unwrap().job;
    assert_eq!(reason(&paused), Some((SuspensionReason::Failures, Some(at))));
    // An edit does not resume it, and it is still paused for its failures.
    let edited = Job { updated_at: at + TimeDelta::hours(1), ..paused.clone() };
    assert_eq!(reason(&edited), Some((SuspensionReason::Failures, Some(at))));

    let by_hand = lifecycle::suspend(&change.job, Vec::new(), at).unwrap().job;
    assert_eq!(reason(&by_hand), Some((SuspensionReason::Person, Some(at))));
    // What still ran when somebody suspended the job, and failed, did not pause it.
    let after = lifecycle::ended(&by_hand, &failed, Vec::new(), at + TimeDelta::hours(1)).unwrap().job;
    assert_eq!((after.failures_in_row, reason(&after)), (1, Some((SuspensionReason::Person, Some(at)))));
}

#[test]
fn j8_a_dated_one_time_job_is_active_until_its_start_and_suspended_with_it() {
    let start = instant("2026-03-02T00:00:00Z");
    let job = submit(Frequency::Once(Start::At(start)), "all", instant("2026-03-01T10:00:00Z")).job;
    assert_eq!((job.state, job.next_due_at), (JobState::Active, Some(start)));
    assert_eq!(due(&job, &[], "2026-03-01T23:59:59Z"), None);

    // Even long after its start, a one-time job does not expire (rule E4).
    let change = due(&job, &[], "2026-05-01T00:00:00Z").unwrap();
    assert_eq!((change.job.state, change.job.next_due_at), (JobState::Suspended, None));
    assert_eq!(change.entries.len(), 1);
    assert_eq!((change.entries[0].slot, &change.entries[0].state), (start, &ExecutionState::Queued));
    assert_eq!(due(&change.job, &[], "2026-05-02T00:00:00Z"), None);
    let refused = lifecycle::resume(&change.job, instant("2026-05-02T00:00:00Z")).unwrap_err();
    assert_eq!(refused.code(), Code::OneTimeCannotResume);
}

#[test]
fn w1_a_start_between_two_microseconds_is_one_slot_that_runs() {
    let start = instant("2026-03-02T00:00:00.123456789Z");
    let job = submit(Frequency::Once(Start::At(start)), "all", instant("2026-03-01T10:00:00Z")).job;
    let slot = instant("2026-03-02T00:00:00.123456Z");
    assert_eq!(job.next_due_at, Some(slot));
    let change = due(&job, &[], "2026-03-02T01:00:00Z").unwrap();
    assert_eq!(change.entries.len(), 1);
    assert_eq!((change.entries[0].slot, &change.entries[0].state), (slot, &ExecutionState::Queued));
    assert_eq!(change.job.next_due_at, None);
}

#[test]
fn j9_a_dated_one_time_job_can_be_suspended_and_resumed_before_its_start_only() {
    let start = instant("2026-03-02T00:00:00Z");
    let job = submit(Frequency::Once(Start::At(start)), "all", instant("2026-03-01T10:00:00Z")).job;
    let suspended = lifecycle::suspend(&job, Vec::new(), instant("2026-03-01T11:00:00Z")).unwrap().job;
    assert_eq!((suspended.state, suspended.next_due_at), (JobState::Suspended, None));

    let resumed = lifecycle::resume(&suspended, start - TimeDelta::seconds(1)).unwrap().unwrap().job;
    assert_eq!((resumed.state, resumed.next_due_at), (JobState::Active, Some(start)));
    assert_eq!(lifecycle::resume(&suspended, start).unwrap_err().code(), Code::OneTimeCannotResume);
}

#[test]
fn j7_resuming_goes_on_with_the_next_occurrence_and_both_are_idempotent() {
    let job = submit(daily("02:00"), "rolling:1d", instant("2026-03-01T10:00:00Z")).job;
    let suspended = lifecycle::suspend(&job, Vec::new(), instant("2026-03-01T11:00:00Z")).unwrap().job;
    assert_eq!(lifecycle::suspend(&suspended, Vec::new(), instant("2026-03-01T12:00:00Z")), None);
    assert_eq!(due(&suspended, &[], "2026-03-09T00:00:00Z"), None, "a suspended job starts nothing");

    assert_eq!(suspended.updated_at, instant("2026-03-01T11:00:00Z"));
    let resumed = lifecycle::resume(&suspended, instant("2026-03-09T03:00:00Z")).unwrap().unwrap();
    assert_eq!(resumed.job.updated_at, instant("2026-03-09T03:00:00Z"));
    assert_eq!((suspended.suspended_at, resumed.job.suspended_at), (Some(suspended.updated_at), None));
    assert_eq!(resumed.job.next_due_at, Some(instant("2026-03-10T02:00:00Z")));
    // The slots that passed meanwhile are on the record as one entry (E1).
    let (first, last) = (instant("2026-03-02T02:00:00Z"), instant("2026-03-09T02:00:00Z"));
    let gap = SkipReason::Suspended { first, last, count: 8 };
    assert_eq!(resumed.entries.len(), 1);
    assert_eq!((resumed.entries[0].slot, &resumed.entries[0].state), (last, &ExecutionState::Skipped(gap)));
    let soon = lifecycle::resume(&suspended, instant("2026-03-02T01:00:00Z")).unwrap().unwrap();
    assert!(soon.entries.is_empty(), "nothing was due");
    assert_eq!(lifecycle::resume(&resumed.job, instant("2026-03-09T04:00:00Z")).unwrap(), None);
    assert_eq!(resumed.job.version, job.version + 2);
}

#[test]
fn j7_what_is_queued_when_a_job_is_suspended_is_skipped_on_the_record() {
    let job = submit(daily("02:00"), "rolling:1d", instant("2026-03-01T10:00:00Z")).job;
    let change = due(&job, &[], "2026-03-02T02:00:00Z").unwrap();
    let suspended = lifecycle::suspend(&change.job, change.entries, instant("2026-03-02T03:00:00Z")).unwrap();
    let states: Vec<_> = suspended.superseded.iter().map(|execution| &execution.state).collect();
    let slot = instant("2026-03-02T02:00:00Z");
    let skipped = SkipReason::Suspended { first: slot, last: slot, count: 1 };
    assert_eq!(states, [&ExecutionState::Skipped(skipped)]);

    // Slots that fell due while no engine ran are recorded as skipped, too.
    let late = lifecycle::suspend(&job, Vec::new(), instant("2026-03-04T03:00:00Z")).unwrap();
    let last = instant("2026-03-04T02:00:00Z");
    let gap = SkipReason::Suspended { first: slot, last, count: 3 };
    assert_eq!(late.entries.len(), 1);
    assert_eq!((late.entries[0].slot, &late.entries[0].state), (last, &ExecutionState::Skipped(gap)));
    assert_eq!(suspended.job.state, JobState::Suspended);
}

#[test]
fn w4_rolling_windows_wait_for_late_rows_and_others_do_not() {
    let slot = instant("2026-03-02T02:00:00Z");
    for (timeframe, lag) in [("rolling:1d", 5), ("all", 0)] {
        let job = submit(daily("02:00"), timeframe, instant("2026-03-01T10:00:00Z")).job;
        let entry = due(&job, &[], "2026-03-02T02:00:00Z").unwrap().entries.remove(0);
        assert_eq!(entry.not_before, slot + TimeDelta::seconds(lag), "{timeframe}");
        let late = due(&job, &[], "2026-03-02T09:00:00Z").unwrap().entries.remove(0);
        assert_eq!(late.not_before, entry.not_before, "late work is not put off further, {timeframe}");
    }
}

#[test]
fn e3_rolling_windows_are_all_run_and_late_work_changes_nothing() {
    let job = submit(daily("02:00"), "rolling:1d", instant("2026-03-01T10:00:00Z")).job;
    let change = due(&job, &[], "2026-03-04T17:00:00Z").unwrap();
    let windows: Vec<_> =
        change.entries.iter().map(|entry| (entry.window.start(), entry.window.end())).collect();
    let at = |day: u32| instant(&format!("2026-03-{day:02}T02:00:00Z"));
    assert_eq!(
        windows,
        [(Some(at(1)), at(2)), (Some(at(2)), at(3)), (Some(at(3)), at(4))],
        "windows come from the slots (W1)"
    );
    assert_eq!(change.job.next_due_at, Some(at(5)));
}

#[test]
fn e3_all_is_coalesced_into_the_latest_slot_with_the_gap_on_the_record() {
    let job = submit(daily("02:00"), "all", instant("2026-03-01T10:00:00Z")).job;
    let first = due(&job, &[], "2026-03-02T02:00:00Z").unwrap();
    let waiting = first.entries;
    let change = due(&first.job, &waiting, "2026-03-05T03:00:00Z").unwrap();
    let into = instant("2026-03-05T02:00:00Z");
    assert_eq!(change.entries.len(), 2);
    let gap = SkipReason::Coalesced {
        first: instant("2026-03-03T02:00:00Z"),
        last: instant("2026-03-04T02:00:00Z"),
        count: 2,
        into,
    };
    assert_eq!(change.entries[0].state, ExecutionState::Skipped(gap));
    assert_eq!((change.entries[1].slot, &change.entries[1].state), (into, &ExecutionState::Queued));
    assert_eq!(change.superseded.len(), 1, "what still waited is covered too");
    assert_eq!(change.superseded[0].id, waiting[0].id);
}

#[test]
fn e4_the_slot_of_this_very_instant_is_the_newest() {
    let job = submit(daily("02:00"), "all", instant("2026-03-01T10:00:00Z")).job;
    let change = due(&job, &[], "2026-03-03T02:00:00Z").unwrap();
    let states: Vec<_> = change.entries.iter().map(|entry| (entry.slot, entry.is_waiting())).collect();
    assert_eq!(states, [(instant("2026-03-02T02:00:00Z"), false), (instant("2026-03-03T02:00:00Z"), true)]);
}

#[test]
fn e4_beyond_the_catch_up_limit_one_entry_stands_for_the_gap_and_the_newest_always_runs() {
    let job = submit(daily("02:00"), "rolling:1d", instant("2026-03-01T10:00:00Z")).job;
    let change = due(&job, &[], "2026-03-20T12:00:00Z").unwrap();
    let queued = change.entries.iter().filter(|entry| entry.state == ExecutionState::Queued).count();
    assert_eq!((queued, change.entries.len()), (7, 8));
    let gap = SkipReason::CatchUpLimit {
        first: instant("2026-03-02T02:00:00Z"),
        last: instant("2026-03-13T02:00:00Z"),
        count: 12,
    };
    assert_eq!(change.entries[0].state, ExecutionState::Skipped(gap));
    assert_eq!(change.entries[0].finished_at, Some(instant("2026-03-20T12:00:00Z")));

    let none_kept = materialise(
        &job,
        &[],
        Terms { catch_up_limit: TimeDelta::zero(), ..terms() },
        instant("2026-03-20T12:00:00Z"),
    )
    .unwrap();
    let newest = none_kept.entries.last().unwrap();
    assert_eq!((newest.slot, &newest.state), (instant("2026-03-20T02:00:00Z"), &ExecutionState::Queued));
    assert_eq!(none_kept.entries.len(), 2);
}

#[test]
fn e5_an_execution_is_tried_five_times_and_crashes_count() {
    use cdds_core::domain::execution::failure::Failure;
    use cdds_core::domain::execution::retry::RetryPolicy;
    let now = instant("2026-03-01T10:00:00Z");
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "all", now);
    let mut execution = first.unwrap();
    for attempt in 1..=5_u64 {
        execution = begin(&job, execution, now);
        assert_eq!((execution.epoch, execution.attempts.len() as u64), (attempt, attempt));
        execution = execution.failed(Failure::crashed(), &RetryPolicy::default(), now);
        let over = matches!(execution.state, ExecutionState::Failed(_));
        assert_eq!(over, attempt == 5, "attempt {attempt}");
    }
    assert_eq!(execution.finished_at, Some(now));
}

#[test]
fn a_release_in_good_order_does_not_count_as_an_attempt_but_moves_the_epoch() {
    let now = instant("2026-03-01T10:00:00Z");
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "all", now);
    let released = begin(&job, first.unwrap(), now).released(now);
    assert_eq!((released.attempt_count(), released.epoch), (0, 1));
    assert_eq!(begin(&job, released, now).epoch, 2);
}

proptest! {
    /// Every slot ends on the record exactly once, whenever rounds happen, and the same slot always has the
    /// same id.
    #[test]
    fn e1_every_occurrence_ends_on_the_record(
        rolling in any::<bool>(),
        steps in prop::collection::vec(1_i64..200 * 3600, 1..40),
    ) {
        let mut now = instant("2026-01-01T00:00:00Z");
        let timeframe = if rolling { "rolling:1d" } else { "all" };
        let mut job = submit(daily("02:00"), timeframe, now).job;
        let mut slots = 0_u64;
        let mut runs = Vec::new();
        for step in steps {
            now += TimeDelta::seconds(step);
            let Some(change) = materialise(&job, &[], terms(), now) else { continue };
            for entry in &change.entries {
                match entry.state {
                    ExecutionState::Skipped(SkipReason::Coalesced { count, .. } | SkipReason::CatchUpLimit { count, .. }) => slots += count,
                    _ => { slots += 1; runs.push(entry.id); }
                }
            }
            prop_assert_eq!(change.entries.last().map(|entry| &entry.state), Some(&ExecutionState::Queued));
            job = change.job;
        }
        let next = job.next_due_at.unwrap();
        prop_assert!(next > now && next - now <= TimeDelta::days(1));
        let days = (next - instant("2026-01-01T02:00:00Z")).num_days();
        prop_assert_eq!(slots, u64::try_from(days).unwrap());
        let distinct: std::collections::BTreeSet<_> = runs.iter().collect();
        prop_assert_eq!(distinct.len(), runs.len());
    }
}

#[test]
fn j14_a_recurring_job_lives_from_its_beginning_to_its_end() {
    let bounded = settings(daily("02:00"), "rolling:1d")
        .with_starts_at(Some(instant("2026-03-05T02:00:00Z")))
        .with_ends_at(Some(instant("2026-03-07T02:00:00Z")));
    let job = submit_settings(bounded, instant("2026-03-01T10:00:00Z")).job;
    assert_eq!((job.state, job.next_due_at), (JobState::Active, Some(instant("2026-03-05T02:00:00Z"))));
    assert_eq!(due(&job, &[], "2026-03-05T01:59:59Z"), None);
    let first = due(&job, &[], "2026-03-05T02:00:00Z").unwrap();
    assert_eq!(
        (first.job.state, first.job.next_due_at),
        (JobState::Active, Some(instant("2026-03-06T02:00:00Z")))
    );
    let last = due(&first.job, &[], "2026-03-20T00:00:00Z").unwrap();
    assert_eq!(last.entries.len(), 1, "the end is out");
    assert_eq!((last.job.state, last.job.next_due_at), (JobState::Completed, None));
    let refused = lifecycle::resume(&last.job, instant("2026-03-20T00:00:00Z")).unwrap_err();
    assert_eq!(refused.code(), Code::JobEnded);
    let suspended = lifecycle::suspend(&job, Vec::new(), instant("2026-03-02T00:00:00Z")).unwrap().job;
    assert_eq!(
        lifecycle::resume(&suspended, instant("2026-03-20T00:00:00Z")).unwrap_err().code(),
        Code::JobEnded
    );
}

#[test]
fn j6_a_clone_is_a_new_submission_whatever_state_the_original_is_in() {
    let now = instant("2026-03-01T10:00:00Z");
    let mut original = submit(daily("02:00"), "since-last:2026-01-01T00:00:00Z", now).job;
    original = lifecycle::suspend(&original, Vec::new(), now).unwrap().job;
    original.watermark.as_mut().unwrap().at = Some(now);
    let later = instant("2026-04-01T10:00:00Z");
    let clone = submit_settings(original.settings.clone(), later).job;
    assert_eq!((clone.state, clone.created_at, clone.version), (JobState::Active, later, 1));
    assert_eq!(clone.settings, original.settings);
    assert_eq!(clone.watermark().at, Some(instant("2026-01-01T00:00:00Z")), "its own origin");
}

#[test]
fn w1_the_period_of_a_job_is_kept_in_whole_microseconds() {
    let bounded = settings(daily("02:00"), "rolling:1d")
        .with_starts_at(Some(instant("2026-03-05T02:00:00.000000999Z")))
        .with_ends_at(Some(instant("2026-03-07T02:00:00.000000999Z")));
    let stored = submit_settings(bounded, instant("2026-03-01T10:00:00Z")).job.settings;
    assert_eq!(stored.starts_at, Some(instant("2026-03-05T02:00:00Z")));
    assert_eq!(stored.ends_at, Some(instant("2026-03-07T02:00:00Z")));
}
