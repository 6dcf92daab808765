//! Bugs planted in front of the ports. A simulation that does not find them would not find others either.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::time::CatalogClock;
use crate::domain::access::audit::AuditRecord;
use crate::domain::execution::completeness::Frozen;
use crate::domain::execution::watermark::Watermark;
use crate::domain::execution::{Beginning, Execution, ExecutionState, Status, Trigger};
use crate::domain::id::{JobId, Owner, WorkerId};
use crate::domain::job::{Job, JobChange, JobState};
use crate::ports::catalog::query::ExecutionQuery;
use crate::ports::catalog::{
    Beat, Catalog, CatalogError, CatalogErrorKind, Claim, Claimed, Directive, Fence, Publication,
};

/// A mistake that an implementation could make. It is placed in front of a port that does not make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlantedBug {
    /// The catalog lets a worker commit after it has lost its claim.
    NoFence,
    /// The catalog tells the worker of a lost claim to go on.
    LeaseRenewedAfterExpiry,
    /// The catalog takes work from workers whose lease has only half run out.
    LeaseStolen,
    /// The catalog never takes back some of the work of dead workers.
    NoTakeOver,
    /// The catalog takes a refused commit for one that was made before, regardless of who made it.
    BlindCommitRetry,
    /// The catalog moves the watermark only after the commit, so that a crash in between loses the move.
    WatermarkOutsideTransaction,
    /// The catalog moves the watermark when a backfill succeeds.
    BackfillMovesWatermark,
    /// The catalog does not record skipped occurrences.
    SkipNotRecorded,
    /// The catalog continues with the first missed occurrence when a job is resumed.
    ResumeRunsMissed,
    /// The catalog forgets that a one-time job has started.
    OneTimeTwice,
    /// The catalog assigns an execution while another one of its job runs.
    OverlapAllowed,
    /// The catalog lets sets on hold expire.
    RetentionIgnoresHold,
    /// The catalog lets sets expire a day early.
    RetentionTooShort,
    /// The catalog stores notices only after the commit, so that a crash in between loses them.
    NoticeOutsideTransaction,
    /// The catalog lets a worker settle a notice after it has lost its claim.
    NoticeWithoutFence,
    /// The catalog gives no notices while one waits for its next attempt.
    NoticeBlocksOthers,
    /// The catalog tells nobody of sets that expire.
    ExpiryUntold,
    /// The catalog tells of sets on hold that they expire.
    HeldSaidToExpire,
    /// The catalog reports every file as unwanted.
    SweepIgnoresStanding,
    /// The catalog forgets old executions whose files are in the store.
    ForgetsTooMuch,
    /// The catalog forgets nothing.
    ForgetsNothing,
    /// The catalog lets every engine keep house.
    HouseKeptTwice,
    /// The catalog reports files that it does not know as unwanted.
    DeletesUnknown,
    /// The catalog reports as unwanted what a claim without an end may have published in a lost time.
    DeletesGivenUp,
    /// The catalog gives all claims the same nonce, as if their keys had none.
    KeyWithoutNonce,
    /// The store keeps the files of all epochs of an execution under the same keys.
    SharedKey,
    /// The store forgets unfinished uploads instead of listing them.
    UnfinishedNotListed,
    /// The store reports a file as deleted, but keeps it.
    DeleteForgotten,
    /// The source declares that no record is late.
    NoSettleLag,
    /// The source counts the end of a window as inside it.
    ClosedWindow,
    /// The catalog skips incremental work as covered although it is not.
    EverythingCovered,
    /// The schedule treats everything that is due as older than the catch-up limit.
    EverythingTooOld,
    /// An engine gives up its commits although nothing is wrong.
    FailsWhenCalm,
    /// The catalog acknowledges changes without writing them.
    AckWithoutWrite,
    /// The catalog refuses changes that no other change has given_up.
    RefusesWithoutNeed,
    /// The catalog assigns an execution that another worker has.
    GivenTwice,
    /// The catalog assigns the newest work first.
    NewestFirst,
    /// The catalog assigns only one execution, however many were requested.
    OneAtATime,
    /// The catalog does not pass cancellations on to workers.
    CancelIgnored,
    /// The engine continues an execution that it was asked to cancel.
    CancelUnheeded,
    /// The catalog queues a cancelled execution again.
    CancelRetried,
    /// The catalog publishes an execution whose cancellation it has accepted.
    CancelOvertaken,
    /// The schedule plans windows a minute too late.
    ShiftedWindow,
    /// The catalog moves the watermark back when an attempt fails.
    WatermarkBack,
    /// A rerun does not notice that its occurrence has run since.
    RerunIgnoresRivals,
    /// The source occasionally returns records in another order.
    UnstableOrder,
    /// The catalog never finds an expired set.
    NeverExpires,
    /// An engine deletes its files when the outcome of its commit is unknown.
    DiscardOnUnknownCommit,
    /// The store finishes an upload twice.
    UploadRepeated,
    /// The store alters the bytes of published files.
    BytesRot,
    /// The source makes records visible later than it declares.
    LateRows,
    /// The source occasionally omits the last record.
    RowLost,
    /// The source occasionally returns the last record twice.
    RowTwice,
    /// The catalog finds no due jobs.
    NothingDue,
    /// The catalog stores a change of a job over changes that others have made meanwhile.
    RevisionIgnored,
    /// The source panics if a window holds no record.
    EmptyWindowPanics,
    /// The source waits for a record if a window holds none.
    EmptyWindowWaits,
    /// A panic of a port ends the engine that called it.
    PanicEndsEngine,
    /// An engine waits for ever for a source that hangs.
    StallUnnoticed,
    /// The store completes an upload that was aborted.
    AbortedUploadLands,
    /// An engine sends no beats while a round works on the record.
    RoundHoldsBeats,
    /// The source carries on when data changes during a read, and omits the changed records.
    ChangeUnnoticed,
    /// The schedule says that the next occurrence covers the missed ones, but the window of that one does not
    /// reach back.
    CoveredInWordsOnly,
    /// A change of a job counts as settled once it has reached the first page of what waits.
    RestForgotten,
    /// The source selects records by event although the request is by change.
    ChangesPassedOver,
    /// The source returns the first version of records that were changed since.
    OldVersions,
    /// The source returns records of categories that were not selected.
    DeselectedCategory,
    /// The source returns a record of the day before the window.
    DayBefore,
    /// The catalog serves the same owner again while another waits.
    NoTurns,
    /// The catalog begins executions of a source without counting those that run.
    SourceLimitIgnored,
    /// Engines and services decide by their own clocks what is due and what has expired.
    SlotsByOwnClock,
    /// The catalog judges leases by the clock of the worker that claims.
    LeasesByOwnClock,
    /// The catalog stores the audit of a change after the change, so that a crash in between loses it.
    AuditOutside,
    /// A service lets a viewer delete.
    ViewerDeletes,
    /// The catalog lets a worker begin to read after it has lost its claim.
    BeginWithoutFence,
    /// The engine does not heed how far the source is complete.
    CompletenessIgnored,
    /// The source returns the records of all owners.
    OwnerLeak,
    /// The registry shows every owner a source that only some may see.
    InvisibleShown,
    /// The records of the second data type are not written.
    SecondReadForgotten,
    /// The catalog acknowledges signs of life without writing them.
    SignOfLifeLost,
    /// The catalog takes dead workers for ones that work.
    DeadShownAlive,
    /// The catalog acknowledges that a worker is to drain without writing it.
    DrainNotStored,
    /// The engine does not look whether it is to drain.
    DrainUnheard,
    /// The schedule loses the occurrence whose time the clock leaves out.
    GapLoses,
    /// The schedule has an occurrence at each of the two times that the clock shows.
    FoldDoubles,
    /// The schedule goes on by 24 hours, so that it drifts when the clock is put forward or back.
    DriftsWithClock,
    /// The windows of a job with a zone are the days of UTC.
    DaysOfUtc,
    /// A newer database of time zones passes over the next occurrence of a job that it computes anew.
    RenewalLosesSlot,
    /// A worker with an older database computes the jobs of a newer one.
    OlderComputes,
    /// The store acknowledges the entry of the ledger before it is there, and the request ends.
    EndBeforeLedger,
    /// The catalog lets an erasure begin before the copy that is asked for as well was published.
    ErasureBeforeCopy,
    /// The catalog has no note of filters that are lost, as if the set named nobody.
    LostFilterHoldsNothing,
    /// Filters see records after fields were left out.
    FilterAfterTemplate,
    /// The count of what is to be erased is not stored before.
    CountAfterErasure,
    /// The catalog takes the answer of a worker that has lost its claim.
    AnswerWithoutFence,
    /// The catalog keeps the identifiers of a request that has ended.
    IdentifiersKept,
    /// Whoever applies erasures again does not find what was hashed by an earlier key.
    ReapplyForgetsKey,
    /// The source erases the records of all owners.
    ErasesOtherOwners,
    /// The catalog stores a request that repeats an open one.
    RepeatTaken,
    /// The source leaves a record out when it reads what is about a person.
    CopyIncomplete,
    /// The catalog tells those who have a set of the same request again.
    RecallAgain,
    /// The catalog acknowledges that a set is recalled, and tells nobody.
    RecallUnheard,
}

