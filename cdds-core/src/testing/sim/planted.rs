//! Bugs to be found: a simulation that finds none of them would find no others.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::execution::watermark::Watermark;
use crate::domain::execution::{Beginning, Execution, ExecutionState, Status, Trigger};
use crate::domain::id::{JobId, Owner, WorkerId};
use crate::domain::job::{Job, JobChange, JobState};
use crate::ports::catalog::query::ExecutionQuery;
use crate::ports::catalog::{
    Beat, Catalog, CatalogError, CatalogErrorKind, Claim, Claimed, Directive, Fence, Publication,
};

/// A mistake that an implementation could make, put in front of a port that does not make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlantedBug {
    /// The catalog lets a worker commit that has lost its claim.
    NoFence,
    /// The catalog tells the worker of a lost claim to go on.
    LeaseRenewedAfterExpiry,
    /// The catalog takes work from workers whose lease has half run out.
    LeaseStolen,
    /// The catalog never takes some work from a dead worker.
    NoTakeOver,
    /// The catalog takes a commit that is refused for one that was made before, by whomever.
    BlindCommitRetry,
    /// The catalog moves the watermark after the commit, which may not come to it.
    WatermarkOutsideTransaction,
    /// The catalog moves the watermark when a backfill succeeds.
    BackfillMovesWatermark,
    /// The catalog keeps no occurrences that are not run.
    SkipNotRecorded,
    /// The catalog goes on with the first missed occurrence when a job is resumed.
    ResumeRunsMissed,
    /// The catalog forgets that a one-time job has started.
    OneTimeTwice,
    /// The catalog gives out work of a job of which something runs.
    OverlapAllowed,
    /// The catalog lets sets expire that are on hold.
    RetentionIgnoresHold,
    /// The catalog lets sets expire a day early.
    RetentionTooShort,
    /// The catalog stores notices after the commit, which may not come to it.
    NoticeOutsideTransaction,
    /// The catalog says of every file that nobody wants it.
    SweepIgnoresStanding,
    /// The store keeps the files of all epochs of an execution under the same keys.
    SharedKey,
    /// The store forgets unfinished uploads instead of listing them.
    UnfinishedNotListed,
    /// The store says that a file is deleted and keeps it.
    DeleteForgotten,
    /// The source declares that no record is late.
    NoSettleLag,
    /// The source takes the end of a window for inside.
    ClosedWindow,
    /// The catalog skips incremental work as covered that is not.
    EverythingCovered,
    /// The schedule takes what is due for older than the catch-up limit.
    EverythingTooOld,
    /// An engine gives up its commits although nothing is wrong.
    FailsWhenCalm,
    /// The catalog acknowledges what it does not write.
    AckWithoutWrite,
    /// The catalog refuses changes that nobody has overtaken.
    RefusesWithoutNeed,
    /// The catalog gives work to a worker that another one has.
    GivenTwice,
    /// The catalog gives the newest work first.
    NewestFirst,
    /// The catalog gives one execution, whatever was asked for.
    OneAtATime,
    /// The catalog tells no worker that it is to stop.
    CancelIgnored,
    /// The engine goes on with what it was told to stop.
    CancelUnheeded,
    /// The catalog queues again what was to stop.
    CancelRetried,
    /// The catalog publishes what somebody was told to be stopped.
    CancelOvertaken,
    /// The schedule takes a window a minute too late.
    ShiftedWindow,
    /// The catalog takes the watermark back when an attempt fails.
    WatermarkBack,
    /// A rerun does not see that its occurrence was run since.
    RerunIgnoresRivals,
    /// The source gives records in another order now and then.
    UnstableOrder,
    /// The catalog finds nothing that has expired.
    NeverExpires,
    /// An engine removes what it stored when it does not know whether it has committed.
    DiscardOnUnknownCommit,
    /// The store finishes an upload twice.
    UploadRepeated,
    /// The store changes bytes of files that can be had.
    BytesRot,
    /// The source shows records later than it declares.
    LateRows,
    /// The source leaves the last record out now and then.
    RowLost,
    /// The source gives the last record twice now and then.
    RowTwice,
    /// The catalog finds no job that is due.
    NothingDue,
    /// The catalog stores a change of a job over whatever others have stored meanwhile.
    RevisionIgnored,
    /// The source panics where a window holds no record.
    EmptyWindowPanics,
    /// The source waits for a record where a window holds none.
    EmptyWindowWaits,
    /// A panic of a port ends the engine that called it.
    PanicEndsEngine,
    /// An engine waits for ever for a source that hangs.
    StallUnnoticed,
    /// The store goes on with an upload that was aborted.
    AbortedUploadLands,
    /// An engine makes no beats while a round works on the record.
    RoundHoldsBeats,
    /// The source goes on where data has changed while it read, without what is not there any more.
    ChangeUnnoticed,
    /// The schedule says of what was missed that the next occurrence covers it, whose window does not reach back.
    CoveredInWordsOnly,
    /// A change of a job counts as settled when the first of what waits is.
    RestForgotten,
    /// The source takes records by their event where their change is asked for.
    ChangesPassedOver,
    /// The source gives the first version of records that were changed since.
    OldVersions,
    /// The source hands over records of categories that nobody selected.
    DeselectedCategory,
    /// The source hands over a record of the day before the window.
    DayBefore,
}

