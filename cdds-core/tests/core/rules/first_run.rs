//! Rule J17: the first run of a recurring job, which is an occurrence at the instant of the submission.

use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::schedule::materialise;
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason, Status, Trigger};
use cdds_core::domain::id::{JobId, Owner};
use cdds_core::domain::job::lifecycle::{self, NewJob, Submission};
use cdds_core::domain::job::policy::{Overlap, Policies};
use cdds_core::domain::job::{JobSettings, JobState};
use cdds_core::domain::violation::{Code, RuleViolation};
use cdds_core::ports::catalog::query::{ExecutionQuery, JobQuery};
use cdds_core::service::ServiceError;
use chrono::{DateTime, TimeDelta, Utc};
use futures::executor::block_on;
use uuid::Uuid;

use crate::rules::jobs_in_memory::Service;
use crate::rules::support::{begin, daily, instant, settings, source_terms, succeed, terms};

fn create(settings: JobSettings, now: DateTime<Utc>) -> Result<Submission, RuleViolation> {
    let new = NewJob::from(settings).with_first_run_now(true);
    lifecycle::create(JobId(Uuid::from_u128(1)), Owner::default(), new, source_terms(), now)
}

fn bounds(execution: &Execution) -> (Option<DateTime<Utc>>, DateTime<Utc>) {
    (execution.window.start(), execution.window.end())
}

#[test]
fn j17_a_first_run_is_an_occurrence_now_and_the_schedule_goes_on() {
    let now = instant("2026-03-01T10:00:00Z");
    let Submission { job, first } = create(settings(daily("02:00"), "all"), now).unwrap();
    assert_eq!((job.state, job.next_due_at), (JobState::Active, Some(instant("2026-03-02T02:00:00Z"))));
    let first = first.unwrap();
    assert_eq!((first.trigger, first.slot, &first.state), (Trigger::Scheduled, now, &ExecutionState::Queued));
    assert_eq!(bounds(&first), (None, now));
    let without = NewJob::from(settings(daily("02:00"), "all"));
    let id = JobId(Uuid::from_u128(1));
    let plain = lifecycle::create(id, Owner::default(), without, source_terms(), now).unwrap();
    assert_eq!(plain.first, None);
}

#[test]
fn j17_the_windows_of_a_first_run_and_of_the_next_occurrence_tile() {
    for (now, timeframe, start, end, next_end) in [
        (
            "2026-03-01T10:00:00Z",
            "rolling:1d",
            "2026-03-01T02:00:00Z",
            "2026-03-01T10:00:00Z",
            "2026-03-02T02:00:00Z",
        ),
        // The submission falls on a slot: that is not run a second time.
        (
            "2026-03-01T02:00:00Z",
            "rolling:1d",
            "2026-02-28T02:00:00Z",
            "2026-03-01T02:00:00Z",
            "2026-03-02T02:00:00Z",
        ),
        // The day before is exported once, though the slot of the same day would export it too.
        (
            "2026-03-01T01:00:00Z",
            "previous:1d",
            "2026-02-28T00:00:00Z",
            "2026-03-01T00:00:00Z",
            "2026-03-01T00:00:00Z",
        ),
    ] {
        let created = create(settings(daily("02:00"), timeframe), instant(now)).unwrap();
        let first = created.first.clone().unwrap();
        assert_eq!(bounds(&first), (Some(instant(start)), instant(end)), "{now} {timeframe}");
        let slot = created.job.next_due_at.unwrap();
        assert!(slot > instant(now));
        let change = materialise(&created.job, &[], terms(), slot).unwrap();
        assert_eq!(change.entries.len(), 1);
        assert_eq!(bounds(&change.entries[0]), (Some(instant(end)), instant(next_end)), "{now} {timeframe}");
        let shown = created.preview(source_terms(), 2, instant(now));
        let windows: Vec<_> = shown.iter().map(|next| next.window).collect();
        assert_eq!(windows, [first.window, change.entries[0].window]);
    }
}

