//! Bugs of changes: old decisions that are stored, entries of the audit that go their own way, and deleted rows
//! that are not gone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Planted;
use super::claiming::gives_way;
use crate::domain::access::audit::AuditRecord;
use crate::domain::access::download::{DownloadEnd, DownloadOutcome};
use crate::domain::archive::adoption::Adoption;
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::delivery::health::{Health, TargetId};
use crate::domain::delivery::{Delivery, JobDestination};
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::{ArtifactId, AuditId, ExecutionId, JobId, NoticeId, Owner, RecipientName};
use crate::domain::job::{Job, JobChange, JobState};
use crate::domain::notice::Notice;
use crate::domain::pairing::StoreLink;
use crate::domain::recipient::Recipient;
use crate::ports::catalog::query::{AuditQuery, JobOverview};
use crate::ports::catalog::{
    ArtifactStore, AuditStore, Beat, Catalog, CatalogError, CatalogErrorKind, CatalogLayer, Claim, Claimed,
    DeliveryStore, ExecutionStore, JobStore, Outbox, RecipientRemoval, RecipientStore, Removal,
    StoreRegister, WorkQueue,
};
use crate::testing::MemoryCatalog;

/// A catalog that stores changes wrongly.
#[derive(Debug)]
pub(super) struct Changing {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
    /// The revision of each job after the last change that was made by `change_job`.
    pub(super) decided: Mutex<BTreeMap<JobId, u64>>,
}

type Stored<T = ()> = Result<T, CatalogError>;

impl Changing {
    fn has(&self, bug: Planted) -> bool {
        self.bug == bug
    }

    fn known(&self, id: ExecutionId) -> Option<Execution> {
        MemoryCatalog::record(&self.catalog).into_iter().find(|one| one.id == id)
    }

    fn job_of(&self, id: JobId) -> Option<Job> {
        self.catalog.all_jobs().into_iter().find(|job| job.id == id)
    }

    async fn is_deleted(&self, id: ExecutionId) -> Stored<bool> {
        let Some(known) = self.known(id) else { return Ok(false) };
        let now = self.catalog.now().await?;
        Ok(self.catalog.execution(&known.owner, id, now).await?.is_none())
    }

    /// Returns the entries that are stored in the transaction of a change.
    async fn entries(&self, audit: &[AuditRecord]) -> Stored<Vec<AuditRecord>> {
        let mut entries = audit.to_vec();
        match self.bug {
            Planted::JobsAuditLost | Planted::SetsAuditLost | Planted::OwnersAuditLost => entries.clear(),
            Planted::JobsAuditOutside | Planted::SetsAuditOutside | Planted::OwnersAuditOutside => {
                for entry in entries.drain(..) {
                    self.catalog.record(&entry).await?;
                }
            }
            Planted::JobsAuditHalf | Planted::SetsAuditHalf | Planted::OwnersAuditHalf => entries.truncate(1),
            Planted::JobsAuditTwice | Planted::SetsAuditTwice | Planted::OwnersAuditTwice => {
                for entry in audit {
                    let known = self.catalog.audit(&entry.owner, &AuditQuery::default()).await?;
                    if known.items.iter().any(|one| one.id == entry.id) {
                        entries.retain(|one| one.id != entry.id);
                    }
                }
            }
            _ => {}
        }
        Ok(entries)
    }

    /// Remembers the revision of a job after a change by `change_job`.
    fn decided(&self, id: JobId, revision: u64) {
        self.decided.lock().unwrap_or_else(PoisonError::into_inner).insert(id, revision);
    }

    /// Returns the revision that this bug takes for the present one.
    fn expected(&self, job: &Job, expected: u64) -> u64 {
        let Some(present) = self.job_of(job.id).map(|job| job.revision) else { return expected };
        let decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner).get(&job.id).copied();
        match self.bug {
            Planted::ChangeIgnoresRevision => present,
            // Only what people decide counts, and not what the workers have made of it since.
            Planted::ClaimsKeepRevision if decided.unwrap_or(1) == expected => present,
            _ => expected,
        }
    }
}

#[async_trait]
impl CatalogLayer for Changing {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn insert_job(&self, job: &Job, first: Option<&Execution>, audit: &[AuditRecord]) -> Stored {
        self.catalog.insert_job(job, first, &self.entries(audit).await?).await
    }

