//! One attempt at one execution, from its claim to its end: prepare, transfer, publish, settle.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use tracing::{Instrument, debug, error, info, info_span, warn};

use super::keys;
use super::pack::Press;
use super::publish::{self, Release};
use super::read::{templated, transfer};
use super::store::Underway;
use super::store::{STORE, part_store};
use crate::domain::execution::Execution;
use crate::domain::failure::{Failure, FailureKind, Step};
use crate::domain::handover::Handover;
use crate::domain::policy::BadRecords;
use crate::domain::recipient::Recipient;
use crate::domain::split_size::{SplitSize, largest_sealable};
use crate::domain::violation::Code;
use crate::engine::Shared;
use crate::engine::calls::{Panicked, call, call_now, contained_async};
use crate::engine::heartbeat::{Meter, StopReason};
use crate::engine::observe::Event;
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Fence, Publication, Settlement, Standing};
use crate::ports::packager::Plan;
use crate::ports::sealer::Sealer;
use crate::ports::sink::{Prefix, SinkError};
use crate::ports::source::{
    BadRecordMode, Description, ReadRequest, RecordInstant, RegisteredSource, Source,
};

/// How often a commit whose outcome is unknown is looked at again before the lease is left to run out.
const COMMIT_TRIES: u32 = 5;

/// How long the store may take to remove what an attempt has left.
const DISCARD_MAX: Duration = Duration::from_secs(600);

/// What the source is called where it has panicked.
pub(super) const SOURCE: &str = "source";

/// Runs a claimed execution to the end of this attempt and puts the end on the record. Gives the
/// execution as it stands then, or `None` if another worker has it.
pub(in crate::engine) async fn export(
    shared: Arc<Shared>,
    execution: Execution,
    meter: Arc<Meter>,
) -> Option<Execution> {
    let span = info_span!(
        "execution",
        job_id = %execution.job_id,
        execution_id = %execution.id,
        slot = %execution.slot,
        epoch = execution.epoch,
    );
    let fence = Fence { execution: execution.id, epoch: execution.epoch };
    let attempt = Attempt { fence, shared: Arc::clone(&shared), execution, meter, underway: Arc::default() };
    // What panics outside the work is the catalog, whose answer is unknown then, or something that was dropped: the
    // lease runs out and the execution is taken over.
    let ended = contained_async(attempt.run()).instrument(span).await;
    ended.unwrap_or_else(|Panicked| {
        error!(execution_id = %fence.execution, "abandoned after a panic");
        shared.notice(&Event::Abandoned { execution: fence.execution });
        None
    })
}

/// How the work of an attempt ends, if not with something to publish.
enum End {
    Failed(Failure),
    Cancelled,
    Released,
    Fenced,
}

struct Attempt {
    shared: Arc<Shared>,
    execution: Execution,
    fence: Fence,
    meter: Arc<Meter>,
    underway: Arc<Underway>,
}

impl Attempt {
    async fn run(self) -> Option<Execution> {
        info!("started");
        if !self.shared.notice(&Event::Started { execution: &self.execution }) {
            self.meter.stop(StopReason::Unobservable);
        }
        let ended = match self.work_or_stop().await {
            Ok(publication) => self.publish(&publication).await,
            Err(End::Failed(failure)) => {
                warn!(step = ?failure.step, kind = %failure.kind, "failed: {}", failure.message);
                let retry = self.shared.settings.retry;
                self.settle(Settlement::Failed { failure, retry }).await
            }
            Err(End::Cancelled) => self.settle(Settlement::Cancelled).await,
            Err(End::Released) => self.settle(Settlement::Released).await,
            Err(End::Fenced) => self.fenced().await,
        };
        match &ended {
            Some(execution) => {
                info!(status = execution.status().as_str(), "ended");
                self.shared.notice(&Event::Ended { execution });
            }
            None => {
                info!("left to another worker");
                self.shared.notice(&Event::Abandoned { execution: self.execution.id });
            }
        }
        ended
    }

    /// Every step up to the commit, unless something ends it before. What it had begun with the store is left
    /// [`Underway`].
    async fn work_or_stop(&self) -> Result<Publication, End> {
        // Dropping the work runs foreign code, too.
        let raced = contained_async(async {
            let work = std::pin::pin!(self.work());
            let stopped = std::pin::pin!(self.meter.stopped());
            match select(stopped, work).await {
                Either::Left((reason, _work)) => Err(self.end_by(reason)),
                Either::Right((result, _stopped)) => result.map_err(End::Failed),
            }
        });
        raced.await.unwrap_or_else(|Panicked| Err(End::Failed(Failure::panicked(Step::Work, "export"))))
    }

