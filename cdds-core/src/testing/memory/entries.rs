//! The executions of the catalog, found without looking at those that have ended: a record is long, and most of
//! it is history.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::domain::execution::Execution;
use crate::domain::execution::lease::Lease;
use crate::domain::execution::progress::Progress;
use crate::domain::id::{ExecutionId, JobId, WorkerId};

/// Every execution, by id.
#[derive(Debug, Default)]
pub(super) struct Entries {
    all: BTreeMap<ExecutionId, Entry>,
    open: BTreeSet<ExecutionId>,
    /// By when they came to be, then by slot: an entry keeps both.
    of_job: BTreeMap<JobId, BTreeSet<Age>>,
}

/// When an execution came to be, its slot, and which it is.
type Age = (DateTime<Utc>, DateTime<Utc>, ExecutionId);

/// An execution and what the catalog alone knows of it.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) execution: Execution,
    pub(super) lease: Option<Held>,
    /// Taken off the history; kept because of what it may have left in the store.
    pub(super) deleted: bool,
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

    /// All of them, deleted ones too.
    pub(super) fn values(&self) -> impl Iterator<Item = &Entry> {
        self.all.values()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = ExecutionId> {
        self.all.keys().copied()
    }

    /// Those that have not ended.
    pub(super) fn open(&self) -> impl Iterator<Item = &Entry> {
        self.open.iter().filter_map(|id| self.all.get(id))
    }

    /// Those of a job that have not ended.
    pub(super) fn open_of(&self, job: JobId) -> impl Iterator<Item = &Execution> {
        self.open().map(|entry| &entry.execution).filter(move |execution| execution.job_id == job)
    }

    /// Those of a job that were not deleted, the youngest last.
    pub(super) fn of(&self, job: JobId) -> impl DoubleEndedIterator<Item = &Execution> {
        let keys = self.of_job.get(&job).into_iter().flatten();
        let entries = keys.filter_map(|(_, _, id)| self.all.get(id));
        entries.filter(|entry| !entry.deleted).map(|entry| &entry.execution)
    }

    /// On the record already: it stays as it is.
    pub(super) fn insert(&mut self, execution: &Execution) {
        if !self.all.contains_key(&execution.id) {
            let key = (execution.created_at, execution.slot, execution.id);
            self.of_job.entry(execution.job_id).or_default().insert(key);
            self.replace(execution.clone(), None);
        }
    }

    /// In place of what was known of it.
    pub(super) fn replace(&mut self, execution: Execution, lease: Option<Held>) {
        let id = execution.id;
        if execution.is_open() {
            self.open.insert(id)
        } else {
            self.open.remove(&id)
        };
        let deleted = self.all.get(&id).is_some_and(|entry| entry.deleted);
        self.all.insert(id, Entry { execution, lease, deleted });
    }

    pub(super) fn renew(&mut self, id: ExecutionId, lease: Held, progress: Progress) {
        if let Some(entry) = self.all.get_mut(&id) {
            entry.lease = Some(lease);
            entry.execution.progress = progress;
        }
    }

    pub(super) fn delete(&mut self, id: ExecutionId) {
        if let Some(entry) = self.all.get_mut(&id) {
            entry.deleted = true;
        }
    }
}
