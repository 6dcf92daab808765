//! Who works on what: claims, signs of life, and how a claim ends (rules E2, E5; invariants I6, I10).

use std::collections::HashMap;
use std::time::Duration;

use cdds_core::domain::execution::Execution;
use cdds_core::domain::failure::Failure;
use cdds_core::domain::id::{JobId, WorkerId};
use cdds_core::domain::lifecycle;
use cdds_core::ports::catalog::{Beat, CatalogError, Claim, Directive, Fence, Publication, Settlement};
use chrono::{DateTime, SubsecRound, Utc};
use rusqlite::{Transaction, params};

use super::super::row::{ExecutionRow, integer, micros};
use super::super::stored;
use super::database::{Database, Durability};
use super::executions::{self, COLUMNS, Lease, execution_row, lease_end};
use super::fault::Fault;
use super::workers::{Registration, WorkerLocks};
use super::{artifacts, jobs};

/// How far the clocks of two workers may differ, microseconds. A lease that ends later than a fresh one
/// would, by more than this, was given by a clock that has been set back since: it counts as expired.
const SKEW_MICROS: i64 = 60_000_000;

/// Gives queued executions to a worker, after taking over those of dead ones.
pub(super) fn claim(database: &Database, claim: &Claim) -> Result<Vec<Execution>, CatalogError> {
    let claim = Claim { now: claim.now.trunc_subsecs(6), ..claim.clone() };
    let mut writer = database.writer();
    // Locked before it is named in the database: whoever finds the name finds the lock.
    let registration = database.workers().register(&claim.worker)?;
    let claimed = database.write_on(&mut writer, Durability::Full, "claim work", |tx| {
        take_over(tx, database.workers(), registration, &claim)?;
        pick(tx, &claim)
    });
    if claimed.is_err() && registration == Registration::Fresh {
        // What an earlier worker of this id left is not taken over yet: the next claim must be the
        // first one again.
        database.workers().release(&claim.worker);
    }
    claimed
}

/// Counts a crash for every running execution whose worker is dead or whose lease has run out.
fn take_over(
    tx: &Transaction<'_>,
    locks: &WorkerLocks,
    registration: Registration,
    claim: &Claim,
) -> Result<(), Fault> {
    let mut dead: HashMap<WorkerId, bool> = HashMap::new();
    if registration == Registration::Fresh {
        dead.insert(claim.worker.clone(), true);
    }
    for (execution, worker, expires_at) in running(tx)? {
        let worker_is_dead = match dead.get(&worker) {
            Some(dead) => *dead,
            None => {
                let is_dead = locks.is_dead(&worker)?;
                dead.insert(worker.clone(), is_dead);
                is_dead
            }
        };
        if worker_is_dead || !lease_holds(expires_at, claim.now, claim.lease) {
            let execution = execution.into_execution()?;
            tracing::warn!(execution_id = %execution.id, %worker, worker_is_dead, "taken over");
            executions::store(tx, &execution.failed(Failure::crashed(), &claim.retry, claim.now), None)?;
        }
    }
    Ok(())
}

fn running(tx: &Transaction<'_>) -> Result<Vec<(ExecutionRow, WorkerId, i64)>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS}, coalesce(e.worker, ''), coalesce(e.lease_expires_at, 0)
         FROM execution e WHERE e.status = 'in_progress'"
    );
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map([], |row| {
        let worker: String = row.get(17)?;
        Ok((execution_row(row)?, worker, row.get(18)?))
    })?;
    rows.map(|row| {
        let (row, worker, expires_at) = row?;
        let worker =
            WorkerId::new(worker).map_err(|error| super::super::row::corrupt("execution", &row.id, error))?;
        Ok((row, worker, expires_at))
    })
    .collect()
}

/// A lease is valid iff now < expires_at ≤ now + lease + skew.
fn lease_holds(expires_at: i64, now: DateTime<Utc>, lease: Duration) -> bool {
    micros(now) < expires_at && expires_at <= lease_end(now, lease).saturating_add(SKEW_MICROS)
}

