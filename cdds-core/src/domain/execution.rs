//! Section E: one run of a job for one slot, over one frozen window.

pub mod ahead;
mod begin;
pub mod completeness;
pub mod failure;
pub mod manual;
pub(crate) mod plan;
pub mod progress;
pub mod queue;
mod recovery;
pub mod retry;
pub mod schedule;
mod skip;
pub mod standing;
mod transition;
pub mod watermark;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::calendar::window::Window;
use crate::domain::execution::completeness::Completeness;
use crate::domain::execution::failure::Failure;
use crate::domain::execution::progress::Progress;
use crate::domain::id::{ExecutionId, JobId, Owner, WorkerId};
use crate::domain::job::JobSettings;
use crate::domain::work::{Fence, Nonce, Writer};

pub use self::begin::Beginning;
pub use self::skip::SkipReason;
pub use self::transition::StopRequested;

/// One run of a job for one slot (rule E1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// The execution's identifier. It is derived from the purpose of the execution, so an occurrence cannot
    /// be put on the record twice (invariant I5).
    pub id: ExecutionId,
    /// The job that it is a run of.
    pub job_id: JobId,
    /// The owner of the job.
    pub owner: Owner,
    /// Why the execution exists.
    pub trigger: Trigger,
    /// The instant at which the occurrence was due.
    pub slot: DateTime<Utc>,
    /// The stretch of time that it exports, frozen (rule W1). The start of an incremental window is open
    /// until the first claim (rule W4): see [`has_open_start`](Execution::has_open_start). The end may become
    /// earlier until a worker has asked the source (rule W3b): see [`is_frozen`](Execution::is_frozen).
    pub window: Window,
    /// The generation of the watermark that a success of this execution moves (rules W4, J11). `None` if it
    /// moves none.
    pub generation: Option<u64>,
    /// The job's settings as of the last edit before the first claim, or of the creation if there was none.
    /// Later edits do not count for this execution (rule J10).
    pub settings: JobSettings,
    /// The present state.
    pub state: ExecutionState,
    /// Counts claims, starting at 1; 0 before the first. A worker that holds an older epoch cannot publish
    /// anything.
    pub epoch: u64,
    /// One entry per claim, oldest first, including those that a worker [released](Execution::released). Lists
    /// every claim that may have stored files (rule E16).
    pub attempts: Vec<Attempt>,
    /// Orders waiting executions (rules E2, W6): the slot for scheduled work, the instant of the request for
    /// other work.
    pub queue_at: DateTime<Utc>,
    /// The earliest instant at which a worker may claim it.
    pub not_before: DateTime<Utc>,
    /// When it was put on the record.
    pub created_at: DateTime<Utc>,
    /// When the first attempt started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it reached its final state.
    pub finished_at: Option<DateTime<Utc>>,
    /// When a person asked for it to be cancelled while it was running (rule E8).
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// How far the execution has come (rule E7).
    pub progress: Progress,
    /// What it knows about its source, and how long it has waited for it (rule W3b).
    pub completeness: Completeness,
}

/// Why an execution exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The frequency, or the submission of the job, asked for it (rules J8, J17).
    Scheduled,
    /// A person asked for an extra occurrence (rule J13).
    Manual,
    /// A person asked for another try after a failure or a cancellation (rule W5).
    Rerun {
        /// The execution that is run again.
        of: ExecutionId,
        /// Whether that execution goes back to a backfill, which moves no watermark.
        of_backfill: bool,
    },
    /// A person asked for the occurrences of a range (rule W6).
    Backfill,
}

impl Trigger {
    /// Returns the trigger as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Manual => "manual",
            Self::Rerun { .. } => "rerun",
            Self::Backfill => "backfill",
        }
    }

    /// Whether the execution goes back to a backfill (rule W6).
    pub fn is_backfill(self) -> bool {
        matches!(self, Self::Backfill | Self::Rerun { of_backfill: true, .. })
    }
}

