//! A worker as its list shows it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, JobId, WorkerId};
use crate::domain::job::Title;
use crate::domain::work::worker::{WorkerEntry, WorkerState};

/// The most executions that an overview of a worker names.
pub const RUNNING_NAMED_MAX: usize = 20;

/// A worker, and what it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerOverview {
    /// The worker.
    pub entry: WorkerEntry,
    /// Whether it works.
    pub state: WorkerState,
    /// What it runs.
    pub running: RunningWork,
}

/// The executions that a worker holds, as one owner sees them (rule J15). A worker that is gone holds them until
/// another one takes them over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunningWork {
    /// The executions of the owner, the first [`RUNNING_NAMED_MAX`] by their id.
    pub named: Vec<RunningExecution>,
    /// The number of executions of the owner.
    pub own: u64,
    /// The number of executions of other owners.
    pub others: u64,
}

/// An execution that a worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningExecution {
    /// Its id.
    pub id: ExecutionId,
    /// Its job.
    pub job_id: JobId,
    /// The title of the job, as it was for this execution.
    pub title: Title,
    /// When it started.
    pub started_at: Option<DateTime<Utc>>,
}

impl RunningExecution {
    /// Returns what is told of an execution.
    pub fn of(execution: &Execution) -> Self {
        let Execution { id, job_id, started_at, .. } = *execution;
        Self { id, job_id, title: execution.settings.title.clone(), started_at }
    }
}

/// Collects what workers run, for catalogs.
#[derive(Debug, Default)]
pub struct RunningByWorker(BTreeMap<WorkerId, RunningWork>);

impl RunningByWorker {
    /// Adds an execution of the owner who asks; `None` for one that cannot be decoded.
    pub fn add_own(&mut self, worker: &WorkerId, execution: Option<RunningExecution>) {
        let work = self.0.entry(worker.clone()).or_default();
        work.own += 1;
        if let Some(execution) = execution {
            let place = work.named.partition_point(|known| known.id < execution.id);
            work.named.insert(place, execution);
            work.named.truncate(RUNNING_NAMED_MAX);
        }
    }

    /// Counts an execution of another owner.
    pub fn add_other(&mut self, worker: &WorkerId) {
        self.0.entry(worker.clone()).or_default().others += 1;
    }

    /// Takes what a worker runs.
    pub fn take(&mut self, worker: &WorkerId) -> RunningWork {
        self.0.remove(worker).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn e19_of_many_executions_the_first_are_named_and_all_are_counted() {
        let worker = WorkerId::new("w").unwrap();
        let mut running = RunningByWorker::default();
        for number in (0..30).rev() {
            let execution = RunningExecution {
                id: ExecutionId(Uuid::from_u128(number)),
                job_id: JobId(Uuid::nil()),
                title: Title::new("a job").unwrap(),
                started_at: None,
            };
            running.add_own(&worker, Some(execution));
        }
        running.add_own(&worker, None);
        running.add_other(&worker);
        let work = running.take(&worker);
        let ids: Vec<u128> = work.named.iter().map(|one| one.id.0.as_u128()).collect();
        assert_eq!(ids, (0..20).collect::<Vec<_>>());
        assert_eq!((work.own, work.others), (31, 1));
    }
}
