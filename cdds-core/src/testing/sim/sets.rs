//! Checks the fate of published sets: hold, deletion, expiry, removal (rules A7, A8; invariant I12).

use chrono::{DateTime, Utc};

use super::answers::{check_refusal, never};
use super::model::{Broken, Model, SetModel, ensure};
use super::planted::Tampered;
use super::report::Invariant;
use super::watch::{Watch, step};
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{ArtifactId, ExecutionId, Owner};
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Removal};
use crate::ports::sink::Key;

impl Watch {
    pub(super) fn hold(
        &self,
        catalog: &Tampered,
        owner: &Owner,
        id: ExecutionId,
        hold: bool,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let result = step(catalog.hold(owner, id, hold, audit));
        self.look(|model| {
            let set = model.executions.get_mut(&id).and_then(|known| known.set.as_mut());
            let set = set.filter(|set| !set.removed);
            let lawful = |kind| kind == CatalogErrorKind::Conflict && set.is_none();
            check_refusal("hold", &result, lawful)?;
            let Some(set) = set else { return Ok(()) };
            set.set.artifacts.iter_mut().for_each(|file| file.hold = hold);
            let found = self.read(self.catalog.artifact_set(owner, id))?;
            let stored = found.is_some_and(|set| set.artifacts.iter().all(|file| file.hold == hold));
            ensure(stored, Invariant::Answer, || {
                format!("the set of {id} was to be held ({hold}), and is not")
            })
        });
        self.check_audit(audit, &result);
        result
    }

    pub(super) fn delete_artifacts(
        &self,
        catalog: &Tampered,
        owner: &Owner,
        ids: &[ArtifactId],
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let result = step(catalog.inner.delete_artifacts(owner, ids, now, audit));
        self.look(|model| {
            let stays = |id: &ArtifactId| model.file(*id).is_none_or(|(_, file)| file.hold);
            let lawful = |kind| kind == CatalogErrorKind::Conflict && ids.iter().any(stays);
            check_refusal("delete_artifacts", &result, lawful)?;
            if result.is_err() {
                return Ok(());
            }
            for id in ids {
                let there = self.read(self.catalog.artifact(owner, *id))?.is_some();
                ensure(!there, Invariant::Answer, || format!("artifact {id} was deleted and is there"))?;
                let gone = || Broken(Invariant::I12, format!("artifact {id} was gone and is deleted again"));
                let (execution, file) = model.file(*id).ok_or_else(gone)?;
                let held = file.hold;
                ensure(!held, Invariant::I12, || format!("artifact {id} is on hold and was deleted"))?;
                model.remove_file(execution, &file);
            }
            Ok(())
        });
        self.check_audit(audit, &result);
        result
    }

    /// Invariant I12: a set disappears only if it has expired and is not on hold.
    pub(super) fn expire(
        &self,
        catalog: &Tampered,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<usize, CatalogError> {
        let result = step(catalog.expire(now, limit));
        self.look(|model| {
            check_refusal("expire", &result, never)?;
            let count = result.as_ref().map_or(0, |count| *count);
            if count == 0 {
                return Ok(());
            }
            let mut removed = 0;
            let owner_of = |model: &Model, id| model.execution(id).map(|known| known.execution.owner.clone());
            let live: Vec<_> = model.live_sets().map(|(id, _)| id).collect();
            for id in live {
                let owner = owner_of(model, id)?;
                if self.read(self.catalog.artifact_set(&owner, id))?.is_some() {
                    continue;
                }
                let set = model.execution(id)?.set.as_ref();
                let expired = set.is_some_and(|set| set.may_expire(self.shared.timeline.now()));
                ensure(expired, Invariant::I12, || {
                    format!("the set of {id} was removed: {}", set.map_or_else(String::new, expiry))
                })?;
                model.remove_set(id);
                removed += 1;
                self.shared.count(|figures| figures.removals += 1);
            }
            ensure(removed == count, Invariant::Answer, || {
                format!("{count} sets expired, {removed} are gone")
            })
        });
        result
    }

    pub(super) fn confirm_removed(
        &self,
        catalog: &Tampered,
        removal: &Removal,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        if let Removal::Set { execution } = removal {
            self.look(|model| {
                let live = model.live_sets().any(|(id, _)| id == *execution);
                ensure(!live, Invariant::I12, || format!("the files of {execution} went before their set"))
            });
        }
        let result = step(catalog.inner.confirm_removed(removal, now));
        self.look(|model| {
            if let Removal::Set { execution } = removal
                && let Some(known) = model.executions.get_mut(execution)
                && let Some(set) = known.set.as_mut().filter(|set| set.removed)
            {
                set.confirmed_at = set.confirmed_at.or(Some(now));
            }
            check_refusal("confirm_removed", &result, never)?;
            let left = self.read(self.catalog.removals(usize::MAX >> 1))?;
            ensure(!left.contains(removal), Invariant::Answer, || {
                format!("{removal:?} was confirmed and is left")
            })
        });
        result
    }

    /// Checks that a file about to be deleted from the store is not part of a live set (invariant I8).
    pub(super) fn deletes(&self, key: &Key) {
        self.look(|model: &mut Model| {
            let live = model.live.contains_key(key) || self.must_stay(model, key);
            ensure(!live, Invariant::I8, || format!("{key} is published and was deleted"))?;
            model.lost.remove(key);
            Ok(())
        });
    }
}

fn expiry(set: &SetModel) -> String {
    let expires_at = set.set.artifacts.iter().map(|file| file.expires_at).max();
    let until = expires_at.map_or_else(String::new, |at| at.to_string());
    format!("kept until {until}{}", if set.is_held() { ", on hold" } else { "" })
}