#[test]
fn j17_the_first_run_of_an_incremental_job_moves_the_watermark() {
    let now = instant("2026-03-01T10:00:00Z");
    let settings = settings(daily("02:00"), "since-last:2026-02-01T00:00:00Z");
    let created = create(settings, now).unwrap();
    let settled = now - TimeDelta::seconds(5);
    let origin = Some(instant("2026-02-01T00:00:00Z"));
    let shown: Vec<_> = created.preview(source_terms(), 2, now).iter().map(|next| next.window).collect();
    let next_end = instant("2026-03-02T01:59:55Z");
    assert_eq!(
        [(shown[0].start(), shown[0].end()), (shown[1].start(), shown[1].end())],
        [(origin, settled), (Some(settled), next_end)]
    );
    let ran = succeed(begin(&created.job, created.first.unwrap(), now), now + TimeDelta::minutes(1));
    assert_eq!(bounds(&ran), (origin, settled));
    let job = lifecycle::ended(&created.job, &ran, Vec::new(), now).unwrap().job;
    assert_eq!(job.watermark.unwrap().at, Some(settled));
    let next = materialise(&job, &[], terms(), instant("2026-03-02T02:00:00Z")).unwrap();
    let next = begin(&job, next.entries[0].clone(), instant("2026-03-02T02:00:10Z"));
    assert_eq!(bounds(&next), (Some(settled), next_end));
}

#[test]
fn j17_a_first_run_that_waits_is_covered_and_suspended_like_any_occurrence() {
    let now = instant("2026-03-01T10:00:00Z");
    let coalesce = Policies::default().with_overlap(Some(Overlap::Coalesce));
    let created = create(settings(daily("02:00"), "rolling:1d").with_policies(coalesce), now).unwrap();
    let first = created.first.unwrap();
    let next =
        materialise(&created.job, std::slice::from_ref(&first), terms(), instant("2026-03-02T02:00:00Z"))
            .unwrap();
    assert_eq!(next.superseded.len(), 1);
    assert_eq!(bounds(&next.entries[0]), (first.window.start(), instant("2026-03-02T02:00:00Z")));

    let suspended = lifecycle::suspend(&created.job, vec![first], now + TimeDelta::seconds(1)).unwrap();
    let skipped = SkipReason::Suspended { first: now, last: now, count: 1 };
    assert_eq!(suspended.superseded[0].state, ExecutionState::Skipped(skipped));
}

#[test]
fn j17_a_first_run_is_refused_where_a_job_cannot_run_now() {
    let now = instant("2026-03-01T10:00:00Z");
    for frequency in
        [Frequency::Once(Start::Immediately), Frequency::Once(Start::At(now + TimeDelta::hours(1)))]
    {
        let refused = create(settings(frequency, "all"), now).unwrap_err();
        assert_eq!(refused.code(), Code::RecurringOnly);
    }
    let later = |start: &str| settings(daily("02:00"), "all").with_starts_at(Some(instant(start)));
    assert_eq!(create(later("2026-03-01T10:00:01Z"), now).unwrap_err().code(), Code::InvalidPeriod);
    assert!(create(later("2026-03-01T10:00:00Z"), now).is_ok());
}

#[test]
fn j17_a_first_run_is_stored_with_its_job_and_refused_with_it() {
    let service = Service::with_records(3);
    let new = |settings| NewJob::from(settings).with_first_run_now(true);
    let refused =
        block_on(service.jobs.submit(&service.by, new(settings(Frequency::Once(Start::Immediately), "all"))));
    assert!(
        matches!(refused, Err(ServiceError::Refused(violation)) if violation.code() == Code::RecurringOnly)
    );
    let listed = block_on(service.jobs.list(&service.by, &JobQuery::default())).unwrap();
    assert_eq!(listed.items, []);

    let made =
        block_on(service.jobs.submit(&service.by, new(settings(daily("02:00"), "since-last")))).unwrap();
    assert_eq!(made.latest.map(|latest| latest.status), Some(Status::Queued));
    service.memory.clock.advance(std::time::Duration::from_secs(60));
    assert_eq!(service.run().finished, 1);
    service.days_pass(1);
    assert_eq!(service.run().finished, 1);
    let history = block_on(service.history.list(&service.by, &ExecutionQuery::default())).unwrap().items;
    let windows: Vec<_> = history.iter().map(|one| bounds(&one.execution)).collect();
    assert_eq!(windows[0].0, Some(windows[1].1), "{windows:?}");
    assert!(history.iter().all(|one| one.execution.trigger == Trigger::Scheduled));
}
