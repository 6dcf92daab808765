//! Section E: one run of a job for one slot, over one frozen window.

pub mod ahead;
mod begin;
pub mod failure;
pub mod lease;
pub mod manual;
pub mod notice;
mod plan;
pub mod progress;
pub mod queue;
pub mod retry;
pub mod schedule;
mod skip;
mod transition;
pub mod watermark;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::calendar::window::Window;
use crate::domain::execution::failure::Failure;
use crate::domain::execution::progress::Progress;
use crate::domain::id::{ExecutionId, JobId, Owner, WorkerId};
use crate::domain::job::JobSettings;

pub use self::begin::Beginning;
pub use self::plan::SourceTerms;
pub use self::skip::SkipReason;
pub use self::transition::StopRequested;

/// One run of a job for one slot (rule E1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Which execution; derived from what it is for, so that an occurrence cannot be put on the record
    /// twice (invariant I5).
    pub id: ExecutionId,
    /// Of which job.
    pub job_id: JobId,
    /// Whose.
    pub owner: Owner,
    /// Why it exists.
    pub trigger: Trigger,
    /// The instant at which it was due.
    pub slot: DateTime<Utc>,
    /// What it exports, frozen (rule W1). The start of an incremental window is open until the first claim
    /// (rule W4): [`has_open_start`](Execution::has_open_start).
    pub window: Window,
    /// The generation of the watermark that its success moves (rules W4, J11); `None` if it moves none.
    pub generation: Option<u64>,
    /// The job's settings as they were when it was last free to take them on: until it is begun, an edit
    /// counts for it (rule J10).
    pub settings: JobSettings,
    /// Where it stands.
    pub state: ExecutionState,
    /// Counts claims, from 1; 0 before the first. What an older epoch does cannot be published.
    pub epoch: u64,
    /// One entry per claim, oldest first.
    pub attempts: Vec<Attempt>,
    /// Its place among what waits (rules E2, W6): the slot of scheduled work, the instant at which other
    /// work was asked for.
    pub queue_at: DateTime<Utc>,
    /// Not to be claimed before this instant.
    pub not_before: DateTime<Utc>,
    /// When it was put on the record.
    pub created_at: DateTime<Utc>,
    /// When the first attempt started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it reached its final state.
    pub finished_at: Option<DateTime<Utc>>,
    /// When a person asked for it to be stopped while it ran (rule E8).
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// How far it is.
    pub progress: Progress,
}

/// Why an execution exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The frequency, or the submission of a one-time job.
    Scheduled,
    /// A person asked for an extra occurrence (rule J13).
    Manual,
    /// A person asked for another try after a failure or a cancel (rule W5).
    Rerun {
        /// Of which execution.
        of: ExecutionId,
        /// Whether that one goes back to a backfill, which moves no watermark.
        of_backfill: bool,
    },
    /// A person asked for the occurrences of a range (rule W6).
    Backfill,
}

impl Trigger {
    /// The trigger as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
            Self::Rerun { .. } => "rerun",
            Self::Backfill => "backfill",
        }
    }

    /// Whether it goes back to a backfill (rule W6).
    pub fn is_backfill(self) -> bool {
        matches!(self, Self::Backfill | Self::Rerun { of_backfill: true, .. })
    }
}

/// Where an execution stands (rule E1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionState {
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Its artifact set is published.
    Succeeded,
    /// Given up.
    Failed(Failure),
    /// Stopped by a person.
    Cancelled,
    /// Not run, with the reason on the record.
    Skipped(SkipReason),
}

/// An execution's state without its details, for filters and lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// [`ExecutionState::Queued`].
    Queued,
    /// [`ExecutionState::Running`].
    InProgress,
    /// [`ExecutionState::Succeeded`], with every record.
    Finished,
    /// [`ExecutionState::Succeeded`], without records that could not be read (rule E10).
    FinishedWithErrors,
    /// [`ExecutionState::Failed`].
    Failed,
    /// [`ExecutionState::Cancelled`].
    Cancelled,
    /// [`ExecutionState::Skipped`].
    Skipped,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::InProgress,
        Self::Finished,
        Self::FinishedWithErrors,
        Self::Failed,
        Self::Cancelled,
        Self::Skipped,
    ];

    /// The status as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Finished => "finished",
            Self::FinishedWithErrors => "finished_with_errors",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// The status with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether it can still change.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::InProgress)
    }
}

/// One claim of an execution by a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The fencing epoch of the claim.
    pub epoch: u64,
    /// Who claimed it.
    pub worker: WorkerId,
    /// When.
    pub started_at: DateTime<Utc>,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why it ended without success.
    pub failure: Option<Failure>,
}

impl Execution {
    /// The state without its details.
    pub fn status(&self) -> Status {
        match self.state {
            ExecutionState::Queued => Status::Queued,
            ExecutionState::Running => Status::InProgress,
            ExecutionState::Succeeded if self.progress.rejected > 0 => Status::FinishedWithErrors,
            ExecutionState::Succeeded => Status::Finished,
            ExecutionState::Failed(_) => Status::Failed,
            ExecutionState::Cancelled => Status::Cancelled,
            ExecutionState::Skipped(_) => Status::Skipped,
        }
    }

    /// How often it was claimed.
    pub fn attempt_count(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// Whether it can still change.
    pub fn is_open(&self) -> bool {
        self.status().is_open()
    }

    /// Whether a worker ever had it. What was begun keeps its window and settings to its end, and nothing
    /// else of its job is begun before that (rule E2).
    pub fn is_begun(&self) -> bool {
        self.epoch > 0
    }

    /// Whether it waits for its first claim.
    pub fn is_waiting(&self) -> bool {
        self.state == ExecutionState::Queued && !self.is_begun()
    }

    /// Whether the start of its window is not decided yet: an incremental one that was never begun (W4).
    pub fn has_open_start(&self) -> bool {
        self.generation.is_some() && !self.is_begun()
    }
}
