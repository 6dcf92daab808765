//! Artifact sets: published, held, deleted, expired (rules A7, A8, E9).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::state::{State, conflict};
use crate::domain::artifact::{Artifact, ArtifactSet};
use crate::domain::id::{ArtifactId, ExecutionId, Owner};
use crate::ports::catalog::{CatalogError, Removal};

/// A published set, and how much of it is gone.
#[derive(Debug, Clone)]
pub(super) struct StoredSet {
    pub(super) set: ArtifactSet,
    /// Marked as a whole: shown no more.
    pub(super) removed: bool,
    /// The files of what is marked are gone.
    pub(super) confirmed: bool,
    /// Single files that are marked.
    pub(super) removed_files: BTreeSet<ArtifactId>,
    /// Those of them that are gone.
    pub(super) confirmed_files: BTreeSet<ArtifactId>,
}

impl StoredSet {
    pub(super) fn new(set: ArtifactSet) -> Self {
        Self {
            set,
            removed: false,
            confirmed: false,
            removed_files: BTreeSet::new(),
            confirmed_files: BTreeSet::new(),
        }
    }

    /// The files that are not removed.
    pub(super) fn files(&self) -> impl Iterator<Item = &Artifact> {
        let files = self.set.artifacts.iter().filter(|file| !self.removed_files.contains(&file.id));
        files.filter(|_| !self.removed)
    }

    fn is_held(&self) -> bool {
        self.set.artifacts.iter().any(|file| file.hold)
    }

    /// Files past their retention: within it nothing disappears (invariant I12).
    fn is_expired(&self, now: DateTime<Utc>) -> bool {
        !self.is_held() && self.set.artifacts.iter().all(|file| file.expires_at <= now)
    }
}

impl State {
    pub(super) fn artifact_set(&self, owner: &Owner, execution: ExecutionId) -> Option<ArtifactSet> {
        let stored = self.live_set(owner, execution)?;
        let artifacts = stored.files().cloned().collect();
        Some(ArtifactSet { manifest: stored.set.manifest.clone(), artifacts })
    }

    fn live_set(&self, owner: &Owner, execution: ExecutionId) -> Option<&StoredSet> {
        let entry = self.executions.get(&execution)?;
        let stored = self.sets.get(&execution).filter(|set| !set.removed)?;
        (entry.execution.owner == *owner && !entry.deleted).then_some(stored)
    }

    pub(super) fn hold(
        &mut self,
        owner: &Owner,
        execution: ExecutionId,
        hold: bool,
    ) -> Result<(), CatalogError> {
        if self.live_set(owner, execution).is_none() {
            return Err(conflict(format!("the set of execution {execution} is gone")));
        }
        if let Some(stored) = self.sets.get_mut(&execution) {
            stored.set.artifacts.iter_mut().for_each(|file| file.hold = hold);
        }
        Ok(())
    }

    pub(super) fn delete_artifacts(
        &mut self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        _now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let mut executions = Vec::new();
        for id in artifacts {
            let found = self.artifact(owner, *id).map(|overview| overview.artifact);
            match found.filter(|file| !file.hold) {
                Some(file) => executions.push(file.execution_id),
                None => return Err(conflict(format!("artifact {id} is gone or on hold"))),
            }
        }
        for (id, execution) in artifacts.iter().zip(executions) {
            if let Some(stored) = self.sets.get_mut(&execution) {
                stored.removed_files.insert(*id);
                stored.removed |= stored.removed_files.len() == stored.set.artifacts.len();
            }
        }
        Ok(())
    }

    pub(super) fn delete_execution(
        &mut self,
        owner: &Owner,
        execution: ExecutionId,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let held = self.sets.get(&execution).is_some_and(|set| !set.removed && set.is_held());
        if held || !self.is_final(execution) || self.execution(owner, execution, now).is_none() {
            return Err(conflict(format!("execution {execution} is open, held or gone")));
        }
        if let Some(stored) = self.sets.get_mut(&execution) {
            stored.removed = true;
        }
        if let Some(entry) = self.executions.get_mut(&execution) {
            entry.deleted = true;
        }
        self.notices.remove(&execution);
        Ok(())
    }

    pub(super) fn record_download(&mut self, owner: &Owner, artifacts: &[ArtifactId], at: DateTime<Utc>) {
        for id in artifacts {
            if self.artifact(owner, *id).is_some() {
                self.downloads.entry(*id).or_default().push(at);
            }
        }
    }

    pub(super) fn expire(&mut self, now: DateTime<Utc>, limit: usize) -> usize {
        let expired = self.sets.values_mut().filter(|set| !set.removed && set.is_expired(now)).take(limit);
        expired.map(|set| set.removed = true).count()
    }

    pub(super) fn removals(&self, limit: usize) -> Vec<Removal> {
        let of_set = |(execution, stored): (&ExecutionId, &StoredSet)| {
            if stored.removed {
                let removal = Removal::Set { execution: *execution };
                return if stored.confirmed { Vec::new() } else { vec![removal] };
            }
            let files = stored.set.artifacts.iter().filter(|file| {
                stored.removed_files.contains(&file.id) && !stored.confirmed_files.contains(&file.id)
            });
            files.map(|file| Removal::File { artifact: file.id, key: file.key.clone() }).collect()
        };
        self.sets.iter().flat_map(of_set).take(limit).collect()
    }

    pub(super) fn confirm_removed(&mut self, removal: &Removal) {
        match removal {
            Removal::Set { execution } => {
                if let Some(stored) = self.sets.get_mut(execution).filter(|stored| stored.removed) {
                    stored.confirmed = true;
                }
            }
            Removal::File { artifact, .. } => {
                for stored in self.sets.values_mut() {
                    if stored.removed_files.contains(artifact) {
                        stored.confirmed_files.insert(*artifact);
                    }
                }
            }
        }
    }
}
