//! Section E: one run of a job for one slot, over one frozen window.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::failure::Failure;
use super::id::{ExecutionId, JobId, Owner, WorkerId};
use super::job::{Job, JobSettings};
use super::progress::Progress;
use super::retry::{AfterFailure, RetryPolicy};
use super::timeframe::Timeframe;
use super::window::Window;

/// One run of a job for one slot (rule E1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Which execution; derived from job, slot and trigger, so that an occurrence cannot be put on the
    /// record twice (invariant I5).
    pub id: ExecutionId,
    /// Of which job.
    pub job_id: JobId,
    /// Whose.
    pub owner: Owner,
    /// Why it exists.
    pub trigger: Trigger,
    /// The instant at which it was due.
    pub slot: DateTime<Utc>,
    /// What it exports, frozen (rule W1).
    pub window: Window,
    /// The job's settings when the execution was put on the record (rule J10).
    pub settings: JobSettings,
    /// Where it stands.
    pub state: ExecutionState,
    /// Counts claims, from 1; 0 before the first. What an older epoch does cannot be published.
    pub epoch: u64,
    /// One entry per claim, oldest first.
    pub attempts: Vec<Attempt>,
    /// Not to be claimed before this instant.
    pub not_before: DateTime<Utc>,
    /// When it was put on the record.
    pub created_at: DateTime<Utc>,
    /// When the first attempt started.
    pub started_at: Option<DateTime<Utc>>,
    /// When it reached its final state.
    pub finished_at: Option<DateTime<Utc>>,
    /// How far it is.
    pub progress: Progress,
}

/// Why an execution exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The frequency, or the submission of a one-time job.
    Scheduled,
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
    /// [`ExecutionState::Succeeded`].
    Finished,
    /// [`ExecutionState::Failed`].
    Failed,
    /// [`ExecutionState::Cancelled`].
    Cancelled,
    /// [`ExecutionState::Skipped`].
    Skipped,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::InProgress, Self::Finished, Self::Failed, Self::Cancelled, Self::Skipped];

    /// The status as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Finished => "finished",
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

/// Why an occurrence was not run. One entry may stand for a gap of several slots (rule E4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum SkipReason {
    /// A later occurrence covers it (rule E3).
    Coalesced {
        /// First slot of the gap.
        first: DateTime<Utc>,
        /// Last slot of the gap.
        last: DateTime<Utc>,
        /// How many slots.
        count: u64,
        /// The slot that covers them.
        into: DateTime<Utc>,
    },
    /// Missed for longer than the catch-up limit (rule E4).
    CatchUpLimit {
        /// First slot of the gap.
        first: DateTime<Utc>,
        /// Last slot of the gap.
        last: DateTime<Utc>,
        /// How many slots.
        count: u64,
    },
    /// The job was suspended before they started (rule J7).
    Suspended {
        /// First slot of the gap.
        first: DateTime<Utc>,
        /// Last slot of the gap.
        last: DateTime<Utc>,
        /// How many slots.
        count: u64,
    },
}

impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = |instant: &DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        match self {
            Self::Coalesced { first, last, count, into } => write!(
                f,
                "coalesced: {count} occurrence(s) from {} to {} are covered by the one at {}",
                at(first),
                at(last),
                at(into)
            ),
            Self::CatchUpLimit { first, last, count } => write!(
                f,
                "missed: {count} occurrence(s) from {} to {} lie beyond the catch-up limit",
                at(first),
                at(last)
            ),
            Self::Suspended { first, last, count } => write!(
                f,
                "suspended: {count} occurrence(s) from {} to {} had not started when the job was suspended",
                at(first),
                at(last)
            ),
        }
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
    /// A queued execution of `job` for `slot`, its window frozen (rule W1). Where the window ends at the
    /// slot, the work waits until rows that become visible late have done so (rule W4).
    pub fn scheduled(job: &Job, slot: DateTime<Utc>, settle_lag: TimeDelta, now: DateTime<Utc>) -> Self {
        let trigger = Trigger::Scheduled;
        let JobSettings { timeframe, frequency, .. } = &job.settings;
        // An incremental window gets its start when the execution is first claimed (rule W1).
        let window = timeframe.window(frequency, slot).unwrap_or_else(|| Window::until(slot));
        let settled_at = match timeframe {
            Timeframe::Rolling(_) | Timeframe::Previous(_) => {
                window.end().checked_add_signed(settle_lag).unwrap_or(now)
            }
            Timeframe::All | Timeframe::Fixed(_) | Timeframe::SinceLastExport { .. } => slot,
        };
        Self {
            id: execution_id(job.id, slot, trigger),
            job_id: job.id,
            owner: job.owner.clone(),
            trigger,
            slot,
            window,
            settings: job.settings.clone(),
            state: ExecutionState::Queued,
            epoch: 0,
            attempts: Vec::new(),
            not_before: settled_at,
            created_at: now,
            started_at: None,
            finished_at: None,
            progress: Progress::default(),
        }
    }

    /// An entry for one or more slots that are not run; its slot is the last of them.
    pub fn skipped(job: &Job, slot: DateTime<Utc>, reason: SkipReason, now: DateTime<Utc>) -> Self {
        Self {
            state: ExecutionState::Skipped(reason),
            finished_at: Some(now),
            ..Self::scheduled(job, slot, TimeDelta::zero(), now)
        }
    }

    /// The state without its details.
    pub fn status(&self) -> Status {
        match self.state {
            ExecutionState::Queued => Status::Queued,
            ExecutionState::Running => Status::InProgress,
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

    /// A worker takes it: a new epoch, a new attempt.
    #[must_use]
    pub fn claimed(mut self, worker: WorkerId, now: DateTime<Utc>) -> Self {
        self.epoch += 1;
        self.state = ExecutionState::Running;
        self.started_at = self.started_at.or(Some(now));
        self.progress = Progress::default();
        self.attempts.push(Attempt {
            epoch: self.epoch,
            worker,
            started_at: now,
            ended_at: None,
            failure: None,
        });
        self
    }

    /// The running attempt failed: queued again or given up, as the policy decides (rule E5).
    #[must_use]
    pub fn failed(mut self, failure: Failure, policy: &RetryPolicy, now: DateTime<Utc>) -> Self {
        let next = policy.decide(self.id, self.attempt_count(), &failure, now);
        self.end_attempt(Some(failure.clone()), now);
        match next {
            AfterFailure::RetryAt(at) => {
                self.state = ExecutionState::Queued;
                self.not_before = at;
            }
            AfterFailure::GiveUp => {
                self.state = ExecutionState::Failed(failure);
                self.finished_at = Some(now);
            }
        }
        self
    }

    /// The worker stops in good order: queued again at once, and the attempt does not count.
    #[must_use]
    pub fn released(mut self, now: DateTime<Utc>) -> Self {
        self.attempts.pop();
        self.state = ExecutionState::Queued;
        self.not_before = now;
        self.progress = Progress::default();
        self
    }

    /// A person stopped it (rule E8).
    #[must_use]
    pub fn cancelled(mut self, now: DateTime<Utc>) -> Self {
        self.end_attempt(None, now);
        self.state = ExecutionState::Cancelled;
        self.finished_at = Some(now);
        self
    }

    /// Its artifact set is published.
    #[must_use]
    pub fn succeeded(mut self, progress: Progress, now: DateTime<Utc>) -> Self {
        self.end_attempt(None, now);
        self.state = ExecutionState::Succeeded;
        self.progress = progress.complete();
        self.finished_at = Some(now);
        self
    }

    /// A queued occurrence that will not be run.
    #[must_use]
    pub fn superseded(mut self, reason: SkipReason, now: DateTime<Utc>) -> Self {
        self.state = ExecutionState::Skipped(reason);
        self.finished_at = Some(now);
        self
    }

    fn end_attempt(&mut self, failure: Option<Failure>, now: DateTime<Utc>) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.ended_at = Some(now);
            attempt.failure = failure;
        }
    }
}

/// The same occurrence always has the same id (invariant I5).
fn execution_id(job: JobId, slot: DateTime<Utc>, trigger: Trigger) -> ExecutionId {
    let trigger = match trigger {
        Trigger::Scheduled => "scheduled",
    };
    let name = format!("{trigger}/{}", slot.timestamp_micros());
    ExecutionId(Uuid::new_v5(&job.0, name.as_bytes()))
}
