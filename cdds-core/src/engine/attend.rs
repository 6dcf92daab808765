//! Signs of life to the register of workers (rule E19), by which an engine also learns that it is to drain (rule E20).
//! Nothing else depends on them, so no failure of the register stops anything.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::{debug, info, warn};

use super::calls::contained_async;
use super::worker::{Engine, Shared};

/// How often an engine gives a sign of life.
const EVERY: Duration = Duration::from_secs(10);
/// How long a sign of life counts. Longer than a graceful stop takes by default, and than a slow round.
const LEASE: Duration = Duration::from_secs(60);

/// What this engine has told the register, and heard from it.
#[derive(Debug, Default)]
pub(super) struct Attendance {
    /// When it last gave a sign of life, by the monotonic clock; `None` before the first, and after it has left.
    given_at: Mutex<Option<Duration>>,
    /// Whether it drains, as of its last sign of life.
    drains: AtomicBool,
}

impl Attendance {
    /// Returns whether a sign of life is due, and then not before the next time, however it goes.
    fn is_due(&self, monotonic: Duration) -> bool {
        let mut given_at = self.given_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = given_at.is_none_or(|at| at + EVERY <= monotonic);
        if is_due {
            *given_at = Some(monotonic);
        }
        is_due
    }

    /// Whether this engine is to claim nothing (rule E20).
    pub(super) fn drains(&self) -> bool {
        self.drains.load(Ordering::Relaxed)
    }

    /// Takes note of whether it is to drain.
    fn hear(&self, drains: bool) {
        if self.drains.swap(drains, Ordering::Relaxed) == drains {
            return;
        }
        if drains {
            info!(name: "worker.drains", target: "cdds", "this worker was asked to drain: it claims nothing more");
        } else {
            info!(name: "worker.resumes", target: "cdds", "this worker claims again");
        }
    }

    /// Returns whether the register may know this engine as one that works, and then no more.
    fn ends(&self) -> bool {
        self.given_at.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

impl Engine {
    /// Says that this engine stops in good order: lets another one keep house at once
    /// ([`leave_house`](Engine::leave_house)), and is listed as one that has left (rule E19). Call it when you stop;
    /// [`run`](Engine::run) does. The engine may go on later.
    ///
    /// # Cancel safety
    /// A dropped call leaves the lease to run out, and the engine listed as one that is gone.
    pub async fn leave(&self) {
        self.leave_house().await;
        if !self.shared.attendance.ends() {
            return;
        }
        let leave = self.shared.ports.catalog.leave(&self.shared.worker);
        // A worker that comes back begins anew.
        self.shared.attendance.hear(false);
        if let Ok(Err(error)) = contained_async(leave).await {
            debug!("this worker will be listed as one that is gone: {}", error.report());
        }
    }
}

impl Shared {
    /// Gives a sign of life if the last one is ten seconds old.
    pub(super) async fn attend(&self) {
        if !self.attendance.is_due(self.ports.clock.monotonic()) {
            return;
        }
        let why = match contained_async(self.ports.catalog.attend(&self.worker, &self.facts, LEASE)).await {
            Ok(Ok(entry)) => return self.attendance.hear(entry.draining_since.is_some()),
            Ok(Err(error)) => error.report(),
            Err(_panicked) => "the catalog panicked".to_owned(),
        };
        warn!(name: "attendance.missed", target: "cdds", "a sign of life was not recorded: {why}");
    }
}
