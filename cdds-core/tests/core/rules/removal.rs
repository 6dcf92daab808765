//! Rules E9, A7, A8, J12: what may be deleted, and what is kept.

use cdds_core::domain::archive::artifact::{Artifact, Sha256Digest, artifact_id};
use cdds_core::domain::archive::removal::{WithArtifacts, check_execution, check_hold, check_selection};
use cdds_core::domain::archive::retention::RetentionDays;
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::{Execution, ExecutionState, SkipReason};
use cdds_core::domain::job::JobState;
use cdds_core::domain::job::lifecycle::{self, Submission};
use cdds_core::domain::violation::Code;
use cdds_core::ports::sink::Key;
use chrono::{DateTime, TimeDelta, Utc};

use crate::rules::support::{begin, daily, fail, instant, submit, succeed};

const NOON: &str = "2026-03-01T12:00:00Z";

fn artifact(of: &Execution, created_at: DateTime<Utc>, hold: bool) -> Artifact {
    Artifact {
        id: artifact_id(of.id, 1),
        owner: of.owner.clone(),
        execution_id: of.id,
        job_id: of.job_id,
        types: of.settings.reads.types(),
        name: format!("export-{}.zip", of.id),
        part: 1,
        parts: 1,
        key: Key::new("k"),
        bytes: 1,
        sha256: Sha256Digest([0; 32]),
        created_at,
        expires_at: RetentionDays::default().expires_at(created_at),
        hold,
    }
}

fn finished() -> Execution {
    let now = instant(NOON);
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "all", now);
    succeed(begin(&job, first.unwrap(), now), now)
}

#[test]
fn e9_an_execution_leaves_the_history_after_its_end_and_with_its_artifacts() {
    let now = instant(NOON);
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "all", now);
    let waiting = first.unwrap();
    let running = begin(&job, waiting.clone(), now);
    let code = |execution: &Execution, artifacts: &[Artifact], with| {
        check_execution(execution, artifacts, with).err().map(|violation| violation.code())
    };
    for open in [waiting.clone(), running.clone(), fail(running.clone(), true, now)] {
        assert_eq!(code(&open, &[], WithArtifacts::Delete), Some(Code::ExecutionOpen));
    }
    let ended = [fail(running.clone(), false, now), waiting.cancel(now).unwrap(), finished()];
    for ended in ended {
        assert_eq!(code(&ended, &[], WithArtifacts::Keep), None);
    }
    let finished = finished();
    let published = [artifact(&finished, now, false)];
    assert_eq!(code(&finished, &published, WithArtifacts::Keep), Some(Code::ExecutionHasArtifacts));
    assert_eq!(code(&finished, &published, WithArtifacts::Delete), None);
    let held = [artifact(&finished, now, true)];
    for with in [WithArtifacts::Keep, WithArtifacts::Delete] {
        assert_eq!(code(&finished, &held, with), Some(Code::OnHold));
    }
}

#[test]
fn a7_a_hold_keeps_a_file_beyond_its_retention_and_from_deletion() {
    let (finished, created) = (finished(), instant(NOON));
    let (free, held) = (artifact(&finished, created, false), artifact(&finished, created, true));
    let expired = created + TimeDelta::days(30);
    assert!(free.is_available(expired - TimeDelta::microseconds(1)) && !free.is_available(expired));
    assert!(held.is_available(expired + TimeDelta::days(999)));
    assert!(check_hold(std::slice::from_ref(&free)).is_ok());
    assert_eq!(check_hold(&[free, held]).unwrap_err().code(), Code::OnHold);
}

#[test]
fn a8_a_request_names_at_most_a_hundred_files() {
    assert!(check_selection(0).is_ok() && check_selection(100).is_ok());
    assert_eq!(check_selection(101).unwrap_err().code(), Code::TooManyFiles);
}

#[test]
fn j12_a_job_goes_when_nothing_of_it_runs_or_is_about_to() {
    let now = instant(NOON);
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "all", now);
    let waiting = first.unwrap();
    let running = begin(&job, waiting.clone(), now);
    for busy in [waiting.clone(), running.clone(), fail(running, true, now)] {
        assert_eq!(lifecycle::delete(&job, vec![busy], now).unwrap_err().code(), Code::JobBusy);
    }
    // Queued for later, because of jitter or late rows: the deletion skips it, on the record.
    let later = Execution { not_before: now + TimeDelta::seconds(1), ..waiting };
    let change = lifecycle::delete(&job, vec![later], now).unwrap();
    assert_eq!((change.job.state, change.job.version), (JobState::Deleted, job.version + 1));
    let skipped = SkipReason::Deleted { first: now, last: now, count: 1 };
    assert_eq!(change.superseded[0].state, ExecutionState::Skipped(skipped));
}

#[test]
fn j12_due_slots_of_a_deleted_job_are_on_the_record() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let now = instant("2026-03-04T03:00:00Z");
    let change = lifecycle::delete(&job, Vec::new(), now).unwrap();
    let (first, last) = (instant("2026-03-02T02:00:00Z"), instant("2026-03-04T02:00:00Z"));
    let gap = SkipReason::Deleted { first, last, count: 3 };
    assert_eq!(change.entries.len(), 1);
    assert_eq!(change.entries[0].state, ExecutionState::Skipped(gap));
    assert_eq!((change.job.state, change.job.next_due_at), (JobState::Deleted, None));
    assert_eq!(change.job.updated_at, now);
    let suspended = lifecycle::suspend(&job, Vec::new(), now).unwrap().job;
    assert_eq!(lifecycle::delete(&suspended, Vec::new(), now).unwrap().job.suspended_at, None);
    assert!(lifecycle::resume(&change.job, now).unwrap().is_none());
    assert!(lifecycle::suspend(&change.job, Vec::new(), now).is_none());
}

#[test]
fn j12_slots_that_a_suspension_kept_from_running_are_on_the_record_of_a_deleted_job() {
    let job = submit(daily("02:00"), "rolling:1d", instant(NOON)).job;
    let suspended = lifecycle::suspend(&job, Vec::new(), instant(NOON)).unwrap().job;
    let change = lifecycle::delete(&suspended, Vec::new(), instant("2026-03-04T03:00:00Z")).unwrap();
    let (first, last) = (instant("2026-03-02T02:00:00Z"), instant("2026-03-04T02:00:00Z"));
    let gap = SkipReason::Suspended { first, last, count: 3 };
    assert_eq!(change.entries.len(), 1);
    assert_eq!(change.entries[0].state, ExecutionState::Skipped(gap));
}
