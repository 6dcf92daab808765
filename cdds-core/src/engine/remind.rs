//! Tells of what no execution causes, as a part of keeping house: sets that expire and that nobody has
//! fetched, certificates that jobs need and that expire (rule N8).

use tracing::info;

use super::EngineError;
use super::worker::Shared;
use crate::ports::catalog::CatalogError;

/// The number of rows that one transaction looks at.
const PAGE: usize = 500;

impl Shared {
    /// Stores the notices that have become due, page by page. Nothing is told while the clock is in doubt.
    pub(super) async fn remind(&self) -> Result<(), EngineError> {
        if self.is_clock_in_doubt().await? {
            return Ok(());
        }
        let stored = self.tell_of_sets().await? + self.tell_of_certificates().await?;
        if stored > 0 {
            info!(name: "notices.stored", target: "cdds", stored, "notices of what is about to expire were stored");
        }
        Ok(())
    }

    /// Tells of sets that nobody has fetched. Returns how many notices were stored.
    async fn tell_of_sets(&self) -> Result<usize, CatalogError> {
        let (mut stored, mut behind) = (0, None);
        loop {
            let told = self.ports.catalog.tell_of_expiring(behind, PAGE).await?;
            stored += told.stored;
            behind = told.next;
            if behind.is_none() {
                return Ok(stored);
            }
        }
    }

    /// Tells of certificates. Returns how many notices were stored.
    async fn tell_of_certificates(&self) -> Result<usize, CatalogError> {
        let (mut stored, mut behind) = (0, None);
        loop {
            let told = self.ports.catalog.tell_of_certificates(behind, PAGE).await?;
            stored += told.stored;
            behind = told.next;
            if behind.is_none() {
                return Ok(stored);
            }
        }
    }
}
