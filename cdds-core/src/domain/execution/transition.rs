//! How an attempt ends, and what a person may do to an execution (rules E5, E8).

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Execution, ExecutionState, SkipReason};
use crate::domain::execution::failure::Failure;
use crate::domain::execution::progress::Progress;
use crate::domain::execution::retry::{AfterFailure, RetryPolicy};
use crate::domain::id::ExecutionId;
use crate::domain::violation::{Code, RuleViolation};

/// A person asked for an execution to be stopped before its set was published, and was told that it stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "execution {execution} was to be stopped at {}, before its set was published: it ends as cancelled",
    since.to_rfc3339_opts(SecondsFormat::AutoSi, true)
)]
pub struct StopRequested {
    /// Which execution.
    pub execution: ExecutionId,
    /// Since when it is to stop.
    pub since: DateTime<Utc>,
}

impl Execution {
    /// The running attempt failed: queued again or given up, as the job's policy decides, or the engine's
    /// where the job has none (rule E5). One that a person wants stopped is not tried again (rule E8).
    #[must_use]
    pub fn failed(mut self, failure: Failure, engine: &RetryPolicy, now: DateTime<Utc>) -> Self {
        let policy = self.settings.policies.retry(*engine);
        let next = policy.decide(self.id, self.attempt_count(), &failure, now);
        self.end_attempt(Some(failure.clone()), now);
        if self.cancel_requested_at.is_some() {
            return self.end(ExecutionState::Cancelled, now);
        }
        match next {
            AfterFailure::RetryAt(at) => {
                self.state = ExecutionState::Queued;
                self.not_before = at;
                self
            }
            AfterFailure::GiveUp => self.end(ExecutionState::Failed(failure), now),
        }
    }

    /// The worker stops in good order: queued again at once, and the attempt does not count.
    #[must_use]
    pub fn released(mut self, now: DateTime<Utc>) -> Self {
        if self.cancel_requested_at.is_some() {
            return self.cancelled(now);
        }
        self.attempts.pop();
        self.state = ExecutionState::Queued;
        self.not_before = now;
        self.progress = Progress::default();
        self
    }

    /// It was stopped because a person asked for it (rule E8).
    #[must_use]
    pub fn cancelled(mut self, now: DateTime<Utc>) -> Self {
        self.end_attempt(None, now);
        self.end(ExecutionState::Cancelled, now)
    }

    /// Its artifact set is to be published now. Whoever publishes decides this in the transaction that does: a
    /// cancel that was accepted before is kept, one that comes later finds an execution that has ended (rule E8).
    ///
    /// # Errors
    /// [`StopRequested`] if a person was told that it stops; then nothing may be published.
    pub fn published(self, progress: Progress, now: DateTime<Utc>) -> Result<Self, StopRequested> {
        match self.cancel_requested_at {
            Some(since) => Err(StopRequested { execution: self.id, since }),
            None => Ok(self.succeeded(progress, now)),
        }
    }

    /// Its artifact set is published.
    #[must_use]
    pub fn succeeded(mut self, progress: Progress, now: DateTime<Utc>) -> Self {
        self.end_attempt(None, now);
        self.progress = progress.complete();
        self.end(ExecutionState::Succeeded, now)
    }

    /// A queued occurrence that will not be run.
    #[must_use]
    pub fn superseded(self, reason: SkipReason, now: DateTime<Utc>) -> Self {
        self.end(ExecutionState::Skipped(reason), now)
    }

    /// A person wants it stopped (rule E8): at once if it waits, else its worker is told. Asking twice
    /// changes nothing.
    ///
    /// # Errors
    /// [`Code::ExecutionEnded`] if it has ended already.
    pub fn cancel(mut self, now: DateTime<Utc>) -> Result<Self, RuleViolation> {
        match self.state {
            ExecutionState::Queued => Ok(self.end(ExecutionState::Cancelled, now)),
            ExecutionState::Running => {
                self.cancel_requested_at = self.cancel_requested_at.or(Some(now));
                Ok(self)
            }
            _ => Err(RuleViolation::new(
                Code::ExecutionEnded,
                format!(
                    "execution {} has ended ({}) and cannot be cancelled: what it published can be deleted",
                    self.id,
                    self.status().as_str()
                ),
            )),
        }
    }

    /// Like [`cancel`](Execution::cancel), for one whose worker is gone: nobody is left to be told, so that it ends
    /// at once (rule E8). What it has stored is unwanted from then on, and a worker that comes back is fenced off.
    ///
    /// # Errors
    /// [`Code::ExecutionEnded`] if it has ended already.
    pub fn cancel_abandoned(self, now: DateTime<Utc>) -> Result<Self, RuleViolation> {
        let asked = self.cancel(now)?;
        Ok(if asked.is_open() { asked.cancelled(now) } else { asked })
    }

    fn end(mut self, state: ExecutionState, now: DateTime<Utc>) -> Self {
        self.state = state;
        self.finished_at = Some(now);
        self
    }

    fn end_attempt(&mut self, failure: Option<Failure>, now: DateTime<Utc>) {
        if let Some(attempt) = self.attempts.last_mut().filter(|attempt| attempt.ended_at.is_none()) {
            attempt.ended_at = Some(now);
            attempt.failure = failure;
        }
    }
}
