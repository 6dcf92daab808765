//! Destinations, their health, and the deliveries to them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::access::{check, entry};
use super::health::{HealthChange, change_health, health_of};
use super::{Entity, ServiceError};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::delivery::destination::{DestinationDescription, ServerIdentity};
use crate::domain::delivery::health::{Health, TargetId};
use crate::domain::delivery::probe::Probe;
use crate::domain::delivery::{Delivery, JobDestination};
use crate::domain::execution::Execution;
use crate::domain::id::{DestinationId, ExecutionId};
use crate::domain::job::admission;
use crate::domain::violation::{Code, RuleViolation};
use crate::domain::work::row::WorkStatus;
use crate::ports::Ports;
use crate::ports::catalog::query::{DeliveryQuery, Page};
use crate::ports::destination::Destination;
use crate::probe::probe;

/// How long a probe that somebody asks for may take.
const PROBE_MAX: Duration = Duration::from_secs(60);

/// The destinations that owners see, and the deliveries to them (rules N1, N3 to N6); each call names an owner, by its
/// principal. Every method returns [`ServiceError::Forbidden`] for a principal that is not allowed its action (rule C1).
///
/// The health of a destination is one, whoever delivers to it. So enabling, disabling and pinning it changes it for all
/// owners who see it: name its owners ([`Visibility`](crate::domain::source::Visibility)) if they should not be able to
/// do that to each other.
///
/// # Cancel safety
/// The change of a dropped call is stored either whole or not at all. A dropped probe may leave its file behind.
#[derive(Debug, Clone)]
pub struct Deliveries {
    ports: Ports,
}

/// A destination and how it does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DestinationState {
    /// What it is.
    pub description: DestinationDescription,
    /// What is known from its uses and checks.
    pub health: Health,
}

impl Deliveries {
    /// Creates the service over these ports.
    pub fn new(ports: &Ports) -> Self {
        Self { ports: ports.clone() }
    }

