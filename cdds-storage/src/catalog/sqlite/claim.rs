//! Who works on what: claims, signs of life, and how a claim ends (rules E2, E5; invariants I6, I10).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::failure::Failure;
use cdds_core::domain::id::{JobId, WorkerId};
use cdds_core::domain::job::Job;
use cdds_core::domain::lifecycle;
use cdds_core::ports::catalog::{
    Beat, CatalogError, Claim, Claimed, Directive, Fence, Publication, Settlement,
};
use chrono::{DateTime, SubsecRound, Utc};
use rusqlite::{Row, Transaction, params};

use super::super::row::{corrupt, integer, micros};
use super::super::stored;
use super::database::{Database, Durability};
use super::executions::{self, COLUMNS, Lease};
use super::fault::Fault;
use super::understood::{row_id, understood};
use super::workers::{Registration, WorkerLocks};
use super::{artifacts, jobs};

/// How far the clocks of two workers may differ, microseconds. A lease that was renewed later than this
/// from now was given by a clock that has been set back since: it counts as expired.
const SKEW_MICROS: i64 = 60_000_000;

/// Gives queued executions to a worker, after taking over those of dead ones.
pub(super) fn claim(database: &Database, claim: &Claim) -> Result<Claimed, CatalogError> {
    let claim = Claim { now: claim.now.trunc_subsecs(6), ..claim.clone() };
    let mut writer = database.writer();
    // Locked before it is named in the database: whoever finds the name finds the lock.
    let registration = database.workers().register(&claim.worker)?;
    let claimed = database.write_on(&mut writer, Durability::Full, "claim work", |tx| {
        let given_up = take_over(tx, database.workers(), registration, &claim)?;
        Ok(Claimed { executions: pick(tx, &claim)?, given_up })
    });
    if claimed.is_err() && registration == Registration::Fresh {
        // What an earlier worker of this id left is not taken over yet: the next claim must be the
        // first one again.
        database.workers().release(&claim.worker);
    }
    claimed
}

/// Counts a crash for every running execution whose worker is dead or whose lease has run out, and gives
/// those for which it was the last one. What the asking worker has, it has: it knows better than a lease
/// whether it lives.
fn take_over(
    tx: &Transaction<'_>,
    locks: &WorkerLocks,
    registration: Registration,
    claim: &Claim,
) -> Result<Vec<Execution>, Fault> {
    let mut given_up = Vec::new();
    for execution in abandoned(tx, locks, registration, claim)? {
        let after = execution.failed(Failure::crashed(), &claim.retry, claim.now);
        executions::store(tx, &after, None)?;
        if after.status() == Status::Failed {
            given_up.push(after);
        }
    }
    Ok(given_up)
}

fn abandoned(
    tx: &Transaction<'_>,
    locks: &WorkerLocks,
    registration: Registration,
    claim: &Claim,
) -> Result<Vec<Execution>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS}, coalesce(e.worker, ''), coalesce(e.lease_renewed_at, 0),
                coalesce(e.lease_expires_at, 0)
         FROM execution e WHERE e.status = 'in_progress'"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut dead: HashMap<WorkerId, bool> = HashMap::new();
    if registration == Registration::Fresh {
        dead.insert(claim.worker.clone(), true);
    }
    let mut abandoned = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row_id(row);
        let Some(worker) = understood("execution", &id, worker_of(row, &id))? else { continue };
        let own = worker == claim.worker && registration == Registration::Held;
        if own && claim.holding.iter().any(|fence| fence.execution.to_string() == id) {
            continue;
        }
        let worker_is_dead = match dead.get(&worker) {
            _ if own => false,
            Some(dead) => *dead,
            None => {
                let is_dead = locks.is_dead(&worker)?;
                dead.insert(worker.clone(), is_dead);
                is_dead
            }
        };
        if !worker_is_dead && lease_holds(row.get(18)?, row.get(19)?, claim.now) {
            continue;
        }
        if let Some(execution) = understood("execution", &id, executions::read(row))? {
            tracing::warn!(execution_id = %execution.id, %worker, worker_is_dead, "taken over");
            abandoned.push(execution);
        }
    }
    Ok(abandoned)
}

fn worker_of(row: &Row<'_>, id: &str) -> Result<WorkerId, Fault> {
    let worker: String = row.get(17)?;
    Ok(WorkerId::new(worker).map_err(|error| corrupt("execution", id, error))?)
}

/// A lease holds iff renewed_at ≤ now + skew and now < expires_at; how long it is, is its worker's matter.
fn lease_holds(renewed_at: i64, expires_at: i64, now: DateTime<Utc>) -> bool {
    renewed_at <= micros(now).saturating_add(SKEW_MICROS) && micros(now) < expires_at
}

/// Queued executions whose time has come, oldest slot first, at most one per job and none of a job that
/// runs (rule E2). One that is not understood, or whose job is not, is passed over; jobs and the limit are
/// counted here, so that it does not stand in the way of others.
fn pick(tx: &Transaction<'_>, claim: &Claim) -> Result<Vec<Execution>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM execution e
         WHERE e.status = 'queued' AND e.not_before <= ?1
           AND NOT EXISTS (
               SELECT 1 FROM execution r WHERE r.job_id = e.job_id AND r.status = 'in_progress')
         ORDER BY e.slot, e.id"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query([micros(claim.now)])?;
    let mut picked: HashMap<JobId, Option<Job>> = HashMap::new();
    let mut executions = Vec::new();
    while executions.len() < claim.limit
        && let Some(row) = rows.next()?
    {
        let read = executions::read(row);
        let Some(execution) = understood("execution", &row_id(row), read)? else { continue };
        let Entry::Vacant(entry) = picked.entry(execution.job_id) else { continue };
        let id = execution.job_id;
        let Some(job) = understood("job", &id.to_string(), jobs::find_any(tx, id))? else { continue };
        entry.insert(job);
        executions.push(execution.claimed(claim.worker.clone(), claim.now));
    }
    let lease = Lease::new(&claim.worker, claim.now, claim.lease);
    for execution in &executions {
        executions::store(tx, execution, Some(&lease))?;
    }
    for job in picked.into_values().flatten() {
        // Rule J8: a one-time job is completed in the transaction that starts it.
        if let Some(started) = lifecycle::started(&job) {
            jobs::update(tx, &started, job.version)?;
        }
    }
    Ok(executions)
}

/// Renews the leases of a worker's executions and stores their progress.
pub(super) fn beat(
    tx: &Transaction<'_>,
    worker: &WorkerId,
    now: DateTime<Utc>,
    lease: Duration,
    beats: &[Beat],
) -> Result<Vec<Directive>, Fault> {
    let lease = Lease::new(worker, now, lease);
    let mut statement = tx.prepare(
        "UPDATE execution SET lease_renewed_at = ?4, lease_expires_at = ?5, progress = ?6, records = ?7
         WHERE id = ?1 AND epoch = ?2 AND worker = ?3 AND status = 'in_progress'",
    )?;
    let mut directives = Vec::with_capacity(beats.len());
    for Beat { fence, progress } in beats {
        let progress_json = stored::progress_to_json(progress)
            .map_err(|error| corrupt("execution", &fence.execution.to_string(), error))?;
        let renewed = statement.execute(params![
            fence.execution.to_string(),
            integer(fence.epoch),
            lease.worker.as_str(),
            lease.renewed_at,
            lease.expires_at,
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
