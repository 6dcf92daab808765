//! Deliveries, and the health of their destinations (rules N4, N5).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::queue::{self, Asked, Queued, take_over};
use super::state::{State, conflict};
use crate::domain::delivery::health::{ContactOutcome, Health, TargetId, disabled_notices};
use crate::domain::delivery::{Delivery, DeliveryProgress, JobDestination, delivery_id};
use crate::domain::execution::Execution;
use crate::domain::id::{DeliveryId, DestinationId, ExecutionId, Owner, Subscriber};
use crate::domain::work::row::{WorkOutcome, WorkRow, WorkState};
use crate::ports::catalog::{CatalogError, CatalogErrorKind, DeliveryClaim, Fence};

/// All deliveries, whose turn it is, and what is known of destinations and endpoints.
#[derive(Debug, Clone, Default)]
pub(super) struct Deliveries {
    pub(super) all: BTreeMap<DeliveryId, Delivery>,
    /// The owner who was served last (rule N4).
    turn: Option<Owner>,
    pub(super) health: BTreeMap<TargetId, Health>,
}

impl Queued for Delivery {
    type Id = DeliveryId;
    type Target = DestinationId;

    fn work(&self) -> &WorkRow<DeliveryId> {
        &self.work
    }

    fn with_work(self, work: WorkRow<DeliveryId>) -> Self {
        Self { work, ..self }
    }

    fn target(&self) -> DestinationId {
        self.to.destination.clone()
    }
}

impl Deliveries {
    pub(super) fn insert(&mut self, deliveries: Vec<Delivery>) {
        self.all.extend(deliveries.into_iter().map(|delivery| (delivery.work.id, delivery)));
    }

    /// Gives up the deliveries of a set that is not whole any more.
    pub(super) fn cancel(&mut self, execution: ExecutionId, now: DateTime<Utc>) {
        for delivery in self.all.values_mut().filter(|delivery| delivery.execution_id == execution) {
            delivery.work = delivery.work.clone().cancelled(now);
        }
    }

    /// Forgets the deliveries of an execution. Returns their number.
    pub(super) fn remove(&mut self, execution: ExecutionId) -> usize {
        let known = self.all.len();
        self.all.retain(|_, delivery| delivery.execution_id != execution);
        known - self.all.len()
    }

    /// Forgets which owner was served last.
    pub(super) fn forget_turns(&mut self) {
        self.turn = None;
    }

    pub(super) fn disabled_endpoints(&self) -> BTreeSet<Subscriber> {
        let disabled = self.health.iter().filter(|(_, health)| !health.is_enabled());
        let name = |(target, _): (&TargetId, &Health)| match target {
            TargetId::Webhook(name) => Some(name.clone()),
            TargetId::Destination(_) => None,
        };
        disabled.filter_map(name).collect()
    }

    fn is_enabled(&self, destination: &DestinationId) -> bool {
        let target = TargetId::Destination(destination.clone());
        self.health.get(&target).is_none_or(Health::is_enabled)
    }

    fn of(&self, execution: ExecutionId) -> Vec<Delivery> {
        self.all.values().filter(|delivery| delivery.execution_id == execution).cloned().collect()
    }
}

impl State {
    /// Stores the deliveries of a set that is published, and the notices of destinations that are disabled.
    pub(super) fn deliver(&mut self, published: &Execution) {
        let deliveries = Delivery::of(published);
        for delivery in &deliveries {
            let target = TargetId::Destination(delivery.to.destination.clone());
            let health = self.deliveries.health.get(&target).cloned().unwrap_or_default();
            self.notices.insert(disabled_notices(published, &target, &health));
        }
        self.deliveries.insert(deliveries);
    }

    pub(super) fn claim_deliveries(&mut self, claim: &DeliveryClaim, now: DateTime<Utc>) -> Vec<Delivery> {
        let all = |_: &Delivery| true;
        let abandoned = take_over(&mut self.deliveries.all, &all, &claim.retry, now);
        abandoned.iter().for_each(|delivery| self.tell_of(delivery, now));
        let enabled: BTreeSet<DestinationId> =
            claim.destinations.iter().filter(|id| self.deliveries.is_enabled(id)).cloned().collect();
        let takes = |delivery: &Delivery| enabled.contains(&delivery.to.destination);
        let DeliveryClaim { worker, lease, limit, per_destination, .. } = claim;
        let asked = Asked {
            worker,
            lease: *lease,
            limit: *limit,
            per_target: *per_destination,
            concerns: &all,
            takes: &takes,
            now,
        };
        let turn = self.deliveries.turn.clone();
        let (taken, turn) = queue::claim(&mut self.deliveries.all, &asked, turn);
        self.deliveries.turn = turn;
        taken
    }

