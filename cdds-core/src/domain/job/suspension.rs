//! Rules J7 to J9, E5: why a suspended job starts nothing.
//!
//! The state alone does not say it: a one-time job that only waits for a worker is stored as suspended, too.

use chrono::{DateTime, Utc};

use crate::domain::execution::Status;
use crate::domain::job::{Job, JobState};

/// Why a job is suspended, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Suspension {
    /// Why.
    pub reason: SuspensionReason,
    /// Since when. `None` if nobody and nothing suspended it: a one-time job is stored so (rule J8).
    pub since: Option<DateTime<Utc>>,
}

/// Why a job is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SuspensionReason {
    /// It is a one-time job whose execution waits for a worker, and starts by itself (rule J8).
    AwaitsStart,
    /// It is a one-time job whose execution was ended before any worker began it.
    NeverStarted,
    /// Too many executions failed in a row (rule E5).
    Failures,
    /// A person suspended it (rule J7).
    Person,
}

impl SuspensionReason {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::AwaitsStart, Self::NeverStarted, Self::Failures, Self::Person];

    /// Returns the reason as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwaitsStart => "awaits_start",
            Self::NeverStarted => "never_started",
            Self::Failures => "failures",
            Self::Person => "person",
        }
    }

    /// Returns the reason with this name, or `None` if there is no such reason.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl Job {
    /// Returns why the job is suspended, or `None` if it is not. `latest` is the status of the running execution, or else
    /// of the newest one that was not skipped.
    ///
    /// The record does not keep who suspended a job. A person's suspension counts as a change of that instant, one by
    /// failures does not. If the job was edited after it was suspended, the failures in a row decide.
    pub fn suspension(&self, latest: Option<Status>) -> Option<Suspension> {
        if self.state != JobState::Suspended {
            return None;
        }
        let Some(since) = self.suspended_at else {
            let awaits = latest == Some(Status::Queued);
            let reason = if awaits { SuspensionReason::AwaitsStart } else { SuspensionReason::NeverStarted };
            return Some(Suspension { reason, since: None });
        };
        let limit = self.settings.policies.pause_after_failures;
        let is_over = limit.is_some_and(|limit| self.failures_in_row >= limit.get());
        let by_failures =
            self.failures_in_row > 0 && (self.updated_at < since || (self.updated_at > since && is_over));
        let reason = if by_failures { SuspensionReason::Failures } else { SuspensionReason::Person };
        Some(Suspension { reason, since: Some(since) })
    }

    /// Whether a waiting execution of the job is its only one, which starts by itself although the job is suspended (rule
    /// J8).
    pub(crate) fn may_await_start(&self) -> bool {
        self.state == JobState::Suspended && self.suspended_at.is_none()
    }
}
