//! Deliveries to destinations, and the health of destinations and endpoints.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;

use super::query::{DeliveryQuery, Page};
use super::{CatalogError, Fence};
use crate::domain::access::audit::AuditRecord;
use crate::domain::delivery::health::{ContactOutcome, Health, TargetId};
use crate::domain::delivery::{Delivery, DeliveryProgress, JobDestination};
use crate::domain::id::{DeliveryId, DestinationId, ExecutionId, Owner, WorkerId};
use crate::domain::work::retry::WorkRetry;
use crate::domain::work::row::WorkOutcome;
use crate::setters::setters;

/// Stores deliveries, and hands them to those who carry them out (rules N4, N5). The transaction that publishes a set
/// stores its deliveries ([`Delivery::of`]). Removing the set, or one of its files, gives up those that are not done
/// ([`WorkRow::cancelled`](crate::domain::work::row::WorkRow::cancelled)). They are forgotten with their execution.
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait DeliveryStore: Debug + Send + Sync {
    /// Hands waiting deliveries to a worker, as picked by [`pick`](crate::domain::work::pick::pick); the owner who was
    /// served last is kept from claim to claim, for all workers. Leaves deliveries to destinations that the worker
    /// does not know, or that are disabled. Returns them in the order in which they were picked.
    ///
    /// First takes back the deliveries whose lease has run out
    /// ([`WorkRow::abandoned`](crate::domain::work::row::WorkRow::abandoned)), and those whose worker has ended if the
    /// catalog can see that ([`WorkRow::orphaned`](crate::domain::work::row::WorkRow::orphaned)). Stores the notices that
    /// follow ([`Delivery::notices`]). Skips rows that cannot be decoded, with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Result<Vec<Delivery>, CatalogError>;

    /// Renews the lease of a claim and stores what has arrived.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`](super::CatalogErrorKind::Fenced) if the claim does not hold.
    async fn beat_delivery(
        &self,
        fence: Fence<DeliveryId>,
        lease: Duration,
        progress: DeliveryProgress,
    ) -> Result<(), CatalogError>;

    /// Ends an attempt, as defined by [`WorkRow::settled`](crate::domain::work::row::WorkRow::settled), and stores what
    /// has arrived and the notices that follow ([`Delivery::notices`]). Returns the delivery afterwards.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`](super::CatalogErrorKind::Fenced) if the claim does not hold.
    async fn settle_delivery(
        &self,
        fence: Fence<DeliveryId>,
        outcome: &WorkOutcome,
        progress: DeliveryProgress,
    ) -> Result<Delivery, CatalogError>;

    /// Delivers the set of an owner's execution to a destination (again): stores a delivery, or starts over with the one
    /// that is on record, whatever its state, as defined by [`Delivery::again`]. Returns it.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the owner has no such execution with a set
    /// that is whole, or if the delivery is being tried.
    async fn redeliver(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        to: &JobDestination,
        audit: &[AuditRecord],
    ) -> Result<Delivery, CatalogError>;

    /// Lists an owner's deliveries, newest first.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn deliveries(&self, owner: &Owner, query: &DeliveryQuery) -> Result<Page<Delivery>, CatalogError>;

    /// Returns what is known of the destinations and endpoints of all owners that were used or changed, ordered by
    /// their ids.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn health(&self) -> Result<Vec<(TargetId, Health)>, CatalogError>;

    /// Notes how a use or a check of a destination or an endpoint went, as defined by [`Health::after`]. If that
    /// disables it, stores the notices of the jobs that have open deliveries to it. Returns its health afterwards.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn contacted(&self, target: &TargetId, outcome: &ContactOutcome) -> Result<Health, CatalogError>;

    /// Stores a person's change of the health of a destination or an endpoint. If it is enabled by that, starts over
    /// with the deliveries to it that were given up ([`Delivery::again`]), as long as their sets are kept.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the stored health is not `before`.
    async fn set_health(
        &self,
        target: &TargetId,
        before: &Health,
        after: &Health,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError>;
}

/// A request for deliveries to carry out.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeliveryClaim {
    /// The worker that asks.
    pub worker: WorkerId,
    /// How long the claim holds without a beat.
    pub lease: Duration,
    /// The maximum number of deliveries to claim.
    pub limit: usize,
    /// The destinations that the worker knows.
    pub destinations: BTreeSet<DestinationId>,
    /// The maximum number of deliveries to one destination that workers hold at the same time, so that one that hangs
    /// cannot keep all workers.
    pub per_destination: Option<NonZeroU32>,
    /// Decides about deliveries whose lease has run out.
    pub retry: WorkRetry,
}

impl DeliveryClaim {
    /// Asks for up to `limit` deliveries to these destinations, with the default retries and two at a time for each
    /// destination.
    pub fn new(
        worker: WorkerId,
        lease: Duration,
        limit: usize,
        destinations: impl IntoIterator<Item = DestinationId>,
    ) -> Self {
        Self {
            worker,
            lease,
            limit,
            destinations: destinations.into_iter().collect(),
            per_destination: NonZeroU32::new(2),
            retry: WorkRetry::default(),
        }
    }
}

setters! {
    DeliveryClaim {
        with_worker => worker: value WorkerId;
        with_lease => lease: value Duration;
        with_limit => limit: value usize;
        with_destinations => destinations: value BTreeSet<DestinationId>;
        with_per_destination => per_destination: option NonZeroU32;
        with_retry => retry: value WorkRetry;
    }
}
