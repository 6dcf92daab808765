//! A worker, and what it runs.

use cdds_core::domain::id::{ExecutionId, JobId, WorkerId};
use cdds_core::domain::work::worker::{FactText, WorkerState};
use cdds_core::ports::catalog::query::{RunningExecution, WorkerOverview};
use serde::{Deserialize, Serialize};

use crate::instant::Instant;
use crate::names;

/// A worker: one engine of the service, whether it works or is gone (rule E19).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct WorkerView {
    /// Its id, which no other engine ever has.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub id: WorkerId,
    /// `alive`; `gone`, if it ended without a word or cannot be reached; or `left`, if it ended in good order.
    #[serde(with = "names::worker_state")]
    #[cfg_attr(feature = "openapi", schema(value_type = crate::openapi::WorkerState))]
    pub state: WorkerState,
    /// The program and its version; null if it did not say.
    pub program: Option<String>,
    /// The name of its machine; null if it did not say.
    pub host: Option<String>,
    /// The number of its process on that machine; null if it did not say.
    pub process: Option<u32>,
    /// How many executions it runs at the same time.
    pub concurrency: u32,
    /// The version of the database of time zones that it has; null if it did not say. One that is older than that by which
    /// the jobs are computed leaves jobs with a time zone to others (rule F9).
    #[serde(default)]
    pub zones: Option<String>,
    /// When it began to work.
    pub started_at: Instant,
    /// Its last sign of life. It gives one every ten seconds.
    pub seen_at: Instant,
    /// Since when it was asked to drain: to end what it holds and to claim nothing more (rule E20); null if it was not.
    pub draining_since: Option<Instant>,
    /// When it ended in good order; null if it did not.
    pub left_at: Option<Instant>,
    /// What it runs of the asking owner, at most 20 of them. Others take over what one that is gone has left.
    pub running: Vec<RunningView>,
    /// The number of executions that it runs of the asking owner.
    pub running_own: u64,
    /// The number of executions that it runs of other owners.
    pub running_others: u64,
}

/// An execution that a worker runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RunningView {
    /// Its id.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub id: ExecutionId,
    /// Its job.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = Uuid))]
    pub job_id: JobId,
    /// The job's title in this execution.
    pub job_title: String,
    /// When it started.
    pub started_at: Option<Instant>,
}

impl From<RunningExecution> for RunningView {
    fn from(running: RunningExecution) -> Self {
        let RunningExecution { id, job_id, title, started_at } = running;
        Self { id, job_id, job_title: title.to_string(), started_at: started_at.map(Instant) }
    }
}

impl From<WorkerOverview> for WorkerView {
    fn from(overview: WorkerOverview) -> Self {
        let WorkerOverview { entry, state, running } = overview;
        let text = |fact: Option<FactText>| fact.map(|fact| fact.to_string());
        Self {
            state,
            program: text(entry.facts.program),
            host: text(entry.facts.host),
            process: entry.facts.process,
            concurrency: entry.facts.concurrency.get(),
            zones: entry.facts.zones.map(|version| version.to_string()),
            started_at: Instant(entry.started_at),
            seen_at: Instant(entry.lease.renewed_at),
            draining_since: entry.draining_since.map(Instant),
            left_at: entry.left_at.map(Instant),
            running: running.named.into_iter().map(RunningView::from).collect(),
            running_own: running.own,
            running_others: running.others,
            id: entry.worker,
        }
    }
}

impl WorkerView {
    /// Returns where it runs, like `host, process 7`; empty if it did not say.
    pub fn place(&self) -> String {
        let process = self.process.map(|process| format!("process {process}"));
        self.host.iter().cloned().chain(process).collect::<Vec<_>>().join(", ")
    }

    /// Whether it was asked to drain, has heard of that and runs nothing any more, so that it can be stopped.
    pub fn is_drained(&self) -> bool {
        // Its first sign of life after that told it; until then it may have claimed something.
        self.draining_since.is_some_and(|since| since.0 < self.seen_at.0) && self.running_all() == 0
    }

    /// Returns how many executions it runs in all.
    pub fn running_all(&self) -> u64 {
        self.running_own.saturating_add(self.running_others)
    }
}
