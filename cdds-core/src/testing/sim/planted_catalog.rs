//! More planted bugs of the catalog.

use std::sync::PoisonError;

use chrono::{DateTime, TimeDelta, Utc};

use super::planted::{PlantedBug, Tampered};
use super::watch::Watch;
use crate::domain::access::audit::AuditRecord;
use crate::domain::calendar::zone::database::{Clocks, Database, DatabaseVersion};
use crate::domain::execution::{Beginning, Execution, ExecutionState, SkipReason};
use crate::domain::id::{ExecutionId, Owner};
use crate::domain::job::{Job, JobChange};
use crate::ports::catalog::query::{
    ArtifactQuery, Between, ExecutionOverview, ExecutionQuery, JobQuery, Page,
};
use crate::ports::catalog::{
    Beat, CatalogError, CatalogErrorKind, Claim, Claimed, Directive, DueJob, Fence, Nonce, Publication,
    Settlement, Standing, Writer, ZoneRecord,
};

/// Bugs of the catalog itself.
impl Tampered {
    pub(super) async fn renew_zones(
        &self,
        database: &Database,
        accepts_older: bool,
    ) -> Result<ZoneRecord, CatalogError> {
        let record = self.inner.renew_zones(database, accepts_older).await?;
        if self.has(PlantedBug::RenewalLosesSlot) && record.version != DatabaseVersion::bundled() {
            for owner in super::people::owners() {
                for one in self.inner.jobs(&owner, &JobQuery::default()).await?.items {
                    if one.job.settings.clock.zone().database() == Some(record.version) {
                        let behind = one.job.next_due_at.and_then(|due| one.job.settings.next_slot(due));
                        self.alter(&owner, one.job.id, |job| job.next_due_at = behind).await?;
                    }
                }
            }
        }
        Ok(record)
    }

    /// Returns the answer to a change, if a bug answers it before anything is done.
    pub(super) fn answers_at_once(&self, revision: u64) -> Option<Result<(), CatalogError>> {
        let now_and_then = revision.is_multiple_of(8);
        match self.bug {
            Some(PlantedBug::AckWithoutWrite) if now_and_then => Some(Ok(())),
            Some(PlantedBug::RefusesWithoutNeed) if now_and_then => {
                Some(Err(CatalogError::new(CatalogErrorKind::Conflict, "a planted bug")))
            }
            _ => None,
        }
    }

