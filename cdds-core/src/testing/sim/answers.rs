//! Checks the catalog's answers: an acknowledged call has taken effect, and a refused one had a valid reason.

use super::invariants::{Cause, without_progress};
use super::model::{Broken, Check, Model, brief, ensure};
use super::report::Invariant;
use super::watch::Watch;
use crate::domain::execution::{Execution, Trigger};
use crate::domain::job::{Job, JobChange, JobState};
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Fence};

/// Checks a refusal. Faults are injected outside the catalog, so here it may refuse only what the rules
/// require: `lawful` says whether an error of this kind is one of them. Any other error is a defect.
pub(super) fn check_refusal<T>(
    call: &str,
    result: &Result<T, CatalogError>,
    lawful: impl FnOnce(CatalogErrorKind) -> bool,
) -> Check {
    match result {
        Ok(_) => Ok(()),
        Err(error) => ensure(lawful(error.kind()), Invariant::Answer, || {
            format!("{call} gave {:?} without need: {}", error.kind(), error.report())
        }),
    }
}

/// For calls that may never be refused.
pub(super) fn never(_: CatalogErrorKind) -> bool {
    false
}

impl Watch {
    /// Checks that a read succeeded, as every read must.
    pub(super) fn check_read<T>(&self, call: &str, result: &Result<T, CatalogError>) {
        if let Err(Broken(invariant, what)) = check_refusal(call, result, never) {
            self.shared.violate(invariant, what);
        }
    }

    /// Checks that the job and its new executions are stored exactly as they were passed.
    pub(super) fn check_stored(
        &self,
        model: &Model,
        change: &JobChange,
        revision: u64,
        new: &[bool],
    ) -> Check {
        let known = &model.job(change.job.id)?.job;
        let job = Job { revision, ..change.job.clone() };
        ensure(*known == job, Invariant::Answer, || format!("{known:?} was stored instead of {job:?}"))?;
        if change.job.state == JobState::Deleted {
            let found = self.read(self.catalog.job(&job.owner, job.id))?;
            ensure(found.is_none(), Invariant::Answer, || {
                format!("job {} was deleted and is there", job.id)
            })?;
        }
        // An entry that was already on the record stays unchanged.
        let entries = change.entries.iter().zip(new).filter(|(_, new)| **new).map(|(entry, _)| entry);
        let given = entries.chain(&change.superseded).chain(&change.edited);
        given.into_iter().try_for_each(|given| check_written(model, given))
    }

    /// Returns for each entry of a change whether it is new to the record. One that a person requested has to
    /// be.
    pub(super) fn new_entries(model: &Model, change: &JobChange) -> Vec<bool> {
        change.entries.iter().map(|entry| !model.executions.contains_key(&entry.id)).collect()
    }

    /// Whether a change of a job must be refused, because another change overtook it.
    pub(super) fn is_overtaken(model: &Model, change: &JobChange, expected: u64) -> bool {
        let asked = |entry: &&Execution| entry.trigger != Trigger::Scheduled;
        let twice = |entry: &Execution| model.executions.contains_key(&entry.id);
        let known = model.jobs.get(&change.job.id).map(|known| &known.job);
        let there = known.is_some_and(|job| job.revision == expected && job.state != JobState::Deleted);
        let names = !change.job.settings.protection.recipients().is_empty();
        !there || names || change.entries.iter().filter(asked).any(twice)
    }

    /// Invariant I6: a call that a claim guards succeeds if and only if the claim holds.
    pub(super) fn check_fence<T>(
        &self,
        model: &Model,
        fence: Fence,
        call: &str,
        result: &Result<T, CatalogError>,
    ) -> Check {
        let known = &model.execution(fence.id)?.execution;
        let holds = is_held(known, fence);
        let stops = known.cancel_requested_at.is_some() && call == "publish";
        if let Err(error) = result
            && error.kind() == CatalogErrorKind::Fenced
        {
            self.shared.count(|figures| figures.fenced += 1);
            return ensure(!holds, Invariant::Lease, || format!("{fence:?} holds and was refused"));
        }
        check_refusal(call, result, |kind| kind == CatalogErrorKind::Cancelled && holds && stops)?;
        ensure(holds, Invariant::I6, || {
            format!("{fence:?} committed over epoch {} ({})", known.epoch, known.status().as_str())
        })
    }
}

/// Whether this claim of the execution still holds.
pub(super) fn is_held(execution: &Execution, fence: Fence) -> bool {
    let running = execution.state == crate::domain::execution::ExecutionState::Running;
    running && execution.epoch == fence.epoch
}

/// Checks that an execution is on the record exactly as it was passed.
pub(super) fn check_written(model: &Model, given: &Execution) -> Check {
    let known = &model.execution(given.id)?.execution;
    ensure(*known == without_progress(given.clone()), Invariant::Answer, || {
        format!("{} is on the record instead of {}", brief(known), brief(given))
    })
}

/// Narrows the permitted changes of a call to none if it was refused.
pub(super) fn unless_refused<'a, T>(result: &Result<T, CatalogError>, cause: Cause<'a>) -> Cause<'a> {
    if result.is_ok() { cause } else { Cause::Nothing }
}
