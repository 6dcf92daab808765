//! Planted bugs of the catalog's notices.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::people::owners;
use super::planted::{PlantedBug, Tampered};
use crate::domain::id::{ExecutionId, NoticeId, Owner, WorkerId};
use crate::domain::notice::expiring::SetPlace;
use crate::domain::notice::{Channel, Notice};
use crate::domain::work::row::{WorkOutcome, WorkState, WorkStatus};
use crate::ports::catalog::query::{ArtifactQuery, NoticeQuery, Slice};
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Fence, NoticeClaim, Told};

impl Tampered {
    pub(super) async fn claim_notices(&self, claim: &NoticeClaim) -> Result<Vec<Notice>, CatalogError> {
        if self.has(PlantedBug::NoticeBlocksOthers) && self.waits_for_retry(self.inner.now().await?).await? {
            return Ok(Vec::new());
        }
        self.inner.claim_notices(claim).await
    }

    /// Whether a notice failed and is not to be tried yet.
    async fn waits_for_retry(&self, now: DateTime<Utc>) -> Result<bool, CatalogError> {
        let query = NoticeQuery::default().with_status(WorkStatus::Waiting);
        for owner in owners() {
            let waiting = self.inner.notices(&owner, &query).await?.items;
            let later = |notice: &Notice| match notice.work.state {
                WorkState::Waiting { next_attempt_at } => next_attempt_at > now,
                _ => false,
            };
            if waiting.iter().any(|notice| notice.work.attempts.count > 0 && later(notice)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) async fn settle_notice(
        &self,
        fence: Fence<NoticeId>,
        outcome: &WorkOutcome,
    ) -> Result<Notice, CatalogError> {
        match self.inner.settle_notice(fence, outcome).await {
            Err(error)
                if error.kind() == CatalogErrorKind::Fenced && self.has(PlantedBug::NoticeWithoutFence) =>
            {
                let query = NoticeQuery::default().with_id(fence.id);
                for owner in owners() {
                    for notice in self.inner.notices(&owner, &query).await?.items {
                        if notice.work.status() == WorkStatus::Held {
                            return self.inner.settle_notice(notice.work.fence(), outcome).await;
                        }
                    }
                }
                Err(error)
            }
            result => result,
        }
    }

    pub(super) async fn tell_of_expiring(
        &self,
        behind: Option<SetPlace>,
        limit: usize,
    ) -> Result<Told<SetPlace>, CatalogError> {
        match self.bug {
            Some(PlantedBug::ExpiryUntold) => Ok(Told { stored: 0, next: None }),
            Some(PlantedBug::HeldSaidToExpire) => {
                let held = self.held().await?;
                for (owner, execution) in &held {
                    self.inner.hold(owner, *execution, false, &[]).await?;
                }
                let told = self.inner.tell_of_expiring(behind, limit).await;
                for (owner, execution) in &held {
                    self.inner.hold(owner, *execution, true, &[]).await?;
                }
                told
            }
            _ => self.inner.tell_of_expiring(behind, limit).await,
        }
    }

    /// Returns the sets on hold.
    async fn held(&self) -> Result<BTreeSet<(Owner, ExecutionId)>, CatalogError> {
        let query = ArtifactQuery::default().with_hold(true).with_slice(Slice::first(u64::from(u32::MAX)));
        let mut held = BTreeSet::new();
        for owner in owners() {
            let files = self.inner.artifacts(&owner, &query).await?.items;
            held.extend(files.into_iter().map(|file| (owner.clone(), file.artifact.execution_id)));
        }
        Ok(held)
    }

    /// Loses the notices that wait, as if they had never been stored.
    pub(super) async fn lose_notices(&self) -> Result<(), CatalogError> {
        let worker = WorkerId::of(uuid::Uuid::nil());
        let claim = NoticeClaim::new(Channel::Host, worker, Duration::from_secs(60), usize::MAX);
        for notice in self.inner.claim_notices(&claim).await? {
            self.inner.settle_notice(notice.work.fence(), &WorkOutcome::Done).await?;
        }
        Ok(())
    }
}
