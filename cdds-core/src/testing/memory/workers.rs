//! The workers that use the catalog (rule E19).

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::state::State;
use crate::domain::access::audit::AuditRecord;
use crate::domain::execution::ExecutionState;
use crate::domain::id::{Owner, WorkerId};
use crate::domain::work::worker::{WorkerEntry, WorkerFacts, forgotten, sort};
use crate::ports::catalog::CatalogError;
use crate::ports::catalog::query::{RunningByWorker, RunningExecution, WorkerOverview};

impl State {
    pub(super) fn attend(
        &mut self,
        worker: &WorkerId,
        facts: &WorkerFacts,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> WorkerEntry {
        let attended = WorkerEntry::attended(self.workers.get(worker), worker, facts, now, lease);
        self.workers.insert(worker.clone(), attended.clone());
        attended
    }

    pub(super) fn drain(
        &mut self,
        worker: &WorkerId,
        draining: bool,
        (now, audit): (DateTime<Utc>, &[AuditRecord]),
    ) -> Result<Option<WorkerEntry>, CatalogError> {
        let Some(before) = self.workers.get(worker) else { return Ok(None) };
        let after = before.drained(draining, now);
        if after != *before {
            self.audited(audit, |state| {
                state.workers.insert(worker.clone(), after.clone());
                Ok(())
            })?;
        }
        Ok(Some(after))
    }

    pub(super) fn leave(&mut self, worker: &WorkerId, now: DateTime<Utc>) {
        if let Some(entry) = self.workers.get_mut(worker) {
            *entry = entry.left(now);
        }
    }

    pub(super) fn list_workers(
        &self,
        owner: &Owner,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Vec<WorkerOverview> {
        let mut running = RunningByWorker::default();
        for entry in self.executions.open().filter(|entry| entry.execution.state == ExecutionState::Running) {
            match &entry.lease {
                Some(held) if entry.execution.owner == *owner => {
                    running.add_own(&held.worker, Some(RunningExecution::of(&entry.execution)));
                }
                Some(held) => running.add_other(&held.worker),
                None => {}
            }
        }
        let mut entries: Vec<WorkerEntry> = self.workers.values().cloned().collect();
        sort(&mut entries);
        let overview = |entry: WorkerEntry| WorkerOverview {
            state: entry.state(None, now),
            running: running.take(&entry.worker),
            entry,
        };
        entries.into_iter().take(limit).map(overview).collect()
    }

    pub(super) fn forget_workers(&mut self, now: DateTime<Utc>) -> usize {
        let old = forgotten(self.workers.values().cloned().collect(), now);
        old.iter().filter(|worker| self.workers.remove(worker).is_some()).count()
    }
}
