//! Delivers published sets to destinations (rules N1, N4 to N7), beside the exports.

mod carry;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::{BoxFuture, Either, select};
use futures::{FutureExt, pin_mut};
use tracing::{info, warn};

use self::carry::{Broken, Carrier, Guard};
use super::EngineError;
use super::calls::contained_async;
use super::failing::{Claimed, Counted};
use super::observe::Event;
use super::worker::Shared;
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::delivery::destination::Transport;
use crate::domain::delivery::health::{ContactOutcome, TargetId};
use crate::domain::delivery::plan::DeliveryPlan;
use crate::domain::delivery::{Delivery, DeliveryProgress};
use crate::domain::execution::Execution;
use crate::domain::execution::failure::FailureKind;
use crate::domain::id::DestinationId;
use crate::domain::job::Protection;
use crate::domain::work::Nonce;
use crate::domain::work::retry::WorkRetry;
use crate::domain::work::row::{WorkFailure, WorkOutcome};
use crate::ports::Ports;
use crate::ports::catalog::{CatalogErrorKind, DeliveryClaim};
use crate::ports::destination::{Destination, ServerIdentity};
use crate::remote::Remote;

/// How long a claim of a delivery holds without a beat.
const LEASE: Duration = Duration::from_secs(60);
/// How often it is renewed.
const BEAT: Duration = Duration::from_secs(15);
/// How often a worker asks for an answer that is recent.
const ASKED_MAX: u32 = 3;
/// How many deliveries to one destination run at the same time, over all workers.
const PER_DESTINATION: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);
/// How many, if its last use failed.
const PER_FAILING: NonZeroU32 = NonZeroU32::MIN;

/// A success, with the identity that the server has shown.
struct Delivered {
    progress: DeliveryProgress,
    identity: Option<ServerIdentity>,
}

