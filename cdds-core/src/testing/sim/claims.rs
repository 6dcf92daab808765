//! Checks the work of engines: claims, beats, commits and settlements (rules E2, E5, E8).

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::answers::{check_refusal, check_written, is_held, never, unless_refused};
use super::invariants::{Cause, without_progress};
use super::model::{Broken, Check, Lease, Model, Stop, brief, ensure};
use super::planted::Tampered;
use super::report::Invariant;
use super::time::SECOND;
use super::watch::{Watch, step};
use crate::domain::execution::completeness::Frozen;
use crate::domain::execution::{Execution, ExecutionState, Status};
use crate::domain::id::{ExecutionId, JobId, Owner, SourceId, WorkerId};
use crate::domain::job::{Job, JobState};
use crate::ports::catalog::query::{ExecutionQuery, Slice};
use crate::ports::catalog::{Beat, CatalogError, Claim, Claimed, Directive, Fence, Publication, Settlement};

impl Watch {
    pub(super) fn claim(&self, catalog: &Tampered, claim: &Claim) -> Result<Claimed, CatalogError> {
        let result = step(catalog.claim(claim));
        self.look(|model| {
            check_refusal("claim", &result, never)?;
            let Ok(claimed) = &result else { return Ok(()) };
            let now = self.shared.timeline.now();
            self.follow_claim(model, claim, now, claimed)?;
            check_order(model, (claim, now), &claimed.executions, self.shared.profile.source_limit)?;
            let lease = self.lease(&claim.worker, claim.lease);
            claimed.executions.iter().try_for_each(|begun| give(model, claim, begun, &lease))
        });
        result
    }

    /// Returns the lease of a worker that has just reached the catalog. It counts by true time, whatever the
    /// worker's own clock shows.
    fn lease(&self, worker: &WorkerId, length: Duration) -> Lease {
        let length = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
        let expires_at = self.shared.timeline.now() + length;
        Lease { worker: worker.clone(), expires_at, troubles: self.troubles() }
    }

    fn follow_claim(&self, model: &mut Model, claim: &Claim, now: DateTime<Utc>, claimed: &Claimed) -> Check {
        let cause = Cause::Claim { worker: &claim.worker, now };
        let Claimed { executions, given_up, covered } = claimed;
        self.shared.count(|figures| figures.claims += executions.len() as u64);
        check_new(model, executions)?;
        // Executions that were taken over come first. A take-over may end one, and only then may the next one
        // of its job begin (invariant I10).
        let mut touched: Vec<ExecutionId> = model.running.iter().copied().collect();
        touched.extend(given_up.iter().chain(covered).chain(executions).map(|one| one.id));
        for id in touched {
            let known = &model.execution(id)?.execution;
            let (owner, job, before) = (known.owner.clone(), known.job_id, (known.epoch, known.status()));
            self.refresh(model, &owner, id, cause)?;
            let known = &model.execution(id)?.execution;
            if before != (known.epoch, known.status()) {
                self.follow_end(model, &owner, job, cause)?;
            }
        }
        Ok(())
    }

    /// Checks the job of an execution that changed. Consecutive failures may suspend it, which skips what
    /// waits and what is due.
    fn follow_end(&self, model: &mut Model, owner: &Owner, id: JobId, cause: Cause<'_>) -> Check {
        let before = model.job(id)?.job.clone();
        self.refresh_job(model, owner, id, cause)?;
        let after = model.job(id)?.job.clone();
        if after.suspended_at == before.suspended_at || after.state != JobState::Suspended {
            return Ok(());
        }
        self.check_suspension(model, &before, &after)?;
        let slice = Slice::first(u64::from(u32::MAX));
        let query = ExecutionQuery { job: Some(id), slice, ..ExecutionQuery::default() };
        let found = self.read(self.catalog.executions(owner, &query, DateTime::UNIX_EPOCH))?;
        let changed = Cause::Changed { before: &before, after: &after };
        // A settlement does not report which executions the suspension skipped, so all of the job are
        // compared. Those that run or have begun are left out, since a suspension does not touch them.
        found.items.into_iter().map(|overview| overview.execution).try_for_each(|one| {
            let known = model.executions.get(&one.id);
            match known.is_some_and(|known| known.execution == without_progress(one.clone())) {
                true => Ok(()),
                false if one.state == ExecutionState::Running || one.epoch > 0 => Ok(()),
                false => self.compare(model, one.id, Some(one), changed),
            }
        })
    }

