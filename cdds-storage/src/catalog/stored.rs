//! The JSON columns: attempts, the detail of a final state, progress, warnings, unsettled work of a job.
//!
//! Each is an object with a version, `{"v":1,…}`. Another version, an unknown key or an unknown value is an
//! error: nothing is guessed and nothing is silently dropped.

use cdds_core::domain::execution::failure::{Failure, FailureKind, Step};
use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::queue::QueuePlace;
use cdds_core::domain::execution::{Attempt, SkipReason};
use cdds_core::domain::id::{ExecutionId, WorkerId};
use cdds_core::domain::job::settling::{Drops, Unsettled};
use cdds_core::domain::subject::request::Scope;
use cdds_core::domain::subject::{Kept, TaskOutcome};
use cdds_core::domain::work::Nonce;
use cdds_core::domain::work::row::WorkFailure;
use cdds_core::stored::StoredFormError;
use chrono::{DateTime, SubsecRound, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version that this library writes, and the only one it reads.
const VERSION: u64 = 1;

#[derive(Serialize)]
struct Envelope<'a, T> {
    v: u64,
    #[serde(flatten)]
    form: &'a T,
}

fn wrap<T: Serialize>(what: &'static str, form: &T) -> Result<String, StoredFormError> {
    serde_json::to_string(&Envelope { v: VERSION, form }).map_err(|error| StoredFormError::new(what, error))
}

