//! An execution with its log of attempts.

use cdds_core::domain::delivery::Delivery;
use cdds_core::domain::execution::Attempt;
use cdds_core::domain::execution::failure::{Failure, FailureKind, Step};
use cdds_core::domain::id::WorkerId;
use cdds_core::domain::notice::{Channel, Notice};
use cdds_core::ports::catalog::query::ExecutionOverview;
use serde::{Deserialize, Serialize};

use super::ExecutionView;
use crate::delivery::DeliveryView;
use crate::instant::Instant;
use crate::notice::NoticeView;

/// An execution with its log of attempts, its deliveries and its notices: the fields of [`ExecutionView`], and these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ExecutionDetailsView {
    /// The execution.
    #[serde(flatten)]
    pub execution: ExecutionView,
    /// Its attempts, oldest first, without those that a worker handed back.
    pub attempt_log: Vec<AttemptView>,
    /// The deliveries of its set, each to one destination (rule N1).
    #[serde(default)]
    pub deliveries: Vec<DeliveryView>,
    /// Who was told of it by e-mail or webhook, and of what (rule N2).
    #[serde(default)]
    pub notices: Vec<NoticeView>,
}

/// One attempt of a worker to carry out an execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct AttemptView {
    /// Counts the attempts, from 1.
    pub number: u64,
    /// The worker.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub worker: WorkerId,
    /// When it began.
    pub started_at: Instant,
    /// When it ended; null while it runs.
    pub ended_at: Option<Instant>,
    /// Why it ended without success; null if it succeeded or has not ended.
    pub error: Option<FailureView>,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct FailureView {
    /// The step that failed.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Step))]
    pub step: Step,
    /// The kind of failure, for programs.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::FailureKind))]
    pub kind: FailureKind,
    /// The reason and the way out, for people.
    pub message: String,
    /// Whether another attempt may help.
    pub retryable: bool,
}

impl From<&Failure> for FailureView {
    fn from(failure: &Failure) -> Self {
        let Failure { step, kind, message, retryable } = failure.clone();
        Self { step, kind, message, retryable }
    }
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> Self {
        Self {
            number: attempt.epoch,
            worker: attempt.worker.clone(),
            started_at: Instant(attempt.started_at),
            ended_at: attempt.ended_at.map(Instant),
            error: attempt.failure.as_ref().map(FailureView::from),
        }
    }
}

impl AttemptView {
    /// `1: 2026-01-01T00:00:00Z to now`, with the message of a failure.
    pub fn words(&self) -> String {
        let ended = self.ended_at.map_or_else(|| "now".to_owned(), |ended| ended.to_string());
        let error = self.error.as_ref().map_or_else(String::new, |error| format!(": {}", error.message));
        format!("{}: {} to {ended}{error}", self.number, self.started_at)
    }
}

impl ExecutionDetailsView {
    /// Returns the view with the deliveries of its set, and with the notices about it. Those to the host itself are left
    /// out: it takes them from the outbox.
    pub fn new(overview: ExecutionOverview, deliveries: Vec<Delivery>, notices: Vec<Notice>) -> Self {
        let execution = overview.execution.clone();
        let view = Self::from(overview);
        let told = notices.into_iter().filter(|notice| notice.channel != Channel::Host);
        Self {
            execution: view.execution.with_deliveries(&deliveries),
            deliveries: deliveries.into_iter().map(|one| DeliveryView::new(one, &execution)).collect(),
            notices: told.map(NoticeView::from).collect(),
            ..view
        }
    }
}

/// Without deliveries and notices, for which see [`new`](ExecutionDetailsView::new).
impl From<ExecutionOverview> for ExecutionDetailsView {
    fn from(overview: ExecutionOverview) -> Self {
        let attempt_log = overview.execution.counted_attempts().map(AttemptView::from).collect();
        Self { execution: overview.into(), attempt_log, deliveries: Vec::new(), notices: Vec::new() }
    }
}
