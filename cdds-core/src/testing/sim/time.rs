//! Virtual time. It stands still as long as a task can run, then jumps to the next event.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::ports::clock::Clock;

/// Microseconds since the beginning of the world.
pub(super) type Micros = u64;

/// One millisecond.
pub(super) const MILLISECOND: Micros = 1_000;
/// One second.
pub(super) const SECOND: Micros = 1_000_000;
/// One hour.
pub(super) const HOUR: Micros = 3_600 * SECOND;
/// One day.
pub(super) const DAY: Micros = 24 * HOUR;

/// The true time of a world, and its timers.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    began_at: DateTime<Utc>,
    timers: Arc<Mutex<Timers>>,
}

/// Timers by due time, then by order of registration.
type Queue = BTreeMap<(Micros, u64), Waker>;

#[derive(Debug, Default)]
struct Timers {
    elapsed: Micros,
    registered: u64,
    /// The timers of the world itself, due to the microsecond.
    exact: Queue,
    /// The timers of engines, which a slow machine may serve late.
    loose: Queue,
}

impl Timers {
    fn queue(&mut self, exact: bool) -> &mut Queue {
        if exact { &mut self.exact } else { &mut self.loose }
    }
}

impl Timeline {
    pub(super) fn starting_at(began_at: DateTime<Utc>) -> Self {
        Self { began_at, timers: Arc::default() }
    }

    pub(super) fn elapsed(&self) -> Micros {
        self.timers().elapsed
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.instant(self.elapsed())
    }

    pub(super) fn instant(&self, at: Micros) -> DateTime<Utc> {
        self.began_at + micros_delta(at)
    }

    /// Converts an instant to time since the beginning of the world, or 0 if it was before.
    pub(super) fn micros(&self, instant: DateTime<Utc>) -> Micros {
        (instant - self.began_at)
            .num_microseconds()
            .and_then(|micros| u64::try_from(micros).ok())
            .unwrap_or(0)
    }

    /// Returns a future that completes after `micros`, exact to the microsecond.
    pub(super) fn sleep(&self, micros: Micros) -> Sleep {
        self.sleep_as(micros, true)
    }

    fn sleep_as(&self, micros: Micros, exact: bool) -> Sleep {
        Sleep { timeline: self.clone(), at: self.elapsed().saturating_add(micros), exact, registered: None }
    }

    /// The time at which the next timer of either kind is due.
    pub(super) fn next(&self) -> Option<Micros> {
        let timers = self.timers();
        let first = |queue: &Queue| queue.first_key_value().map(|((at, _), _)| *at);
        [first(&timers.exact), first(&timers.loose)].into_iter().flatten().min()
    }

    /// The time at which the next exact timer is due.
    pub(super) fn next_exact(&self) -> Option<Micros> {
        self.timers().exact.first_key_value().map(|((at, _), _)| *at)
    }

