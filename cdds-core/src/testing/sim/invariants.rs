//! Checks what a step may do to an execution and to its job (invariants I2, I6, I9, I10).

use chrono::{DateTime, Utc};

use super::model::{Broken, Check, ExecutionModel, Family, JobModel, Model, brief, ensure};
use super::reasons::check_done_before;
use super::report::{Invariant, Who};
use super::watch::Watch;
use crate::domain::execution::progress::Progress;
use crate::domain::execution::{Execution, ExecutionState, Status, Trigger};
use crate::domain::id::{ExecutionId, JobId, Owner, WorkerId};
use crate::domain::job::{Job, JobState};
use crate::ports::catalog::Fence;

/// The step that may have caused a change.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause<'a> {
    /// A person changed an execution.
    Asked,
    /// A job was submitted or changed by a person, or changed by the schedule, or suspended after failures.
    Changed { before: &'a Job, after: &'a Job },
    /// A worker claimed work.
    Claim { worker: &'a WorkerId, now: DateTime<Utc> },
    /// A worker asked its source, and was told the instant up to which it is complete.
    Begin { fence: Fence, complete_until: Option<DateTime<Utc>> },
    /// A worker committed.
    Publish(Fence),
    /// A worker settled an attempt.
    Settle(Fence),
    /// A newer database of time zones took over.
    Renewed,
    /// No step that could have changed anything.
    Nothing,
}

impl Watch {
    /// Reads an execution after a step and checks how it changed.
    pub(super) fn refresh(
        &self,
        model: &mut Model,
        owner: &Owner,
        id: ExecutionId,
        cause: Cause<'_>,
    ) -> Check {
        let found = self.read(self.catalog.execution(owner, id, DateTime::UNIX_EPOCH))?;
        self.compare(model, id, found.map(|overview| overview.execution), cause)
    }

    /// Compares an execution as it was read with the model.
    pub(super) fn compare(
        &self,
        model: &mut Model,
        id: ExecutionId,
        found: Option<Execution>,
        cause: Cause<'_>,
    ) -> Check {
        let known = model.executions.get(&id);
        let found = found.map(|found| self.shared.execution_by_record(found));
        let Some(after) = found.map(without_progress) else {
            let gone = known.is_some_and(|known| !known.deleted && !known.forgotten);
            return ensure(!gone, Invariant::Record, || format!("execution {id} is gone"));
        };
        match known {
            Some(known) if known.execution == after => Ok(()),
            Some(known) => {
                let before = known.execution.clone();
                let moved = self.check_move(model, &before, &after, cause);
                self.shared.note(Who::Record, brief(&after));
                moved?;
                self.take_over(model, after.clone());
                self.check_announced(model, &after)
            }
            None => {
                self.shared.note(Who::Record, brief(&after));
                let new = after.epoch == 0 && matches!(after.status(), Status::Queued | Status::Skipped);
                let told = || format!("it appeared: {}", brief(&after));
                let Cause::Changed { before: job_before, after: job } = cause else {
                    return Err(Broken(Invariant::Record, told()));
                };
                ensure(new && after.job_id == job.id, Invariant::Record, told)?;
                self.check_planned(model, &after, job_before, job)?;
                if let ExecutionState::Skipped(reason) = after.state {
                    self.check_skip(&after, reason, None, (job_before, job))?;
                }
                self.take_over(model, after);
                Ok(())
            }
        }
    }

