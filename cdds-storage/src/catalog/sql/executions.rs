//! Executions: recording, changing, and fencing by claim.

mod list;

use cdds_core::domain::execution::Execution;
use cdds_core::domain::execution::queue::QueuePlace;
use cdds_core::domain::execution::standing::Stage;
use cdds_core::domain::id::{JobId, Owner, WorkerId};
use cdds_core::domain::job::settling::Open;
use cdds_core::domain::work::lease::Lease;
use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind, Fence, Standing, Writer};
use chrono::{DateTime, Utc};

use super::super::row::{ExecutionRow, corrupt, fold, integer, micros};
use super::super::stored;
use super::changed::changed_columns;
use super::driver::{self, Change, OptionalExtension, Row, ToValue, Value, params, params_from_iter};
use super::fault::{Fault, conflict};
use super::jobs;
use super::transaction::Transaction;
use super::understood::{row_id, understood};

pub(super) use self::list::{find, list};

pub(super) const COLUMNS: &str = "e.id, e.job_id, e.owner, e.\"trigger\", e.rerun_of, e.slot, e.window_start,
    e.window_end, e.generation, e.settings, e.status, e.detail, e.epoch, e.attempts, e.queue_at, e.not_before,
    e.created_at, e.started_at, e.finished_at, e.cancel_requested_at, e.progress, e.frozen_at,
    e.waits_since, e.complete_until";

/// Number of [`COLUMNS`].
pub(super) const COLUMNS_COUNT: usize = 24;

fn execution_row(row: &Row<'_>) -> driver::Result<ExecutionRow> {
    execution_row_behind(row, 0)
}

/// Returns the execution in the [`COLUMNS`] behind so many others.
fn execution_row_behind(row: &Row<'_>, others: usize) -> driver::Result<ExecutionRow> {
    Ok(ExecutionRow {
        id: row.get(others)?,
        job_id: row.get(others + 1)?,
        owner: row.get(others + 2)?,
        trigger: row.get(others + 3)?,
        rerun_of: row.get(others + 4)?,
        slot: row.get(others + 5)?,
        window_start: row.get(others + 6)?,
        window_end: row.get(others + 7)?,
        generation: row.get(others + 8)?,
        settings: row.get(others + 9)?,
        status: row.get(others + 10)?,
        detail: row.get(others + 11)?,
        epoch: row.get(others + 12)?,
        attempts: row.get(others + 13)?,
        queue_at: row.get(others + 14)?,
        not_before: row.get(others + 15)?,
        created_at: row.get(others + 16)?,
        started_at: row.get(others + 17)?,
        finished_at: row.get(others + 18)?,
        cancel_requested_at: row.get(others + 19)?,
        progress: row.get(others + 20)?,
        frozen_at: row.get(others + 21)?,
        waits_since: row.get(others + 22)?,
        complete_until: row.get(others + 23)?,
    })
}

/// Reads an execution from a row of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> Result<Execution, Fault> {
    read_behind(row, 0)
}

/// Reads an execution from its [`COLUMNS`] behind so many others.
pub(super) fn read_behind(row: &Row<'_>, others: usize) -> Result<Execution, Fault> {
    Ok(execution_row_behind(row, others)?.into_execution()?)
}

/// A worker's hold on a running execution.
#[derive(Debug)]
pub(super) struct Held<'a> {
    pub(super) worker: &'a WorkerId,
    pub(super) lease: Lease,
}

impl<'a> Held<'a> {
    /// Creates a hold that is taken or renewed at `now`.
    pub(super) fn new(worker: &'a WorkerId, now: DateTime<Utc>, length: std::time::Duration) -> Self {
        Self { worker, lease: Lease::taken(now, length) }
    }
}

/// Records an execution; returns `false`, without changing anything, if it has already been recorded.
pub(super) fn insert(tx: &Transaction<'_>, execution: &Execution) -> Result<bool, Fault> {
    let row = ExecutionRow::of(execution)?;
    let inserted = tx.execute(
        "INSERT INTO execution (id, job_id, owner, \"trigger\", rerun_of, slot, window_start, window_end,
            generation, settings, title_folded, source, data_type, status, detail, epoch, attempts, queue_at,
            not_before, created_at, started_at, finished_at, cancel_requested_at, progress, records, frozen_at,
            waits_since, complete_until)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
            ?22, ?23, ?24, ?25, ?26, ?27, ?28)
         ON CONFLICT (id) DO NOTHING",
        params![
        row.id,
        row.job_id,
        row.owner,
        row.trigger,
        row.rerun_of,
        row.slot,
        row.window_start,
        row.window_end,
        row.generation,
        row.settings,
        fold(execution.settings.title.as_str()),
        execution.settings.source.as_str(),
        execution.settings.reads.types().to_string(),
        row.status,
        row.detail,
        row.epoch,
        row.attempts,
        row.queue_at,
        row.not_before,
        row.created_at,
        row.started_at,
        row.finished_at,
        row.cancel_requested_at,
        row.progress,
        integer(execution.progress.records),
        row.frozen_at,
        row.waits_since,
        row.complete_until,
    ],
    )?;
    Ok(inserted == 1)
}

