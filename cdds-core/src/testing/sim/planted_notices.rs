//! Planted bugs of the catalog's notices.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::people::owners;
use super::planted::{PlantedBug, Tampered};
use crate::domain::id::{NoticeId, WorkerId};
use crate::domain::notice::{Channel, Notice};
use crate::domain::work::row::{WorkOutcome, WorkState, WorkStatus};
use crate::ports::catalog::query::NoticeQuery;
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Fence, NoticeClaim};

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
