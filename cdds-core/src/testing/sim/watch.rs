//! Everything that is done to the record passes here, one step at a time, and is compared with what is known.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::invariants::Cause;
use super::model::{Broken, Check, Lease, Model, ensure};
use super::planted::Tampered;
use super::report::Invariant;
use super::shared::{Shared, lock};
use super::source::Rows;
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::{ArtifactId, ExecutionId, JobId, Owner, WorkerId};
use crate::domain::job::{Job, JobChange, JobState};
use crate::ports::catalog::{
    Beat, Catalog, CatalogError, CatalogErrorKind, Claim, Claimed, Directive, Fence, Publication, Removal,
    Settlement,
};
use crate::ports::sink::Sink;
use crate::testing::MemorySink;

/// Looks on.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) shared: Arc<Shared>,
    /// To look things up; nobody else uses it.
    pub(super) catalog: Arc<dyn Catalog>,
    /// The store without faults, as the engines know it.
    pub(super) sink: Arc<dyn Sink>,
    /// What it really holds.
    pub(super) store: MemorySink,
    pub(super) rows: Arc<Rows>,
    pub(super) model: Mutex<Model>,
}

/// Waits for a call here and now, so that nothing happens in between: a step of the catalog is one step of the
/// world. A catalog may do its work on other threads.
pub(super) fn step<T>(call: impl Future<Output = T>) -> T {
    let mut call = std::pin::pin!(call);
    match call.as_mut().poll(&mut Context::from_waker(futures::task::noop_waker_ref())) {
        Poll::Ready(value) => value,
        Poll::Pending => futures::executor::block_on(call),
    }
}

impl Watch {
    /// Looks at what a step did; the first check that breaks ends the world.
    fn look(&self, at: impl FnOnce(&mut Model) -> Check) {
        if let Err(Broken(invariant, what)) = at(&mut lock(&self.model)) {
            self.shared.violate(invariant, what);
        }
    }

    pub(super) fn insert_job(
        &self,
        catalog: &Tampered,
        job: &Job,
        first: Option<&Execution>,
    ) -> Result<(), CatalogError> {
        let result = step(catalog.inner.insert_job(job, first));
        self.look(|model| {
            if result.is_ok() {
                self.refresh_job(model, &job.owner, job.id, Cause::Asked)?;
            }
            first.map_or(Ok(()), |first| self.refresh(model, &job.owner, first.id, Cause::Asked))
        });
        result
    }

    pub(super) fn change_job(
        &self,
        catalog: &Tampered,
        change: &JobChange,
        expected: u64,
    ) -> Result<(), CatalogError> {
        let result = step(catalog.change_job(change, expected));
        self.look(|model| {
            let owner = &change.job.owner;
            let known = model.jobs.get(&change.job.id).map(|known| known.job.revision);
            if result.is_ok() {
                ensure(known == Some(expected), Invariant::Record, || {
                    format!("a change of revision {expected} was stored over {known:?}")
                })?;
                if change.job.state == JobState::Deleted {
                    let known = model.job_mut(change.job.id)?;
                    known.job = Job { revision: expected + 1, ..change.job.clone() };
                }
            }
            // What waits is dropped before the job is looked at, and what is new comes after it.
            for changed in change.superseded.iter().chain(&change.edited) {
                self.refresh(model, owner, changed.id, Cause::Asked)?;
            }
            self.refresh_job(model, owner, change.job.id, Cause::Asked)?;
            change.entries.iter().try_for_each(|entry| self.refresh(model, owner, entry.id, Cause::Asked))
        });
        result
    }

    pub(super) fn claim(&self, catalog: &Tampered, claim: &Claim) -> Result<Claimed, CatalogError> {
        let result = step(catalog.claim(claim));
        self.look(|model| {
            let cause = Cause::Claim { worker: &claim.worker, now: claim.now };
            // What was taken from others comes before what was begun.
            let mut touched: Vec<ExecutionId> = model.running.iter().copied().collect();
            if let Ok(claimed) = &result {
                let Claimed { executions, given_up, covered } = claimed;
                touched.extend(given_up.iter().chain(covered).chain(executions).map(|one| one.id));
                self.shared.count(|figures| figures.claims += executions.len() as u64);
            }
            for id in touched {
                let known = &model.execution(id)?.execution;
                let (owner, job, before) = (known.owner.clone(), known.job_id, (known.epoch, known.status()));
                self.refresh(model, &owner, id, cause)?;
                let known = &model.execution(id)?.execution;
                if before != (known.epoch, known.status()) {
                    self.refresh_job(model, &owner, job, cause)?;
                }
            }
            let Ok(claimed) = &result else { return Ok(()) };
            for begun in &claimed.executions {
                let known = model.executions.get_mut(&begun.id);
                let Some(known) = known.filter(|known| known.execution.epoch == begun.epoch) else {
                    let what = format!("execution {} was given to {} but not stored", begun.id, claim.worker);
                    return Err(Broken(Invariant::Lease, what));
                };
                known.lease = Some(lease(&claim.worker, claim.now, claim.lease));
            }
            Ok(())
        });
        result
    }

