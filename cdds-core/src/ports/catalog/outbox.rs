//! The notices to subscribers, and how far their delivery has come.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::num::NonZeroU32;
use std::time::Duration;

use async_trait::async_trait;

use super::query::{NoticeQuery, Page};
use super::{CatalogError, Fence};
use crate::domain::access::audit::AuditRecord;
use crate::domain::id::{ExecutionId, JobId, NoticeId, Owner, SubjectRequestId, Subscriber, WorkerId};
use crate::domain::notice::expiring::SetPlace;
use crate::domain::notice::recall::Recalled;
use crate::domain::notice::{Channel, Notice};
use crate::domain::work::retry::WorkRetry;
use crate::domain::work::row::WorkOutcome;
use crate::setters::setters;

/// Stores notices, and hands them to those who send them (rules N2, N4, N5). The transaction that ends an
/// execution stores its notices ([`lifecycle::notices`](crate::domain::job::lifecycle::notices)). Those that were sent or given up stay in the list until
/// they are forgotten ([`Housekeeping`](super::Housekeeping)). Deleting
/// an execution gives up its notices ([`WorkRow::cancelled`](crate::domain::work::row::WorkRow::cancelled)).
///
/// The contract is that of [`Catalog`](super::Catalog).
#[async_trait]
pub trait Outbox: Debug + Send + Sync {
    /// Hands waiting notices of a channel, to subscribers of the claim's [audience](NoticeClaim::audience), to a worker, as
    /// picked by [`pick`](crate::domain::work::pick::pick); the owner who was served last is kept from claim to claim,
    /// per channel and for all workers. Returns them in the order in which they were picked.
    ///
    /// First takes back all of the channel's notices whose lease has run out
    /// ([`WorkRow::abandoned`](crate::domain::work::row::WorkRow::abandoned)), and those whose worker has ended if the
    /// catalog can see that ([`WorkRow::orphaned`](crate::domain::work::row::WorkRow::orphaned)). Skips rows that cannot be
    /// decoded, with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn claim_notices(&self, claim: &NoticeClaim) -> Result<Vec<Notice>, CatalogError>;

    /// Ends an attempt, as defined by
    /// [`WorkRow::settled`](crate::domain::work::row::WorkRow::settled). Returns the notice afterwards.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Fenced`](super::CatalogErrorKind::Fenced) if the claim does not hold.
    async fn settle_notice(
        &self,
        fence: Fence<NoticeId>,
        outcome: &WorkOutcome,
    ) -> Result<Notice, CatalogError>;

    /// Starts over with a notice that was told or given up, as defined by
    /// [`WorkRow::asked_again`](crate::domain::work::row::WorkRow::asked_again). Its id stays. Returns the notice
    /// afterwards.
    ///
    /// # Errors
    /// [`CatalogErrorKind::Conflict`](super::CatalogErrorKind::Conflict) if the owner has no such notice, if it cannot be
    /// asked for again, or if its execution was deleted.
    async fn ask_notice_again(
        &self,
        owner: &Owner,
        id: NoticeId,
        audit: &[AuditRecord],
    ) -> Result<Notice, CatalogError>;

    /// Lists an owner's notices.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    async fn notices(&self, owner: &Owner, query: &NoticeQuery) -> Result<Page<Notice>, CatalogError>;