    /// Stores the new state of an execution in the model.
    fn take_over(&self, model: &mut Model, after: Execution) {
        let (id, job, status) = (after.id, after.job_id, after.status());
        model.changed_at = self.shared.timeline.elapsed();
        let begins = after.epoch > model.executions.get(&id).map_or(0, |known| known.execution.epoch);
        let stretch = model.stretch_of(&after);
        if let Some(job) = model.jobs.get_mut(&job) {
            if status.is_open() {
                job.open.insert(id)
            } else {
                job.open.remove(&id)
            };
            let once = after.settings.frequency.is_once() && after.trigger == Trigger::Scheduled;
            job.starts += u32::from(once && begins && after.epoch == 1);
        }
        if status == Status::InProgress {
            model.running.insert(id)
        } else {
            model.running.remove(&id)
        };
        self.shared.count(|figures| match status {
            Status::Finished | Status::FinishedWithErrors => figures.successes += 1,
            Status::Failed => figures.failures += 1,
            Status::Cancelled => figures.cancels += 1,
            Status::Skipped => figures.skips += 1,
            Status::Queued | Status::InProgress => {}
        });
        let family = model.family(after.trigger);
        let known = model.executions.entry(id).or_insert_with(|| ExecutionModel {
            execution: after.clone(),
            family,
            deleted: false,
            deleted_at: None,
            forgotten: false,
            lease: None,
            set: None,
            stretch,
            begun_in_calm: false,
            stop: None,
            commits: 0,
        });
        known.execution = after;
        known.stretch = stretch;
        if begins {
            known.begun_in_calm = !self.shared.storms();
        }
        if status != Status::InProgress || begins {
            known.lease = None;
        }
    }

    fn check_move(&self, model: &Model, before: &Execution, after: &Execution, cause: Cause<'_>) -> Check {
        let told = || format!("{} became {}", brief(before), brief(after));
        let same = before.slot == after.slot && before.trigger == after.trigger;
        let same = same && before.job_id == after.job_id && before.created_at == after.created_at;
        ensure(same && before.is_open(), Invariant::Record, told)?;
        let begun = matches!(cause, Cause::Begin { fence, .. } if fence.id == before.id);
        let same_end = before.window == after.window && before.completeness == after.completeness;
        let frozen = (same_end || begun)
            && before.window.start() == after.window.start()
            && before.generation == after.generation
            && before.settings == after.settings;
        ensure(!before.is_begun() || frozen, Invariant::Record, || format!("{} (rule W1)", told()))?;
        let begins = after.epoch == before.epoch + 1;
        ensure(begins || after.epoch == before.epoch, Invariant::I6, told)?;
        check_cancel(before, after)?;
        if let Cause::Claim { worker, now } = cause {
            if before.state == ExecutionState::Running {
                self.check_take_over(model, before, worker, now)?;
            }
            if begins {
                ensure(after.state == ExecutionState::Running, Invariant::Record, told)?;
                let ready = before.state == ExecutionState::Running || before.not_before <= now;
                ensure(ready, Invariant::Record, || format!("{} before its time", told()))?;
                return check_begin(model, before, after);
            }
        }
        let of_job = matches!(cause, Cause::Changed { after, .. } if after.id == before.job_id);
        let allowed = match (before.status(), after.status()) {
            (Status::Queued, Status::Queued) => of_job,
            (Status::Queued, Status::Skipped) => {
                !before.is_begun() && (of_job || matches!(cause, Cause::Claim { .. }))
            }
            (Status::InProgress, Status::InProgress) if begun => true,
            (Status::Queued, Status::Cancelled) | (Status::InProgress, Status::InProgress) => {
                matches!(cause, Cause::Asked)
            }
            (Status::InProgress, Status::Finished | Status::FinishedWithErrors) => {
                matches!(cause, Cause::Publish(fence) if fence.id == before.id)
            }
            (Status::InProgress, Status::Queued | Status::Failed | Status::Cancelled) => match cause {
                Cause::Settle(fence) => fence.id == before.id,
                Cause::Begin { .. } => begun && !matches!(after.state, ExecutionState::Failed(_)),
                Cause::Claim { .. } => true,
                // Its worker seemed to be gone. If it comes back after all, it is fenced off.
                Cause::Asked => after.status() == Status::Cancelled && after.cancel_requested_at.is_some(),
                _ => false,
            },
            _ => false,
        };
        ensure(allowed && !begins, Invariant::Record, || format!("{} by {cause:?}", told()))?;
        match (&after.state, cause) {
            (_, Cause::Begin { complete_until, .. }) => {
                self.check_frozen(model, before, after, complete_until)
            }
            (ExecutionState::Skipped(reason), Cause::Changed { before: job_before, after: job }) => {
                self.check_skip(after, *reason, Some(before), (job_before, job))
            }
            (ExecutionState::Skipped(reason), _) => check_done_before(model, before, *reason),
            (ExecutionState::Queued | ExecutionState::Failed(_), _)
                if before.status() == Status::InProgress =>
            {
                self.check_failure(model, before, after)
            }
            _ => Ok(()),
        }
    }

