//! Runs what is due. The steps of an export, in order, each in its own file:
//!
//! ```text
//! schedule ─ claim ─ export ┬ prepare: source, recipients
//!    due slots become       ├ transfer: records → files → compressed → parts (sealed, digested, stored)
//!    entries of the record  ├ publish: names, manifest, one commit
//!                           └ settle: retry, give up, cancel
//! heartbeat: leases and progress, once a second          retain: expired sets, orphans
//! ```

mod calls;
mod export;
mod heartbeat;
pub mod observe;
mod retain;
mod run;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use tracing::error;

use self::calls::{Panicked, contained, contained_async};
use self::heartbeat::{Meter, Running, StopReason};
use self::observe::{Event, Observer, Unobserved};
use crate::domain::cut::CutLimits;
use crate::domain::execution::{Execution, SourceTerms};
use crate::domain::id::WorkerId;
use crate::domain::retention::RetentionDays;
use crate::domain::retry::RetryPolicy;
use crate::domain::schedule::{self, CATCH_UP_LIMIT, Terms};
use crate::ports::Ports;
use crate::ports::catalog::{Agenda, CatalogError, CatalogErrorKind, Claim, Claimed, Fence, WAITING_MAX};
use crate::ports::sealer::ManifestSigner;
use crate::ports::sink::SinkError;

pub use self::run::{RunReport, Until};

/// Due jobs turned into entries per round, so that one tick stays short.
const JOBS_PER_ROUND: usize = 256;

/// Entries after which a round leaves what else is due to the next one. What it has put on the record may begin
/// before that, and its memory does not grow with a backlog.
const ENTRIES_PER_ROUND: usize = 1_000;

/// How an engine works; the defaults are those of the rules.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// How many executions run at the same time (rule E2).
    pub concurrency: NonZeroUsize,
    /// How long a claim holds without a sign of life.
    pub lease: Duration,
    /// How long a graceful stop waits for running executions.
    pub grace: Duration,
    /// How long an execution may go on without a record or a byte read or stored. Then it ends, and is tried
    /// again as after any failure that may pass (rule E5). It must be longer than the slowest source takes to its
    /// first record, for instance to sort, and than the store takes for one write.
    pub stall: Duration,
    /// The service's own retention (rule A7).
    pub retention: RetentionDays,
    /// How far back missed occurrences are caught up (rule E4).
    pub catch_up_limit: TimeDelta,
    /// What follows a failure (rule E5).
    pub retry: RetryPolicy,
    /// Whether expiry waits while record and store both disagree with the clock (rule A7). Not for a clock that
    /// shows what somebody has asked for.
    pub doubt_clock: bool,
    /// How records are cut into files; part of what makes reruns identical (rule A6).
    pub cut: CutLimits,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            concurrency: NonZeroUsize::MIN.saturating_add(1),
            lease: Duration::from_secs(60),
            grace: Duration::from_secs(30),
            stall: Duration::from_secs(3600),
            retention: RetentionDays::default(),
            catch_up_limit: CATCH_UP_LIMIT,
            retry: RetryPolicy::default(),
            doubt_clock: true,
            cut: CutLimits::default(),
        }
    }
}

/// Why the engine itself, not an execution, could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[from] CatalogError),
    /// The artifact store failed.
    #[error("the artifact store failed")]
    Sink(#[from] SinkError),
    /// The catalog or the store panicked, or a source when it was asked for its terms.
    #[error("a port panicked, which is a defect of it")]
    Panicked,
}

impl EngineError {
    /// Whether the same step may succeed later without anybody's help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Catalog(error) => error.is_retryable(),
            Self::Sink(error) => error.is_retryable(),
            Self::Panicked => true,
        }
    }
}

/// One worker: claims executions and runs them. Several may share a catalog and a store.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// What the engine and the executions it runs have in common.
#[derive(Debug)]
struct Shared {
    ports: Ports,
    settings: EngineSettings,
    worker: WorkerId,
    observer: Arc<dyn Observer>,
    signer: Option<Arc<dyn ManifestSigner>>,
    running: Running,
    /// When the clock was last examined, and whether it was in doubt.
    doubt: Mutex<Option<(Duration, bool)>>,
}