impl Shared {
    /// Claims up to `room` deliveries. Each future ends one attempt.
    ///
    /// Destinations whose last use failed may hang again, so they get at most half of a worker's attempts, and those
    /// that work have the rest to themselves.
    pub(super) async fn claim_deliveries(
        self: &Arc<Self>,
        room: usize,
    ) -> Result<Vec<BoxFuture<'static, ()>>, EngineError> {
        let known: Vec<DestinationId> =
            self.ports.destinations.of_all_owners().map(|one| one.describe().id.clone()).collect();
        if known.is_empty() || room == 0 {
            return Ok(Vec::new());
        }
        let failing = self.failing().await?;
        let (failing, working): (Vec<_>, Vec<_>) = known.into_iter().partition(|id| failing.contains(id));
        let claimed = self.to_failing.claim(
            (self.settings.deliveries.get(), room),
            |room| self.claim_to(&failing, room, PER_FAILING),
            |room| self.claim_to(&working, room, PER_DESTINATION),
        );
        let Claimed { failing, working } = claimed.await?;
        let failing = failing.into_iter().map(|one| self.attempt(one, Some(self.to_failing.one_more())));
        let working = working.into_iter().map(|one| self.attempt(one, None));
        Ok(failing.chain(working).collect())
    }

    /// Returns one attempt, which is counted until it ends.
    fn attempt(self: &Arc<Self>, delivery: Delivery, counted: Option<Counted>) -> BoxFuture<'static, ()> {
        let shared = Arc::clone(self);
        async move {
            shared.deliver(delivery).await;
            drop(counted);
        }
        .boxed()
    }

    async fn claim_to(
        &self,
        destinations: &[DestinationId],
        room: usize,
        per_destination: NonZeroU32,
    ) -> Result<Vec<Delivery>, EngineError> {
        if destinations.is_empty() || room == 0 {
            return Ok(Vec::new());
        }
        let claim = DeliveryClaim::new(self.worker.clone(), LEASE, room, destinations.iter().cloned())
            .with_per_destination(per_destination);
        Ok(self.ports.catalog.claim_deliveries(&claim).await?)
    }

    /// Returns the destinations whose last use failed.
    async fn failing(&self) -> Result<BTreeSet<DestinationId>, EngineError> {
        let known = self.ports.catalog.health().await?;
        let failing = known.into_iter().filter(|(_, health)| health.failing_since.is_some());
        let id = |(target, _)| match target {
            TargetId::Destination(id) => Some(id),
            TargetId::Webhook(_) => None,
        };
        Ok(failing.filter_map(id).collect())
    }

    /// Makes one attempt and reports how it went.
    async fn deliver(&self, delivery: Delivery) {
        let (id, destination) = (delivery.work.id, delivery.to.destination.clone());
        let progress = Arc::new(Mutex::new(delivery.progress));
        let attempt = contained_async(self.attempt_while_held(&delivery, &progress)).await;
        let attempt = attempt.unwrap_or_else(|_panicked| {
            let told = "the destination panicked, which is a bug in it: fix it, then deliver again";
            Err(Broken::Failed(WorkFailure::new(FailureKind::Internal, told, false)))
        });
        let arrived = *progress.lock().unwrap_or_else(PoisonError::into_inner);
        let (outcome, contact, arrived) = match attempt {
            Ok(Delivered { progress, identity }) => {
                (WorkOutcome::Done, Some(ContactOutcome::Worked { identity }), progress)
            }
            Err(Broken::Lost) => {
                info!(delivery_id = %id, "a delivery was left to others, or given up meanwhile");
                return;
            }
            Err(Broken::Failed(failure)) => {
                // The destination's health is shown to all its owners, the names of files are not.
                let contact = ContactOutcome::Failed { message: broken_off(failure.kind).to_owned() };
                (failed(failure), Some(contact), arrived)
            }
            Err(Broken::Unreached(failure)) => {
                let contact = ContactOutcome::Failed { message: failure.message.clone() };
                (failed(failure), Some(contact), arrived)
            }
            Err(Broken::Unreadable(failure)) => (failed(failure), None, arrived),
        };
        if let WorkOutcome::Failed { failure, .. } = &outcome {
            warn!(name: "delivery.failed", target: "cdds", delivery_id = %id, %destination, "{}", failure.message);
        }
        // Health first: a delivery that is done never leaves its destination looking broken. Neither call is repeated:
        // a lost report ends with the lease, and what has arrived is found there by the next attempt.
        let catalog = &self.ports.catalog;
        if let Some(contact) = contact {
            let target = TargetId::Destination(destination);
            if let Err(error) = catalog.contacted(&target, &contact).await {
                warn!("the health of {target} was not recorded: {}", error.report());
            }
        }
        match catalog.settle_delivery(delivery.work.fence(), &outcome, arrived).await {
            Ok(settled) => {
                self.notice(&Event::DeliveryEnded { delivery: &settled });
            }
            Err(error) => {
                warn!(delivery_id = %id, "the end of a delivery was not recorded: {}", error.report());
            }
        }
    }

    /// Makes the attempt while the claim is renewed. When the claim is lost the attempt leaves by itself, with what it
    /// has begun: dropped in the middle, it would leave a temporary file that nobody removes.
    async fn attempt_while_held(
        &self,
        delivery: &Delivery,
        progress: &Arc<Mutex<DeliveryProgress>>,
    ) -> Result<Delivered, Broken> {
        let lost = AtomicBool::new(false);
        let attempt = self.attempt_delivery(delivery, progress, &lost);
        let beats = self.beats_of(delivery, progress);
        pin_mut!(attempt, beats);
        match select(attempt, beats).await {
            Either::Left((done, _)) => done,
            Either::Right(((), attempt)) => {
                lost.store(true, Ordering::Relaxed);
                let _ = attempt.await;
                Err(Broken::Lost)
            }
        }
    }

    /// Renews the claim until it is lost.
    async fn beats_of(&self, delivery: &Delivery, progress: &Arc<Mutex<DeliveryProgress>>) {
        loop {
            self.ports.clock.sleep(BEAT).await;
            let arrived = *progress.lock().unwrap_or_else(PoisonError::into_inner);
            let beat = self.ports.catalog.beat_delivery(delivery.work.fence(), LEASE, arrived).await;
            match beat {
                Err(error) if error.kind() == CatalogErrorKind::Fenced => return,
                // A missed beat does no harm until the lease runs out, and then the next one tells.
                Err(error) => warn!("a beat of a delivery was missed: {}", error.report()),
                Ok(()) => {}
            }
        }
    }

    async fn attempt_delivery(
        &self,
        delivery: &Delivery,
        progress: &Arc<Mutex<DeliveryProgress>>,
        lost: &AtomicBool,
    ) -> Result<Delivered, Broken> {
        let destination = self.destination_of(delivery)?;
        let (execution, set) = self.set_of(delivery).await?;
        let description = destination.describe();
        if execution.settings.protection == Protection::Plaintext && description.transport == Transport::Open
        {
            let told = "the set is plaintext and others can read the connection: seal it, or use another destination";
            return Err(Broken::Unreadable(WorkFailure::permanent(told)));
        }
        let folder = delivery.to.path.folder(&execution);
        let plan = DeliveryPlan::of(&set, &folder)
            .map_err(|incomplete| Broken::Unreadable(WorkFailure::permanent(incomplete.to_string())))?;
        let ports = &self.ports;
        let pinned = self.pinned(delivery).await?;
        let (remote, identity) =
            Remote::connect(&ports.clock, &**destination, pinned.as_ref()).await.map_err(|error| {
                let told = format!("connecting to {} failed: {}", description.address, error.report());
                Broken::Unreached(WorkFailure::new(error.kind().into(), told, error.is_retryable()))
            })?;
        let mut guard = Held { shared: self, delivery, progress: Arc::clone(progress), lost };
        let mut carrier = Carrier {
            remote,
            sink: &*ports.sink,
            guard: &mut guard,
            naming: description.naming,
            receipt: delivery.to.receipt,
            epoch: delivery.work.epoch,
            nonce: Nonce::of(ports.ids.next()),
            progress: delivery.progress,
        };
        let progress = carrier.carry(&plan).await?;
        carrier.remote.close().await;
        Ok(Delivered { progress, identity })
    }

    fn destination_of(&self, delivery: &Delivery) -> Result<&Arc<dyn Destination>, Broken> {
        let (id, owner) = (&delivery.to.destination, &delivery.work.owner);
        self.ports.destinations.find(id, owner).ok_or_else(|| {
            let told = format!(
                "destination {id} is not registered for owner {owner}: register it, then deliver again"
            );
            Broken::Unreadable(WorkFailure::new(FailureKind::Missing, told, true))
        })
    }

    async fn set_of(&self, delivery: &Delivery) -> Result<(Execution, ArtifactSet), Broken> {
        let (catalog, owner) = (&self.ports.catalog, &delivery.work.owner);
        let unread = |error: crate::ports::catalog::CatalogError| {
            let told = format!("the catalog failed: {}", error.report());
            Broken::Unreadable(WorkFailure::new(FailureKind::Unavailable, told, true))
        };
        let now = catalog.now().await.map_err(unread)?;
        let overview = catalog.execution(owner, delivery.execution_id, now).await.map_err(unread)?;
        let set = catalog.artifact_set(owner, delivery.execution_id).await.map_err(unread)?;
        match (overview, set) {
            (Some(overview), Some(set)) => Ok((overview.execution, set)),
            // It was given up when the set was removed, so there is nothing to report.
            _ => Err(Broken::Lost),
        }
    }

    async fn pinned(&self, delivery: &Delivery) -> Result<Option<ServerIdentity>, Broken> {
        let target = TargetId::Destination(delivery.to.destination.clone());
        match self.ports.catalog.health().await {
            Ok(known) => {
                Ok(known.into_iter().find(|(id, _)| *id == target).and_then(|(_, health)| health.pinned))
            }
            // Without what is pinned nothing secret is sent.
            Err(error) => {
                let told = format!("the catalog failed: {}", error.report());
                Err(Broken::Unreadable(WorkFailure::new(FailureKind::Unavailable, told, true)))
            }
        }
    }
}