    fn end_by(&self, reason: StopReason) -> End {
        match reason {
            StopReason::Fenced => End::Fenced,
            StopReason::Cancelled => End::Cancelled,
            StopReason::Released => End::Released,
            StopReason::Unobservable => End::Failed(Failure::panicked(Step::Work, "observer")),
            StopReason::Stalled => {
                let stall = self.shared.settings.stall.as_secs();
                End::Failed(Failure::stalled(&self.execution.settings.source, stall))
            }
        }
    }

    /// Every step up to the commit.
    async fn work(&self) -> Result<Publication, Failure> {
        let ports = &self.shared.ports;
        call(Step::Store, STORE, self.discard_older_epochs()).await?;
        let source = self.source()?;
        let (recipients, sealer) = self.sealer().await?;
        let request = self.request();
        let declared = || {
            let found = source.describe().data_type(&request.data_type).cloned();
            found.ok_or_else(|| no_type(source.describe(), &request))
        };
        let data_type = call_now(Step::Prepare, SOURCE, declared)??;
        let pushed_down = data_type.pushes_down;
        let handover = Handover::new(&self.execution.settings.source, &data_type, &request);
        self.meter.expect(self.expectation(&*source, &request, pushed_down).await?);
        let batches = call(Step::Read, SOURCE, async { source.read(request).await }).await?;
        let batches = templated(ports, &self.execution.settings.template, pushed_down, batches);
        let plan = Plan {
            part_bytes_max: call_now(Step::Seal, "sealer", || self.part_bytes_max(sealer.as_deref()))?,
            modified_at: self.execution.window.end(),
        };
        let writer = call_now(Step::Pack, "packager", || ports.packager.begin(plan))?;
        let writer = writer.map_err(|error| Failure::of(Step::Pack, &error))?;
        let press = Press::new(Arc::clone(&ports.workers), Arc::clone(&ports.packager), writer, sealer);
        let store = part_store(&ports.sink, &self.underway, self.fence, &self.meter);
        let limits = self.shared.settings.cut;
        let transferred =
            transfer(ports, &self.execution, limits, &self.meter, (handover, batches), press, store).await?;
        let release = Release {
            ports,
            execution: &self.execution,
            fence: self.fence,
            recipients: &recipients,
            signer: self.shared.signer.as_ref(),
            retention: self.shared.settings.retention,
            meter: &self.meter,
            underway: &self.underway,
        };
        publish::prepare(&release, transferred).await
    }

    /// What the source is asked for.
    fn request(&self) -> ReadRequest {
        let settings = &self.execution.settings;
        ReadRequest {
            by: RecordInstant::of(&settings.timeframe),
            categories: settings.categories.clone(),
            template: settings.template.clone(),
            bad_records: self.bad_record_mode(),
            ..ReadRequest::new(settings.data_type.clone(), self.execution.window)
        }
    }

    /// Which bad records are the job's own, filters decide after the read: until then none ends it.
    fn bad_record_mode(&self) -> BadRecordMode {
        let settings = &self.execution.settings;
        match settings.policies.bad_records {
            BadRecords::Fail if settings.template.filters.is_empty() => BadRecordMode::Fail,
            BadRecords::Fail | BadRecords::Skip { .. } => BadRecordMode::Report,
        }
    }

    fn source(&self) -> Result<Arc<dyn Source>, Failure> {
        let id = &self.execution.settings.source;
        let refuse = |message: String| Failure {
            step: Step::Prepare,
            kind: FailureKind::Missing,
            message,
            retryable: false,
        };
        match self.shared.ports.sources.find(id) {
            Some(RegisteredSource::Supported(source)) => Ok(Arc::clone(source)),
            Some(RegisteredSource::Unsupported { reason, .. }) => {
                Err(refuse(format!("source {id} cannot be used: {reason}")))
            }
            None => Err(refuse(format!("source {id} is not registered: register it and run the job again"))),
        }
    }

