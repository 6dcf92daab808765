//! How many calls work with the database at a time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Lets a number of calls in; the others wait in the order in which they came. They wait as futures and hold no
/// thread, so that a crowd neither takes all threads of the process nor the processors from those who export.
#[derive(Debug)]
pub(super) struct Gate(Arc<Semaphore>);

/// A call that was let in.
pub(super) struct Pass {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Gate {
    pub(super) fn of(calls: usize) -> Self {
        Self(Arc::new(Semaphore::new(calls)))
    }

    /// Waits until there is room. The pass is to be kept until the work is done, also if nobody waits for the result
    /// any more.
    pub(super) async fn enter(&self) -> Pass {
        // There is an error only for one that was closed, which none is.
        Pass { _permit: Arc::clone(&self.0).acquire_owned().await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Poll;

    use futures::FutureExt;
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn those_who_wait_are_let_in_in_their_order() {
        let gate = Gate::of(2);
        let (first, _second) = (block_on(gate.enter()), block_on(gate.enter()));
        let mut third = Box::pin(gate.enter());
        let mut fourth = Box::pin(gate.enter());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(third.poll_unpin(&mut context).is_pending() && fourth.poll_unpin(&mut context).is_pending());
        drop(first);
        assert!(fourth.poll_unpin(&mut context).is_pending());
        assert!(matches!(third.poll_unpin(&mut context), Poll::Ready(_)));
        // Whoever gave up waiting leaves no hole.
        drop(fourth);
        assert!(gate.enter().now_or_never().is_some());
    }
}
