//! An executor for a handful of tasks on one thread, with chance as its scheduler.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::BoxFuture;

use super::dice::Dice;

/// Identifies a task by its index.
pub(super) type TaskId = usize;

/// Polls its tasks one at a time. A task can be replaced at any moment, which drops its future.
pub(super) struct Executor {
    tasks: Vec<Task>,
    ready: Arc<Mutex<Vec<TaskId>>>,
}

struct Task {
    future: Option<BoxFuture<'static, ()>>,
    wakeup: Arc<Wakeup>,
    waker: Waker,
    /// Not polled at present, even if it was woken.
    paused: bool,
}

struct Wakeup {
    task: TaskId,
    queued: AtomicBool,
    ready: Arc<Mutex<Vec<TaskId>>>,
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            lock(&self.ready).push(self.task);
        }
    }
}

impl Executor {
    /// Creates an executor without tasks.
    pub(super) fn new() -> Self {
        Self { tasks: Vec::new(), ready: Arc::default() }
    }

    /// Adds a task.
    pub(super) fn spawn(&mut self, future: BoxFuture<'static, ()>) -> TaskId {
        let task = self.tasks.len();
        let wakeup =
            Arc::new(Wakeup { task, queued: AtomicBool::new(false), ready: Arc::clone(&self.ready) });
        let waker = Waker::from(Arc::clone(&wakeup));
        waker.wake_by_ref();
        self.tasks.push(Task { future: Some(future), wakeup, waker, paused: false });
        task
    }

    /// Drops the future of a task at its present await and gives the task `future` instead.
    pub(super) fn replace(&mut self, id: TaskId, future: BoxFuture<'static, ()>) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.future = None;
            task.future = Some(future);
            task.paused = false;
            task.waker.wake_by_ref();
        }
    }

    /// Stops polling a task, or resumes it.
    pub(super) fn pause(&mut self, id: TaskId, paused: bool) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.paused = paused;
        }
    }

    /// Polls a task that can run, chosen by chance. Returns its id, or `None` if no task can run.
    pub(super) fn step(&mut self, dice: &mut Dice) -> Option<TaskId> {
        let id = self.next(dice)?;
        let task = self.tasks.get_mut(id)?;
        task.wakeup.queued.store(false, Ordering::Relaxed);
        if let Some(future) = &mut task.future
            && let Poll::Ready(()) = future.as_mut().poll(&mut Context::from_waker(&task.waker))
        {
            task.future = None;
        }
        Some(id)
    }

    fn next(&self, dice: &mut Dice) -> Option<TaskId> {
        let mut ready = lock(&self.ready);
        let can_go_on = |id: &TaskId| self.tasks.get(*id).is_some_and(|task| !task.paused);
        let candidates = ready.iter().filter(|id| can_go_on(id)).count();
        let chosen = match candidates {
            0 => return None,
            1 => 0,
            _ => dice.index(candidates),
        };
        let place = ready.iter().enumerate().filter(|(_, id)| can_go_on(id)).nth(chosen)?.0;
        Some(ready.remove(place))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Yields once, so that other tasks go first.
pub(super) async fn give_way() {
    let mut given = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn noting(log: &Arc<Mutex<Vec<usize>>>, number: usize) -> BoxFuture<'static, ()> {
        let log = Arc::clone(log);
        async move {
            for _ in 0..3 {
                lock(&log).push(number);
                give_way().await;
            }
        }
        .boxed()
    }

    fn order(seed: u64) -> Vec<usize> {
        let (mut executor, log) = (Executor::new(), Arc::default());
        (0..3).for_each(|number| {
            executor.spawn(noting(&log, number));
        });
        let mut dice = Dice::new(seed, 0);
        while executor.step(&mut dice).is_some() {}
        lock(&log).clone()
    }

    #[test]
    fn the_seed_decides_the_order() {
        assert_eq!(order(1), order(1));
        assert!((2..20).any(|seed| order(seed) != order(1)));
        assert_eq!(order(1).len(), 9);
    }

    #[test]
    fn what_is_paused_or_replaced_does_not_go_on() {
        let (mut executor, log) = (Executor::new(), Arc::default());
        let (one, two) = (executor.spawn(noting(&log, 1)), executor.spawn(noting(&log, 2)));
        let mut dice = Dice::new(1, 0);
        executor.pause(two, true);
        while executor.step(&mut dice).is_some() {}
        assert_eq!(*lock(&log), [1, 1, 1]);
        executor.pause(two, false);
        executor.step(&mut dice);
        executor.replace(two, noting(&log, 3));
        executor.replace(one, noting(&log, 4));
        while executor.step(&mut dice).is_some() {}
        let mut ran = lock(&log)[3..].to_vec();
        assert_eq!(ran[0], 2, "{ran:?}");
        ran.sort_unstable();
        assert_eq!(ran, [2, 3, 3, 3, 4, 4, 4]);
    }
}
