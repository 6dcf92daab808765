//! The changes that a decision about a job makes, to be stored in one transaction.

use crate::domain::execution::Execution;
use crate::domain::job::Job;

/// The next state of a job and the changes to its record, to be stored in one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobChange {
    /// The job's next state.
    pub job: Job,
    /// New entries of the record, queued or skipped.
    pub entries: Vec<Execution>,
    /// Executions that were waiting and are now skipped.
    pub superseded: Vec<Execution>,
    /// Executions that keep waiting, with other settings (rule J10).
    pub edited: Vec<Execution>,
}

impl JobChange {
    /// Creates a change of the job alone.
    pub fn of(job: Job) -> Self {
        Self { job, entries: Vec::new(), superseded: Vec::new(), edited: Vec::new() }
    }

    /// Adds an execution that was waiting before the change: to `edited` if it still waits, otherwise to
    /// `superseded`.
    pub(in crate::domain) fn take(&mut self, execution: Execution) {
        let to = if execution.is_waiting() { &mut self.edited } else { &mut self.superseded };
        to.push(execution);
    }
}
