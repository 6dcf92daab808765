//! Clocks that each break one clause, to show that the checks find it.

use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;

use super::Clause;
use crate::ports::clock::Clock;

planted! {
    /// A bug that a [`PlantedClock`] has.
    enum Planted;
    /// Every thousandth reading is a second earlier.
    GoesBack => Monotonic,
    /// A sleep is a microsecond too short.
    SleepsShort => SleepsLongEnough,
    /// A sleep lasts whole milliseconds, rounded down.
    SleepsInMillis => SleepsLongEnough,
    /// A sleep of no time waits once.
    ZeroWaits => ZeroAtOnce,
    /// A sleep has passed as soon as it is asked for.
    SleepsWhenAsked => DroppedSleep,
}

/// A clock that only its sleeps move, with one bug, or none.
#[derive(Debug)]
pub struct PlantedClock {
    planted: Option<Planted>,
    micros: Arc<AtomicU64>,
    readings: AtomicU64,
}

impl PlantedClock {
    /// Creates a clock with this bug.
    pub fn new(planted: Planted) -> Self {
        Self { planted: Some(planted), ..Self::sound() }
    }

    /// Creates a clock without a bug.
    pub fn sound() -> Self {
        Self { planted: None, micros: Arc::new(AtomicU64::new(5_000_000)), readings: AtomicU64::new(0) }
    }
}

impl Clock for PlantedClock {
    fn now(&self) -> DateTime<Utc> {
        let micros = i64::try_from(self.micros.load(Ordering::SeqCst)).unwrap_or(i64::MAX);
        DateTime::UNIX_EPOCH + TimeDelta::microseconds(micros)
    }

    fn monotonic(&self) -> Duration {
        let goes_back = self.planted == Some(Planted::GoesBack)
            && (self.readings.fetch_add(1, Ordering::SeqCst) + 1).is_multiple_of(1_000);
        let micros = self.micros.load(Ordering::SeqCst);
        Duration::from_micros(if goes_back { micros - 1_000_000 } else { micros })
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let asked = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let slept = match self.planted {
            Some(Planted::SleepsShort) => asked.saturating_sub(1),
            Some(Planted::SleepsInMillis) => asked / 1_000 * 1_000,
            _ => asked,
        };
        let micros = self.micros.clone();
        let pass = move || {
            micros.fetch_add(slept, Ordering::SeqCst);
        };
        match self.planted {
            Some(Planted::SleepsWhenAsked) => {
                pass();
                future::ready(()).boxed()
            }
            Some(Planted::ZeroWaits) => {
                let mut polled = false;
                let waits = future::poll_fn(move |context| {
                    if std::mem::replace(&mut polled, true) {
                        pass();
                        return Poll::Ready(());
                    }
                    context.waker().wake_by_ref();
                    Poll::Pending
                });
                waits.boxed()
            }
            _ => async move { pass() }.boxed(),
        }
    }
}