    /// Makes a wrong claim, if there is a bug that does.
    pub(super) async fn claims_wrongly(&self, claim: &Claim) -> Result<Option<Claimed>, CatalogError> {
        let now = self.inner.now().await?;
        match self.bug {
            Some(PlantedBug::EverythingCovered) => {
                let waits = self.waiting(now).await?;
                let incremental = |(_, one): &&(Job, Execution)| one.generation.is_some();
                let Some((job, waiting)) = waits.iter().find(incremental) else { return Ok(None) };
                let watermark = job.watermark.and_then(|watermark| watermark.at);
                let covered = waiting.clone().superseded(SkipReason::Covered { watermark }, now);
                let change = JobChange { superseded: vec![covered.clone()], ..JobChange::of(job.clone()) };
                self.inner.change_job(&change, job.revision, &[]).await?;
                Ok(Some(Claimed { covered: vec![covered], ..Claimed::default() }))
            }
            Some(PlantedBug::NewestFirst) if claim.limit > 0 => {
                let waits = self.waiting(now).await?;
                let newest = waits.iter().max_by_key(|(_, one)| one.place());
                // Alone of its owner, it would be the right one.
                let is_alone = |job: &Job| waits.iter().filter(|(of, _)| of.owner == job.owner).count() == 1;
                let Some((job, waiting)) = newest.filter(|(job, _)| !is_alone(job)) else { return Ok(None) };
                let begun = waiting.clone().begin(job, claim.worker.clone(), claim.nonce, now);
                let Beginning::Running(begun) = begun else { return Ok(None) };
                let change = JobChange { edited: vec![begun.clone()], ..JobChange::of(job.clone()) };
                self.inner.change_job(&change, job.revision, &[]).await?;
                Ok(Some(Claimed { executions: vec![begun], ..Claimed::default() }))
            }
            // One at a time, so that nothing but the turn can be wrong.
            Some(PlantedBug::NoTurns) if claim.limit == 1 && claim.source_limits.is_empty() => {
                let served = self.served.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let Some(served) = served else { return Ok(None) };
                let waits = self.waiting(now).await?;
                let may = |(job, one): &&(Job, Execution)| job.may_begin(one);
                let (theirs, others): (Vec<_>, Vec<_>) =
                    waits.iter().filter(may).partition(|(job, _)| job.owner == served);
                let earliest = theirs.into_iter().min_by_key(|(_, one)| one.place());
                let Some((job, waiting)) = earliest.filter(|_| !others.is_empty()) else { return Ok(None) };
                let begun = waiting.clone().begin(job, claim.worker.clone(), claim.nonce, now);
                let Beginning::Running(begun) = begun else { return Ok(None) };
                let change = JobChange { edited: vec![begun.clone()], ..JobChange::of(job.clone()) };
                self.inner.change_job(&change, job.revision, &[]).await?;
                Ok(Some(Claimed { executions: vec![begun], ..Claimed::default() }))
            }
            Some(PlantedBug::GivenTwice) => {
                let running = self.open(|one| one.state == ExecutionState::Running).await?;
                let other = |one: &(Job, Execution)| {
                    let own = one.1.attempts.last().is_some_and(|attempt| attempt.worker == claim.worker);
                    !own && one.1.id.0.as_u128().is_multiple_of(4)
                };
                let twice = running.into_iter().find(other).map(|(_, one)| one);
                let mut claimed = self.inner.claim(claim).await?;
                claimed.executions.extend(twice);
                Ok(Some(claimed))
            }
            Some(PlantedBug::KeyWithoutNonce) => {
                self.inner.claim(&claim.clone().with_nonce(Nonce(0))).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Returns the executions that could begin, of jobs that have begun none.
    async fn waiting(&self, now: DateTime<Utc>) -> Result<Vec<(Job, Execution)>, CatalogError> {
        let open = self.open(|_| true).await?;
        let busy = |job: &Job| open.iter().any(|(of, one)| of.id == job.id && one.is_begun());
        let ready = open.iter().filter(|(job, one)| one.is_waiting() && one.not_before <= now && !busy(job));
        Ok(ready.cloned().collect())
    }

    pub(super) async fn open(
        &self,
        wanted: impl Fn(&Execution) -> bool,
    ) -> Result<Vec<(Job, Execution)>, CatalogError> {
        let mut found = Vec::new();
        for owner in super::people::owners() {
            for overview in self.inner.jobs(&owner, &Default::default()).await?.items {
                let open =
                    self.inner.open_executions(&owner, overview.job.id, None, usize::MAX).await?.executions;
                let wanted = open.into_iter().filter(&wanted);
                found.extend(wanted.map(|one| (overview.job.clone(), one)));
            }
        }
        Ok(found)
    }

    /// Tells a worker to continue an execution that is running, even if another worker has it.
    pub(super) async fn go_on(
        &self,
        beats: &[Beat],
        directives: &mut [Directive],
    ) -> Result<(), CatalogError> {
        let running = self.open(|one| one.state == ExecutionState::Running).await?;
        for (beat, directive) in beats.iter().zip(directives) {
            let runs = running.iter().any(|(_, one)| one.id == beat.fence.id);
            if runs && *directive == Directive::Fenced {
                *directive = Directive::Continue;
            }
        }
        Ok(())
    }

    pub(super) async fn settle(
        &self,
        fence: Fence,
        settlement: &Settlement,
    ) -> Result<Execution, CatalogError> {
        let settled = self.inner.settle(fence, settlement).await?;
        if self.has(PlantedBug::WatermarkBack) && matches!(settlement, Settlement::Failed { .. }) {
            let back = |job: &mut Job| {
                if let Some(at) = job.watermark.as_mut().and_then(|watermark| watermark.at.as_mut()) {
                    *at -= TimeDelta::hours(1);
                }
            };
            self.alter(&settled.owner, settled.job_id, back).await?;
        }
        if self.has(PlantedBug::CancelRetried) && settled.state == ExecutionState::Cancelled {
            let again = Execution { state: ExecutionState::Queued, finished_at: None, ..settled.clone() };
            self.inner.change_execution(&settled, &again, &[]).await?;
            return Ok(again);
        }
        Ok(settled)
    }

    /// Publishes as if no cancellation had been requested, and leaves the request on the record.
    pub(super) async fn publish_stopped(
        &self,
        owner: &Owner,
        fence: Fence,
        publication: &Publication,
    ) -> Result<(), CatalogError> {
        let read = async || self.inner.execution(owner, fence.id, DateTime::UNIX_EPOCH).await;
        let Some(asked) = read().await?.map(|overview| overview.execution) else { return Ok(()) };
        let unasked = Execution { cancel_requested_at: None, ..asked.clone() };
        self.inner.change_execution(&asked, &unasked, &[]).await?;
        self.inner.publish(fence, publication).await?;
        let Some(published) = read().await?.map(|overview| overview.execution) else { return Ok(()) };
        let asked = Execution { cancel_requested_at: asked.cancel_requested_at, ..published.clone() };
        self.inner.change_execution(&published, &asked, &[]).await
    }

    pub(super) async fn change_execution(
        &self,
        before: &Execution,
        after: &Execution,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        if self.has(PlantedBug::AckWithoutWrite) {
            return Ok(());
        }
        self.inner.change_execution(before, after, self.stored_with(audit)).await
    }

    pub(super) async fn hold(
        &self,
        owner: &Owner,
        id: ExecutionId,
        hold: bool,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        if self.has(PlantedBug::AckWithoutWrite) {
            return Ok(());
        }
        self.inner.hold(owner, id, hold, self.stored_with(audit)).await
    }

    /// Returns the entries that are stored in the transaction of a change. With the planted bug they have one
    /// of their own, before which the process dies now and then.
    pub(super) fn stored_with<'a>(&self, audit: &'a [AuditRecord]) -> &'a [AuditRecord] {
        let dies = audit.iter().any(|entry| entry.id.0.as_u128().is_multiple_of(4));
        if self.has(PlantedBug::AuditOutside) && dies { &[] } else { audit }
    }

    pub(super) async fn insert_job(
        &self,
        job: &Job,
        first: Option<&Execution>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.inner.insert_job(job, first, self.stored_with(audit)).await
    }

    pub(super) async fn delete_execution(
        &self,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        self.inner.delete_execution(owner, id, now, self.stored_with(audit)).await
    }

    /// Returns the present by which the caller decides.
    pub(super) async fn now(&self) -> Result<DateTime<Utc>, CatalogError> {
        let now = self.inner.now().await?;
        Ok(if self.has(PlantedBug::SlotsByOwnClock) { now + self.skew } else { now })
    }

    pub(super) async fn due(
        &self,
        watch: &Watch,
        now: DateTime<Utc>,
        limit: usize,
        clocks: Clocks,
    ) -> Result<Vec<DueJob>, CatalogError> {
        // Only after faults have stopped: a whole world without scheduled work would take long to run.
        if self.has(PlantedBug::NothingDue) && !watch.shared.storms() {
            return Ok(Vec::new());
        }
        self.inner.due(now, limit, clocks).await
    }

    pub(super) async fn executions(
        &self,
        owner: &Owner,
        query: &ExecutionQuery,
        now: DateTime<Utc>,
    ) -> Result<Page<ExecutionOverview>, CatalogError> {
        let mut page = self.inner.executions(owner, query, now).await?;
        if self.has(PlantedBug::RerunIgnoresRivals) && query.slot != Between::default() {
            page.items.clear();
        }
        Ok(page)
    }

    pub(super) async fn expire(&self, now: DateTime<Utc>, limit: usize) -> Result<usize, CatalogError> {
        match self.bug {
            Some(PlantedBug::NeverExpires) => Ok(0),
            Some(PlantedBug::RetentionTooShort) => self.inner.expire(now + TimeDelta::days(1), limit).await,
            Some(PlantedBug::RetentionIgnoresHold) => {
                for owner in super::people::owners() {
                    let query = ArtifactQuery { hold: Some(true), ..ArtifactQuery::default() };
                    for held in self.inner.artifacts(&owner, &query).await?.items {
                        if held.artifact.expires_at <= now {
                            self.inner.hold(&owner, held.artifact.execution_id, false, &[]).await?;
                        }
                    }
                }
                self.inner.expire(now, limit).await
            }
            _ => self.inner.expire(now, limit).await,
        }
    }

    pub(super) async fn standing(&self, writer: Writer) -> Result<Standing, CatalogError> {
        if self.has(PlantedBug::SweepIgnoresStanding) {
            return Ok(Standing::Unwanted);
        }
        let standing = self.inner.standing(writer).await?;
        let deletes = match standing {
            Standing::Unknown => self.has(PlantedBug::DeletesUnknown),
            Standing::GivenUp { .. } => self.has(PlantedBug::DeletesGivenUp),
            _ => false,
        };
        Ok(if deletes { Standing::Unwanted } else { standing })
    }
}
