//! Bugs with the database of time zones.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Planted;
use crate::domain::calendar::zone::database::{Clocks, Database};
use crate::domain::job::JobChange;
use crate::ports::catalog::{
    Agenda, Catalog, CatalogError, CatalogLayer, Claim, Claimed, DueJob, JobStore, WorkQueue, ZoneRecord,
};
use crate::testing::MemoryCatalog;

/// A catalog that computes jobs by several databases.
#[derive(Debug)]
pub(super) struct Zoning {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
}

impl Zoning {
    /// Returns the clocks of any worker if this bug does not look at them.
    fn any(&self, bug: Planted, clocks: Clocks) -> Clocks {
        if self.bug != bug {
            return clocks;
        }
        "9999z".parse().map_or(clocks, Clocks::UpTo)
    }
}

#[async_trait]
impl CatalogLayer for Zoning {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn due(
        &self,
        now: DateTime<Utc>,
        limit: usize,
        clocks: Clocks,
    ) -> Result<Vec<DueJob>, CatalogError> {
        self.catalog.due(now, limit, self.any(Planted::DueOfAnyClock, clocks)).await
    }

    async fn agenda(&self, clocks: Clocks) -> Result<Agenda, CatalogError> {
        self.catalog.agenda(self.any(Planted::AgendaOfAnyClock, clocks)).await
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError> {
        let clocks = self.any(Planted::ClaimsOfAnyClock, claim.clocks);
        self.catalog.claim(&claim.clone().with_clocks(clocks)).await
    }

    async fn zones(&self) -> Result<Option<ZoneRecord>, CatalogError> {
        let record = self.catalog.zones().await?;
        Ok(record.filter(|_| self.bug != Planted::ZonesForgotten))
    }

    async fn renew_zones(
        &self,
        database: &Database,
        accepts_older: bool,
    ) -> Result<ZoneRecord, CatalogError> {
        let before = self.catalog.all_jobs();
        let accepts_older = accepts_older || self.bug == Planted::RenewTakesOlder;
        let record = self.catalog.renew_zones(database, accepts_older).await?;
        if self.bug == Planted::RenewMovesNothing {
            for (before, after) in before.into_iter().zip(self.catalog.all_jobs()) {
                if before.revision != after.revision {
                    self.catalog.change_job(&JobChange::of(before), after.revision, &[]).await?;
                }
            }
        }
        Ok(record)
    }
}
