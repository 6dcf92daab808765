//! Rules J13, W5, W6: run now, rerun, backfill.

use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::manual::{BACKFILL_MAX, backfill, rerun, run_now};
use cdds_core::domain::execution::schedule::materialise;
use cdds_core::domain::execution::watermark::Watermark;
use cdds_core::domain::execution::{Execution, Trigger};
use cdds_core::domain::id::JobId;
use cdds_core::domain::job::lifecycle;
use cdds_core::domain::job::{Job, JobChange};
use cdds_core::domain::violation::{Code, RuleViolation};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::rules::support::{begin, daily, fail, instant, source_terms, submit, succeed, terms};

const NOON: &str = "2026-03-01T12:00:00Z";

/// Returns a daily job, and its execution that is due at 02:00 of the next day.
fn due(timeframe: &str) -> (Job, Execution, DateTime<Utc>) {
    let job = submit(daily("02:00"), timeframe, instant(NOON)).job;
    let now = instant("2026-03-02T02:00:05Z");
    let mut change = materialise(&job, &[], terms(), now).unwrap();
    (change.job, change.entries.remove(0), now)
}

fn only(result: Result<JobChange, RuleViolation>) -> Execution {
    let mut entries = result.unwrap().entries;
    assert_eq!(entries.len(), 1);
    entries.remove(0)
}

fn refused(result: Result<JobChange, RuleViolation>) -> Code {
    result.expect_err("refused").code()
}

#[test]
fn j13_run_now_makes_an_extra_occurrence_at_this_instant() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let now = instant("2026-03-01T15:00:00Z");
    let change = run_now(&job, source_terms(), now).unwrap();
    assert_eq!((change.job.next_due_at, change.job.state), (job.next_due_at, job.state));
    let extra = only(Ok(change));
    assert_eq!(
        (extra.trigger, extra.slot, extra.not_before),
        (Trigger::Manual, now, now),
        "it does not wait"
    );
    let previous = instant("2026-03-01T02:00:00Z");
    assert_eq!(extra.window, Window::between(previous, now), "from the previous occurrence (W3)");
    let week = submit(daily("02:00"), "rolling:1w", instant(NOON)).job;
    let extra = only(run_now(&week, source_terms(), now));
    assert_eq!(extra.window, Window::between(now - TimeDelta::weeks(1), now), "by the calendar (W2)");

    let suspended = lifecycle::suspend(&job, Vec::new(), now).unwrap().job;
    assert!(run_now(&suspended, source_terms(), now).is_ok(), "manual runs stay allowed (J7)");
    let once = submit(Frequency::Once(Start::Immediately), "all", now).job;
    assert_eq!(refused(run_now(&once, source_terms(), now)), Code::RecurringOnly);
}

#[test]
fn j7_a_manual_run_that_waits_survives_a_suspension() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let extra = only(run_now(&job, source_terms(), instant(NOON)));
    let change = lifecycle::suspend(&job, vec![extra], instant(NOON)).unwrap();
    assert!(change.superseded.is_empty());
}

#[test]
fn j13_a_manual_run_of_an_incremental_job_moves_the_watermark() {
    let job = submit(daily("02:00"), "since-last", instant(NOON)).job;
    let now = instant("2026-03-01T15:00:00.5Z");
    let extra = begin(&job, only(run_now(&job, source_terms(), now)), now);
    let end = instant("2026-03-01T14:59:55Z");
    assert_eq!(extra.window, Window::until(end), "without late rows, in whole seconds");
    let after = lifecycle::ended(&job, &succeed(extra, now), Vec::new(), now).unwrap().job;
    assert_eq!(after.watermark, Some(Watermark { generation: 1, at: Some(end) }));
}

#[test]
fn w5_a_rerun_has_the_same_window_and_the_present_settings() {
    for timeframe in ["rolling:1d", "previous:1d", "all"] {
        let (job, first, now) = due(timeframe);
        let failed = fail(begin(&job, first, now), false, now);
        let mut job = job;
        job.settings.title = cdds_core::domain::job::Title::new("Renamed").unwrap();
        let again = only(rerun(&job, &failed, std::slice::from_ref(&failed), &[], source_terms(), now));
        assert_eq!((again.window, again.slot), (failed.window, failed.slot));
        assert_eq!(again.trigger, Trigger::Rerun { of: failed.id, of_backfill: false });
        assert_eq!((&again.settings, again.generation), (&job.settings, None));
        assert_ne!(again.id, failed.id);
    }
}

