//! The workers that use the file, and their signs of life (rule E19).

use std::time::Duration;

use cdds_core::domain::access::audit::AuditRecord;
use cdds_core::domain::execution::Execution;
use cdds_core::domain::id::{Owner, WorkerId};
use cdds_core::domain::work::worker::{WorkerEntry, WorkerFacts, WorkerState, forgotten, sort};
use cdds_core::ports::catalog::CatalogError;
use cdds_core::ports::catalog::query::{RunningByWorker, RunningExecution, WorkerOverview};
use chrono::{DateTime, Utc};

use super::super::row::WorkerRow;
use super::audit::audited;
use super::database::{Database, Presence, Registration, Writing};
use super::driver::{self, NONE, OptionalExtension, Row, params};
use super::executions::{self, COLUMNS, COLUMNS_COUNT};
use super::fault::Fault;
use super::transaction::Transaction;
use super::understood::{quietly, row_id, understood};

const WORKER: &str = "id, program, host, process, concurrency, started_at, seen_at, silent_at, left_at,
    draining_since, zones";

/// Records a sign of life.
pub(super) fn attend(
    database: &impl Database,
    worker: &WorkerId,
    facts: &WorkerFacts,
    lease: Duration,
) -> Result<WorkerEntry, CatalogError> {
    // The lock first, as in a claim: whoever finds the name must find the lock.
    let registration = database.workers().register(worker)?;
    // The next sign follows soon, so a power cut may undo this one.
    let stored = database.write(Writing::Sign, "record a sign of life", |tx| {
        let before = quietly(find(tx, worker))?.flatten();
        let entry = WorkerEntry::attended(before.as_ref(), worker, facts, tx.now()?, lease);
        store(tx, &entry)?;
        Ok(entry)
    });
    if stored.is_err() && registration == Registration::Fresh {
        // Its first claim must still find that an earlier worker with this id is dead.
        database.workers().release(worker);
    }
    stored
}

/// Asks a worker to drain, or no longer to. Stores the audit with a change.
pub(super) fn drain(
    tx: &Transaction<'_>,
    (worker, draining): (&WorkerId, bool),
    now: DateTime<Utc>,
    audit: &[AuditRecord],
) -> Result<Option<WorkerEntry>, Fault> {
    let Some(before) = quietly(find(tx, worker))?.flatten() else { return Ok(None) };
    let after = before.drained(draining, now);
    if after != before {
        audited(tx, audit, || store(tx, &after))?;
    }
    Ok(Some(after))
}

/// Records that a worker has ended in good order.
pub(super) fn leave(tx: &Transaction<'_>, worker: &WorkerId, now: DateTime<Utc>) -> Result<(), Fault> {
    match quietly(find(tx, worker))?.flatten() {
        Some(entry) => store(tx, &entry.left(now)),
        None => Ok(()),
    }
}

