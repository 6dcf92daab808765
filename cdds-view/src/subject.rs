//! A request of a data subject, and what becomes of it.

use cdds_core::domain::execution::Status;
use cdds_core::domain::id::{ExecutionId, SourceId, SubjectKeyId, SubjectRequestId, TypeId};
use cdds_core::domain::subject::request::{Due, RequestStep, SubjectRequest};
use cdds_core::domain::subject::{Erased, Kept, ON_HOLD, SubjectTask, TaskReport, TaskStanding};
use cdds_core::domain::work::row::WorkState;
use cdds_core::ports::catalog::query::LatestExecution;
use cdds_core::service::subjects::{Reapplication, ReappliedType, TypeErasure};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::execution::FailureView;
use crate::instant::Instant;
use crate::names;
use crate::selection::Selection;

/// A request about the records of one person (rule D2). It holds no identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SubjectRequestView {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: SubjectRequestId,
    /// What is asked for: `access`, `erasure` or `both`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::SubjectRequestKind))]
    pub kind: String,
    /// How far it has come: `received`, `verified`, `approved`, `running`, `refused`, `withdrawn` or `done`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::SubjectRequestState))]
    pub state: String,
    /// When it has to be answered.
    pub due_at: Instant,
    /// How near that is: `passed`, `near` (less than a week) or `later`; null if the request has ended.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::DueDate>))]
    pub due: Option<String>,
    /// The chosen sources, and types as `source/type`.
    pub chosen: Selection,
    /// The keyed hashes of the identifiers, by each key of the service.
    pub identifiers_hashed: Vec<HashedIdentifierView>,
    /// When it was put on record, and by whom.
    pub received: RequestStepView,
    /// When the person's identity was put on record as checked, and by whom; null before.
    pub verified: Option<RequestStepView>,
    /// Who has checked the identity; null before.
    pub evidence_who: Option<String>,
    /// How it was checked; null before.
    pub evidence_how: Option<String>,
    /// When the erasure was approved, and by whom; null before.
    pub approved: Option<RequestStepView>,
    /// When the due date was extended, and by whom; null unless it was.
    pub extended: Option<RequestStepView>,
    /// When it was refused or withdrawn, and by whom; null before.
    pub ended: Option<RequestStepView>,
    /// Why it was refused; null unless it was.
    pub reason: Option<String>,
    /// Since when it is answered; null before.
    pub done_at: Option<Instant>,
    /// Who can read the copy that is handed over: `plaintext` for anybody who has the files, or SHA-256 of the certificate
    /// that came with the request; null if no copy is asked for.
    #[serde(default)]
    pub handover: Option<String>,
    /// When the copy was published; null before.
    #[serde(default)]
    pub handed_over_at: Option<Instant>,
    /// The latest execution that makes the copy; null before there is one, and in lists.
    #[serde(default)]
    pub export: Option<SubjectExportView>,
    /// How its erasure stands, by source and type; empty before it is approved, null in lists.
    pub erasures: Option<Vec<SubjectErasureView>>,
    /// The key without which nobody can go on with it, if this service does not have it; null in lists.
    pub missing_key: Option<String>,
    /// Counts the changes, from 1.
    pub version: u64,
}

/// An execution that makes the copy for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SubjectExportView {
    /// Its id; its set is named after it.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub execution_id: ExecutionId,
    /// Where it stands.
    #[serde(with = "names::status")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::ExecutionStatus))]
    pub status: Status,
    /// Why it failed; null unless it did.
    pub failure: Option<FailureView>,
}

impl From<&LatestExecution> for SubjectExportView {
    fn from(latest: &LatestExecution) -> Self {
        Self {
            execution_id: latest.id,
            status: latest.status,
            failure: latest.failure.as_ref().map(FailureView::from),
        }
    }
}

