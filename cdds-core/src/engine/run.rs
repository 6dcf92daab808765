//! The engine's own loop, for embedders without one.

use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{BoxFuture, Fuse, FusedFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, pin_mut, select_biased};
use tracing::{info, warn};

use super::own_loop::{BEAT, HOUSE_EVERY};
use super::post::Exports;
use super::{Engine, EngineError, Tick};
use crate::domain::execution::{Execution, Status};

/// How long a graceful stop waits for executions that were ordered to stop.
const RELEASE_MAX: Duration = Duration::from_secs(10);
/// How many rounds in a row may fail before a run until idle gives up.
const FAILED_ROUNDS_MAX: u32 = 3;

/// How long to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until the shutdown.
    Stopped,
    /// Until nothing is due, queued or running anywhere; waits for pending retries, and for executions whose
    /// source is not complete (rule W3b), too.
    Idle,
}

/// The summary of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunReport {
    /// Executions that published their set.
    pub finished: u64,
    /// Executions given up.
    pub failed: u64,
    /// Attempts that failed and will be retried (rule E5).
    pub retries: u64,
    /// Executions that ended otherwise, or were left to others.
    pub other: u64,
    /// Rounds of housekeeping (rules A7, E14) that failed and will be repeated.
    pub housekeeping_failures: u64,
}

impl RunReport {
    fn count(&mut self, ended: Option<&Execution>) {
        // Nothing was tried: the source is asked again (rule W3b).
        if ended.is_some_and(|execution| execution.waits_for_source().is_some()) {
            return;
        }
        match ended.map(Execution::status) {
            Some(Status::Finished | Status::FinishedWithErrors) => self.finished += 1,
            Some(Status::Failed) => self.failed += 1,
            Some(Status::Queued) => self.retries += 1,
            _ => self.other += 1,
        }
    }
}

impl Engine {
    /// Runs due jobs, beats, and keeps house ([`keep_house`](Engine::keep_house)), until `until` is reached
    /// or `shutdown` completes. After that it claims nothing new: running executions have the grace period to
    /// end, and those that do not end are stopped and given back. A panic of a port ends the work that called
    /// it, not the run.
    ///
    /// # Errors
    /// With [`Until::Idle`], if rounds keep failing; with [`Until::Stopped`], only for errors that no
    /// retry can mend.
    ///
    /// # Cancel safety
    /// If dropped, running executions are abandoned; they are taken over when their lease runs out, or at
    /// once if the catalog can tell that the worker is gone.
    pub async fn run(
        &self,
        until: Until,
        shutdown: impl Future<Output = ()>,
    ) -> Result<RunReport, EngineError> {
        let (tell, over) = oneshot::channel();
        let shutdown = shutdown.shared();
        let exports = async {
            let report = self.run_on(until, shutdown.clone()).await;
            let is_idle = until == Until::Idle && report.is_ok();
            // Nobody receives it after a shutdown.
            let _ = tell.send(if is_idle { Exports::Idle } else { Exports::Stopped });
            report
        };
        let (report, ()) = futures::join!(exports, self.post(over, shutdown.clone()));
        self.leave().await;
        report
    }

    async fn run_on(
        &self,
        until: Until,
        shutdown: impl Future<Output = ()>,
    ) -> Result<RunReport, EngineError> {
        let mut report = RunReport::default();
        let mut pulse = Pulse::default();
        let mut work = Work::default();
        let mut chores: Fuse<BoxFuture<'static, bool>> = Fuse::terminated();
        let (mut house, mut looks) = (Rhythm::every(HOUSE_EVERY), Looks::default());
        let mut failed_rounds = 0;
        let shutdown = shutdown.fuse();
        pin_mut!(shutdown);
        loop {
            if chores.is_terminated() {
                chores = self.chores(&mut house);
            }
            let monotonic = self.shared.ports.clock.monotonic();
            if work.round.is_terminated() && looks.is_due(monotonic) {
                work.round = self.round_beside();
            }
            pulse.start(self, monotonic);
            let next_look = work.round.is_terminated().then_some(looks.next);
            let wake = self.sleep_until([next_look, pulse.next()], monotonic).fuse();
            pin_mut!(wake);
            // Whichever comes first. No branch waits for another: a round or a beat that takes long, because
            // there is much to record or the catalog is slow, holds up neither the exports nor the other.
            select_biased! {
                () = shutdown => {
                    self.drain(work, pulse, &mut report).await;
                    return Ok(report);
                }
                ended = work.executions.select_next_some() => {
                    // There is room now: look for work at once.
                    report.count(ended.as_ref());
                    looks.at_once(monotonic);
                }
                done = chores => {
                    report.housekeeping_failures += u64::from(!done);
                    looks.at_once(monotonic);
                }
                () = &mut pulse.beating => {}
                tick = &mut work.round => match tick {
                    Ok(tick) => {
                        failed_rounds = 0;
                        looks.after(self.wait_after(&tick), self.shared.ports.clock.monotonic());
                        let idle = self.is_idle(&tick);
                        tick.given_up.iter().for_each(|execution| report.count(Some(execution)));
                        work.executions.extend(tick.executions);
                        let all_done = work.executions.is_empty() && chores.is_terminated();
                        if until == Until::Idle && idle && all_done {
                            return Ok(report);
                        }
                    }
                    Err(error) => {
                        failed_rounds += 1;
                        looks.after(BEAT, self.shared.ports.clock.monotonic());
                        let given_up = until == Until::Idle && failed_rounds >= FAILED_ROUNDS_MAX;
                        // Never leave running executions behind for a failed round: the run goes on until
                        // they have ended.
                        if work.executions.is_empty() && (given_up || !error.is_retryable()) {
                            return Err(error);
                        }
                        warn!(
                            name: "round.failed",
                            target: "cdds",
                            "a round failed; the next one will try again: {}",
                            error.report()
                        );
                    }
                },
                () = wake => {}
            }
        }
    }

