//! The record as one engine reaches it: calls may fail or lose their replies, and each that changes a delivery or a
//! notice is checked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::super::report::{Invariant, Who};
use super::board::Board;
use super::bug::DeliveryBug;
use super::certificates;
use super::spots::Place;
use crate::domain::archive::artifact::{ArtifactSet, StoredManifest};
use crate::domain::delivery::health::{ContactOutcome, Health, TargetId};
use crate::domain::delivery::{Delivery, DeliveryProgress};
use crate::domain::id::{DeliveryId, DestinationId, ExecutionId, JobId, NoticeId, Owner};
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::work::retry::WorkRetry;
use crate::domain::work::row::{GivenUp, WorkOutcome, WorkState, WorkStatus};
use crate::ports::catalog::query::DeliveryQuery;
use crate::ports::catalog::{
    ArtifactStore, Catalog, CatalogError, CatalogErrorKind, CatalogLayer, DeliveryClaim, DeliveryStore,
    ExecutionStore, Fence, NoticeClaim, Outbox, Publication, Told, WorkQueue,
};

/// For how long a delivery is tried before it is given up.
const PERIOD: TimeDelta = TimeDelta::hours(72);

/// The record as one engine reaches it, or whoever publishes.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) board: Arc<Board>,
    /// The engine; `None` for who publishes.
    pub(super) engine: Option<usize>,
    pub(super) places: Arc<BTreeMap<DestinationId, Arc<Place>>>,
}

/// How many deliveries to one place engines hold at most.
const HELD_MAX: u32 = 2;

type Stored<T = ()> = Result<T, CatalogError>;

impl Record {
    fn who(&self) -> Who {
        self.engine.map_or(Who::World, Who::Engine)
    }

    /// Meets what may go wrong before a call, or with its reply.
    async fn stumble(&self, call: &str) -> Stored {
        if let Some(engine) = self.engine {
            self.board.stumble(engine).await;
            if self.board.loses() {
                self.board.note(self.who(), format!("loses a call or a reply: {call}"));
                return Err(CatalogError::new(CatalogErrorKind::Unavailable, "a simulated fault"));
            }
        }
        Ok(())
    }

    fn holds(&self, change: impl FnOnce(&mut BTreeMap<DeliveryId, u64>)) {
        if let Some(engine) = self.engine {
            change(&mut self.board.state().lives[engine].holds);
        }
    }

    /// Forgets a claim, but not a later one of the same engine.
    fn lets_go(&self, fence: Fence<DeliveryId>) {
        self.holds(|holds| {
            if holds.get(&fence.id) == Some(&fence.epoch) {
                holds.remove(&fence.id);
            }
        });
    }

    /// Returns a delivery of any owner.
    fn known(&self, id: DeliveryId) -> Option<Delivery> {
        let owner = self.board.state().sets.get(&id)?.owner.clone();
        self.board.delivery(&owner, id)
    }

    /// N-I4: no more deliveries to a place are held than any claim allows.
    async fn check_limit(&self) -> Stored {
        let mut held: BTreeMap<DestinationId, u32> = BTreeMap::new();
        for owner in super::sets::owners() {
            let query = DeliveryQuery::default().with_status(WorkStatus::Held);
            for one in self.board.catalog.deliveries(&owner, &query).await?.items {
                *held.entry(one.to.destination).or_default() += 1;
            }
        }
        if let Some((place, count)) = held.iter().find(|(_, count)| **count > HELD_MAX) {
            self.board.violate(Invariant::Alone, format!("{count} deliveries to {place} are held"));
        }
        Ok(())
    }

    /// Checks the end of an attempt, as it is on record.
    fn check_settled(&self, before: Option<&Delivery>, fence: Fence<DeliveryId>, after: &Delivery) {
        let held = before.is_some_and(|before| {
            let same = before.work.epoch == fence.epoch;
            same && matches!(before.work.state, WorkState::Held { .. } | WorkState::Done { .. })
        });
        let told = format!("{:?} to {}", after.work, after.to.destination);
        self.board.note(Who::Record, told.clone());
        if !held {
            return self.board.violate(Invariant::I6, format!("claim {} has ended {told}", fence.epoch));
        }
        let now = self.board.timeline.now();
        let mut state = self.board.state();
        let Some(set) = state.sets.get(&fence.id).cloned() else { return };
        state.figures.failed += u64::from(after.work.status() != WorkStatus::Done);
        match &after.work.state {
            WorkState::Done { .. } => {
                state.figures.delivered += 1;
                let missing = state.missing(&set);
                drop(state);
                if let Some(missing) = missing {
                    self.board.violate(Invariant::Arrives, format!("{told}, but {missing} has not arrived"));
                }
            }
            WorkState::GivenUp { reason, .. } => {
                state.figures.given_up += 1;
                state.given_up.insert(set.execution);
                drop(state);
                let place = self.places.get(&set.destination);
                let lawful = match reason {
                    GivenUp::Exhausted => is_exhausted(after, now),
                    GivenUp::Refused => place.is_some_and(|place| place.may_refuse()),
                    GivenUp::Gone => true,
                };
                if !lawful {
                    self.board.violate(Invariant::Arrives, format!("given up without need: {told}"));
                }
            }
            WorkState::Waiting { .. } | WorkState::Held { .. } => {}
        }
    }

