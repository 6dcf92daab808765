//! Bugs of sets that are recalled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::Planted;
use crate::domain::access::audit::AuditRecord;
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::id::{ExecutionId, Owner, SubjectRequestId};
use crate::domain::notice::recall::Recalled;
use crate::ports::catalog::{
    ArtifactStore, AuditStore, Catalog, CatalogError, CatalogLayer, CopyStore, Outbox,
};
use crate::testing::MemoryCatalog;

/// A catalog that recalls sets wrongly.
#[derive(Debug)]
pub(super) struct Recalling {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
    /// The request for which each set was recalled first.
    pub(super) first: Mutex<BTreeMap<ExecutionId, SubjectRequestId>>,
}

type Stored<T = ()> = Result<T, CatalogError>;

impl Recalling {
    fn owners(&self) -> BTreeSet<Owner> {
        self.catalog.all_jobs().into_iter().map(|job| job.owner).collect()
    }

    fn first(&self, set: ExecutionId, request: SubjectRequestId) -> SubjectRequestId {
        *self.first.lock().unwrap_or_else(PoisonError::into_inner).entry(set).or_insert(request)
    }
}

#[async_trait]
impl CatalogLayer for Recalling {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn set_as_published(&self, owner: &Owner, execution: ExecutionId) -> Stored<Option<ArtifactSet>> {
        match self.bug {
            Planted::PublishedWithoutRemoved => self.catalog.artifact_set(owner, execution).await,
            Planted::PublishedOfAnyone => {
                for owner in self.owners() {
                    if let Some(set) = self.catalog.set_as_published(&owner, execution).await? {
                        return Ok(Some(set));
                    }
                }
                Ok(None)
            }
            _ => self.catalog.set_as_published(owner, execution).await,
        }
    }

    async fn recall(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
        sets: &[(ExecutionId, AuditRecord)],
    ) -> Stored<Vec<Recalled>> {
        let mut recalled = Vec::new();
        for (set, entry) in sets {
            let (mut request, mut entry, mut owners) =
                (request, entry.clone(), BTreeSet::from([owner.clone()]));
            match self.bug {
                Planted::RecallUntold => continue,
                Planted::RecallOfAnyone => owners = self.owners(),
                Planted::RecallOncePerSet => request = self.first(*set, request),
                Planted::RecallOfKeptAlone if self.catalog.artifact_set(owner, *set).await?.is_none() => {
                    continue;
                }
                Planted::RecallUnaudited => entry.owner = Owner::default(),
                _ => {}
            }
            for owner in owners {
                let one = self.catalog.recall(&owner, request, &[(*set, entry.clone())]).await?;
                let is_known = !one.is_empty() && one.iter().all(|one| !one.is_new);
                if self.bug == Planted::RecallAuditedAgain && is_known {
                    self.catalog.record(&entry).await?;
                }
                recalled.extend(one);
            }
        }
        Ok(recalled)
    }
}