    pub(super) fn begin(
        &self,
        catalog: &Tampered,
        fence: Fence,
        complete_until: Option<DateTime<Utc>>,
    ) -> Result<Frozen, CatalogError> {
        let result = step(catalog.begin(fence, complete_until));
        self.look(|model| {
            self.check_fence(model, fence, "begin", &result)?;
            let known = model.execution(fence.id)?;
            let (owner, job) = (known.execution.owner.clone(), known.execution.job_id);
            let cause = unless_refused(&result, Cause::Begin { fence, complete_until });
            self.refresh(model, &owner, fence.id, cause)?;
            self.follow_end(model, &owner, job, cause)?;
            let Ok(frozen) = &result else { return Ok(()) };
            check_written(model, frozen.execution())
        });
        result
    }

    pub(super) fn beat(
        &self,
        catalog: &Tampered,
        worker: &WorkerId,
        length: Duration,
        beats: &[Beat],
    ) -> Result<Vec<Directive>, CatalogError> {
        let result = step(catalog.beat(worker, length, beats));
        let lease = self.lease(worker, length);
        self.look(|model| {
            check_refusal("beat", &result, never)?;
            let Ok(directives) = &result else { return Ok(()) };
            ensure(directives.len() == beats.len(), Invariant::Answer, || {
                format!("{} beats were answered with {directives:?}", beats.len())
            })?;
            for (beat, directive) in beats.iter().zip(directives) {
                let Some(known) = model.executions.get_mut(&beat.fence.id) else { continue };
                let holds = is_held(&known.execution, beat.fence);
                ensure(holds || *directive == Directive::Fenced, Invariant::I6, || {
                    format!("a lost claim was told to go on: {:?} {directive:?}", beat.fence)
                })?;
                let stops = known.execution.cancel_requested_at.is_some();
                ensure(!stops || *directive != Directive::Continue, Invariant::Cancel, || {
                    format!("nobody tells the worker to stop {}", brief(&known.execution))
                })?;
                ensure(stops || *directive != Directive::Cancel, Invariant::Cancel, || {
                    format!("nobody wants {} to be stopped", brief(&known.execution))
                })?;
                if *directive != Directive::Fenced {
                    known.lease = Some(lease.clone());
                }
            }
            Ok(())
        });
        result
    }

    /// Notes which workers have heard of a cancellation, and when.
    pub(super) fn heard(&self, beats: &[Beat], directives: &[Directive]) {
        let (at, troubles) = (self.shared.timeline.elapsed(), self.troubles());
        self.look(|model| {
            let stops = beats.iter().zip(directives).filter(|(_, told)| **told == Directive::Cancel);
            for Fence { id: execution, epoch } in stops.map(|(beat, _)| beat.fence) {
                let Some(known) = model.executions.get_mut(&execution) else { continue };
                if known.stop.is_none_or(|stop| stop.epoch != epoch) {
                    known.stop = Some(Stop { epoch, at, troubles });
                }
            }
            Ok(())
        });
    }

    /// Notes that a worker is about to commit. Once it has heard of a cancellation it must stop within a
    /// second of the next await (rule E8), unless a fault held it up. A commit that it has already begun may
    /// continue.
    pub(super) fn commits(&self, fence: Fence) {
        let (at, troubles) = (self.shared.timeline.elapsed(), self.troubles());
        self.look(|model| {
            let Some(known) = model.executions.get_mut(&fence.id) else { return Ok(()) };
            // Only the first call in an epoch begins a commit; the engine may repeat it after an error.
            let first = std::mem::replace(&mut known.commits, fence.epoch) != fence.epoch;
            let Some(stop) = known.stop.filter(|stop| first && stop.epoch == fence.epoch) else {
                return Ok(());
            };
            let late = at > stop.at + SECOND && troubles == stop.troubles;
            ensure(!late, Invariant::Cancel, || {
                format!("{} was to stop and is committed", brief(&known.execution))
            })
        });
    }

