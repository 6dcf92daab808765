//! Bugs of deliveries, and of the health of their destinations.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::Planted;
use crate::domain::access::audit::AuditRecord;
use crate::domain::delivery::destination::ServerIdentity;
use crate::domain::delivery::health::{ContactOutcome, Health, TargetId};
use crate::domain::delivery::{Delivery, DeliveryProgress, JobDestination};
use crate::domain::id::{DeliveryId, DestinationId, ExecutionId, Owner};
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::work::retry::WorkRetry;
use crate::domain::work::row::{GivenUp, WorkOutcome, WorkState, WorkStatus};
use crate::ports::catalog::query::{DeliveryQuery, NoticeQuery, Page};
use crate::ports::catalog::{
    Catalog, CatalogError, CatalogErrorKind, CatalogLayer, DeliveryClaim, DeliveryStore, Fence, Outbox,
    WorkQueue,
};
use crate::testing::MemoryCatalog;

/// A catalog that keeps deliveries wrongly.
#[derive(Debug)]
pub(super) struct Delivering {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
    /// Every delivery as it was last seen.
    pub(super) seen: Mutex<BTreeMap<DeliveryId, Delivery>>,
}

type Stored<T = ()> = Result<T, CatalogError>;

impl Delivering {
    fn has(&self, bug: Planted) -> bool {
        self.bug == bug
    }

    async fn all(&self) -> Stored<Vec<Delivery>> {
        let mut owners: Vec<Owner> = self.catalog.all_jobs().into_iter().map(|job| job.owner).collect();
        owners.sort();
        owners.dedup();
        let mut all = Vec::new();
        for owner in owners {
            all.extend(self.catalog.deliveries(&owner, &DeliveryQuery::default()).await?.items);
        }
        Ok(all)
    }

    async fn known(&self, id: DeliveryId) -> Stored<Option<Delivery>> {
        Ok(self.all().await?.into_iter().find(|one| one.work.id == id))
    }

    async fn health_of(&self, target: &TargetId) -> Stored<Health> {
        let known = self.catalog.health().await?;
        Ok(known.into_iter().find(|(id, _)| id == target).map(|(_, health)| health).unwrap_or_default())
    }

    /// With the bug, goes by the present claim instead of the one that asks.
    async fn present(&self, bug: Planted, fence: Fence<DeliveryId>) -> Stored<Fence<DeliveryId>> {
        let known = if self.has(bug) { self.known(fence.id).await? } else { None };
        Ok(known.map_or(fence, |known| known.work.fence()))
    }

    /// Claims deliveries to destinations as if none were disabled.
    async fn claims_disabled(&self, claim: &DeliveryClaim) -> Stored<Vec<Delivery>> {
        let disabled: Vec<_> =
            self.catalog.health().await?.into_iter().filter(|(_, health)| !health.is_enabled()).collect();
        for (target, health) in &disabled {
            self.catalog.set_health(target, health, &health.clone().enabled(), &[]).await?;
        }
        let claimed = self.catalog.claim_deliveries(claim).await?;
        for (target, health) in &disabled {
            self.catalog.set_health(target, &health.clone().enabled(), health, &[]).await?;
        }
        Ok(claimed)
    }

    /// Returns a listed delivery as a catalog with this bug shows it; `None` if it does not.
    fn shown(&self, mut one: Delivery, of: &[Delivery]) -> Option<Delivery> {
        let is_gone = matches!(one.work.state, WorkState::GivenUp { reason: GivenUp::Gone, .. });
        match self.bug {
            Planted::DeliveriesNotStored if one.work.epoch == 0 => return None,
            Planted::DeliveryOfOneDestination => {
                let first = of.iter().filter(|other| other.execution_id == one.execution_id);
                let first = first.map(|other| &other.to.destination).min();
                return (first == Some(&one.to.destination)).then_some(one);
            }
            Planted::RemovedKeepsDeliveries if is_gone => {
                one.work.state = WorkState::Waiting { next_attempt_at: one.created_at };
            }
            Planted::RemovedTakesDone => {
                let siblings = of.iter().filter(|other| other.execution_id == one.execution_id);
                let mut gone = siblings.filter_map(|other| match other.work.state {
                    WorkState::GivenUp { reason: GivenUp::Gone, at } => Some(at),
                    _ => None,
                });
                if let Some(at) = gone.next() {
                    one.work.state = WorkState::GivenUp { reason: GivenUp::Gone, at };
                }
            }
            Planted::TakenBackLosesProgress if one.work.status() == WorkStatus::Waiting => {
                one.progress = DeliveryProgress::default();
            }
            _ => {}
        }
        Some(one)
    }

