//! One attempt at one execution, from its claim to its end: prepare, transfer, publish, settle.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use tracing::{Instrument, debug, info, info_span, warn};

use super::heartbeat::{Meter, StopReason};
use super::observe::Event;
use super::parts::part_store;
use super::press::Press;
use super::publish::{self, Release};
use super::transfer::{templated, transfer};
use super::{Shared, keys};
use crate::domain::execution::Execution;
use crate::domain::failure::{Failure, FailureKind, Step};
use crate::domain::policy::BadRecords;
use crate::domain::recipient::Recipient;
use crate::domain::split_size::{SplitSize, largest_sealable};
use crate::domain::violation::Code;
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Fence, Publication, Settlement, Standing};
use crate::ports::packager::Plan;
use crate::ports::sealer::Sealer;
use crate::ports::sink::{Prefix, SinkError};
use crate::ports::source::{BadRecordMode, ReadRequest, RecordInstant, RegisteredSource, Source};

/// How often a commit whose outcome is unknown is looked at again before the lease is left to run out.
const COMMIT_TRIES: u32 = 5;

/// Runs a claimed execution to the end of this attempt and puts the end on the record. Gives the
/// execution as it stands then, or `None` if another worker has it.
pub(super) async fn export(
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
    let attempt = Attempt {
        fence: Fence { execution: execution.id, epoch: execution.epoch },
        shared,
        execution,
        meter,
    };
    attempt.run().instrument(span).await
}

struct Attempt {
    shared: Arc<Shared>,
    execution: Execution,
    fence: Fence,
    meter: Arc<Meter>,
}

impl Attempt {
    async fn run(self) -> Option<Execution> {
        info!("started");
        self.shared.observer.notice(&Event::Started { execution: &self.execution });
        // The work is dropped here, uploads and all, before anything it stored is removed.
        let work_ended = {
            let work = std::pin::pin!(self.work());
            let stopped = std::pin::pin!(self.meter.stopped());
            match select(work, stopped).await {
                Either::Left((result, _)) => Ok(result),
                Either::Right((reason, _)) => Err(reason),
            }
        };
        let ended = match work_ended {
            Ok(Ok(publication)) => self.publish(&publication).await,
            Ok(Err(failure)) => {
                warn!(step = ?failure.step, kind = %failure.kind, "failed: {}", failure.message);
                let retry = self.shared.settings.retry;
                self.settle(Settlement::Failed { failure, retry }).await
            }
            Err(StopReason::Cancelled) => self.settle(Settlement::Cancelled).await,
            Err(StopReason::Fenced) => self.fenced().await,
        };
        match &ended {
            Some(execution) => {
                info!(status = execution.status().as_str(), "ended");
                self.shared.observer.notice(&Event::Ended { execution });
            }
            None => {
                info!("left to another worker");
                self.shared.observer.notice(&Event::Abandoned { execution: self.execution.id });
            }
        }
        ended
    }

    /// Every step up to the commit.
    async fn work(&self) -> Result<Publication, Failure> {
        let ports = &self.shared.ports;
        self.discard_older_epochs().await.map_err(|error| Failure::of(Step::Store, &error))?;
        let source = self.source()?;
        let (recipients, sealer) = self.sealer().await?;
        let request = self.request();
        let pushed_down = source.describe().data_type(&request.data_type).is_some_and(|t| t.pushes_down);
        self.meter.expect(self.expectation(&*source, &request, pushed_down).await?);
        let batches = source.read(request).await.map_err(|error| Failure::of(Step::Read, &error))?;
        let batches = templated(ports, &self.execution.settings.template, pushed_down, batches);
        let plan = Plan {
            part_bytes_max: self.part_bytes_max(sealer.as_deref()),
            modified_at: self.execution.window.end(),
        };
        let writer = ports.packager.begin(plan).map_err(|error| Failure::of(Step::Pack, &error))?;
        let press = Press::new(Arc::clone(&ports.workers), Arc::clone(&ports.packager), writer, sealer);
        let store = part_store(&*ports.sink, self.fence, &self.meter);
        let limits = self.shared.settings.cut;
        let transferred =
            transfer(ports, &self.execution, limits, &self.meter, batches, press, store).await?;
        let release = Release {
            ports,
            execution: &self.execution,
            fence: self.fence,
            recipients: &recipients,
            signer: self.shared.signer.as_ref(),
            retention: self.shared.settings.retention,
            meter: &self.meter,
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
        let sealer = ports
            .certificates
            .sealer(&recipients, super::now(ports))
            .map_err(|error| Failure::of(Step::Prepare, &error))?;
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
            match source.estimate(request).await {
                Ok(Some(estimate)) => return Ok(Some(estimate.records)),
                Ok(None) => {}
                Err(error) => debug!("no estimate: {}", error.report()),
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
            match ports.catalog.settle(self.fence, &settlement, super::now(ports)).await {
                Ok(execution) => {
                    discard(&self.shared, self.fence).await;
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
            discard(&self.shared, self.fence).await;
        }
        None
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
pub(super) async fn release(shared: &Shared, fence: Fence) {
    let ports = &shared.ports;
    match ports.catalog.settle(fence, &Settlement::Released, super::now(ports)).await {
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
pub(super) async fn delete_all(
    sink: &dyn crate::ports::sink::Sink,
    prefix: &Prefix,
) -> Result<(), SinkError> {
    for key in sink.list(prefix).await? {
        sink.delete(&key).await?;
    }
    Ok(())
}

fn catalog_failure(step: Step, error: &CatalogError) -> Failure {
    Failure { step, kind: FailureKind::Unavailable, message: error.report(), retryable: error.is_retryable() }
}
