//! Bugs of the record of copies and their filters.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Planted;
use crate::domain::access::Action;
use crate::domain::access::audit::{AuditRecord, Object, Outcome};
use crate::domain::archive::artifact::artifact_id;
use crate::domain::id::{ExecutionId, Owner};
use crate::domain::subject::copies::{CopyPlace, FilterNote, PublishedSet};
use crate::ports::catalog::query::AuditQuery;
use crate::ports::catalog::{
    ArtifactStore, AuditStore, Catalog, CatalogError, CatalogLayer, CopyStore, Fence, Publication, Removal,
    WorkQueue,
};
use crate::testing::MemoryCatalog;

/// A catalog that keeps the record of copies wrongly.
#[derive(Debug)]
pub(super) struct Copying {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
    /// The filters that were listed as removals.
    pub(super) told: Mutex<BTreeSet<ExecutionId>>,
}

type Stored<T = ()> = Result<T, CatalogError>;

impl Copying {
    fn owners(&self) -> BTreeSet<Owner> {
        self.catalog.all_jobs().into_iter().map(|job| job.owner).collect()
    }

    /// Returns the set of an execution.
    async fn published(&self, execution: ExecutionId) -> Stored<Option<PublishedSet>> {
        for owner in self.owners() {
            let sets = self.catalog.published_sets(&owner, None, usize::MAX).await?;
            if let Some(set) = sets.into_iter().find(|set| set.execution == execution) {
                return Ok(Some(set));
            }
        }
        Ok(None)
    }
}

#[async_trait]
impl CatalogLayer for Copying {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn publish(&self, fence: Fence, publication: &Publication) -> Stored {
        let mut publication = publication.clone();
        match (self.bug, &mut publication.filter) {
            (Planted::FilterNotNoted, filter) => *filter = None,
            (Planted::GapsNotNoted, Some(filter)) => filter.gaps.clear(),
            _ => {}
        }
        self.catalog.publish(fence, &publication).await
    }

    async fn published_sets(
        &self,
        owner: &Owner,
        behind: Option<CopyPlace>,
        limit: usize,
    ) -> Stored<Vec<PublishedSet>> {
        let behind = behind.filter(|_| self.bug != Planted::SetsFromTheFirst);
        let limit = if self.bug == Planted::SetsIgnoreLimit { usize::MAX } else { limit };
        let mut sets = self.catalog.published_sets(owner, behind, limit).await?;
        match self.bug {
            Planted::SetsOfAnyone => {
                for other in self.owners().into_iter().filter(|other| other != owner) {
                    sets.extend(self.catalog.published_sets(&other, behind, limit).await?);
                }
            }
            Planted::SetsIgnoreHold => sets.iter_mut().for_each(|set| set.hold = false),
            Planted::PastSetsLeftOut => sets.retain(|set| set.removed_at.is_none()),
            _ => {}
        }
        Ok(sets)
    }

    async fn subject_filter(&self, execution: ExecutionId) -> Stored<Option<FilterNote>> {
        let is_gone = self.bug == Planted::FilterGoesWithSet
            && self.published(execution).await?.is_some_and(|set| set.removed_at.is_some());
        if is_gone { Ok(None) } else { self.catalog.subject_filter(execution).await }
    }

    async fn removals(&self, limit: usize) -> Stored<Vec<Removal>> {
        let mut removals = self.catalog.removals(limit).await?;
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        removals.retain(|removal| match removal {
            Removal::Filter { execution, .. } => match self.bug {
                Planted::FilterStaysForEver => false,
                Planted::FilterRemovedOnce => told.insert(*execution),
                _ => true,
            },
            Removal::Set { .. } | Removal::File { .. } => true,
        });
        Ok(removals)
    }

    async fn confirm_removed(&self, removal: &Removal, now: DateTime<Utc>) -> Stored {
        if let (Planted::WantedFilterConfirmed, Removal::Filter { execution, .. }) = (self.bug, removal) {
            self.catalog.lose_filter(*execution);
        }
        self.catalog.confirm_removed(removal, now).await
    }

    async fn downloads_of(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        limit: usize,
    ) -> Stored<Vec<AuditRecord>> {
        let limit = if self.bug == Planted::DownloadsIgnoreLimit { usize::MAX } else { limit };
        let mut found = self.catalog.downloads_of(owner, execution, limit).await?;
        if self.bug == Planted::DownloadsOfAnyone {
            for other in self.owners().into_iter().filter(|other| other != owner) {
                found.extend(self.catalog.downloads_of(&other, execution, limit).await?);
            }
        }
        if self.bug == Planted::RefusalsAreDownloads {
            let first = Some(Object::Artifact(artifact_id(execution, 1)));
            let is_refused = |entry: &AuditRecord| {
                entry.action == Action::Download
                    && entry.outcome == Outcome::Forbidden
                    && entry.object == first
                    && entry.owner == *owner
            };
            let entries = self.catalog.audit(owner, &AuditQuery::default()).await?.items;
            found.extend(entries.into_iter().filter(is_refused));
        }
        Ok(found)
    }
}