    /// The job's recipients, each certificate checked again now (rule S2): an attempt that cannot seal
    /// for every one of them fails, and never stores plaintext.
    async fn sealer(&self) -> Result<(Vec<Recipient>, Option<Arc<dyn Sealer>>), Failure> {
        let names = self.execution.settings.protection.recipients();
        if names.is_empty() {
            return Ok((Vec::new(), None));
        }
        let ports = &self.shared.ports;
        let stored = ports
            .catalog
            .recipients(&self.execution.owner)
            .await
            .map_err(|error| catalog_failure(Step::Prepare, &error))?;
        let mut recipients = Vec::with_capacity(names.len());
        for name in names {
            let found = stored.iter().find(|recipient| recipient.name == *name);
            recipients.push(found.cloned().ok_or_else(|| Failure {
                step: Step::Prepare,
                kind: FailureKind::Certificate,
                message: format!(
                    "no certificate is stored for recipient {name} ({})",
                    Code::UnknownRecipient
                ),
                retryable: false,
            })?);
        }
        let now = crate::engine::now(ports);
        let sealer =
            call_now(Step::Prepare, "certificate store", || ports.certificates.sealer(&recipients, now))?;
        let sealer = sealer.map_err(|error| Failure::of(Step::Prepare, &error))?;
        Ok((recipients, Some(sealer)))
    }

    /// How many records are expected (rule E7): the source's estimate, else the job's last success.
    /// A source that does not filter does not know how many records are left by the filters. An estimate
    /// that fails is no reason to fail: the read will tell.
    async fn expectation(
        &self,
        source: &dyn Source,
        request: &ReadRequest,
        pushed_down: bool,
    ) -> Result<Option<u64>, Failure> {
        if pushed_down || request.template.filters.is_empty() {
            match call(Step::Prepare, SOURCE, async { source.estimate(request).await }).await {
                Ok(Some(estimate)) => return Ok(Some(estimate.records)),
                Ok(None) => {}
                Err(failure) if failure.kind == FailureKind::Internal => return Err(failure),
                Err(failure) => debug!("no estimate: {}", failure.message),
            }
        }
        let last = self.shared.ports.catalog.last_records(self.execution.job_id).await;
        last.map_err(|error| catalog_failure(Step::Prepare, &error))
    }

    /// Rule A4: the split size; sealed parts never exceed what recipients can decrypt.
    fn part_bytes_max(&self, sealer: Option<&dyn Sealer>) -> Option<u64> {
        let split = self.execution.settings.split_size.map(SplitSize::bytes);
        match sealer {
            None => split,
            Some(sealer) => {
                let largest = largest_sealable(|plain| sealer.sealed_bytes(plain));
                Some(split.map_or(largest, |split| split.min(largest)))
            }
        }
    }

    /// Commits. An error leaves the outcome unknown, so the commit is tried again: a second one is fenced
    /// off by the first. What is stored is deleted only when the catalog says that it is not wanted.
    async fn publish(&self, publication: &Publication) -> Option<Execution> {
        let catalog = &self.shared.ports.catalog;
        for attempt in 1..=COMMIT_TRIES {
            match catalog.publish(self.fence, publication).await {
                Ok(()) => return Some(self.published(publication)),
                Err(error) if error.kind() == CatalogErrorKind::Fenced => {
                    // Another worker has the execution, or a lost reply hid our own success.
                    match catalog.standing(self.fence).await {
                        Ok(Standing::Wanted) => return Some(self.published(publication)),
                        Ok(Standing::Unwanted) => return self.fenced().await,
                        Ok(Standing::Unknown) => return None,
                        Err(error) => warn!(attempt, "cannot look the commit up: {}", error.report()),
                    }
                }
                // Whoever asked for that was told that it stops, before the commit came (rule E8).
                Err(error) if error.kind() == CatalogErrorKind::Cancelled => {
                    info!("to be stopped: {}", error.report());
                    return self.settle(Settlement::Cancelled).await;
                }
                // Publishing would lose or double records: nothing may be shown, and trying again is no help.
                Err(error) if error.kind() == CatalogErrorKind::Conflict => {
                    let failure = Failure {
                        step: Step::Publish,
                        kind: FailureKind::Internal,
                        message: error.report(),
                        retryable: false,
                    };
                    warn!("refused by the catalog: {}", failure.message);
                    let retry = self.shared.settings.retry;
                    return self.settle(Settlement::Failed { failure, retry }).await;
                }
                Err(error) => warn!(attempt, "cannot commit: {}", error.report()),
            }
            self.pause(attempt).await;
        }
        None
    }

    /// The execution as the catalog has it after the commit.
    fn published(&self, publication: &Publication) -> Execution {
        self.execution.clone().succeeded(publication.progress, publication.published_at)
    }