impl PlantedBug {
    /// Every planted bug.
    pub const ALL: [Self; 102] = [
        Self::NoFence,
        Self::LeaseRenewedAfterExpiry,
        Self::LeaseStolen,
        Self::NoTakeOver,
        Self::BlindCommitRetry,
        Self::WatermarkOutsideTransaction,
        Self::BackfillMovesWatermark,
        Self::SkipNotRecorded,
        Self::ResumeRunsMissed,
        Self::OneTimeTwice,
        Self::OverlapAllowed,
        Self::RetentionIgnoresHold,
        Self::RetentionTooShort,
        Self::NoticeOutsideTransaction,
        Self::NoticeWithoutFence,
        Self::NoticeBlocksOthers,
        Self::ExpiryUntold,
        Self::HeldSaidToExpire,
        Self::SweepIgnoresStanding,
        Self::ForgetsTooMuch,
        Self::ForgetsNothing,
        Self::HouseKeptTwice,
        Self::DeletesUnknown,
        Self::DeletesGivenUp,
        Self::KeyWithoutNonce,
        Self::SharedKey,
        Self::UnfinishedNotListed,
        Self::DeleteForgotten,
        Self::NoSettleLag,
        Self::ClosedWindow,
        Self::EverythingCovered,
        Self::EverythingTooOld,
        Self::FailsWhenCalm,
        Self::AckWithoutWrite,
        Self::RefusesWithoutNeed,
        Self::GivenTwice,
        Self::NewestFirst,
        Self::OneAtATime,
        Self::CancelIgnored,
        Self::CancelUnheeded,
        Self::CancelRetried,
        Self::CancelOvertaken,
        Self::ShiftedWindow,
        Self::WatermarkBack,
        Self::RerunIgnoresRivals,
        Self::UnstableOrder,
        Self::NeverExpires,
        Self::DiscardOnUnknownCommit,
        Self::UploadRepeated,
        Self::BytesRot,
        Self::LateRows,
        Self::RowLost,
        Self::RowTwice,
        Self::NothingDue,
        Self::RevisionIgnored,
        Self::EmptyWindowPanics,
        Self::EmptyWindowWaits,
        Self::PanicEndsEngine,
        Self::StallUnnoticed,
        Self::AbortedUploadLands,
        Self::RoundHoldsBeats,
        Self::ChangeUnnoticed,
        Self::CoveredInWordsOnly,
        Self::RestForgotten,
        Self::ChangesPassedOver,
        Self::OldVersions,
        Self::DeselectedCategory,
        Self::DayBefore,
        Self::NoTurns,
        Self::SourceLimitIgnored,
        Self::SlotsByOwnClock,
        Self::LeasesByOwnClock,
        Self::AuditOutside,
        Self::ViewerDeletes,
        Self::BeginWithoutFence,
        Self::CompletenessIgnored,
        Self::OwnerLeak,
        Self::InvisibleShown,
        Self::SecondReadForgotten,
        Self::SignOfLifeLost,
        Self::DeadShownAlive,
        Self::DrainNotStored,
        Self::DrainUnheard,
        Self::GapLoses,
        Self::FoldDoubles,
        Self::DriftsWithClock,
        Self::DaysOfUtc,
        Self::RenewalLosesSlot,
        Self::OlderComputes,
        Self::EndBeforeLedger,
        Self::ErasureBeforeCopy,
        Self::LostFilterHoldsNothing,
        Self::FilterAfterTemplate,
        Self::CountAfterErasure,
        Self::AnswerWithoutFence,
        Self::IdentifiersKept,
        Self::ReapplyForgetsKey,
        Self::ErasesOtherOwners,
        Self::RepeatTaken,
        Self::CopyIncomplete,
        Self::RecallAgain,
        Self::RecallUnheard,
    ];

