//! Rules E2–E6 and F8: the policies of overlap, catch-up, retry, jitter and pause, and the preview of coming
//! slots.

use std::num::NonZeroU32;

use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::schedule::{materialise, preview};
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason};
use cdds_core::domain::job::lifecycle;
use cdds_core::domain::job::policy::{Overlap, Policies, Retries};
use cdds_core::domain::job::{Job, JobChange, JobState};
use cdds_core::domain::notice::NoticeKind;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use crate::rules::support::{
    begin, daily, fail, failure, instant, settings, source_terms, submit, submit_settings, succeed, terms,
};

const NOON: &str = "2026-03-01T12:00:00Z";

fn with(timeframe: &str, policies: Policies) -> Job {
    submit_settings(settings(daily("02:00"), timeframe).with_policies(policies), instant(NOON)).job
}

fn at(day: u32) -> DateTime<Utc> {
    instant(&format!("2026-03-{day:02}T02:00:00Z"))
}

fn queued(job: &Job, waiting: &[Execution], now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    let entries = materialise(job, waiting, terms(), now).unwrap().entries;
    entries.iter().filter(|entry| entry.is_waiting()).map(|entry| entry.slot).collect()
}

#[test]
fn e3_the_overlap_policy_can_be_set_either_way() {
    for (timeframe, overlap, superseded) in [
        ("rolling:1d", None, 0),
        ("previous:1d", None, 0),
        ("rolling:1d", Some(Overlap::Coalesce), 1),
        ("all", None, 1),
        ("since-last", None, 1),
        ("since-last", Some(Overlap::Queue), 0),
    ] {
        let job = with(timeframe, Policies::default().with_overlap(overlap));
        let first = materialise(&job, &[], terms(), at(2)).unwrap();
        let second = materialise(&first.job, &first.entries, terms(), at(3)).unwrap();
        assert_eq!(second.superseded.len(), superseded, "{timeframe} {overlap:?}");
        let held_up = Execution { not_before: at(3) + TimeDelta::seconds(1), ..first.entries[0].clone() };
        let second = materialise(&first.job, &[held_up], terms(), at(3)).unwrap();
        assert!(second.superseded.is_empty(), "what could not have started is not covered");
        let manual =
            cdds_core::domain::execution::manual::run_now(&first.job, source_terms(), at(2)).unwrap().entries;
        let second = materialise(&first.job, &manual, terms(), at(3)).unwrap();
        assert!(second.superseded.is_empty(), "what people asked for is not covered");
        let again = materialise(&job, &first.entries, terms(), at(2)).unwrap();
        assert_eq!(again.entries[0].id, first.entries[0].id);
        assert!(again.superseded.is_empty(), "a slot that is due once more does not cover itself");
    }
}

#[test]
fn e4_the_catch_up_policy_can_be_set_either_way_and_bounded() {
    let catch_up = |text: &str| Policies::default().with_catch_up(text.parse().unwrap());
    for (timeframe, policy, slots) in [
        ("rolling:1d", "default", vec![at(2), at(3), at(4), at(5)]),
        ("rolling:1d", "coalesce", vec![at(5)]),
        ("rolling:1d", "25h", vec![at(4), at(5)]),
        ("rolling:1d", "0s", vec![at(5)]),
        ("all", "default", vec![at(5)]),
        ("all", "queue", vec![at(2), at(3), at(4), at(5)]),
        ("since-last", "queue:49h", vec![at(3), at(4), at(5)]),
    ] {
        let job = with(timeframe, catch_up(policy));
        let now = at(5) + TimeDelta::minutes(30);
        assert_eq!(queued(&job, &[], now), slots, "{timeframe} {policy}");
    }
}

#[test]
fn e4_e13_a_long_backlog_is_queued_in_bounded_rounds_and_none_of_it_is_lost() {
    let mut settings = settings("hourly".parse_hourly(), "rolling:1h");
    settings.policies.catch_up = "3650d".parse().unwrap();
    let mut job = submit_settings(settings, instant("2025-01-01T00:30:00Z")).job;
    let now = instant(NOON);
    let mut slots = Vec::new();
    let mut rounds = 0;
    while let Some(change) = materialise(&job, &[], terms(), now) {
        assert!(change.entries.len() == 1_000 || change.job.next_due_at > Some(now));
        slots.extend(change.entries.iter().map(|entry| entry.slot));
        assert!(change.entries.iter().all(Execution::is_waiting));
        job = change.job;
        rounds += 1;
    }
    assert!(rounds > 5);
    assert_eq!(slots.first(), Some(&instant("2025-01-01T01:00:00Z")));
    assert_eq!(slots.last(), Some(&now));
    assert!(slots.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::hours(1)));
}

