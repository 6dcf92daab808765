//! The claim of an execution: a new attempt and, at the first one, the start of an incremental window.

use chrono::{DateTime, Utc};

use super::{Attempt, Execution, ExecutionState, SkipReason};
use crate::domain::calendar::window::Window;
use crate::domain::execution::progress::Progress;
use crate::domain::id::WorkerId;
use crate::domain::job::Job;
use crate::domain::work::Nonce;

/// The result of claiming an execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// It runs.
    Running(Execution),
    /// Nothing is left for it to export, so it is skipped as covered (rule W4).
    Covered(Execution),
}

impl Execution {
    /// Claims the execution for `worker`: a new epoch and a new attempt. At the first claim, an incremental
    /// window gets the job's watermark as its start, so that two queued executions cannot share a start.
    /// Retries keep it (rule W1). `nonce` is new: no other claim of this execution had it (rule E16).
    pub fn begin(mut self, job: &Job, worker: WorkerId, nonce: Nonce, now: DateTime<Utc>) -> Beginning {
        if self.has_open_start() {
            let watermark = job.watermark();
            match Window::since(watermark.at, self.window.end()) {
                Some(window) => {
                    self.window = window;
                    self.generation = Some(watermark.generation);
                }
                None => {
                    let reason = SkipReason::Covered { watermark: watermark.at };
                    return Beginning::Covered(self.superseded(reason, now));
                }
            }
        }
        self.epoch += 1;
        self.state = ExecutionState::Running;
        self.started_at = self.started_at.or(Some(now));
        self.progress = Progress::default();
        self.attempts.push(Attempt {
            epoch: self.epoch,
            nonce: Some(nonce),
            worker,
            started_at: now,
            ended_at: None,
            failure: None,
            released: false,
        });
        Beginning::Running(self)
    }
}