/// What one round of the engine found.
#[must_use = "claimed executions make progress only while their futures are polled"]
pub struct Tick {
    /// Claimed executions; each future runs one attempt to its end and gives the execution as it then
    /// stands, or `None` if another worker has it. Dropping one abandons the attempt: the lease runs out
    /// and the execution is taken over.
    pub executions: Vec<BoxFuture<'static, Option<Execution>>>,
    /// Executions that have failed for good because their last worker died.
    pub given_up: Vec<Execution>,
    /// What lay ahead just before the claim.
    pub agenda: Agenda,
    /// Whether more is due than one round puts on the record: the next one should follow at once.
    pub more: bool,
}

impl std::fmt::Debug for Tick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tick")
            .field("executions", &self.executions.len())
            .field("given_up", &self.given_up.len())
            .field("agenda", &self.agenda)
            .field("more", &self.more)
            .finish()
    }
}

impl Engine {
    /// An engine over these ports, under a fresh worker id.
    ///
    /// # Errors
    /// None in practice: a UUID is a valid worker id.
    pub fn new(ports: &Ports, settings: EngineSettings) -> Result<Self, EngineError> {
        let worker = WorkerId::new(ports.ids.next().to_string()).map_err(|violation| {
            CatalogError::with_source(CatalogErrorKind::Conflict, "cannot name the worker", violation)
        })?;
        let observer = Arc::new(Unobserved);
        let shared = Shared {
            ports: ports.clone(),
            settings,
            worker,
            observer,
            signer: None,
            running: Running::default(),
            doubt: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The same engine, telling `observer` what happens.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        let signer = self.shared.signer.clone();
        self.with(observer, signer)
    }

    /// The same engine, signing the manifest of every set that it publishes (rule A5).
    #[must_use]
    pub fn signed_by(self, signer: Arc<dyn ManifestSigner>) -> Self {
        let observer = Arc::clone(&self.shared.observer);
        self.with(observer, Some(signer))
    }

    fn with(self, observer: Arc<dyn Observer>, signer: Option<Arc<dyn ManifestSigner>>) -> Self {
        let shared = &self.shared;
        Self {
            shared: Arc::new(Shared {
                ports: shared.ports.clone(),
                settings: shared.settings.clone(),
                worker: shared.worker.clone(),
                observer,
                signer,
                running: Running::default(),
                doubt: Mutex::default(),
            }),
        }
    }

    /// One round: puts due slots on the record and claims what there is room for. The embedder polls the
    /// executions and calls [`beat`](Engine::beat) every second while any runs;
    /// [`run`](Engine::run) does both.
    ///
    /// # Errors
    /// If the catalog fails; nothing is lost, the next tick goes on.
    ///
    /// # Cancel safety
    /// If dropped, executions may have been claimed without a future to run them; they are taken over
    /// when their lease runs out.
    pub async fn tick(&self, now: DateTime<Utc>) -> Result<Tick, EngineError> {
        contained_async(self.round(now)).await.unwrap_or(Err(EngineError::Panicked))
    }

    async fn round(&self, now: DateTime<Utc>) -> Result<Tick, EngineError> {
        let began = self.shared.ports.clock.monotonic();
        let more = self.shared.schedule(now).await?;
        // Nothing may fail between the claim and its futures.
        let agenda = self.shared.ports.catalog.agenda().await?;
        // That may have taken long: a lease that counted from before would be short, or over.
        let spent = self.shared.ports.clock.monotonic().saturating_sub(began);
        let now =
            TimeDelta::from_std(spent).ok().and_then(|spent| now.checked_add_signed(spent)).unwrap_or(now);
        let Claimed { executions, given_up, covered } = self.shared.claim(now).await?;
        for execution in given_up.iter().chain(&covered) {
            self.shared.notice(&Event::Ended { execution });
        }
        let executions = executions.into_iter().map(|execution| self.shared.start(execution)).collect();
        Ok(Tick { executions, given_up, agenda, more })
    }

    /// Renews the leases of this engine's running executions, stores their progress and passes orders
    /// on; to be called once a second. Ends what has not moved for too long ([`EngineSettings::stall`]).
    ///
    /// # Errors
    /// If the catalog fails; a missed beat does no harm until the lease runs out.
    pub async fn beat(&self, now: DateTime<Utc>) -> Result<(), EngineError> {
        contained_async(self.shared.beat(now)).await.unwrap_or(Err(EngineError::Panicked))
    }
}

impl Shared {
    /// Puts due slots on the record, and goes on with what edits and suspensions have left to be settled, as much as
    /// one round does; gives whether more may be due. A job that somebody else changed meanwhile is left to the next
    /// round.
    async fn schedule(&self, now: DateTime<Utc>) -> Result<bool, EngineError> {
        let due = self.ports.catalog.due(now, JOBS_PER_ROUND).await?;
        let waiting: usize = due.iter().map(|due| due.waiting.len()).sum();
        let mut more = due.len() == JOBS_PER_ROUND || waiting >= WAITING_MAX;
        let mut entries = 0;
        for due in due {
            if entries >= ENTRIES_PER_ROUND {
                return Ok(true);
            }
            let settings = &due.job.settings;
            let source = contained(|| self.ports.sources.terms(&settings.source, &settings.data_type));
            // A source that panics when it is asked does so again when the execution begins, and ends it.
            let source = source.unwrap_or_else(|Panicked| SourceTerms::default());
            let terms = Terms { catch_up_limit: self.settings.catch_up_limit, source };
            let Some(change) = schedule::materialise(&due.job, &due.waiting, terms, now) else { continue };
            entries += change.entries.len() + change.superseded.len() + change.edited.len();
            more |= due.job.unsettled.is_some() || change.job.next_due_at.is_some_and(|next| next <= now);
            match self.ports.catalog.change_job(&change, due.job.revision).await {
                Err(error) if error.kind() == CatalogErrorKind::Conflict => {}
                stored => stored?,
            }
        }
        Ok(more)
    }

