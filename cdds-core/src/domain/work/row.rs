//! Rules N4, N5: the state of one piece of work, from the transaction that stores it until it is done or given
//! up.
//!
//! Every transition is a function of the row, a command and an instant. A catalog loads a row, calls the
//! function and stores the result in the same transaction.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use super::Fence;
use super::lease::{Hold, Lease};
use super::retry::WorkRetry;
use crate::domain::execution::failure::FailureKind;
use crate::domain::id::{Owner, WorkerId};

/// One piece of work, which one worker at a time holds (rule N4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkRow<Id> {
    /// Identifies the work. It is derived from the purpose of the work, so it cannot be stored twice.
    pub id: Id,
    /// To whom it belongs.
    pub owner: Owner,
    /// Counts claims, starting at 1; 0 before the first. A worker that holds an older epoch cannot settle
    /// anything.
    pub epoch: u64,
    /// The attempts since the work was stored or last asked for again.
    pub attempts: WorkAttempts,
    /// The present state.
    pub state: WorkState,
}

/// The attempts at a piece of work.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkAttempts {
    /// The number of claims.
    pub count: u32,
    /// When the first attempt began.
    pub first_at: Option<DateTime<Utc>>,
    /// When the last attempt began.
    pub last_at: Option<DateTime<Utc>>,
    /// Why the last failed attempt failed.
    pub failure: Option<WorkFailure>,
}

/// The state of a piece of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkState {
    /// It waits for a worker.
    Waiting {
        /// The earliest instant at which a worker may take it.
        next_attempt_at: DateTime<Utc>,
    },
    /// A worker has it.
    Held {
        /// The worker.
        worker: WorkerId,
        /// The worker's lease.
        lease: Lease,
    },
    /// It is done.
    Done {
        /// When it was done.
        at: DateTime<Utc>,
    },
    /// It is not tried again, unless somebody asks for it.
    GivenUp {
        /// Why.
        reason: GivenUp,
        /// When it was given up.
        at: DateTime<Utc>,
    },
}

/// The state of a piece of work without its details, for filters and lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkStatus {
    /// [`WorkState::Waiting`].
    Waiting,
    /// [`WorkState::Held`].
    Held,
    /// [`WorkState::Done`].
    Done,
    /// [`WorkState::GivenUp`].
    GivenUp,
}

impl WorkStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Held, Self::Done, Self::GivenUp];

    /// Returns the status as it is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Done => "done",
            Self::GivenUp => "given_up",
        }
    }

    /// Returns the status with this name, or `None` if there is no such status.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Why a piece of work was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GivenUp {
    /// An attempt failed in a way that a repetition would meet again.
    Refused,
    /// It was tried for as long as its [`WorkRetry`] allows.
    Exhausted,
    /// The thing that it is about has expired or was deleted.
    Gone,
}

impl GivenUp {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Refused, Self::Exhausted, Self::Gone];

    /// Returns the reason as it is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Exhausted => "exhausted",
            Self::Gone => "gone",
        }
    }

    /// Returns the reason with this name, or `None` if there is no such reason.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// Why an attempt failed. Its message names things, never the contents of records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkFailure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// What failed, why, and what to do about it, for people.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
}

impl WorkFailure {
    /// Creates a failure of any kind.
    pub fn new(kind: FailureKind, message: impl Into<String>, retryable: bool) -> Self {
        Self { kind, message: message.into(), retryable }
    }