/// The erasure of a person's records of one data type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SubjectErasureView {
    /// The source.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub source: SourceId,
    /// The data type.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub data_type: TypeId,
    /// How it stands: `waiting`, `running`, `on_hold`, `done`, `partial`, `unsupported`, `failed` or `cancelled`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::SubjectErasureOutcome))]
    pub outcome: String,
    /// How many records were erased, or would be.
    pub records: u64,
    /// The records that stay, by reason. Those of a type that is not erased from are counted in previews alone.
    pub kept: Vec<KeptRecordsView>,
    /// Why it has failed, or the last attempt at it; null if it has not.
    pub failure: Option<String>,
    /// When it is tried next; null unless it waits.
    pub next_attempt_at: Option<Instant>,
}

/// Records that an erasure left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct KeptRecordsView {
    /// Why.
    pub reason: String,
    /// How many.
    pub records: u64,
}

impl From<&Kept> for KeptRecordsView {
    fn from(kept: &Kept) -> Self {
        Self { reason: kept.reason.clone(), records: kept.records }
    }
}

impl From<&SubjectTask> for SubjectErasureView {
    fn from(task: &SubjectTask) -> Self {
        let next = match task.work.state {
            WorkState::Waiting { next_attempt_at } => Some(Instant(next_attempt_at)),
            _ => None,
        };
        let failure = task.work.attempts.failure.as_ref().filter(|_| !task.is_answered());
        Self {
            source: task.source.clone(),
            data_type: task.data_type.clone(),
            outcome: task.standing().as_str().to_owned(),
            records: task.erased,
            kept: task.kept().iter().map(Into::into).collect(),
            failure: failure.map(|failure| failure.message.clone()),
            next_attempt_at: next,
        }
    }
}

impl From<&TypeErasure> for SubjectErasureView {
    fn from(erasure: &TypeErasure) -> Self {
        let (standing, erased, failure) = match &erasure.report {
            TaskReport::Erased(erased) if erased.kept.is_empty() => (TaskStanding::Done, Some(erased), None),
            TaskReport::Erased(erased) if erased.kept.iter().any(|kept| kept.reason == ON_HOLD) => {
                (TaskStanding::OnHold, Some(erased), None)
            }
            TaskReport::Erased(erased) => (TaskStanding::Partial, Some(erased), None),
            TaskReport::Unsupported => (TaskStanding::Unsupported, None, None),
            TaskReport::Failed(failure) => (TaskStanding::Failed, None, Some(failure.message.clone())),
        };
        Self {
            source: erasure.source.clone(),
            data_type: erasure.data_type.clone(),
            outcome: standing.as_str().to_owned(),
            records: erased.map_or(0, |erased| erased.records),
            kept: kept(erased, erasure.not_erased),
            failure,
            next_attempt_at: None,
        }
    }
}

/// Why records stay in a type without a rule for erasures, in a preview.
const NOT_ERASED: &str = "not erased by the source";

fn kept(erased: Option<&Erased>, not_erased: Option<u64>) -> Vec<KeptRecordsView> {
    let kept = erased.map(|erased| erased.kept.iter().map(Into::into).collect()).unwrap_or_default();
    let not_erased = not_erased.filter(|records| *records > 0);
    match not_erased {
        Some(records) => vec![KeptRecordsView { reason: NOT_ERASED.to_owned(), records }],
        None => kept,
    }
}

/// What came of applying past erasures again, or would come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ReapplicationView {
    /// Whether nothing was erased.
    pub dry_run: bool,
    /// How many past erasures there are.
    pub erasures: u64,
    /// What was found of whom; empty if nobody has come back.
    pub found: Vec<ReappliedView>,
    /// The erasures that could not be applied.
    pub unapplied: Vec<UnappliedView>,
}

/// What was found of a person in a data type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ReappliedView {
    /// The request that asked for the erasure; null if the type could not be searched for any.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = Uuid))]
    pub request: Option<SubjectRequestId>,
    /// What became of it.
    #[serde(flatten)]
    pub erasure: SubjectErasureView,
}

impl From<&ReappliedType> for ReappliedView {
    fn from(found: &ReappliedType) -> Self {
        Self { request: found.request, erasure: (&found.erasure).into() }
    }
}

/// A past erasure that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct UnappliedView {
    /// The request, or the file of the ledger.
    pub what: String,
    /// Why, and what to do about it.
    pub why: String,
}

