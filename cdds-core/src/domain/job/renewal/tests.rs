//! Vancouver stops to put its clocks back in 2026: by the database before, 02:30 on 2 November is an hour later.

use super::*;
use crate::domain::calendar::frequency::{CronExpression, Frequency, Hourly};
use crate::domain::calendar::wall_clock::{Fold, Gap, WallClock};
use crate::domain::calendar::zone::database::DatabaseVersion;
use crate::domain::execution::Trigger;
use crate::domain::execution::schedule::{Terms, materialise, materialise_all};
use crate::domain::id::{JobId, Owner, SourceId, TypeId};
use crate::domain::job::settling::settle;
use crate::domain::job::{Protection, Title};
use crate::domain::source::SourceTerms;
use crate::domain::violation::Code;

const SUBMITTED: &str = "2026-10-30T12:00:00Z";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn older(zone: &str, like: Option<&str>) -> Database {
    Database::bundled().changed("2025b".parse().unwrap(), zone, like).unwrap()
}

/// The law of Vancouver before 2026.
fn before() -> Database {
    older("America/Vancouver", Some("America/Los_Angeles"))
}

fn job(frequency: Frequency, timeframe: &str, database: &Database) -> Job {
    job_with(frequency, timeframe, Fold::First, database)
}

fn job_with(frequency: Frequency, timeframe: &str, fold: Fold, database: &Database) -> Job {
    let (title, source) = (Title::new("Calls").unwrap(), SourceId::new("calls").unwrap());
    let settings =
        JobSettings::new(title, source, TypeId::new("call").unwrap(), frequency, Protection::Plaintext);
    let clock = WallClock::new(database.zone("America/Vancouver").unwrap(), Gap::Shift, fold);
    let settings = settings.with_timeframe(timeframe.parse().unwrap()).with_clock(clock);
    lifecycle::submit(
        JobId(uuid::Uuid::nil()),
        Owner::default(),
        settings,
        SourceTerms::default(),
        at(SUBMITTED),
    )
    .job
}

fn half_past_two() -> Frequency {
    Frequency::Daily("02:30".parse().unwrap())
}

fn run(job: &Job, now: &str) -> JobChange {
    materialise_all(job, &[], Terms::default(), at(now)).unwrap()
}

fn slots(change: &JobChange) -> Vec<DateTime<Utc>> {
    change.entries.iter().map(|entry| entry.slot).collect()
}

#[test]
fn f9_the_next_slot_is_computed_anew_and_comes_before_now_if_its_time_has_passed() {
    let job = run(&job(half_past_two(), "previous:1d", &before()), "2026-11-02T00:00:00Z").job;
    assert_eq!(job.next_due_at, Some(at("2026-11-02T10:30:00Z")));
    let after = renewed(&job, &Database::bundled(), at("2026-11-02T10:00:00Z")).unwrap().job;
    assert_eq!(after.next_due_at, Some(at("2026-11-02T09:30:00Z")));
    assert_eq!(
        (after.version, after.updated_at, after.tiled_until),
        (job.version, job.updated_at, job.tiled_until)
    );
    assert_eq!(after.settings.clock.zone().database(), Some(DatabaseVersion::bundled()));
    assert_eq!(renewed(&after, &Database::bundled(), at("2026-11-02T10:00:00Z")), None);
    // It is caught up, and its window goes on where the last one has ended.
    let ran = run(&after, "2026-11-02T10:00:00Z");
    assert_eq!(slots(&ran), [at("2026-11-02T09:30:00Z")]);
    assert_eq!(ran.entries[0].window.start(), job.tiled_until);
    assert_eq!(ran.entries[0].settings.clock.zone().database(), Some(DatabaseVersion::bundled()));
}

#[test]
fn f9_a_time_of_the_clock_that_is_on_record_is_not_due_again() {
    let job = run(&job(half_past_two(), "previous:1d", &Database::bundled()), "2026-11-02T09:30:00Z").job;
    assert_eq!(job.decided_until, "2026-11-02T02:30:00-07:00".parse().ok());
    // By the database before, the clock shows it an hour later.
    let after = renewed(&job, &before(), at("2026-11-02T09:45:00Z")).unwrap().job;
    assert_eq!(after.next_due_at, Some(at("2026-11-03T10:30:00Z")));
    // A version later, nothing has come twice and nothing is left out.
    let again = renewed(&after, &Database::bundled(), at("2026-11-02T12:00:00Z")).unwrap().job;
    assert_eq!(again.next_due_at, Some(at("2026-11-03T09:30:00Z")));
}

