//! One attempt, from its claim to its end: the order of its steps, and the reasons to end it early.

use std::sync::Arc;

use futures::future::{Either, select};
use tracing::{Instrument, error, info, info_span, warn};

use super::pack::PackPipeline;
use super::read::Files;
use super::store::{STORE, Underway, part_store};
use super::transfer::transfer;
use crate::domain::execution::Execution;
use crate::domain::execution::completeness::Frozen;
use crate::domain::execution::failure::{Failure, Step};
use crate::engine::calls::{Panicked, call, contained_async};
use crate::engine::heartbeat::{Meter, StopReason};
use crate::engine::observe::Event;
use crate::engine::worker::Shared;
use crate::ports::catalog::{Fence, Publication, Settlement, Writer};

/// Runs a claimed execution to the end of this attempt and records the end. Returns the execution as it is
/// then, or `None` if another worker has it.
pub(in crate::engine) async fn export(
    shared: Arc<Shared>,
    execution: Execution,
    meter: Arc<Meter>,
) -> Option<Execution> {
    let span = info_span!(
        target: "cdds",
        "execution",
        owner = %execution.owner,
        job_id = %execution.job_id,
        execution_id = %execution.id,
        slot = %execution.slot,
        epoch = execution.epoch,
    );
    let (fence, writer) = (execution.fence(), execution.writer());
    let attempt =
        Export { fence, writer, shared: Arc::clone(&shared), execution, meter, underway: Arc::default() };
    // A panic outside the work comes from the catalog, whose answer is then unknown, or from a value that was
    // dropped. Either way the lease runs out and the execution is taken over.
    let ended = contained_async(attempt.run()).instrument(span).await;
    ended.unwrap_or_else(|Panicked| {
        error!(name: "execution.panicked", target: "cdds", execution_id = %fence.id, "abandoned after a panic");
        shared.notice(&Event::Abandoned { execution: fence.id });
        None
    })
}

/// How the work of an attempt ends when it has nothing to publish.
pub(super) enum End {
    Failed(Failure),
    Cancelled,
    Released,
    Fenced,
}

/// One attempt at an execution.
pub(super) struct Export {
    pub(super) shared: Arc<Shared>,
    pub(super) execution: Execution,
    pub(super) fence: Fence,
    pub(super) writer: Writer,
    pub(super) meter: Arc<Meter>,
    pub(super) underway: Arc<Underway>,
}

impl Export {
    async fn run(mut self) -> Option<Execution> {
        let frozen = self.or_stop(async { self.begin().await }, "begin").await;
        match frozen {
            // As the catalog has it, and so not yet by the database that the manifest will name.
            Ok(Frozen::Running(execution)) => self.execution = self.shared.run_by_zones(execution),
            Ok(Frozen::Held(execution)) => return self.held(execution).await,
            Err(end) => return self.end(end).await,
        }
        info!(name: "execution.started", target: "cdds", "started");
        if !self.shared.notice(&Event::Started { execution: &self.execution }) {
            self.meter.stop(StopReason::Unobservable);
        }
        let work = async { self.work().await.map_err(End::Failed) };
        match self.or_stop(work, "export").await {
            Ok(publication) => self.tell(self.commit(&publication).await),
            Err(end) => self.end(end).await,
        }
    }

    /// Puts an end without a set on the record.
    async fn end(&self, end: End) -> Option<Execution> {
        let settlement = match end {
            End::Failed(failure) => {
                warn!(
                    name: "execution.failed",
                    target: "cdds",
                    step = ?failure.step,
                    kind = %failure.kind,
                    "failed: {}",
                    failure.message
                );
                Settlement::Failed { failure, retry: self.shared.settings.retry }
            }
            End::Cancelled => Settlement::Cancelled,
            End::Released => Settlement::Released,
            End::Fenced => return self.tell(self.fenced().await),
        };
        self.tell(self.settle(settlement).await)
    }

    /// Tells the observer how the attempt has ended.
    fn tell(&self, ended: Option<Execution>) -> Option<Execution> {
        match &ended {
            Some(execution) => {
                let (status, records) = (execution.status().as_str(), execution.progress.records);
                info!(name: "execution.ended", target: "cdds", status, records, "ended");
                self.shared.notice(&Event::Ended { execution });
            }
            None => {
                info!(name: "execution.left", target: "cdds", "left to another worker");
                self.shared.notice(&Event::Abandoned { execution: self.execution.id });
            }
        }
        ended
    }

    /// Runs `work`, unless something ends the attempt early. Store calls that the work had begun are kept in
    /// [`Underway`].
    async fn or_stop<T>(
        &self,
        work: impl Future<Output = Result<T, End>>,
        name: &'static str,
    ) -> Result<T, End> {
        // Dropping the work runs foreign code too, so the whole race is contained.
        let raced = contained_async(async {
            let work = std::pin::pin!(work);
            let stopped = std::pin::pin!(self.meter.stopped());
            match select(stopped, work).await {
                Either::Left((reason, _work)) => Err(self.end_by(reason)),
                Either::Right((result, _stopped)) => result,
            }
        });
        raced.await.unwrap_or_else(|Panicked| Err(End::Failed(Failure::panicked(Step::Work, name))))
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

    /// Runs every step up to the commit.
    async fn work(&self) -> Result<Publication, Failure> {
        call(Step::Store, STORE, self.discard_earlier_claims()).await?;
        let mut prepared = self.prepare().await?;
        let indexing = prepared.indexing.take();
        let files = Files::read(self, &prepared, indexing).await?;
        let pipeline = PackPipeline::begin(self, prepared.sealer.clone())?;
        let stored = transfer(files, pipeline, part_store(self)).await?;
        self.complete(&prepared.recipients, stored).await
    }
}
