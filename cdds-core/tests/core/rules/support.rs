//! Building blocks for the tests of the rules.

use cdds_core::domain::calendar::frequency::Frequency;
use cdds_core::domain::execution::failure::{Failure, FailureKind, Step};
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::retry::RetryPolicy;
use cdds_core::domain::execution::schedule::Terms;
use cdds_core::domain::execution::{Beginning, Execution};
use cdds_core::domain::id::{JobId, Owner, SourceId, TypeId, WorkerId};
use cdds_core::domain::job::lifecycle::{self, NewJob, Submission};
use cdds_core::domain::job::{Job, JobSettings, Protection, Title};
use cdds_core::domain::source::SourceTerms;
use cdds_core::domain::work::Nonce;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

pub(crate) fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn daily(at: &str) -> Frequency {
    Frequency::Daily(at.parse().unwrap())
}

pub(crate) fn settings(frequency: Frequency, timeframe: &str) -> JobSettings {
    JobSettings::new(
        Title::new("Interactions").unwrap(),
        SourceId::new("contact-history").unwrap(),
        TypeId::new("interaction").unwrap(),
        frequency,
        Protection::Plaintext,
    )
    .with_timeframe(timeframe.parse().unwrap())
}

/// The terms of a source whose rows become visible at most five seconds late.
pub(crate) fn source_terms() -> SourceTerms {
    SourceTerms { settle_lag: TimeDelta::seconds(5), ..SourceTerms::default() }
}

pub(crate) fn terms() -> Terms {
    Terms { source: source_terms(), ..Terms::default() }
}

pub(crate) fn submit_settings(settings: JobSettings, now: DateTime<Utc>) -> Submission {
    lifecycle::submit(JobId(Uuid::from_u128(1)), Owner::default(), settings, source_terms(), now)
}

/// Submits a job with or without a first run at once (rule J17).
pub(crate) fn create(settings: JobSettings, first_run_now: bool, now: DateTime<Utc>) -> Submission {
    let new = NewJob::from(settings).with_first_run_now(first_run_now);
    lifecycle::create(JobId(Uuid::from_u128(1)), Owner::default(), new, source_terms(), now).unwrap()
}

pub(crate) fn submit(frequency: Frequency, timeframe: &str, now: DateTime<Utc>) -> Submission {
    submit_settings(settings(frequency, timeframe), now)
}

/// Begins the execution with a worker. It must not be covered.
pub(crate) fn begin(job: &Job, execution: Execution, now: DateTime<Utc>) -> Execution {
    match execution.begin(job, WorkerId::new("w").unwrap(), Nonce(1), now) {
        Beginning::Running(execution) => execution,
        Beginning::Covered(execution) => panic!("covered: {execution:?}"),
    }
}

pub(crate) fn failure(retryable: bool) -> Failure {
    Failure { step: Step::Read, kind: FailureKind::Unavailable, message: "away".to_owned(), retryable }
}

pub(crate) fn fail(execution: Execution, retryable: bool, now: DateTime<Utc>) -> Execution {
    execution.failed(failure(retryable), &RetryPolicy::default(), now)
}

pub(crate) fn succeed(execution: Execution, now: DateTime<Utc>) -> Execution {
    execution.succeeded(Progress::default(), now)
}
