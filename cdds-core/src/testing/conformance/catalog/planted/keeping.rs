//! Bugs of keeping: sets, notices and rows that go too early, never, or twice.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::Planted;
use super::claiming::gives_way;
use crate::domain::access::audit::AuditRecord;
use crate::domain::execution::{Execution, Trigger};
use crate::domain::id::{ArtifactId, ExecutionId, JobId, NoticeId, Owner, WorkerId};
use crate::domain::job::{Job, JobChange};
use crate::domain::keeping::sweep::Swept;
use crate::domain::notice::expiring::SetPlace;
use crate::domain::notice::{Channel, Notice, NoticeKind};
use crate::domain::work::row::{WorkOutcome, WorkStatus};
use crate::ports::catalog::query::{NoticeQuery, Page};
use crate::ports::catalog::{
    ArtifactStore, Audience, Catalog, CatalogError, CatalogErrorKind, CatalogLayer, Fence, Forget,
    Housekeeping, JobStore, NoticeClaim, Outbox, Removal, Told, WorkQueue,
};
use crate::testing::MemoryCatalog;

/// A catalog that keeps or forgets wrongly.
#[derive(Debug)]
pub(super) struct Keeping {
    pub(super) bug: Planted,
    pub(super) catalog: Arc<MemoryCatalog>,
    pub(super) remembered: Mutex<Remembered>,
}

/// What a catalog with a bug remembers.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// The removals that it has listed, as text.
    listed: BTreeSet<String>,
    /// Who keeps house.
    keeper: Option<WorkerId>,
    /// The latest instant that it has told.
    latest: Option<DateTime<Utc>>,
}

type Stored<T = ()> = Result<T, CatalogError>;

fn is_told(notice: &Notice) -> bool {
    notice.work.status() == WorkStatus::Done
}

impl Keeping {
    fn has(&self, bug: Planted) -> bool {
        self.bug == bug
    }