    /// Tells the observer; gives whether it has taken it without a panic.
    fn notice(&self, event: &Event<'_>) -> bool {
        let told = contained(|| self.observer.notice(event));
        if told.is_err() {
            error!("the observer panicked, which is a defect of it");
        }
        told.is_ok()
    }

    async fn claim(&self, now: DateTime<Utc>) -> Result<Claimed, EngineError> {
        let room = self.settings.concurrency.get().saturating_sub(self.running.count());
        if room == 0 {
            return Ok(Claimed::default());
        }
        let claim = Claim {
            worker: self.worker.clone(),
            now,
            lease: self.settings.lease,
            limit: room,
            holding: self.running.fences(),
            retry: self.settings.retry,
        };
        Ok(self.ports.catalog.claim(&claim).await?)
    }

    fn start(self: &Arc<Self>, execution: Execution) -> BoxFuture<'static, Option<Execution>> {
        let fence = Fence { execution: execution.id, epoch: execution.epoch };
        let meter = Arc::new(Meter::new(self.ports.clock.monotonic()));
        let registration = Registration::new(Arc::clone(self), fence, Arc::clone(&meter));
        let shared = Arc::clone(self);
        async move {
            let _registration = registration;
            export::export(shared, execution, meter).await
        }
        .boxed()
    }

    async fn beat(&self, now: DateTime<Utc>) -> Result<(), EngineError> {
        let beats = self.running.beats(self.ports.clock.monotonic(), self.settings.stall);
        if beats.is_empty() {
            return Ok(());
        }
        for beat in &beats {
            let (execution, progress) = (beat.fence.execution, beat.progress);
            if !self.notice(&Event::Progressed { execution, progress }) {
                self.running.stop(beat.fence, StopReason::Unobservable);
            }
        }
        let lease = self.settings.lease;
        let directives = self.ports.catalog.beat(&self.worker, now, lease, &beats).await?;
        self.running.obey(&beats, &directives);
        Ok(())
    }
}

/// Counts an execution as running for as long as its future lives, however that ends.
struct Registration {
    shared: Arc<Shared>,
    fence: Fence,
}

impl Registration {
    fn new(shared: Arc<Shared>, fence: Fence, meter: Arc<Meter>) -> Self {
        shared.running.add(fence, meter);
        Self { shared, fence }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.shared.running.remove(self.fence);
    }
}
