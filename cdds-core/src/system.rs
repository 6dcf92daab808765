//! The clock and the identifiers of the operating system.

use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;
use uuid::Uuid;

use crate::ports::clock::Clock;
use crate::ports::ids::Ids;

/// The system's clock, optionally shifted.
#[derive(Debug, Clone)]
pub struct SystemClock {
    started: Instant,
    shift: TimeDelta,
}

impl SystemClock {
    /// Creates an unshifted system clock.
    pub fn new() -> Self {
        Self::shifted(TimeDelta::zero())
    }

    /// Creates a clock that reads `instant` now and runs on from there.
    pub fn starting_at(instant: DateTime<Utc>) -> Self {
        Self::shifted(instant - Self::civil())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn shifted(shift: TimeDelta) -> Self {
        Self { started: Instant::now(), shift }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn civil() -> DateTime<Utc> {
        DateTime::from(SystemTime::now())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        let civil = Self::civil();
        civil.checked_add_signed(self.shift).unwrap_or(civil)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        // The timer would first wake its thread, even for no time.
        if duration.is_zero() {
            return futures::future::ready(()).boxed();
        }
        futures_timer::Delay::new(duration).boxed()
    }
}

/// Random identifiers from the system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn next(&self) -> Uuid {
        Uuid::new_v4()
    }
}