    /// Returns the destinations that the owner sees, ordered by their ids.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn destinations(&self, by: &Principal) -> Result<Vec<DestinationState>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        let known = self.ports.catalog.health().await?;
        let state = |one: &Arc<dyn Destination>| {
            let description = one.describe().clone();
            let target = TargetId::Destination(description.id.clone());
            let health = known.iter().find(|(id, _)| *id == target).map(|(_, health)| health.clone());
            DestinationState { description, health: health.unwrap_or_default() }
        };
        Ok(self.ports.destinations.for_owner(&by.owner).map(state).collect())
    }

    /// Returns one destination.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if there is none that the owner sees (rule J16).
    pub async fn destination(
        &self,
        by: &Principal,
        id: &DestinationId,
    ) -> Result<DestinationState, ServiceError> {
        check(&self.ports, by, Action::See, Some(Object::Destination(id.clone()))).await?;
        self.state(by, id).await
    }

    /// Probes a destination: writes a small file, measures it, renames it, reads it back and removes it (rule N3). Takes
    /// a minute at most. Pins the identity of a server that none was pinned for. A destination that is disabled stays so.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] if there is none that the owner sees. A destination that does not work is no error.
    pub async fn check(
        &self,
        by: &Principal,
        id: &DestinationId,
    ) -> Result<(Probe, DestinationState), ServiceError> {
        check(&self.ports, by, Action::CheckDestination, Some(Object::Destination(id.clone()))).await?;
        let destination = self.find(by, id)?;
        let (found, health) = probe(&self.ports, &**destination, PROBE_MAX).await?;
        Ok((found, DestinationState { description: destination.describe().clone(), health }))
    }

    /// Enables a destination that was disabled, which delivers what was given up and is still kept (rule N5). Returns
    /// it. One that is enabled stays as it is.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Conflict`].
    pub async fn enable(&self, by: &Principal, id: &DestinationId) -> Result<DestinationState, ServiceError> {
        self.change(by, id, Action::EnableDestination, &HealthChange::Enable).await
    }

    /// Disables a destination: nothing is sent to it until somebody enables it, and deliveries wait. Returns it.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Conflict`].
    pub async fn disable(
        &self,
        by: &Principal,
        id: &DestinationId,
    ) -> Result<DestinationState, ServiceError> {
        self.change(by, id, Action::DisableDestination, &HealthChange::Disable).await
    }

    /// Pins another identity of a destination's server, because a person has compared it with what the other side says;
    /// `None` pins the one that the server shows next (rule N3). Returns the destination.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`]; [`ServiceError::Conflict`].
    pub async fn pin(
        &self,
        by: &Principal,
        id: &DestinationId,
        identity: Option<ServerIdentity>,
    ) -> Result<DestinationState, ServiceError> {
        self.change(by, id, Action::PinDestination, &HealthChange::Pin(identity)).await
    }

    /// Returns a page of the owner's deliveries, newest first.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    pub async fn list(&self, by: &Principal, query: &DeliveryQuery) -> Result<Page<Delivery>, ServiceError> {
        check(&self.ports, by, Action::See, None).await?;
        Ok(self.ports.catalog.deliveries(&by.owner, query).await?)
    }

    /// Delivers the set of an execution again, whatever has become of it before: to the destinations that the execution
    /// had, or to `to` alone, which may be one that the execution did not name. Returns the deliveries, which wait to be
    /// carried out (rule N5).
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] for an execution of another owner, and for a destination that the owner does not see;
    /// [`ServiceError::Refused`] with [`Code::NothingToDeliver`] if its set is not kept whole, or if it names no
    /// destination, and with [`Code::DeliveryOpen`] while a worker is carrying it out.
    pub async fn redeliver(
        &self,
        by: &Principal,
        execution: ExecutionId,
        to: Option<&DestinationId>,
    ) -> Result<Vec<Delivery>, ServiceError> {
        check(&self.ports, by, Action::Redeliver, Some(Object::Execution(execution))).await?;
        let catalog = &self.ports.catalog;
        let now = catalog.now().await?;
        let found = catalog.execution(&by.owner, execution, now).await?;
        let found = found.ok_or_else(|| ServiceError::not_found(Entity::Execution, execution))?.execution;
        let set = catalog.artifact_set(&by.owner, execution).await?;
        if !set.is_some_and(|set| is_kept_whole(&set, now)) {
            let told = format!("the set of execution {execution} is not kept whole: export it again");
            return Err(RuleViolation::new(Code::NothingToDeliver, told).into());
        }
        let wanted = self.wanted(by, &found, to)?;
        let query = DeliveryQuery::default().with_execution(execution);
        let present = catalog.deliveries(&by.owner, &query).await?.items;
        let is_held = |one: &&Delivery| {
            one.work.status() == WorkStatus::Held
                && wanted.iter().any(|to| to.destination == one.to.destination)
        };
        if let Some(open) = present.iter().find(is_held) {
            let told = format!(
                "the set of execution {execution} is being delivered to {}: wait until that has ended",
                open.to.destination
            );
            return Err(RuleViolation::new(Code::DeliveryOpen, told).into());
        }
        let mut asked = Vec::new();
        for one in wanted {
            let destination = one.destination.clone();
            let entry = entry(&self.ports, by, Action::Redeliver, now)
                .with_object(Object::Execution(execution))
                .with_settings(vec![format!("destination:{destination}")]);
            asked.push(catalog.redeliver(&by.owner, execution, &one, &[entry]).await?);
        }
        Ok(asked)
    }

    /// Returns where a set is to be delivered: as its execution wished, or to one destination.
    fn wanted(
        &self,
        by: &Principal,
        execution: &Execution,
        to: Option<&DestinationId>,
    ) -> Result<Vec<JobDestination>, ServiceError> {
        let of_execution = &execution.settings.destinations;
        let Some(id) = to else {
            if of_execution.is_empty() {
                let told =
                    format!("execution {} has no destinations: name the one to deliver to", execution.id);
                return Err(RuleViolation::new(Code::NothingToDeliver, told).into());
            }
            return Ok(of_execution.as_slice().to_vec());
        };
        let description = self.find(by, id)?.describe();
        admission::check_transport(&execution.settings.protection, description)?;
        let wished = of_execution.iter().find(|one| one.destination == *id).cloned();
        Ok(vec![wished.unwrap_or_else(|| JobDestination::new(id.clone()))])
    }

    fn find(&self, by: &Principal, id: &DestinationId) -> Result<&Arc<dyn Destination>, ServiceError> {
        let found = self.ports.destinations.find(id, &by.owner);
        found.ok_or_else(|| ServiceError::not_found(Entity::Destination, id))
    }

    async fn state(&self, by: &Principal, id: &DestinationId) -> Result<DestinationState, ServiceError> {
        let description = self.find(by, id)?.describe().clone();
        let health = health_of(&self.ports, &TargetId::Destination(id.clone())).await?;
        Ok(DestinationState { description, health })
    }

    /// Changes the health of a destination as a person wishes.
    async fn change(
        &self,
        by: &Principal,
        id: &DestinationId,
        action: Action,
        change: &HealthChange,
    ) -> Result<DestinationState, ServiceError> {
        let object = Object::Destination(id.clone());
        check(&self.ports, by, action, Some(object.clone())).await?;
        let description = self.find(by, id)?.describe().clone();
        let target = TargetId::Destination(id.clone());
        let health = change_health(&self.ports, by, (action, &object), &target, change).await?;
        Ok(DestinationState { description, health })
    }
}

fn is_kept_whole(set: &ArtifactSet, now: DateTime<Utc>) -> bool {
    set.deleted_parts().is_empty() && set.artifacts.iter().all(|artifact| artifact.is_available(now))
}
