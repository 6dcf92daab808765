//! The stores that make up a catalog: each call is one transaction on a thread of its own.

use std::time::Duration;

use async_trait::async_trait;
use cdds_core::domain::access::audit::AuditRecord;
use cdds_core::domain::access::download::DownloadEnd;
use cdds_core::domain::archive::adoption::Adoption;
use cdds_core::domain::archive::artifact::ArtifactSet;
use cdds_core::domain::calendar::zone::database::{Clocks, Database as ZoneDatabase};
use cdds_core::domain::delivery::health::{ContactOutcome, Health, TargetId};
use cdds_core::domain::delivery::{Delivery, DeliveryProgress, JobDestination};
use cdds_core::domain::execution::Execution;
use cdds_core::domain::execution::completeness::Frozen;
use cdds_core::domain::execution::queue::QueuePlace;
use cdds_core::domain::id::{
    ArtifactId, AuditId, DeliveryId, ExecutionId, JobId, NoticeId, Owner, RecipientName, SubjectRequestId,
    SubjectTaskId, WorkerId,
};
use cdds_core::domain::job::lifecycle::Submission;
use cdds_core::domain::job::settling::Open;
use cdds_core::domain::job::{Job, JobChange};
use cdds_core::domain::keeping::sweep::Swept;
use cdds_core::domain::notice::Notice;
use cdds_core::domain::notice::expiring::SetPlace;
use cdds_core::domain::notice::recall::Recalled;
use cdds_core::domain::pairing::StoreLink;
use cdds_core::domain::recipient::Recipient;
use cdds_core::domain::subject::copies::{CopyPlace, FilterNote, PublishedSet};
use cdds_core::domain::subject::request::SubjectRequest;
use cdds_core::domain::subject::{SubjectTask, TaskReport};
use cdds_core::domain::work::row::WorkOutcome;
use cdds_core::domain::work::worker::{WorkerEntry, WorkerFacts};
use cdds_core::ports::catalog::query::{
    ArtifactOverview, ArtifactQuery, AuditQuery, DeliveryQuery, ExecutionOverview, ExecutionQuery,
    JobOverview, JobQuery, NoticeQuery, Page, SubjectRequestQuery, WorkerOverview,
};
use cdds_core::ports::catalog::{
    Agenda, ArtifactStore, AuditStore, Beat, CatalogError, Claim, Claimed, CopyStore, DeliveryClaim,
    DeliveryStore, Directive, DueJob, ExecutionStore, Fence, Forget, Housekeeping, JobStore, NoticeClaim,
    Outbox, Publication, RecipientRemoval, RecipientStore, Removal, Settlement, Standing, StoreRegister,
    SubjectClaim, SubjectStore, Told, WorkQueue, WorkerRegister, Writer, ZoneRecord,
};
use cdds_core::ports::sink::Key;
use chrono::{DateTime, Utc};

use super::audit::audited;
use super::database::{Database, Writing};
use super::{
    adoption, agenda, artifacts, attendance, audit, beats as signs, claim, copies, deliveries, executions,
    health, housekeeping, jobs, outbox, presence, recipients, removal, running, store, subject_tasks,
    subjects, zones,
};