/// Says why a delivery broke off at a file, without the file.
fn broken_off(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Unavailable => "the connection broke off in the middle of a delivery",
        FailureKind::Full => "it has no room left",
        FailureKind::Refused => "it refused a file",
        FailureKind::Corrupt => "what arrived was not what had been sent",
        FailureKind::Missing => "a file that had been sent was not there",
        _ => "a delivery failed in the middle",
    }
}

fn failed(failure: WorkFailure) -> WorkOutcome {
    WorkOutcome::Failed { failure, retry: WorkRetry::default() }
}

/// Whether no more than a beat lies between two readings of both clocks.
fn is_recent(asked: (Duration, DateTime<Utc>), answered: (Duration, DateTime<Utc>)) -> bool {
    let by_wall = (answered.1 - asked.1).to_std().unwrap_or_default();
    answered.0.saturating_sub(asked.0) <= BEAT && by_wall <= BEAT
}

/// The claim of a delivery.
struct Held<'a> {
    shared: &'a Shared,
    delivery: &'a Delivery,
    progress: Arc<Mutex<DeliveryProgress>>,
    lost: &'a AtomicBool,
}

#[async_trait::async_trait]
impl Guard for Held<'_> {
    async fn holds(&mut self, progress: DeliveryProgress) -> Result<bool, WorkFailure> {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
        let Ports { catalog, clock, .. } = &self.shared.ports;
        // An answer that was long on its way is worth nothing: this worker may have stood still meanwhile.
        for _ in 0..ASKED_MAX {
            let asked = (clock.monotonic(), clock.now());
            match catalog.beat_delivery(self.delivery.work.fence(), LEASE, progress).await {
                // The one clock does not see that the machine has slept, the other one may be set back.
                Ok(()) if is_recent(asked, (clock.monotonic(), clock.now())) => return Ok(true),
                Ok(()) => {}
                Err(error) if error.kind() == CatalogErrorKind::Fenced => return Ok(false),
                Err(error) => {
                    let told = format!("the catalog failed: {}", error.report());
                    return Err(WorkFailure::new(FailureKind::Unavailable, told, true));
                }
            }
        }
        let told = format!("the catalog took more than {} s to renew the claim", BEAT.as_secs());
        Err(WorkFailure::new(FailureKind::Unavailable, told, true))
    }

    fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}
