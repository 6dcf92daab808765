//! Signs of life: renews leases, stores progress and receives orders, once a second for all running
//! executions together (rule E7).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::task::AtomicWaker;

use super::EngineError;
use super::calls::contained_async;
use super::observe::Event;
use super::worker::{Engine, Shared};
use crate::domain::execution::progress::Progress;
use crate::domain::source::Estimate;
use crate::ports::catalog::{Beat, Directive, Fence};

/// The counters of one running execution, written by its export and read by the heartbeat.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) records: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) undated: AtomicU64,
    pub(super) bytes_read: AtomicU64,
    pub(super) bytes_written: AtomicU64,
    pub(super) parts: AtomicU32,
    expected: Mutex<Option<Estimate>>,
    began: Duration,
    stillness: Mutex<Stillness>,
    stop: Stop,
}

/// Why a running execution has to stop early. Of several reasons the smallest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum StopReason {
    /// Another worker has it.
    Fenced,
    /// A person wants the execution stopped.
    Cancelled,
    /// The engine stops gracefully.
    Released,
    /// The observer panicked on an event of the execution.
    Unobservable,
    /// Nothing moved for too long.
    Stalled,
}

#[derive(Debug, Default)]
struct Stop {
    reason: Mutex<Option<StopReason>>,
    waker: AtomicWaker,
}

/// How long the counters have not changed.
#[derive(Debug, Default)]
struct Stillness {
    counts: [u64; 5],
    seen_at: Option<Duration>,
    lasted: Duration,
}

/// The most that counts as stillness between two beats: a process that was itself suspended has observed
/// nothing.
const SEEN_AT_ONCE_MAX: Duration = Duration::from_secs(60);

impl Stillness {
    /// Notes the counters at `monotonic` and returns how long they have been the same.
    fn see(&mut self, counts: [u64; 5], monotonic: Duration) -> Duration {
        let since = self.seen_at.replace(monotonic).map_or(Duration::ZERO, |at| monotonic.saturating_sub(at));
        self.lasted = match counts == self.counts {
            true => self.lasted.saturating_add(since.min(SEEN_AT_ONCE_MAX)),
            false => Duration::ZERO,
        };
        self.counts = counts;
        self.lasted
    }
}

impl Meter {
    /// Creates a meter; `began` is the clock's monotonic reading at the start of the attempt.
    pub(super) fn new(began: Duration) -> Self {
        Self {
            records: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            undated: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
            parts: AtomicU32::new(0),
            expected: Mutex::new(None),
            began,
            stillness: Mutex::default(),
            stop: Stop::default(),
        }
    }

    /// Sets the expected size of all reads, from the source or from the last success.
    pub(super) fn expect(&self, size: Option<Estimate>) {
        *lock(&self.expected) = size;
    }

    /// Returns the counts, with percentage and remaining time as of `monotonic`.
    pub(super) fn progress(&self, monotonic: Duration) -> Progress {
        let counts = Progress {
            // Relaxed: a beat may show one counter slightly ahead of another, and the final counts are read
            // by the task that wrote them.
            records: self.records.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
            undated: self.undated.load(Ordering::Relaxed),
            bytes_read: self.bytes_read.load(Ordering::Relaxed),
            bytes_written: self.bytes_written.load(Ordering::Relaxed),
            parts: self.parts.load(Ordering::Relaxed),
            percent: None,
            remaining_seconds: None,
        };
        counts.expecting(*lock(&self.expected), monotonic.saturating_sub(self.began))
    }

    fn obey(&self, directive: Directive) {
        match directive {
            Directive::Continue => {}
            Directive::Cancel => self.stop(StopReason::Cancelled),
            Directive::Fenced => self.stop(StopReason::Fenced),
        }
    }

    /// Orders the execution to stop.
    pub(super) fn stop(&self, reason: StopReason) {
        let mut known = lock(&self.stop.reason);
        // The reason that counts more stays: after a lost claim, nothing may be put on the record any more.
        *known = Some(known.map_or(reason, |known| known.min(reason)));
        drop(known);
        self.stop.waker.wake();
    }

    /// Completes when the execution is ordered to stop.
    pub(super) async fn stopped(&self) -> StopReason {
        std::future::poll_fn(|context| {
            // Register first: a stop between the check and the registration would not wake this task.
            self.stop.waker.register(context.waker());
            lock(&self.stop.reason).map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        })
        .await
    }

    /// Stops an execution that has not moved for `limit`: no record or byte was read, and none was stored.
    fn end_if_stalled(&self, progress: &Progress, monotonic: Duration, limit: Duration) {
        let Progress { records, rejected, bytes_read, bytes_written, parts, .. } = *progress;
        // The counters that rule E12 names.
        let counts = [records, rejected, bytes_read, bytes_written, u64::from(parts)];
        if lock(&self.stillness).see(counts, monotonic) >= limit {
            self.stop(StopReason::Stalled);
        }
    }
}

/// The meters of all executions that this engine runs.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// Ordered, so that executions are handled in the same order every time.
    meters: Mutex<BTreeMap<Fence, Arc<Meter>>>,
}

impl Running {
    pub(super) fn add(&self, fence: Fence, meter: Arc<Meter>) {
        lock(&self.meters).insert(fence, meter);
    }

    pub(super) fn remove(&self, fence: Fence) {
        lock(&self.meters).remove(&fence);
    }

    pub(super) fn count(&self) -> usize {
        lock(&self.meters).len()
    }