    /// Creates a failure that another attempt may not meet: the other side could not be reached.
    pub fn temporary(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Unavailable, message, true)
    }

    /// Creates a failure that every attempt would meet: the other side refused.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, message, false)
    }

    /// Creates the failure of an attempt whose worker has ended, or whose lease ran out.
    pub fn crashed() -> Self {
        Self::new(FailureKind::Crashed, "the worker has ended, or did not report in time", true)
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkOutcome {
    /// The work is done.
    Done,
    /// The attempt failed.
    Failed {
        /// The failure.
        failure: WorkFailure,
        /// Decides whether and when it is tried again.
        retry: WorkRetry,
    },
    /// Nothing is left to do: the thing that the work is about is gone, or no more what it was.
    Gone,
}

/// The claim no longer holds, or never did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("claim {epoch} of work {id} has ended: another worker may have it, or it is settled")]
pub struct LostClaim {
    /// The work.
    pub id: Uuid,
    /// The epoch of the claim.
    pub epoch: u64,
}

/// The work cannot be asked for again in its present state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAgain {
    /// It waits for its next attempt.
    #[error("it is tried next at {}", next_attempt_at.to_rfc3339_opts(SecondsFormat::Secs, true))]
    Waiting {
        /// The earliest instant of that attempt.
        next_attempt_at: DateTime<Utc>,
    },
    /// A worker is trying it now.
    #[error("it is being tried now")]
    Held,
    /// The thing that it is about is gone.
    #[error("the thing that it is about is gone")]
    Gone,
}

impl<Id: Copy + Into<Uuid>> WorkRow<Id> {
    /// Creates work that may be taken at once.
    pub fn new(id: Id, owner: Owner, now: DateTime<Utc>) -> Self {
        let state = WorkState::Waiting { next_attempt_at: now };
        Self { id, owner, epoch: 0, attempts: WorkAttempts::default(), state }
    }

    /// Returns the state without its details.
    pub fn status(&self) -> WorkStatus {
        match self.state {
            WorkState::Waiting { .. } => WorkStatus::Waiting,
            WorkState::Held { .. } => WorkStatus::Held,
            WorkState::Done { .. } => WorkStatus::Done,
            WorkState::GivenUp { .. } => WorkStatus::GivenUp,
        }
    }

    /// Returns the fence of the latest claim.
    pub fn fence(&self) -> Fence<Id> {
        Fence { id: self.id, epoch: self.epoch }
    }

    /// Hands the work to a worker. Returns `None` if it does not wait, or not yet.
    #[must_use]
    pub fn taken(mut self, worker: WorkerId, now: DateTime<Utc>, lease: Duration) -> Option<Self> {
        match self.state {
            WorkState::Waiting { next_attempt_at } if next_attempt_at <= now => {}
            _ => return None,
        }
        self.epoch += 1;
        self.attempts.count = self.attempts.count.saturating_add(1);
        self.attempts.first_at = self.attempts.first_at.or(Some(now));
        self.attempts.last_at = Some(now);
        self.state = WorkState::Held { worker, lease: Lease::taken(now, lease) };
        Some(self)
    }

    /// Renews the lease of a claim.
    ///
    /// # Errors
    /// [`LostClaim`] if the claim does not hold.
    pub fn beaten(mut self, epoch: u64, now: DateTime<Utc>, length: Duration) -> Result<Self, LostClaim> {
        match &mut self.state {
            WorkState::Held { lease, .. } if self.epoch == epoch => *lease = Lease::taken(now, length),
            _ => return Err(self.lost(epoch)),
        }
        Ok(self)
    }

    /// Ends the attempt of a claim. A claim whose lease has run out may still be settled, as long as nobody
    /// has taken the work over. Reporting the same claim as done again changes nothing.
    ///
    /// # Errors
    /// [`LostClaim`] if the claim does not hold.
    pub fn settled(
        mut self,
        epoch: u64,
        outcome: &WorkOutcome,
        now: DateTime<Utc>,
    ) -> Result<Self, LostClaim> {
        match (&self.state, outcome) {
            (WorkState::Held { .. }, _) if self.epoch == epoch => {}
            (WorkState::Done { .. }, WorkOutcome::Done) if self.epoch == epoch => return Ok(self),
            _ => return Err(self.lost(epoch)),
        }
        match outcome {
            WorkOutcome::Done => {
                self.state = WorkState::Done { at: now };
                Ok(self)
            }
            WorkOutcome::Failed { failure, retry } => Ok(self.after(failure.clone(), retry, now)),
            WorkOutcome::Gone => {
                self.state = WorkState::GivenUp { reason: GivenUp::Gone, at: now };
                Ok(self)
            }
        }
    }