    /// Looks at up to `limit` sets of all owners that expire within
    /// [`EXPIRY_NOTICE`](crate::domain::notice::expiring::EXPIRY_NOTICE) and are not removed, in the order of their
    /// [`SetPlace`], behind one, and stores the notices of those that nobody has fetched, as defined by
    /// [`KeptSet::notices`](crate::domain::notice::expiring::KeptSet::notices), at the catalog's present (rule N8).
    /// Leaves a notice that is on record as it is. The cost grows with the limit, not with the record. Passes over
    /// rows that cannot be decoded, with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn tell_of_expiring(
        &self,
        behind: Option<SetPlace>,
        limit: usize,
    ) -> Result<Told<SetPlace>, CatalogError>;

    /// Looks at up to `limit` jobs of all owners that name recipients, in the order of their ids, behind one, and stores
    /// the notices of the certificates that each needs and that expire, as defined by
    /// [`certificate::notices`](crate::domain::notice::certificate::notices), at the catalog's present (rule N8). Leaves
    /// a notice that is on record as it is. The cost grows with the limit, not with the record. Passes over rows that
    /// cannot be decoded, with a warning.
    ///
    /// # Errors
    /// If the catalog cannot be read or written.
    async fn tell_of_certificates(
        &self,
        behind: Option<JobId>,
        limit: usize,
    ) -> Result<Told<JobId>, CatalogError>;

    /// Stores the notices that sets of an owner are recalled for a request, as defined by
    /// [`recall::notices`](crate::domain::notice::recall::notices), at the catalog's present (rule D11), each with the
    /// entry of the audit that comes with its set, whether the set is kept or gone. Leaves a notice that is on record as
    /// it is, and stores no entry of a set of which nothing is new. Passes over executions that the owner has not in the
    /// history, that have published nothing, or that cannot be decoded.
    ///
    /// Returns the notices of these sets for this request as they are on record then, in the order of the sets. Its cost
    /// grows with the number of sets: ask for a few at a time.
    ///
    /// # Errors
    /// If the catalog cannot be read or written; nothing is stored then.
    async fn recall(
        &self,
        owner: &Owner,
        request: SubjectRequestId,
        sets: &[(ExecutionId, AuditRecord)],
    ) -> Result<Vec<Recalled>, CatalogError>;
}

/// A page of what was looked at for notices that no execution causes (rule N8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told<Place> {
    /// The number of notices that were stored.
    pub stored: usize,
    /// The place behind which the next page begins; `None` after the last page.
    pub next: Option<Place>,
}

/// A request for notices to send.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NoticeClaim {
    /// The channel whose notices are wanted.
    pub channel: Channel,
    /// The worker that asks.
    pub worker: WorkerId,
    /// How long the claim holds.
    pub lease: Duration,
    /// The maximum number of notices to claim.
    pub limit: usize,
    /// The maximum number of notices to one subscriber that workers hold at the same time, so that one that
    /// hangs cannot keep all workers.
    pub per_subscriber: Option<NonZeroU32>,
    /// The subscribers whose notices are wanted.
    pub audience: Audience,
    /// Decides about notices whose lease has run out.
    pub retry: WorkRetry,
}

impl NoticeClaim {
    /// Asks for up to `limit` notices to anybody, with the channel's own retries and without a limit per subscriber.
    pub fn new(channel: Channel, worker: WorkerId, lease: Duration, limit: usize) -> Self {
        Self {
            channel,
            worker,
            lease,
            limit,
            per_subscriber: None,
            audience: Audience::All,
            retry: channel.retry(),
        }
    }
}

setters! {
    NoticeClaim {
        with_channel => channel: value Channel;
        with_worker => worker: value WorkerId;
        with_lease => lease: value Duration;
        with_limit => limit: value usize;
        with_per_subscriber => per_subscriber: option NonZeroU32;
        with_audience => audience: value Audience;
        with_retry => retry: value WorkRetry;
    }
}

/// The subscribers whose notices a claim wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Everybody.
    All,
    /// These alone.
    Only(BTreeSet<Subscriber>),
    /// Everybody but these.
    Except(BTreeSet<Subscriber>),
}

impl Audience {
    /// Returns whether notices to this subscriber are wanted.
    pub fn has(&self, subscriber: &Subscriber) -> bool {
        match self {
            Self::All => true,
            Self::Only(these) => these.contains(subscriber),
            Self::Except(these) => !these.contains(subscriber),
        }
    }

    /// Returns whether it has no subscriber.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Only(these) if these.is_empty())
    }
}
