//! Signs of life to the register of workers (rule E19). Nothing depends on them, so no failure of the register stops
//! anything else.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::{debug, warn};

use super::calls::contained_async;
use super::worker::{Engine, Shared};

/// How often an engine gives a sign of life.
const EVERY: Duration = Duration::from_secs(10);
/// How long a sign of life counts. Longer than a graceful stop takes by default, and than a slow round.
const LEASE: Duration = Duration::from_secs(60);

/// When this engine last gave a sign of life, by the monotonic clock; `None` before the first, and after it has left.
#[derive(Debug, Default)]
pub(super) struct Attendance(Mutex<Option<Duration>>);

impl Attendance {
    /// Returns whether a sign of life is due, and then not before the next time, however it goes.
    fn is_due(&self, monotonic: Duration) -> bool {
        let mut given_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = given_at.is_none_or(|at| at + EVERY <= monotonic);
        if is_due {
            *given_at = Some(monotonic);
        }
        is_due
    }

    /// Returns whether the register may know this engine as one that works, and then no more.
    fn ends(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
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
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.report(),
            Err(_panicked) => "the catalog panicked".to_owned(),
        };
        warn!(name: "attendance.missed", target: "cdds", "a sign of life was not recorded: {why}");
    }
}