/// Stores an execution whose attempt begins or ends; it is `held` only while it runs. The caller has
/// checked its previous state in the same transaction.
pub(super) fn store(
    tx: &Transaction<'_>,
    execution: &Execution,
    held: Option<&Held<'_>>,
) -> Result<(), Fault> {
    let change = storing(tx, execution, held)?;
    tx.execute(&change.sql, change.values)?;
    Ok(())
}

/// Returns the statement by which [`store`] stores an execution.
pub(super) fn storing(
    tx: &Transaction<'_>,
    execution: &Execution,
    held: Option<&Held<'_>>,
) -> Result<Change, Fault> {
    let row = ExecutionRow::of(execution)?;
    let indexed = [
        Value::from(row.status),
        row.not_before.into(),
        row.started_at.into(),
        row.finished_at.into(),
        integer(execution.progress.records).into(),
    ];
    let columns = ["status", "not_before", "started_at", "finished_at", "records"];
    let changed = changed_columns(tx, ("execution", &row.id), &columns, &indexed)?;
    let (set, indexed): (Vec<_>, Vec<_>) = changed.into_iter().unzip();
    let sql = format!(
        "UPDATE execution SET {}window_start = ?, window_end = ?, generation = ?, detail = ?, epoch = ?,
            attempts = ?, progress = ?, worker = ?, lease_renewed_at = ?, lease_expires_at = ?, frozen_at = ?,
            waits_since = ?, complete_until = ?
         WHERE id = ?",
        set.concat()
    );
    let others: [&dyn ToValue; 14] = [
        &row.window_start,
        &row.window_end,
        &row.generation,
        &row.detail,
        &row.epoch,
        &row.attempts,
        &row.progress,
        &held.map(|held| held.worker.as_str()),
        &held.map(|held| micros(held.lease.renewed_at)),
        &held.map(|held| micros(held.lease.expires_at)),
        &row.frozen_at,
        &row.waits_since,
        &row.complete_until,
        &row.id,
    ];
    let values = params_from_iter(indexed.iter().map(|value| value as &dyn ToValue).chain(others));
    Ok(Change { sql, values })
}

/// Stores that the window of a running execution is frozen (rule W3b). The caller has checked its fence in the
/// same transaction; worker and lease stay.
pub(super) fn freeze(tx: &Transaction<'_>, execution: &Execution) -> Result<(), Fault> {
    let row = ExecutionRow::of(execution)?;
    tx.execute(
        "UPDATE execution SET window_start = ?2, window_end = ?3, frozen_at = ?4, complete_until = ?5 WHERE id = ?1",
        params![row.id, row.window_start, row.window_end, row.frozen_at, row.complete_until],
    )?;
    Ok(())
}

/// Stores a waiting execution as not to be run, unless it was ever claimed.
pub(super) fn supersede(tx: &Transaction<'_>, execution: &Execution) -> Result<(), Fault> {
    let row = ExecutionRow::of(execution)?;
    tx.execute(
        "UPDATE execution SET status = ?2, detail = ?3, finished_at = ?4
         WHERE id = ?1 AND status = 'queued' AND epoch = 0",
        params![row.id, row.status, row.detail, row.finished_at],
    )?;
    Ok(())
}

/// Stores a waiting execution with other settings, unless it was ever claimed (rule J10).
pub(super) fn edit(tx: &Transaction<'_>, execution: &Execution) -> Result<(), Fault> {
    let row = ExecutionRow::of(execution)?;
    tx.execute(
        "UPDATE execution SET window_start = ?2, window_end = ?3, generation = ?4, settings = ?5,
            title_folded = ?6, source = ?7, data_type = ?8, not_before = ?9
         WHERE id = ?1 AND status = 'queued' AND epoch = 0",
        params![
            row.id,
            row.window_start,
            row.window_end,
            row.generation,
            row.settings,
            fold(execution.settings.title.as_str()),
            execution.settings.source.as_str(),
            execution.settings.reads.types().to_string(),
            row.not_before,
        ],
    )?;
    Ok(())
}

