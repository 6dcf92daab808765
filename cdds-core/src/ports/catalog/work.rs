//! What engines and a catalog tell each other: work that is due, claims and what becomes of them, and what is to be
//! removed.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::artifact::ArtifactSet;
use crate::domain::execution::Execution;
use crate::domain::failure::Failure;
use crate::domain::id::{ArtifactId, ExecutionId, JobId, WorkerId};
use crate::domain::job::Job;
use crate::domain::progress::Progress;
use crate::domain::retry::RetryPolicy;
use crate::ports::sink::Key;

/// A job with due slots, or whose last change is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueJob {
    /// The job.
    pub job: Job,
    /// Those of its executions that its newest slot may cover: never claimed, scheduled, and free to start. None of
    /// a job that does not coalesce (rule E3), and of others no more than [`WAITING_MAX`] together. Of a job that is
    /// not settled, the next of what waits, which is counted likewise; nothing only if none is left.
    pub waiting: Vec<Execution>,
}

/// The most waiting executions that [`due`](super::Catalog::due) gives, over all jobs: what a round holds in memory
/// and stores in one transaction does not grow with a backlog.
pub const WAITING_MAX: usize = 1_000;

/// What lies ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Agenda {
    /// The earliest next slot of an active job.
    pub next_due_at: Option<DateTime<Utc>>,
    /// The earliest `not_before` of a queued execution.
    pub next_queued_at: Option<DateTime<Utc>>,
    /// Executions waiting for a worker, up to [`QUEUED_COUNTED_MAX`].
    pub queued: u64,
    /// Executions that some worker has; one that is not understood counts while its worker lives.
    pub running: u64,
}

/// As far as waiting executions are counted: the agenda is looked at once a second.
pub const QUEUED_COUNTED_MAX: u64 = 10_000;

/// A request for work.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who asks.
    pub worker: WorkerId,
    /// The present.
    pub now: DateTime<Utc>,
    /// How long the claim holds without a beat.
    pub lease: Duration,
    /// The most executions wanted.
    pub limit: usize,
    /// What the worker is running: never taken from it. Another execution of its own, which it was given
    /// in a reply that got lost, is taken over when its lease has run out.
    pub holding: Vec<Fence>,
    /// What follows the crash of another worker.
    pub retry: RetryPolicy,
}

/// What a claim gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claimed {
    /// The worker's new executions.
    pub executions: Vec<Execution>,
    /// Executions taken from dead workers for the last time: they have failed, or were to be cancelled.
    pub given_up: Vec<Execution>,
    /// Executions that had nothing left to export: skipped as covered.
    pub covered: Vec<Execution>,
}

/// What the catalog says of a claim's stored files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its execution is running in this epoch, or was published by it and not removed.
    Wanted,
    /// Its execution is known, and neither is the case.
    Unwanted,
    /// The catalog has never heard of the execution: the files belong to somebody else's catalog, or to a
    /// later state of this one.
    Unknown,
}

/// A sign of life of one running execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Which claim.
    pub fence: Fence,
    /// How far it is.
    pub progress: Progress,
}

/// What the catalog answers to a beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directive {
    /// Go on.
    Continue,
    /// A person wants it stopped (rule E8).
    Cancel,
    /// The claim is lost: stop and publish nothing.
    Fenced,
}

/// One claim of one execution; what it guards happens only while the claim holds (invariant I6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence {
    /// Which execution.
    pub execution: ExecutionId,
    /// Its epoch.
    pub epoch: u64,
}

/// A complete artifact set and the end of its execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The set.
    pub set: ArtifactSet,
    /// Final counts.
    pub progress: Progress,
    /// When.
    pub published_at: DateTime<Utc>,
}

/// How an attempt ends without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It failed; the policy decides what follows.
    Failed {
        /// Why.
        failure: Failure,
        /// What follows.
        retry: RetryPolicy,
    },
    /// A person stopped it.
    Cancelled,
    /// The worker stops in good order; the execution is queued again.
    Released,
}

/// Files that are to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// Everything that an execution stored; it lies under one prefix.
    Set {
        /// Of which execution.
        execution: ExecutionId,
    },
    /// One file of a set.
    File {
        /// Which artifact.
        artifact: ArtifactId,
        /// Where it lies.
        key: Key,
    },
}

/// What became of the removal of a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientRemoval {
    /// It is gone.
    Removed,
    /// There is none of this name.
    Missing,
    /// Jobs name it; these are some of them.
    InUse(Vec<JobId>),
}