fn unwrap<T: DeserializeOwned>(what: &'static str, json: &str) -> Result<T, StoredFormError> {
    let bad = |why: String| StoredFormError::new(what, why);
    let mut value: Value = serde_json::from_str(json).map_err(|error| bad(error.to_string()))?;
    let version = value.as_object_mut().and_then(|object| object.remove("v"));
    match version.as_ref().and_then(Value::as_u64) {
        Some(VERSION) => serde_json::from_value(value).map_err(|error| bad(error.to_string())),
        Some(other) => Err(bad(format!("it has version {other}, this program reads version {VERSION}"))),
        None => Err(bad("it names no version".to_owned())),
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FailureV1 {
    step: Step,
    kind: FailureKind,
    message: String,
    retryable: bool,
}

impl From<&Failure> for FailureV1 {
    fn from(failure: &Failure) -> Self {
        Self {
            step: failure.step,
            kind: failure.kind,
            message: failure.message.clone(),
            retryable: failure.retryable,
        }
    }
}

impl From<FailureV1> for Failure {
    fn from(form: FailureV1) -> Self {
        Self { step: form.step, kind: form.kind, message: form.message, retryable: form.retryable }
    }
}

pub(super) fn failure_to_json(failure: &Failure) -> Result<String, StoredFormError> {
    wrap("failure", &FailureV1::from(failure))
}

pub(super) fn failure_from_json(json: &str) -> Result<Failure, StoredFormError> {
    unwrap::<FailureV1>("failure", json).map(Failure::from)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WorkFailureV1 {
    kind: FailureKind,
    message: String,
    retryable: bool,
}

pub(super) fn work_failure_to_json(failure: &WorkFailure) -> Result<String, StoredFormError> {
    let WorkFailure { kind, message, retryable, .. } = failure.clone();
    wrap("failure", &WorkFailureV1 { kind, message, retryable })
}

pub(super) fn work_failure_from_json(json: &str) -> Result<WorkFailure, StoredFormError> {
    let form: WorkFailureV1 = unwrap("failure", json)?;
    Ok(WorkFailure::new(form.kind, form.message, form.retryable))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttemptsV1 {
    attempts: Vec<AttemptV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AttemptV1 {
    epoch: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nonce: Option<Nonce>,
    worker: WorkerId,
    started_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<FailureV1>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    released: bool,
}

pub(super) fn attempts_to_json(attempts: &[Attempt]) -> Result<String, StoredFormError> {
    let attempts = attempts.iter().map(|attempt| AttemptV1 {
        epoch: attempt.epoch,
        nonce: attempt.nonce,
        worker: attempt.worker.clone(),
        started_at: attempt.started_at.trunc_subsecs(6),
        ended_at: attempt.ended_at.map(|at| at.trunc_subsecs(6)),
        failure: attempt.failure.as_ref().map(FailureV1::from),
        released: attempt.released,
    });
    wrap("attempts", &AttemptsV1 { attempts: attempts.collect() })
}

pub(super) fn attempts_from_json(json: &str) -> Result<Vec<Attempt>, StoredFormError> {
    let form: AttemptsV1 = unwrap("attempts", json)?;
    let attempts = form.attempts.into_iter().map(|form| Attempt {
        epoch: form.epoch,
        nonce: form.nonce,
        worker: form.worker,
        started_at: form.started_at,
        ended_at: form.ended_at,
        failure: form.failure.map(Failure::from),
        released: form.released,
    });
    Ok(attempts.collect())
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case", deny_unknown_fields)]
enum SkipV1 {
    Coalesced {
        first: DateTime<Utc>,
        last: DateTime<Utc>,
        count: u64,
        into: DateTime<Utc>,
    },
    CatchUpLimit {
        first: DateTime<Utc>,
        last: DateTime<Utc>,
        count: u64,
    },
    Suspended {
        first: DateTime<Utc>,
        last: DateTime<Utc>,
        count: u64,
    },
    Deleted {
        first: DateTime<Utc>,
        last: DateTime<Utc>,
        count: u64,
    },
    // The braces matter: the keys of a unit variant would be dropped silently.
    Replaced {},
    Covered {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        watermark: Option<DateTime<Utc>>,
    },
}

pub(super) fn skip_to_json(reason: &SkipReason) -> Result<String, StoredFormError> {
    let form = match *reason {
        SkipReason::Coalesced { first, last, count, into } => SkipV1::Coalesced { first, last, count, into },
        SkipReason::CatchUpLimit { first, last, count } => SkipV1::CatchUpLimit { first, last, count },
        SkipReason::Suspended { first, last, count } => SkipV1::Suspended { first, last, count },
        SkipReason::Deleted { first, last, count } => SkipV1::Deleted { first, last, count },
        SkipReason::Replaced => SkipV1::Replaced {},
        SkipReason::Covered { watermark } => SkipV1::Covered { watermark },
    };
    wrap("reason of the skip", &form)
}

pub(super) fn skip_from_json(json: &str) -> Result<SkipReason, StoredFormError> {
    Ok(match unwrap("reason of the skip", json)? {
        SkipV1::Coalesced { first, last, count, into } => SkipReason::Coalesced { first, last, count, into },
        SkipV1::CatchUpLimit { first, last, count } => SkipReason::CatchUpLimit { first, last, count },
        SkipV1::Suspended { first, last, count } => SkipReason::Suspended { first, last, count },
        SkipV1::Deleted { first, last, count } => SkipReason::Deleted { first, last, count },
        SkipV1::Replaced {} => SkipReason::Replaced,
        SkipV1::Covered { watermark } => SkipReason::Covered { watermark },
    })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgressV1 {
    records: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    rejected: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    undated: u64,
    bytes_read: u64,
    bytes_written: u64,
    parts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remaining_seconds: Option<u64>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

pub(super) fn progress_to_json(progress: &Progress) -> Result<String, StoredFormError> {
    let Progress { records, rejected, undated, bytes_read, bytes_written, parts, percent, remaining_seconds } =
        *progress;
    let form = ProgressV1 {
        records,
        rejected,
        undated,
        bytes_read,
        bytes_written,
        parts,
        percent,
        remaining_seconds,
    };
    wrap("progress", &form)
}

pub(super) fn progress_from_json(json: &str) -> Result<Progress, StoredFormError> {
    let ProgressV1 {
        records,
        rejected,
        undated,
        bytes_read,
        bytes_written,
        parts,
        percent,
        remaining_seconds,
    } = unwrap("progress", json)?;
    Ok(Progress { records, rejected, undated, bytes_read, bytes_written, parts, percent, remaining_seconds })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WarningsV1 {
    warnings: Vec<String>,
}

/// The scope of a subject request: a list of `source` or `source/type`, which reads itself.
pub(super) fn scope_to_json(scope: &Scope) -> Result<String, StoredFormError> {
    wrap("scope", &ScopeV1 { parts: scope.clone() })
}

pub(super) fn scope_from_json(json: &str) -> Result<Scope, StoredFormError> {
    unwrap::<ScopeV1>("scope", json).map(|form| form.parts)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeV1 {
    parts: Scope,
}

/// What an erasure of a data type answered.
pub(super) fn task_outcome_to_json(outcome: &TaskOutcome) -> Result<String, StoredFormError> {
    let kept = match outcome {
        TaskOutcome::Erased { kept } => kept.as_slice(),
        TaskOutcome::Unsupported => &[],
    };
    let form = |kept: &Kept| KeptV1 { reason: kept.reason.clone(), records: kept.records };
    let unsupported = *outcome == TaskOutcome::Unsupported;
    wrap("outcome", &TaskOutcomeV1 { unsupported, kept: kept.iter().map(form).collect() })
}

pub(super) fn task_outcome_from_json(json: &str) -> Result<TaskOutcome, StoredFormError> {
    let TaskOutcomeV1 { unsupported, kept } = unwrap("outcome", json)?;
    let kept = kept.into_iter().map(|KeptV1 { reason, records }| Kept { reason, records });
    Ok(if unsupported { TaskOutcome::Unsupported } else { TaskOutcome::Erased { kept: kept.collect() } })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskOutcomeV1 {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unsupported: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    kept: Vec<KeptV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptV1 {
    reason: String,
    records: u64,
}

pub(super) fn warnings_to_json(warnings: &[String]) -> Result<String, StoredFormError> {
    wrap("warnings", &WarningsV1 { warnings: warnings.to_vec() })
}

pub(super) fn warnings_from_json(json: &str) -> Result<Vec<String>, StoredFormError> {
    unwrap::<WarningsV1>("warnings", json).map(|form| form.warnings)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnsettledV1 {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drops: Option<DropsV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    behind: Option<PlaceV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
enum DropsV1 {
    Suspended {},
    Deleted {},
    Replaced {},
    Ahead { after: DateTime<Utc> },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlaceV1 {
    queue_at: DateTime<Utc>,
    slot: DateTime<Utc>,
    id: ExecutionId,
}

pub(super) fn unsettled_to_json(unsettled: &Unsettled) -> Result<String, StoredFormError> {
    let Unsettled { drops, behind } = *unsettled;
    let drops = drops.map(|drops| match drops {
        Drops::Suspended => DropsV1::Suspended {},
        Drops::Deleted => DropsV1::Deleted {},
        Drops::Replaced => DropsV1::Replaced {},
        Drops::Ahead(after) => DropsV1::Ahead { after },
    });
    let behind = behind.map(|QueuePlace { queue_at, slot, id }| PlaceV1 { queue_at, slot, id });
    wrap("rest of a change", &UnsettledV1 { drops, behind })
}

pub(super) fn unsettled_from_json(json: &str) -> Result<Unsettled, StoredFormError> {
    let UnsettledV1 { drops, behind } = unwrap("rest of a change", json)?;
    let drops = drops.map(|drops| match drops {
        DropsV1::Suspended {} => Drops::Suspended,
        DropsV1::Deleted {} => Drops::Deleted,
        DropsV1::Replaced {} => Drops::Replaced,
        DropsV1::Ahead { after } => Drops::Ahead(after),
    });
    let behind = behind.map(|PlaceV1 { queue_at, slot, id }| QueuePlace { queue_at, slot, id });
    Ok(Unsettled { drops, behind })
}

#[cfg(test)]
mod tests;