    pub(super) fn beat(
        &self,
        catalog: &Tampered,
        worker: &WorkerId,
        now: DateTime<Utc>,
        length: Duration,
        beats: &[Beat],
    ) -> Result<Vec<Directive>, CatalogError> {
        let result = step(catalog.beat(worker, now, length, beats));
        self.look(|model| {
            let Ok(directives) = &result else { return Ok(()) };
            for (beat, directive) in beats.iter().zip(directives) {
                let Some(known) = model.executions.get_mut(&beat.fence.execution) else { continue };
                let running = known.execution.state == ExecutionState::Running;
                let holds = running && known.execution.epoch == beat.fence.epoch;
                ensure(holds || *directive == Directive::Fenced, Invariant::I6, || {
                    format!("a lost claim was told to go on: {:?} {directive:?}", beat.fence)
                })?;
                if *directive != Directive::Fenced {
                    known.lease = Some(lease(worker, now, length));
                }
            }
            Ok(())
        });
        result
    }

    pub(super) fn publish(
        &self,
        catalog: &Tampered,
        fence: Fence,
        publication: &Publication,
    ) -> Result<(), CatalogError> {
        let result = step(catalog.publish(fence, publication));
        self.look(|model| {
            self.check_fence(model, fence, result.as_ref().err())?;
            let before = model.execution(fence.execution)?.execution.clone();
            let watermark = model.job(before.job_id)?.job.watermark;
            let cause = Cause::Publish(fence);
            self.refresh(model, &before.owner, before.id, cause)?;
            self.refresh_job(model, &before.owner, before.job_id, cause)?;
            let after = model.execution(fence.execution)?.execution.state.clone();
            if before.state == ExecutionState::Running && after == ExecutionState::Succeeded {
                self.check_published(model, &before, watermark, publication)?;
            }
            Ok(())
        });
        result
    }

    pub(super) fn settle(
        &self,
        catalog: &Tampered,
        fence: Fence,
        settlement: &Settlement,
        now: DateTime<Utc>,
    ) -> Result<Execution, CatalogError> {
        let result = step(catalog.inner.settle(fence, settlement, now));
        self.look(|model| {
            self.check_fence(model, fence, result.as_ref().err())?;
            let known = model.execution(fence.execution)?;
            let (owner, job) = (known.execution.owner.clone(), known.execution.job_id);
            let cause = Cause::Settle(fence);
            self.refresh(model, &owner, fence.execution, cause)?;
            // Failures in a row may suspend the job, which skips what waits.
            let open: Vec<_> = model.job(job)?.open.iter().copied().collect();
            open.into_iter().try_for_each(|id| self.refresh(model, &owner, id, cause))?;
            self.refresh_job(model, &owner, job, cause)
        });
        result
    }

    /// Invariant I6: what a claim guards happens while it holds, and only then.
    fn check_fence(&self, model: &Model, fence: Fence, error: Option<&CatalogError>) -> Check {
        let known = &model.execution(fence.execution)?.execution;
        let holds = known.state == ExecutionState::Running && known.epoch == fence.epoch;
        match error {
            None => ensure(holds, Invariant::I6, || {
                format!("{fence:?} committed over epoch {} ({})", known.epoch, known.status().as_str())
            }),
            Some(error) if error.kind() == CatalogErrorKind::Fenced => {
                self.shared.count(|figures| figures.fenced += 1);
                ensure(!holds, Invariant::Lease, || format!("{fence:?} holds and was refused"))
            }
            Some(_) => Ok(()),
        }
    }

    pub(super) fn change_execution(
        &self,
        catalog: &Tampered,
        before: &Execution,
        after: &Execution,
    ) -> Result<(), CatalogError> {
        let result = step(catalog.inner.change_execution(before, after));
        self.look(|model| {
            self.refresh(model, &before.owner, before.id, Cause::Asked)?;
            self.refresh_job(model, &before.owner, before.job_id, Cause::Asked)
        });
        result
    }

    pub(super) fn delete_execution(
        &self,
        catalog: &Tampered,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let result = step(catalog.inner.delete_execution(owner, id, now));
        self.look(|model| {
            if result.is_err() {
                return Ok(());
            }
            let known = model.execution(id)?;
            ensure(!known.execution.is_open(), Invariant::Record, || format!("{id} was deleted while open"))?;
            let held = known.set.as_ref().is_some_and(|set| !set.removed && set.is_held());
            ensure(!held, Invariant::I12, || format!("the set of {id} is on hold and was deleted"))?;
            model.delete(id);
            Ok(())
        });
        result
    }

