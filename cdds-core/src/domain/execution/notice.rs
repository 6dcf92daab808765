//! Rule N2: what the people behind a job are to hear of its executions.

use chrono::{DateTime, Utc};

use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::{ExecutionId, JobId, Owner};

/// Word of an execution that has ended; each execution gives at most one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Of which execution; names the notice, too.
    pub execution_id: ExecutionId,
    /// Of which job.
    pub job_id: JobId,
    /// Whose job.
    pub owner: Owner,
    /// What there is to hear.
    pub kind: NoticeKind,
    /// When that happened.
    pub at: DateTime<Utc>,
}

/// What there is to hear of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Its artifacts can be downloaded.
    Published,
    /// It failed for good.
    Failed,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Published, Self::Failed];

    /// The kind as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Failed => "failed",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Notice {
    /// What there is to hear of `execution`, to be stored in the transaction that ends it; nothing of one that
    /// a person cancelled, that was skipped, or that has not ended.
    pub fn of(execution: &Execution) -> Option<Self> {
        let kind = match execution.state {
            ExecutionState::Succeeded => NoticeKind::Published,
            ExecutionState::Failed(_) => NoticeKind::Failed,
            ExecutionState::Queued
            | ExecutionState::Running
            | ExecutionState::Cancelled
            | ExecutionState::Skipped(_) => return None,
        };
        Some(Self {
            execution_id: execution.id,
            job_id: execution.job_id,
            owner: execution.owner.clone(),
            kind,
            at: execution.finished_at?,
        })
    }
}