/// Stores a person's change to an execution: its end, or the request for it. While it runs, the values its
/// worker stores meanwhile (lease, progress) stay; ending it takes it from a worker that is gone.
///
/// # Errors
/// A conflict unless it still has the status and the epoch of `before`.
pub(super) fn change(tx: &Transaction<'_>, before: &Execution, after: &Execution) -> Result<(), Fault> {
    let row = ExecutionRow::of(after)?;
    let changed = tx.execute(
        "UPDATE execution SET status = ?5, detail = ?6, finished_at = ?7, cancel_requested_at = ?8, attempts = ?9,
            worker = CASE WHEN ?5 = 'in_progress' THEN worker END,
            lease_renewed_at = CASE WHEN ?5 = 'in_progress' THEN lease_renewed_at END,
            lease_expires_at = CASE WHEN ?5 = 'in_progress' THEN lease_expires_at END,
            progress = CASE WHEN ?5 = 'in_progress' THEN progress ELSE ?10 END,
            records = CASE WHEN ?5 = 'in_progress' THEN records ELSE ?11 END
         WHERE id = ?1 AND owner = ?2 AND status = ?3 AND epoch = ?4 AND deleted_at IS NULL",
        params![
            row.id,
            row.owner,
            before.status().as_str(),
            integer(before.epoch),
            row.status,
            row.detail,
            row.finished_at,
            row.cancel_requested_at,
            row.attempts,
            row.progress,
            integer(after.progress.records),
        ],
    )?;
    if changed == 0 {
        return Err(conflict(format!(
            "execution {} is no longer {}: look at it again, then repeat the change",
            after.id,
            before.status().as_str()
        )));
    }
    jobs::touch(tx, after.job_id)
}

/// Looks up an execution of any owner.
pub(super) fn find_any(tx: &Transaction<'_>, id: &str) -> Result<Option<Execution>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM execution e WHERE e.id = ?1");
    let row = tx.query_row(&sql, [id], execution_row).optional()?;
    Ok(row.map(ExecutionRow::into_execution).transpose()?)
}

/// Returns up to `limit` executions of a job that wait for their first claim after a place in the queue, in
/// its order. Executions that are not understood stay queued.
pub(super) fn waiting(
    tx: &Transaction<'_>,
    job: JobId,
    behind: Option<QueuePlace>,
    limit: usize,
) -> Result<Vec<Execution>, Fault> {
    let mut statement = tx.prepare(&format!("SELECT {COLUMNS} {WAITING}"))?;
    let (queue_at, slot, id) = place(behind);
    let mut rows = statement.walk(params![job.to_string(), queue_at, slot, id])?;
    let mut waiting = Vec::new();
    while waiting.len() < limit
        && let Some(row) = &rows.next()?
    {
        waiting.extend(understood("execution", &row_id(row), read(row))?);
    }
    Ok(waiting)
}

const WAITING: &str = "FROM execution e
     WHERE e.job_id = ?1 AND e.status = 'queued' AND e.epoch = 0 AND (e.queue_at, e.slot, e.id) > (?2, ?3, ?4)
     ORDER BY e.queue_at, e.slot, e.id";

/// Converts a place to its stored form; `None` comes before all places.
fn place(behind: Option<QueuePlace>) -> (i64, i64, String) {
    match behind {
        Some(QueuePlace { queue_at, slot, id }) => (micros(queue_at), micros(slot), id.to_string()),
        None => (i64::MIN, i64::MIN, String::new()),
    }
}

/// Returns up to `limit` executions of a job that a later slot may cover (rule E3), by their place in the
/// queue.
pub(super) fn coverable(
    tx: &Transaction<'_>,
    job: JobId,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Execution>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM execution e
         WHERE e.job_id = ?1 AND e.status = 'queued' AND e.epoch = 0 AND e.\"trigger\" = 'scheduled'
             AND e.not_before <= ?2
         ORDER BY e.queue_at, e.slot, e.id"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.walk(params![job.to_string(), micros(now)])?;
    let mut coverable = Vec::new();
    while coverable.len() < limit
        && let Some(row) = &rows.next()?
    {
        coverable.extend(understood("execution", &row_id(row), read(row))?);
    }
    Ok(coverable)
}

/// Returns executions of a job that have not ended: those that a worker ever had, then up to `limit` waiting
/// ones. After a place, returns only waiting ones.
///
/// # Errors
/// If one of them is not understood: decisions about a job must not leave it out.
pub(super) fn open(
    tx: &Transaction<'_>,
    owner: &Owner,
    job: JobId,
    behind: Option<QueuePlace>,
    limit: usize,
) -> Result<Open, Fault> {
    let mut executions = if behind.is_none() { begun(tx, owner, job)? } else { Vec::new() };
    let mut statement = tx.prepare(&format!("SELECT {COLUMNS} {WAITING}"))?;
    let (queue_at, slot, id) = place(behind);
    let mut rows = statement.walk(params![job.to_string(), queue_at, slot, id])?;
    let (mut waiting, mut more) = (0, false);
    while let Some(row) = &rows.next()? {
        let execution = read(row)?;
        if execution.owner != *owner {
            continue;
        }
        if waiting == limit {
            more = true;
            break;
        }
        waiting += 1;
        executions.push(execution);
    }
    Ok(Open { executions, more })
}