/// Implements the stores for a catalog that has these methods:
/// - `run` calls a function with its database, on a thread that may wait;
/// - `look` does so when it is the turn of a call that reads;
/// - `read` and `write` run a transaction when it is its turn;
/// - `present` returns what its clock shows.
macro_rules! stores {
    ($catalog:ty) => {
        #[async_trait]
        impl JobStore for $catalog {
            async fn insert_job(
                &self,
                job: &Job,
                first: Option<&Execution>,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let audit = audit.to_vec();
                let (job, first) = (job.clone(), first.cloned());
                self.write("store the job", move |tx| {
                    audited(tx, &audit, || jobs::insert(tx, &job, first.as_ref()))
                })
                .await
            }

            async fn change_job(
                &self,
                change: &JobChange,
                expected: u64,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let audit = audit.to_vec();
                let change = change.clone();
                self.write("change the job", move |tx| {
                    audited(tx, &audit, || jobs::change(tx, &change, expected))
                })
                .await
            }

            async fn job(&self, owner: &Owner, id: JobId) -> Result<Option<JobOverview>, CatalogError> {
                let owner = owner.clone();
                self.look(move |database| {
                    let mut found = database.read("read the job", |tx| jobs::find(tx, &owner, id))?;
                    presence::tell(database, found.iter_mut().filter_map(presence::of_job).collect(), None)?;
                    Ok(found)
                })
                .await
            }

            async fn jobs(&self, owner: &Owner, query: &JobQuery) -> Result<Page<JobOverview>, CatalogError> {
                let (owner, query) = (owner.clone(), query.clone());
                self.look(move |database| {
                    let mut page = database.read("list jobs", |tx| jobs::list(tx, &owner, &query))?;
                    presence::tell(
                        database,
                        page.items.iter_mut().filter_map(presence::of_job).collect(),
                        None,
                    )?;
                    Ok(page)
                })
                .await
            }

            async fn open_executions(
                &self,
                owner: &Owner,
                job: JobId,
                behind: Option<QueuePlace>,
                limit: usize,
            ) -> Result<Open, CatalogError> {
                let owner = owner.clone();
                self.read("read the queued and running executions", move |tx| {
                    executions::open(tx, &owner, job, behind, limit)
                })
                .await
            }
        }

        #[async_trait]
        impl ExecutionStore for $catalog {
            async fn execution(
                &self,
                owner: &Owner,
                id: ExecutionId,
                now: DateTime<Utc>,
            ) -> Result<Option<ExecutionOverview>, CatalogError> {
                let owner = owner.clone();
                self.look(move |database| {
                    let mut found =
                        database.read("read the execution", |tx| executions::find(tx, &owner, id, now))?;
                    presence::tell(
                        database,
                        found.iter_mut().map(presence::of_execution).collect(),
                        Some(now),
                    )?;
                    Ok(found)
                })
                .await
            }

            async fn executions(
                &self,
                owner: &Owner,
                query: &ExecutionQuery,
                now: DateTime<Utc>,
            ) -> Result<Page<ExecutionOverview>, CatalogError> {
                let (owner, query) = (owner.clone(), query.clone());
                self.look(move |database| {
                    let mut page =
                        database.read("list executions", |tx| executions::list(tx, &owner, &query, now))?;
                    let rows = page.items.iter_mut().map(presence::of_execution).collect();
                    presence::tell(database, rows, Some(now))?;
                    Ok(page)
                })
                .await
            }

            async fn change_execution(
                &self,
                before: &Execution,
                after: &Execution,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let audit = audit.to_vec();
                let (before, after) = (before.clone(), after.clone());
                self.write("change the execution", move |tx| {
                    audited(tx, &audit, || executions::change(tx, &before, &after))
                })
                .await
            }

            async fn delete_execution(
                &self,
                owner: &Owner,
                execution: ExecutionId,
                now: DateTime<Utc>,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let audit = audit.to_vec();
                let owner = owner.clone();
                self.write("delete the execution", move |tx| {
                    audited(tx, &audit, || removal::delete_execution(tx, &owner, execution, now))
                })
                .await
            }

            async fn last_records(&self, job: JobId) -> Result<Option<u64>, CatalogError> {
                self.read("read the last success", move |tx| executions::last_records(tx, job)).await
            }
        }

        #[async_trait]
        impl WorkQueue for $catalog {
            async fn now(&self) -> Result<DateTime<Utc>, CatalogError> {
                self.present().await
            }

            async fn due(
                &self,
                now: DateTime<Utc>,
                limit: usize,
                clocks: Clocks,
            ) -> Result<Vec<DueJob>, CatalogError> {
                self.read("find due jobs", move |tx| jobs::due(tx, now, limit, clocks)).await
            }

            async fn zones(&self) -> Result<Option<ZoneRecord>, CatalogError> {
                self.read("read the version of time zones", zones::on_record).await
            }

            async fn renew_zones(
                &self,
                database: &ZoneDatabase,
                accepts_older: bool,
            ) -> Result<ZoneRecord, CatalogError> {
                let database = database.clone();
                self.write("compute jobs with a time zone anew", move |tx| {
                    zones::renew(tx, &database, accepts_older, tx.now()?)
                })
                .await
            }

            async fn ahead(&self, after: DateTime<Utc>) -> Result<Vec<Job>, CatalogError> {
                self.read("find jobs that lie ahead", move |tx| jobs::ahead(tx, after)).await
            }

            async fn newest_before(
                &self,
                before: DateTime<Utc>,
            ) -> Result<Option<DateTime<Utc>>, CatalogError> {
                self.read("find the newest entry", move |tx| executions::newest_before(tx, before)).await
            }

            async fn agenda(&self, clocks: Clocks) -> Result<Agenda, CatalogError> {
                self.look(move |database| agenda::agenda(database, clocks)).await
            }

            async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError> {
                let claim = claim.clone();
                self.run(move |database| claim::claim(database, &claim)).await
            }

            async fn begin(
                &self,
                fence: Fence,
                complete_until: Option<DateTime<Utc>>,
            ) -> Result<Frozen, CatalogError> {
                self.write("freeze the window", move |tx| {
                    running::begin(tx, fence, complete_until, tx.now()?)
                })
                .await
            }

            async fn beat(
                &self,
                worker: &WorkerId,
                lease: Duration,
                beats: &[Beat],
            ) -> Result<Vec<Directive>, CatalogError> {
                if beats.is_empty() {
                    return Ok(Vec::new());
                }
                let (worker, beats) = (worker.clone(), beats.to_vec());
                self.run(move |database| {
                    database.write(Writing::Beat, "store progress", |tx| {
                        signs::beat(tx, &worker, tx.now()?, lease, &beats)
                    })
                })
                .await
            }

            async fn publish(&self, fence: Fence, publication: &Publication) -> Result<(), CatalogError> {
                let publication = publication.clone();
                let doing = "publish the artifact set";
                // What is sealed may end with the request that the set answers.
                if publication.request.is_some() {
                    return self
                        .write_private(doing, move |tx| running::publish(tx, fence, &publication))
                        .await;
                }
                self.write(doing, move |tx| running::publish(tx, fence, &publication)).await
            }

            async fn settle(&self, fence: Fence, settlement: &Settlement) -> Result<Execution, CatalogError> {
                let settlement = settlement.clone();
                self.write("end the attempt", move |tx| running::settle(tx, fence, &settlement, tx.now()?))
                    .await
            }

            async fn standing(&self, writer: Writer) -> Result<Standing, CatalogError> {
                self.read("read the claim", move |tx| executions::standing(tx, &writer)).await
            }
        }

        #[async_trait]
        impl ArtifactStore for $catalog {
            async fn artifacts(
                &self,
                owner: &Owner,
                query: &ArtifactQuery,
            ) -> Result<Page<ArtifactOverview>, CatalogError> {
                let (owner, query) = (owner.clone(), query.clone());
                self.read("list artifacts", move |tx| artifacts::list(tx, &owner, &query)).await
            }

            async fn artifact(
                &self,
                owner: &Owner,
                id: ArtifactId,
            ) -> Result<Option<ArtifactOverview>, CatalogError> {
                let owner = owner.clone();
                self.read("read the artifact", move |tx| artifacts::find(tx, &owner, id)).await
            }

            async fn artifact_set(
                &self,
                owner: &Owner,
                execution: ExecutionId,
            ) -> Result<Option<ArtifactSet>, CatalogError> {
                let owner = owner.clone();
                self.read("read the artifact set", move |tx| artifacts::set(tx, &owner, execution)).await
            }

            async fn newest_manifests(&self, limit: usize) -> Result<Vec<Key>, CatalogError> {
                self.read("list the newest sets", move |tx| store::newest_manifests(tx, limit)).await
            }

            async fn adopt(
                &self,
                adoption: &Adoption,
                expected: u64,
                set: &ArtifactSet,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let (adoption, set, audit) = (adoption.clone(), set.clone(), audit.to_vec());
                self.write("adopt the set", move |tx| {
                    audited(tx, &audit, || adoption::adopt(tx, &adoption, expected, &set))
                })
                .await
            }

            async fn hold(
                &self,
                owner: &Owner,
                execution: ExecutionId,
                hold: bool,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let audit = audit.to_vec();
                let owner = owner.clone();
                self.write("hold or release the artifact set", move |tx| {
                    audited(tx, &audit, || removal::hold(tx, &owner, execution, hold))
                })
                .await
            }

            async fn delete_artifacts(
                &self,
                owner: &Owner,
                artifacts: &[ArtifactId],
                now: DateTime<Utc>,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let audit = audit.to_vec();
                let (owner, artifacts) = (owner.clone(), artifacts.to_vec());
                self.write("delete artifacts", move |tx| {
                    audited(tx, &audit, || removal::delete_artifacts(tx, &owner, &artifacts, now))
                })
                .await
            }

            async fn expire(&self, now: DateTime<Utc>, limit: usize) -> Result<usize, CatalogError> {
                self.write("mark expired sets", move |tx| removal::expire(tx, now, limit)).await
            }

            async fn removals(&self, limit: usize) -> Result<Vec<Removal>, CatalogError> {
                self.read("list removals", move |tx| removal::removals(tx, limit)).await
            }

            async fn confirm_removed(
                &self,
                removal: &Removal,
                now: DateTime<Utc>,
            ) -> Result<(), CatalogError> {
                let removal = removal.clone();
                self.write("confirm a removal", move |tx| removal::confirm_removed(tx, &removal, now)).await
            }
        }

        #[async_trait]
        impl RecipientStore for $catalog {
            async fn insert_recipient(
                &self,
                recipient: &Recipient,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let audit = audit.to_vec();
                let recipient = recipient.clone();
                self.write("store the recipient", move |tx| {
                    audited(tx, &audit, || recipients::insert(tx, &recipient))
                })
                .await
            }

            async fn replace_recipient(
                &self,
                recipient: &Recipient,
                expected: &str,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let audit = audit.to_vec();
                let (recipient, expected) = (recipient.clone(), expected.to_owned());
                self.write("replace the recipient's certificate", move |tx| {
                    audited(tx, &audit, || recipients::replace(tx, &recipient, &expected))
                })
                .await
            }

            async fn recipients(&self, owner: &Owner) -> Result<Vec<Recipient>, CatalogError> {
                let owner = owner.clone();
                self.read("list recipients", move |tx| recipients::list(tx, &owner)).await
            }

            async fn remove_recipient(
                &self,
                owner: &Owner,
                name: &RecipientName,
                audit: &[AuditRecord],
            ) -> Result<RecipientRemoval, CatalogError> {
                let audit = audit.to_vec();
                let (owner, name) = (owner.clone(), name.clone());
                self.write("remove the recipient", move |tx| {
                    let removal = recipients::remove(tx, &owner, &name)?;
                    if removal == RecipientRemoval::Removed {
                        audit::insert(tx, &audit)?;
                    }
                    Ok(removal)
                })
                .await
            }
        }

        #[async_trait]
        impl Outbox for $catalog {
            async fn claim_notices(&self, claim: &NoticeClaim) -> Result<Vec<Notice>, CatalogError> {
                let claim = claim.clone();
                let asked = claim.clone();
                let orphans = self.look(move |database| outbox::orphans(database, &asked)).await?;
                self.write("claim notices", move |tx| outbox::claim(tx, &orphans, &claim, tx.now()?)).await
            }

            async fn settle_notice(
                &self,
                fence: Fence<NoticeId>,
                outcome: &WorkOutcome,
            ) -> Result<Notice, CatalogError> {
                let outcome = outcome.clone();
                self.write("settle a notice", move |tx| outbox::settle(tx, fence, &outcome, tx.now()?)).await
            }

            async fn ask_notice_again(
                &self,
                owner: &Owner,
                id: NoticeId,
                audit: &[AuditRecord],
            ) -> Result<Notice, CatalogError> {
                let audit = audit.to_vec();
                let owner = owner.clone();
                self.write("ask for a notice again", move |tx| {
                    audited(tx, &audit, || outbox::ask_again(tx, &owner, id, tx.now()?))
                })
                .await
            }

            async fn notices(
                &self,
                owner: &Owner,
                query: &NoticeQuery,
            ) -> Result<Page<Notice>, CatalogError> {
                let (owner, query) = (owner.clone(), query.clone());
                self.read("list notices", move |tx| outbox::list(tx, &owner, &query)).await
            }

            async fn tell_of_expiring(
                &self,
                behind: Option<SetPlace>,
                limit: usize,
            ) -> Result<Told<SetPlace>, CatalogError> {
                self.write("tell of sets that expire", move |tx| {
                    outbox::tell_of_expiring(tx, behind, limit, tx.now()?)
                })
                .await
            }

            async fn tell_of_certificates(
                &self,
                behind: Option<JobId>,
                limit: usize,
            ) -> Result<Told<JobId>, CatalogError> {
                self.write("tell of certificates that expire", move |tx| {
                    outbox::tell_of_certificates(tx, behind, limit, tx.now()?)
                })
                .await
            }

            async fn recall(
                &self,
                owner: &Owner,
                request: SubjectRequestId,
                sets: &[(ExecutionId, AuditRecord)],
            ) -> Result<Vec<Recalled>, CatalogError> {
                let (owner, sets) = (owner.clone(), sets.to_vec());
                self.write("recall sets", move |tx| outbox::recall(tx, &owner, request, &sets, tx.now()?))
                    .await
            }
        }

        #[async_trait]
        impl DeliveryStore for $catalog {
            async fn claim_deliveries(&self, claim: &DeliveryClaim) -> Result<Vec<Delivery>, CatalogError> {
                let claim = claim.clone();
                let asked = claim.clone();
                let orphans = self.look(move |database| deliveries::orphans(database, &asked)).await?;
                self.write("claim deliveries", move |tx| deliveries::claim(tx, &orphans, &claim, tx.now()?))
                    .await
            }

            async fn beat_delivery(
                &self,
                fence: Fence<DeliveryId>,
                lease: Duration,
                progress: DeliveryProgress,
            ) -> Result<(), CatalogError> {
                self.write("renew a delivery", move |tx| {
                    deliveries::beat(tx, fence, lease, progress, tx.now()?)
                })
                .await
            }

            async fn settle_delivery(
                &self,
                fence: Fence<DeliveryId>,
                outcome: &WorkOutcome,
                progress: DeliveryProgress,
            ) -> Result<Delivery, CatalogError> {
                let outcome = outcome.clone();
                self.write("settle a delivery", move |tx| {
                    deliveries::settle(tx, fence, &outcome, progress, tx.now()?)
                })
                .await
            }

            async fn redeliver(
                &self,
                owner: &Owner,
                execution: ExecutionId,
                to: &JobDestination,
                audit: &[AuditRecord],
            ) -> Result<Delivery, CatalogError> {
                let audit = audit.to_vec();
                let (owner, to) = (owner.clone(), to.clone());
                self.write("deliver again", move |tx| {
                    audited(tx, &audit, || deliveries::again(tx, &owner, execution, &to, tx.now()?))
                })
                .await
            }

            async fn deliveries(
                &self,
                owner: &Owner,
                query: &DeliveryQuery,
            ) -> Result<Page<Delivery>, CatalogError> {
                let (owner, query) = (owner.clone(), query.clone());
                self.read("list deliveries", move |tx| deliveries::list(tx, &owner, &query)).await
            }

            async fn health(&self) -> Result<Vec<(TargetId, Health)>, CatalogError> {
                self.read("read the health of destinations", health::all).await
            }

            async fn contacted(
                &self,
                target: &TargetId,
                outcome: &ContactOutcome,
            ) -> Result<Health, CatalogError> {
                let (target, outcome) = (target.clone(), outcome.clone());
                self.write("store the health of a destination", move |tx| {
                    health::contacted(tx, &target, &outcome, tx.now()?)
                })
                .await
            }

            async fn set_health(
                &self,
                target: &TargetId,
                before: &Health,
                after: &Health,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let audit = audit.to_vec();
                let (target, before, after) = (target.clone(), before.clone(), after.clone());
                self.write("change the health of a destination", move |tx| {
                    audited(tx, &audit, || health::set(tx, &target, &before, &after, tx.now()?))
                })
                .await
            }
        }

        #[async_trait]
        impl AuditStore for $catalog {
            async fn audit(
                &self,
                owner: &Owner,
                query: &AuditQuery,
            ) -> Result<Page<AuditRecord>, CatalogError> {
                let (owner, query) = (owner.clone(), query.clone());
                self.read("list the audit", move |tx| audit::list(tx, &owner, &query)).await
            }

            async fn record(&self, entry: &AuditRecord) -> Result<(), CatalogError> {
                let entry = [entry.clone()];
                self.write("record the call", move |tx| audit::insert(tx, &entry)).await
            }

            async fn end_download(&self, id: AuditId, end: &DownloadEnd) -> Result<(), CatalogError> {
                let end = *end;
                self.write("record the end of a download", move |tx| audit::end_download(tx, id, &end)).await
            }
        }

        #[async_trait]
        impl StoreRegister for $catalog {
            async fn store(&self) -> Result<Option<StoreLink>, CatalogError> {
                self.read("read which store belongs to it", store::link).await
            }

            async fn set_store(
                &self,
                expected: Option<StoreLink>,
                link: StoreLink,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let audit = audit.to_vec();
                self.write("record which store belongs to it", move |tx| {
                    audited(tx, &audit, || store::set(tx, expected, link))
                })
                .await
            }
        }

        #[async_trait]
        impl Housekeeping for $catalog {
            async fn keep_house(&self, worker: &WorkerId, lease: Duration) -> Result<bool, CatalogError> {
                let worker = worker.clone();
                self.run(move |database| housekeeping::keep(database, &worker, lease)).await
            }

            async fn leave_house(&self, worker: &WorkerId) -> Result<(), CatalogError> {
                let worker = worker.clone();
                self.write("leave the house to others", move |tx| housekeeping::leave(tx, &worker)).await
            }

            async fn forget(&self, page: &Forget) -> Result<Swept, CatalogError> {
                let page = page.clone();
                self.write("forget old rows", move |tx| housekeeping::forget(tx, &page)).await
            }
        }

        #[async_trait]
        impl SubjectStore for $catalog {
            async fn insert_subject_request(
                &self,
                request: &SubjectRequest,
                audit: &[AuditRecord],
            ) -> Result<Option<SubjectRequestId>, CatalogError> {
                let (request, entries) = (request.clone(), audit.to_vec());
                self.write_private("store the subject request", move |tx| {
                    subjects::insert(tx, &request, || audit::insert(tx, &entries))
                })
                .await
            }

            async fn change_subject_request(
                &self,
                request: &SubjectRequest,
                expected: u64,
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let (request, audit) = (request.clone(), audit.to_vec());
                self.write_private("change the subject request", move |tx| {
                    audited(tx, &audit, || subjects::change(tx, &request, expected, tx.now()?))
                })
                .await
            }

            async fn hand_over_subject_request(
                &self,
                request: &SubjectRequest,
                expected: u64,
                job: &Submission,
                tasks: &[SubjectTask],
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let (request, job) = (request.clone(), job.clone());
                let (tasks, audit) = (tasks.to_vec(), audit.to_vec());
                self.write_private("hand over what the subject request asks for", move |tx| {
                    audited(tx, &audit, || {
                        subjects::change(tx, &request, expected, tx.now()?)?;
                        subject_tasks::lay_out(tx, &tasks)?;
                        jobs::insert(tx, &job.job, job.first.as_ref())
                    })
                })
                .await
            }

            async fn subject_request(
                &self,
                owner: &Owner,
                id: SubjectRequestId,
            ) -> Result<Option<SubjectRequest>, CatalogError> {
                let owner = owner.clone();
                self.read("read the subject request", move |tx| subjects::find(tx, &owner, id)).await
            }

            async fn subject_requests(
                &self,
                owner: &Owner,
                query: &SubjectRequestQuery,
            ) -> Result<Page<SubjectRequest>, CatalogError> {
                let (owner, query) = (owner.clone(), query.clone());
                self.read("list subject requests", move |tx| subjects::list(tx, &owner, &query)).await
            }

            async fn lay_out_subject_request(
                &self,
                request: &SubjectRequest,
                expected: u64,
                tasks: &[SubjectTask],
                audit: &[AuditRecord],
            ) -> Result<(), CatalogError> {
                let (request, tasks, audit) = (request.clone(), tasks.to_vec(), audit.to_vec());
                self.write_private("lay out the erasure", move |tx| {
                    audited(tx, &audit, || {
                        subjects::change(tx, &request, expected, tx.now()?)?;
                        subject_tasks::lay_out(tx, &tasks)
                    })
                })
                .await
            }

            async fn subject_tasks(
                &self,
                owner: &Owner,
                request: SubjectRequestId,
            ) -> Result<Vec<SubjectTask>, CatalogError> {
                let owner = owner.clone();
                self.read("read the erasure", move |tx| subject_tasks::list(tx, &owner, request)).await
            }

            async fn running_subject_requests(
                &self,
            ) -> Result<Vec<(SubjectRequest, Vec<SubjectTask>)>, CatalogError> {
                self.read("read the erasures that run", subject_tasks::running).await
            }

            async fn claim_subject_tasks(
                &self,
                claim: &SubjectClaim,
            ) -> Result<Vec<SubjectTask>, CatalogError> {
                let claim = claim.clone();
                let asked = claim.clone();
                let orphans = self.look(move |database| subject_tasks::orphans(database, &asked)).await?;
                self.write("claim erasures", move |tx| subject_tasks::claim(tx, &orphans, &claim, tx.now()?))
                    .await
            }

            async fn beat_subject_task(
                &self,
                fence: Fence<SubjectTaskId>,
                lease: Duration,
                found: Option<u64>,
            ) -> Result<(), CatalogError> {
                self.write("renew an erasure", move |tx| {
                    subject_tasks::beat(tx, fence, lease, found, tx.now()?)
                })
                .await
            }

            async fn settle_subject_task(
                &self,
                fence: Fence<SubjectTaskId>,
                report: &TaskReport,
            ) -> Result<SubjectTask, CatalogError> {
                let report = report.clone();
                self.write("settle an erasure", move |tx| {
                    subject_tasks::settle(tx, fence, &report, tx.now()?)
                })
                .await
            }

            async fn ask_subject_tasks_again(
                &self,
                owner: &Owner,
                request: SubjectRequestId,
                audit: &[AuditRecord],
            ) -> Result<usize, CatalogError> {
                let (owner, entries) = (owner.clone(), audit.to_vec());
                self.write("ask for an erasure again", move |tx| {
                    let asked = subject_tasks::again(tx, &owner, request, tx.now()?)?;
                    if asked > 0 {
                        audit::insert(tx, &entries)?;
                    }
                    Ok(asked)
                })
                .await
            }
        }

        #[async_trait]
        impl CopyStore for $catalog {
            async fn published_sets(
                &self,
                owner: &Owner,
                behind: Option<CopyPlace>,
                limit: usize,
            ) -> Result<Vec<PublishedSet>, CatalogError> {
                let owner = owner.clone();
                self.read("list sets", move |tx| copies::sets(tx, &owner, behind, limit)).await
            }

            async fn set_as_published(
                &self,
                owner: &Owner,
                execution: ExecutionId,
            ) -> Result<Option<ArtifactSet>, CatalogError> {
                let owner = owner.clone();
                self.read("read a published set", move |tx| {
                    artifacts::set_as_published(tx, &owner, execution)
                })
                .await
            }

            async fn subject_filter(
                &self,
                execution: ExecutionId,
            ) -> Result<Option<FilterNote>, CatalogError> {
                self.read("read the filters of a set", move |tx| copies::filter(tx, execution)).await
            }

            async fn downloads_of(
                &self,
                owner: &Owner,
                execution: ExecutionId,
                limit: usize,
            ) -> Result<Vec<AuditRecord>, CatalogError> {
                let owner = owner.clone();
                self.read("list downloads", move |tx| copies::downloads(tx, &owner, execution, limit)).await
            }
        }

        #[async_trait]
        impl WorkerRegister for $catalog {
            async fn attend(
                &self,
                worker: &WorkerId,
                facts: &WorkerFacts,
                lease: Duration,
            ) -> Result<WorkerEntry, CatalogError> {
                let (worker, facts) = (worker.clone(), facts.clone());
                self.run(move |database| attendance::attend(database, &worker, &facts, lease)).await
            }

            async fn drain(
                &self,
                worker: &WorkerId,
                draining: bool,
                audit: &[AuditRecord],
            ) -> Result<Option<WorkerEntry>, CatalogError> {
                let (worker, audit) = (worker.clone(), audit.to_vec());
                self.write("ask a worker to drain", move |tx| {
                    attendance::drain(tx, (&worker, draining), tx.now()?, &audit)
                })
                .await
            }

            async fn leave(&self, worker: &WorkerId) -> Result<(), CatalogError> {
                let worker = worker.clone();
                self.write("record the end of a worker", move |tx| attendance::leave(tx, &worker, tx.now()?))
                    .await
            }

            async fn workers(
                &self,
                owner: &Owner,
                now: DateTime<Utc>,
                limit: usize,
            ) -> Result<Vec<WorkerOverview>, CatalogError> {
                let owner = owner.clone();
                self.run(move |database| attendance::list(database, &owner, now, limit)).await
            }

            async fn forget_workers(&self) -> Result<usize, CatalogError> {
                self.write("forget workers", move |tx| attendance::forget(tx, tx.now()?)).await
            }
        }
    };
}

#[cfg(feature = "sqlite")]
stores!(crate::catalog::sqlite::SqliteCatalog);

#[cfg(feature = "postgres")]
stores!(crate::catalog::postgres::PostgresCatalog);
