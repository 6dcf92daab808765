//! What a call to the record acknowledges has happened, and what it refuses it refuses for a reason.

use super::invariants::{Cause, without_progress};
use super::model::{Broken, Check, Model, brief, ensure};
use super::report::Invariant;
use super::watch::Watch;
use crate::domain::execution::{Execution, Trigger};
use crate::domain::job::{Job, JobChange, JobState};
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Fence};

/// The catalog has no faults of its own here: it refuses only what it must, which `lawful` says, and an error of
/// another kind is a defect.
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

/// What nobody may be refused.
pub(super) fn never(_: CatalogErrorKind) -> bool {
    false
}

impl Watch {
    /// A read answers, whatever it is asked.
    pub(super) fn check_read<T>(&self, call: &str, result: &Result<T, CatalogError>) {
        if let Err(Broken(invariant, what)) = check_refusal(call, result, never) {
            self.shared.violate(invariant, what);
        }
    }

    /// The job and what was put on the record with it are stored as they were given.
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
        // An entry that was on the record before stays as it was.
        let entries = change.entries.iter().zip(new).filter(|(_, new)| **new).map(|(entry, _)| entry);
        let given = entries.chain(&change.superseded).chain(&change.edited);
        given.into_iter().try_for_each(|given| check_written(model, given))
    }

    /// Which entries of a change are not on the record yet. What a person asked for must not be.
    pub(super) fn new_entries(model: &Model, change: &JobChange) -> Vec<bool> {
        change.entries.iter().map(|entry| !model.executions.contains_key(&entry.id)).collect()
    }

    /// A change of a job is refused if it was overtaken.
    pub(super) fn is_overtaken(model: &Model, change: &JobChange, expected: u64) -> bool {
        let asked = |entry: &&Execution| entry.trigger != Trigger::Scheduled;
        let twice = |entry: &Execution| model.executions.contains_key(&entry.id);
        let known = model.jobs.get(&change.job.id).map(|known| &known.job);
        let there = known.is_some_and(|job| job.revision == expected && job.state != JobState::Deleted);
        let names = !change.job.settings.protection.recipients().is_empty();
        !there || names || change.entries.iter().filter(asked).any(twice)
    }

    /// Invariant I6: what a claim guards happens while it holds, and only then.
    pub(super) fn check_fence<T>(
        &self,
        model: &Model,
        fence: Fence,
        call: &str,
        result: &Result<T, CatalogError>,
    ) -> Check {
        let known = &model.execution(fence.execution)?.execution;
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

/// Whether a claim holds.
pub(super) fn is_held(execution: &Execution, fence: Fence) -> bool {
    let running = execution.state == crate::domain::execution::ExecutionState::Running;
    running && execution.epoch == fence.epoch
}

/// An execution is on the record as it was given.
pub(super) fn check_written(model: &Model, given: &Execution) -> Check {
    let known = &model.execution(given.id)?.execution;
    ensure(*known == without_progress(given.clone()), Invariant::Answer, || {
        format!("{} is on the record instead of {}", brief(known), brief(given))
    })
}

/// What a call may have done: nothing, if it was refused.
pub(super) fn unless_refused<'a, T>(result: &Result<T, CatalogError>, cause: Cause<'a>) -> Cause<'a> {
    if result.is_ok() { cause } else { Cause::Nothing }
}
