//! Names that are stored or printed never change: scripts and catalogs depend on them.

use cdds_core::domain::archive::artifact::Sha256Digest;
use cdds_core::domain::archive::manifest::{file_name, stem};
use cdds_core::domain::calendar::frequency::{Frequency, FrequencyKind, Start};
use cdds_core::domain::execution::failure::FailureKind;
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::{ExecutionState, SkipReason, Status, Trigger};
use cdds_core::domain::id::{ExecutionId, RecipientName};
use cdds_core::domain::job::lifecycle::Submission;
use cdds_core::domain::job::{JobState, Protection, RecipientNames};
use uuid::Uuid;

use crate::rules::support::{begin, instant, submit};

#[test]
fn e1_statuses_have_names_that_are_read_back() {
    let names = Status::ALL.map(Status::as_str);
    assert_eq!(
        names,
        ["queued", "in_progress", "finished", "finished_with_errors", "failed", "cancelled", "skipped"]
    );
    assert_eq!(names.map(Status::parse), Status::ALL.map(Some));
    assert_eq!(Status::parse("done"), None);
    let open = Status::ALL.map(Status::is_open);
    assert_eq!(open, [true, true, false, false, false, false, false]);
}

#[test]
fn e10_a_success_without_bad_records_is_told_from_one_with_some() {
    let now = instant("2026-03-01T12:00:00Z");
    let Submission { job, first } = submit(Frequency::Once(Start::Immediately), "all", now);
    let running = begin(&job, first.unwrap(), now);
    for (rejected, status) in [(0, Status::Finished), (1, Status::FinishedWithErrors)] {
        let done = running.clone().succeeded(Progress { rejected, ..Progress::default() }, now);
        assert_eq!((done.status(), &done.state), (status, &ExecutionState::Succeeded));
        assert_eq!(done.progress.percent, Some(100));
    }
}

#[test]
fn triggers_and_reasons_have_names() {
    let of = ExecutionId(Uuid::nil());
    let rerun = |of_backfill| Trigger::Rerun { of, of_backfill };
    let triggers = [Trigger::Scheduled, Trigger::Manual, rerun(false), rerun(true), Trigger::Backfill];
    assert_eq!(triggers.map(Trigger::as_str), ["scheduled", "manual", "rerun", "rerun", "backfill"]);
    assert_eq!(triggers.map(Trigger::is_backfill), [false, false, false, true, true]);

    let (first, last, count) = (instant("2026-03-01T00:00:00Z"), instant("2026-03-02T00:00:00Z"), 2);
    for (reason, name, words) in [
        (
            SkipReason::Coalesced { first, last, count, into: last },
            "coalesced",
            "coalesced: 2 occurrences from 2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z are covered by the \
             one at 2026-03-02T00:00:00Z",
        ),
        (
            SkipReason::CatchUpLimit { first, last, count },
            "catch_up_limit",
            "missed: 2 occurrences from 2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z lie beyond the \
             catch-up limit",
        ),
        (
            SkipReason::Suspended { first, last, count },
            "suspended",
            "suspended: 2 occurrences from 2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z had not started \
             when the job was suspended",
        ),
        (
            SkipReason::Deleted { first, last, count },
            "deleted",
            "deleted: 2 occurrences from 2026-03-01T00:00:00Z to 2026-03-02T00:00:00Z had not started \
             when the job was deleted",
        ),
        (SkipReason::Replaced, "replaced", "replaced: the job was edited before it started"),
        (
            SkipReason::Covered { watermark: Some(last) },
            "covered",
            "covered: everything up to 2026-03-02T00:00:00Z was exported before",
        ),
        (SkipReason::Covered { watermark: None }, "covered", "covered: there is nothing to export yet"),
    ] {
        assert_eq!((reason.as_str(), reason.to_string().as_str()), (name, words));
    }
}

#[test]
fn states_kinds_and_digests_have_names() {
    assert_eq!(JobState::ALL.map(JobState::as_str), ["active", "suspended", "completed", "deleted"]);
    assert_eq!(JobState::ALL.map(|state| JobState::parse(state.as_str())), JobState::ALL.map(Some));
    assert_eq!(JobState::parse("gone"), None);
    let kinds: Vec<_> = FrequencyKind::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(kinds, ["once", "hourly", "daily", "weekly", "monthly", "cron"]);
    for (kind, name) in [
        (FailureKind::Unavailable, "unavailable"),
        (FailureKind::Missing, "missing"),
        (FailureKind::Invalid, "invalid"),
        (FailureKind::BadRecord, "bad_record"),
        (FailureKind::Interrupted, "interrupted"),
        (FailureKind::Full, "full"),
        (FailureKind::Refused, "refused"),
        (FailureKind::Corrupt, "corrupt"),
        (FailureKind::Certificate, "certificate"),
        (FailureKind::Crypto, "crypto"),
        (FailureKind::TooLarge, "too_large"),
        (FailureKind::Crashed, "crashed"),
        (FailureKind::Internal, "internal"),
    ] {
        assert_eq!((kind.as_str(), kind.to_string().as_str()), (name, name));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("{name:?}"), "stored by the same name");
    }
    let digest = Sha256Digest([0xab; 32]);
    assert_eq!(format!("{digest:?}"), "ab".repeat(32));
}

#[test]
fn a3_a5_files_are_named_after_their_execution() {
    let execution = ExecutionId(Uuid::from_u128(7));
    assert_eq!(stem(execution), "export-00000000-0000-0000-0000-000000000007");
    assert_eq!(file_name(execution), "export-00000000-0000-0000-0000-000000000007.manifest.json");
}

#[test]
fn s1_plaintext_has_no_recipients_and_sealed_ones_are_named() {
    let names = ["a", "b"].map(|name| RecipientName::new(name).unwrap());
    let sealed = Protection::Sealed(RecipientNames::new(names.clone()).unwrap());
    assert_eq!(sealed.recipients(), names);
    assert!(Protection::Plaintext.recipients().is_empty());
}