    pub(super) fn fences(&self) -> Vec<Fence> {
        lock(&self.meters).keys().copied().collect()
    }

    /// Returns one beat per running execution. Orders those that have not moved for `stall` to stop.
    pub(super) fn beats(&self, monotonic: Duration, stall: Duration) -> Vec<Beat> {
        let beat = |(fence, meter): (&Fence, &Arc<Meter>)| {
            let progress = meter.progress(monotonic);
            meter.end_if_stalled(&progress, monotonic, stall);
            Beat { fence: *fence, progress }
        };
        lock(&self.meters).iter().map(beat).collect()
    }

    /// Orders one execution to stop.
    pub(super) fn stop(&self, fence: Fence, reason: StopReason) {
        if let Some(meter) = lock(&self.meters).get(&fence) {
            meter.stop(reason);
        }
    }

    /// Orders all executions to stop.
    pub(super) fn stop_all(&self, reason: StopReason) {
        lock(&self.meters).values().for_each(|meter| meter.stop(reason));
    }

    /// Passes on the catalog's orders.
    pub(super) fn obey(&self, beats: &[Beat], directives: &[Directive]) {
        let meters = lock(&self.meters);
        for (beat, directive) in beats.iter().zip(directives) {
            // The execution may have ended while the catalog was asked.
            if let Some(meter) = meters.get(&beat.fence) {
                meter.obey(*directive);
            }
        }
    }
}

impl Engine {
    /// Renews the leases of this engine's running executions, stores their progress and passes on orders.
    /// Call it once a second. Stops executions that have not moved for too long
    /// ([`EngineSettings::stall`](super::EngineSettings::stall)).
    ///
    /// # Errors
    /// If the catalog fails; a missed beat does no harm until the lease runs out.
    pub async fn beat(&self) -> Result<(), EngineError> {
        contained_async(self.shared.beat()).await.unwrap_or(Err(EngineError::Panicked))
    }
}

impl Shared {
    async fn beat(&self) -> Result<(), EngineError> {
        let beats = self.running.beats(self.ports.clock.monotonic(), self.settings.stall);
        if beats.is_empty() {
            return Ok(());
        }
        for beat in &beats {
            let (execution, progress) = (beat.fence.id, beat.progress);
            // No lock is held here, since observers are foreign code.
            if !self.notice(&Event::Progressed { execution, progress }) {
                self.running.stop(beat.fence, StopReason::Unobservable);
            }
        }
        let lease = self.settings.lease;
        let directives = self.ports.catalog.beat(&self.worker, lease, &beats).await?;
        self.running.obey(&beats, &directives);
        // While an engine stops it makes no rounds.
        self.attend().await;
        Ok(())
    }
}

/// Locks a plain value that is replaced whole, so a panic elsewhere leaves it usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ExecutionId;
    use futures::FutureExt;
    use uuid::Uuid;

    #[test]
    fn e8_orders_reach_the_execution_they_are_for() {
        let running = Running::default();
        let fence = |number| Fence { id: ExecutionId(Uuid::from_u128(number)), epoch: 1 };
        let meters = [Arc::new(Meter::new(Duration::ZERO)), Arc::new(Meter::new(Duration::ZERO))];
        running.add(fence(1), Arc::clone(&meters[0]));
        running.add(fence(2), Arc::clone(&meters[1]));

        let beats = running.beats(Duration::from_secs(1), Duration::MAX);
        let orders: Vec<Directive> = beats
            .iter()
            .map(|beat| if beat.fence == fence(1) { Directive::Cancel } else { Directive::Continue })
            .collect();
        running.obey(&beats, &orders);
        assert_eq!(meters[0].stopped().now_or_never(), Some(StopReason::Cancelled));
        assert_eq!(meters[1].stopped().now_or_never(), None);

        running.remove(fence(1));
        assert_eq!(running.count(), 1);
    }
    #[test]
    fn e12_what_stands_still_for_too_long_is_told_to_stop() {
        let (limit, running) = (Duration::from_secs(10), Running::default());
        let (fence, meter) =
            (Fence { id: ExecutionId(Uuid::from_u128(1)), epoch: 1 }, Arc::new(Meter::new(Duration::ZERO)));
        running.add(fence, Arc::clone(&meter));
        let beat = |second| drop(running.beats(Duration::from_secs(second), limit));
        (0..10).for_each(beat);
        meter.bytes_written.fetch_add(1, Ordering::Relaxed);
        (10..20).for_each(beat);
        assert_eq!(meter.stopped().now_or_never(), None, "it moved in between");
        beat(20);
        assert_eq!(meter.stopped().now_or_never(), Some(StopReason::Stalled));
    }

    #[test]
    fn e12_a_process_that_stood_still_has_not_seen_its_executions_do_so() {
        let meter = Meter::new(Duration::ZERO);
        let beat = |second| {
            let at = Duration::from_secs(second);
            meter.end_if_stalled(&meter.progress(at), at, Duration::from_secs(3_600));
        };
        (0..5).for_each(beat);
        beat(100_000);
        assert_eq!(meter.stopped().now_or_never(), None);
    }

    #[test]
    fn e8_a_lost_claim_comes_before_any_other_reason() {
        let meter = Meter::new(Duration::ZERO);
        meter.stop(StopReason::Stalled);
        meter.stop(StopReason::Fenced);
        meter.stop(StopReason::Cancelled);
        assert_eq!(meter.stopped().now_or_never(), Some(StopReason::Fenced));
    }
}
