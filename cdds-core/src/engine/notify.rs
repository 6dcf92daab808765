//! Tells subscribers by e-mail and webhook (rules N2, N4, N9), beside the exports. Notices to the embedding service are
//! taken by it from the outbox.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::{BoxFuture, Either, select};
use tracing::warn;

use super::EngineError;
use super::calls::contained_async;
use super::failing::{Claimed, Counted};
use super::observe::Event;
use super::worker::Shared;
use crate::domain::archive::artifact::StoredManifest;
use crate::domain::delivery::health::{ContactOutcome, TargetId};
use crate::domain::execution::failure::FailureKind;
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::Subscriber;
use crate::domain::job::Protection;
use crate::domain::notice::certificate::CertificateNotice;
use crate::domain::notice::message::{FILES_MAX, Message, MessageDelivery, MessageExecution, MessageFile};
use crate::domain::notice::{Channel, Notice, NoticeKind, Subject};
use crate::domain::work::row::{WorkFailure, WorkOutcome, WorkStatus};
use crate::ports::catalog::query::{ArtifactQuery, DeliveryQuery};
use crate::ports::catalog::{Audience, CatalogError, NoticeClaim};
use crate::ports::notifier::{Notifier, NotifyError, NotifyErrorKind};

/// How long a claim of a notice holds. Longer than an attempt may take.
const LEASE: Duration = Duration::from_secs(180);
/// How long an attempt may take.
const SEND_MAX: Duration = Duration::from_secs(120);
/// How many notices to one subscriber are sent at the same time, over all workers.
const PER_SUBSCRIBER: NonZeroU32 = NonZeroU32::MIN;

