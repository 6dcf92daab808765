//! Changes of the health of destinations and endpoints by people (rules N5, N9).

use chrono::{DateTime, Utc};

use super::access::entry;
use super::{ServiceError, until_settled};
use crate::domain::access::audit::Object;
use crate::domain::access::{Action, Principal};
use crate::domain::delivery::destination::ServerIdentity;
use crate::domain::delivery::health::{Health, TargetId};
use crate::ports::Ports;

/// A change of the health of a destination or an endpoint.
#[derive(Debug, Clone)]
pub(super) enum HealthChange {
    Enable,
    Disable,
    Pin(Option<ServerIdentity>),
}

impl HealthChange {
    fn of(&self, health: Health, by: &Principal, now: DateTime<Utc>) -> Health {
        match self {
            Self::Enable => health.enabled(),
            Self::Disable => health.disabled_by(by.name.clone(), now),
            Self::Pin(identity) => health.pinning(identity.clone()),
        }
    }
}

/// Returns what is known of a destination or an endpoint.
pub(super) async fn health_of(ports: &Ports, target: &TargetId) -> Result<Health, ServiceError> {
    let known = ports.catalog.health().await?;
    Ok(known.into_iter().find(|(id, _)| id == target).map(|(_, health)| health).unwrap_or_default())
}

/// Changes the health of a destination or an endpoint, and puts that on record. A change that changes nothing stores
/// nothing. Returns the health afterwards.
pub(super) async fn change_health(
    ports: &Ports,
    by: &Principal,
    (action, object): (Action, &Object),
    target: &TargetId,
    change: &HealthChange,
) -> Result<Health, ServiceError> {
    until_settled(|| async {
        let (before, now) = (health_of(ports, target).await?, ports.catalog.now().await?);
        let after = change.of(before.clone(), by, now);
        if after != before {
            let entry = entry(ports, by, action, now).with_object(object.clone());
            ports.catalog.set_health(target, &before, &after, &[entry]).await?;
        }
        Ok(after)
    })
    .await
}