trait Hourly {
    fn parse_hourly(&self) -> cdds_core::domain::calendar::frequency::Frequency;
}

impl Hourly for str {
    fn parse_hourly(&self) -> cdds_core::domain::calendar::frequency::Frequency {
        use cdds_core::domain::calendar::frequency::{Frequency, Hourly};
        Frequency::Hourly(Hourly::new(1, 0).unwrap())
    }
}

#[test]
fn e5_a_jobs_own_number_of_retries_counts() {
    let policies = Policies::default().with_retries(Some(Retries::new(1).unwrap()));
    let job = with("rolling:1d", policies);
    let due = materialise(&job, &[], terms(), at(2)).unwrap();
    let first = fail(begin(&due.job, due.entries[0].clone(), at(2)), true, at(2));
    assert_eq!(first.state, ExecutionState::Queued);
    let attempt = &first.attempts[0];
    assert_eq!((attempt.ended_at, attempt.failure.as_ref()), (Some(at(2)), Some(&failure(true))));
    let second = fail(begin(&due.job, first, at(2)), true, at(2));
    assert!(matches!(second.state, ExecutionState::Failed(_)));
}

#[test]
fn e5_a_job_is_paused_after_failures_in_a_row() {
    let pause = NonZeroU32::new(2);
    let job = with("rolling:1d", Policies::default().with_pause_after_failures(pause));
    let due = materialise(&job, &[], terms(), at(4)).unwrap();
    let (job, entries) = (due.job, due.entries);
    let failed = |execution: &Execution| fail(begin(&job, execution.clone(), at(4)), false, at(4));
    let waiting = || vec![entries[2].clone()];

    let once = lifecycle::ended(&job, &failed(&entries[0]), waiting(), at(4)).unwrap();
    assert_eq!((once.job.failures_in_row, once.job.state), (1, JobState::Active));
    let done = succeed(begin(&job, entries[1].clone(), at(4)), at(4));
    let recovered = lifecycle::ended(&once.job, &done, waiting(), at(4)).unwrap();
    assert_eq!((recovered.job.failures_in_row, recovered.job.state), (0, JobState::Active));

    let twice = lifecycle::ended(&once.job, &failed(&entries[1]), waiting(), at(4)).unwrap();
    assert_eq!((twice.job.state, twice.job.next_due_at), (JobState::Suspended, None));
    let by_people = |job: &Job| (job.version, job.updated_at);
    assert_eq!(by_people(&twice.job), by_people(&job), "no person changed it (J1)");
    let skipped = SkipReason::Suspended { first: at(4), last: at(4), count: 1 };
    assert_eq!(twice.superseded[0].state, ExecutionState::Skipped(skipped));
    let kinds = |change: &JobChange, before: &Job, ended: &Execution| {
        let told = lifecycle::notices(before, change, ended);
        told.into_iter().map(|notice| notice.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&once, &job, &failed(&entries[0])), [NoticeKind::Failed]);
    assert_eq!(
        kinds(&twice, &once.job, &failed(&entries[1])),
        [NoticeKind::Failed, NoticeKind::Paused],
        "N2: people are told that nothing runs any more"
    );
    let again = lifecycle::ended(&twice.job, &failed(&entries[1]), Vec::new(), at(4)).unwrap();
    assert_eq!(kinds(&again, &twice.job, &failed(&entries[1])), [NoticeKind::Failed], "it was paused before");
    let resumed = lifecycle::resume(&twice.job, at(4)).unwrap().unwrap().job;
    assert_eq!((resumed.next_due_at, resumed.failures_in_row), (Some(at(5)), 0), "it counts from the start");

    let retried = fail(begin(&job, entries[1].clone(), at(4)), true, at(4));
    assert_eq!(retried.state, ExecutionState::Queued, "a retry is no failed execution");
    let never = with("rolling:1d", Policies::default());
    let many = Job { failures_in_row: 999, ..never };
    assert_eq!(
        lifecycle::ended(&many, &failed(&entries[1]), Vec::new(), at(4)).unwrap().job.state,
        JobState::Active
    );
}

