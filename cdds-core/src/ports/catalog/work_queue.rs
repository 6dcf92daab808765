//! The work of engines.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{
    Agenda, Beat, CatalogError, Claim, Claimed, Directive, DueJob, Fence, Publication, Settlement, Standing,
    Writer, ZoneRecord,
};
use crate::domain::calendar::zone::database::{Clocks, Database};
use crate::domain::execution::Execution;
use crate::domain::execution::completeness::Frozen;
use crate::domain::id::WorkerId;
use crate::domain::job::Job;

/// Hands out work to engines and records what becomes of it (rules E2, E5; invariants I3, I6).
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait WorkQueue: Debug + Send + Sync {
    /// Returns the present by the catalog's clock, in whole microseconds (rule T4). Slots, leases, earliest
    /// starts, expiry and all decisions of engines and services are judged by it and by no other clock, so
    /// that workers whose own clocks differ do nothing early, late or twice. A catalog on a server reads the
    /// server's clock, which costs a round trip: ask once for each decision. An embedded catalog reads the
    /// clock that it was opened with.
    ///
    /// Every `now` that a method takes comes from here. [`claim`](WorkQueue::claim),
    /// [`beat`](WorkQueue::beat) and [`settle`](WorkQueue::settle) take none: they read the clock in their
    /// transaction, so that a worker that was paused on the way cannot hand in an old instant. The clock may
    /// be set back between two calls.
    ///
    /// # Errors
    /// If the catalog cannot be reached.
    async fn now(&self) -> Result<DateTime<Utc>, CatalogError>;

    /// Returns the jobs that a scheduling round has to handle, of all owners. Jobs whose last change is not
    /// settled ([`Job::unsettled`]) come first, each with the next of its waiting executions; then active
    /// jobs with a slot at or before `now`, earliest first, each with the executions that its newest slot may
    /// cover. The cost grows with `limit`, not with the number of all jobs or of all waiting executions.
    /// Returns fewer jobs once those before them have [`WAITING_MAX`](super::WAITING_MAX) waiting executions.
    /// Skips rows that cannot be decoded, with a warning, and jobs with a clock that is not among `clocks` (rule F9).
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn due(
        &self,
        now: DateTime<Utc>,
        limit: usize,
        clocks: Clocks,
    ) -> Result<Vec<DueJob>, CatalogError>;

    /// Returns by which version of the database of time zones the jobs are computed, and since when; `None` before the
    /// first call of [`renew_zones`](WorkQueue::renew_zones).
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn zones(&self) -> Result<Option<ZoneRecord>, CatalogError>;

    /// Lets this database compute the jobs from now on, if its version
    /// [takes over](crate::domain::calendar::zone::database::DatabaseVersion::takes_over) from the one on record: every job with a zone becomes what
    /// [`renewed`](crate::domain::job::renewal::renewed) says, and the version goes on the record, in one transaction.
    /// Returns what is on record then. Skips rows that cannot be decoded, with a warning. Reads all jobs if it takes
    /// over, which happens once for each version.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn renew_zones(&self, database: &Database, accepts_older: bool)
    -> Result<ZoneRecord, CatalogError>;

    /// Returns the jobs of all owners that may lie ahead of a clock
    /// ([`ahead`](crate::domain::execution::ahead)): every job that is completed, or that has a slot, a
    /// watermark, an end of tiling windows or a suspension later than `after`. Skips rows that cannot be
    /// decoded, with a warning. Scans all jobs, so it is called only once an hour.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn ahead(&self, after: DateTime<Utc>) -> Result<Vec<Job>, CatalogError>;

    /// Returns the newest instant before `before` at which an execution of any owner was recorded, or `None`.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn newest_before(&self, before: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, CatalogError>;

    /// Returns the upcoming work of all owners. A row that cannot be decoded does not count as upcoming: it
    /// will never run, and a caller that waits for the end of all work must not wait for it. Nor does the work of a job
    /// with a clock that is not among `clocks` (rule F9), unless it runs.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn agenda(&self, clocks: Clocks) -> Result<Agenda, CatalogError>;

    /// Assigns queued executions to a worker, as picked by [`pick`](crate::domain::execution::queue::pick)
    /// (rules E2, W6); the owner who was served last is kept from claim to claim, for all workers. Candidates
    /// are the executions at or after their `not_before` of jobs that have none running and whose clock is among
    /// [`Claim::clocks`]; executions of a source run if they are in progress and are not taken back by this claim. Each execution is begun
    /// against its job ([`Execution::begin`]): a covered one is stored as skipped and not assigned. The job
    /// is changed in the same transaction ([`lifecycle::started`](crate::domain::job::lifecycle::started)).
    ///
    /// First takes back executions whose worker is dead or whose lease has run out ([`Execution::failed`]
    /// with [`Failure::crashed`](crate::domain::execution::failure::Failure::crashed), then
    /// [`lifecycle::ended`](crate::domain::job::lifecycle::ended) if that was the end), but never those that
    /// the asking worker holds. A catalog over a network may look for them only once a second. Skips rows that
    /// cannot be decoded, with a warning: they must not keep other executions from running.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError>;

    /// Freezes the end of a claimed execution's window before anything of it is read (rule W3b). The worker has
    /// asked the source first and passes on the instant up to which it is complete, rounded down to the
    /// source's granularity; `None` if the source does not know. Requires the fence like
    /// [`publish`](WorkQueue::publish).
    ///
    /// The decision is that of [`Execution::freeze`] by the policy that the job has in this transaction. A held
    /// execution is stored as queued and its claim has ended; one that had to end as cancelled changes its job
    /// ([`lifecycle::ended`](crate::domain::job::lifecycle::ended)). A repeated call for a window that is
    /// frozen changes nothing.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`](super::CatalogErrorKind::Fenced). After any other error the outcome is
    /// unknown: call again.
    async fn begin(
        &self,
        fence: Fence,
        complete_until: Option<DateTime<Utc>>,
    ) -> Result<Frozen, CatalogError>;

    /// Renews the leases of a worker's executions and stores their progress, in one batch. Returns one
    /// directive per beat, in order. A lost beat costs nothing but freshness. Lists that are sorted by the number of
    /// records have running executions as if they had none.
    ///
    /// # Errors
    /// If the catalog cannot be written.
    async fn beat(
        &self,
        worker: &WorkerId,
        lease: Duration,
        beats: &[Beat],
    ) -> Result<Vec<Directive>, CatalogError>;

    /// Makes an artifact set visible and its execution succeeded, and changes its job as defined by
    /// [`lifecycle::ended`](crate::domain::job::lifecycle::ended), which moves the watermark (invariant I3).
    /// Requires that the execution is running in the fence's epoch and with the publication's nonce, and that no
    /// person has been promised its cancellation ([`Execution::published`], rule E8).
    ///
    /// If the set answers a [request](Publication::request) of a data subject, the same transaction changes that one
    /// ([`SubjectRequest::handed_over`](crate::domain::subject::request::SubjectRequest::handed_over), rule D9). What ends
    /// with it is taken away for good, as by [`change_subject_request`](super::SubjectStore::change_subject_request).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`](super::CatalogErrorKind::Fenced) if the execution is not running under that
    /// claim; [`CatalogErrorKind::Cancelled`](super::CatalogErrorKind::Cancelled) if its cancellation was
    /// promised: its worker then settles it as [`Settlement::Cancelled`];
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the watermark is not at the start
    /// of the window, or if the request has ended or is not the one that the execution answers. After any other error the outcome is unknown: read again.
    async fn publish(&self, fence: Fence, publication: &Publication) -> Result<(), CatalogError>;

    /// Ends a running attempt without success and, if that ends the execution, changes the job. Requires the
    /// fence like [`publish`](WorkQueue::publish).
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`](super::CatalogErrorKind::Fenced).
    async fn settle(&self, fence: Fence, settlement: &Settlement) -> Result<Execution, CatalogError>;

    /// Returns whether the stored files of a claim are wanted (rule E16; [`Standing::of`]). Called by the
    /// sweep, for executions of any owner, also deleted ones. An execution that cannot be decoded is unknown.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn standing(&self, writer: Writer) -> Result<Standing, CatalogError>;
}