    /// Takes the work from a worker whose lease has run out, which counts as a failed attempt. Returns `None`
    /// if nobody holds the work, or if the lease holds.
    #[must_use]
    pub fn abandoned(self, retry: &WorkRetry, now: DateTime<Utc>) -> Option<Self> {
        let WorkState::Held { lease, .. } = &self.state else { return None };
        let hold = Hold { worker_is_dead: false, is_held_by_asker: false, lease: Some(*lease) };
        hold.is_abandoned(now).then(|| self.after(WorkFailure::crashed(), retry, now))
    }

    /// Takes the work from a worker whose process has ended, whatever its lease says, which counts as a failed attempt:
    /// for catalogs that see processes. Returns `None` if nobody holds the work.
    #[must_use]
    pub fn orphaned(self, retry: &WorkRetry, now: DateTime<Utc>) -> Option<Self> {
        let WorkState::Held { lease, .. } = &self.state else { return None };
        let hold = Hold { worker_is_dead: true, is_held_by_asker: false, lease: Some(*lease) };
        hold.is_abandoned(now).then(|| self.after(WorkFailure::crashed(), retry, now))
    }

    /// Starts over with work that is done or was given up, because somebody asks for it. Its id stays, and epochs go
    /// on counting.
    ///
    /// # Errors
    /// [`NotAgain`] if it waits or is held, or if the thing that it is about is gone.
    pub fn asked_again(self, now: DateTime<Utc>) -> Result<Self, NotAgain> {
        match self.state {
            WorkState::Waiting { next_attempt_at } => Err(NotAgain::Waiting { next_attempt_at }),
            _ => self.over_again(now),
        }
    }

    /// Starts over with work that was given up or is done, or that waits for its next attempt, because somebody asks
    /// for it. Epochs go on counting, so no earlier claim holds again.
    ///
    /// # Errors
    /// [`NotAgain::Held`] if a worker holds it; [`NotAgain::Gone`] if the thing that it is about is gone.
    pub fn over_again(mut self, now: DateTime<Utc>) -> Result<Self, NotAgain> {
        match self.state {
            WorkState::Held { .. } => return Err(NotAgain::Held),
            WorkState::GivenUp { reason: GivenUp::Gone, .. } => return Err(NotAgain::Gone),
            WorkState::Waiting { .. } | WorkState::Done { .. } | WorkState::GivenUp { .. } => {}
        }
        self.attempts = WorkAttempts::default();
        self.state = WorkState::Waiting { next_attempt_at: now };
        Ok(self)
    }

    /// Gives up work because the thing that it is about is gone. Work that is done stays done. A worker that
    /// holds it loses its claim.
    #[must_use]
    pub fn cancelled(mut self, now: DateTime<Utc>) -> Self {
        let is_over =
            matches!(self.state, WorkState::Done { .. } | WorkState::GivenUp { reason: GivenUp::Gone, .. });
        if !is_over {
            self.state = WorkState::GivenUp { reason: GivenUp::Gone, at: now };
        }
        self
    }

    fn after(mut self, failure: WorkFailure, retry: &WorkRetry, now: DateTime<Utc>) -> Self {
        let next = retry.next(self.id.into(), &self.attempts, now).filter(|_| failure.retryable);
        self.state = match next {
            Some(next_attempt_at) => WorkState::Waiting { next_attempt_at },
            None if failure.retryable => WorkState::GivenUp { reason: GivenUp::Exhausted, at: now },
            None => WorkState::GivenUp { reason: GivenUp::Refused, at: now },
        };
        self.attempts.failure = Some(failure);
        self
    }

    fn lost(&self, epoch: u64) -> LostClaim {
        LostClaim { id: self.id.into(), epoch }
    }
}