#[test]
fn f9_the_second_of_two_equal_times_is_due_if_both_are() {
    // On 1 November the database before puts the clock back from 02:00 to 01:00, the other leaves it.
    let half_past_one = || Frequency::Daily("01:30".parse().unwrap());
    for (fold, next) in [
        (Fold::First, "2026-11-02T09:30:00Z"),
        (Fold::Second, "2026-11-02T09:30:00Z"),
        (Fold::Both, "2026-11-01T09:30:00Z"),
    ] {
        let job = job_with(half_past_one(), "all", fold, &Database::bundled());
        let job = run(&job, "2026-11-01T08:30:00Z").job;
        assert_eq!(job.decided_until, "2026-11-01T01:30:00-07:00".parse().ok());
        let after = renewed(&job, &before(), at("2026-11-01T08:45:00Z")).unwrap().job;
        assert_eq!(after.next_due_at, Some(at(next)), "{fold:?}");
    }
    // After the second one, both are over.
    let job = run(&job_with(half_past_one(), "all", Fold::Both, &before()), "2026-11-01T09:30:00Z").job;
    assert_eq!(job.decided_until, "2026-11-01T01:30:00-08:00".parse().ok());
    let newer = Database::bundled();
    let after = renewed(&job, &newer, at("2026-11-01T09:45:00Z")).unwrap().job;
    assert_eq!(after.next_due_at, Some(at("2026-11-02T08:30:00Z")));
    let again = renewed(&after, &before(), at("2026-11-01T09:50:00Z")).unwrap().job;
    assert_eq!(again.next_due_at, Some(at("2026-11-02T09:30:00Z")));
}

#[test]
fn f9_what_is_left_of_a_new_gap_is_due_at_its_end() {
    // By the bundled database there is no gap on 14 March 2027; by the one before, 02:00 to 03:00 is left out.
    let cron = |text: &str| Frequency::Cron(CronExpression::new(text).unwrap());
    for (times, next) in [
        ("30,45 2 * * *", "2027-03-14T10:00:00Z"),
        ("30 2 * * *", "2027-03-15T09:30:00Z"),
        ("30 2,3 * * *", "2027-03-14T10:30:00Z"),
        ("0,30 2,3 * * *", "2027-03-14T10:00:00Z"),
    ] {
        let job = run(&job(cron(times), "all", &Database::bundled()), "2027-03-14T09:30:00Z").job;
        assert_eq!(job.decided_until, "2027-03-14T02:30:00-07:00".parse().ok());
        let after = renewed(&job, &before(), at("2027-03-14T09:40:00Z")).unwrap().job;
        assert_eq!(after.next_due_at, Some(at(next)), "{times}");
    }
}

#[test]
fn f9_waiting_windows_that_do_not_tile_follow_the_database_and_others_stay() {
    let now = at("2026-11-05T10:00:00Z");
    for (timeframe, follows) in
        [("previous:2d", true), ("rolling:2d", true), ("previous:1d", false), ("all", false)]
    {
        let change = run(&job(half_past_two(), timeframe, &before()), "2026-11-05T00:00:00Z");
        let waiting: Vec<_> = change.entries.iter().filter(|entry| entry.is_waiting()).cloned().collect();
        let job = renewed(&change.job, &Database::bundled(), now).unwrap().job;
        assert_eq!(job.unsettled.is_some(), follows, "{timeframe}");
        if follows {
            let settled = settle(&job, &waiting, SourceTerms::default(), now);
            let moved = |(before, after): (&_, &_)| {
                let (before, after): (&crate::domain::execution::Execution, _) = (before, after);
                let after: &crate::domain::execution::Execution = after;
                assert_eq!(
                    (before.id, before.slot, before.trigger),
                    (after.id, after.slot, Trigger::Scheduled)
                );
                before.window != after.window
            };
            assert!(waiting.iter().zip(&settled.edited).any(moved), "{timeframe}");
            assert!(!job.may_begin(&waiting[0]));
        }
    }
}

#[test]
fn f9_a_job_whose_zone_is_gone_is_suspended_and_needs_another() {
    let gone = Database::bundled().changed("2099a".parse().unwrap(), "America/Vancouver", None).unwrap();
    let now = at("2026-11-02T10:00:00Z");
    let before = job(half_past_two(), "previous:1d", &Database::bundled());
    let change = renewed(&before, &gone, now).unwrap();
    assert_eq!((change.job.state, change.job.next_due_at), (JobState::Suspended, None));
    assert_eq!((change.job.version, change.job.suspended_at), (before.version, Some(now)));
    assert_eq!(materialise(&change.job, &[], Terms::default(), now).unwrap().job.unsettled, None);
    let settled = settle(&change.job, &[], SourceTerms::default(), now).job;
    let refused = lifecycle::resume(&settled, now).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidTimeZone);
    assert!(refused.to_string().contains("America/Vancouver"), "{refused}");
    // Once it is back, a person resumes the job.
    let back = renewed(&settled, &Database::bundled(), now).unwrap().job;
    assert_eq!(back.state, JobState::Suspended);
    let resumed = lifecycle::resume(&back, now).unwrap().unwrap().job;
    assert_eq!(resumed.next_due_at, Some(at("2026-11-03T09:30:00Z")));
}

#[test]
fn f9_only_jobs_with_a_zone_are_computed_anew() {
    let utc = job(half_past_two(), "all", &before());
    let utc = Job { settings: utc.settings.clone().with_clock(WallClock::UTC), ..utc };
    assert_eq!(renewed(&utc, &Database::bundled(), at(SUBMITTED)), None);
    let hourly = job(Frequency::Hourly(Hourly::new(2, 0).unwrap()), "previous:1d", &before());
    let after = renewed(&hourly, &Database::bundled(), at(SUBMITTED)).unwrap().job;
    assert_eq!((after.next_due_at, hourly.decided_until), (hourly.next_due_at, None));
    let deleted = Job { state: JobState::Deleted, ..hourly };
    assert_eq!(renewed(&deleted, &Database::bundled(), at(SUBMITTED)), None);
}