    pub(super) fn beat_delivery(
        &mut self,
        fence: Fence<DeliveryId>,
        lease: Duration,
        progress: DeliveryProgress,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let delivery = self.fenced_delivery(fence)?;
        let beaten = delivery.work.clone().beaten(fence.epoch, now, lease);
        delivery.work = beaten.map_err(|error| lost(error.to_string()))?;
        delivery.progress = progress;
        Ok(())
    }

    pub(super) fn settle_delivery(
        &mut self,
        fence: Fence<DeliveryId>,
        outcome: &WorkOutcome,
        progress: DeliveryProgress,
        now: DateTime<Utc>,
    ) -> Result<Delivery, CatalogError> {
        let delivery = self.fenced_delivery(fence)?;
        let settled = delivery.work.clone().settled(fence.epoch, outcome, now);
        delivery.work = settled.map_err(|error| lost(error.to_string()))?;
        delivery.progress = progress;
        let delivery = delivery.clone();
        self.tell_of(&delivery, now);
        Ok(delivery)
    }

    fn fenced_delivery(&mut self, fence: Fence<DeliveryId>) -> Result<&mut Delivery, CatalogError> {
        let found = self.deliveries.all.get_mut(&fence.id);
        found.ok_or_else(|| lost(format!("delivery {} is gone", fence.id)))
    }

    fn tell_of(&mut self, delivery: &Delivery, now: DateTime<Utc>) {
        let Some(entry) = self.executions.get(delivery.execution_id) else { return };
        let of_set = self.deliveries.of(delivery.execution_id);
        self.notices.insert(delivery.notices(&entry.execution, &of_set, now));
    }

    pub(super) fn redeliver(
        &mut self,
        owner: &Owner,
        execution: ExecutionId,
        to: &JobDestination,
        now: DateTime<Utc>,
    ) -> Result<Delivery, CatalogError> {
        let set = self.artifact_set(owner, execution);
        let is_whole = set.is_some_and(|set| set.deleted_parts().is_empty());
        let entry = self.executions.get(execution).filter(|_| is_whole);
        let entry =
            entry.ok_or_else(|| conflict(format!("the set of execution {execution} is not whole")))?;
        let delivery = match self.deliveries.all.get(&delivery_id(execution, &to.destination)).cloned() {
            None => Delivery::new(&entry.execution, to.clone(), now),
            Some(known) => known
                .again(to.clone(), now)
                .map_err(|why| conflict(format!("execution {execution} cannot be delivered again: {why}")))?,
        };
        self.deliveries.insert(vec![delivery.clone()]);
        Ok(delivery)
    }

    pub(super) fn contacted(
        &mut self,
        target: &TargetId,
        outcome: &ContactOutcome,
        now: DateTime<Utc>,
    ) -> Health {
        let before = self.deliveries.health.get(target).cloned().unwrap_or_default();
        let after = before.clone().after(outcome.clone(), now);
        self.deliveries.health.insert(target.clone(), after.clone());
        if let TargetId::Destination(destination) = target
            && before.is_enabled()
            && !after.is_enabled()
        {
            let open = self.deliveries.all.values().filter(|one| {
                let is_open = matches!(one.work.state, WorkState::Waiting { .. } | WorkState::Held { .. });
                is_open && one.to.destination == *destination
            });
            let executions: BTreeSet<ExecutionId> = open.map(|one| one.execution_id).collect();
            for id in executions {
                let Some(entry) = self.executions.get(id) else { continue };
                self.notices.insert(disabled_notices(&entry.execution, target, &after));
            }
        }
        after
    }

    pub(super) fn set_health(
        &mut self,
        target: &TargetId,
        before: &Health,
        after: &Health,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let known = self.deliveries.health.get(target).cloned().unwrap_or_default();
        if known != *before {
            return Err(conflict(format!("{target} was used or changed in the meantime")));
        }
        self.deliveries.health.insert(target.clone(), after.clone());
        let TargetId::Destination(destination) = target else { return Ok(()) };
        if before.is_enabled() || !after.is_enabled() {
            return Ok(());
        }
        for delivery in self.deliveries.all.values_mut() {
            let given_up = matches!(delivery.work.state, WorkState::GivenUp { .. });
            if delivery.to.destination != *destination || !given_up {
                continue;
            }
            // Those whose set is gone stay as they are.
            if let Ok(again) = delivery.clone().again(delivery.to.clone(), now) {
                *delivery = again;
            }
        }
        Ok(())
    }
}

fn lost(why: String) -> CatalogError {
    CatalogError::new(CatalogErrorKind::Fenced, why)
}