    /// Moves time forward to `at`, and wakes all tasks whose timers are due by then. Never moves time back.
    pub(super) fn advance(&self, at: Micros) {
        let mut due = Vec::new();
        {
            let mut timers = self.timers();
            timers.elapsed = timers.elapsed.max(at);
            let now = timers.elapsed;
            for exact in [true, false] {
                let queue = timers.queue(exact);
                while let Some(first) = queue.first_entry().filter(|first| first.key().0 <= now) {
                    due.push(first.remove_entry());
                }
            }
        }
        due.sort_by_key(|(key, _)| *key);
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn timers(&self) -> MutexGuard<'_, Timers> {
        self.timers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn micros_delta(micros: Micros) -> TimeDelta {
    TimeDelta::microseconds(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// Waits for virtual time.
#[derive(Debug)]
pub(super) struct Sleep {
    timeline: Timeline,
    at: Micros,
    exact: bool,
    /// The number of the registered timer, and its waker.
    registered: Option<(u64, Waker)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let (at, exact) = (self.at, self.exact);
        let registered = {
            let mut timers = self.timeline.timers();
            if timers.elapsed >= at {
                return Poll::Ready(());
            }
            let waker = context.waker();
            let number = match &self.registered {
                Some((_, known)) if known.will_wake(waker) => return Poll::Pending,
                Some((number, _)) => *number,
                None => {
                    timers.registered += 1;
                    timers.registered
                }
            };
            timers.queue(exact).insert((at, number), waker.clone());
            (number, waker.clone())
        };
        self.registered = Some(registered);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((number, _)) = self.registered {
            let (at, exact) = (self.at, self.exact);
            self.timeline.timers().queue(exact).remove(&(at, number));
        }
    }
}

/// The clock of one machine. It deviates by a fixed amount, and its timers may be served late.
#[derive(Debug)]
pub(super) struct SkewedClock {
    timeline: Timeline,
    skew: TimeDelta,
    /// A flag that makes the clock panic once it is set.
    fuse: Option<Arc<AtomicBool>>,
}

impl SkewedClock {
    pub(super) fn new(timeline: &Timeline, skew: TimeDelta) -> Self {
        Self { timeline: timeline.clone(), skew, fuse: None }
    }

    /// Makes the clock panic once `fuse` is set.
    pub(super) fn panicking(self, fuse: Arc<AtomicBool>) -> Self {
        Self { fuse: Some(fuse), ..self }
    }
}

impl Clock for SkewedClock {
    fn now(&self) -> DateTime<Utc> {
        self.timeline.now() + self.skew
    }

    fn monotonic(&self) -> Duration {
        if self.fuse.as_ref().is_some_and(|fuse| fuse.load(Ordering::Relaxed)) {
            std::panic::resume_unwind(Box::new("a planted bug"));
        }
        Duration::from_micros(self.timeline.elapsed())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let micros = Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX);
        self.timeline.sleep_as(micros, false).boxed()
    }
}

/// The clock that a world gives to its catalog: the true time, except while a planted bug moves it.
#[derive(Debug)]
pub(super) struct CatalogClock {
    truth: SkewedClock,
    /// In microseconds.
    moved: AtomicI64,
}

impl CatalogClock {
    pub(super) fn new(timeline: &Timeline) -> Self {
        Self { truth: SkewedClock::new(timeline, TimeDelta::zero()), moved: AtomicI64::new(0) }
    }

    /// Makes a call to the catalog by another time. A call is one step of the world, so nobody else sees it.
    pub(super) async fn moved<T>(&self, by: TimeDelta, call: impl Future<Output = T> + Send) -> T {
        self.moved.store(by.num_microseconds().unwrap_or(0), Ordering::Relaxed);
        let result = call.await;
        self.moved.store(0, Ordering::Relaxed);
        result
    }
}

impl Clock for CatalogClock {
    fn now(&self) -> DateTime<Utc> {
        self.truth.now() + TimeDelta::microseconds(self.moved.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.truth.monotonic()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.truth.sleep(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_until_it_is_moved() {
        let timeline = Timeline::starting_at(DateTime::UNIX_EPOCH);
        let clock = SkewedClock::new(&timeline, TimeDelta::seconds(-3));
        let mut late = clock.sleep(Duration::from_secs(1));
        let mut exact = timeline.sleep(2 * SECOND);
        assert!(late.as_mut().now_or_never().is_none() && (&mut exact).now_or_never().is_none());
        assert_eq!((timeline.next(), timeline.next_exact()), (Some(SECOND), Some(2 * SECOND)));
        timeline.advance(2 * SECOND - 1);
        assert!(late.now_or_never().is_some() && (&mut exact).now_or_never().is_none());
        timeline.advance(2 * SECOND);
        assert!((&mut exact).now_or_never().is_some());
        assert_eq!(clock.now(), DateTime::UNIX_EPOCH - TimeDelta::seconds(1));
        assert_eq!(clock.monotonic(), Duration::from_secs(2));
        assert_eq!(timeline.next(), None, "what is done waits no more");
    }

    #[test]
    fn a_dropped_sleep_leaves_nothing() {
        let timeline = Timeline::starting_at(DateTime::UNIX_EPOCH);
        let mut sleep = timeline.sleep(5);
        assert!((&mut sleep).now_or_never().is_none());
        drop(sleep);
        assert_eq!(timeline.next(), None);
    }
}