    /// Returns a round as work beside the executions.
    fn round_beside(&self) -> Round {
        let engine = self.clone();
        async move { engine.tick().await }.boxed().fuse()
    }

    /// Completes at the earliest of these monotonic instants; never, if there is none.
    async fn sleep_until(&self, instants: [Option<Duration>; 2], monotonic: Duration) {
        match instants.into_iter().flatten().min() {
            Some(at) => self.shared.ports.clock.sleep(at.saturating_sub(monotonic)).await,
            None => std::future::pending().await,
        }
    }

    /// Returns the housekeeping that is due, as work beside the executions: a slow store holds nothing up,
    /// and failed housekeeping must not stop exports. The future returns whether everything was done.
    fn chores(&self, house: &mut Rhythm) -> Fuse<BoxFuture<'static, bool>> {
        if !house.is_due(self.shared.ports.clock.monotonic()) {
            return Fuse::terminated();
        }
        let engine = self.clone();
        let chores = async move {
            engine.keep_house().await.unwrap_or_else(|error| {
                warn!(name: "house.failed", target: "cdds", "housekeeping failed: {}", error.report());
                false
            })
        };
        chores.boxed().fuse()
    }

    /// Waits for running executions, at most the grace period, then orders the rest to stop. Those that
    /// still do not end are dropped and given back.
    async fn drain(&self, mut work: Work, mut pulse: Pulse, report: &mut RunReport) {
        info!(running = work.executions.len(), "stopping");
        self.work_off(&mut work, &mut pulse, self.shared.settings.grace, || (), report).await;
        // Also stops executions that a round under way has yet to claim.
        self.work_off(&mut work, &mut pulse, RELEASE_MAX, || self.release(), report).await;
        report.other += self.give_back(work).await;
    }

    /// Continues the running executions, and a round that may have claimed more, for at most `limit`. Calls
    /// `tell` whenever something has begun or ended.
    async fn work_off(
        &self,
        work: &mut Work,
        pulse: &mut Pulse,
        limit: Duration,
        tell: impl Fn() + Send,
        report: &mut RunReport,
    ) {
        let ports = &self.shared.ports;
        if work.is_done() {
            return;
        }
        let over = ports.clock.sleep(limit).fuse();
        pin_mut!(over);
        while !work.is_done() {
            tell();
            let monotonic = ports.clock.monotonic();
            pulse.start(self, monotonic);
            let wake = self.sleep_until([None, pulse.next()], monotonic).fuse();
            pin_mut!(wake);
            select_biased! {
                ended = work.executions.select_next_some() => report.count(ended.as_ref()),
                tick = &mut work.round => if let Ok(tick) = tick {
                    tick.given_up.iter().for_each(|execution| report.count(Some(execution)));
                    work.executions.extend(tick.executions);
                },
                () = over => return,
                () = &mut pulse.beating => {}
                () = wake => {}
            }
        }
    }
}

type Round = Fuse<BoxFuture<'static, Result<Tick, EngineError>>>;

/// The work in progress.
struct Work {
    executions: FuturesUnordered<BoxFuture<'static, Option<Execution>>>,
    /// The round that looks for more work.
    round: Round,
}

impl Default for Work {
    fn default() -> Self {
        Self { executions: FuturesUnordered::new(), round: Fuse::terminated() }
    }
}

impl Work {
    fn is_done(&self) -> bool {
        self.executions.is_empty() && self.round.is_terminated()
    }
}

/// The beats, made one at a time.
struct Pulse {
    rhythm: Rhythm,
    beating: Fuse<BoxFuture<'static, ()>>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { rhythm: Rhythm::every(BEAT), beating: Fuse::terminated() }
    }
}

impl Pulse {
    /// Starts a beat if one is due and none is under way.
    fn start(&mut self, engine: &Engine, monotonic: Duration) {
        if !self.beating.is_terminated() || !self.rhythm.is_due(monotonic) {
            return;
        }
        let engine = engine.clone();
        let beat = async move {
            if let Err(error) = engine.beat().await {
                warn!(name: "beat.missed", target: "cdds", "a heartbeat was missed: {}", error.report());
            }
        };
        self.beating = beat.boxed().fuse();
    }

    /// Returns when the next beat is due; `None` while one is under way.
    fn next(&self) -> Option<Duration> {
        self.rhythm.next.filter(|_| self.beating.is_terminated())
    }
}

/// When to look for work next, by the monotonic clock.
#[derive(Debug, Default)]
struct Looks {
    next: Duration,
    /// Whether something has happened since the current look began, so that the next one must follow at once.
    again: bool,
}

impl Looks {
    fn is_due(&mut self, monotonic: Duration) -> bool {
        let due = self.next <= monotonic;
        self.again &= !due;
        due
    }

    fn at_once(&mut self, monotonic: Duration) {
        self.next = self.next.min(monotonic);
        self.again = true;
    }

    /// Schedules the next look when one has ended.
    fn after(&mut self, wait: Duration, monotonic: Duration) {
        let wait = if std::mem::take(&mut self.again) { Duration::ZERO } else { wait };
        self.next = monotonic + wait;
    }
}

/// An action repeated at an interval, the first time at once.
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
            // From now, not from when it was due: after a standstill nothing is made up for.
            self.next = Some(monotonic + self.distance);
        }
        due
    }
}