#[test]
fn w5_a_rerun_of_an_incremental_job_starts_at_the_watermark_and_ends_with_the_failed_window() {
    let (mut job, first, now) = due("since-last");
    job.watermark = Some(Watermark { generation: 1, at: Some(instant("2026-03-01T00:00:00Z")) });
    let failed = fail(begin(&job, first, now), false, now);
    // An execution with a shorter window succeeded meanwhile.
    let at = instant("2026-03-01T20:00:00Z");
    job.watermark = Some(Watermark { generation: 1, at: Some(at) });
    let again = begin(&job, only(rerun(&job, &failed, &[], &[], source_terms(), now)), now);
    assert_eq!(again.window, Window::between(at, failed.window.end()));
    let after = lifecycle::ended(&job, &succeed(again, now), Vec::new(), now).unwrap().job;
    assert_eq!(after.watermark().at, Some(failed.window.end()), "it moves the watermark");

    job.watermark = Some(Watermark { generation: 1, at: Some(failed.window.end()) });
    assert_eq!(refused(rerun(&job, &failed, &[], &[], source_terms(), now)), Code::Covered);
}

#[test]
fn w5_a_failure_is_made_good_by_what_exports_the_same_afterwards() {
    let (job, first, now) = due("rolling:1d");
    let later = now + TimeDelta::hours(1);
    let failed = fail(begin(&job, first.clone(), now), false, now);
    let again = only(rerun(&job, &failed, std::slice::from_ref(&failed), &[], source_terms(), now));
    let good = succeed(begin(&job, again.clone(), now), later);
    assert!(failed.is_made_good_by(&good));
    assert!(!failed.is_made_good_by(&fail(begin(&job, again, now), false, later)), "it failed again");
    let earlier = Execution { finished_at: Some(now - TimeDelta::hours(1)), ..good.clone() };
    assert!(!failed.is_made_good_by(&earlier), "only what came afterwards");
    assert!(!failed.is_made_good_by(&Execution { job_id: JobId(Uuid::from_u128(9)), ..good.clone() }));
    // The next day holds other records, a backfill of the same day the same ones.
    let next_day = now + TimeDelta::days(1);
    let window = Window::between(failed.window.end(), failed.window.end() + TimeDelta::days(1));
    let other = Execution { slot: next_day, window, trigger: Trigger::Scheduled, ..good.clone() };
    assert!(!failed.is_made_good_by(&other));
    let backfill = Execution { trigger: Trigger::Backfill, ..good.clone() };
    assert!(failed.is_made_good_by(&backfill), "its window is the same");
    let shorter = Window::between(failed.window.start().unwrap() + TimeDelta::hours(1), failed.window.end());
    assert!(!failed.is_made_good_by(&Execution { window: shorter, ..backfill }));

    // A job without a gap: what comes next begins where this one would have.
    let (mut job, first, now) = due("since-last");
    job.watermark = Some(Watermark { generation: 1, at: Some(instant("2026-03-01T00:00:00Z")) });
    let failed = fail(begin(&job, first.clone(), now), false, now);
    let (slot, end) = (now + TimeDelta::days(1), failed.window.end() + TimeDelta::days(1));
    let next = Execution { slot, window: Window::until(end), ..first };
    let next = succeed(begin(&job, next, now + TimeDelta::days(1)), now + TimeDelta::days(1));
    assert!(failed.is_made_good_by(&next));
    let reset = Execution { generation: Some(2), window: Window::between(failed.window.end(), end), ..next };
    assert!(!failed.is_made_good_by(&reset));
}

#[test]
fn w5_only_what_failed_or_was_cancelled_is_rerun_and_not_while_the_job_runs() {
    let (job, first, now) = due("rolling:1d");
    let running = begin(&job, first.clone(), now);
    let succeeded = succeed(running.clone(), now);
    for other in [first.clone(), running.clone(), succeeded] {
        assert_eq!(refused(rerun(&job, &other, &[], &[], source_terms(), now)), Code::CannotRerun);
    }
    let failed = fail(running.clone(), false, now);
    let cancelled = first.clone().cancel(now).unwrap();
    for ended in [failed.clone(), cancelled] {
        assert!(rerun(&job, &ended, &[], &[], source_terms(), now).is_ok());
        let retried = fail(running.clone(), true, now);
        for busy in [running.clone(), retried] {
            assert_eq!(refused(rerun(&job, &ended, &[], &[busy], source_terms(), now)), Code::JobBusy);
        }
    }
}