    /// Whether worlds [that ask](super::World::asking) find it, and no others.
    pub const fn is_of_requests(self) -> bool {
        self as u8 >= Self::EndBeforeLedger as u8
    }

    /// Looks up a bug by its name, as [`Debug`] prints it.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| format!("{bug:?}") == name)
    }
}

/// A catalog with a planted bug in front of it.
#[derive(Debug, Clone)]
pub(super) struct Tampered {
    pub(super) inner: Arc<dyn Catalog>,
    /// The clock of that catalog.
    pub(super) clock: Arc<CatalogClock>,
    /// The deviation of the caller's own clock.
    pub(super) skew: TimeDelta,
    pub(super) bug: Option<PlantedBug>,
    /// The owner who was served last, over all engines.
    pub(super) served: Arc<Mutex<Option<Owner>>>,
}

impl Tampered {
    pub(super) fn has(&self, bug: PlantedBug) -> bool {
        self.bug == Some(bug)
    }

    pub(super) async fn change_job(
        &self,
        change: &JobChange,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        if let Some(answer) = self.answers_at_once(change.job.revision) {
            return answer;
        }
        if self.has(PlantedBug::RevisionIgnored)
            && let Some(stored) = self.inner.job(&change.job.owner, change.job.id).await?
        {
            return self.inner.change_job(change, stored.job.revision, audit).await;
        }
        self.inner.change_job(change, expected, self.stored_with(audit)).await
    }

