//! The engine's own loop, for embedders that do not have one.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, Fuse, FusedFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, pin_mut, select_biased};
use tracing::{info, warn};

use super::{Engine, EngineError, Tick, export, now};
use crate::domain::execution::{Execution, Status};
use crate::domain::policy::Jitter;
use crate::ports::Ports;

/// The rhythm of beats and of looking for new work.
const BEAT: Duration = Duration::from_secs(1);
/// How often expired sets are looked for.
const RETAIN_EVERY: Duration = Duration::from_secs(60);
/// How often the store is swept for orphans.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// How many rounds in a row may fail before a run until idle gives up.
const FAILED_ROUNDS_MAX: u32 = 3;

/// How long to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until told to stop.
    Stopped,
    /// Until nothing is due, queued or running anywhere; retries that wait are waited for.
    Idle,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunReport {
    /// Executions that published their set.
    pub finished: u64,
    /// Executions given up.
    pub failed: u64,
    /// Executions that ended otherwise, or were left to others.
    pub other: u64,
    /// Rounds of housekeeping (retention, sweep) that failed and will be repeated.
    pub housekeeping_failures: u64,
}

impl RunReport {
    fn count(&mut self, ended: Option<&Execution>) {
        match ended.map(Execution::status) {
            Some(Status::Finished | Status::FinishedWithErrors) => self.finished += 1,
            Some(Status::Failed) => self.failed += 1,
            _ => self.other += 1,
        }
    }
}

impl Engine {
    /// Runs due jobs, beats, and removes what has expired, until `until` or until `shutdown` completes.
    /// Then nothing new is claimed, running executions have the grace period to end, and those that do
    /// not are given back.
    ///
    /// # Errors
    /// With [`Until::Idle`], if rounds keep failing; with [`Until::Stopped`], only for errors that no
    /// retry can mend.
    ///
    /// # Cancel safety
    /// If dropped, running executions are abandoned; they are taken over when their lease runs out, or
    /// at once where the catalog can tell that the worker is gone.
    pub async fn run(
        &self,
        until: Until,
        shutdown: impl Future<Output = ()>,
    ) -> Result<RunReport, EngineError> {
        let mut report = RunReport::default();
        let mut executions = Executions::new();
        let mut rhythms = Rhythms::default();
        let mut chores: Fuse<BoxFuture<'static, bool>> = Fuse::terminated();
        let mut failed_rounds = 0;
        let shutdown = shutdown.fuse();
        pin_mut!(shutdown);
        loop {
            if chores.is_terminated() {
                chores = self.chores(&mut rhythms);
            }
            let mut wake_in = BEAT;
            match self.tick(now(&self.shared.ports)).await {
                Ok(tick) => {
                    failed_rounds = 0;
                    wake_in = self.next_wake(&tick);
                    let idle = self.is_idle(&tick);
                    tick.given_up.iter().for_each(|execution| report.count(Some(execution)));
                    executions.extend(tick.executions);
                    if until == Until::Idle && idle && executions.is_empty() && chores.is_terminated() {
                        return Ok(report);
                    }
                }
                Err(error) => {
                    failed_rounds += 1;
                    let given_up = until == Until::Idle && failed_rounds >= FAILED_ROUNDS_MAX;
                    if executions.is_empty() && (given_up || !error.is_retryable()) {
                        return Err(error);
                    }
                    warn!("a round failed, the next one goes on: {}", chain(&error));
                }
            }
            let beat_due = rhythms.beat.sleep(&self.shared.ports).fuse();
            let due = self.shared.ports.clock.sleep(wake_in).fuse();
            pin_mut!(beat_due, due);
            // Whatever comes first: the end of an execution makes room, what waits becomes due, a beat looks
            // for work that others have submitted.
            select_biased! {
                () = shutdown => {
                    self.drain(executions, &mut report).await;
                    return Ok(report);
                }
                ended = executions.select_next_some() => report.count(ended.as_ref()),
                done = chores => report.housekeeping_failures += u64::from(!done),
                () = beat_due => self.beat_or_warn().await,
                () = due => {}
            }
        }
    }

