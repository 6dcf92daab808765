//! Rule E2: which waiting executions begin, and in which order.
//!
//! Each owner's work begins in queue order. Owners take turns, so that the backlog of one
//! does not keep another waiting. A claim ends when it has the executions it asked for; a source may limit
//! how many of its executions run at the same time.
//!
//! Every catalog brings a [`Queue`] and calls [`pick`] in the transaction of a claim, so that all of them
//! pick alike.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU32;

use chrono::{DateTime, Utc};

use crate::domain::execution::Execution;
use crate::domain::id::{ExecutionId, JobId, Owner, SourceId};
use crate::domain::work::turns::{Line, Served, take_turns};

/// A place in the queue of an owner (rules E2, W6). Places are in the order in which executions begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueuePlace {
    /// [`Execution::queue_at`].
    pub queue_at: DateTime<Utc>,
    /// [`Execution::slot`].
    pub slot: DateTime<Utc>,
    /// [`Execution::id`].
    pub id: ExecutionId,
}

impl Execution {
    /// Returns its place in the queue.
    pub fn place(&self) -> QueuePlace {
        QueuePlace { queue_at: self.queue_at, slot: self.slot, id: self.id }
    }
}

/// A waiting execution that may start by its `not_before`, of a job without a running execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its place in the queue, which names it.
    pub place: QueuePlace,
    /// Its job.
    pub job: JobId,
    /// The source that it reads.
    pub source: SourceId,
    /// Whether a worker has begun it before, so that it waits for its retry.
    pub is_begun: bool,
}

/// The outcome of an attempt to begin a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picked {
    /// It runs.
    Running,
    /// It has nothing left to export and is skipped as covered (rule W4). Its job may begin another one.
    Covered,
    /// It keeps waiting, for instance because it cannot be decoded.
    PassedOver,
    /// Its job lets no waiting execution begin
    /// ([`Job::may_begin`](crate::domain::job::Job::may_begin)), or cannot be decoded.
    Refused,
}

/// The waiting executions of a catalog, as [`pick`] walks them.
pub trait Queue {
    /// The error of the catalog.
    type Error;

    /// Returns the first owner after `after`, in the order of [`Owner`], that may have candidates; with
    /// `None`, the first of all.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, Self::Error>;

    /// Returns the owner's next candidate: the one with the least place after all that this method has
    /// returned for the owner. May leave out candidates of `closed` jobs, of which none begins any more.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    fn next_candidate(
        &mut self,
        owner: &Owner,
        closed: &HashSet<JobId>,
    ) -> Result<Option<Candidate>, Self::Error>;

    /// Returns whether an execution of the job was begun and waits for its retry.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    fn has_begun(&mut self, job: JobId) -> Result<bool, Self::Error>;

    /// Begins a candidate together with its job ([`Execution::begin`]).
    ///
    /// # Errors
    /// If the catalog cannot be read.
    fn begin(&mut self, candidate: &Candidate) -> Result<Picked, Self::Error>;
}

/// The number of executions of each limited source that may run at the same time. Sources that are not listed
/// have no limit.
pub type SourceLimits = BTreeMap<SourceId, NonZeroU32>;

/// How much one claim may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Executions that may still begin.
    pub executions: usize,
    /// Executions that may still be skipped as covered, which bounds the transaction.
    pub covered: usize,
    /// For each limited source, executions that may still begin.
    pub sources: BTreeMap<SourceId, usize>,
}

impl Room {
    /// Returns the room of a claim for `executions`, where `running` counts the executions of a source that
    /// run.
    pub fn new(executions: usize, limits: &SourceLimits, running: impl Fn(&SourceId) -> usize) -> Self {
        let left = |(source, limit): (&SourceId, &NonZeroU32)| {
            let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
            (source.clone(), limit.saturating_sub(running(source)))
        };
        Self { executions, covered: COVERED_MAX, sources: limits.iter().map(left).collect() }
    }

    fn is_full(&self) -> bool {
        self.executions == 0 || self.covered == 0
    }

    fn has_source(&self, source: &SourceId) -> bool {
        self.sources.get(source).is_none_or(|left| *left > 0)
    }
}

/// Maximum number of executions that one claim skips as covered.
pub const COVERED_MAX: usize = 1_000;

/// Begins waiting executions until the claim's limits are reached or nothing more can begin (rule E2). `turn`
/// is the owner served last by any worker's earlier claim. Returns the owner served last after this one.
///
/// # Errors
/// The first error of the queue.
pub fn pick<Q: Queue>(queue: &mut Q, turn: Option<Owner>, room: Room) -> Result<Option<Owner>, Q::Error> {
    take_turns(&mut Picker { queue, room, closed: HashSet::new() }, turn)
}

/// A claim under way.
struct Picker<'q, Q> {
    queue: &'q mut Q,
    room: Room,
    /// Jobs of which nothing (more) begins: one runs now, or its first candidate has to wait.
    closed: HashSet<JobId>,
}

impl<Q: Queue> Line for Picker<'_, Q> {
    type Error = Q::Error;

    fn is_full(&self) -> bool {
        self.room.is_full()
    }

    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, Q::Error> {
        self.queue.next_owner(after)
    }

    /// Begins at most one execution of an owner.
    fn serve(&mut self, owner: &Owner) -> Result<Served, Q::Error> {
        while let Some(candidate) = self.queue.next_candidate(owner, &self.closed)? {
            match self.consider(&candidate)? {
                Picked::Running => return Ok(Served::HadTurn),
                // An owner who uses up what one claim may skip has had its turn.
                Picked::Covered if self.room.covered == 0 => return Ok(Served::HadTurn),
                Picked::Covered | Picked::PassedOver | Picked::Refused => {}
            }
        }
        Ok(Served::NothingLeft)
    }
}

impl<Q: Queue> Picker<'_, Q> {
    fn consider(&mut self, candidate: &Candidate) -> Result<Picked, Q::Error> {
        let Candidate { job, source, is_begun, .. } = candidate;
        if self.closed.contains(job) || (!is_begun && self.queue.has_begun(*job)?) {
            return Ok(Picked::PassedOver);
        }
        if !self.room.has_source(source) {
            // Another job may overtake it, but not a later execution of its own job, which may read another
            // source since an edit.
            self.closed.insert(*job);
            return Ok(Picked::PassedOver);
        }
        let picked = self.queue.begin(candidate)?;
        match picked {
            Picked::Running => {
                self.closed.insert(*job);
                self.room.executions -= 1;
                if let Some(left) = self.room.sources.get_mut(source) {
                    *left -= 1;
                }
            }
            Picked::Refused => {
                self.closed.insert(*job);
            }
            Picked::Covered => self.room.covered -= 1,
            Picked::PassedOver => {}
        }
        Ok(picked)
    }
}
