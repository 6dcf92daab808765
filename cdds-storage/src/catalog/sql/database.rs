//! What a catalog needs of its database, and of the signs by which its workers are known to live.

use std::sync::MutexGuard;

use cdds_core::domain::id::WorkerId;
use cdds_core::ports::catalog::CatalogError;
use chrono::{DateTime, TimeDelta, Utc};

use super::super::row::micros;
use super::fault::Fault;
use super::transaction::Transaction;

/// What a transaction writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::catalog) enum Writing {
    /// A change that survives a power cut.
    Change,
    /// Such a change, for which others compete: all of them want the first rows of the same queue.
    Claim,
    /// Such a change, after which what it replaces is nowhere on disk any more, as far as the database lets it.
    Private,
    /// A sign of life, which is soon repeated. It survives a crash of the process; a power cut may undo the last moments.
    Sign,
    /// Such signs of running executions, in one statement that needs no other to stay as it was.
    Beat,
}

impl Writing {
    /// Whether it is soon repeated, so that nobody has to know whether it was stored.
    #[cfg(feature = "postgres")]
    pub(in crate::catalog) fn is_repeated(self) -> bool {
        matches!(self, Self::Sign | Self::Beat)
    }
}

/// A look for abandoned executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::catalog) struct Look {
    pub(in crate::catalog) at: DateTime<Utc>,
    /// When the first lease runs out that still holds, in microseconds.
    pub(in crate::catalog) first_expires_at: Option<i64>,
}

/// How long a look counts at most, where it is not for each claim. Signs of life come as often.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(1);

impl Look {
    /// Whether it is time for another one: this one is old, or a lease that it has seen has run out, or the clock was set
    /// back.
    pub(in crate::catalog) fn is_past(&self, now: DateTime<Utc>) -> bool {
        now < self.at
            || now - self.at >= LOOK_EVERY
            || self.first_expires_at.is_some_and(|first| first <= micros(now))
    }
}

/// A database, used by threads that may wait for it.
pub(in crate::catalog) trait Database {
    /// The signs of life of its workers.
    type Workers: Presence;

    /// Runs `body` in a transaction that has the same effect as if no other wrote at the same time. It may run several
    /// times; the effects of the last one stay.
    fn write<T>(
        &self,
        writing: Writing,
        doing: &str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, CatalogError>;

    /// Runs `body` over one consistent state of the catalog that includes everything committed before.
    fn read<T>(
        &self,
        doing: &str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, CatalogError>;

    fn workers(&self) -> &Self::Workers;

    /// Whether a claim at `now` has to look for running executions that are abandoned. Looking means to read all that run.
    fn is_to_look(&self, now: DateTime<Utc>) -> bool;

    /// Notes that a claim has looked for them, and when the first of the other leases runs out.
    fn has_looked(&self, look: Look);

    /// Held by a claim, even while it waits for signs of life; writers do not need it.
    fn claims(&self) -> MutexGuard<'_, ()>;
}

/// The way a worker obtained its sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::catalog) enum Registration {
    /// This catalog object already held it.
    Held,
    /// Just now: an earlier worker with the same id is dead.
    Fresh,
}

/// Signs of life. None of this happens inside a transaction: a process that holds up a sign must not hold up the
/// database too.
pub(in crate::catalog) trait Presence {
    /// Takes a worker's sign. Call this before the database names the worker: whoever finds the name must find the sign.
    fn register(&self, worker: &WorkerId) -> Result<Registration, CatalogError>;

    /// Gives a worker's sign up.
    fn release(&self, worker: &WorkerId);

    /// Whether the death of any worker can be known but by its lease.
    fn sees_the_dead(&self) -> bool;

    /// Whether a worker is known to be dead. If this cannot be known, its lease decides.
    fn is_dead(&self, worker: &WorkerId) -> Result<bool, CatalogError>;

    /// Whether the process of a worker is alive, for display. Returns `None` if that cannot be known.
    fn process_lives(&self, worker: &WorkerId) -> Option<bool>;
}
