//! Restores the catalog from a backup, while the store goes on from where it is (rules E16, E17).

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::dice::Dice;
use super::model::{Broken, Check, Model, ensure};
use super::report::{Invariant, Who};
use super::shared::lock;
use super::time::{HOUR, Micros};
use super::watch::Watch;
use crate::keys;
use crate::ports::catalog::Writer;
use crate::ports::sink::Key;
use crate::testing::{MemoryBackup, MemoryCatalog};

/// When the catalog of a world is backed up and restored, in turns.
pub(super) struct Restores {
    catalog: Arc<MemoryCatalog>,
    dice: Dice,
    taken: Option<Backup>,
    next: Micros,
    /// Whether the next backup waits for an execution that runs, whose claim it then shows without an end.
    waits: bool,
}

/// The record at one instant, and the model of it.
struct Backup {
    record: MemoryBackup,
    model: Model,
}

impl Restores {
    pub(super) fn new(catalog: Arc<MemoryCatalog>, mut dice: Dice) -> Self {
        let next = dice.between(HOUR, 24 * HOUR);
        let waits = dice.between(0, 2) > 0;
        Self { catalog, dice, taken: None, next, waits }
    }

    /// Takes a backup if it is time for that. Returns whether it is time to restore the one that was taken,
    /// which is left if a set was removed since: the store cannot bring that back.
    pub(super) fn is_due(&mut self, watch: &Watch, now: Micros) -> bool {
        if now < self.next {
            return false;
        }
        if self.taken.is_none() && self.waits && lock(&watch.model).running.is_empty() {
            return false;
        }
        self.waits = self.dice.between(0, 2) > 0;
        self.next = now + self.dice.between(HOUR / 4, 24 * HOUR);
        match &self.taken {
            None => {
                let model = lock(&watch.model).clone();
                self.taken = Some(Backup { record: self.catalog.back_up(), model });
                false
            }
            Some(backup) => {
                let model = lock(&watch.model);
                let removed = backup.model.live.keys().any(|key| !model.live.contains_key(key));
                drop(model);
                if removed {
                    self.taken = None;
                }
                !removed
            }
        }
    }

    /// Restores the backup. Nobody uses the catalog meanwhile.
    pub(super) fn restore(&mut self, watch: &Watch) {
        let Some(Backup { record, mut model }) = self.taken.take() else { return };
        let mut now = lock(&watch.model);
        // The live sets of the lost time, and those of times that were lost before.
        let lost = now.live.keys().filter(|key| !model.live.contains_key(*key));
        let contents = |key: &Key| {
            let writer = keys::writer(key)?;
            let set = now.executions.get(&writer.fence.id)?.set.as_ref()?;
            let expires_at = set.set.artifacts.iter().map(|file| file.expires_at).max()?;
            Some((key.clone(), Lost { contents: watch.store.object(key)?, expires_at }))
        };
        model.lost = lost.filter_map(contents).chain(now.lost.clone()).collect();
        model.is_restored = true;
        model.changed_at = now.changed_at;
        watch
            .shared
            .note(Who::World, format!("the catalog is restored, {} files are lost", model.lost.len()));
        watch.shared.count(|figures| figures.restores += 1);
        self.catalog.restore(&record);
        *now = model;
    }
}

/// A file of a set that the catalog has lost.
#[derive(Debug, Clone)]
pub(super) struct Lost {
    contents: Bytes,
    expires_at: DateTime<Utc>,
}

/// Whether the record lists a claim.
fn is_listed(model: &Model, writer: &Writer) -> bool {
    let known = model.executions.get(&writer.fence.id).filter(|known| !known.forgotten);
    known.is_some_and(|known| known.execution.lists(writer))
}

impl Watch {
    /// Whether a file belongs to a set that the catalog has lost, and nobody may delete it: for ever if the
    /// record does not list its claim, and otherwise until its retention is over or a person deletes its
    /// execution (rule E17).
    pub(super) fn must_stay(&self, model: &Model, key: &Key) -> bool {
        let Some(lost) = model.lost.get(key) else { return false };
        let Some(writer) = keys::writer(key).filter(|writer| is_listed(model, writer)) else { return true };
        let deleted = model.executions.get(&writer.fence.id).is_some_and(|known| known.deleted);
        !deleted && self.shared.timeline.now() < lost.expires_at
    }

    /// Invariant I8: the files of sets that the catalog has lost are in the store, as they were.
    pub(super) fn check_lost(&self, model: &Model) -> Check {
        let changed = |(key, lost): &(&Key, &Lost)| {
            self.must_stay(model, key) && self.store.object(key).as_ref() != Some(&lost.contents)
        };
        match model.lost.iter().find(changed) {
            None => Ok(()),
            Some((key, _)) => Err(Broken(Invariant::I8, format!("{key} was lost, and is gone or changed"))),
        }
    }

    /// Invariant I8: checks that a file which belongs to no live set may stay in the store.
    pub(super) fn check_orphan(&self, model: &Model, key: &Key) -> Check {
        let writer = keys::writer(key);
        let listed = writer.is_some_and(|writer| is_listed(model, &writer));
        let given_up = writer.is_some_and(|writer| self.is_kept(model, writer));
        let may_stay = given_up || (model.is_restored && !listed);
        ensure(may_stay, Invariant::I8, || format!("an orphan was not removed: {key}"))
    }

    /// Whether a claim that was given up has left a complete set whose retention is not over, as far
    /// as the record can know (rule E17).
    fn is_kept(&self, model: &Model, writer: Writer) -> bool {
        let known = model.executions.get(&writer.fence.id).filter(|known| !known.deleted);
        let Some(at) = known.and_then(|known| known.execution.given_up_at(&writer)) else { return false };
        let retention = self.shared.profile.engine.retention;
        let swept = self.shared.timeline.now() - TimeDelta::hours(2);
        self.store.object(&keys::manifest(writer)).is_some() && swept < retention.expires_at(at)
    }
}
