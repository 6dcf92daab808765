//! Keeps targets that may hang from holding all attempts of a worker (rule N4).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The attempts under way to targets whose last use failed. Those may hang again, so they get at most half of a worker's
/// attempts, and the targets that work have the rest to themselves.
#[derive(Debug, Default)]
pub(super) struct ToFailing(Arc<AtomicUsize>);

/// What was claimed, by how its target did at its last use.
pub(super) struct Claimed<T> {
    pub(super) failing: Vec<T>,
    pub(super) working: Vec<T>,
}

impl ToFailing {
    /// Claims up to `room` pieces of work for a worker that makes `all` attempts at the same time. `failing` and
    /// `working` claim up to a number of pieces for targets whose last use failed, and for the others.
    pub(super) async fn claim<T, E, F, W>(
        &self,
        (all, room): (usize, usize),
        failing: impl FnOnce(usize) -> F,
        working: impl FnOnce(usize) -> W,
    ) -> Result<Claimed<T>, E>
    where
        F: Future<Output = Result<Vec<T>, E>>,
        W: Future<Output = Result<Vec<T>, E>>,
    {
        let most = (all / 2).max(1).saturating_sub(self.0.load(Ordering::Relaxed));
        // With one attempt at a time, what works goes first; otherwise its own half is left in any case.
        if all == 1 {
            let working = working(room).await?;
            let failing = failing(most.min(room.saturating_sub(working.len()))).await?;
            return Ok(Claimed { failing, working });
        }
        let failing = failing(most.min(room)).await?;
        let working = working(room.saturating_sub(failing.len())).await?;
        Ok(Claimed { failing, working })
    }

    /// Counts one more attempt.
    pub(super) fn one_more(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(&self.0))
    }
}

/// One attempt at a target whose last use failed, for as long as it runs.
#[derive(Debug)]
pub(super) struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