    /// A claim holds while its worker lives and its lease has not expired, by true time.
    fn check_take_over(&self, model: &Model, taken: &Execution, by: &WorkerId, now: DateTime<Utc>) -> Check {
        let Some(lease) = &model.execution(taken.id)?.lease else { return Ok(()) };
        let lives = self.shared.lives.iter().any(|life| life.is_of(&lease.worker));
        let holds = now < lease.expires_at;
        let told = || format!("{by} took {} at {now} from {lease:?}", brief(taken));
        ensure(!(lives && holds), Invariant::Lease, told)?;
        // A living worker renews its leases, however busy it is (rule E7).
        let at_it = self.shared.lives.iter().any(|life| life.is_of(&lease.worker) && life.works_on(taken.id));
        let ran_out = at_it && now >= lease.expires_at;
        ensure(!ran_out || self.troubles() != lease.troubles, Invariant::Lease, || {
            format!("nothing was wrong, and {}", told())
        })
    }

    /// Reads a job after a step and checks how it changed.
    pub(super) fn refresh_job(&self, model: &mut Model, owner: &Owner, id: JobId, cause: Cause<'_>) -> Check {
        let found = self.read(self.catalog.job(owner, id))?;
        self.compare_job(model, id, found.map(|overview| overview.job), cause)
    }

    /// Compares a job as it was read with the model.
    pub(super) fn compare_job(
        &self,
        model: &mut Model,
        id: JobId,
        found: Option<Job>,
        cause: Cause<'_>,
    ) -> Check {
        let known = model.jobs.get(&id);
        let Some(after) = found.map(|found| self.shared.job_by_record(found)) else {
            let gone = known.is_some_and(|known| known.job.state != JobState::Deleted);
            return ensure(!gone, Invariant::Record, || format!("job {id} is gone"));
        };
        model.ledger.follow(&after);
        let Some(known) = model.jobs.get(&id) else {
            model.jobs.insert(id, JobModel::new(after));
            return Ok(());
        };
        if known.job == after {
            return Ok(());
        }
        let told = || format!("{:?} became {after:?}", known.job);
        ensure(!matches!(cause, Cause::Nothing), Invariant::Record, told)?;
        ensure(after.revision > known.job.revision, Invariant::Record, told)?;
        let over = known.job.state == JobState::Deleted && known.job.unsettled.is_none();
        ensure(!over, Invariant::Record, told)?;
        check_watermark(model, &known.job, &after, cause)?;
        let version = |job: &Job| job.settings.clock.zone().database();
        let goes_back =
            version(&known.job).zip(version(&after)).is_some_and(|(before, after)| after < before);
        ensure(!goes_back || known.job.settings.clock != after.settings.clock, Invariant::Record, told)?;
        let known = model.job_mut(id)?;
        known.follow(after);
        Ok(())
    }
}

/// Rule E8: an execution whose cancellation was accepted ends as cancelled. It is neither published nor
/// retried. If a commit comes first, the cancellation is refused.
fn check_cancel(before: &Execution, after: &Execution) -> Check {
    let Some(since) = before.cancel_requested_at else { return Ok(()) };
    let goes_on = after.status() == Status::InProgress && after.epoch == before.epoch;
    let stops = after.status() == Status::Cancelled;
    let lawful = (stops || goes_on) && after.cancel_requested_at == Some(since);
    ensure(lawful, Invariant::Cancel, || format!("{} was to stop and is {}", brief(before), brief(after)))
}

