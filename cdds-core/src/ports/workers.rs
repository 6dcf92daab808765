//! The pool for CPU work.

use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::channel::oneshot;

/// A pool that runs CPU work off the polling thread: compressing, sealing, hashing.
///
/// # Contract
/// Every submitted closure runs once, on any thread and in any order; `submit` does not wait for it.
///
/// # Errors
/// None. A closure that panics must not take the pool down; its caller sees the loss as [`WorkLost`]. The
/// engine's closures contain their own panics.
///
/// # Cancel safety
/// Submitted work runs to its end, even if nobody waits for its result any more.
pub trait Workers: Debug + Send + Sync {
    /// Returns how many closures make progress at the same time; bounds the work in flight.
    fn parallelism(&self) -> NonZeroUsize;

    /// Queues `work`.
    fn submit(&self, work: Box<dyn FnOnce() + Send>);
}

/// A worker dropped its task without a result: the closure panicked or the pool is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a worker thread lost its task")]
pub struct WorkLost;

/// Runs `work` on the pool and returns its result.
///
/// # Errors
/// [`WorkLost`] if the closure panicked or the pool was shut down.
///
/// # Cancel safety
/// Dropping the future abandons the result, not the work.
pub fn offload<T: Send + 'static>(
    workers: &dyn Workers,
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, WorkLost>> + Send + 'static {
    let (sender, receiver) = oneshot::channel();
    workers.submit(Box::new(move || {
        // A panic must not leave this closure, even where work runs on the submitting thread. Any state that
        // it leaves half done is dropped with the closure.
        if let Ok(result) = catch_unwind(AssertUnwindSafe(work)) {
            // The receiver is gone if the execution was cancelled: nobody wants the result then.
            let _unwanted = sender.send(result);
        }
    }));
    async move { receiver.await.map_err(|oneshot::Canceled| WorkLost) }
}