    pub(super) async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError> {
        let mut claim = claim.clone();
        match self.bug {
            // As if leases were half as long.
            Some(PlantedBug::LeaseStolen) => {
                self.take_over(&claim, TimeDelta::from_std(claim.lease).unwrap_or_default() / 2).await?;
            }
            Some(PlantedBug::LeasesByOwnClock) => self.take_over(&claim, self.skew).await?,
            _ => {}
        }
        if self.has(PlantedBug::OneAtATime) {
            claim.limit = claim.limit.min(1);
        }
        if self.has(PlantedBug::SourceLimitIgnored) {
            claim.source_limits.clear();
        }
        if let Some(claimed) = self.claims_wrongly(&claim).await? {
            return Ok(claimed);
        }
        let mut claimed = self.inner.claim(&claim).await?;
        if let Some(last) = claimed.executions.last() {
            *self.served.lock().unwrap_or_else(PoisonError::into_inner) = Some(last.owner.clone());
        }
        if self.has(PlantedBug::OverlapAllowed) {
            claimed.executions.extend(self.overlapping(&claim).await?);
        }
        if self.has(PlantedBug::OneTimeTwice) {
            for begun in claimed.executions.iter().filter(|one| one.settings.frequency.is_once()) {
                self.alter(&begun.owner, begun.job_id, |job| job.state = JobState::Suspended).await?;
            }
        }
        Ok(claimed)
    }

    /// Takes over work by a clock that differs from the catalog's.
    async fn take_over(&self, claim: &Claim, by: TimeDelta) -> Result<(), CatalogError> {
        let nothing_new = claim.clone().with_limit(0);
        self.clock.moved(by, self.inner.claim(&nothing_new)).await.map(|_| ())
    }

    /// Begins an execution that waits behind a running one of its job.
    async fn overlapping(&self, claim: &Claim) -> Result<Option<Execution>, CatalogError> {
        let now = self.inner.now().await?;
        for owner in super::people::owners() {
            let running = ExecutionQuery { status: Some(Status::InProgress), ..ExecutionQuery::default() };
            for busy in self.inner.executions(&owner, &running, now).await?.items {
                let Some(overview) = self.inner.job(&owner, busy.execution.job_id).await? else { continue };
                let job = overview.job;
                let open = self.inner.open_executions(&owner, job.id, None, usize::MAX).await?.executions;
                let Some(waiting) = open.into_iter().find(Execution::is_waiting) else { continue };
                if let Beginning::Running(begun) = waiting.begin(&job, claim.worker.clone(), claim.nonce, now)
                {
                    let revision = job.revision;
                    let change = JobChange { edited: vec![begun.clone()], ..JobChange::of(job) };
                    self.inner.change_job(&change, revision, &[]).await?;
                    return Ok(Some(begun));
                }
            }
        }
        Ok(None)
    }