#[test]
fn w5_an_occurrence_is_run_again_once_at_a_time_and_never_after_a_success() {
    let (job, first, now) = due("rolling:1d");
    let failed = fail(begin(&job, first, now), false, now);
    let again = only(rerun(&job, &failed, &[], &[], source_terms(), now));
    let twice =
        rerun(&job, &failed, std::slice::from_ref(&again), std::slice::from_ref(&again), source_terms(), now);
    assert_eq!(refused(twice), Code::RerunExists);
    let begun = begin(&job, again, now);
    let succeeded = succeed(begun.clone(), now);
    assert_eq!(refused(rerun(&job, &failed, &[succeeded], &[], source_terms(), now)), Code::RerunExists);
    let failed_again = fail(begun, false, now);
    assert!(rerun(&job, &failed_again, std::slice::from_ref(&failed), &[], source_terms(), now).is_ok());
    // A backfill of the same slot does not count as its occurrence.
    let slot = failed.slot;
    let filled = only(backfill(&job, slot, slot + TimeDelta::seconds(1), source_terms(), now));
    assert!(
        rerun(&job, &failed, &[succeed(begin(&job, filled.clone(), now), now)], &[], source_terms(), now)
            .is_ok()
    );
    let unfilled = fail(begin(&job, filled, now), false, now);
    let scheduled = succeed(begin(&job, failed_again, now), now);
    assert!(rerun(&job, &unfilled, &[scheduled], &[], source_terms(), now).is_ok());
}

#[test]
fn w5_a_rerun_of_a_backfill_moves_no_watermark_either() {
    let (job, _, now) = due("since-last");
    let slot = instant("2026-02-01T02:00:00Z");
    let filled = only(backfill(&job, slot, slot + TimeDelta::seconds(1), source_terms(), now));
    let failed = fail(begin(&job, filled, now), false, now);
    let again = only(rerun(&job, &failed, &[], &[], source_terms(), now));
    assert_eq!((again.window, again.generation), (failed.window, None));
    assert!(again.trigger.is_backfill());
}

#[test]
fn w5_what_never_started_has_no_window_to_run_again_once_the_job_is_not_incremental() {
    let (mut job, first, now) = due("since-last");
    let cancelled = first.cancel(now).unwrap();
    assert!(rerun(&job, &cancelled, &[], &[], source_terms(), now).is_ok());
    job.settings.timeframe = "rolling:1d".parse().unwrap();
    assert_eq!(refused(rerun(&job, &cancelled, &[], &[], source_terms(), now)), Code::CannotRerun);
}

#[test]
fn w5_a_one_time_job_may_be_rerun() {
    let now = instant(NOON);
    let submission = submit(Frequency::Once(Start::Immediately), "all", now);
    let failed = fail(begin(&submission.job, submission.first.unwrap(), now), false, now);
    let job = lifecycle::started(&submission.job);
    assert_eq!(only(rerun(&job, &failed, &[], &[], source_terms(), now)).window, failed.window);
}

#[test]
fn w6_a_backfill_is_one_execution_per_occurrence_oldest_first() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let now = instant("2026-03-01T15:00:00Z");
    let (from, to) = (instant("2026-02-01T02:00:00Z"), instant("2026-02-05T02:00:00Z"));
    let change = backfill(&job, from, to, source_terms(), now).unwrap();
    let slots: Vec<_> = change.entries.iter().map(|entry| entry.slot).collect();
    assert_eq!(slots, [0, 1, 2, 3].map(|day| from + TimeDelta::days(day)), "the end of the range is out");
    for entry in &change.entries {
        assert_eq!(entry.window, Window::between(entry.slot - TimeDelta::days(1), entry.slot));
        assert_eq!((entry.trigger, entry.queue_at, entry.not_before), (Trigger::Backfill, now, now));
    }
    assert_eq!((change.job, change.superseded.len()), (job, 0), "the job is as it was");
}

#[test]
fn w6_a_backfill_of_an_incremental_job_has_windows_of_its_own_and_moves_nothing() {
    let (job, _, now) = due("since-last");
    let slot = instant("2026-02-01T02:00:00Z");
    let filled = only(backfill(&job, slot, slot + TimeDelta::seconds(1), source_terms(), now));
    let begun = begin(&job, filled, now);
    assert_eq!(begun.window, Window::between(slot - TimeDelta::days(1), slot));
    let after = lifecycle::ended(&job, &succeed(begun, now), Vec::new(), now).unwrap().job;
    assert_eq!(after.watermark, job.watermark);
}

