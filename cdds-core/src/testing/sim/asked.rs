//! Checks the changes that people and the schedule make: to jobs, and to executions that are cancelled or
//! deleted.

use chrono::{DateTime, Utc};

use super::answers::{check_refusal, check_written, unless_refused};
use super::invariants::Cause;
use super::model::{Check, Model, brief, ensure};
use super::planted::Tampered;
use super::report::Invariant;
use super::watch::{Watch, step};
use crate::domain::access::audit::AuditRecord;
use crate::domain::execution::{Execution, Trigger};
use crate::domain::id::{ExecutionId, Owner};
use crate::domain::job::{Job, JobChange, JobState};
use crate::ports::catalog::{CatalogError, CatalogErrorKind};

impl Watch {
    pub(super) fn insert_job(
        &self,
        catalog: &Tampered,
        job: &Job,
        first: Option<&Execution>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let result = step(catalog.insert_job(job, first, audit));
        self.look(|model| {
            let named = !job.settings.protection.recipients().is_empty();
            let known = model.jobs.contains_key(&job.id);
            let lawful = |kind| kind == CatalogErrorKind::Conflict && (known || named);
            check_refusal("insert_job", &result, lawful)?;
            let cause = unless_refused(&result, Cause::Changed { before: job, after: job });
            if result.is_ok() {
                self.refresh_job(model, &job.owner, job.id, cause)?;
                let known = &model.job(job.id)?.job;
                let stored = Job { revision: 1, ..job.clone() };
                ensure(*known == stored, Invariant::Answer, || format!("{known:?} was stored for {job:?}"))?;
            }
            let Some(first) = first else { return Ok(()) };
            self.refresh(model, &job.owner, first.id, cause)?;
            if result.is_ok() { check_written(model, first) } else { Ok(()) }
        });
        self.check_audit(audit, &result);
        result
    }

    pub(super) fn change_job(
        &self,
        catalog: &Tampered,
        change: &JobChange,
        expected: u64,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let result = step(catalog.change_job(change, expected, audit));
        self.look(|model| {
            let owner = &change.job.owner;
            let known = model.jobs.get(&change.job.id).map(|known| known.job.revision);
            check_refusal("change_job", &result, |kind| {
                kind == CatalogErrorKind::Conflict && Self::is_overtaken(model, change, expected)
            })?;
            let before = model.job(change.job.id)?.job.clone();
            if result.is_err() {
                let changed = change.superseded.iter().chain(&change.edited);
                changed.into_iter().try_for_each(|one| self.refresh(model, owner, one.id, Cause::Nothing))?;
                return self.refresh_job(model, owner, before.id, Cause::Nothing);
            }
            ensure(known == Some(expected), Invariant::Record, || {
                format!("a change of revision {expected} was stored over {known:?}")
            })?;
            self.follow_change(model, &before, change)
        });
        self.check_audit(audit, &result);
        result
    }

    /// Follows a change that was stored.
    fn follow_change(&self, model: &mut Model, before: &Job, change: &JobChange) -> Check {
        let (owner, after) = (&change.job.owner, &change.job);
        let new = Self::new_entries(model, change);
        let cause = Cause::Changed { before, after };
        // The model needs this order: executions that stop waiting, then the job, then new executions.
        for changed in change.superseded.iter().chain(&change.edited) {
            self.refresh(model, owner, changed.id, cause)?;
        }
        if after.state == JobState::Deleted {
            // A deleted job cannot be read any more, so its expected state is taken from the change.
            let revision = model.job(after.id)?.job.revision + 1;
            self.compare_job(model, after.id, Some(Job { revision, ..after.clone() }), cause)?;
        } else {
            self.refresh_job(model, owner, after.id, cause)?;
        }
        model.join_stretch(after.id, &change.edited);
        change.entries.iter().try_for_each(|entry| self.refresh(model, owner, entry.id, cause))?;
        self.check_stored(model, change, before.revision + 1, &new)?;
        self.check_covered(model, change)?;
        check_settled(model, after)?;
        if before.settings == after.settings { self.check_reach(before, change) } else { Ok(()) }
    }

    pub(super) fn change_execution(
        &self,
        catalog: &Tampered,
        before: &Execution,
        after: &Execution,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let result = step(catalog.change_execution(before, after, audit));
        self.look(|model| {
            let known = &model.execution(before.id)?.execution;
            // A worker may have frozen the window since the person read it, and that stays (rule W3b).
            let (window, completeness) = (known.window, known.completeness);
            let overtaken = known.status() != before.status() || known.epoch != before.epoch;
            let lawful = |kind| kind == CatalogErrorKind::Conflict && overtaken;
            check_refusal("change_execution", &result, lawful)?;
            let cause = unless_refused(&result, Cause::Asked);
            self.refresh(model, &before.owner, before.id, cause)?;
            self.refresh_job(model, &before.owner, before.job_id, cause)?;
            let written = Execution { window, completeness, ..after.clone() };
            if result.is_ok() { check_written(model, &written) } else { Ok(()) }
        });
        self.check_audit(audit, &result);
        result
    }

    pub(super) fn delete_execution(
        &self,
        catalog: &Tampered,
        owner: &Owner,
        id: ExecutionId,
        now: DateTime<Utc>,
        audit: &[AuditRecord],
    ) -> Result<(), CatalogError> {
        let result = step(catalog.delete_execution(owner, id, now, audit));
        self.look(|model| {
            let known = model.execution(id)?;
            let open = known.execution.is_open();
            let held = known.set.as_ref().is_some_and(|set| !set.removed && set.is_held());
            let gone = known.deleted || known.forgotten;
            let stays = open || held || gone;
            let lawful = |kind| kind == CatalogErrorKind::Conflict && stays;
            check_refusal("delete_execution", &result, lawful)?;
            let found = self.read(self.catalog.execution(owner, id, now))?;
            let there = found.is_some();
            if result.is_err() {
                return ensure(there != gone, Invariant::Answer, || format!("{id} was not deleted"));
            }
            ensure(!open, Invariant::Record, || format!("{id} was deleted while open"))?;
            ensure(!held, Invariant::I12, || format!("the set of {id} is on hold and was deleted"))?;
            ensure(!there, Invariant::Answer, || format!("{id} was deleted and is there"))?;
            model.delete(id, now);
            self.check_silenced(model, id)
        });
        self.check_audit(audit, &result);
        result
    }
}

/// Rules J7, J10, J12: once all changes of a job are settled, every waiting execution has the job's settings,
/// and none waits that may not run.
fn check_settled(model: &Model, job: &Job) -> Check {
    if job.unsettled.is_some() {
        return Ok(());
    }
    let open = model.job(job.id)?.open.iter().filter_map(|id| model.executions.get(id));
    for waiting in open.map(|one| &one.execution).filter(|one| one.is_waiting()) {
        let by_hand = job.state == JobState::Suspended && job.suspended_at.is_some();
        let stops = by_hand && waiting.trigger == Trigger::Scheduled || job.state == JobState::Deleted;
        ensure(!stops && waiting.settings == job.settings, Invariant::Record, || {
            format!("{} waits, and its job is {job:?} (rules J7, J10, J12)", brief(waiting))
        })?;
    }
    Ok(())
}