#[test]
fn e8_a_person_stops_what_waits_at_once_and_what_runs_through_its_worker() {
    let job = with("rolling:1d", Policies::default());
    let due = materialise(&job, &[], terms(), at(2)).unwrap();
    let waiting = due.entries[0].clone();
    let cancelled = waiting.clone().cancel(at(2)).unwrap();
    assert_eq!((&cancelled.state, cancelled.finished_at), (&ExecutionState::Cancelled, Some(at(2))));
    let running = begin(&due.job, waiting, at(2)).cancel(at(3)).unwrap();
    assert_eq!((&running.state, running.cancel_requested_at), (&ExecutionState::Running, Some(at(3))));
    assert_eq!(running.clone().cancel(at(4)).unwrap(), running, "asking twice changes nothing");
    // However its attempt ends, it is neither published nor retried.
    let refused = running.clone().published(Progress::default(), at(4)).unwrap_err();
    assert_eq!((refused.execution, refused.since), (running.id, at(3)));
    for ended in
        [fail(running.clone(), true, at(4)), running.clone().released(at(4)), running.cancelled(at(4))]
    {
        assert_eq!((&ended.state, ended.finished_at), (&ExecutionState::Cancelled, Some(at(4))));
        assert!(ended.cancel(at(5)).is_err());
    }
}

#[test]
fn f8_a_preview_shows_the_next_occurrences_with_their_windows() {
    let now = instant(NOON);
    let windows = |job: &Job, count| -> Vec<_> {
        let occurrences = preview(job, source_terms(), count, now);
        occurrences.iter().map(|one| (one.slot, one.window.start(), one.window.end())).collect()
    };
    let rolling = submit(daily("02:00"), "rolling:1d", now).job;
    assert_eq!(windows(&rolling, 2), [(at(2), Some(at(1)), at(2)), (at(3), Some(at(2)), at(3))]);
    let lag = TimeDelta::seconds(5);
    let since = submit(daily("02:00"), "since-last", now).job;
    assert_eq!(windows(&since, 2), [(at(2), None, at(2) - lag), (at(3), Some(at(2) - lag), at(3) - lag)]);
    assert!(windows(&since, 0).is_empty());

    let suspended = lifecycle::suspend(&rolling, Vec::new(), now).unwrap().job;
    assert_eq!(windows(&suspended, 1), windows(&rolling, 1), "as if it were resumed");
    let completed = Job { state: JobState::Completed, ..rolling.clone() };
    assert!(windows(&completed, 1).is_empty());
    let mut bounded = rolling;
    bounded.settings.starts_at = Some(at(5));
    bounded.settings.ends_at = Some(at(7));
    let slots: Vec<_> = windows(&bounded, 9).into_iter().map(|(slot, ..)| slot).collect();
    assert_eq!(slots, [at(5), at(6)], "from its beginning to before its end (J14)");
}

proptest! {
    #[test]
    fn e6_jitter_delays_the_start_and_never_the_slot_or_window(seconds in 0_i64..=3_600, day in 2_u32..28) {
        let jitter = format!("{seconds}s").parse().unwrap();
        let plain = with("rolling:1d", Policies::default());
        let delayed = with("rolling:1d", Policies::default().with_jitter(Some(jitter)));
        let entry = |job: &Job| materialise(job, &[], terms(), at(day)).unwrap().entries.pop().unwrap();
        let (on_time, late) = (entry(&plain), entry(&delayed));
        prop_assert_eq!((on_time.slot, on_time.window, on_time.id), (late.slot, late.window, late.id));
        let delay = late.not_before - on_time.not_before;
        prop_assert!(delay >= TimeDelta::zero() && delay <= TimeDelta::seconds(seconds));
        prop_assert_eq!(entry(&delayed).not_before, late.not_before, "the same decision twice");
    }
}

#[test]
fn e6_jitter_spreads_over_its_whole_length() {
    let jitter = Some("1h".parse().unwrap());
    let job =
        with("rolling:1d", Policies::default().with_jitter(jitter).with_catch_up("3650d".parse().unwrap()));
    let entries = materialise(&job, &[], terms(), at(2) + TimeDelta::days(500)).unwrap().entries;
    let delays: Vec<_> = entries.iter().map(|entry| (entry.not_before - entry.slot).num_minutes()).collect();
    for quarter in 0..4 {
        let share = delays.iter().filter(|delay| (**delay / 15) == quarter).count();
        assert!(share > delays.len() / 8, "quarter {quarter}: {share} of {}", delays.len());
    }
}