impl ReapplicationView {
    /// Returns the view of what was done.
    pub fn new(done: &Reapplication, dry_run: bool) -> Self {
        let unapplied = done.unapplied.iter();
        let unapplied = unapplied.map(|one| UnappliedView { what: one.what.clone(), why: one.why.clone() });
        Self {
            dry_run,
            erasures: done.erasures,
            found: done.types.iter().map(Into::into).collect(),
            unapplied: unapplied.collect(),
        }
    }
}

/// A step that somebody took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RequestStepView {
    /// When.
    pub at: Instant,
    /// Who.
    pub by: String,
}

impl From<&RequestStep> for RequestStepView {
    fn from(step: &RequestStep) -> Self {
        Self { at: Instant(step.at), by: step.by.to_string() }
    }
}

/// What stays of an identifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct HashedIdentifierView {
    /// The kind: `phone`, `email`, or another name.
    pub kind: String,
    /// The name of the key, a colon, and HMAC-SHA-256 as 64 lower-case hexadecimal digits.
    pub hash: String,
}

impl SubjectRequestView {
    /// Returns the view of a request at an instant.
    pub fn new(request: &SubjectRequest, now: DateTime<Utc>) -> Self {
        let (evidence, verified) = request.verified.as_ref().map(|(one, step)| (one, step)).unzip();
        let (ended, reason) = request.ended().unzip();
        let parts: Vec<String> = request.scope.parts().iter().map(ToString::to_string).collect();
        let hashed = request
            .identifiers
            .iter()
            .map(|one| HashedIdentifierView { kind: one.kind.to_string(), hash: one.hash.to_string() });
        Self {
            id: request.id,
            kind: request.kind.as_str().to_owned(),
            state: request.status().as_str().to_owned(),
            due_at: Instant(request.due_at),
            due: request.due(now).map(|due| due.as_str().to_owned()),
            chosen: if parts.is_empty() { Selection::All } else { Selection::Only(parts) },
            identifiers_hashed: hashed.collect(),
            received: (&request.received).into(),
            verified: verified.map(Into::into),
            evidence_who: evidence.map(|evidence| evidence.who.to_string()),
            evidence_how: evidence.map(|evidence| evidence.how.to_string()),
            approved: request.approved.as_ref().map(Into::into),
            extended: request.extended.as_ref().map(Into::into),
            ended: ended.map(Into::into),
            reason: reason.flatten().map(ToString::to_string),
            done_at: request.done_at().map(Instant),
            handover: request.handover.as_ref().map(ToString::to_string),
            handed_over_at: request.handed_over.map(|handed| Instant(handed.at)),
            export: None,
            erasures: None,
            missing_key: None,
            version: request.version,
        }
    }

    /// Adds the latest execution that makes the copy.
    #[must_use]
    pub fn with_export(self, latest: Option<&LatestExecution>) -> Self {
        Self { export: latest.map(Into::into), ..self }
    }

    /// Adds how its erasure stands, and the key that this service does not have.
    #[must_use]
    pub fn with_erasures(self, tasks: &[SubjectTask], missing_key: Option<&SubjectKeyId>) -> Self {
        let erasures = tasks.iter().map(Into::into).collect();
        Self { erasures: Some(erasures), missing_key: missing_key.map(ToString::to_string), ..self }
    }

    /// Returns the types that are answered, and still hold records about the person, or may: `crm/note`. Empty in lists.
    pub fn not_erased(&self) -> Vec<String> {
        let stays = |one: &&SubjectErasureView| {
            let standing = TaskStanding::parse(&one.outcome);
            matches!(standing, Some(TaskStanding::Unsupported | TaskStanding::Partial))
        };
        let stay = self.erasures.iter().flatten().filter(stays);
        stay.map(|one| format!("{}/{}", one.source, one.data_type)).collect()
    }

    /// How near the due date is, as a warning: empty for a request that has ended, or that is not near it.
    pub fn due_words(&self) -> &'static str {
        match self.due.as_deref() {
            Some(due) if due == Due::Passed.as_str() => "overdue",
            Some(due) if due == Due::Near.as_str() => "due soon",
            _ => "",
        }
    }
}