    async fn change_job(&self, change: &JobChange, expected: u64, audit: &[AuditRecord]) -> Stored {
        let entries = self.entries(audit).await?;
        if self.has(Planted::ChangesRace) {
            let before = self.catalog.back_up();
            gives_way().await;
            self.catalog.restore(&before);
        }
        let expected = self.expected(&change.job, expected);
        self.catalog.change_job(change, expected, &entries).await?;
        self.decided(change.job.id, expected + 1);
        if self.has(Planted::DeletedJobTakesHistory) && change.job.state == JobState::Deleted {
            let now = self.catalog.now().await?;
            for one in MemoryCatalog::record(&self.catalog) {
                if one.job_id == change.job.id && !one.is_open() {
                    self.catalog.delete_execution(&one.owner, one.id, now, &[]).await?;
                }
            }
        }
        Ok(())
    }

    async fn job(&self, owner: &Owner, id: JobId) -> Stored<Option<JobOverview>> {
        let shown = self.catalog.job(owner, id).await?;
        if shown.is_none() && self.has(Planted::DeletedJobShown) {
            let of_owner = self.job_of(id).filter(|job| job.owner == *owner);
            return Ok(of_owner.map(|job| JobOverview { job, latest: None }));
        }
        Ok(shown)
    }

    async fn claim(&self, claim: &Claim) -> Stored<Claimed> {
        if self.has(Planted::DeletedJobRuns) {
            for job in self.catalog.all_jobs().into_iter().filter(|job| job.state == JobState::Deleted) {
                let lives = Job { state: JobState::Suspended, unsettled: None, ..job.clone() };
                self.catalog.change_job(&JobChange::of(lives), job.revision, &[]).await?;
            }
        }
        self.catalog.claim(claim).await
    }

    async fn change_execution(&self, before: &Execution, after: &Execution, audit: &[AuditRecord]) -> Stored {
        let entries = self.entries(audit).await?;
        let mut before = before.clone();
        let read = before.progress;
        if let Some(known) = self.known(before.id) {
            match self.bug {
                Planted::ChangeIgnoresStatus if known.epoch == before.epoch => before = known,
                Planted::ChangeIgnoresEpoch if known.status() == before.status() => before = known,
                Planted::ChangesDeleted if self.is_deleted(before.id).await? => return Ok(()),
                _ => {}
            }
        }
        self.catalog.change_execution(&before, after, &entries).await?;
        let lease = Duration::from_secs(60);
        let (progress, lease) = match self.bug {
            Planted::ChangeLosesProgress => (read, lease),
            Planted::ChangeEndsLease => (before.progress, Duration::ZERO),
            _ => return Ok(()),
        };
        if let Some(running) = self.known(before.id).filter(|one| one.state == ExecutionState::Running) {
            let progress = if lease.is_zero() { running.progress } else { progress };
            if let Some(attempt) = running.attempts.last() {
                self.catalog
                    .beat(&attempt.worker, lease, &[Beat { fence: running.fence(), progress }])
                    .await?;
            }
        }
        Ok(())
    }