/// The state of an execution (rule E1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionState {
    /// It waits for a worker.
    Queued,
    /// A worker runs it.
    Running,
    /// Its artifact set is published.
    Succeeded,
    /// It failed and is not tried again.
    Failed(Failure),
    /// A person cancelled it.
    Cancelled,
    /// It is not run. The reason is on the record.
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
    /// [`ExecutionState::Succeeded`], without records that could not be read (rule E10), or before the source
    /// was complete (rule W3b).
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

    /// Returns the status as it is stored and printed.
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

    /// Returns the status with this name, or `None` if there is no such status.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether the execution can still change.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::InProgress)
    }
}

/// One claim of an execution by a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The fencing epoch of the claim.
    pub epoch: u64,
    /// The nonce in the keys of what it stores (rule E16). `None` for claims of versions that knew no nonces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// The worker that claimed it.
    pub worker: WorkerId,
    /// When the attempt started.
    pub started_at: DateTime<Utc>,
    /// When the attempt ended. `None` while it runs.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why the attempt ended without success, if it did.
    pub failure: Option<Failure>,
    /// Whether its worker handed the execution back in good order. Such an attempt does not count (rule E5).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
}

impl Attempt {
    /// Returns what a deleted execution keeps of the attempt: the claim, whose files may still appear in the
    /// store (rules E9, E16). The failure and the worker's name go, since they may hold personal data.
    #[must_use]
    pub fn erased(self) -> Self {
        Self { worker: WorkerId::unknown(), failure: None, ..self }
    }
}

impl Execution {
    /// Returns the state without its details.
    pub fn status(&self) -> Status {
        match self.state {
            ExecutionState::Queued => Status::Queued,
            ExecutionState::Running => Status::InProgress,
            ExecutionState::Succeeded if self.progress.rejected > 0 || self.incomplete_from().is_some() => {
                Status::FinishedWithErrors
            }
            ExecutionState::Succeeded => Status::Finished,
            ExecutionState::Failed(_) => Status::Failed,
            ExecutionState::Cancelled => Status::Cancelled,
            ExecutionState::Skipped(_) => Status::Skipped,
        }
    }

    /// Returns how many attempts count: one per claim, except those that a worker
    /// [released](Execution::released) or that found an [incomplete source](Execution::freeze).
    pub fn attempt_count(&self) -> u32 {
        u32::try_from(self.counted_attempts().count()).unwrap_or(u32::MAX)
    }

    /// Returns the attempts that count, oldest first.
    pub fn counted_attempts(&self) -> impl DoubleEndedIterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| !attempt.released)
    }

    /// Returns why the last attempt that counts has failed, if it has.
    pub fn last_failure(&self) -> Option<&Failure> {
        self.counted_attempts().next_back()?.failure.as_ref()
    }

    /// Whether the record lists this claim (rule E16).
    pub fn lists(&self, writer: &Writer) -> bool {
        writer.fence.id == self.id && standing::lists(self.epoch, &self.attempts, writer)
    }

    /// Returns when a claim was given up because its worker was gone (rule E17).
    pub fn given_up_at(&self, writer: &Writer) -> Option<DateTime<Utc>> {
        standing::given_up_at(&self.attempts, writer)
    }

    /// Returns the latest claim.
    pub fn fence(&self) -> Fence {
        Fence { id: self.id, epoch: self.epoch }
    }

    /// Returns the latest claim as the keys of its files name it (rule E16).
    pub fn writer(&self) -> Writer {
        let last = self.attempts.last();
        let epoch = last.map_or(self.epoch, |attempt| attempt.epoch);
        let nonce = last.and_then(|attempt| attempt.nonce);
        Writer { fence: Fence { id: self.id, epoch }, nonce }
    }

    /// Whether it can still change.
    pub fn is_open(&self) -> bool {
        self.status().is_open()
    }

    /// Whether a worker ever claimed it. An execution that has begun keeps the start of its window and its
    /// settings to its end, and no other execution of its job begins before that (rule E2).
    pub fn is_begun(&self) -> bool {
        self.epoch > 0
    }

    /// Whether it waits for its first claim.
    pub fn is_waiting(&self) -> bool {
        self.state == ExecutionState::Queued && !self.is_begun()
    }

    /// Whether the start of its window is still open: it is incremental and was never begun (rule W4).
    pub fn has_open_start(&self) -> bool {
        self.generation.is_some() && !self.is_begun()
    }
}
