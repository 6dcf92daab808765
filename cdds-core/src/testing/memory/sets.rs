//! Artifact sets: publication, holds, deletion and expiry (rules A7, A8, E9).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::state::{State, conflict};
use crate::domain::archive::artifact::{Artifact, ArtifactSet};
use crate::domain::id::{ArtifactId, ExecutionId, Owner};
use crate::domain::notice::expiring::SetPlace;
use crate::ports::catalog::{CatalogError, Removal};
use crate::ports::sink::Key;

/// A published set and the state of its removal.
#[derive(Debug, Clone)]
pub(super) struct StoredSet {
    pub(super) set: ArtifactSet,
    /// When it was marked for removal as a whole; no longer visible then.
    pub(super) removed_at: Option<DateTime<Utc>>,
    /// When it was confirmed that the files of a set that was marked as a whole are deleted from the store.
    pub(super) confirmed_at: Option<DateTime<Utc>>,
    /// Files that were marked for removal one by one.
    pub(super) removed_files: BTreeSet<ArtifactId>,
    /// Those of the marked files that have been deleted from the store.
    pub(super) confirmed_files: BTreeSet<ArtifactId>,
}

impl StoredSet {
    pub(super) fn new(set: ArtifactSet) -> Self {
        Self {
            set,
            removed_at: None,
            confirmed_at: None,
            removed_files: BTreeSet::new(),
            confirmed_files: BTreeSet::new(),
        }
    }

    /// The files that are not marked for removal.
    pub(super) fn files(&self) -> impl Iterator<Item = &Artifact> {
        let files = self.set.artifacts.iter().filter(|file| !self.removed_files.contains(&file.id));
        files.filter(|_| !self.is_removed())
    }

    pub(super) fn is_removed(&self) -> bool {
        self.removed_at.is_some()
    }

    pub(super) fn is_held(&self) -> bool {
        self.set.artifacts.iter().any(|file| file.hold)
    }

    /// The removals that are marked but not yet confirmed.
    fn removals(&self, execution: ExecutionId) -> Vec<Removal> {
        if self.is_removed() {
            return if self.confirmed_at.is_some() { Vec::new() } else { vec![Removal::Set { execution }] };
        }
        let files =
            self.set.artifacts.iter().filter(|file| {
                self.removed_files.contains(&file.id) && !self.confirmed_files.contains(&file.id)
            });
        files.map(|file| Removal::File { artifact: file.id, key: file.key.clone() }).collect()
    }

    /// The instant at which the last file's retention ends. The whole set stays until then (invariant I12).
    pub(super) fn expires_at(&self) -> DateTime<Utc> {
        let instants = self.set.artifacts.iter().map(|file| file.expires_at);
        instants.max().unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

/// All sets that were ever published. Live ones are indexed, so that finding them does not scan removed ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Sets {
    all: BTreeMap<ExecutionId, StoredSet>,
    /// Sets that are not removed as a whole.
    live: BTreeSet<ExecutionId>,
    /// Sets that are not removed, ordered by the expiry of their last file.
    expiring: BTreeSet<(DateTime<Utc>, ExecutionId)>,
    /// Sets with removals that are marked but not yet confirmed.
    unconfirmed: BTreeSet<ExecutionId>,
}

impl Sets {
    pub(super) fn get(&self, id: ExecutionId) -> Option<&StoredSet> {
        self.all.get(&id)
    }

    pub(super) fn insert(&mut self, id: ExecutionId, set: ArtifactSet) {
        let stored = StoredSet::new(set);
        self.expiring.insert((stored.expires_at(), id));
        self.live.insert(id);
        self.all.insert(id, stored);
    }

