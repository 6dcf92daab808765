//! Whether the workers of running executions are alive, for display.

use std::collections::HashMap;

use cdds_core::domain::execution::Status;
use cdds_core::domain::id::{ExecutionId, WorkerId};
use cdds_core::domain::work::lease::{Lease, WorkerLife};
use cdds_core::ports::catalog::CatalogError;
use cdds_core::ports::catalog::query::{ExecutionOverview, JobOverview};
use chrono::{DateTime, Utc};

use super::database::{Database, Presence};
use super::driver::OptionalExtension;
use super::fault::Fault;
use super::transaction::Transaction;

/// A displayed row, and its field for whether the worker is alive.
pub(super) struct Shown<'a> {
    execution: ExecutionId,
    status: Status,
    worker: &'a mut Option<WorkerLife>,
}

pub(super) fn of_execution(overview: &mut ExecutionOverview) -> Shown<'_> {
    let (execution, status) = (overview.execution.id, overview.execution.status());
    Shown { execution, status, worker: &mut overview.worker }
}

pub(super) fn of_job(overview: &mut JobOverview) -> Option<Shown<'_>> {
    let latest = overview.latest.as_mut()?;
    Some(Shown { execution: latest.id, status: latest.status, worker: &mut latest.worker })
}

/// Fills in whether workers are alive, by their locks or, failing that, by their leases at `now`. Checks the
/// locks outside of any transaction. If a worker seems gone, its claim is read once more, since it may just
/// have ended in good order.
pub(super) fn tell(
    database: &impl Database,
    shown: Vec<Shown<'_>>,
    now: Option<DateTime<Utc>>,
) -> Result<(), CatalogError> {
    let running: Vec<Shown<'_>> = shown.into_iter().filter(|row| row.status == Status::InProgress).collect();
    if running.is_empty() {
        return Ok(());
    }
    let ids: Vec<ExecutionId> = running.iter().map(|row| row.execution).collect();
    let claims = database.read("read which workers are alive", |tx| read(tx, &ids))?;
    let lives: HashMap<ExecutionId, WorkerLife> = claims
        .iter()
        .filter_map(|(id, claim)| {
            let process = database.workers().process_lives(&claim.worker);
            let by_lease = now.or_else(|| process.map(|_| claim.lease.renewed_at))?;
            Some((*id, WorkerLife::of(process, &claim.lease, by_lease)))
        })
        .collect();
    let again = match lives.values().any(|life| *life == WorkerLife::Gone) {
        true => database.read("read which workers are alive", |tx| read(tx, &ids))?,
        false => HashMap::new(),
    };
    for row in running {
        let claim = claims.get(&row.execution);
        let still =
            claim.is_some_and(|claim| again.get(&row.execution).is_some_and(|now| now.epoch == claim.epoch));
        *row.worker = lives.get(&row.execution).copied().filter(|life| *life == WorkerLife::Alive || still);
    }
    Ok(())
}

/// The worker that holds a running execution.
struct Claim {
    epoch: i64,
    worker: WorkerId,
    lease: Lease,
}

/// Leaves out rows that are not understood.
fn read(tx: &Transaction<'_>, ids: &[ExecutionId]) -> Result<HashMap<ExecutionId, Claim>, Fault> {
    let mut statement = tx.prepare(
        "SELECT e.epoch, e.worker, e.lease_renewed_at, e.lease_expires_at FROM execution e
         WHERE e.id = ?1 AND e.status = 'in_progress' AND e.worker IS NOT NULL",
    )?;
    let mut claims = HashMap::new();
    for id in ids {
        let row = statement
            .query_row([id.to_string()], |row| {
                Ok((row.get::<i64>(0)?, row.get::<String>(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((epoch, worker, renewed, expires)) = row else { continue };
        let at = |micros: Option<i64>| micros.and_then(DateTime::from_timestamp_micros);
        if let (Ok(worker), Some(renewed_at), Some(expires_at)) =
            (WorkerId::new(worker), at(renewed), at(expires))
        {
            claims.insert(*id, Claim { epoch, worker, lease: Lease { renewed_at, expires_at } });
        }
    }
    Ok(claims)
}
