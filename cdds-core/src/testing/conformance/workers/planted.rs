//! Pools that each break one clause, to show that the checks find it.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::Clause;
use crate::ports::workers::Workers;

planted! {
    /// A bug that [`PlantedWorkers`] have.
    enum Planted;
    /// Drops every hundredth piece of work.
    LosesSome => RunsEach,
    /// Runs the work on the thread that submits it.
    RunsInline => SubmitReturns,
    /// Says that it has four threads, and has two.
    ClaimsMore => Parallel,
    /// A thread ends when work panics.
    DiesOfPanic => PanicContained,
    /// A panic leaves `submit`.
    PassesPanicOn => PanicContained,
    /// Keeps the work instead of running it.
    KeepsWork => PanicIsLoss,
    /// Keeps the work that it has not run, after it is dropped too.
    LeaksQueue => DropEnds,
}

type Work = Box<dyn FnOnce() + Send>;

/// A pool of two threads with one bug, or none.
#[derive(Debug)]
pub struct PlantedWorkers {
    planted: Option<Planted>,
    queue: Sender<Work>,
    submitted: Mutex<Submitted>,
}

/// What was submitted so far.
#[derive(Default)]
struct Submitted {
    count: usize,
    kept: Vec<Work>,
}

impl std::fmt::Debug for Submitted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Submitted").field("count", &self.count).finish_non_exhaustive()
    }
}

impl PlantedWorkers {
    /// Starts a pool with this bug.
    pub fn new(planted: Planted) -> Self {
        Self::start(Some(planted))
    }

    /// Starts a pool without a bug.
    pub fn sound() -> Self {
        Self::start(None)
    }

    fn start(planted: Option<Planted>) -> Self {
        let (queue, waiting) = mpsc::channel::<Work>();
        let waiting = Arc::new(Mutex::new(waiting));
        for _thread in 0..2 {
            let waiting = waiting.clone();
            thread::spawn(move || work_off(planted, &waiting));
        }
        Self { planted, queue, submitted: Mutex::default() }
    }
}

/// Runs what is in the queue, until the pool is gone.
fn work_off(planted: Option<Planted>, waiting: &Mutex<Receiver<Work>>) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        let ended = catch_unwind(AssertUnwindSafe(work));
        if ended.is_err() && planted == Some(Planted::DiesOfPanic) {
            return;
        }
    }
}

impl Workers for PlantedWorkers {
    fn parallelism(&self) -> NonZeroUsize {
        let threads = if self.planted == Some(Planted::ClaimsMore) { 4 } else { 2 };
        NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN)
    }

    fn submit(&self, work: Work) {
        let mut submitted = self.submitted.lock().unwrap_or_else(PoisonError::into_inner);
        submitted.count += 1;
        let count = submitted.count;
        match self.planted {
            Some(Planted::LosesSome) if count.is_multiple_of(100) => {}
            Some(Planted::KeepsWork | Planted::LeaksQueue) => submitted.kept.push(work),
            Some(Planted::RunsInline | Planted::PassesPanicOn) => {
                drop(submitted);
                work();
            }
            _ => {
                // Its threads are gone only if they died of a panic.
                let _lost = self.queue.send(work);
            }
        }
    }
}

impl Drop for PlantedWorkers {
    fn drop(&mut self) {
        if self.planted == Some(Planted::LeaksQueue) {
            let kept =
                std::mem::take(&mut self.submitted.lock().unwrap_or_else(PoisonError::into_inner).kept);
            std::mem::forget(kept);
        }
    }
}
