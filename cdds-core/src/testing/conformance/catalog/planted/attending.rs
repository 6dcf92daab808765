//! Bugs of the register of workers.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Planted;
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{Owner, WorkerId};
use crate::domain::work::worker::{WorkerEntry, WorkerFacts};
use crate::ports::catalog::query::WorkerOverview;
use crate::ports::catalog::{Catalog, CatalogError, CatalogLayer, WorkQueue, WorkerRegister};
use crate::testing::MemoryCatalog;

/// A catalog that knows its workers wrongly.
#[derive(Debug)]
pub(super) struct Attending {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
    /// The workers that a bug has forgotten.
    pub(super) lost: Mutex<BTreeSet<WorkerId>>,
}

type Stored<T = ()> = Result<T, CatalogError>;

impl Attending {
    async fn all(&self) -> Stored<Vec<WorkerEntry>> {
        let now = self.catalog.now().await?;
        let list = self.catalog.workers(&Owner::default(), now, usize::MAX).await?;
        Ok(list.into_iter().map(|one| one.entry).collect())
    }

    /// Forgets the workers of which `which` holds.
    async fn loses(&self, which: impl Fn(&WorkerEntry) -> bool) -> Stored {
        let lost = self.all().await?.into_iter().filter(which).map(|entry| entry.worker);
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).extend(lost);
        Ok(())
    }
}

#[async_trait]
impl CatalogLayer for Attending {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn attend(&self, worker: &WorkerId, facts: &WorkerFacts, lease: Duration) -> Stored<WorkerEntry> {
        let before = self.all().await?.into_iter().find(|entry| entry.worker == *worker);
        match (self.bug, before) {
            (Planted::AttendsOnce, Some(before)) => Ok(before),
            (Planted::AttendKeepsFacts, Some(before)) => {
                self.catalog.attend(worker, &before.facts, lease).await
            }
            (Planted::AttendBeginsAnew, Some(_)) => {
                self.catalog.leave(worker).await?;
                self.catalog.attend(worker, facts, lease).await
            }
            (Planted::DrainEndsWithSign, Some(_)) => {
                self.catalog.drain(worker, false, &[]).await?;
                self.catalog.attend(worker, facts, lease).await
            }
            (Planted::AttendTellsNothing, _) => {
                let entry = self.catalog.attend(worker, facts, lease).await?;
                Ok(WorkerEntry { draining_since: None, ..entry })
            }
            (Planted::LeftForEver, Some(before)) if before.left_at.is_some() => Ok(before),
            _ => self.catalog.attend(worker, facts, lease).await,
        }
    }

    async fn drain(
        &self,
        worker: &WorkerId,
        draining: bool,
        audit: &[AuditRecord],
    ) -> Stored<Option<WorkerEntry>> {
        let before = self.all().await?.into_iter().find(|entry| entry.worker == *worker);
        match (self.bug, before) {
            (Planted::DrainUntold, before) => Ok(before),
            (Planted::DrainForEver, before) if !draining => Ok(before),
            (Planted::DrainOfAll, _) => {
                for entry in self.all().await? {
                    self.catalog.drain(&entry.worker, draining, &[]).await?;
                }
                self.catalog.drain(worker, draining, audit).await
            }
            (Planted::DrainBeginsAnew, Some(_)) if draining => {
                self.catalog.drain(worker, false, &[]).await?;
                self.catalog.drain(worker, true, audit).await
            }
            (Planted::DrainRecordsAnyone, None) => {
                self.catalog.attend(worker, &WorkerFacts::default(), Duration::ZERO).await?;
                self.catalog.drain(worker, draining, audit).await
            }
            _ => self.catalog.drain(worker, draining, audit).await,
        }
    }

    async fn leave(&self, worker: &WorkerId) -> Stored {
        match self.bug {
            Planted::LeaveUntold => Ok(()),
            Planted::LeaveOfAll => {
                for entry in self.all().await? {
                    self.catalog.leave(&entry.worker).await?;
                }
                Ok(())
            }
            Planted::LeaveRecordsAnyone => {
                let known = self.all().await?.into_iter().any(|entry| entry.worker == *worker);
                if !known {
                    self.catalog.attend(worker, &WorkerFacts::default(), Duration::ZERO).await?;
                }
                self.catalog.leave(worker).await
            }
            _ => self.catalog.leave(worker).await,
        }
    }

    async fn workers(&self, owner: &Owner, now: DateTime<Utc>, limit: usize) -> Stored<Vec<WorkerOverview>> {
        let limit = if self.bug == Planted::WorkersIgnoreLimit { usize::MAX } else { limit };
        let mut list = self.catalog.workers(owner, now, limit).await?;
        match self.bug {
            Planted::WorkersUnsorted => list.sort_by(|one, other| one.entry.worker.cmp(&other.entry.worker)),
            Planted::OthersUncounted => list.iter_mut().for_each(|one| one.running.others = 0),
            Planted::WorkOfAnyone => {
                let owners: BTreeSet<Owner> =
                    self.catalog.all_jobs().into_iter().map(|job| job.owner).collect();
                for other in owners.iter().filter(|other| *other != owner) {
                    let theirs = self.catalog.workers(other, now, limit).await?;
                    for (one, theirs) in list.iter_mut().zip(theirs) {
                        one.running.named.extend(theirs.running.named);
                    }
                }
            }
            _ => {}
        }
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|one| !lost.contains(&one.entry.worker));
        Ok(list)
    }

    async fn forget_workers(&self) -> Stored<usize> {
        match self.bug {
            Planted::WorkersNeverForgotten => return Ok(0),
            Planted::LeftForgottenAtOnce => self.loses(|entry| entry.left_at.is_some()).await?,
            Planted::SilentForgottenEarly => {
                let now = self.catalog.now().await?;
                self.loses(|entry| entry.left(now).is_old(now) || entry.lease.expires_at <= now).await?;
            }
            _ => {}
        }
        self.catalog.forget_workers().await
    }
}