    fn remembers<T>(&self, change: impl FnOnce(&mut Remembered) -> T) -> T {
        change(&mut self.remembered.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn notice(&self, id: NoticeId) -> Stored<Option<Notice>> {
        for job in self.catalog.all_jobs() {
            let query = NoticeQuery::default().with_id(id);
            if let Some(found) = self.catalog.notices(&job.owner, &query).await?.items.pop() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Returns the executions whose sets are on hold.
    async fn held(&self) -> Stored<Vec<Execution>> {
        let mut held = Vec::new();
        for one in MemoryCatalog::record(&self.catalog) {
            let set = self.catalog.artifact_set(&one.owner, one.id).await?;
            if set.is_some_and(|set| set.artifacts.iter().any(|file| file.hold)) {
                held.push(one);
            }
        }
        Ok(held)
    }

    /// Whether a worker holds a notice to a subscriber.
    async fn any_is_held(&self) -> Stored<bool> {
        let held = NoticeQuery::default().with_status(WorkStatus::Held);
        for job in self.catalog.all_jobs() {
            let page = self.catalog.notices(&job.owner, &held).await?;
            if page.items.iter().any(|notice| notice.channel == Channel::Webhook) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn fenced() -> CatalogError {
        CatalogError::new(CatalogErrorKind::Fenced, "a planted bug")
    }
}

#[async_trait]
impl CatalogLayer for Keeping {
    fn inner(&self) -> &dyn Catalog {
        &self.catalog
    }

    async fn insert_job(&self, job: &Job, first: Option<&Execution>, audit: &[AuditRecord]) -> Stored {
        let known = self.catalog.all_jobs().into_iter().find(|known| known.id == job.id);
        match known.filter(|_| self.has(Planted::InsertReplaces)) {
            Some(known) => self.catalog.change_job(&JobChange::of(job.clone()), known.revision, audit).await,
            None => self.catalog.insert_job(job, first, audit).await,
        }
    }

    async fn change_job(&self, change: &JobChange, expected: u64, audit: &[AuditRecord]) -> Stored {
        let mut change = change.clone();
        let known: BTreeSet<ExecutionId> =
            MemoryCatalog::record(&self.catalog).into_iter().map(|one| one.id).collect();
        let (twice, new): (Vec<_>, Vec<_>) =
            change.entries.into_iter().partition(|one| known.contains(&one.id));
        change.entries = new;
        for entry in twice {
            match (self.bug, entry.trigger) {
                (Planted::EntryTwice, Trigger::Manual) => {}
                (Planted::EntryReplaces, Trigger::Scheduled) => change.edited.push(entry),
                _ => change.entries.push(entry),
            }
        }
        self.catalog.change_job(&change, expected, audit).await
    }

    async fn now(&self) -> Stored<DateTime<Utc>> {
        let now = self.catalog.now().await?;
        Ok(match self.bug {
            Planted::ClockAhead => now + TimeDelta::seconds(1),
            Planted::ClockNeverBack => self.remembers(|remembered| {
                let latest = remembered.latest.map_or(now, |latest| latest.max(now));
                remembered.latest = Some(latest);
                latest
            }),
            _ => now,
        })
    }

    async fn expire(&self, now: DateTime<Utc>, limit: usize) -> Stored<usize> {
        let (now, limit) = match self.bug {
            Planted::ExpiresEarly => (now + TimeDelta::days(1), limit),
            Planted::ExpiresIgnoresLimit => (now, usize::MAX),
            Planted::NeverExpires => (now, 0),
            _ => (now, limit),
        };
        if self.has(Planted::ExpiresHeld) {
            for one in MemoryCatalog::record(&self.catalog) {
                if self.catalog.artifact_set(&one.owner, one.id).await?.is_some() {
                    self.catalog.hold(&one.owner, one.id, false, &[]).await?;
                }
            }
        }
        self.catalog.expire(now, limit).await
    }

    async fn hold(&self, owner: &Owner, execution: ExecutionId, hold: bool, audit: &[AuditRecord]) -> Stored {
        let hold = hold || self.has(Planted::ReleaseForgotten);
        self.catalog.hold(owner, execution, hold, audit).await
    }

    async fn delete_artifacts(
        &self,
        owner: &Owner,
        artifacts: &[ArtifactId],
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Stored {
        match self.bug {
            Planted::DeletesSome => {
                for id in artifacts {
                    self.catalog.delete_artifacts(owner, &[*id], now, &[]).await?;
                }
                self.catalog.delete_artifacts(owner, &[], now, audit).await
            }
            Planted::DeletesHeldFile => {
                for id in artifacts {
                    if let Some(found) = self.catalog.artifact(owner, *id).await? {
                        self.catalog.hold(owner, found.artifact.execution_id, false, &[]).await?;
                    }
                }
                self.catalog.delete_artifacts(owner, artifacts, now, audit).await
            }
            _ => self.catalog.delete_artifacts(owner, artifacts, now, audit).await,
        }
    }

    async fn removals(&self, limit: usize) -> Stored<Vec<Removal>> {
        let limit = if self.has(Planted::RemovalsIgnoreLimit) { usize::MAX } else { limit };
        let mut removals = self.catalog.removals(limit).await?;
        if self.has(Planted::RemovalsListedOnce) {
            self.remembers(|known| removals.retain(|one| known.listed.insert(format!("{one:?}"))));
        }
        Ok(removals)
    }

    async fn confirm_removed(&self, removal: &Removal, now: DateTime<Utc>) -> Stored {
        match (self.bug, removal) {
            (Planted::ConfirmsNothing, _) => Ok(()),
            (Planted::ConfirmsUnmarked, Removal::File { artifact, .. }) => {
                for job in self.catalog.all_jobs() {
                    if self.catalog.artifact(&job.owner, *artifact).await?.is_some() {
                        self.catalog.delete_artifacts(&job.owner, &[*artifact], now, &[]).await?;
                    }
                }
                self.catalog.confirm_removed(removal, now).await
            }
            _ => self.catalog.confirm_removed(removal, now).await,
        }
    }

    async fn claim_notices(&self, claim: &NoticeClaim) -> Stored<Vec<Notice>> {
        let mut claim = claim.clone();
        match self.bug {
            Planted::NoticesForgetTurns => self.catalog.forget_turns(),
            Planted::NoticesIgnoreLimit => claim.limit += 1,
            Planted::NoticesIgnoreSubscriber => claim.per_subscriber = None,
            Planted::NoticesIgnoreChannel => claim.channel = Channel::Host,
            Planted::NoticesToAnybody => claim.audience = Audience::All,
            Planted::NoticesHeldUp if self.any_is_held().await? => return Ok(Vec::new()),
            Planted::NoticesTakeLive => claim.lease = Duration::ZERO,
            Planted::NoticesNeverTakeOver => claim.lease *= 10_000,
            _ => {}
        }
        self.catalog.claim_notices(&claim).await
    }

    async fn settle_notice(&self, fence: Fence<NoticeId>, outcome: &WorkOutcome) -> Stored<Notice> {
        let (mut fence, mut outcome) = (fence, outcome.clone());
        let known = self.notice(fence.id).await?;
        match (self.bug, known, &mut outcome) {
            (Planted::NoticeIgnoresEpoch, Some(known), _) => fence = known.work.fence(),
            (Planted::NoticeGivenUpAtOnce, _, WorkOutcome::Failed { failure, .. }) => {
                failure.retryable = false;
            }
            (Planted::NoticeDoneOnce, Some(known), _) if known.work.status() == WorkStatus::Done => {
                return Err(Self::fenced());
            }
            _ => {}
        }
        self.catalog.settle_notice(fence, &outcome).await
    }

    async fn ask_notice_again(&self, owner: &Owner, id: NoticeId, audit: &[AuditRecord]) -> Stored<Notice> {
        let known = self.notice(id).await?;
        let mut again = match (self.catalog.ask_notice_again(owner, id, audit).await, known) {
            (Err(_), Some(known)) if self.has(Planted::AsksOpenAgain) => known,
            (Err(_), Some(known)) if self.has(Planted::AsksDeletedAgain) && is_told(&known) => known,
            (_, Some(known)) if self.has(Planted::AsksTellsOnce) && is_told(&known) => {
                return Err(CatalogError::new(CatalogErrorKind::Conflict, "a planted bug"));
            }
            (answer, _) => answer?,
        };
        if self.has(Planted::AskedKeepsAttempts) {
            again.work.attempts.count += 1;
        }
        Ok(again)
    }

    async fn notices(&self, owner: &Owner, query: &NoticeQuery) -> Stored<Page<Notice>> {
        let mut page = self.catalog.notices(owner, query).await?;
        if self.has(Planted::FailuresUntold) {
            page.items.retain(|one| one.kind != NoticeKind::Failed);
        }
        Ok(page)
    }

    async fn tell_of_expiring(&self, behind: Option<SetPlace>, limit: usize) -> Stored<Told<SetPlace>> {
        let held: Vec<_> = match self.bug {
            Planted::ExpiryUntold => return Ok(Told { stored: 0, next: None }),
            Planted::ExpiringIgnoresLimit => return self.catalog.tell_of_expiring(behind, usize::MAX).await,
            Planted::ExpiringFromTheStart => return self.catalog.tell_of_expiring(None, limit).await,
            Planted::HeldSaidToExpire => self.held().await?,
            _ => Vec::new(),
        };
        for one in &held {
            self.catalog.hold(&one.owner, one.id, false, &[]).await?;
        }
        let told = self.catalog.tell_of_expiring(behind, limit).await;
        for one in &held {
            self.catalog.hold(&one.owner, one.id, true, &[]).await?;
        }
        told
    }

    async fn tell_of_certificates(&self, behind: Option<JobId>, limit: usize) -> Stored<Told<JobId>> {
        let (behind, limit) = match self.bug {
            Planted::CertificatesUntold => return Ok(Told { stored: 0, next: None }),
            Planted::CertificatesIgnoreLimit => (behind, usize::MAX),
            Planted::CertificatesFromTheStart => (None, limit),
            _ => (behind, limit),
        };
        let told = self.catalog.tell_of_certificates(behind, limit).await?;
        let again = usize::from(self.has(Planted::CertificatesToldAgain));
        Ok(Told { stored: told.stored + again, ..told })
    }

    async fn keep_house(&self, worker: &WorkerId, lease: Duration) -> Stored<bool> {
        let keeper = self.remembers(|remembered| remembered.keeper.clone());
        match (self.bug, keeper) {
            (Planted::HouseKeptByAll, Some(keeper)) => self.catalog.leave_house(&keeper).await?,
            (Planted::HouseRace, _) => {
                let before = self.catalog.back_up();
                gives_way().await;
                self.catalog.restore(&before);
            }
            _ => {}
        }
        let lease = if self.has(Planted::HouseNeverTakenOver) { lease * 10_000 } else { lease };
        let keeps = self.catalog.keep_house(worker, lease).await?;
        if keeps {
            self.remembers(|remembered| remembered.keeper = Some(worker.clone()));
        }
        Ok(keeps)
    }

    async fn leave_house(&self, worker: &WorkerId) -> Stored {
        match self.remembers(|remembered| remembered.keeper.clone()) {
            Some(keeper) if self.has(Planted::HouseLeftByAnyone) => self.catalog.leave_house(&keeper).await,
            _ => self.catalog.leave_house(worker).await,
        }
    }

    async fn forget(&self, page: &Forget) -> Stored<Swept> {
        let mut page = page.clone();
        let now = self.catalog.now().await?;
        match self.bug {
            Planted::ForgetsYoung => page.cutoffs.ended = now,
            Planted::ForgetsUnconfirmed => page.cutoffs.gone = now,
            Planted::ForgetsNothing => return Ok(Swept::default()),
            Planted::ForgetsAtOnce => page.limit = usize::MAX,
            Planted::ForgetsFromTheStart => page.behind = None,
            _ => {}
        }
        self.catalog.forget(&page).await
    }
}