/// Returns executions of a job that a worker ever had and that have not ended.
fn begun(tx: &Transaction<'_>, owner: &Owner, job: JobId) -> Result<Vec<Execution>, Fault> {
    // Each half has its own index.
    let sql = format!(
        "SELECT {COLUMNS} FROM execution e
         WHERE e.job_id = ?1 AND e.owner = ?2 AND e.status = 'queued' AND e.epoch > 0
         UNION ALL
         SELECT {COLUMNS} FROM execution e WHERE e.job_id = ?1 AND e.owner = ?2 AND e.status = 'in_progress'"
    );
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map([&job.to_string(), owner.as_str()], execution_row)?;
    let begun: Result<Vec<Execution>, Fault> = rows.map(|row| Ok(row?.into_execution()?)).collect();
    let mut begun = begun?;
    begun.sort_by_key(Execution::place);
    Ok(begun)
}

/// Returns the execution of a claim.
///
/// # Errors
/// [`CatalogErrorKind::Fenced`] unless it runs in the fence's epoch.
pub(super) fn fenced(tx: &Transaction<'_>, fence: Fence) -> Result<Execution, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM execution e WHERE e.id = ?1 AND e.epoch = ?2 AND e.status = 'in_progress'"
    );
    let row =
        tx.query_row(&sql, params![fence.id.to_string(), integer(fence.epoch)], execution_row).optional()?;
    match row {
        Some(row) => Ok(row.into_execution()?),
        None => Err(claim_has_ended(fence)),
    }
}

/// The refusal of a claim that no longer holds.
pub(super) fn claim_has_ended(fence: Fence) -> Fault {
    Fault::Refused(CatalogError::new(
        CatalogErrorKind::Fenced,
        format!(
            "claim {} of execution {} has ended: another worker took it over, or the execution has already \
             ended",
            fence.epoch, fence.id
        ),
    ))
}

/// Returns whether the files that a claim stored are wanted: it is running, or its published set has not been
/// removed. Reads only what that needs, since a deleted row is erased.
pub(super) fn standing(tx: &Transaction<'_>, writer: &Writer) -> Result<Standing, Fault> {
    let sql = "SELECT e.epoch, e.attempts, e.deleted_at IS NOT NULL,
          (e.status = 'in_progress'
               OR (e.status IN ('finished', 'finished_with_errors') AND s.execution_id IS NOT NULL AND s.removed_at IS NULL))
        FROM execution e LEFT JOIN artifact_set s ON s.execution_id = e.id WHERE e.id = ?1";
    let id = writer.fence.id.to_string();
    let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let found: Option<(i64, String, bool, bool)> = tx.query_row(sql, [&id], columns).optional()?;
    let Some((epoch, attempts, deleted, live)) = found else { return Ok(Standing::Unknown) };
    let attempts =
        stored::attempts_from_json(&attempts).map_err(|error| corrupt("execution", &id, error).into());
    let attempts = understood("execution", &id, attempts)?;
    let epoch = u64::try_from(epoch).unwrap_or(0);
    let stage = match (deleted, live) {
        (true, _) => Stage::Deleted,
        (false, true) => Stage::Live,
        (false, false) => Stage::Over,
    };
    Ok(attempts.map_or(Standing::Unknown, |attempts| Standing::of(epoch, &attempts, stage, writer)))
}

/// Returns the number of records of the job's last success.
pub(super) fn last_records(tx: &Transaction<'_>, job: JobId) -> Result<Option<u64>, Fault> {
    let records: Option<i64> = tx
        .query_row(
            "SELECT records FROM execution WHERE job_id = ?1 AND status IN ('finished', 'finished_with_errors') AND deleted_at IS NULL
             ORDER BY finished_at DESC LIMIT 1",
            [job.to_string()],
            |row| row.get(0),
        )
        .optional()?;
    Ok(records.map(|records| u64::try_from(records).unwrap_or(0)))
}

/// Returns the newest instant before `before` at which an execution was recorded.
pub(super) fn newest_before(
    tx: &Transaction<'_>,
    before: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Fault> {
    let sql = "SELECT max(created_at) FROM execution WHERE created_at < ?1";
    let newest: Option<i64> = tx.query_row(sql, [micros(before)], |row| row.get(0))?;
    Ok(newest.and_then(DateTime::from_timestamp_micros))
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn j10_a_page_of_what_waits_is_found_by_its_place() {
        let steps = plan(&format!("SELECT {COLUMNS} {WAITING}"));
        assert_eq!(
            steps,
            ["SEARCH e USING INDEX execution_queue_of_job (job_id=? AND (queue_at,slot,id)>(?,?,?))"]
        );
    }
}
