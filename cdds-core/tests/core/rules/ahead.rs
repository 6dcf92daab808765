//! The traces of a clock that was ahead, and their removal (rules W1, W4, J11).

use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::ahead::{Truth, bring_back, lies_ahead};
use cdds_core::domain::execution::schedule::materialise;
use cdds_core::domain::execution::watermark::Watermark;
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason};
use cdds_core::domain::job::lifecycle;
use cdds_core::domain::job::{Job, JobState};
use cdds_core::domain::violation::Code;
use chrono::{DateTime, Utc};

use crate::rules::support::{begin, daily, instant, settings, source_terms, submit_settings, succeed, terms};

fn noon(day: u32) -> DateTime<Utc> {
    instant(&format!("2026-03-{day:02}T12:00:00Z"))
}

/// Runs the occurrences due at `now`. Returns the job and their entries on the record.
fn run(job: &Job, now: DateTime<Utc>) -> (Job, Vec<Execution>) {
    let change = materialise(job, &[], terms(), now).unwrap();
    let mut job = change.job;
    let mut record = Vec::new();
    for entry in change.entries {
        if entry.is_waiting() {
            let done = succeed(begin(&job, entry, now), now);
            job = lifecycle::ended(&job, &done, Vec::new(), now).unwrap().job;
            record.push(done);
        } else {
            record.push(entry);
        }
    }
    (job, record)
}

#[test]
fn w4_what_people_set_for_later_does_not_lie_ahead() {
    let now = noon(1);
    let later = instant("2027-01-01T00:00:00Z");
    let origin = submit_settings(settings(daily("02:00"), "since-last:2027-01-01T00:00:00Z"), now).job;
    assert_eq!(origin.watermark.unwrap().at, Some(later));
    let once = submit_settings(settings(Frequency::Once(Start::At(later)), "all"), now).job;
    let mut starts = settings(daily("02:00"), "rolling:1d");
    starts.starts_at = Some(later);
    let starts = submit_settings(starts, now).job;
    assert!(starts.next_due_at > Some(later));
    for job in [origin, once, starts] {
        assert_eq!(lies_ahead(&job, now), None, "{job:?}");
    }
}

#[test]
fn t3_w4_j11_a_job_goes_on_where_it_was_before_the_clock_was_ahead() {
    for timeframe in ["since-last", "rolling:1d"] {
        let job = submit_settings(settings(daily("02:00"), timeframe), noon(1)).job;
        let (job, mut record) = run(&job, noon(2));
        let (before, truth) = (job.clone(), record.clone());
        assert_eq!(lies_ahead(&job, noon(2)), None);
        // A clock that is twenty days ahead.
        let (ahead, wrong) = run(&job, noon(22));
        record.extend(wrong);
        assert!(lies_ahead(&ahead, noon(3)) > Some(noon(21)), "{ahead:?}");
        assert_eq!(lies_ahead(&ahead, noon(22)), None, "by that clock all is well");

        let mut seen = Truth::new(&ahead, noon(3));
        record.iter().filter(|one| one.slot <= noon(3)).for_each(|one| seen.see(one));
        let change = bring_back(&ahead, &seen, Vec::new(), source_terms()).unwrap().unwrap();
        let back = change.job;
        assert_eq!((back.next_due_at, back.tiled_until), (before.next_due_at, before.tiled_until));
        let watermark = before.watermark.map(|known| Watermark { generation: 2, ..known });
        assert_eq!((back.watermark, back.era, back.state), (watermark, 1, JobState::Active));
        assert_eq!(lies_ahead(&back, noon(3)), None);
        // Its windows continue where the true ones ended, and their ids are new to the record.
        let (_, again) = run(&back, noon(3));
        assert_eq!(again[0].window.start(), truth.last().map(|last| last.window.end()));
        assert!(again.iter().all(|one| record.iter().all(|known| known.id != one.id)));
    }
}

#[test]
fn j12_what_waits_for_a_slot_ahead_is_not_run_and_what_has_begun_is_waited_for() {
    let job = submit_settings(settings(daily("02:00"), "since-last"), noon(1)).job;
    let ahead = materialise(&job, &[], terms(), noon(22)).unwrap();
    let waiting = ahead.entries.iter().find(|entry| entry.is_waiting()).unwrap().clone();
    let begun = begin(&ahead.job, waiting.clone(), noon(22));
    let unseen = Truth::new(&ahead.job, noon(2));
    let refused = bring_back(&ahead.job, &unseen, vec![begun], source_terms()).unwrap_err();
    assert_eq!(refused.code(), Code::JobBusy);
    let change = bring_back(&ahead.job, &unseen, vec![waiting], source_terms()).unwrap().unwrap();
    assert_eq!(change.superseded[0].state, ExecutionState::Skipped(SkipReason::Replaced));
    assert_eq!(change.job.next_due_at, Some(instant("2026-03-02T02:00:00Z")));
    assert_eq!(
        bring_back(&change.job, &Truth::new(&change.job, noon(2)), Vec::new(), source_terms()).unwrap(),
        None
    );
}