    pub(super) fn publish(
        &self,
        catalog: &Tampered,
        fence: Fence,
        publication: &Publication,
    ) -> Result<(), CatalogError> {
        let result = step(catalog.publish(fence, publication));
        self.look(|model| {
            self.check_fence(model, fence, "publish", &result)?;
            let before = model.execution(fence.id)?.execution.clone();
            let watermark = model.job(before.job_id)?.job.watermark;
            let cause = unless_refused(&result, Cause::Publish(fence));
            self.refresh(model, &before.owner, before.id, cause)?;
            self.refresh_job(model, &before.owner, before.job_id, cause)?;
            if result.is_err() {
                return Ok(());
            }
            let after = &model.execution(fence.id)?.execution;
            ensure(after.state == ExecutionState::Succeeded, Invariant::Answer, || {
                format!("a commit was acknowledged, and {} is on the record", brief(after))
            })?;
            self.check_published(model, &before, watermark, publication)
        });
        result
    }

    pub(super) fn settle(
        &self,
        catalog: &Tampered,
        fence: Fence,
        settlement: &Settlement,
    ) -> Result<Execution, CatalogError> {
        let result = step(catalog.settle(fence, settlement));
        self.look(|model| {
            self.check_fence(model, fence, "settle", &result)?;
            let known = model.execution(fence.id)?;
            let (owner, job) = (known.execution.owner.clone(), known.execution.job_id);
            let cause = unless_refused(&result, Cause::Settle(fence));
            self.refresh(model, &owner, fence.id, cause)?;
            self.follow_end(model, &owner, job, cause)?;
            let Ok(settled) = &result else { return Ok(()) };
            let ended = settled.status() != Status::InProgress && settled.id == fence.id;
            ensure(ended, Invariant::Answer, || format!("{} was settled", brief(settled)))?;
            check_written(model, settled)
        });
        result
    }

    /// Checks that a job was suspended only after the number of consecutive failures that it asks for (rule
    /// E5).
    fn check_suspension(&self, model: &Model, before: &Job, after: &Job) -> Check {
        let wanted = before.settings.policies.pause_after_failures;
        let enough = wanted.is_some_and(|wanted| after.failures_in_row >= wanted.get());
        let counted = after.failures_in_row == before.failures_in_row + 1;
        ensure(enough && counted && model.jobs.contains_key(&after.id), Invariant::Reason, || {
            format!("job {} was suspended after {} failures of {wanted:?}", after.id, after.failures_in_row)
        })
    }
}

/// Checks that a claim assigns only executions that no other worker has (rule E2).
fn check_new(model: &Model, given: &[Execution]) -> Check {
    given.iter().try_for_each(|begun| {
        let known = &model.execution(begun.id)?.execution;
        ensure(begun.epoch == known.epoch + 1, Invariant::Lease, || {
            format!("{} was given while {} was on the record", brief(begun), brief(known))
        })
    })
}

/// Checks that a claimed execution is on the record as it was returned, and notes its lease.
fn give(model: &mut Model, claim: &Claim, begun: &Execution, lease: &Lease) -> Check {
    let known = model.executions.get_mut(&begun.id);
    let same = |known: &Execution| *known == without_progress(begun.clone());
    let Some(known) = known.filter(|known| same(&known.execution)) else {
        let what = format!("execution {} was given to {} but not stored", begun.id, claim.worker);
        return Err(Broken(Invariant::Lease, what));
    };
    let to_worker = begun.attempts.last().is_some_and(|attempt| attempt.worker == claim.worker);
    ensure(to_worker && begun.state == ExecutionState::Running, Invariant::Lease, || {
        format!("{} was given to {}", brief(begun), claim.worker)
    })?;
    known.lease = Some(lease.clone());
    Ok(())
}

