//! The messages between engines and a catalog: due work, claims and their outcomes, and files to remove.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::calendar::zone::database::{Clocks, DatabaseVersion};
use crate::domain::execution::Execution;
use crate::domain::execution::failure::Failure;
use crate::domain::execution::progress::Progress;
use crate::domain::execution::queue::SourceLimits;
use crate::domain::execution::retry::RetryPolicy;
pub use crate::domain::execution::standing::Standing;
use crate::domain::id::{ArtifactId, ExecutionId, JobId, SubjectRequestId, WorkerId};
use crate::domain::job::{Job, JobChange};
use crate::domain::subject::copies::FilterNote;
pub use crate::domain::work::{Fence, Nonce, Writer};
use crate::ports::sink::Key;
use crate::setters::setters;

/// A job with due slots, or one whose last change is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueJob {
    /// The job.
    pub job: Job,
    /// The executions that the job's newest slot may cover: scheduled, never claimed and free to start. Empty
    /// for a job that does not coalesce (rule E3); for all other jobs together, no more than [`WAITING_MAX`].
    /// For a job that is not settled: the next of its waiting executions, counted towards the same limit, and
    /// empty only if none is left.
    pub waiting: Vec<Execution>,
}

/// The maximum number of waiting executions that [`due`](super::WorkQueue::due) returns, over all jobs. It
/// keeps the memory of a round, and each transaction that it stores, from growing with a backlog.
pub const WAITING_MAX: usize = 1_000;

/// The upcoming work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Agenda {
    /// The earliest next slot of an active job.
    pub next_due_at: Option<DateTime<Utc>>,
    /// The earliest `not_before` of a queued execution.
    pub next_queued_at: Option<DateTime<Utc>>,
    /// The number of executions waiting for a worker, counted up to [`QUEUED_COUNTED_MAX`]. Zero if none has a
    /// `next_queued_at`, otherwise of all clocks.
    pub queued: u64,
    /// The number of executions held by a worker; one that cannot be decoded counts while its worker lives.
    pub running: u64,
}

/// The limit up to which waiting executions are counted, since the agenda is read once a second.
pub const QUEUED_COUNTED_MAX: u64 = 10_000;

/// Since when the jobs with a zone are computed by a version of the database of time zones (rule F9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneRecord {
    /// The version.
    pub version: DatabaseVersion,
    /// Since when.
    pub since: DateTime<Utc>,
    /// How many jobs had another next slot by it.
    pub moved: u64,
    /// How many jobs were suspended because it has not their zone.
    pub suspended: u64,
}

impl ZoneRecord {
    /// Counts what the version has changed of a job.
    pub fn count(&mut self, before: &Job, change: &JobChange) {
        let is_suspended = change.job.suspended_at != before.suspended_at;
        let is_moved = !is_suspended && change.job.next_due_at != before.next_due_at;
        self.moved += u64::from(is_moved);
        self.suspended += u64::from(is_suspended);
    }
}

/// A request for work.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Claim {
    /// The worker that asks.
    pub worker: WorkerId,
    /// The nonce of the claims that this call makes, drawn anew for each call (rule E16). One call claims an
    /// execution at most once, so two claims of an execution never share a nonce.
    pub nonce: Nonce,
    /// How long the claim holds without a beat.
    pub lease: Duration,
    /// The maximum number of executions to claim.
    pub limit: usize,
    /// The claims that the worker is running, which are never taken from it. Another execution of its own,
    /// assigned in a reply that got lost, is taken over once its lease has run out.
    pub holding: Vec<Fence>,
    /// The retry policy after the crash of another worker.
    pub retry: RetryPolicy,
    /// How many executions of a source may run at the same time, over all workers (rule E2).
    pub source_limits: SourceLimits,
    /// Whose clocks the worker knows (rule F9).
    pub clocks: Clocks,
}

impl Claim {
    /// Asks for up to `limit` executions for a worker that runs none, with the default retry policy and
    /// without limits of sources.
    pub fn new(worker: WorkerId, nonce: Nonce, lease: Duration, limit: usize) -> Self {
        Self {
            worker,
            nonce,
            lease,
            limit,
            holding: Vec::new(),
            retry: RetryPolicy::default(),
            source_limits: SourceLimits::new(),
            clocks: Clocks::default(),
        }
    }

    /// Whether the claim may begin a waiting execution of this job: the job [allows it](Job::may_begin), and the worker
    /// knows its clock (rule F9).
    pub fn allows(&self, job: &Job, execution: &Execution) -> bool {
        job.may_begin(execution) && self.clocks.include(&job.settings.clock)
    }
}

setters! {
    Claim {
        with_worker => worker: value WorkerId;
        with_nonce => nonce: value Nonce;
        with_lease => lease: value Duration;
        with_limit => limit: value usize;
        with_holding => holding: value Vec<Fence>;
        with_retry => retry: value RetryPolicy;
        with_source_limits => source_limits: value SourceLimits;
        with_clocks => clocks: value Clocks;
    }
}

/// The result of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claimed {
    /// The worker's new executions.
    pub executions: Vec<Execution>,
    /// Executions taken from dead workers for the last time, in queue order: they have failed, or were to be
    /// cancelled.
    pub given_up: Vec<Execution>,
    /// Executions with nothing left to export: skipped as covered.
    pub covered: Vec<Execution>,
}

/// A sign of life of one running execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// The claim.
    pub fence: Fence,
    /// Its progress.
    pub progress: Progress,
}

/// The catalog's answer to a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive {
    /// Go on.
    Continue,
    /// A person wants the execution stopped (rule E8).
    Cancel,
    /// The claim is lost: stop and publish nothing.
    Fenced,
}

/// A complete artifact set and the end of its execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The nonce of the claim that stored the set. A restored catalog may have given the epoch of the fence to
    /// another claim since (rule E17).
    pub nonce: Option<Nonce>,
    /// The set.
    pub set: ArtifactSet,
    /// The filters that tell whom it names (rule D10); `None` if it was made without.
    pub filter: Option<FilterNote>,
    /// Final counts.
    pub progress: Progress,
    /// The time of publication, read from [`now`](super::WorkQueue::now) before the manifest was written:
    /// manifest, signature and catalog agree on it, so the catalog cannot take it in its transaction. A worker
    /// that is paused in between publishes with an earlier instant, from which the retention counts.
    pub published_at: DateTime<Utc>,
    /// The request of a data subject that the set answers, as the execution's settings have it (rule D9).
    pub request: Option<SubjectRequestId>,
}

/// How an attempt ends without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It failed; the policy decides what follows.
    Failed {
        /// The failure.
        failure: Failure,
        /// The retry policy.
        retry: RetryPolicy,
    },
    /// A person stopped it.
    Cancelled,
    /// The worker stops gracefully; the execution is queued again.
    Released,
}

/// Files to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// What the claims of an execution stored, as far as the record lists them (rule E16).
    Set {
        /// The execution.
        execution: ExecutionId,
    },
    /// One file of a set.
    File {
        /// The artifact.
        artifact: ArtifactId,
        /// Its key in the store.
        key: Key,
    },
    /// The filters of a set whose execution is no longer in the history (rule D10). Confirming it forgets the note.
    Filter {
        /// The execution.
        execution: ExecutionId,
        /// The filters.
        filter: FilterNote,
    },
}

/// The result of removing a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientRemoval {
    /// It was removed.
    Removed,
    /// No recipient has this name.
    Missing,
    /// Jobs name it; these are some of them.
    InUse(Vec<JobId>),
}
