//! One round: records due slots and claims as many executions as there is room for (rule E2).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::EngineError;
use super::calls::{contained, contained_async};
use super::export;
use super::heartbeat::Meter;
use super::observe::Event;
use super::worker::{Engine, Shared};
use crate::domain::calendar::zone::database::Clocks;
use crate::domain::execution::Execution;
use crate::domain::execution::queue::SourceLimits;
use crate::domain::id::SourceId;
use crate::ports::catalog::{Agenda, Claim, Claimed, Fence, Nonce};
use crate::ports::source::RegisteredSource;

/// The result of one round of the engine.
#[must_use = "claimed executions make progress only while their futures are polled"]
pub struct Tick {
    /// Claimed executions. Each future runs one attempt to its end and returns the execution as it is then,
    /// or `None` if another worker has it. Dropping a future abandons the attempt: the lease runs out and the
    /// execution is taken over.
    pub executions: Vec<BoxFuture<'static, Option<Execution>>>,
    /// Executions that have failed for good because their last worker died.
    pub given_up: Vec<Execution>,
    /// When the round began, by the catalog's clock.
    pub now: DateTime<Utc>,
    /// The agenda just before the claim.
    pub agenda: Agenda,
    /// The monotonic reading of the engine's clock at `now`.
    pub(super) began: Duration,
    /// Whether more is due than one round records; if so, the next round should follow at once.
    pub more: bool,
}

impl std::fmt::Debug for Tick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tick")
            .field("executions", &self.executions.len())
            .field("given_up", &self.given_up.len())
            .field("now", &self.now)
            .field("agenda", &self.agenda)
            .field("more", &self.more)
            .finish()
    }
}

impl Engine {
    /// Runs one round: records due slots and claims as many executions as there is room for.
    ///
    /// [`run`](Engine::run) is the loop around it. A loop of your own has to
    ///
    /// - poll the [`executions`](Tick::executions) of each round to their end, for instance as tasks;
    /// - run [`tend`](Engine::tend) beside, which renews leases and deletes what has expired; or, with timers of
    ///   your own, call [`beat`](Engine::beat) every second and [`keep_house`](Engine::keep_house) every minute;
    /// - call `tick` again after [`wait_after`](Engine::wait_after), and at once when an execution has ended;
    /// - when it stops: call [`release`](Engine::release) and wait for the executions with a limit; pass those that
    ///   have not ended to [`give_back`](Engine::give_back); at last call [`leave`](Engine::leave).
    ///
    /// Nothing is lost if the last step is left out; other engines then wait for leases to run out.
    ///
    /// ```
    /// # use cdds_core::{Engine, Sources, engine::EngineError};
    /// # use cdds_core::testing::MemoryPorts;
    /// use futures::future::{join_all, select};
    /// # use futures::{executor::block_on, pin_mut};
    /// # let memory = MemoryPorts::new("2026-03-01T10:00:00Z".parse()?, Sources::new());
    /// # let (ports, clock) = (memory.ports.clone(), memory.ports.clock.clone());
    ///
    /// let engine = Engine::builder(&ports).build();
    /// let work = async {
    ///     loop {
    ///         let mut tick = engine.tick().await?;
    ///         if engine.is_idle(&tick) {
    ///             return Ok::<_, EngineError>(());
    ///         }
    ///         join_all(tick.executions.drain(..)).await;
    ///         clock.sleep(engine.wait_after(&tick)).await;
    ///     }
    /// };
    /// let tend = engine.tend();
    /// pin_mut!(work, tend);
    /// block_on(async {
    ///     select(work, tend).await;
    ///     engine.leave().await;
    /// });
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the catalog fails. Nothing is lost; the next tick continues.
    ///
    /// # Cancel safety
    /// A dropped call may have claimed executions without a future to run them; they are taken over when
    /// their lease runs out.
    pub async fn tick(&self) -> Result<Tick, EngineError> {
        contained_async(self.round()).await.unwrap_or(Err(EngineError::Panicked))
    }

    async fn round(&self) -> Result<Tick, EngineError> {
        // First, so that nobody is found to work who is not listed.
        self.shared.attend().await;
        // Asked once for all that the round records. The claim takes the instant itself: scheduling may take
        // long, and a lease counted from before it would be short, or already over.
        let now = self.shared.ports.catalog.now().await?;
        let began = self.shared.ports.clock.monotonic();
        let clocks = self.shared.clocks().await;
        let more = self.shared.schedule(now, clocks).await?;
        // Nothing may fail between the claim and its futures, or claimed executions would be left without a
        // future: so the agenda is read first.
        let agenda = self.shared.ports.catalog.agenda(clocks).await?;
        let Claimed { executions, given_up, covered } = self.shared.claim(clocks).await?;
        for execution in given_up.iter().chain(&covered) {
            self.shared.notice(&Event::Ended { execution });
        }
        let executions = executions.into_iter().map(|execution| self.shared.start(execution)).collect();
        Ok(Tick { executions, given_up, now, agenda, began, more })
    }
}

impl Shared {
    async fn claim(&self, clocks: Clocks) -> Result<Claimed, EngineError> {
        let room = self.settings.concurrency.get().saturating_sub(self.running.count());
        if room == 0 || self.attendance.drains() {
            return Ok(Claimed::default());
        }
        let claim = Claim {
            worker: self.worker.clone(),
            nonce: Nonce::of(self.ports.ids.next()),
            lease: self.settings.lease,
            limit: room,
            holding: self.running.fences(),
            retry: self.settings.retry,
            source_limits: self.source_limits(),
            clocks,
        };
        Ok(self.ports.catalog.claim(&claim).await?)
    }

    /// Returns the limits that sources set. One that panics has none: its executions end when they begin.
    fn source_limits(&self) -> SourceLimits {
        let limit = |(id, source): (&SourceId, &RegisteredSource)| match source {
            RegisteredSource::Supported(source) => {
                let limit = contained(|| source.describe().max_concurrent).ok()??;
                Some((id.clone(), limit))
            }
            RegisteredSource::Unsupported { .. } => None,
        };
        self.ports.sources.of_all_owners().filter_map(limit).collect()
    }

    fn start(self: &Arc<Self>, execution: Execution) -> BoxFuture<'static, Option<Execution>> {
        let fence = execution.fence();
        let meter = Arc::new(Meter::new(self.ports.clock.monotonic()));
        let registration = Registration::new(Arc::clone(self), fence, Arc::clone(&meter));
        let shared = Arc::clone(self);
        async move {
            let _registration = registration;
            let execution = shared.run_by_zones(execution);
            export::export(shared, execution, meter).await
        }
        .boxed()
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
