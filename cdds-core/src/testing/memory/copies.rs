//! The copies that exports have made, and the filters that tell whom they name (rule D10).

use std::cmp::Reverse;

use async_trait::async_trait;
use chrono::SubsecRound;

use super::MemoryCatalog;
use super::state::State;
use crate::domain::access::Action;
use crate::domain::access::audit::{AuditRecord, Object, Outcome};
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::id::{ExecutionId, Owner};
use crate::domain::subject::copies::{CopyPlace, FilterNote, PublishedSet};
use crate::ports::catalog::{CatalogError, CopyStore, Removal};

/// The filters of a set.
#[derive(Debug, Clone)]
pub(super) struct StoredFilter {
    note: FilterNote,
    /// Whether its execution is no longer in the history.
    unwanted: bool,
}

impl State {
    pub(super) fn note_filter(&mut self, execution: ExecutionId, note: &FilterNote) {
        self.filters.insert(execution, StoredFilter { note: note.clone(), unwanted: false });
    }

    /// Leaves the filters of a set to be removed.
    pub(super) fn leave_filter(&mut self, execution: ExecutionId) {
        if let Some(filter) = self.filters.get_mut(&execution) {
            filter.unwanted = true;
        }
    }

    pub(super) fn filter_removals(&self) -> impl Iterator<Item = Removal> {
        let unwanted = self.filters.iter().filter(|(_, filter)| filter.unwanted);
        unwanted.map(|(id, filter)| Removal::Filter { execution: *id, filter: filter.note.clone() })
    }

    pub(super) fn confirm_filter(&mut self, execution: ExecutionId) {
        if self.filters.get(&execution).is_some_and(|filter| filter.unwanted) {
            self.filters.remove(&execution);
        }
    }

    fn wanted_filter(&self, execution: ExecutionId) -> Option<FilterNote> {
        let filter = self.filters.get(&execution).filter(|filter| !filter.unwanted);
        filter.map(|filter| filter.note.clone())
    }

    fn published_sets(&self, owner: &Owner, behind: Option<CopyPlace>, limit: usize) -> Vec<PublishedSet> {
        let entries = self.executions.values();
        let kept = entries.filter(|entry| entry.execution.owner == *owner && entry.deleted_at.is_none());
        let mut sets: Vec<PublishedSet> = kept
            .filter_map(|entry| {
                let execution = &entry.execution;
                let stored = self.sets.get(execution.id)?;
                let first = stored.set.artifacts.first()?;
                Some(PublishedSet {
                    execution: execution.id,
                    job: execution.job_id,
                    types: first.types.clone(),
                    slot: execution.slot,
                    published_at: first.created_at,
                    expires_at: stored.expires_at(),
                    removed_at: stored.removed_at.map(|at| at.trunc_subsecs(6)),
                    hold: stored.files().any(|file| file.hold),
                    filter: self.wanted_filter(execution.id),
                })
            })
            .filter(|set| behind.is_none_or(|behind| set.place() < behind))
            .collect();
        sets.sort_unstable_by_key(|set| Reverse(set.place()));
        sets.truncate(limit);
        sets
    }

    fn set_as_published(&self, owner: &Owner, execution: ExecutionId) -> Option<ArtifactSet> {
        let entry = self.executions.get(execution).filter(|entry| entry.deleted_at.is_none())?;
        (entry.execution.owner == *owner).then(|| Some(self.sets.get(execution)?.set.clone()))?
    }

    fn downloads_of(&self, owner: &Owner, execution: ExecutionId, limit: usize) -> Vec<AuditRecord> {
        let is_of = |entry: &&AuditRecord| match &entry.object {
            Some(Object::Artifact(id)) => self.sets.execution_of(*id) == Some(execution),
            _ => false,
        };
        let is_download = |entry: &&AuditRecord| {
            entry.owner == *owner && entry.action == Action::Download && entry.outcome != Outcome::Forbidden
        };
        let mut found: Vec<AuditRecord> =
            self.audit.values().filter(is_download).filter(is_of).cloned().collect();
        found.sort_unstable_by_key(|entry| Reverse((entry.at, entry.id)));
        found.truncate(limit);
        found
    }
}

impl MemoryCatalog {
    /// Forgets the filters of a set, wanted or not.
    pub(in crate::testing) fn lose_filter(&self, execution: ExecutionId) {
        self.state().filters.remove(&execution);
    }
}

#[async_trait]
impl CopyStore for MemoryCatalog {
    async fn published_sets(
        &self,
        owner: &Owner,
        behind: Option<CopyPlace>,
        limit: usize,
    ) -> Result<Vec<PublishedSet>, CatalogError> {
        Ok(self.state().published_sets(owner, behind, limit))
    }

    async fn set_as_published(
        &self,
        owner: &Owner,
        execution: ExecutionId,
    ) -> Result<Option<ArtifactSet>, CatalogError> {
        Ok(self.state().set_as_published(owner, execution))
    }

    async fn subject_filter(&self, execution: ExecutionId) -> Result<Option<FilterNote>, CatalogError> {
        Ok(self.state().wanted_filter(execution))
    }

    async fn downloads_of(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, CatalogError> {
        Ok(self.state().downloads_of(owner, execution, limit))
    }
}
