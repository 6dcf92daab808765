//! Checks the register of workers (rule E19).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::answers::{check_refusal, never};
use super::model::{Check, ensure};
use super::planted::Tampered;
use super::report::Invariant;
use super::watch::{Watch, step};
use crate::domain::id::{Owner, WorkerId};
use crate::domain::work::worker::{WorkerEntry, WorkerFacts, WorkerState};
use crate::ports::catalog::CatalogError;
use crate::ports::catalog::query::WorkerOverview;

/// For how long a worker that is dead may be taken for one that works.
const NOTICED_WITHIN: TimeDelta = TimeDelta::seconds(60);

impl Watch {
    /// Checks that a worker is listed as alive once it has given a sign of life.
    pub(super) fn attend(
        &self,
        catalog: &Tampered,
        worker: &WorkerId,
        facts: &WorkerFacts,
        lease: Duration,
    ) -> Result<WorkerEntry, CatalogError> {
        let result = step(catalog.attend(worker, facts, lease));
        self.look(|_| {
            check_refusal("attend", &result, never)?;
            if result.is_err() {
                return Ok(());
            }
            // It is among the first, since no other sign is later.
            let listed = self.listed(worker, self.shared.lives.len())?;
            let now = self.read(self.catalog.now())?;
            let lawful = listed.as_ref().is_some_and(|one| {
                let as_said = one.entry.facts == *facts && one.entry.seen_at() == now;
                as_said && one.state == WorkerState::Alive && one.entry.started_at <= now
            });
            ensure(lawful, Invariant::Answer, || {
                format!("{worker} gave a sign of life at {now}, and is listed as {listed:?}")
            })
        });
        result
    }

    pub(super) fn leave(&self, catalog: &Tampered, worker: &WorkerId) -> Result<(), CatalogError> {
        let result = step(catalog.inner.leave(worker));
        self.look(|_| {
            check_refusal("leave", &result, never)?;
            let listed = self.listed(worker, usize::MAX)?.map(|one| one.state);
            let lawful = result.is_err() || listed.is_none_or(|state| state == WorkerState::Left);
            ensure(lawful, Invariant::Answer, || format!("{worker} has left, and is listed as {listed:?}"))
        });
        result
    }

    /// Checks that no dead worker is listed as alive for long.
    pub(super) fn check_workers(&self) -> Check {
        let now: DateTime<Utc> = self.read(self.catalog.now())?;
        let lives = |worker: &WorkerId| self.shared.lives.iter().any(|life| life.is_of(worker));
        let list = self.read(self.catalog.workers(&Owner::default(), now, usize::MAX))?;
        let undead = list.iter().find(|one| {
            let silent = now.signed_duration_since(one.entry.seen_at()) >= NOTICED_WITHIN;
            one.state == WorkerState::Alive && silent && !lives(&one.entry.worker)
        });
        ensure(undead.is_none(), Invariant::Record, || format!("at {now} nobody works as {undead:?}"))
    }

    pub(super) fn listed(&self, worker: &WorkerId, limit: usize) -> Check<Option<WorkerOverview>> {
        let now = self.read(self.catalog.now())?;
        let list = self.read(self.catalog.workers(&Owner::default(), now, limit))?;
        Ok(list.into_iter().find(|one| one.entry.worker == *worker))
    }
}