    async fn delete_execution(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Stored {
        let entries = self.entries(audit).await?;
        let open = self.known(execution).filter(|known| known.is_open() && self.has(Planted::DeletesOpen));
        if let Some(open) = open {
            let over = Execution { state: ExecutionState::Cancelled, ..open.clone() };
            self.catalog.change_execution(&open, &over, &[]).await?;
        }
        if self.has(Planted::DeletesHeld) && self.catalog.artifact_set(owner, execution).await?.is_some() {
            self.catalog.hold(owner, execution, false, &[]).await?;
        }
        self.catalog.delete_execution(owner, execution, now, &entries).await
    }

    async fn removals(&self, limit: usize) -> Stored<Vec<Removal>> {
        let mut removals = self.catalog.removals(limit).await?;
        if self.has(Planted::DeletedKeepsFiles) {
            removals.retain(|one| !matches!(one, Removal::Set { .. }));
        }
        Ok(removals)
    }

    async fn adopt(
        &self,
        adoption: &Adoption,
        expected: u64,
        set: &ArtifactSet,
        audit: &[AuditRecord],
    ) -> Stored {
        let entries = self.entries(audit).await?;
        if self.has(Planted::AdoptsDeleted) && self.is_deleted(adoption.execution.id).await? {
            return Ok(());
        }
        let present = self.job_of(adoption.change.job.id).map_or(expected, |job| job.revision);
        let expected = if self.has(Planted::AdoptIgnoresRevision) { present } else { expected };
        self.catalog.adopt(adoption, expected, set, &entries).await
    }

    async fn hold(&self, owner: &Owner, execution: ExecutionId, hold: bool, audit: &[AuditRecord]) -> Stored {
        self.catalog.hold(owner, execution, hold, &self.entries(audit).await?).await
    }

    async fn delete_artifacts(
        &self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Stored {
        self.catalog.delete_artifacts(owner, artifacts, now, &self.entries(audit).await?).await
    }

    async fn insert_recipient(&self, recipient: &Recipient, audit: &[AuditRecord]) -> Stored {
        self.catalog.insert_recipient(recipient, &self.entries(audit).await?).await
    }

    async fn replace_recipient(
        &self,
        recipient: &Recipient,
        expected: &str,
        audit: &[AuditRecord],
    ) -> Stored {
        let entries = self.entries(audit).await?;
        let known = self.catalog.recipients(&recipient.owner).await?;
        let present = known.iter().find(|one| one.name == recipient.name);
        let expected = match present {
            Some(present) if self.has(Planted::ReplaceIgnoresExpected) => &present.certificate.fingerprint,
            _ => expected,
        };
        self.catalog.replace_recipient(recipient, expected, &entries).await
    }

    async fn remove_recipient(
        &self,
        owner: &Owner,
        name: &RecipientName,
        audit: &[AuditRecord],
    ) -> Stored<RecipientRemoval> {
        let removal = self.catalog.remove_recipient(owner, name, &self.entries(audit).await?).await?;
        if self.has(Planted::RecipientOfDeletedKept) && removal == RecipientRemoval::Removed {
            let names = |job: &Job| job.settings.protection.recipients().contains(name);
            let deleted = self.catalog.all_jobs().into_iter().find(|job| job.owner == *owner && names(job));
            return Ok(deleted.map_or(removal, |job| RecipientRemoval::InUse(vec![job.id])));
        }
        Ok(removal)
    }

    async fn ask_notice_again(&self, owner: &Owner, id: NoticeId, audit: &[AuditRecord]) -> Stored<Notice> {
        self.catalog.ask_notice_again(owner, id, &self.entries(audit).await?).await
    }

    async fn redeliver(
        &self,
        owner: &Owner,
        execution: ExecutionId,
        to: &JobDestination,
        audit: &[AuditRecord],
    ) -> Stored<Delivery> {
        self.catalog.redeliver(owner, execution, to, &self.entries(audit).await?).await
    }

    async fn set_health(
        &self,
        target: &TargetId,
        before: &Health,
        after: &Health,
        audit: &[AuditRecord],
    ) -> Stored {
        self.catalog.set_health(target, before, after, &self.entries(audit).await?).await
    }

    async fn record(&self, entry: &AuditRecord) -> Stored {
        match self.bug {
            Planted::RecordTwice => match self.catalog.record(entry).await {
                Err(error) if error.kind() == CatalogErrorKind::Conflict => Ok(()),
                answer => answer,
            },
            _ => self.catalog.record(entry).await,
        }
    }

    async fn end_download(&self, id: AuditId, end: &DownloadEnd) -> Stored {
        let outcome = match (self.bug, end.outcome) {
            (Planted::BrokenOffCounts, _) => DownloadOutcome::Verified,
            (Planted::DownloadsUncounted, DownloadOutcome::Verified) => DownloadOutcome::BrokenOff,
            (_, outcome) => outcome,
        };
        match self.catalog.end_download(id, &DownloadEnd { outcome, ..*end }).await {
            Err(_) if self.has(Planted::EndsWhatIsNone) => Ok(()),
            answer => answer,
        }
    }

    async fn set_store(&self, expected: Option<StoreLink>, link: StoreLink, audit: &[AuditRecord]) -> Stored {
        let entries = self.entries(audit).await?;
        let present = self.catalog.store().await?;
        let expected = match self.bug {
            Planted::StoreIgnoresExpected => present,
            Planted::StoreComparesId if present.map(|one| one.id) == expected.map(|one| one.id) => present,
            _ => expected,
        };
        self.catalog.set_store(expected, link, &entries).await
    }
}