/// Checks rules E2 and W6 on the executions that a claim has begun: within an owner they are in the order of
/// their places and none is before its time, owners take turns, a source runs no more than it allows, and an
/// execution that could begin is left only if the claim or its source is full.
fn check_order(
    model: &mut Model,
    (claim, now): (&Claim, DateTime<Utc>),
    given: &[Execution],
    source_limit: Option<NonZeroU32>,
) -> Check {
    let place = |one: &Execution| (one.queue_at, one.slot, one.id);
    let told = |left: &Execution| {
        let given: Vec<String> = given.iter().map(brief).collect();
        format!("{} was left, given were {given:?} of at most {}", brief(left), claim.limit)
    };
    ensure(given.len() <= claim.limit, Invariant::Order, || "more was given than was asked for".to_owned())?;
    check_source_limit(model, given, source_limit)?;
    let foreign = given.iter().find(|begun| {
        let job = model.jobs.get(&begun.job_id);
        job.is_some_and(|known| !claim.clocks.include(&known.job.settings.clock))
    });
    ensure(foreign.is_none(), Invariant::Order, || format!("{foreign:?} was given to {:?}", claim.clocks))?;
    let mut last = BTreeMap::new();
    for begun in given {
        let before = last.insert(&begun.owner, place(begun));
        ensure(before.is_none_or(|before| before < place(begun)), Invariant::Order, || told(begun))?;
    }
    let full = given.len() == claim.limit;
    // Owners of whom something could have begun and did not.
    let mut held_out = BTreeSet::new();
    for known in model.jobs.values() {
        let open = known.open.iter().filter_map(|id| model.executions.get(id)).map(|one| &one.execution);
        let open: Vec<&Execution> = open.collect();
        let ready = |one: &&&Execution| one.state == ExecutionState::Queued && one.not_before <= now;
        for left in open.iter().filter(ready) {
            let begun = open.iter().find(|other| other.is_begun() && other.id != left.id);
            let is_new = |one: &Execution| one.epoch == 1 && given.iter().any(|new| new.id == one.id);
            let lawful = match begun {
                // Its clock is left to workers with a newer database (rule F9).
                _ if !claim.clocks.include(&known.job.settings.clock) => true,
                // Steps of the last change of its job still have to reach it.
                _ if !known.job.may_begin(left) => true,
                Some(begun) if is_new(begun) => place(begun) < place(left),
                Some(_) => true,
                // What was begun must not have taken the room of something earlier.
                None if is_source_full(model, given, &left.settings.source, source_limit) => {
                    let rivals = given.iter().filter(|new| new.owner == left.owner);
                    rivals
                        .filter(|new| new.settings.source == left.settings.source)
                        .all(|new| place(new) < place(left))
                }
                None => {
                    held_out.insert(&left.owner);
                    full && last.get(&left.owner).is_none_or(|last| *last < place(left))
                }
            };
            ensure(lawful, Invariant::Order, || told(left))?;
        }
    }
    let mut served = model.turn.as_ref();
    for begun in given {
        // Owners come in the order of their names, starting after the one who was served last.
        let rank = |owner: &Owner| (served.is_some_and(|served| owner <= served), owner.clone());
        let passed = held_out.iter().find(|owner| rank(owner) < rank(&begun.owner));
        ensure(passed.is_none(), Invariant::Order, || {
            format!("it was the turn of {passed:?}, not of {}", brief(begun))
        })?;
        served = Some(&begun.owner);
    }
    model.turn = served.cloned();
    Ok(())
}

/// Counts the running executions of a source, with those that a claim has begun just now.
fn running_of(model: &Model, given: &[Execution], source: &SourceId) -> usize {
    let known = model.running.iter().filter(|id| given.iter().all(|new| new.id != **id));
    let known = known.filter_map(|id| model.executions.get(id)).map(|one| &one.execution);
    known.chain(given).filter(|one| one.settings.source == *source).count()
}

/// Whether a source runs as many executions as it allows.
fn is_source_full(model: &Model, given: &[Execution], source: &SourceId, limit: Option<NonZeroU32>) -> bool {
    let limit = limit.and_then(|limit| usize::try_from(limit.get()).ok());
    limit.is_some_and(|limit| running_of(model, given, source) >= limit)
}

fn check_source_limit(model: &Model, given: &[Execution], limit: Option<NonZeroU32>) -> Check {
    let Some(limit) = limit.and_then(|limit| usize::try_from(limit.get()).ok()) else { return Ok(()) };
    for begun in given {
        let running = running_of(model, given, &begun.settings.source);
        ensure(running <= limit, Invariant::Order, || {
            format!("{running} executions of a source run, {limit} may: {}", brief(begun))
        })?;
    }
    Ok(())
}