/// Queued executions whose time has come, oldest slot first, at most one per job and none of a job that
/// runs (rule E2).
fn pick(tx: &Transaction<'_>, claim: &Claim) -> Result<Vec<Execution>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM execution e
         WHERE e.status = 'queued' AND e.not_before <= ?1
           AND NOT EXISTS (
               SELECT 1 FROM execution r WHERE r.job_id = e.job_id AND r.status = 'in_progress')
           AND NOT EXISTS (
               SELECT 1 FROM execution o WHERE o.job_id = e.job_id AND o.status = 'queued'
                  AND o.not_before <= ?1 AND (o.slot, o.id) < (e.slot, e.id))
         ORDER BY e.slot, e.id LIMIT ?2"
    );
    let limit = i64::try_from(claim.limit).unwrap_or(i64::MAX);
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map(params![micros(claim.now), limit], execution_row)?;
    let picked = rows
        .map(|row| Ok(row?.into_execution()?.claimed(claim.worker.clone(), claim.now)))
        .collect::<Result<Vec<Execution>, Fault>>()?;
    let lease = Lease { worker: &claim.worker, expires_at: lease_end(claim.now, claim.lease) };
    for execution in &picked {
        executions::store(tx, execution, Some(&lease))?;
        start(tx, execution.job_id)?;
    }
    Ok(picked)
}

/// Rule J8: a one-time job is completed in the transaction that starts it.
fn start(tx: &Transaction<'_>, job: JobId) -> Result<(), Fault> {
    if let Some(job) = jobs::find_any(tx, job)?
        && let Some(started) = lifecycle::started(&job)
    {
        jobs::update(tx, &started, job.version)?;
    }
    Ok(())
}

/// Renews the leases of a worker's executions and stores their progress.
pub(super) fn beat(
    tx: &Transaction<'_>,
    worker: &WorkerId,
    now: DateTime<Utc>,
    lease: Duration,
    beats: &[Beat],
) -> Result<Vec<Directive>, Fault> {
    let expires_at = lease_end(now, lease);
    let mut statement = tx.prepare(
        "UPDATE execution SET lease_expires_at = ?4, progress = ?5, records = ?6
         WHERE id = ?1 AND epoch = ?2 AND worker = ?3 AND status = 'in_progress'",
    )?;
    let mut directives = Vec::with_capacity(beats.len());
    for Beat { fence, progress } in beats {
        let progress_json = stored::progress_to_json(progress)
            .map_err(|error| super::super::row::corrupt("execution", &fence.execution.to_string(), error))?;
        let renewed = statement.execute(params![
            fence.execution.to_string(),
            integer(fence.epoch),
            worker.as_str(),
            expires_at,
            progress_json,
            integer(progress.records),
        ])?;
        directives.push(if renewed == 1 { Directive::Continue } else { Directive::Fenced });
    }
    Ok(directives)
}

/// Makes the set visible and the execution succeeded, if the claim still holds (invariants I3, I6).
pub(super) fn publish(tx: &Transaction<'_>, fence: Fence, publication: &Publication) -> Result<(), Fault> {
    let execution = executions::fenced(tx, fence)?;
    let published_at = publication.published_at.trunc_subsecs(6);
    artifacts::insert(tx, fence.execution, &publication.set, published_at)?;
    executions::store(tx, &execution.succeeded(publication.progress, published_at), None)
}

/// Ends the attempt without success, if the claim still holds.
pub(super) fn settle(
    tx: &Transaction<'_>,
    fence: Fence,
    settlement: &Settlement,
    now: DateTime<Utc>,
) -> Result<Execution, Fault> {
    let now = now.trunc_subsecs(6);
    let execution = executions::fenced(tx, fence)?;
    let settled = match settlement {
        Settlement::Failed { failure, retry } => execution.failed(failure.clone(), retry, now),
        Settlement::Cancelled => execution.cancelled(now),
        Settlement::Released => execution.released(now),
    };
    executions::store(tx, &settled, None)?;
    Ok(settled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_holds_between_now_and_what_a_fresh_one_would_be() {
        let (now, lease) = (DateTime::from_timestamp(1_800_000_000, 0).unwrap(), Duration::from_secs(60));
        let second = 1_000_000;
        for (expires_in, holds) in [
            (-second, false),
            (0, false),
            (1, true),
            (60 * second, true),
            (120 * second, true),
            (120 * second + 1, false),
        ] {
            assert_eq!(lease_holds(micros(now) + expires_in, now, lease), holds, "{expires_in} µs");
        }
    }
}
