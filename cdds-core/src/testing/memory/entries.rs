//! The executions of the catalog. Open ones are indexed, so that finding them does not scan a record that is
//! long and mostly history.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::domain::execution::Execution;
use crate::domain::execution::progress::Progress;
use crate::domain::id::{ExecutionId, JobId, WorkerId};
use crate::domain::work::lease::Lease;

/// All executions by id.
#[derive(Debug, Clone, Default)]
pub(super) struct Entries {
    all: BTreeMap<ExecutionId, Entry>,
    open: BTreeSet<ExecutionId>,
    /// The executions of each job by creation time and slot. Neither changes, so keys never move.
    of_job: BTreeMap<JobId, BTreeSet<Age>>,
}

/// The creation time, slot and id of an execution.
type Age = (DateTime<Utc>, DateTime<Utc>, ExecutionId);

/// An execution with the facts that only the catalog knows.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) execution: Execution,
    pub(super) lease: Option<Held>,
    /// When it was deleted from the history. The entry is kept for a while, because the store may still hold
    /// files of the execution.
    pub(super) deleted_at: Option<DateTime<Utc>>,
}

/// A worker's hold on a running execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) worker: WorkerId,
    pub(super) lease: Lease,
}

impl Entries {
    pub(super) fn get(&self, id: ExecutionId) -> Option<&Entry> {
        self.all.get(&id)
    }

    /// Returns all entries, including deleted ones.
    pub(super) fn values(&self) -> impl Iterator<Item = &Entry> {
        self.all.values()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ExecutionId> {
        self.all.keys().copied()
    }

    /// Returns the entries of executions that have not ended.
    pub(super) fn open(&self) -> impl Iterator<Item = &Entry> {
        self.open.iter().filter_map(|id| self.all.get(id))
    }

    /// Returns the executions of a job that have not ended.
    pub(super) fn open_of(&self, job: JobId) -> impl Iterator<Item = &Execution> {
        self.open().map(|entry| &entry.execution).filter(move |execution| execution.job_id == job)
    }

    /// Returns the executions of a job that were not deleted, youngest last.
    pub(super) fn of(&self, job: JobId) -> impl DoubleEndedIterator<Item = &Execution> {
        let keys = self.of_job.get(&job).into_iter().flatten();
        let entries = keys.filter_map(|(_, _, id)| self.all.get(id));
        entries.filter(|entry| entry.deleted_at.is_none()).map(|entry| &entry.execution)
    }

    /// Adds an execution. If its id is on the record already, the existing entry stays unchanged.
    pub(super) fn insert(&mut self, execution: &Execution) {
        if !self.all.contains_key(&execution.id) {
            let key = (execution.created_at, execution.slot, execution.id);
            self.of_job.entry(execution.job_id).or_default().insert(key);
            self.replace(execution.clone(), None);
        }
    }

    /// Stores an execution in place of its previous state.
    pub(super) fn replace(&mut self, execution: Execution, lease: Option<Held>) {
        let id = execution.id;
        if execution.is_open() {
            self.open.insert(id)
        } else {
            self.open.remove(&id)
        };
        let deleted_at = self.all.get(&id).and_then(|entry| entry.deleted_at);
        self.all.insert(id, Entry { execution, lease, deleted_at });
    }

    pub(super) fn renew(&mut self, id: ExecutionId, lease: Held, progress: Progress) {
        if let Some(entry) = self.all.get_mut(&id) {
            entry.lease = Some(lease);
            entry.execution.progress = progress;
        }
    }

    pub(super) fn delete(&mut self, id: ExecutionId, now: DateTime<Utc>) {
        if let Some(entry) = self.all.get_mut(&id) {
            entry.deleted_at = Some(now);
        }
    }

    /// Forgets an execution that has ended. Returns whether it was known.
    pub(super) fn remove(&mut self, id: ExecutionId) -> bool {
        let Some(Entry { execution, .. }) = self.all.remove(&id) else { return false };
        if let Some(of_job) = self.of_job.get_mut(&execution.job_id) {
            of_job.remove(&(execution.created_at, execution.slot, id));
        }
        true
    }
}
