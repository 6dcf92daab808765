//! A delivery of a set to a destination, and how far it has come.

use cdds_core::domain::delivery::Delivery;
use cdds_core::domain::execution::Execution;
use cdds_core::domain::id::{DeliveryId, DestinationId, ExecutionId, JobId};
use cdds_core::domain::work::row::{WorkState, WorkStatus};
use cdds_core::ports::catalog::query::{ExecutionOverview, Page, Sort};
use serde::{Deserialize, Serialize};

use crate::instant::Instant;
use crate::page::PageView;
use crate::token::DeliveryColumn;
use crate::words;

/// Where the delivery of a set stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeliveryState {
    /// It waits for its first attempt, or for the next one.
    Pending,
    /// It is on its way.
    Running,
    /// Every file has arrived.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// Returns the name in the JSON form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Returns where all deliveries of a set stand together: what went wrong comes first, and it has arrived once it has
    /// arrived everywhere. `None` if there are none.
    pub fn of_all<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> Option<Self> {
        let weight = |state: &Self| match state {
            Self::Failed => 3,
            Self::Running => 2,
            Self::Pending => 1,
            Self::Delivered => 0,
        };
        deliveries.into_iter().map(|one| one.work.status().into()).max_by_key(weight)
    }
}

impl From<WorkStatus> for DeliveryState {
    fn from(status: WorkStatus) -> Self {
        match status {
            WorkStatus::Waiting => Self::Pending,
            WorkStatus::Held => Self::Running,
            WorkStatus::Done => Self::Delivered,
            WorkStatus::GivenUp => Self::Failed,
        }
    }
}

/// A delivery: the set of an execution on its way to a destination, and how far it has come (rules N1, N4 to N7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct DeliveryView {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: DeliveryId,
    /// The execution whose set it is.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub execution_id: ExecutionId,
    /// The job of that execution.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub job_id: JobId,
    /// Where it goes.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub destination: DestinationId,
    /// Where it stands.
    pub state: DeliveryState,
    /// The number of attempts.
    pub attempts: u32,
    /// The folder below the destination's own; empty for that itself.
    pub path: String,
    /// What is compared before a file has its final name: `size` or `digest`.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::Receipt))]
    pub receipt: String,
    /// The number of files that have arrived in the latest attempt.
    pub files: u32,
    /// Their bytes.
    pub bytes: u64,
    /// Why the last failed attempt failed, for people; null if none did.
    pub error: Option<String>,
    /// The earliest instant of the next attempt; null unless it waits.
    pub next_attempt_at: Option<Instant>,
    /// When it had arrived; null before.
    pub delivered_at: Option<Instant>,
    /// Why it was given up: `refused`, `exhausted` or `gone`; null unless it was.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::openapi::GivenUp>))]
    pub given_up: Option<String>,
}

impl DeliveryView {
    /// Returns the view of a delivery of this execution's set.
    pub fn new(delivery: Delivery, execution: &Execution) -> Self {
        let Delivery { work, execution_id, job_id, to, progress, .. } = delivery;
        let (next_attempt_at, delivered_at, given_up) = match work.state {
            WorkState::Waiting { next_attempt_at } => (Some(Instant(next_attempt_at)), None, None),
            WorkState::Held { .. } => (None, None, None),
            WorkState::Done { at } => (None, Some(Instant(at)), None),
            WorkState::GivenUp { reason, .. } => (None, None, Some(reason.as_str().to_owned())),
        };
        Self {
            id: work.id,
            execution_id,
            job_id,
            state: work.status().into(),
            attempts: work.attempts.count,
            path: to.path.folder(execution).as_str().to_owned(),
            receipt: to.receipt.to_string(),
            destination: to.destination,
            files: progress.files,
            bytes: progress.bytes,
            error: work.attempts.failure.map(|failure| failure.message),
            next_attempt_at,
            delivered_at,
            given_up,
        }
    }

    /// Returns the view of a page of deliveries, which have one order: those that were asked for last come first. Leaves
    /// out those whose execution is not among these, because it was deleted meanwhile.
    pub fn page(page: Page<Delivery>, executions: &[ExecutionOverview]) -> PageView<Self> {
        let view = |delivery: Delivery| {
            let of = executions.iter().find(|overview| overview.execution.id == delivery.execution_id)?;
            Some(Self::new(delivery, &of.execution))
        };
        let items: Vec<Self> = page.items.into_iter().filter_map(view).collect();
        let page = Page { items, total: page.total, next: page.next };
        PageView::new(page, Sort { column: DeliveryColumn::CreatedAt, descending: true }, |view| view)
    }

    /// `partner: delivered at 2026-01-01T00:00:00Z, in Calls/2026-01-01 (2 files, 1.20 MiB)`, with the message of a
    /// failure.
    pub fn words(&self) -> String {
        let Self { destination, state, .. } = self;
        let at = match (self.delivered_at, self.next_attempt_at) {
            (Some(at), _) => format!(" at {at}"),
            (None, Some(at)) => format!(" until {at}"),
            (None, None) => String::new(),
        };
        let folder = if self.path.is_empty() { "" } else { ", in " };
        let amount = match self.files {
            0 => String::new(),
            files => format!(" ({}, {})", words::counted(u64::from(files), "file"), words::bytes(self.bytes)),
        };
        let failed = match (&self.error, self.delivered_at) {
            (Some(error), None) => format!(": attempt {} failed: {error}", self.attempts),
            _ => String::new(),
        };
        format!("{destination}: {}{at}{folder}{}{amount}{failed}", state.as_str(), self.path)
    }
}
