//! Deliveries, and the health of destinations and endpoints.

use cdds_core::domain::access::PrincipalName;
use cdds_core::domain::delivery::destination::ServerIdentity;
use cdds_core::domain::delivery::health::{Contact, Disabled, DisabledReason, Health, TargetId};
use cdds_core::domain::delivery::{Delivery, DeliveryProgress};
use cdds_core::domain::id::DeliveryId;
use cdds_core::ports::catalog::CatalogError;
use cdds_core::stored::{destination_from_json, destination_to_json};

use super::work::WorkColumns;
use super::{Reading, corrupt, integer, micros};

/// A delivery.
#[derive(Debug)]
pub(in crate::catalog) struct DeliveryRow {
    pub(in crate::catalog) id: String,
    pub(in crate::catalog) execution_id: String,
    pub(in crate::catalog) job_id: String,
    pub(in crate::catalog) owner: String,
    pub(in crate::catalog) destination: String,
    pub(in crate::catalog) settings: String,
    pub(in crate::catalog) created_at: i64,
    pub(in crate::catalog) files: i64,
    pub(in crate::catalog) bytes: i64,
    pub(in crate::catalog) work: WorkColumns,
}

impl DeliveryRow {
    pub(in crate::catalog) fn of(delivery: &Delivery) -> Result<Self, CatalogError> {
        let id = delivery.work.id.to_string();
        let settings = destination_to_json(&delivery.to).map_err(|error| corrupt("delivery", &id, error))?;
        Ok(Self {
            execution_id: delivery.execution_id.to_string(),
            job_id: delivery.job_id.to_string(),
            owner: delivery.work.owner.to_string(),
            destination: delivery.to.destination.to_string(),
            settings,
            created_at: micros(delivery.created_at),
            files: i64::from(delivery.progress.files),
            bytes: integer(delivery.progress.bytes),
            work: WorkColumns::of("delivery", &delivery.work)?,
            id,
        })
    }

    pub(in crate::catalog) fn into_delivery(self) -> Result<Delivery, CatalogError> {
        let row = Reading { table: "delivery", id: &self.id };
        let id: DeliveryId = row.parse(&self.id)?;
        Ok(Delivery {
            execution_id: row.parse(&self.execution_id)?,
            job_id: row.parse(&self.job_id)?,
            created_at: row.at(self.created_at)?,
            to: destination_from_json(&self.settings).map_err(|error| row.corrupt(error))?,
            progress: DeliveryProgress { files: row.number(self.files)?, bytes: row.number(self.bytes)? },
            work: self.work.into_work(&row, id, &self.owner)?,
        })
    }
}

/// What is known of a destination or an endpoint.
#[derive(Debug)]
pub(in crate::catalog) struct HealthRow {
    pub(in crate::catalog) target: String,
    pub(in crate::catalog) failing_since: Option<i64>,
    pub(in crate::catalog) disabled_at: Option<i64>,
    pub(in crate::catalog) disabled_reason: Option<String>,
    pub(in crate::catalog) disabled_by: Option<String>,
    pub(in crate::catalog) contacted_at: Option<i64>,
    pub(in crate::catalog) failure: Option<String>,
    pub(in crate::catalog) pinned: Option<String>,
}

impl HealthRow {
    pub(in crate::catalog) fn of(target: &TargetId, health: &Health) -> Self {
        let disabled = health.disabled.as_ref();
        let person = disabled.and_then(|disabled| match &disabled.reason {
            DisabledReason::Person(name) => Some(name.to_string()),
            _ => None,
        });
        Self {
            target: target.to_string(),
            failing_since: health.failing_since.map(micros),
            disabled_at: disabled.map(|disabled| micros(disabled.at)),
            disabled_reason: disabled.map(|disabled| disabled.reason.as_str().to_owned()),
            disabled_by: person,
            contacted_at: health.latest.as_ref().map(|latest| micros(latest.at)),
            failure: health.latest.as_ref().and_then(|latest| latest.failure.clone()),
            pinned: health.pinned.as_ref().map(ToString::to_string),
        }
    }

    pub(in crate::catalog) fn into_health(self) -> Result<(TargetId, Health), CatalogError> {
        let row = Reading { table: "health", id: &self.target };
        let target: TargetId = row.parse(&self.target)?;
        let disabled = match (row.at_if(self.disabled_at)?, self.disabled_reason.as_deref()) {
            (None, _) => None,
            (Some(at), Some("failing")) => Some(Disabled { at, reason: DisabledReason::Failing }),
            (Some(at), Some("gone")) => Some(Disabled { at, reason: DisabledReason::Gone }),
            (Some(at), Some("person")) => {
                let name = self.disabled_by.as_deref().unwrap_or_default();
                let name: PrincipalName = PrincipalName::new(name).map_err(|error| row.corrupt(error))?;
                Some(Disabled { at, reason: DisabledReason::Person(name) })
            }
            (Some(_), other) => return Err(row.corrupt(format_args!("unknown reason {other:?}"))),
        };
        let failure = self.failure;
        let latest = row.at_if(self.contacted_at)?.map(|at| Contact { at, failure });
        let health = Health {
            failing_since: row.at_if(self.failing_since)?,
            disabled,
            latest,
            pinned: self.pinned.map(ServerIdentity::new),
        };
        Ok((target, health))
    }
}
