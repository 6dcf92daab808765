//! Planted bugs of what the catalog forgets, and of who keeps house.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::people::owners;
use super::planted::{PlantedBug, Tampered};
use crate::domain::id::WorkerId;
use crate::domain::keeping::sweep::Swept;
use crate::domain::work::worker::{WorkerEntry, WorkerFacts};
use crate::ports::catalog::query::{ArtifactQuery, Slice};
use crate::ports::catalog::{CatalogError, Forget, Removal};

impl Tampered {
    pub(super) async fn keep_house(&self, worker: &WorkerId, lease: Duration) -> Result<bool, CatalogError> {
        let kept = self.inner.keep_house(worker, lease).await?;
        Ok(kept || self.has(PlantedBug::HouseKeptTwice))
    }

    pub(super) async fn attend(
        &self,
        worker: &WorkerId,
        facts: &WorkerFacts,
        lease: Duration,
    ) -> Result<WorkerEntry, CatalogError> {
        match self.bug {
            Some(PlantedBug::SignOfLifeLost) => {
                let now = self.inner.now().await?;
                Ok(WorkerEntry::attended(None, worker, facts, now, lease))
            }
            Some(PlantedBug::DeadShownAlive) => self.inner.attend(worker, facts, lease * 10_000).await,
            _ => self.inner.attend(worker, facts, lease).await,
        }
    }

    pub(super) async fn forget(&self, page: &Forget) -> Result<Swept, CatalogError> {
        match self.bug {
            Some(PlantedBug::ForgetsNothing) => Ok(Swept::default()),
            Some(PlantedBug::ForgetsTooMuch) => {
                self.take_for_gone(page.cutoffs.ended).await?;
                self.inner.forget(page).await
            }
            _ => self.inner.forget(page).await,
        }
    }

    /// Takes the files of all sets that are as old as this for gone, even those on hold.
    async fn take_for_gone(&self, until: DateTime<Utc>) -> Result<(), CatalogError> {
        let everything = Slice::first(u64::from(u32::MAX));
        let long_ago = DateTime::UNIX_EPOCH;
        for owner in owners() {
            let query = ArtifactQuery { slice: everything.clone(), ..ArtifactQuery::default() };
            for overview in self.inner.artifacts(&owner, &query).await?.items {
                let file = overview.artifact;
                // The first file stands for its set.
                if file.created_at > until || file.part > 1 {
                    continue;
                }
                let execution = file.execution_id;
                self.inner.hold(&owner, execution, false, &[]).await?;
                self.inner.delete_execution(&owner, execution, long_ago, &[]).await?;
                self.inner.confirm_removed(&Removal::Set { execution }, long_ago).await?;
            }
        }
        Ok(())
    }
}
