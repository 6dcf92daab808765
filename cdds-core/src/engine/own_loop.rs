//! The parts of [`run`](Engine::run), for embedders with a loop of their own.

use std::time::Duration;

use futures::{FutureExt, pin_mut, select_biased};
use tracing::{info, warn};

use super::calls::contained;
use super::heartbeat::StopReason;
use super::{Engine, Tick, export};
use crate::domain::job::policy::Jitter;

/// The interval of beats and of looking for new work.
pub(super) const BEAT: Duration = Duration::from_secs(1);
/// How often to keep house.
pub(super) const HOUSE_EVERY: Duration = Duration::from_secs(60);

impl Engine {
    /// Beats every second, keeps house every minute, delivers sets and tells subscribers, for ever
    /// ([`beat`](Engine::beat), [`keep_house`](Engine::keep_house)). Errors are logged and the next round tries again.
    /// Run it beside a loop of your own.
    ///
    /// # Cancel safety
    /// It is ended by dropping it. Call [`leave`](Engine::leave) afterwards.
    pub async fn tend(&self) {
        let (_never, exports) = futures::channel::oneshot::channel();
        let post = async {
            self.post(exports, std::future::pending()).await;
            // It ends at once if there is nothing to deliver to and nobody to tell.
            std::future::pending::<()>().await;
        };
        let (beats, house, post) = (self.beats().fuse(), self.keep_house_on().fuse(), post.fuse());
        pin_mut!(beats, house, post);
        // None ever ends, and none waits for another: a slow store must not cost a lease.
        select_biased! { () = beats => {}, () = house => {}, () = post => {} }
    }

    async fn beats(&self) {
        loop {
            if let Err(error) = self.beat().await {
                warn!(name: "beat.missed", target: "cdds", "a heartbeat was missed: {}", error.report());
            }
            self.shared.ports.clock.sleep(BEAT).await;
        }
    }

    async fn keep_house_on(&self) {
        loop {
            if let Err(error) = self.keep_house().await {
                warn!(name: "house.failed", target: "cdds", "housekeeping failed: {}", error.report());
            }
            self.shared.ports.clock.sleep(HOUSE_EVERY).await;
        }
    }

    /// Returns how long to wait before the next [`tick`](Engine::tick): until the next instant at which something
    /// is due, at most a second, since others may submit jobs and orders meanwhile; zero only if the round left
    /// more to record. Look again at once when an execution has ended, since there is room for another.
    pub fn wait_after(&self, tick: &Tick) -> Duration {
        if tick.more {
            return Duration::ZERO;
        }
        // By the catalog's clock, and counted from the beginning of the round: this machine's clock may differ.
        // An execution that is due but was not claimed waits for something else.
        let instants = [tick.agenda.next_due_at, tick.agenda.next_queued_at].into_iter().flatten();
        let waits = instants.filter(|at| *at > tick.now).filter_map(|at| (at - tick.now).to_std().ok());
        let spent = self.shared.ports.clock.monotonic().saturating_sub(tick.began);
        waits.min().map_or(BEAT, |wait| wait.saturating_sub(spent)).min(BEAT)
    }

    /// Returns whether, when a round began, nothing was due, queued or running anywhere, and it claimed nothing.
    /// Executions that are queued for later than any retry or jitter do not count: somebody's clock was ahead. An
    /// engine that drains is idle once a round has claimed nothing (rule E20): the rest is for others.
    pub fn is_idle(&self, tick: &Tick) -> bool {
        if self.shared.attendance.drains() {
            return tick.executions.is_empty();
        }
        let (agenda, now) = (tick.agenda, tick.now);
        let due = agenda.next_due_at.is_some_and(|slot| slot <= now);
        // Twice the longest, since jitter stretches the wait for a retry.
        let waits_max = (self.shared.settings.retry.delay_max * 2).max(Jitter::MAX * 2);
        let horizon = now.checked_add_signed(waits_max).unwrap_or(now);
        let queued = agenda.next_queued_at.is_some_and(|at| at <= horizon);
        if agenda.queued > 0 && !queued {
            info!(queued = agenda.queued, "the queued executions lie too far ahead to wait for");
        }
        tick.executions.is_empty() && !due && !queued && agenda.running == 0
    }

    /// Orders this engine's running executions to stop. Each future gives its execution back to the queue and
    /// ends, at the latest when the call that it waits for returns.
    pub fn release(&self) {
        self.shared.running.stop_all(StopReason::Released);
    }

    /// Drops `work`, which holds the futures of executions that have not ended, and gives those executions back to
    /// the queue, so that another engine need not wait for their leases to run out. Returns how many they were.
    ///
    /// The futures must really be dropped with `work`. A task that is still polled after that could write into the
    /// store behind the removal of what it stored; some executors only ask a task to end when its handle is
    /// dropped, and there its end has to be awaited first.
    ///
    /// # Cancel safety
    /// If dropped, the executions that were not given back yet are taken over when their leases run out.
    pub async fn give_back<W: Send>(&self, work: W) -> u64 {
        // Noted first, since dropping the work takes it off the list. Given back last: an attempt that still
        // ran could store parts behind the removal.
        let abandoned = self.shared.running.fences();
        if contained(|| drop(work)).is_err() {
            warn!("a running export panicked when it was dropped");
        }
        let mut count = 0;
        for fence in abandoned {
            count += 1;
            export::release(&self.shared, fence).await;
        }
        count
    }
}