/// Lists workers, and what they run of an owner. Examines locks outside of any transaction. If a worker seems gone,
/// everything is read once more, since it may just have ended in good order.
pub(super) fn list(
    database: &impl Database,
    owner: &Owner,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<WorkerOverview>, CatalogError> {
    let look = || {
        let (mut entries, mut running) =
            database.read("list workers", |tx| Ok((entries(tx)?, running(tx, owner)?)))?;
        sort(&mut entries);
        entries.truncate(limit);
        let overview = |entry: WorkerEntry| {
            let process = entry.left_at.is_none().then(|| database.workers().process_lives(&entry.worker));
            let (state, running) = (entry.state(process.flatten(), now), running.take(&entry.worker));
            WorkerOverview { entry, state, running }
        };
        Ok::<Vec<WorkerOverview>, CatalogError>(entries.into_iter().map(overview).collect())
    };
    let first = look()?;
    let seems_gone = first.iter().any(|one| one.state == WorkerState::Gone);
    if seems_gone { look() } else { Ok(first) }
}

/// Forgets old workers, and returns their number.
pub(super) fn forget(tx: &Transaction<'_>, now: DateTime<Utc>) -> Result<usize, Fault> {
    let mut count = 0;
    for worker in forgotten(entries(tx)?, now) {
        count += tx.execute("DELETE FROM worker WHERE id = ?1", [worker.as_str()])?;
    }
    Ok(count)
}

fn find(tx: &Transaction<'_>, worker: &WorkerId) -> Result<Option<WorkerEntry>, Fault> {
    let sql = format!("SELECT {WORKER} FROM worker WHERE id = ?1");
    let row = tx.query_row(&sql, [worker.as_str()], worker_row).optional()?;
    Ok(row.map(WorkerRow::into_entry).transpose()?)
}

fn store(tx: &Transaction<'_>, entry: &WorkerEntry) -> Result<(), Fault> {
    let row = WorkerRow::of(entry);
    tx.execute(
        "INSERT INTO worker (id, program, host, process, concurrency, started_at, seen_at, silent_at,
            left_at, draining_since, zones) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (id) DO UPDATE SET program = excluded.program, host = excluded.host, process = excluded.process,
            concurrency = excluded.concurrency, started_at = excluded.started_at, seen_at = excluded.seen_at,
            silent_at = excluded.silent_at, left_at = excluded.left_at, draining_since = excluded.draining_since,
            zones = excluded.zones",
        params![
            row.id,
            row.program,
            row.host,
            row.process,
            row.concurrency,
            row.started_at,
            row.seen_at,
            row.silent_at,
            row.left_at,
            row.draining_since,
            row.zones,
        ],
    )?;
    Ok(())
}

/// Returns all workers, at most a few more than are kept.
fn entries(tx: &Transaction<'_>) -> Result<Vec<WorkerEntry>, Fault> {
    let mut statement = tx.prepare(&format!("SELECT {WORKER} FROM worker"))?;
    let mut rows = statement.query(NONE)?;
    let mut entries = Vec::new();
    while let Some(row) = &rows.next()? {
        let entry = worker_row(row).map_err(Fault::from).and_then(|row| Ok(row.into_entry()?));
        entries.extend(understood("worker", &row_id(row), entry)?);
    }
    Ok(entries)
}

fn worker_row(row: &Row<'_>) -> driver::Result<WorkerRow> {
    Ok(WorkerRow {
        id: row.get(0)?,
        program: row.get(1)?,
        host: row.get(2)?,
        process: row.get(3)?,
        concurrency: row.get(4)?,
        started_at: row.get(5)?,
        seen_at: row.get(6)?,
        silent_at: row.get(7)?,
        left_at: row.get(8)?,
        draining_since: row.get(9)?,
        zones: row.get(10)?,
    })
}

/// Returns what all workers run, which is as little as they run at once. A row without a worker that is understood
/// is passed over; whoever takes over what is abandoned reports it.
fn running(tx: &Transaction<'_>, owner: &Owner) -> Result<RunningByWorker, Fault> {
    let sql =
        format!("SELECT {COLUMNS}, coalesce(e.worker, '') FROM execution e WHERE e.status = 'in_progress'");
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query(NONE)?;
    let mut running = RunningByWorker::default();
    while let Some(row) = &rows.next()? {
        let (of, worker): (String, String) = (row.get(2)?, row.get(COLUMNS_COUNT)?);
        let Ok(worker) = WorkerId::new(worker) else { continue };
        if of == owner.as_str() {
            let execution: Option<Execution> = quietly(executions::read(row))?;
            running.add_own(&worker, execution.as_ref().map(RunningExecution::of));
        } else {
            running.add_other(&worker);
        }
    }
    Ok(running)
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn e19_what_workers_run_is_found_in_an_index() {
        let steps = plan("SELECT e.settings, e.worker FROM execution e WHERE e.status = 'in_progress'");
        assert!(steps[0].contains("USING INDEX"), "{steps:?}");
    }
}