    /// Whether a catalog with this bug shows a notice.
    fn tells(&self, notice: &Notice) -> bool {
        let untold = match self.bug {
            Planted::DeliveredUntold => NoticeKind::Delivered,
            Planted::DeliveryFailedUntold | Planted::TakenBackUntold => NoticeKind::DeliveryFailed,
            Planted::DisabledUntold => NoticeKind::Disabled,
            _ => return true,
        };
        notice.kind != untold
    }
}

#[async_trait]
impl CatalogLayer for Delivering {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Stored<Vec<Delivery>> {
        let mut claim = claim.clone();
        match self.bug {
            Planted::DeliveriesForgetTurns => self.catalog.forget_turns(),
            Planted::DeliveriesIgnoreLimit => claim.limit += 1,
            Planted::DeliveriesIgnoreDestination => claim.per_destination = None,
            Planted::DestinationLimitPerClaim => {
                let all = self.all().await?;
                let held = all.iter().filter(|one| one.work.status() == WorkStatus::Held).count();
                let held = u32::try_from(held).unwrap_or(u32::MAX);
                claim.per_destination = claim.per_destination.map(|limit| limit.saturating_add(held));
            }
            Planted::DeliveriesToUnknown => {
                claim.destinations.extend(self.all().await?.into_iter().map(|one| one.to.destination));
            }
            Planted::DeliveriesToDisabled => return self.claims_disabled(&claim).await,
            Planted::DeliveriesTakeLive => claim.lease = Duration::ZERO,
            Planted::DeliveriesNeverTakenBack => claim.lease *= 10_000,
            _ => {}
        }
        self.catalog.claim_deliveries(&claim).await
    }

    async fn beat_delivery(
        &self,
        fence: Fence<DeliveryId>,
        lease: Duration,
        progress: DeliveryProgress,
    ) -> Stored {
        let fence = self.present(Planted::DeliveryBeatIgnoresEpoch, fence).await?;
        match (self.bug, self.known(fence.id).await?) {
            (Planted::DeliveryBeatLosesProgress, Some(known)) => {
                self.catalog.beat_delivery(fence, lease, known.progress).await
            }
            (Planted::DeliveryBeatRenewsNothing, Some(known)) => match &known.work.state {
                WorkState::Held { lease, .. } => {
                    let left = lease.expires_at - self.catalog.now().await?;
                    self.catalog.beat_delivery(fence, left.to_std().unwrap_or_default(), progress).await
                }
                _ => self.catalog.beat_delivery(fence, lease, progress).await,
            },
            _ => self.catalog.beat_delivery(fence, lease, progress).await,
        }
    }

    async fn settle_delivery(
        &self,
        fence: Fence<DeliveryId>,
        outcome: &WorkOutcome,
        progress: DeliveryProgress,
    ) -> Stored<Delivery> {
        let fence = self.present(Planted::DeliverySettleIgnoresEpoch, fence).await?;
        let known = self.known(fence.id).await?;
        let (mut outcome, mut progress) = (outcome.clone(), progress);
        match (self.bug, known, &mut outcome) {
            (Planted::DeliverySettleLosesProgress, Some(known), _) => progress = known.progress,
            (Planted::DeliveryGivenUpAtOnce, _, WorkOutcome::Failed { failure, .. }) => {
                failure.retryable = false;
            }
            (Planted::DeliveryDoneOnce, Some(known), _) if known.work.status() == WorkStatus::Done => {
                return Err(CatalogError::new(CatalogErrorKind::Fenced, "a planted bug"));
            }
            _ => {}
        }
        self.catalog.settle_delivery(fence, &outcome, progress).await
    }

    async fn redeliver(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        to: &JobDestination,
        audit: &[AuditRecord],
    ) -> Stored<Delivery> {
        let all = self.all().await?;
        let known = |one: &&Delivery| {
            one.execution_id == execution && one.to.destination == to.destination && one.work.owner == *owner
        };
        let known = all.iter().find(known).cloned();
        let mut again = match (self.catalog.redeliver(owner, execution, to, audit).await, &known) {
            (Err(_), Some(known)) if self.has(Planted::RedeliversHeld) => known.clone(),
            (answer, _) => answer?,
        };
        match (self.bug, known) {
            (Planted::RedeliverKeepsProgress, Some(known)) => again.progress = known.progress,
            (Planted::RedeliverKeepsAttempts, Some(known)) => again.work.attempts = known.work.attempts,
            (Planted::RedeliverKeepsFolder, Some(known)) => again.to = known.to,
            _ => {}
        }
        Ok(again)
    }

