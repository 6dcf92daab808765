//! Workers' reports on running executions: their beginnings, and the ends of attempts (rules E5, E8, W3b, W4).

use cdds_core::domain::execution::completeness::Frozen;
use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::JobId;
use cdds_core::domain::job::lifecycle;
use cdds_core::domain::job::settling::Open;
use cdds_core::domain::job::{Job, JobChange};
use cdds_core::ports::catalog::{
    CatalogError, CatalogErrorKind, Fence, Publication, Settlement, WAITING_MAX,
};
use chrono::{DateTime, SubsecRound, Utc};

use super::super::row::corrupt;
use super::executions;
use super::fault::{Fault, conflict};
use super::transaction::Transaction;
use super::{artifacts, copies, deliveries, jobs, outbox, subjects};

/// Freezes the end of a claimed execution's window, or gives the execution back until its source is complete (rule
/// W3b).
pub(super) fn begin(
    tx: &Transaction<'_>,
    fence: Fence,
    complete_until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<Frozen, Fault> {
    let execution = executions::fenced(tx, fence)?;
    if execution.is_frozen() {
        return Ok(Frozen::Running(execution));
    }
    // The policy that the job has now, so that an edit can end a wait.
    let job = jobs::find_any(tx, execution.job_id)?;
    let own = execution.settings.policies.incomplete;
    let policy = job.map_or(own, |job| job.settings.policies.incomplete);
    let frozen = execution.freeze(policy, complete_until, now);
    match &frozen {
        Frozen::Running(running) => executions::freeze(tx, running)?,
        Frozen::Held(held) => store(tx, held, now)?,
    }
    Ok(frozen)
}

/// Makes the set visible, marks the execution as succeeded, and moves the watermark, provided that the claim
/// still holds and nobody has been promised that it stops (invariants I3, I6; rule E8).
pub(super) fn publish(tx: &Transaction<'_>, fence: Fence, publication: &Publication) -> Result<(), Fault> {
    let published_at = publication.published_at.trunc_subsecs(6);
    let execution = executions::fenced(tx, fence)?;
    if execution.writer().nonce != publication.nonce {
        return Err(executions::claim_has_ended(fence));
    }
    let published = execution
        .published(publication.progress, published_at)
        .map_err(|stop| Fault::Refused(CatalogError::new(CatalogErrorKind::Cancelled, stop.to_string())))?;
    subjects::answer(tx, &published, publication.request, published_at)?;
    artifacts::insert(tx, fence.id, &publication.set, published_at)?;
    if let Some(filter) = &publication.filter {
        copies::insert(tx, fence.id, filter)?;
    }
    store(tx, &published, published_at)
}

/// Ends the attempt without success, if the claim still holds.
pub(super) fn settle(
    tx: &Transaction<'_>,
    fence: Fence,
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<Execution, Fault> {
    let execution = executions::fenced(tx, fence)?;
    let settled = match settlement {
        Settlement::Failed { failure, retry } => execution.failed(failure.clone(), retry, now),
        Settlement::Cancelled => execution.cancelled(now),
        Settlement::Released => execution.released(now),
    };
    store(tx, &settled, now)?;
    Ok(settled)
}

/// Stores an execution whose attempt has ended and, if the execution has ended too, the effect on its job.
/// Stores nothing if the job is not understood or the watermark has moved.
pub(super) fn store(tx: &Transaction<'_>, after: &Execution, now: DateTime<Utc>) -> Result<(), Fault> {
    if after.is_open() {
        return executions::store(tx, after, None);
    }
    let (before, change) = ended(tx, after, now)?;
    executions::store(tx, after, None)?;
    jobs::apply(tx, &change, before.revision)?;
    outbox::insert(tx, &lifecycle::notices(&before, &change, after))?;
    deliveries::publish(tx, after)
}

/// Returns the job of an execution that has ended, as it was, and the effect of that end on it.
fn ended(tx: &Transaction<'_>, execution: &Execution, now: DateTime<Utc>) -> Result<(Job, JobChange), Fault> {
    let id = execution.job_id;
    let job = jobs::find_any(tx, id)?.ok_or_else(|| {
        corrupt("execution", &execution.id.to_string(), format_args!("job {id} is missing"))
    })?;
    // Only a failure can suspend a job, and only if the job wants that (rule E5). Skip the query otherwise,
    // since a backlog may be long.
    let pauses = job.settings.policies.pause_after_failures.is_some();
    let open = match execution.status() {
        Status::Failed if pauses => first_that_wait(tx, id)?,
        _ => Open::default(),
    };
    let change = lifecycle::ended(&job, execution, open, now).map_err(|overtaken| {
        conflict(format!("execution {} cannot be published: {overtaken}", execution.id))
    })?;
    Ok((job, change))
}

/// Returns as many of a job's waiting executions as one transaction decides about. Those not understood stay
/// queued.
fn first_that_wait(tx: &Transaction<'_>, job: JobId) -> Result<Open, Fault> {
    let mut executions = executions::waiting(tx, job, None, WAITING_MAX + 1)?;
    let more = executions.len() > WAITING_MAX;
    executions.truncate(WAITING_MAX);
    Ok(Open { executions, more })
}
