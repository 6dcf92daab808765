//! How an attempt ends, and what people may do to an execution (rules E5, E8).

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Execution, ExecutionState, SkipReason};
use crate::domain::execution::failure::Failure;
use crate::domain::execution::progress::Progress;
use crate::domain::execution::retry::{AfterFailure, RetryPolicy};
use crate::domain::id::ExecutionId;
use crate::domain::violation::{Code, RuleViolation};

/// A person cancelled the execution before its set was published, and the cancellation was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cancellation of execution {execution} was accepted at {}, before its set was published, so it ends as cancelled",
    since.to_rfc3339_opts(SecondsFormat::AutoSi, true)
)]
pub struct StopRequested {
    /// The cancelled execution.
    pub execution: ExecutionId,
    /// When the cancellation was accepted.
    pub since: DateTime<Utc>,
}

impl Execution {
    /// Ends the running attempt as failed (rule E5). The job's retry policy, or the engine's if the job has
    /// none, decides whether the execution is queued again or given up. A cancelled execution is not tried
    /// again (rule E8).
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

    /// Hands the execution back because its worker shuts down in good order. It is queued again at once, and
    /// the attempt does not count. It stays on the record, since it may have stored files (rule E16).
    #[must_use]
    pub fn released(mut self, now: DateTime<Utc>) -> Self {
        if self.cancel_requested_at.is_some() {
            return self.cancelled(now);
        }
        self.end_attempt(None, now);
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.released = true;
        }
        self.state = ExecutionState::Queued;
        self.not_before = now;
        self.progress = Progress::default();
        self
    }

    /// Ends the execution as cancelled (rule E8).
    #[must_use]
    pub fn cancelled(mut self, now: DateTime<Utc>) -> Self {
        self.end_attempt(None, now);
        self.end(ExecutionState::Cancelled, now)
    }

    /// Ends the execution as succeeded if its set may be published now. Call this in the transaction that
    /// publishes: a cancellation that was accepted earlier wins, and a later one finds an execution that has
    /// ended (rule E8).
    ///
    /// # Errors
    /// [`StopRequested`] if a cancellation was accepted. Nothing may be published then.
    pub fn published(self, progress: Progress, now: DateTime<Utc>) -> Result<Self, StopRequested> {
        match self.cancel_requested_at {
            Some(since) => Err(StopRequested { execution: self.id, since }),
            None => Ok(self.succeeded(progress, now)),
        }
    }

    /// Ends the execution as succeeded, since its artifact set is published.
    #[must_use]
    pub fn succeeded(mut self, progress: Progress, now: DateTime<Utc>) -> Self {
        self.end_attempt(None, now);
        self.progress = progress.complete();
        self.end(ExecutionState::Succeeded, now)
    }

    /// Ends a queued occurrence as skipped.
    #[must_use]
    pub fn superseded(self, reason: SkipReason, now: DateTime<Utc>) -> Self {
        self.end(ExecutionState::Skipped(reason), now)
    }

    /// Cancels the execution on a person's request (rule E8). A queued one ends at once. For a running one
    /// the request is recorded for its worker. Asking twice changes nothing.
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
                    "execution {} has ended ({}) and cannot be cancelled: any artifacts that it published \
                     can be deleted",
                    self.id,
                    self.status().as_str()
                ),
            )),
        }
    }

    /// Like [`cancel`](Execution::cancel), for an execution whose worker is gone: nobody would see the
    /// request, so it ends at once (rule E8). The claim is given up, and a worker that comes back is fenced off.
    ///
    /// # Errors
    /// [`Code::ExecutionEnded`] if it has ended already.
    pub fn cancel_abandoned(self, now: DateTime<Utc>) -> Result<Self, RuleViolation> {
        let mut asked = self.cancel(now)?;
        if !asked.is_open() {
            return Ok(asked);
        }
        asked.end_attempt(Some(Failure::crashed()), now);
        Ok(asked.end(ExecutionState::Cancelled, now))
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