    /// Puts the end on the record and removes what was stored. If the first fails the lease runs out and
    /// another worker takes over.
    async fn settle(&self, settlement: Settlement) -> Option<Execution> {
        let ports = &self.shared.ports;
        for attempt in 1..=COMMIT_TRIES {
            match ports.catalog.settle(self.fence, &settlement, crate::engine::now(ports)).await {
                Ok(execution) => {
                    self.discard().await;
                    return Some(execution);
                }
                Err(error) if error.kind() == CatalogErrorKind::Fenced => return self.fenced().await,
                Err(error) => warn!(attempt, "cannot put the end on the record: {}", error.report()),
            }
            self.pause(attempt).await;
        }
        None
    }

    /// Another worker has the execution: what this one stored can never be published.
    async fn fenced(&self) -> Option<Execution> {
        warn!("the claim was lost");
        if let Ok(Standing::Unwanted) = self.shared.ports.catalog.standing(self.fence).await {
            self.discard().await;
        }
        None
    }

    /// Removes what was stored, once the catalog has said that nobody wants it and nothing is under way that would
    /// land behind its back. A store that takes too long leaves the rest to the sweep.
    async fn discard(&self) {
        let remove = async {
            self.underway.wind_down().await;
            discard(&self.shared, self.fence).await;
        };
        let remove = std::pin::pin!(contained_async(remove));
        let too_long = std::pin::pin!(async { self.shared.ports.clock.sleep(DISCARD_MAX).await });
        match select(remove, too_long).await {
            Either::Left((Ok(()), _)) => {}
            Either::Left((Err(Panicked), _)) => warn!("the store panicked: the sweep removes what is left"),
            Either::Right(_) => warn!("the store takes too long: the sweep removes what is left"),
        }
    }

    /// What a crashed attempt left is removed before the next one stores anything.
    async fn discard_older_epochs(&self) -> Result<(), SinkError> {
        if self.fence.epoch == 1 {
            return Ok(());
        }
        let sink = &self.shared.ports.sink;
        for key in sink.list(&keys::execution(self.fence.execution)).await? {
            if keys::writer(&key).is_some_and(|writer| writer.epoch < self.fence.epoch) {
                sink.delete(&key).await?;
            }
        }
        Ok(())
    }

    async fn pause(&self, attempt: u32) {
        self.shared.ports.clock.sleep(Duration::from_millis(100 << attempt.min(6))).await;
    }
}

/// Gives back an execution whose attempt was dropped: it is queued again without counting the attempt,
/// and then what it stored is removed. A commit that was under way may have won: its set stays.
pub(in crate::engine) async fn release(shared: &Shared, fence: Fence) {
    let ports = &shared.ports;
    match ports.catalog.settle(fence, &Settlement::Released, crate::engine::now(ports)).await {
        Ok(_queued) => discard(shared, fence).await,
        Err(error) if error.kind() == CatalogErrorKind::Fenced => {}
        Err(error) => warn!(execution_id = %fence.execution, "cannot give back: {}", error.report()),
    }
}

/// Removes what a claim stored, once the catalog has said that nobody wants it.
async fn discard(shared: &Shared, fence: Fence) {
    if let Err(error) = delete_all(&*shared.ports.sink, &keys::claim(fence)).await {
        warn!("cannot remove what was stored; the sweep will: {}", error.report());
    }
}

/// Deletes everything under a prefix, unfinished uploads too.
pub(in crate::engine) async fn delete_all(
    sink: &dyn crate::ports::sink::Sink,
    prefix: &Prefix,
) -> Result<(), SinkError> {
    for key in sink.list(prefix).await? {
        sink.delete(&key).await?;
    }
    Ok(())
}

/// A type that a source has not, or has not any more.
fn no_type(source: &Description, request: &ReadRequest) -> Failure {
    let known: Vec<&str> = source.types.iter().map(|data_type| data_type.id.as_str()).collect();
    Failure {
        step: Step::Prepare,
        kind: FailureKind::Invalid,
        message: format!(
            "source {} has no data type {}: choose out of {}",
            source.id,
            request.data_type,
            known.join(", ")
        ),
        retryable: false,
    }
}

fn catalog_failure(step: Step, error: &CatalogError) -> Failure {
    Failure { step, kind: FailureKind::Unavailable, message: error.report(), retryable: error.is_retryable() }
}