/// Checks that an attempt, the first or a later one, may begin.
fn check_begin(model: &Model, before: &Execution, after: &Execution) -> Check {
    let known = model.job(before.job_id)?;
    let others = || known.open.iter().filter(|id| **id != before.id);
    let running = others().find(|id| model.running.contains(id));
    ensure(running.is_none(), Invariant::I10, || format!("{} while {running:?} runs", brief(after)))?;
    let begun = |id: &&ExecutionId| model.executions.get(id).is_some_and(|one| one.execution.is_begun());
    let begun = others().find(begun);
    ensure(begun.is_none(), Invariant::I10, || {
        format!("{} while {begun:?} is to be tried again", brief(after))
    })?;
    if !before.is_begun() {
        check_first_begin(known, before, after)?;
    }
    Ok(())
}

fn check_first_begin(known: &JobModel, before: &Execution, after: &Execution) -> Check {
    let job = &known.job;
    ensure(job.state != JobState::Deleted, Invariant::I9, || format!("deleted, and began {}", brief(after)))?;
    ensure(before.settings == job.settings, Invariant::Record, || {
        format!("{} began with settings that were edited before (rule J10)", brief(after))
    })?;
    if before.trigger == Trigger::Scheduled {
        let once = job.settings.frequency.is_once();
        ensure(!once || known.starts == 0, Invariant::I9, || {
            format!("a one-time job began {} too", brief(after))
        })?;
        // A suspension by hand has an instant. That of a one-time job at its start has none (rule J8).
        let suspended = job.state == JobState::Suspended && job.suspended_at.is_some();
        ensure(!suspended, Invariant::I9, || format!("suspended, and began {}", brief(after)))?;
        ensure(!known.was_suspended_at(before.slot), Invariant::I9, || {
            format!("{} passed while the job was suspended (rule J7)", brief(after))
        })?;
    }
    if before.generation.is_some() {
        let watermark = job.watermark();
        let starts = after.window.start() == watermark.at && after.generation == Some(watermark.generation);
        ensure(starts, Invariant::I1, || format!("{} does not start at {watermark:?}", brief(after)))?;
    }
    Ok(())
}

/// Invariants I2, I7: only a success moves the watermark, and only to the end of its window.
fn check_watermark(model: &Model, before: &Job, after: &Job, cause: Cause<'_>) -> Check {
    if before.watermark == after.watermark {
        return Ok(());
    }
    let told =
        || format!("the watermark moved from {:?} to {:?} by {cause:?}", before.watermark, after.watermark);
    match (before.watermark, after.watermark) {
        (None, Some(_)) => ensure(matches!(cause, Cause::Changed { .. }), Invariant::I2, told),
        (Some(one), Some(other)) if one.generation == other.generation => {
            let Cause::Publish(fence) = cause else { return Err(Broken(Invariant::I2, told())) };
            let by = model.execution(fence.id)?;
            ensure(by.family != Family::Backfill, Invariant::I7, told)?;
            let moved = by.execution.generation == Some(one.generation)
                && one.at == by.execution.window.start()
                && other.at == Some(by.execution.window.end());
            ensure(moved && one.at < other.at, Invariant::I2, told)
        }
        (Some(one), Some(other)) => {
            let reset = matches!(cause, Cause::Changed { .. }) && other.generation == one.generation + 1;
            ensure(reset, Invariant::I2, told)
        }
        (_, None) => Err(Broken(Invariant::I2, told())),
    }
}

/// Drops the progress, which every beat changes and no decision uses.
pub(super) fn without_progress(execution: Execution) -> Execution {
    Execution { progress: Progress::default(), ..execution }
}
