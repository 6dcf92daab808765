//! The CPU pool.

use std::io;
use std::num::NonZeroUsize;

use cdds_core::ports::workers::Workers;

/// A fixed number of threads that take work first in, first out.
///
/// A closure that panics is logged and lost; its thread continues. Dropping the pool lets submitted work run
/// to its end, without waiting for it.
#[derive(Debug)]
pub struct ThreadPool {
    pool: rayon_core::ThreadPool,
    threads: NonZeroUsize,
}

impl ThreadPool {
    /// Starts `threads` threads; with `None`, one for each processor that this process may use.
    ///
    /// # Errors
    /// If the system refuses to start a thread.
    pub fn new(threads: Option<NonZeroUsize>) -> io::Result<Self> {
        let threads = match threads {
            Some(threads) => threads,
            None => std::thread::available_parallelism()?,
        };
        let pool = rayon_core::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .thread_name(|index| format!("cdds-worker-{index}"))
            // A panic message may quote a record, so it is not logged.
            .panic_handler(|_told| tracing::error!("a worker panicked and lost its task"))
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { pool, threads })
    }
}

impl Workers for ThreadPool {
    fn parallelism(&self) -> NonZeroUsize {
        self.threads
    }

    fn submit(&self, work: Box<dyn FnOnce() + Send>) {
        self.pool.spawn_fifo(work);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::sync::{Arc, Barrier};

    use cdds_core::ports::workers::offload;
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn the_pool_keeps_the_contract_of_the_workers() {
        for threads in [NonZeroUsize::new(1), NonZeroUsize::new(5), None] {
            cdds_core::testing::conformance::workers::check(|| Arc::new(ThreadPool::new(threads).unwrap()))
                .assert();
        }
    }

    #[test]
    fn work_runs_at_the_same_time_and_gives_its_results() {
        let pool = ThreadPool::new(NonZeroUsize::new(2)).unwrap();
        assert_eq!(pool.parallelism().get(), 2);
        let meeting = Arc::new(Barrier::new(2));
        let both: Vec<_> = (0..2)
            .map(|index| {
                let meeting = Arc::clone(&meeting);
                offload(&pool, move || {
                    meeting.wait();
                    index
                })
            })
            .collect();
        assert_eq!(block_on(futures::future::join_all(both)), [Ok(0), Ok(1)]);
    }

    #[test]
    fn a_dropped_pool_still_runs_what_was_submitted() {
        let pool = ThreadPool::new(NonZeroUsize::new(1)).unwrap();
        let (sender, receiver) = mpsc::channel();
        for index in 0..100 {
            let sender = sender.clone();
            pool.submit(Box::new(move || sender.send(index).unwrap()));
        }
        drop((pool, sender));
        assert_eq!(receiver.into_iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }
}