#[test]
fn w6_ranges_and_timeframes_that_make_no_sense_are_refused() {
    let now = instant("2026-03-02T15:00:00Z");
    let day = |day: u32| instant(&format!("2026-03-{day:02}T00:00:00Z"));
    let rolling = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let (empty, without) = ("the range begins at", "the job has no past occurrence");
    for (from, to, told) in [(day(2), day(2), empty), (day(2), day(1), empty), (day(3), day(9), without)] {
        let refusal = backfill(&rolling, from, to, source_terms(), now).unwrap_err();
        assert!(refusal.to_string().starts_with(told), "{refusal}");
        assert_eq!(
            refused(backfill(&rolling, from, to, source_terms(), now)),
            Code::InvalidRange,
            "{from} {to}"
        );
    }
    assert_eq!(
        only(backfill(&rolling, day(2), day(9), source_terms(), now)).slot,
        instant("2026-03-02T02:00:00Z")
    );
    let fixed = "fixed:2026-01-01T00:00:00Z..2026-02-01T00:00:00Z";
    for timeframe in ["all", fixed] {
        let job = submit(daily("02:00"), timeframe, instant(NOON)).job;
        assert_eq!(refused(backfill(&job, day(1), day(2), source_terms(), now)), Code::CannotBackfill);
    }
    let once = submit(Frequency::Once(Start::Immediately), "rolling:1d", now).job;
    assert_eq!(refused(backfill(&once, day(1), day(2), source_terms(), now)), Code::RecurringOnly);
    let years = TimeDelta::days(i64::try_from(BACKFILL_MAX).unwrap());
    assert!(backfill(&rolling, day(1) - years, day(1), source_terms(), now).is_ok());
    let result = backfill(&rolling, day(1) - years - TimeDelta::days(1), day(1), source_terms(), now);
    assert_eq!(refused(result), Code::InvalidRange);
}

#[test]
fn w4_reruns_and_backfills_wait_for_late_rows() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let slot = instant("2026-03-02T02:00:00Z");
    let waiting = materialise(&job, &[], terms(), slot).unwrap().entries.remove(0);
    let cancelled = waiting.cancel(slot).unwrap();
    let settled = slot + source_terms().settle_lag;
    for (now, not_before) in [(slot, settled), (settled + TimeDelta::hours(1), settled + TimeDelta::hours(1))]
    {
        let again = only(rerun(&job, &cancelled, &[], &[], source_terms(), now));
        assert_eq!(again.not_before, not_before);
        let filled = only(backfill(&job, slot, slot + TimeDelta::seconds(1), source_terms(), now));
        assert_eq!(filled.not_before, not_before);
    }
}

#[test]
fn j9_a_one_time_job_with_a_start_ahead_is_not_rerun() {
    let now = instant(NOON);
    let submission = submit(Frequency::Once(Start::Immediately), "all", now);
    let cancelled = submission.first.unwrap().cancel(now).unwrap();
    assert!(rerun(&submission.job, &cancelled, &[], &[], source_terms(), now).is_ok());
    let restarted = Job { next_due_at: Some(now + TimeDelta::days(1)), ..submission.job };
    let refusal = rerun(&restarted, &cancelled, &[], &[], source_terms(), now);
    assert_eq!(refused(refusal), Code::RerunExists);
    assert_eq!(lifecycle::started(&restarted), restarted, "nor would it be the end of the job");
}

#[test]
fn j9_a_one_time_job_that_was_suspended_before_its_start_is_not_rerun() {
    // The job ran daily before. An execution that was cancelled then is not that of its start.
    let (job, due, now) = due("all");
    let cancelled = due.cancel(now).unwrap();
    let start = now + TimeDelta::days(1);
    let settings = job.settings.clone().with_frequency(Frequency::Once(Start::At(start)));
    let job = Job { settings, next_due_at: Some(start), ..job };
    let suspended = lifecycle::suspend(&job, Vec::new(), now).unwrap().job;
    for at in [now, start, start + TimeDelta::days(1)] {
        let refusal = rerun(&suspended, &cancelled, &[], &[], source_terms(), at);
        assert_eq!(refused(refusal), Code::RerunExists);
    }
    assert!(lifecycle::resume(&suspended, now).is_ok(), "its start is still ahead");
}

#[test]
fn i9_a_one_time_job_that_ran_at_another_start_is_not_run_again() {
    let (first_start, second_start) = (instant("2026-03-02T02:00:00Z"), instant("2026-03-03T02:00:00Z"));
    let job = submit(Frequency::Once(Start::At(first_start)), "rolling:1d", instant(NOON)).job;
    let mut change = materialise(&job, &[], terms(), first_start).unwrap();
    let cancelled = change.entries.remove(0).cancel(first_start).unwrap();
    // It never began, so a person may give it another start, and it runs then.
    let mut job = change.job;
    job.settings.frequency = Frequency::Once(Start::At(second_start));
    let ran =
        Execution { slot: second_start, id: job.id.0.to_string().parse().unwrap(), ..cancelled.clone() };
    let ran = succeed(
        Execution { state: cdds_core::domain::execution::ExecutionState::Queued, ..ran },
        second_start,
    );
    let rivals = [cancelled.clone(), ran];
    let again = rerun(&job, &cancelled, &rivals, &[], source_terms(), second_start);
    assert_eq!(refused(again), Code::RerunExists);
    assert!(rerun(&job, &cancelled, &rivals[..1], &[], source_terms(), second_start).is_ok());
}
