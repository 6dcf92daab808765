//! Takes over the work of workers that are dead or hang (rule E5, invariant I6).

use std::collections::{HashMap, HashSet};

use cdds_core::domain::execution::Execution;
use cdds_core::domain::execution::failure::Failure;
use cdds_core::domain::id::WorkerId;
use cdds_core::domain::work::lease::{Hold, Lease};
use cdds_core::ports::catalog::{CatalogError, Claim};
use chrono::{DateTime, Utc};

use super::super::row::{corrupt, micros};
use super::database::{Database, Look, Presence, Registration};
use super::driver::{self, NONE, Row, params};
use super::executions::{self, COLUMNS, COLUMNS_COUNT};
use super::fault::Fault;
use super::running;
use super::transaction::Transaction;
use super::understood::{row_id, understood};

/// Claims of dead workers: executions and their epochs, as stored. A worker that revives under the same name
/// claims under a new epoch, so the set stays correct.
#[derive(Debug, Default)]
pub(super) struct Orphaned(HashSet<(String, i64)>);

impl Orphaned {
    fn has(&self, row: &Row<'_>) -> Result<bool, Fault> {
        Ok(self.0.contains(&(row.get("id")?, row.get("epoch")?)))
    }
}

/// Finds the claims whose workers are dead. Checks the locks outside of any transaction: a process that does
/// not let go of a lock must not block the database too. The set may be out of date by then, which is
/// harmless: the epochs protect new claims, and the next claim finds a worker that dies after this.
pub(super) fn orphaned(
    database: &impl Database,
    registration: Registration,
    asking: &WorkerId,
) -> Result<Orphaned, CatalogError> {
    if !database.workers().sees_the_dead() {
        return Ok(Orphaned::default());
    }
    let running = database.read("find what dead workers have left", running_claims)?;
    let mut dead: HashMap<WorkerId, bool> = HashMap::new();
    // A worker that has only just taken its lock cannot hold anything yet: claims under its name are those of
    // a dead worker.
    dead.insert(asking.clone(), registration == Registration::Fresh);
    let mut orphaned = HashSet::new();
    for (execution, epoch, worker) in running {
        let is_dead = match dead.get(&worker) {
            Some(is_dead) => *is_dead,
            None => {
                // Each worker once, since a probe may wait for the folder.
                let is_dead = database.workers().is_dead(&worker)?;
                dead.insert(worker, is_dead);
                is_dead
            }
        };
        if is_dead {
            orphaned.insert((execution, epoch));
        }
    }
    Ok(Orphaned(orphaned))
}

/// Returns every running claim with its worker. Skips rows that are not understood; whoever reads them one by
/// one reports them.
fn running_claims(tx: &Transaction<'_>) -> Result<Vec<(String, i64, WorkerId)>, Fault> {
    let mut statement = tx.prepare(
        "SELECT e.id, e.epoch, coalesce(e.worker, '') FROM execution e WHERE e.status = 'in_progress'",
    )?;
    let mut rows = statement.query(NONE)?;
    let mut claims = Vec::new();
    while let Some(row) = &rows.next()? {
        let claim: driver::Result<(String, i64, String)> =
            row.get(0).and_then(|id| Ok((id, row.get(1)?, row.get(2)?)));
        if let Ok((execution, epoch, worker)) = claim
            && let Ok(worker) = WorkerId::new(worker)
        {
            claims.push((execution, epoch, worker));
        }
    }
    Ok(claims)
}