    pub(super) async fn begin(
        &self,
        fence: Fence,
        complete_until: Option<DateTime<Utc>>,
    ) -> Result<Frozen, CatalogError> {
        let result = self.inner.begin(fence, complete_until).await;
        match &result {
            Err(error)
                if self.has(PlantedBug::BeginWithoutFence) && error.kind() == CatalogErrorKind::Fenced =>
            {
                let lost = self.open(|one| one.id == fence.id).await?.pop();
                Ok(lost.map(|(_, execution)| Frozen::Running(execution)).map_or(result, Ok)?)
            }
            _ => result,
        }
    }

    pub(super) async fn beat(
        &self,
        worker: &WorkerId,
        lease: Duration,
        beats: &[Beat],
    ) -> Result<Vec<Directive>, CatalogError> {
        let endless = self.has(PlantedBug::NoTakeOver) && beats.iter().any(|beat| dies_here(beat.fence));
        let lease = if endless { lease * 1_000_000 } else { lease };
        let mut directives = self.inner.beat(worker, lease, beats).await?;
        if self.has(PlantedBug::LeaseRenewedAfterExpiry) {
            self.go_on(beats, &mut directives).await?;
        }
        if self.has(PlantedBug::CancelIgnored) {
            let told = directives.iter_mut().filter(|told| **told == Directive::Cancel);
            told.for_each(|told| *told = Directive::Continue);
        }
        Ok(directives)
    }

    pub(super) async fn publish(&self, fence: Fence, publication: &Publication) -> Result<(), CatalogError> {
        if self.has(PlantedBug::AckWithoutWrite) && dies_here(fence) {
            return Ok(());
        }
        let file = publication.set.artifacts.first();
        let Some((owner, job)) = file.map(|file| (file.owner.clone(), file.job_id)) else {
            return self.inner.publish(fence, publication).await;
        };
        let before = self.inner.job(&owner, job).await?.map(|overview| overview.job);
        let result = self.inner.publish(fence, publication).await;
        match (&result, self.bug) {
            (Err(error), Some(PlantedBug::CancelOvertaken))
                if error.kind() == CatalogErrorKind::Cancelled =>
            {
                self.publish_stopped(&owner, fence, publication).await
            }
            (Err(error), Some(bug)) if error.kind() == CatalogErrorKind::Fenced => {
                let found = self.inner.execution(&owner, fence.id, DateTime::UNIX_EPOCH).await?;
                let Some(execution) = found.map(|overview| overview.execution) else { return result };
                match bug {
                    PlantedBug::NoFence if execution.state == ExecutionState::Running => {
                        let current = Fence { epoch: execution.epoch, ..fence };
                        self.inner.publish(current, publication).await
                    }
                    PlantedBug::NoFence if execution.epoch != fence.epoch => Ok(()),
                    PlantedBug::BlindCommitRetry if execution.state == ExecutionState::Succeeded => Ok(()),
                    _ => result,
                }
            }
            (Ok(()), Some(PlantedBug::WatermarkOutsideTransaction)) => {
                let watermark = before.and_then(|job| job.watermark);
                if dies_here(fence) {
                    self.alter(&owner, job, |job| job.watermark = watermark).await?;
                }
                result
            }
            (Ok(()), Some(PlantedBug::NoticeOutsideTransaction)) if dies_here(fence) => {
                self.lose_notices().await
            }
            (Ok(()), Some(PlantedBug::BackfillMovesWatermark)) => {
                let found = self.inner.execution(&owner, fence.id, DateTime::UNIX_EPOCH).await?;
                let backfilled = found.map(|overview| overview.execution);
                if let Some(execution) = backfilled.filter(|one| one.trigger == Trigger::Backfill) {
                    let end = Some(execution.window.end());
                    let moved = |job: &mut Job| {
                        job.watermark = job.watermark.map(|watermark| Watermark { at: end, ..watermark });
                    };
                    self.alter(&owner, job, moved).await?;
                }
                result
            }
            _ => result,
        }
    }

    /// Changes a job without the model noticing.
    pub(super) async fn alter(
        &self,
        owner: &Owner,
        id: JobId,
        with: impl FnOnce(&mut Job),
    ) -> Result<(), CatalogError> {
        let Some(overview) = self.inner.job(owner, id).await? else { return Ok(()) };
        let (mut job, revision) = (overview.job.clone(), overview.job.revision);
        with(&mut job);
        self.inner.change_job(&JobChange::of(job), revision, &[]).await
    }
}

/// Whether the process is taken to die between a commit and the step that should follow. True for one
/// execution in four.
pub(super) fn dies_here(fence: Fence) -> bool {
    fence.id.0.as_u128().is_multiple_of(4)
}