    async fn deliveries(&self, owner: &Owner, query: &DeliveryQuery) -> Stored<Page<Delivery>> {
        let mut query = query.clone();
        match self.bug {
            Planted::DeliveriesIgnoreId => query.id = None,
            Planted::DeliveriesIgnoreExecution => query.execution = None,
            Planted::DeliveriesIgnoreExecutions => query.executions = None,
            Planted::DeliveriesIgnoreStatus => query.status = None,
            Planted::DeliveriesOfAnyDestination => query.destination = None,
            _ => {}
        }
        let mut page = self.catalog.deliveries(owner, &query).await?;
        if self.has(Planted::DeliveriesOutliveExecution) {
            let all = self.all().await?;
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.extend(all.iter().map(|one| (one.work.id, one.clone())));
            let lost = seen.values().filter(|one| !all.iter().any(|other| other.work.id == one.work.id));
            let asked = lost.filter(|one| query.execution.is_none_or(|id| one.execution_id == id));
            page.items.extend(asked.filter(|one| one.work.owner == *owner).cloned());
        }
        let of = page.items.clone();
        page.items = page.items.into_iter().filter_map(|one| self.shown(one, &of)).collect();
        Ok(page)
    }

    async fn notices(&self, owner: &Owner, query: &NoticeQuery) -> Stored<Page<Notice>> {
        let mut page = self.catalog.notices(owner, query).await?;
        page.items.retain(|notice| self.tells(notice));
        if self.has(Planted::DeliveredEarly) {
            let done = |one: &Delivery| one.work.status() == WorkStatus::Done;
            let all = self.catalog.deliveries(owner, &DeliveryQuery::default()).await?.items;
            for notice in &mut page.items {
                let of_set = all.iter().filter(|one| Some(one.execution_id) == notice.execution_id());
                if notice.kind == NoticeKind::Published && of_set.clone().any(done) {
                    notice.kind = NoticeKind::Delivered;
                }
            }
        }
        Ok(page)
    }

    async fn contacted(&self, target: &TargetId, outcome: &ContactOutcome) -> Stored<Health> {
        let outcome = match (self.bug, outcome) {
            (Planted::GoneStaysEnabled, ContactOutcome::Gone { message }) => {
                ContactOutcome::Failed { message: message.clone() }
            }
            (_, outcome) => outcome.clone(),
        };
        let health = self.catalog.contacted(target, &outcome).await?;
        let wrong = match (self.bug, &outcome) {
            (Planted::PinsTheLatest, ContactOutcome::Worked { identity: Some(shown) }) => {
                let shown: ServerIdentity = shown.clone();
                health.clone().pinning(Some(shown))
            }
            (Planted::NeverDisabled, _) => health.clone().enabled(),
            _ => return Ok(health),
        };
        self.catalog.set_health(target, &health, &wrong, &[]).await?;
        Ok(wrong)
    }

    async fn set_health(
        &self,
        target: &TargetId,
        before: &Health,
        after: &Health,
        audit: &[AuditRecord],
    ) -> Stored {
        match self.bug {
            Planted::HealthIgnoresBefore => {
                let known = self.health_of(target).await?;
                self.catalog.set_health(target, &known, after, audit).await
            }
            Planted::EnabledStartsNothing if after.is_enabled() => {
                // The deliveries are claimed and given up once more, as if nothing had started over.
                let waits = |one: &Delivery| one.work.status() == WorkStatus::GivenUp;
                let given_up: Vec<_> = self.all().await?.into_iter().filter(waits).collect();
                self.catalog.set_health(target, before, after, audit).await?;
                let worker = crate::domain::id::WorkerId::of(uuid::Uuid::nil());
                let known: Vec<DestinationId> =
                    given_up.iter().map(|one| one.to.destination.clone()).collect();
                let claim = DeliveryClaim::new(worker, Duration::from_secs(60), usize::MAX, known)
                    .with_per_destination(NonZeroU32::new(u32::MAX));
                for taken in self.catalog.claim_deliveries(&claim).await? {
                    let failure = crate::domain::work::row::WorkFailure::permanent("a planted bug");
                    let outcome = WorkOutcome::Failed { failure, retry: WorkRetry::default() };
                    self.catalog.settle_delivery(taken.work.fence(), &outcome, taken.progress).await?;
                }
                Ok(())
            }
            _ => self.catalog.set_health(target, before, after, audit).await,
        }
    }
}
