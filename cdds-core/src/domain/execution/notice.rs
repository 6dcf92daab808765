//! Rule N2: notices to the people behind a job about its executions.

use chrono::{DateTime, Utc};

use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::{ExecutionId, JobId, Owner};

/// A notice about an execution that has ended. There is at most one per execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The execution, which also identifies the notice.
    pub execution_id: ExecutionId,
    /// The job of the execution.
    pub job_id: JobId,
    /// The owner of the job.
    pub owner: Owner,
    /// What happened to the execution.
    pub kind: NoticeKind,
    /// When the execution ended.
    pub at: DateTime<Utc>,
}

/// What happened to an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// Its artifacts can now be downloaded.
    Published,
    /// It failed and is not tried again.
    Failed,
}

impl NoticeKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Published, Self::Failed];

    /// Returns the kind as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Failed => "failed",
        }
    }

    /// Returns the kind with this name, or `None` if there is no such kind.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl Notice {
    /// Creates the notice about `execution`, to be stored in the transaction that ends it. Returns `None` if
    /// a person cancelled it, if it was skipped, or if it has not ended.
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