    /// Returns the keys of the manifests of live sets, newest first.
    pub(super) fn newest_manifests(&self, limit: usize) -> Vec<Key> {
        let mut sets: Vec<&ArtifactSet> = self.live().map(|stored| &stored.set).collect();
        sets.sort_by_key(|set| std::cmp::Reverse(set.artifacts.first().map(|part| part.created_at)));
        sets.into_iter().take(limit).map(|set| set.manifest.key.clone()).collect()
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &StoredSet> {
        self.live.iter().filter_map(|id| self.all.get(id))
    }

    /// Returns the execution that published a file.
    pub(super) fn execution_of(&self, artifact: ArtifactId) -> Option<ExecutionId> {
        let has = |stored: &StoredSet| stored.set.artifacts.iter().any(|file| file.id == artifact);
        self.all.iter().find(|(_, stored)| has(stored)).map(|(id, _)| *id)
    }

    /// Forgets a set whose files are gone.
    pub(super) fn remove(&mut self, id: ExecutionId) -> Option<StoredSet> {
        let stored = self.all.remove(&id)?;
        self.live.remove(&id);
        self.unconfirmed.remove(&id);
        self.expiring.remove(&(stored.expires_at(), id));
        Some(stored)
    }

    /// Walks the sets that are not removed and expire after `from` and until `to`, in that order.
    pub(super) fn expiring(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> impl Iterator<Item = SetPlace> {
        let sets =
            self.expiring.iter().map(|(expires_at, id)| SetPlace { expires_at: *expires_at, execution: *id });
        sets.skip_while(move |place| place.expires_at <= from).take_while(move |place| place.expires_at <= to)
    }

    fn change(&mut self, id: ExecutionId, change: impl FnOnce(&mut StoredSet)) {
        let Some(stored) = self.all.get_mut(&id) else { return };
        change(stored);
        if stored.is_removed() {
            self.live.remove(&id);
            self.expiring.remove(&(stored.expires_at(), id));
        }
        if stored.removals(id).is_empty() {
            self.unconfirmed.remove(&id)
        } else {
            self.unconfirmed.insert(id)
        };
    }

    fn mark_expired(&mut self, now: DateTime<Utc>, limit: usize) -> Vec<ExecutionId> {
        let expired = self.expiring.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id);
        let may_go = |id: &ExecutionId| self.all.get(id).is_some_and(|set| !set.is_held());
        let expired: Vec<ExecutionId> = expired.filter(may_go).take(limit).collect();
        expired.iter().for_each(|id| self.change(*id, |set| set.removed_at = Some(now)));
        expired
    }

    fn removals(&self, limit: usize) -> Vec<Removal> {
        let sets = self.unconfirmed.iter().filter_map(|id| Some((*id, self.all.get(id)?)));
        sets.flat_map(|(id, stored)| stored.removals(id)).take(limit).collect()
    }

    fn confirm_file(&mut self, artifact: ArtifactId) {
        let of =
            |id: &&ExecutionId| self.all.get(id).is_some_and(|set| set.removed_files.contains(&artifact));
        if let Some(id) = self.unconfirmed.iter().find(of).copied() {
            self.change(id, |set| {
                set.confirmed_files.insert(artifact);
            });
        }
    }
}

impl State {
    pub(super) fn artifact_set(&self, owner: &Owner, execution: ExecutionId) -> Option<ArtifactSet> {
        let stored = self.live_set(owner, execution)?;
        let artifacts = stored.files().cloned().collect();
        let ArtifactSet { manifest, signature, .. } = stored.set.clone();
        Some(ArtifactSet { manifest, signature, artifacts })
    }

    fn live_set(&self, owner: &Owner, execution: ExecutionId) -> Option<&StoredSet> {
        let entry = self.executions.get(execution)?;
        let stored = self.sets.get(execution).filter(|set| !set.is_removed())?;
        (entry.execution.owner == *owner && entry.deleted_at.is_none()).then_some(stored)
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
        self.sets.change(execution, |stored| {
            stored.set.artifacts.iter_mut().for_each(|file| file.hold = hold);
        });
        Ok(())
    }

    pub(super) fn delete_artifacts(
        &mut self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        now: DateTime<Utc>,
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
            self.sets.change(execution, |stored| {
                stored.removed_files.insert(*id);
                if stored.removed_files.len() == stored.set.artifacts.len() {
                    stored.removed_at = Some(now);
                }
            });
            self.deliveries.cancel(execution, now);
        }
        Ok(())
    }

    pub(super) fn delete_execution(
        &mut self,
        owner: &Owner,
        execution: ExecutionId,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let held = self.sets.get(execution).is_some_and(|set| !set.is_removed() && set.is_held());
        if held || !self.is_final(execution) || self.execution(owner, execution, now).is_none() {
            return Err(conflict(format!("execution {execution} is open, held or gone")));
        }
        self.sets.change(execution, |stored| stored.removed_at = stored.removed_at.or(Some(now)));
        self.leave_filter(execution);
        self.executions.delete(execution, now);
        self.notices.cancel(execution, now);
        self.deliveries.cancel(execution, now);
        Ok(())
    }

    pub(super) fn expire(&mut self, now: DateTime<Utc>, limit: usize) -> usize {
        let expired = self.sets.mark_expired(now, limit);
        expired.iter().for_each(|id| self.deliveries.cancel(*id, now));
        expired.len()
    }

    pub(super) fn removals(&self, limit: usize) -> Vec<Removal> {
        self.sets.removals(limit).into_iter().chain(self.filter_removals()).take(limit).collect()
    }

    pub(super) fn confirm_removed(&mut self, removal: &Removal, now: DateTime<Utc>) {
        match removal {
            Removal::Set { execution } => {
                self.sets.change(*execution, |stored| {
                    stored.confirmed_at = stored.confirmed_at.or(stored.removed_at.map(|_| now));
                });
            }
            Removal::File { artifact, .. } => self.sets.confirm_file(*artifact),
            Removal::Filter { execution, .. } => self.confirm_filter(*execution),
        }
    }
}
