//! People who let workers drain for a while (rule E20).

use super::answers::{check_refusal, never};
use super::model::ensure;
use super::people::{Person, owners};
use super::planted::{PlantedBug, Tampered};
use super::report::Invariant;
use super::shared::Life;
use super::time::HOUR;
use super::watch::{Watch, step};
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{Owner, WorkerId};
use crate::domain::work::worker::{WorkerEntry, WorkerState};
use crate::ports::catalog::CatalogError;
use crate::service::fleet::Fleet;

impl Person {
    /// Lets a worker drain for up to two hours.
    pub(super) async fn drain(&mut self) {
        let workers: Vec<WorkerId> = self.shared.lives.iter().filter_map(Life::worker).collect();
        let Some(worker) = self.dice.pick(&workers) else { return };
        self.ask(&worker, true).await;
        let pause = self.dice.below(2 * HOUR);
        self.shared.timeline.sleep(pause).await;
        self.ask(&worker, false).await;
    }

    async fn ask(&mut self, worker: &WorkerId, draining: bool) {
        let Some(owner) = self.dice.pick(&owners()) else { return };
        let (fleet, by) = (Fleet::new(&self.ports), self.by(&owner));
        let before = self.entries();
        let result = if draining { fleet.drain(&by, worker).await } else { fleet.resume(&by, worker).await };
        // One that is as asked already stays so.
        self.check_entries(before, 0..=1, &result);
        self.told(|| format!("{} {worker}", if draining { "drain" } else { "resume" }), &result);
    }
}

impl Watch {
    /// Checks that a worker that was asked to drain is listed as one that does, and with an entry of the audit only if
    /// that is new.
    pub(super) fn drain(
        &self,
        catalog: &Tampered,
        (worker, draining): (&WorkerId, bool),
        audit: &[AuditRecord],
    ) -> Result<Option<WorkerEntry>, CatalogError> {
        let is_on = |entry: &WorkerEntry| entry.draining_since.is_some();
        let mut before = None;
        self.look(|_| {
            before = self.listed(worker, usize::MAX)?;
            Ok(())
        });
        let result = step(catalog.drain(worker, draining, audit));
        let mut changed = false;
        self.look(|_| {
            check_refusal("drain", &result, never)?;
            let Ok(answer) = &result else { return Ok(()) };
            let after = self.listed(worker, usize::MAX)?;
            changed = before.as_ref().map(|one| is_on(&one.entry)) != after.as_ref().map(|one| is_on(&one.entry));
            let lawful = match &after {
                None => answer.is_none(),
                Some(one) if one.state == WorkerState::Left => !is_on(&one.entry),
                Some(one) => is_on(&one.entry) == draining && answer.as_ref() == Some(&one.entry),
            };
            ensure(lawful, Invariant::Answer, || {
                format!("{worker} was asked to drain ({draining}): answered {answer:?}, and is listed as {after:?}")
            })
        });
        let stored = if changed { audit } else { &[] };
        self.check_audit(stored, &result);
        result
    }

    /// Lets every worker claim again, so that what is left is done.
    pub(super) fn end_drains(&self) {
        self.look(|_| {
            let now = self.read(self.catalog.now())?;
            for one in self.read(self.catalog.workers(&Owner::default(), now, usize::MAX))? {
                self.read(self.catalog.drain(&one.entry.worker, false, &[]))?;
            }
            Ok(())
        });
    }

    /// Notes what a worker was told with its sign of life.
    pub(super) fn hears(&self, worker: &WorkerId, draining: bool) {
        self.look(|model| {
            if draining {
                model.draining.insert(worker.clone());
            } else {
                model.draining.remove(worker);
            }
            Ok(())
        });
    }

    /// Checks that a worker that begins to look for work was not told to drain.
    pub(super) fn check_claims(&self, worker: &WorkerId) {
        self.look(|model| {
            let drains = model.draining.contains(worker);
            ensure(!drains, Invariant::Lease, || format!("{worker} was told to drain, and looks for work"))
        });
    }
}

impl Tampered {
    pub(super) async fn drain(
        &self,
        worker: &WorkerId,
        draining: bool,
        audit: &[AuditRecord],
    ) -> Result<Option<WorkerEntry>, CatalogError> {
        if draining && self.has(PlantedBug::DrainNotStored) {
            let now = self.inner.now().await?;
            let entry = self.inner.drain(worker, false, &[]).await?;
            return Ok(entry.map(|entry| entry.drained(true, now)));
        }
        self.inner.drain(worker, draining, audit).await
    }
}
