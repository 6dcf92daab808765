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
    let Leased { first_expires_at, are_in_doubt } = leased(tx, now)?;
    let Doubted { abandoned, is_one_left } = match are_in_doubt || !orphaned.0.is_empty() {
        true => doubted(tx, orphaned, claim, now)?,
        false => Doubted::default(),
    };
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
    Ok(Taken { given_up, has_changed, look: Look { at: now, first_expires_at }, is_one_left })
}

/// What was taken over.
pub(super) struct Taken {
    /// Those that this ends.
    pub(super) given_up: Vec<Execution>,
    /// Whether anything was stored.
    pub(super) has_changed: bool,
    pub(super) look: Look,
    /// Whether the asker keeps one that any other worker would take over.
    pub(super) is_one_left: bool,
}

/// The leases of the running executions. With PostgreSQL they are in a table of their own once they were renewed, so a
/// view says it.
fn leases(tx: &Transaction<'_>) -> &'static str {
    match tx.is_far() {
        true => "lease",
        false => {
            "(SELECT e.id, coalesce(e.lease_renewed_at, 0) AS renewed_at, coalesce(e.lease_expires_at, 0) AS expires_at
              FROM execution e WHERE e.status = 'in_progress')"
        }
    }
}

/// Of these leases, those that may have run out: none of the others' executions is abandoned unless its worker is known
/// to be dead. What that means exactly is up to [`Hold`].
const IN_DOUBT: &str = "NOT (l.renewed_at BETWEEN 0 AND ?1 AND l.expires_at > ?1)";

/// What a look finds, whoever looks.
struct Leased {
    /// When the first lease runs out that has not yet.
    first_expires_at: Option<i64>,
    are_in_doubt: bool,
}

/// Looks at the leases of all running executions, each once: thousands may run.
fn leased(tx: &Transaction<'_>, now: DateTime<Utc>) -> Result<Leased, Fault> {
    let sql = format!(
        "SELECT min(CASE WHEN l.expires_at > ?1 THEN l.expires_at END), max(CASE WHEN {IN_DOUBT} THEN 1 ELSE 0 END)
         FROM {} l",
        leases(tx)
    );
    let read = |row: &Row<'_>| {
        let are_in_doubt = row.get::<Option<i64>>(1)?.is_some_and(|any| any > 0);
        Ok(Leased { first_expires_at: row.get(0)?, are_in_doubt })
    };
    Ok(tx.query_row(&sql, params![micros(now)], read)?)
}

/// Of the executions in doubt, those that are abandoned.
#[derive(Default)]
struct Doubted {
    abandoned: Vec<Execution>,
    /// Whether the asker keeps one that is abandoned for all others.
    is_one_left: bool,
}

fn doubted(
    tx: &Transaction<'_>,
    orphaned: &Orphaned,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<Doubted, Fault> {
    let sql = format!(
        "SELECT {COLUMNS}, coalesce(e.worker, ''), l.renewed_at, l.expires_at
         FROM {} l CROSS JOIN execution e ON e.id = l.id WHERE ?2 OR {IN_DOUBT}",
        leases(tx)
    );
    let mut doubted = Doubted::default();
    tx.query_all(&[(&*sql, params![micros(now), !orphaned.0.is_empty()])], |_, row| {
        doubted.add(row, orphaned, claim, now)
    })?;
    doubted.abandoned.sort_unstable_by_key(Execution::place);
    Ok(doubted)
}

impl Doubted {
    /// Adds the execution of a row if it is abandoned.
    fn add(
        &mut self,
        row: &Row<'_>,
        orphaned: &Orphaned,
        claim: &Claim,
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let id = row_id(row);
        let Some(worker) = understood("execution", &id, worker_of(row, &id))? else { return Ok(()) };
        let hold = hold_of(row, &id, &worker, (orphaned, claim))?;
        if hold.is_abandoned(now) {
            self.abandoned.extend(taken_over(row, &id, &worker, hold)?);
        } else {
            self.is_one_left |= Hold { is_held_by_asker: false, ..hold }.is_abandoned(now);
        }
        Ok(())
    }
}

fn hold_of(
    row: &Row<'_>,
    id: &str,
    worker: &WorkerId,
    (orphaned, claim): (&Orphaned, &Claim),
) -> Result<Hold, Fault> {
    Ok(Hold {
        worker_is_dead: orphaned.has(row)?,
        is_held_by_asker: *worker == claim.worker
            && claim.holding.iter().any(|fence| fence.id.to_string() == id),
        lease: lease_of(row.get(COLUMNS_COUNT + 1)?, row.get(COLUMNS_COUNT + 2)?),
    })
}

/// Returns the execution of a row that is abandoned.
fn taken_over(row: &Row<'_>, id: &str, worker: &WorkerId, hold: Hold) -> Result<Option<Execution>, Fault> {
    let execution = understood("execution", id, executions::read(row))?;
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