    pub(super) fn hold(
        &self,
        catalog: &Tampered,
        owner: &Owner,
        id: ExecutionId,
        hold: bool,
    ) -> Result<(), CatalogError> {
        let result = step(catalog.inner.hold(owner, id, hold));
        self.look(|model| {
            let set = model.executions.get_mut(&id).and_then(|known| known.set.as_mut());
            if let (Ok(()), Some(set)) = (&result, set) {
                set.set.artifacts.iter_mut().for_each(|file| file.hold = hold);
            }
            Ok(())
        });
        result
    }

    pub(super) fn delete_artifacts(
        &self,
        catalog: &Tampered,
        owner: &Owner,
        ids: &[ArtifactId],
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        let result = step(catalog.inner.delete_artifacts(owner, ids, now));
        self.look(|model| {
            if result.is_err() {
                return Ok(());
            }
            for id in ids {
                let gone = || Broken(Invariant::I12, format!("artifact {id} was gone and is deleted again"));
                let (execution, file) = model.file(*id).ok_or_else(gone)?;
                let held = file.hold;
                ensure(!held, Invariant::I12, || format!("artifact {id} is on hold and was deleted"))?;
                model.remove_file(execution, &file);
            }
            Ok(())
        });
        result
    }

    /// Invariant I12: what disappears has expired, and nobody holds it.
    pub(super) fn expire(
        &self,
        catalog: &Tampered,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<usize, CatalogError> {
        let result = step(catalog.expire(now, limit));
        self.look(|model| {
            if !result.as_ref().is_ok_and(|count| *count > 0) {
                return Ok(());
            }
            let owner_of = |model: &Model, id| model.execution(id).map(|known| known.execution.owner.clone());
            let live: Vec<_> = model.live_sets().map(|(id, _)| id).collect();
            for id in live {
                let owner = owner_of(model, id)?;
                if self.read(self.catalog.artifact_set(&owner, id))?.is_some() {
                    continue;
                }
                let set = model.execution(id)?.set.as_ref();
                let (at, skew) = (self.shared.timeline.now(), self.shared.profile.skew_max);
                let expired = set.is_some_and(|set| set.may_expire(at, skew));
                ensure(expired, Invariant::I12, || {
                    format!("the set of {id} was removed: {}", set.map_or_else(String::new, expiry))
                })?;
                model.remove_set(id);
                self.shared.count(|figures| figures.removals += 1);
            }
            Ok(())
        });
        result
    }

    pub(super) fn confirm_removed(
        &self,
        catalog: &Tampered,
        removal: &Removal,
        now: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        if let Removal::Set { execution } = removal {
            self.look(|model| {
                let live = model.live_sets().any(|(id, _)| id == *execution);
                ensure(!live, Invariant::I12, || format!("the files of {execution} went before their set"))
            });
        }
        step(catalog.inner.confirm_removed(removal, now))
    }

    pub(super) fn confirm_notice(&self, catalog: &Tampered, id: ExecutionId) -> Result<(), CatalogError> {
        let result = step(catalog.inner.confirm_notice(id));
        self.look(|model| {
            if result.is_ok() {
                model.told.insert(id);
            }
            Ok(())
        });
        result
    }

    /// Reads without faults. A catalog that cannot be read is broken.
    pub(super) fn read<T>(&self, call: impl Future<Output = Result<T, CatalogError>>) -> Check<T> {
        step(call).map_err(|error| Broken(Invariant::Record, format!("cannot be read: {}", error.report())))
    }

    /// The jobs and executions that somebody asked for and was promised are there (durability).
    pub(super) fn check_promise(&self, job: Option<JobId>, executions: &[ExecutionId]) {
        self.look(|model| {
            job.map_or(Ok(()), |job| model.job(job).map(|_| ()))?;
            executions.iter().try_for_each(|id| model.execution(*id).map(|_| ()))
        });
    }
}

fn lease(worker: &WorkerId, now: DateTime<Utc>, length: Duration) -> Lease {
    let length = TimeDelta::from_std(length).unwrap_or(TimeDelta::MAX);
    Lease { worker: worker.clone(), renewed_at: now, expires_at: now + length }
}

fn expiry(set: &super::model::SetModel) -> String {
    let expires_at = set.set.artifacts.iter().map(|file| file.expires_at).max();
    let until = expires_at.map_or_else(String::new, |at| at.to_string());
    format!("kept until {until}{}", if set.is_held() { ", on hold" } else { "" })
}