    /// What is to be removed now, as work beside the executions: a slow store holds nothing up, and
    /// housekeeping that fails is no reason not to export. Gives whether all was done.
    fn chores(&self, rhythms: &mut Rhythms) -> Fuse<BoxFuture<'static, bool>> {
        let monotonic = self.shared.ports.clock.monotonic();
        let (retain, sweep) = (rhythms.retain.is_due(monotonic), rhythms.sweep.is_due(monotonic));
        if !retain && !sweep {
            return Fuse::terminated();
        }
        let shared = Arc::clone(&self.shared);
        let chores = async move {
            let mut done = true;
            if retain {
                done &= shared.retain().await.unwrap_or_else(|error| {
                    warn!("expired sets were not removed: {}", chain(&error));
                    false
                });
            }
            if sweep && let Err(error) = shared.sweep().await {
                warn!("the store was not swept: {}", chain(&error));
                done = false;
            }
            done
        };
        chores.boxed().fuse()
    }

    /// Nothing is due, queued or running anywhere. What is queued for later than any retry or jitter waits for
    /// another time: somebody's clock was ahead.
    fn is_idle(&self, tick: &Tick) -> bool {
        let (agenda, now) = (tick.agenda, now(&self.shared.ports));
        let due = agenda.next_due_at.is_some_and(|slot| slot <= now);
        let waits_max = (self.shared.settings.retry.delay_max * 2).max(Jitter::MAX * 2);
        let horizon = now.checked_add_signed(waits_max).unwrap_or(now);
        let queued = agenda.next_queued_at.is_some_and(|at| at <= horizon);
        if agenda.queued > 0 && !queued {
            info!(queued = agenda.queued, "what is queued lies too far ahead to wait for");
        }
        tick.executions.is_empty() && !due && !queued && agenda.running == 0
    }

    /// How long until something that is known becomes due; at most a beat, and not at once, since what
    /// is due and was not claimed waits for something else.
    fn next_wake(&self, tick: &Tick) -> Duration {
        let now = now(&self.shared.ports);
        let instants = [tick.agenda.next_due_at, tick.agenda.next_queued_at].into_iter().flatten();
        let waits = instants.filter(|at| *at > now).filter_map(|at| (at - now).to_std().ok());
        waits.min().unwrap_or(BEAT).min(BEAT)
    }

    async fn beat_or_warn(&self) {
        if let Err(error) = self.beat(now(&self.shared.ports)).await {
            warn!("a beat was missed: {}", chain(&error));
        }
    }

    /// Waits for running executions, at most the grace period, then gives back those that are left.
    async fn drain(&self, mut executions: Executions, report: &mut RunReport) {
        let ports = &self.shared.ports;
        info!(running = executions.len(), "stopping");
        let mut beat = Rhythm::every(BEAT);
        let grace_over = ports.clock.sleep(self.shared.settings.grace).fuse();
        pin_mut!(grace_over);
        while !executions.is_empty() {
            let beat_due = beat.sleep(ports).fuse();
            pin_mut!(beat_due);
            select_biased! {
                ended = executions.select_next_some() => report.count(ended.as_ref()),
                () = grace_over => break,
                () = beat_due => self.beat_or_warn().await,
            }
        }
        let abandoned = self.shared.running.fences();
        drop(executions);
        for fence in abandoned {
            report.other += 1;
            export::release(&self.shared, fence).await;
        }
    }
}

type Executions = FuturesUnordered<BoxFuture<'static, Option<Execution>>>;

/// What the loop does from time to time.
#[derive(Debug)]
struct Rhythms {
    beat: Rhythm,
    retain: Rhythm,
    sweep: Rhythm,
}

impl Default for Rhythms {
    fn default() -> Self {
        Self {
            beat: Rhythm::every(BEAT),
            retain: Rhythm::every(RETAIN_EVERY),
            sweep: Rhythm::every(SWEEP_EVERY),
        }
    }
}

/// Something done at a distance, the first time at once.
#[derive(Debug)]
struct Rhythm {
    distance: Duration,
    next: Option<Duration>,
}

impl Rhythm {
    fn every(distance: Duration) -> Self {
        Self { distance, next: None }
    }

    fn is_due(&mut self, monotonic: Duration) -> bool {
        let due = self.next.is_none_or(|next| next <= monotonic);
        if due {
            self.next = Some(monotonic + self.distance);
        }
        due
    }

    /// Completes when it is due the next time. Short work in between does not put it off.
    async fn sleep(&mut self, ports: &Ports) {
        let monotonic = ports.clock.monotonic();
        let next = *self.next.get_or_insert(monotonic + self.distance);
        ports.clock.sleep(next.saturating_sub(monotonic)).await;
        self.next = Some(ports.clock.monotonic() + self.distance);
    }
}

/// An error with all its causes, for the log.
fn chain(error: &EngineError) -> String {
    match error {
        EngineError::Catalog(cause) => format!("{error}: {}", cause.report()),
        EngineError::Sink(cause) => format!("{error}: {}", cause.report()),
    }
}
