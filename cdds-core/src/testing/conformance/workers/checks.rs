//! The check of each clause.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use futures::executor::block_on;

use super::Clause;
use crate::ports::workers::{WorkLost, Workers, offload};

/// More work than any queue is long.
const MUCH: usize = 2_000;

type Outcome = Result<(), String>;

/// A pool under test, and how long it may take.
struct Case {
    workers: Arc<dyn Workers>,
    patience: Duration,
}

pub(super) fn check(clause: Clause, patience: Duration, workers: Arc<dyn Workers>) -> Outcome {
    let case = Case { workers, patience };
    match clause {
        Clause::RunsEach => case.runs_each(),
        Clause::SubmitReturns => case.submit_returns(),
        Clause::Parallel => case.parallel(),
        Clause::PanicContained => case.panics_contained(),
        Clause::PanicIsLoss => case.panic_is_loss(),
        Clause::DropEnds => case.drop_ends(),
    }
}

impl Case {
    /// Submits work of these numbers. Returns where their numbers arrive as they run. The receiver is closed
    /// once nothing is left that could still run.
    fn submit(&self, numbers: std::ops::Range<usize>) -> Receiver<usize> {
        let (sender, receiver) = mpsc::channel();
        for number in numbers {
            let sender = sender.clone();
            self.workers.submit(Box::new(move || {
                // Nobody listens any more after the first finding.
                let _unheard = sender.send(number);
            }));
        }
        receiver
    }

    /// Returns the numbers that arrive, and whether that was the end.
    fn arrived(&self, receiver: &Receiver<usize>) -> (BTreeSet<usize>, bool) {
        let mut arrived = BTreeSet::new();
        loop {
            match receiver.recv_timeout(self.patience) {
                Ok(number) => arrived.insert(number),
                Err(RecvTimeoutError::Disconnected) => return (arrived, true),
                Err(RecvTimeoutError::Timeout) => return (arrived, false),
            };
        }
    }

    fn all_run(&self, count: usize, when: &str) -> Outcome {
        let (arrived, _) = self.arrived(&self.submit(0..count));
        let lost = (0..count).find(|number| !arrived.contains(number));
        lost.map_or(Ok(()), |lost| {
            Err(format!(
                "{} of {count} pieces of work ran {when}; the first that did not is {lost}",
                arrived.len()
            ))
        })
    }

    fn runs_each(&self) -> Outcome {
        self.all_run(MUCH, "that were submitted at once")?;
        (0..20).try_for_each(|_| self.all_run(1, "that was submitted alone"))
    }

    fn submit_returns(&self) -> Outcome {
        let (sender, receiver) = mpsc::channel();
        self.workers.submit(Box::new(move || {
            let _unheard = sender.send(thread::current().id());
        }));
        match receiver.recv_timeout(self.patience) {
            Ok(ran_on) if ran_on == thread::current().id() => {
                Err("the work ran on the thread that submitted it".to_owned())
            }
            Ok(_) => Ok(()),
            Err(error) => Err(format!("the work did not run: {error}")),
        }
    }

    /// Submits as much work as can run at the same time, and lets each piece wait for the others.
    fn parallel(&self) -> Outcome {
        let parallelism = self.workers.parallelism().get();
        let meeting = Arc::new((Mutex::new(0_usize), Condvar::new()));
        let (sender, receiver) = mpsc::channel();
        for number in 0..parallelism {
            let (meeting, sender, patience) = (meeting.clone(), sender.clone(), self.patience);
            self.workers.submit(Box::new(move || {
                let (count, changed) = &*meeting;
                let mut present = count.lock().unwrap_or_else(PoisonError::into_inner);
                *present += 1;
                changed.notify_all();
                let met = changed.wait_timeout_while(present, patience, |present| *present < parallelism);
                if met.is_ok_and(|(present, _)| *present >= parallelism) {
                    let _unheard = sender.send(number);
                }
            }));
        }
        drop(sender);
        let (met, _) = self.arrived(&receiver);
        if met.len() == parallelism {
            return Ok(());
        }
        Err(format!("{parallelism} pieces of work should run at the same time, but they never met"))
    }

    fn panics_contained(&self) -> Outcome {
        for _each in 0..3 * self.workers.parallelism().get() {
            let submitted = catch_unwind(AssertUnwindSafe(|| self.workers.submit(Box::new(panics))));
            submitted.map_err(|_planned| "a panic of the work reaches whoever submitted it".to_owned())?;
        }
        self.all_run(20, "after others that panicked")
    }

    fn panic_is_loss(&self) -> Outcome {
        for _each in 0..3 {
            let (sender, receiver) = mpsc::channel();
            let waiting = offload(&*self.workers, panics);
            // A thread of its own, since the work may be neither run nor dropped.
            thread::spawn(move || {
                let _unheard = sender.send(block_on(waiting));
            });
            match receiver.recv_timeout(self.patience) {
                Ok(Err(WorkLost)) => {}
                Ok(Ok(())) => return Err("work that panicked has a result".to_owned()),
                Err(_) => return Err("nobody is told that the work is lost".to_owned()),
            }
        }
        Ok(())
    }

    fn drop_ends(self) -> Outcome {
        let receiver = self.submit(0..MUCH);
        let Self { workers, patience } = self;
        drop(workers);
        loop {
            match receiver.recv_timeout(patience) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    return Err("work is neither run nor dropped after the pool is gone".to_owned());
                }
            }
        }
    }
}

/// Panics without a message on the terminal.
fn panics() {
    resume_unwind(Box::new("planned"));
}