impl Shared {
    /// Claims up to `room` notices of a channel. Each future ends one attempt. Endpoints whose last use failed get at most
    /// half of a worker's attempts.
    pub(super) async fn claim_notices(
        self: &Arc<Self>,
        channel: Channel,
        room: usize,
    ) -> Result<Vec<BoxFuture<'static, ()>>, EngineError> {
        let Some(notifier) = self.ports.notifiers.find(channel) else { return Ok(Vec::new()) };
        if room == 0 {
            return Ok(Vec::new());
        }
        let attempt = |notice: Notice, counted: Option<Counted>| {
            let (shared, notifier) = (Arc::clone(self), Arc::clone(notifier));
            async move {
                shared.tell(&*notifier, notice).await;
                drop(counted);
            }
            .boxed()
        };
        let failing = self.failing_endpoints(channel).await?;
        let claimed = self.to_failing_endpoints.claim(
            (self.settings.notices.get(), room),
            |room| self.claim_of(channel, room, Audience::Only(failing.clone())),
            |room| self.claim_of(channel, room, Audience::Except(failing.clone())),
        );
        let Claimed { failing, working } = claimed.await?;
        let failing = failing.into_iter().map(|one| attempt(one, Some(self.to_failing_endpoints.one_more())));
        let working = working.into_iter().map(|one| attempt(one, None));
        Ok(failing.chain(working).collect())
    }

    async fn claim_of(
        &self,
        channel: Channel,
        room: usize,
        audience: Audience,
    ) -> Result<Vec<Notice>, EngineError> {
        if room == 0 || audience.is_empty() {
            return Ok(Vec::new());
        }
        let claim = NoticeClaim::new(channel, self.worker.clone(), LEASE, room)
            .with_per_subscriber(PER_SUBSCRIBER)
            .with_audience(audience);
        Ok(self.ports.catalog.claim_notices(&claim).await?)
    }

    /// Returns the endpoints whose last use failed. Addresses of mail have no health: one server takes all mails.
    async fn failing_endpoints(&self, channel: Channel) -> Result<BTreeSet<Subscriber>, EngineError> {
        if channel != Channel::Webhook {
            return Ok(BTreeSet::new());
        }
        let known = self.ports.catalog.health().await?;
        let failing = known.into_iter().filter(|(_, health)| health.failing_since.is_some());
        let name = |(target, _)| match target {
            TargetId::Webhook(name) => Some(name),
            TargetId::Destination(_) => None,
        };
        Ok(failing.filter_map(name).collect())
    }

    /// Makes one attempt and reports how it went.
    async fn tell(&self, notifier: &dyn Notifier, notice: Notice) {
        let (id, channel, subscriber) = (notice.work.id, notice.channel, notice.subscriber.clone());
        let fence = notice.work.fence();
        let told = match self.message(notice).await {
            Ok(Some(message)) => self.send(notifier, message).await.map(|()| true),
            Ok(None) => Ok(false),
            Err(failure) => Err((failure, None, TimeDelta::zero())),
        };
        let (outcome, contact) = match told {
            Ok(false) => (WorkOutcome::Gone, None),
            Ok(true) => (WorkOutcome::Done, Some(ContactOutcome::Worked { identity: None })),
            Err((failure, contact, delay_min)) => {
                warn!(name: "notice.failed", target: "cdds", notice_id = %id, %channel, "{}", failure.message);
                let retry = crate::domain::work::retry::WorkRetry { delay_min, ..channel.retry() };
                (WorkOutcome::Failed { failure, retry }, contact)
            }
        };
        let catalog = &self.ports.catalog;
        if let (Channel::Webhook, Some(contact)) = (channel, contact) {
            let target = TargetId::Webhook(subscriber);
            if let Err(error) = catalog.contacted(&target, &contact).await {
                warn!("the health of {target} was not recorded: {}", error.report());
            }
        }
        // Not repeated: a lost report ends with the lease, and the subscriber knows a repetition by its id.
        match catalog.settle_notice(fence, &outcome).await {
            Ok(settled) => {
                self.notice(&Event::NoticeEnded { notice: &settled });
            }
            Err(error) => warn!(notice_id = %id, "the end of a notice was not recorded: {}", error.report()),
        }
    }

    async fn send(
        &self,
        notifier: &dyn Notifier,
        message: Message,
    ) -> Result<(), (WorkFailure, Option<ContactOutcome>, TimeDelta)> {
        let sending = contained_async(notifier.send(&message));
        let sending = std::pin::pin!(sending);
        let sent = match select(sending, self.ports.clock.sleep(SEND_MAX)).await {
            Either::Left((Ok(sent), _)) => sent,
            Either::Left((Err(_panicked), _)) => {
                let told = "the notifier panicked, which is a bug in it: fix it, then send again";
                let failure = WorkFailure::new(FailureKind::Internal, told, false);
                return Err((failure, None, TimeDelta::zero()));
            }
            Either::Right(((), _)) => Err(NotifyError::new(
                NotifyErrorKind::Unavailable,
                format!("it took more than {} s", SEND_MAX.as_secs()),
            )),
        };
        sent.map_err(|error| {
            let message = error.report();
            let failure = WorkFailure::new(error.kind().into(), message.clone(), error.is_retryable());
            let contact = match error.kind() {
                NotifyErrorKind::Gone => ContactOutcome::Gone { message },
                _ => ContactOutcome::Failed { message },
            };
            let delay_min = match error.kind() {
                NotifyErrorKind::Later(wait) => TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX),
                _ => TimeDelta::zero(),
            };
            (failure, Some(contact), delay_min)
        })
    }

    /// Puts together what is known of the subject of a notice. Returns `None` if it is not true any more, so that
    /// nothing is left to tell.
    async fn message(&self, notice: Notice) -> Result<Option<Message>, WorkFailure> {
        let unread = |error: CatalogError| {
            let told = format!("the catalog failed: {}", error.report());
            WorkFailure::new(FailureKind::Unavailable, told, true)
        };
        let (catalog, owner) = (&self.ports.catalog, notice.work.owner.clone());
        let now = catalog.now().await.map_err(unread)?;
        let id = match notice.subject.clone() {
            Subject::Execution(id) => id,
            Subject::Certificate(certificate) => {
                return self.of_certificate(notice, &certificate, now).await.map_err(unread);
            }
        };
        let found = catalog.execution(&owner, id, now).await.map_err(unread)?;
        let Some(overview) = found else {
            return Err(WorkFailure::new(FailureKind::Missing, "its execution is gone", false));
        };
        let execution = overview.execution;
        let mut message = Message::new(notice, now, execution.settings.title.as_str());
        let set = match message.kind() {
            // Copies of it may be elsewhere when it is gone here.
            NoticeKind::Recall => catalog.set_as_published(&owner, id).await.map_err(unread)?,
            _ => catalog.artifact_set(&owner, id).await.map_err(unread)?,
        };
        if let Some(set) = set {
            let StoredManifest { name, bytes, sha256, .. } = set.manifest.clone();
            message.manifest = Some(MessageFile { name, bytes, sha256 });
            let files = set.artifacts.iter().take(FILES_MAX);
            message.files = files
                .map(|file| MessageFile { name: file.name.clone(), bytes: file.bytes, sha256: file.sha256 })
                .collect();
            message.files_total =
                (set.artifacts.len() as u64, set.artifacts.iter().map(|file| file.bytes).sum());
            // How long the files are kept here is nothing to those who are to delete theirs.
            let expires_at = set.artifacts.iter().map(|file| file.expires_at).min();
            message.expires_at = expires_at.filter(|_| message.kind() != NoticeKind::Recall);
        }
        if let Protection::Sealed(names) = &execution.settings.protection {
            let known = catalog.recipients(&owner).await.map_err(unread)?;
            let named = known.into_iter().filter(|one| names.as_slice().contains(&one.name));
            message.sealed_for = named.map(|one| one.certificate.fingerprint).collect();
        }
        let query = DeliveryQuery::default().with_execution(id);
        let deliveries = catalog.deliveries(&owner, &query).await.map_err(unread)?.items;
        message.deliveries = deliveries.into_iter().map(|delivery| self.told(&execution, delivery)).collect();
        if message.kind() == NoticeKind::Expiring && self.is_fetched_by_now(&message).await.map_err(unread)? {
            return Ok(None);
        }
        message.reason = self.reason(&message, &execution).await;
        message.execution = Some(MessageExecution {
            id,
            slot: execution.slot,
            window: Some(execution.window),
            records: execution.progress.records,
            bad_records: execution.progress.rejected,
        });
        Ok(Some(message))
    }

    /// Puts together what is known of a job and a certificate. Returns `None` if the certificate was renewed or removed
    /// since, if the job does without it, or if it does not expire soon for the job any more.
    async fn of_certificate(
        &self,
        notice: Notice,
        told: &CertificateNotice,
        now: DateTime<Utc>,
    ) -> Result<Option<Message>, CatalogError> {
        let (catalog, owner) = (&self.ports.catalog, notice.work.owner.clone());
        let Some(job) = catalog.job(&owner, notice.job_id).await?.map(|overview| overview.job) else {
            return Ok(None);
        };
        let mut known = catalog.recipients(&owner).await?.into_iter();
        let same =
            known.find(|one| one.name == told.recipient && one.certificate.fingerprint == told.fingerprint);
        let Some(present) = same.and_then(|one| CertificateNotice::of(&job, &one, now)) else {
            return Ok(None);
        };
        let mut message = Message::new(notice, now, job.settings.title.as_str());
        message.sealed_for = vec![present.fingerprint.clone()];
        message.reason = Some(present.expiring().to_string());
        message.certificate = Some(present);
        Ok(Some(message))
    }

    /// Returns whether the files of a set that was to expire unfetched were fetched since, are on hold, or are gone.
    async fn is_fetched_by_now(&self, message: &Message) -> Result<bool, CatalogError> {
        let mut deliveries = message.deliveries.iter();
        if message.files.is_empty() || deliveries.any(|delivery| delivery.status == WorkStatus::Done) {
            return Ok(true);
        }
        let Some(execution) = message.notice.execution_id() else { return Ok(false) };
        let query = ArtifactQuery::default().with_execution(execution);
        let files = self.ports.catalog.artifacts(&message.notice.work.owner, &query).await?.items;
        Ok(files.iter().any(|file| file.downloads > 0 || file.artifact.hold))
    }

    fn told(&self, execution: &Execution, delivery: crate::domain::delivery::Delivery) -> MessageDelivery {
        let destination = delivery.to.destination.clone();
        let place = self.ports.destinations.find(&destination, &execution.owner).map(|found| {
            let description = found.describe();
            (description.title.clone(), description.kind, description.address.clone())
        });
        MessageDelivery {
            folder: delivery.to.path.folder(execution).as_str().to_owned(),
            status: delivery.work.status(),
            failure: delivery.work.attempts.failure.map(|failure| failure.message),
            destination,
            place,
        }
    }

    /// Returns why, for kinds that have a reason.
    async fn reason(&self, message: &Message, execution: &Execution) -> Option<String> {
        match message.kind() {
            NoticeKind::Failed | NoticeKind::Paused => match &execution.state {
                ExecutionState::Failed(failure) => Some(failure.message.clone()),
                _ => None,
            },
            NoticeKind::DeliveryFailed => {
                message.deliveries.iter().find_map(|delivery| delivery.failure.clone())
            }
            NoticeKind::Disabled => {
                let known = self.ports.catalog.health().await.ok()?;
                let of_job = |target: &TargetId| {
                    let named = execution.settings.destinations.iter();
                    named.map(|one| TargetId::Destination(one.destination.clone())).any(|one| one == *target)
                };
                let disabled =
                    known.into_iter().find(|(target, health)| of_job(target) && !health.is_enabled());
                let failure = |(target, health): (TargetId, crate::domain::delivery::health::Health)| {
                    let why = health.latest.and_then(|latest| latest.failure).unwrap_or_default();
                    format!("{target} is disabled: {why}")
                };
                disabled.map(failure)
            }
            _ => None,
        }
    }
}
