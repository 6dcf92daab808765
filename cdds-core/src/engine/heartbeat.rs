//! Signs of life: leases renewed, progress stored, orders received, once a second for all running
//! executions together (rule E7).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::task::AtomicWaker;

use crate::domain::progress::Progress;
use crate::ports::catalog::{Beat, Directive, Fence};

/// What one running execution counts, written by its export and read by the heartbeat.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) records: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) bytes_read: AtomicU64,
    pub(super) bytes_written: AtomicU64,
    pub(super) parts: AtomicU32,
    expected: Mutex<Option<u64>>,
    began: Duration,
    stop: Stop,
}

/// Why a running execution is to stop before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    Cancelled,
    Fenced,
}

#[derive(Debug, Default)]
struct Stop {
    cancelled: AtomicBool,
    fenced: AtomicBool,
    waker: AtomicWaker,
}

impl Meter {
    /// `began` is the clock's monotonic reading at the start of the attempt.
    pub(super) fn new(began: Duration) -> Self {
        Self {
            records: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
            parts: AtomicU32::new(0),
            expected: Mutex::new(None),
            began,
            stop: Stop::default(),
        }
    }

    /// How many records are expected in all, from the source or from the last success.
    pub(super) fn expect(&self, records: Option<u64>) {
        *lock(&self.expected) = records;
    }

    /// The counts, with share and remaining time as of `monotonic`.
    pub(super) fn progress(&self, monotonic: Duration) -> Progress {
        let counts = Progress {
            records: self.records.load(Ordering::Relaxed),
            rejected: self.rejected.load(Ordering::Relaxed),
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
            Directive::Continue => return,
            Directive::Cancel => self.stop.cancelled.store(true, Ordering::Release),
            Directive::Fenced => self.stop.fenced.store(true, Ordering::Release),
        }
        self.stop.waker.wake();
    }

    /// Completes when the execution is told to stop.
    pub(super) async fn stopped(&self) -> StopReason {
        std::future::poll_fn(|context| {
            self.stop.waker.register(context.waker());
            if self.stop.fenced.load(Ordering::Acquire) {
                return std::task::Poll::Ready(StopReason::Fenced);
            }
            if self.stop.cancelled.load(Ordering::Acquire) {
                return std::task::Poll::Ready(StopReason::Cancelled);
            }
            std::task::Poll::Pending
        })
        .await
    }
}

/// The meters of all executions that this engine runs.
#[derive(Debug, Default)]
pub(super) struct Running {
    /// In a fixed order, so that what happens to them is the same every time.
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

    /// One beat per running execution.
    pub(super) fn beats(&self, monotonic: Duration) -> Vec<Beat> {
        lock(&self.meters)
            .iter()
            .map(|(fence, meter)| Beat { fence: *fence, progress: meter.progress(monotonic) })
            .collect()
    }

    /// Passes the catalog's orders on.
    pub(super) fn obey(&self, beats: &[Beat], directives: &[Directive]) {
        let meters = lock(&self.meters);
        for (beat, directive) in beats.iter().zip(directives) {
            if let Some(meter) = meters.get(&beat.fence) {
                meter.obey(*directive);
            }
        }
    }
}

/// These locks guard plain values that are replaced whole: a panic elsewhere leaves them usable.
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
        let fence = |number| Fence { execution: ExecutionId(Uuid::from_u128(number)), epoch: 1 };
        let meters = [Arc::new(Meter::new(Duration::ZERO)), Arc::new(Meter::new(Duration::ZERO))];
        running.add(fence(1), Arc::clone(&meters[0]));
        running.add(fence(2), Arc::clone(&meters[1]));

        let beats = running.beats(Duration::from_secs(1));
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
}