    async fn settles(
        &self,
        fence: Fence<DeliveryId>,
        outcome: &WorkOutcome,
        progress: DeliveryProgress,
    ) -> Stored<Delivery> {
        let before = self.known(fence.id);
        let mut outcome = outcome.clone();
        if let (WorkOutcome::Failed { failure, .. }, true) =
            (&mut outcome, self.board.has(DeliveryBug::GivenUpAtOnce))
        {
            failure.retryable = false;
        }
        if let (WorkOutcome::Failed { .. }, true) = (&outcome, self.board.has(DeliveryBug::DoneUnsent)) {
            outcome = WorkOutcome::Done;
        }
        let settled = match self.board.catalog.settle_delivery(fence, &outcome, progress).await {
            Err(error) if error.kind() == CatalogErrorKind::Fenced => {
                self.board.state().figures.fenced += 1;
                match before.clone().filter(|_| self.board.has(DeliveryBug::SettledWithoutFence)) {
                    // As if the report had been stored over whatever is there.
                    Some(stored) => Ok(stored),
                    None => Err(error),
                }
            }
            settled => settled,
        };
        let after = settled?;
        self.confirms(fence.id, after.progress);
        self.check_settled(before.as_ref(), fence, &after);
        Ok(after)
    }

    /// Remembers what is confirmed on record.
    fn confirms(&self, id: DeliveryId, progress: DeliveryProgress) {
        if let Some(set) = self.board.state().sets.get_mut(&id) {
            set.confirmed = set.confirmed.max(progress.files);
        }
    }

    /// Alters a publication that was stored, as a catalog with the planted bug does.
    async fn after_publication(&self, execution: ExecutionId, owner: &Owner) -> Stored {
        if self.board.has(DeliveryBug::StoredOutside) && execution.0.as_u128().is_multiple_of(4) {
            self.board.catalog.lose_deliveries(execution);
        }
        if self.board.has(DeliveryBug::ToldEarly) {
            let now = self.board.catalog.now().await?;
            if let Some(found) = self.board.catalog.execution(owner, execution, now).await? {
                let early = Notice::about(&found.execution, NoticeKind::Delivered, None, now);
                self.board.catalog.tell(early);
            }
        }
        Ok(())
    }
}

/// Whether a delivery was tried for as long as it has to be.
pub(super) fn is_exhausted(delivery: &Delivery, now: DateTime<Utc>) -> bool {
    now - delivery.work.attempts.first_at.unwrap_or(now) >= PERIOD
}

#[async_trait]
impl CatalogLayer for Record {
    fn inner(&self) -> &dyn Catalog {
        &*self.board.catalog
    }

    async fn publish(&self, fence: Fence, publication: &Publication) -> Stored {
        self.board.catalog.publish(fence, publication).await?;
        let owner = publication.set.artifacts.first().map(|file| file.owner.clone());
        self.after_publication(fence.id, &owner.unwrap_or_default()).await
    }

