//! Rule E18: sets of the store that a restored catalog takes back.

use cdds_core::domain::archive::adoption::{Adoption, FoundSet, Unadoptable, WatermarkAfter, adopt};
use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::calendar::window::Window;
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::{Execution, ExecutionState, Status, Trigger};
use cdds_core::domain::id::ExecutionId;
use cdds_core::domain::job::lifecycle::Submission;
use cdds_core::domain::job::{Job, JobState};
use cdds_core::domain::work::{Fence, Nonce, Writer};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::rules::support::{begin, failure, instant, submit};

fn found(id: ExecutionId, window: Window, made_at: DateTime<Utc>) -> FoundSet {
    FoundSet {
        writer: Writer { fence: Fence { id, epoch: 2 }, nonce: Some(Nonce(9)) },
        slot: made_at,
        window,
        incomplete_from: None,
        made_at,
        expires_at: made_at + TimeDelta::days(30),
        progress: Progress { records: 7, ..Progress::default() },
        same_selection: true,
    }
}

/// A job that follows a watermark, its first execution, and the set that it made.
fn incremental() -> (Job, Execution, FoundSet, DateTime<Utc>) {
    let now = instant("2026-03-01T10:00:00Z");
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "since-last", now);
    let first = first.unwrap();
    let window = Window::since(job.watermark().at, first.window.end()).unwrap();
    let set = found(first.id, window, now);
    (job, first, set, now)
}

#[test]
fn e18_an_adopted_set_moves_the_watermark_if_its_window_starts_there() {
    let (job, first, set, now) = incremental();
    let Adoption { before, execution, change, watermark } = adopt(&job, Some(&first), &set, now).unwrap();
    assert_eq!((watermark, change.job.watermark().at), (WatermarkAfter::Moves, Some(set.window.end())));
    assert_eq!((execution.status(), execution.window, execution.epoch), (Status::Finished, set.window, 2));
    assert_eq!((execution.writer(), execution.progress.records), (set.writer, 7));
    assert_eq!((before, change.job.state), (Some(first), JobState::Completed));
}

#[test]
fn e18_otherwise_the_watermark_stays_and_no_record_is_lost() {
    let (job, first, set, now) = incremental();
    let later = Window::between(now - TimeDelta::days(1), set.window.end());
    let failed = begin(&job, first.clone(), now);
    let backfill = Execution { trigger: Trigger::Backfill, generation: None, ..first.clone() };
    for (known, set) in [
        (Some(&first), FoundSet { window: later, ..set.clone() }),
        (Some(&first), FoundSet { same_selection: false, ..set.clone() }),
        (Some(&backfill), set.clone()),
    ] {
        let adoption = adopt(&job, known, &set, now).unwrap();
        assert_eq!(
            (adoption.watermark, adoption.change.job.watermark),
            (WatermarkAfter::Stays, job.watermark)
        );
        assert_eq!(adoption.execution.generation, None);
    }
    let moved = adopt(&job, Some(&first), &set, now).unwrap().change.job;
    assert_eq!(adopt(&moved, None, &set, now).unwrap().watermark, WatermarkAfter::Stays, "it has passed");
    assert_eq!(adopt(&job, Some(&failed), &set, now), Err(Unadoptable::Running));
}

#[test]
fn e18_a_forgotten_execution_is_put_on_the_record_under_its_own_id() {
    let (job, first, set, now) = incremental();
    let known = adopt(&job, None, &FoundSet { slot: first.slot, ..set.clone() }, now).unwrap();
    assert_eq!(
        (known.execution.id, known.execution.trigger, known.before),
        (first.id, Trigger::Scheduled, None)
    );
    let id = ExecutionId(Uuid::from_u128(77));
    let by_hand = found(id, set.window, now);
    let adoption = adopt(&job, None, &by_hand, now).unwrap();
    assert_eq!((adoption.execution.id, adoption.execution.trigger), (id, Trigger::Manual));
    assert_eq!(adoption.execution.owner, job.owner);
}

#[test]
fn e18_a_failed_execution_succeeds_after_all_and_expired_sets_stay_out() {
    let (job, first, set, now) = incremental();
    let running = begin(&job, first, now);
    let failed = running.failed(failure(false), &Default::default(), now);
    assert!(matches!(failed.state, ExecutionState::Failed(_)));
    let adopted = adopt(&job, Some(&failed), &set, now).unwrap().execution;
    assert_eq!((adopted.status(), adopted.attempts.len()), (Status::Finished, 2));
    assert_eq!(adopt(&job, Some(&adopted), &set, now), Err(Unadoptable::Published));
    let late = set.expires_at;
    assert_eq!(adopt(&job, Some(&failed), &set, late), Err(Unadoptable::Expired { at: late }));
}
