//! The catalog of jobs, executions, artifacts and recipients.
//!
//! It is the sum of small stores, each a trait of its own, over one database: a change that concerns several
//! of them is one method, and one transaction. [`layer`] puts code in front of any catalog.

mod artifact_store;
mod audit_store;
mod copy_store;
mod delivery_store;
mod execution_store;
mod housekeeping;
mod job_store;
pub mod layer;
mod outbox;
pub mod query;
mod recipient_store;
mod store_register;
mod subject_store;
mod work;
mod work_queue;
mod worker_register;

pub use self::artifact_store::ArtifactStore;
pub use self::audit_store::AuditStore;
pub use self::copy_store::CopyStore;
pub use self::delivery_store::{DeliveryClaim, DeliveryStore};
pub use self::execution_store::ExecutionStore;
pub use self::housekeeping::{Forget, Housekeeping};
pub use self::job_store::JobStore;
pub use self::layer::{CatalogLayer, Layered};
pub use self::outbox::{Audience, NoticeClaim, Outbox, Told};
pub use self::recipient_store::RecipientStore;
pub use self::store_register::StoreRegister;
pub use self::subject_store::{SubjectClaim, SubjectStore};
pub use self::work::{
    Agenda, Beat, Claim, Claimed, Directive, DueJob, Fence, Nonce, Publication, QUEUED_COUNTED_MAX,
    RecipientRemoval, Removal, Settlement, Standing, WAITING_MAX, Writer, ZoneRecord,
};
pub use self::work_queue::WorkQueue;
pub use self::worker_register::WorkerRegister;
use super::error::{PortError, PortErrorKind};

/// The record of all jobs, of the executions that are to run or have run, and of the artifacts to download.
///
/// # Contract
/// Every method is one atomic transaction, durable when it returns. The catalog makes no decisions: `domain`
/// computes the transitions, and the catalog stores them if the state they started from is still current.
/// Methods that take an [`Owner`](crate::domain::id::Owner) never see another owner's data (rule J15).
///
/// # Errors
/// [`CatalogErrorKind::Conflict`] if the expected version is no longer current; [`CatalogErrorKind::Fenced`]
/// if the claim has been lost.
///
/// # Cancel safety
/// A dropped call may or may not have taken effect; callers must read again.
///
/// # Ordering
/// A call sees the effects of every call that returned before it started, in any process.
///
/// # Idempotency
/// Storing the same submission, change or publication again either conflicts or has no effect.
pub trait Catalog:
    JobStore
    + ExecutionStore
    + WorkQueue
    + ArtifactStore
    + RecipientStore
    + Outbox
    + DeliveryStore
    + StoreRegister
    + AuditStore
    + Housekeeping
    + WorkerRegister
    + SubjectStore
    + CopyStore
{
}

impl<T> Catalog for T where
    T: JobStore
        + ExecutionStore
        + WorkQueue
        + ArtifactStore
        + RecipientStore
        + Outbox
        + DeliveryStore
        + StoreRegister
        + AuditStore
        + Housekeeping
        + WorkerRegister
        + SubjectStore
        + CopyStore
        + ?Sized
{
}

/// The kinds of catalog error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogErrorKind {
    /// Not reachable, or locked by another process for too long; a retry may help.
    Unavailable,
    /// No room left.
    Full,
    /// The expected state is no longer current.
    Conflict,
    /// The claim has been lost.
    Fenced,
    /// A person was promised that the execution stops (rule E8): it must not be published.
    Cancelled,
    /// Stored data cannot be decoded.
    Corrupt,
    /// The schema is newer than this program.
    NewerSchema,
}

impl PortErrorKind for CatalogErrorKind {
    fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Full)
    }
}

/// An error of a [`Catalog`].
pub type CatalogError = PortError<CatalogErrorKind>;