impl PlantedBug {
    /// Every planted bug.
    pub const ALL: [Self; 58] = [
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
        Self::SweepIgnoresStanding,
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
    ];

    /// The bug with this name, as [`Debug`] prints it.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| format!("{bug:?}") == name)
    }
}

/// A catalog, and the bug in front of it.
#[derive(Debug, Clone)]
pub(super) struct Tampered {
    pub(super) inner: Arc<dyn Catalog>,
    pub(super) bug: Option<PlantedBug>,
}

impl Tampered {
    pub(super) fn has(&self, bug: PlantedBug) -> bool {
        self.bug == Some(bug)
    }

    pub(super) async fn change_job(&self, change: &JobChange, expected: u64) -> Result<(), CatalogError> {
        if let Some(answer) = self.answers_at_once(change.job.revision) {
            return answer;
        }
        if self.has(PlantedBug::RevisionIgnored)
            && let Some(stored) = self.inner.job(&change.job.owner, change.job.id).await?
        {
            return self.inner.change_job(change, stored.job.revision).await;
        }
        self.inner.change_job(change, expected).await
    }

    pub(super) async fn claim(&self, claim: &Claim) -> Result<Claimed, CatalogError> {
        let mut claim = claim.clone();
        if self.has(PlantedBug::LeaseStolen) {
            self.steal(&claim).await?;
        }
        if self.has(PlantedBug::OneAtATime) {
            claim.limit = claim.limit.min(1);
        }
        if let Some(claimed) = self.claims_wrongly(&claim).await? {
            return Ok(claimed);
        }
        let mut claimed = self.inner.claim(&claim).await?;
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

    /// Looks for work as if leases were half as long.
    async fn steal(&self, claim: &Claim) -> Result<(), CatalogError> {
        let ahead = claim.now + TimeDelta::from_std(claim.lease).unwrap_or_default() / 2;
        self.inner.claim(&Claim { now: ahead, limit: 0, ..claim.clone() }).await.map(|_| ())
    }

    /// Begins something that waits behind something that runs.
    async fn overlapping(&self, claim: &Claim) -> Result<Option<Execution>, CatalogError> {
        for owner in super::people::owners() {
            let running = ExecutionQuery { status: Some(Status::InProgress), ..ExecutionQuery::default() };
            for busy in self.inner.executions(&owner, &running, claim.now).await?.items {
                let Some(overview) = self.inner.job(&owner, busy.execution.job_id).await? else { continue };
                let job = overview.job;
                let open = self.inner.open_executions(&owner, job.id, None, usize::MAX).await?.executions;
                let Some(waiting) = open.into_iter().find(Execution::is_waiting) else { continue };
                if let Beginning::Running(begun) = waiting.begin(&job, claim.worker.clone(), claim.now) {
                    let revision = job.revision;
                    let change = JobChange { edited: vec![begun.clone()], ..JobChange::of(job) };
                    self.inner.change_job(&change, revision).await?;
                    return Ok(Some(begun));
                }
            }
        }
        Ok(None)
    }

    pub(super) async fn beat(
        &self,
        worker: &WorkerId,
        now: DateTime<Utc>,
        lease: Duration,
        beats: &[Beat],
    ) -> Result<Vec<Directive>, CatalogError> {
        let endless = self.has(PlantedBug::NoTakeOver) && beats.iter().any(|beat| dies_here(beat.fence));
        let lease = if endless { lease * 1_000_000 } else { lease };
        let mut directives = self.inner.beat(worker, now, lease, beats).await?;
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
                let found = self.inner.execution(&owner, fence.execution, DateTime::UNIX_EPOCH).await?;
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
                self.inner.confirm_notice(fence.execution).await
            }
            (Ok(()), Some(PlantedBug::BackfillMovesWatermark)) => {
                let found = self.inner.execution(&owner, fence.execution, DateTime::UNIX_EPOCH).await?;
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

    /// Changes a job behind everybody's back.
    pub(super) async fn alter(
        &self,
        owner: &Owner,
        id: JobId,
        with: impl FnOnce(&mut Job),
    ) -> Result<(), CatalogError> {
        let Some(overview) = self.inner.job(owner, id).await? else { return Ok(()) };
        let (mut job, revision) = (overview.job.clone(), overview.job.revision);
        with(&mut job);
        self.inner.change_job(&JobChange::of(job), revision).await
    }
}

/// One time in four the process dies between a commit and what was to follow.
pub(super) fn dies_here(fence: Fence) -> bool {
    fence.execution.0.as_u128().is_multiple_of(4)
}
