//! Code in front of a catalog, for instance to log calls, to measure them or to make them fail.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::query::{
    ArtifactOverview, ArtifactQuery, AuditQuery, DeliveryQuery, ExecutionOverview, ExecutionQuery,
    JobOverview, JobQuery, NoticeQuery, Page, SubjectRequestQuery, WorkerOverview,
};
use super::{
    Agenda, ArtifactStore, AuditStore, Beat, Catalog, CatalogError, Claim, Claimed, CopyStore, DeliveryClaim,
    DeliveryStore, Directive, DueJob, ExecutionStore, Fence, Forget, Housekeeping, JobStore, NoticeClaim,
    Outbox, Publication, RecipientRemoval, RecipientStore, Removal, Settlement, Standing, StoreRegister,
    SubjectClaim, SubjectStore, Told, WorkQueue, WorkerRegister, Writer, ZoneRecord,
};
use crate::domain::access::audit::AuditRecord;
use crate::domain::access::download::DownloadEnd;
use crate::domain::archive::adoption::Adoption;
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::calendar::zone::database::{Clocks, Database};
use crate::domain::delivery::health::{ContactOutcome, Health, TargetId};
use crate::domain::delivery::{Delivery, DeliveryProgress, JobDestination};
use crate::domain::execution::Execution;
use crate::domain::execution::completeness::Frozen;
use crate::domain::execution::queue::QueuePlace;
use crate::domain::id::{
    ArtifactId, AuditId, DeliveryId, ExecutionId, JobId, NoticeId, Owner, RecipientName, SubjectRequestId,
    SubjectTaskId, WorkerId,
};
use crate::domain::job::lifecycle::Submission;
use crate::domain::job::settling::Open;
use crate::domain::job::{Job, JobChange};
use crate::domain::keeping::sweep::Swept;
use crate::domain::notice::Notice;
use crate::domain::notice::expiring::SetPlace;
use crate::domain::notice::recall::Recalled;
use crate::domain::pairing::StoreLink;
use crate::domain::recipient::Recipient;
use crate::domain::subject::copies::{CopyPlace, FilterNote, PublishedSet};
use crate::domain::subject::request::SubjectRequest;
use crate::domain::subject::{SubjectTask, TaskReport};
use crate::domain::work::row::WorkOutcome;
use crate::domain::work::worker::{WorkerEntry, WorkerFacts};
use crate::ports::sink::Key;

/// A layer as a catalog.
#[derive(Debug, Clone)]
pub struct Layered<L>(pub L);