/// Counts a crash for every running execution whose worker is dead or whose lease has expired, and returns
/// those that this ends. Leaves the executions that the asking worker says it holds: it is alive, whatever
/// its lease says.
pub(super) fn take_over(
    tx: &Transaction<'_>,
    orphaned: &Orphaned,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<Taken, Fault> {
    let mut given_up = Vec::new();
    let (abandoned, first_expires_at) = abandoned(tx, orphaned, claim, now)?;
    let has_changed = !abandoned.is_empty();
    for execution in abandoned {
        // The crash counts as an attempt (rule E5). Otherwise an execution that kills its worker would begin
        // for ever.
        let after = execution.failed(Failure::crashed(), &claim.retry, now);
        // An execution cannot end without its job: it stays until the job is understood.
        let stored = running::store(tx, &after, now);
        let stored = understood("job", &after.job_id.to_string(), stored)?;
        if stored.is_some() && !after.is_open() {
            given_up.push(after);
        }
    }
    Ok(Taken { given_up, has_changed, look: Look { at: now, first_expires_at } })
}

/// What was taken over.
pub(super) struct Taken {
    /// Those that this ends.
    pub(super) given_up: Vec<Execution>,
    /// Whether anything was stored.
    pub(super) has_changed: bool,
    pub(super) look: Look,
}

/// Of the running executions, those whose lease may have run out: none of the others is abandoned unless its worker is
/// known to be dead. What that means exactly is up to [`Hold`].
const LEASE_IN_DOUBT: &str =
    "NOT (coalesce(e.lease_renewed_at, 0) BETWEEN 0 AND ?1 AND coalesce(e.lease_expires_at, 0) > ?1)";

/// Returns the abandoned executions, and when the first lease of the others runs out.
fn abandoned(
    tx: &Transaction<'_>,
    orphaned: &Orphaned,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<(Vec<Execution>, Option<i64>), Fault> {
    let in_doubt = format!(
        "SELECT {COLUMNS}, coalesce(e.worker, ''), coalesce(e.lease_renewed_at, 0),
                coalesce(e.lease_expires_at, 0)
         FROM execution e WHERE e.status = 'in_progress' AND (?2 OR {LEASE_IN_DOUBT})"
    );
    let first = "SELECT min(e.lease_expires_at) FROM execution e
         WHERE e.status = 'in_progress' AND e.lease_expires_at > ?1";
    let queries = [(&*in_doubt, params![micros(now), !orphaned.0.is_empty()]), (first, params![micros(now)])];
    let (mut abandoned, mut first_expires_at) = (Vec::new(), None);
    tx.query_all(&queries, |number, row| {
        match number {
            0 => abandoned.extend(abandoned_in(row, orphaned, claim, now)?),
            _ => first_expires_at = row.get(0)?,
        }
        Ok(())
    })?;
    abandoned.sort_unstable_by_key(Execution::place);
    Ok((abandoned, first_expires_at))
}

/// Returns the execution of a row if it is abandoned.
fn abandoned_in(
    row: &Row<'_>,
    orphaned: &Orphaned,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<Option<Execution>, Fault> {
    let id = row_id(row);
    let Some(worker) = understood("execution", &id, worker_of(row, &id))? else { return Ok(None) };
    let hold = Hold {
        worker_is_dead: orphaned.has(row)?,
        is_held_by_asker: worker == claim.worker
            && claim.holding.iter().any(|fence| fence.id.to_string() == id),
        lease: lease_of(row.get(COLUMNS_COUNT + 1)?, row.get(COLUMNS_COUNT + 2)?),
    };
    if !hold.is_abandoned(now) {
        return Ok(None);
    }
    let execution = understood("execution", &id, executions::read(row))?;
    if let Some(execution) = &execution {
        tracing::warn!(
            name: "execution.taken_over",
            target: "cdds",
            execution_id = %execution.id,
            %worker,
            hold.worker_is_dead,
            "taken over"
        );
    }
    Ok(execution)
}

fn worker_of(row: &Row<'_>, id: &str) -> Result<WorkerId, Fault> {
    let worker: String = row.get(COLUMNS_COUNT)?;
    Ok(WorkerId::new(worker).map_err(|error| corrupt("execution", id, error))?)
}

/// Ignores a lease renewed beyond the calendar.
fn lease_of(renewed_at: i64, expires_at: i64) -> Option<Lease> {
    let renewed_at = DateTime::from_timestamp_micros(renewed_at)?;
    // The lease may extend beyond the calendar, if its worker set it so.
    let expires_at = DateTime::from_timestamp_micros(expires_at).unwrap_or(DateTime::<Utc>::MAX_UTC);
    Some(Lease { renewed_at, expires_at })
}