    async fn artifact_set(&self, owner: &Owner, execution: ExecutionId) -> Stored<Option<ArtifactSet>> {
        self.stumble("artifact_set").await?;
        let mut found = self.board.catalog.artifact_set(owner, execution).await?;
        // The planted bug: an engine that takes the first part for what comes last.
        if let (Some(set), true) = (&mut found, self.board.has(DeliveryBug::ManifestFirst))
            && let Some(part) = set.artifacts.first_mut()
        {
            let manifest = &mut set.manifest;
            let last = StoredManifest {
                name: part.name.clone(),
                key: part.key.clone(),
                bytes: part.bytes,
                sha256: part.sha256,
            };
            let manifest = std::mem::replace(manifest, last);
            part.name = manifest.name;
            part.key = manifest.key;
            part.bytes = manifest.bytes;
            part.sha256 = manifest.sha256;
        }
        Ok(found)
    }

    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Stored<Vec<Delivery>> {
        let mut asked = claim.clone();
        match self.board.bug {
            Some(DeliveryBug::LimitIgnored | DeliveryBug::HangsUnlimited) => asked.per_destination = None,
            Some(DeliveryBug::CrashedGivenUp) => {
                asked.retry = WorkRetry { period: TimeDelta::zero(), ..asked.retry }
            }
            _ => {}
        }
        let before = self.board.has(DeliveryBug::ClaimNotStored).then(|| self.board.catalog.back_up());
        let mut claimed = self.board.catalog.claim_deliveries(&asked).await?;
        if let Some(before) = before.filter(|_| !claimed.is_empty()) {
            self.board.catalog.restore(&before);
        }
        if claimed.is_empty() {
            return Ok(claimed);
        }
        self.board.state().figures.attempts += claimed.len() as u64;
        for one in &claimed {
            self.board.note(self.who(), format!("takes {} to {}", one.work.id, one.to.destination));
        }
        if !self.board.has(DeliveryBug::HangsUnlimited) {
            self.check_limit().await?;
        }
        self.holds(|holds| holds.extend(claimed.iter().map(|one| (one.work.id, one.work.epoch))));
        if let Some(engine) = self.engine {
            let life = &mut self.board.state().lives[engine];
            life.thawed.retain(|id| claimed.iter().all(|one| one.work.id != *id));
        }
        if let Err(error) = self.stumble("claim_deliveries").await {
            claimed.iter().for_each(|one| self.lets_go(one.work.fence()));
            return Err(error);
        }
        if self.board.has(DeliveryBug::ProgressForgotten) {
            claimed.iter_mut().for_each(|one| one.progress = DeliveryProgress::default());
        }
        Ok(claimed)
    }

    async fn beat_delivery(
        &self,
        fence: Fence<DeliveryId>,
        lease: Duration,
        progress: DeliveryProgress,
    ) -> Stored {
        self.stumble("beat_delivery").await?;
        // A worker that asks for a claim that is not stored would do nothing at all.
        if self.board.has(DeliveryBug::ClaimNotStored) {
            return Ok(());
        }
        match self.board.catalog.beat_delivery(fence, lease, progress).await {
            Ok(()) => {
                self.confirms(fence.id, progress);
                if let Some(engine) = self.engine {
                    self.board.state().lives[engine].thawed.remove(&fence.id);
                }
            }
            Err(error) => {
                self.board.state().figures.fenced += 1;
                self.lets_go(fence);
                return Err(error);
            }
        }
        self.stumble("beat_delivery").await
    }

    async fn settle_delivery(
        &self,
        fence: Fence<DeliveryId>,
        outcome: &WorkOutcome,
        progress: DeliveryProgress,
    ) -> Stored<Delivery> {
        let before = self.stumble("settle_delivery").await;
        let settled = match before {
            Ok(()) => self.settles(fence, outcome, progress).await,
            Err(error) => Err(error),
        };
        self.lets_go(fence);
        let settled = settled?;
        self.stumble("settle_delivery").await?;
        Ok(settled)
    }

    async fn contacted(&self, target: &TargetId, outcome: &ContactOutcome) -> Stored<Health> {
        self.stumble("contacted").await?;
        let health = self.board.catalog.contacted(target, outcome).await?;
        if !health.is_enabled() {
            self.board.note(Who::Record, format!("{target} is disabled"));
        }
        Ok(health)
    }

    async fn health(&self) -> Stored<Vec<(TargetId, Health)>> {
        let mut known = self.board.catalog.health().await?;
        // The planted bug: an engine that does not look at what failed.
        if self.board.has(DeliveryBug::HangsUnlimited) {
            known.iter_mut().for_each(|(_, health)| health.failing_since = None);
        }
        Ok(known)
    }

    async fn claim_notices(&self, claim: &NoticeClaim) -> Stored<Vec<Notice>> {
        let mut asked = claim.clone();
        if self.board.has(DeliveryBug::HangsUnlimited) {
            asked.per_subscriber = None;
        }
        let claimed = self.board.catalog.claim_notices(&asked).await?;
        if !claimed.is_empty() {
            self.stumble("claim_notices").await?;
        }
        if let Some(engine) = self.engine {
            let held = claimed.iter().map(|notice| notice.work.id);
            self.board.state().lives[engine].tells.extend(held);
        }
        Ok(claimed)
    }

    async fn settle_notice(&self, fence: Fence<NoticeId>, outcome: &WorkOutcome) -> Stored<Notice> {
        let before = self.stumble("settle_notice").await;
        if let Some(engine) = self.engine {
            self.board.state().lives[engine].tells.remove(&fence.id);
        }
        before?;
        self.board.catalog.settle_notice(fence, outcome).await
    }

    async fn tell_of_certificates(&self, behind: Option<JobId>, limit: usize) -> Stored<Told<JobId>> {
        self.stumble("tell_of_certificates").await?;
        certificates::tells(&self.board, behind, limit)
    }
}