/// Defines layers, and implements every store for layers and for shared catalogs by handing each call on, so
/// that a method that is added to a store does not compile before layers know it. Shared layers hand on, too:
/// whoever keeps a handle to a layer can ask it what it has seen.
macro_rules! hand_on {
    ($($store:ident { $(fn $name:ident($($arg:ident: $type:ty),*) -> $reply:ty;)* })*) => {
        /// A catalog that forwards every call to another one, except for the methods that it overrides.
        /// [`Layered`] makes it a [`Catalog`].
        ///
        /// ```
        /// use async_trait::async_trait;
        /// use cdds_core::ports::catalog::{
        ///     Catalog, CatalogError, CatalogLayer, Claim, Claimed, Layered, WorkQueue,
        /// };
        ///
        /// /// Counts the executions that engines take.
        /// #[derive(Debug)]
        /// struct Counting<C> {
        ///     catalog: C,
        ///     taken: std::sync::atomic::AtomicUsize,
        /// }
        ///
        /// #[async_trait]
        /// impl<C: Catalog> CatalogLayer for Counting<C> {
        ///     fn inner(&self) -> &dyn Catalog {
        ///         &self.catalog
        ///     }
        ///
        ///     async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError> {
        ///         let claimed = self.inner().claim(claim).await?;
        ///         self.taken.fetch_add(claimed.executions.len(), std::sync::atomic::Ordering::Relaxed);
        ///         Ok(claimed)
        ///     }
        /// }
        ///
        /// # fn is_a_catalog<C: Catalog + 'static>(catalog: C) -> std::sync::Arc<dyn Catalog> {
        /// std::sync::Arc::new(Layered(Counting { catalog, taken: Default::default() }))
        /// # }
        /// ```
        #[async_trait]
        pub trait CatalogLayer: Debug + Send + Sync {
            /// Returns the catalog behind this layer.
            fn inner(&self) -> &dyn Catalog;

            /// Is told of each call before it is made, by the name of its method.
            fn calling(&self, _method: &'static str) {}

            /// Is told how each call went: of its error, or of `None`. Not called if the call is dropped.
            fn called(&self, _method: &'static str, _error: Option<&CatalogError>) {}

            $($(
                #[doc = concat!("Forwards to [`", stringify!($store), "::", stringify!($name), "`].")]
                ///
                /// # Errors
                /// Those of the catalog behind the layer.
                async fn $name(&self, $($arg: $type),*) -> Result<$reply, CatalogError> {
                    self.inner().$name($($arg),*).await
                }
            )*)*
        }

        $(
            #[async_trait]
            impl<L: CatalogLayer> $store for Layered<L> {
                $(async fn $name(&self, $($arg: $type),*) -> Result<$reply, CatalogError> {
                    self.0.calling(stringify!($name));
                    let reply = self.0.$name($($arg),*).await;
                    self.0.called(stringify!($name), reply.as_ref().err());
                    reply
                })*
            }

            #[async_trait]
            impl<C: Catalog + ?Sized> $store for Arc<C> {
                $(async fn $name(&self, $($arg: $type),*) -> Result<$reply, CatalogError> {
                    (**self).$name($($arg),*).await
                })*
            }
        )*

        #[async_trait]
        impl<L: CatalogLayer + ?Sized> CatalogLayer for Arc<L> {
            fn inner(&self) -> &dyn Catalog {
                (**self).inner()
            }

            fn calling(&self, method: &'static str) {
                (**self).calling(method);
            }

            fn called(&self, method: &'static str, error: Option<&CatalogError>) {
                (**self).called(method, error);
            }

            $($(async fn $name(&self, $($arg: $type),*) -> Result<$reply, CatalogError> {
                (**self).$name($($arg),*).await
            })*)*
        }
    };
}

hand_on! {
    JobStore {
        fn insert_job(job: &Job, first: Option<&Execution>, audit: &[AuditRecord]) -> ();
        fn change_job(change: &JobChange, expected: u64, audit: &[AuditRecord]) -> ();
        fn job(owner: &Owner, id: JobId) -> Option<JobOverview>;
        fn jobs(owner: &Owner, query: &JobQuery) -> Page<JobOverview>;
        fn open_executions(owner: &Owner, job: JobId, behind: Option<QueuePlace>, limit: usize) -> Open;
    }
    ExecutionStore {
        fn execution(owner: &Owner, id: ExecutionId, now: DateTime<Utc>) -> Option<ExecutionOverview>;
        fn executions(owner: &Owner, query: &ExecutionQuery, now: DateTime<Utc>) -> Page<ExecutionOverview>;
        fn change_execution(before: &Execution, after: &Execution, audit: &[AuditRecord]) -> ();
        fn delete_execution(owner: &Owner, execution: ExecutionId, now: DateTime<Utc>, audit: &[AuditRecord]) -> ();
        fn last_records(job: JobId) -> Option<u64>;
    }
    WorkQueue {
        fn now() -> DateTime<Utc>;
        fn due(now: DateTime<Utc>, limit: usize, clocks: Clocks) -> Vec<DueJob>;
        fn zones() -> Option<ZoneRecord>;
        fn renew_zones(database: &Database, accepts_older: bool) -> ZoneRecord;
        fn ahead(after: DateTime<Utc>) -> Vec<Job>;
        fn newest_before(before: DateTime<Utc>) -> Option<DateTime<Utc>>;
        fn agenda(clocks: Clocks) -> Agenda;
        fn claim(claim: &Claim) -> Claimed;
        fn begin(fence: Fence, complete_until: Option<DateTime<Utc>>) -> Frozen;
        fn beat(worker: &WorkerId, lease: Duration, beats: &[Beat]) -> Vec<Directive>;
        fn publish(fence: Fence, publication: &Publication) -> ();
        fn settle(fence: Fence, settlement: &Settlement) -> Execution;
        fn standing(writer: Writer) -> Standing;
    }
    ArtifactStore {
        fn artifacts(owner: &Owner, query: &ArtifactQuery) -> Page<ArtifactOverview>;
        fn artifact(owner: &Owner, id: ArtifactId) -> Option<ArtifactOverview>;
        fn artifact_set(owner: &Owner, execution: ExecutionId) -> Option<ArtifactSet>;
        fn newest_manifests(limit: usize) -> Vec<Key>;
        fn adopt(adoption: &Adoption, expected: u64, set: &ArtifactSet, audit: &[AuditRecord]) -> ();
        fn hold(owner: &Owner, execution: ExecutionId, hold: bool, audit: &[AuditRecord]) -> ();
        fn delete_artifacts(owner: &Owner, artifacts: &[ArtifactId], now: DateTime<Utc>, audit: &[AuditRecord]) -> ();
        fn expire(now: DateTime<Utc>, limit: usize) -> usize;
        fn removals(limit: usize) -> Vec<Removal>;
        fn confirm_removed(removal: &Removal, now: DateTime<Utc>) -> ();
    }
    RecipientStore {
        fn insert_recipient(recipient: &Recipient, audit: &[AuditRecord]) -> ();
        fn replace_recipient(recipient: &Recipient, expected: &str, audit: &[AuditRecord]) -> ();
        fn recipients(owner: &Owner) -> Vec<Recipient>;
        fn remove_recipient(owner: &Owner, name: &RecipientName, audit: &[AuditRecord]) -> RecipientRemoval;
    }
    Outbox {
        fn claim_notices(claim: &NoticeClaim) -> Vec<Notice>;
        fn settle_notice(fence: Fence<NoticeId>, outcome: &WorkOutcome) -> Notice;
        fn ask_notice_again(owner: &Owner, id: NoticeId, audit: &[AuditRecord]) -> Notice;
        fn notices(owner: &Owner, query: &NoticeQuery) -> Page<Notice>;
        fn tell_of_expiring(behind: Option<SetPlace>, limit: usize) -> Told<SetPlace>;
        fn tell_of_certificates(behind: Option<JobId>, limit: usize) -> Told<JobId>;
        fn recall(owner: &Owner, request: SubjectRequestId, sets: &[(ExecutionId, AuditRecord)]) -> Vec<Recalled>;
    }
    DeliveryStore {
        fn claim_deliveries(claim: &DeliveryClaim) -> Vec<Delivery>;
        fn beat_delivery(fence: Fence<DeliveryId>, lease: Duration, progress: DeliveryProgress) -> ();
        fn settle_delivery(fence: Fence<DeliveryId>, outcome: &WorkOutcome, progress: DeliveryProgress) -> Delivery;
        fn redeliver(owner: &Owner, execution: ExecutionId, to: &JobDestination, audit: &[AuditRecord]) -> Delivery;
        fn deliveries(owner: &Owner, query: &DeliveryQuery) -> Page<Delivery>;
        fn health() -> Vec<(TargetId, Health)>;
        fn contacted(target: &TargetId, outcome: &ContactOutcome) -> Health;
        fn set_health(target: &TargetId, before: &Health, after: &Health, audit: &[AuditRecord]) -> ();
    }
    AuditStore {
        fn audit(owner: &Owner, query: &AuditQuery) -> Page<AuditRecord>;
        fn record(entry: &AuditRecord) -> ();
        fn end_download(id: AuditId, end: &DownloadEnd) -> ();
    }
    Housekeeping {
        fn keep_house(worker: &WorkerId, lease: Duration) -> bool;
        fn leave_house(worker: &WorkerId) -> ();
        fn forget(page: &Forget) -> Swept;
    }
    WorkerRegister {
        fn attend(worker: &WorkerId, facts: &WorkerFacts, lease: Duration) -> WorkerEntry;
        fn drain(worker: &WorkerId, draining: bool, audit: &[AuditRecord]) -> Option<WorkerEntry>;
        fn leave(worker: &WorkerId) -> ();
        fn workers(owner: &Owner, now: DateTime<Utc>, limit: usize) -> Vec<WorkerOverview>;
        fn forget_workers() -> usize;
    }
    SubjectStore {
        fn insert_subject_request(request: &SubjectRequest, audit: &[AuditRecord]) -> Option<SubjectRequestId>;
        fn change_subject_request(request: &SubjectRequest, expected: u64, audit: &[AuditRecord]) -> ();
        fn hand_over_subject_request(request: &SubjectRequest, expected: u64, job: &Submission, tasks: &[SubjectTask], audit: &[AuditRecord]) -> ();
        fn subject_request(owner: &Owner, id: SubjectRequestId) -> Option<SubjectRequest>;
        fn subject_requests(owner: &Owner, query: &SubjectRequestQuery) -> Page<SubjectRequest>;
        fn lay_out_subject_request(request: &SubjectRequest, expected: u64, tasks: &[SubjectTask], audit: &[AuditRecord]) -> ();
        fn subject_tasks(owner: &Owner, request: SubjectRequestId) -> Vec<SubjectTask>;
        fn running_subject_requests() -> Vec<(SubjectRequest, Vec<SubjectTask>)>;
        fn claim_subject_tasks(claim: &SubjectClaim) -> Vec<SubjectTask>;
        fn beat_subject_task(fence: Fence<SubjectTaskId>, lease: Duration, found: Option<u64>) -> ();
        fn settle_subject_task(fence: Fence<SubjectTaskId>, report: &TaskReport) -> SubjectTask;
        fn ask_subject_tasks_again(owner: &Owner, request: SubjectRequestId, audit: &[AuditRecord]) -> usize;
    }
    CopyStore {
        fn published_sets(owner: &Owner, behind: Option<CopyPlace>, limit: usize) -> Vec<PublishedSet>;
        fn set_as_published(owner: &Owner, execution: ExecutionId) -> Option<ArtifactSet>;
        fn subject_filter(execution: ExecutionId) -> Option<FilterNote>;
        fn downloads_of(owner: &Owner, execution: ExecutionId, limit: usize) -> Vec<AuditRecord>;
    }
    StoreRegister {
        fn store() -> Option<StoreLink>;
        fn set_store(expected: Option<StoreLink>, link: StoreLink, audit: &[AuditRecord]) -> ();
    }
}
