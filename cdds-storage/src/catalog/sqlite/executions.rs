//! Executions: put on the record, changed, listed.

use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::{ExecutionId, JobId, Owner, WorkerId};
use cdds_core::ports::catalog::query::{ExecutionColumn, ExecutionQuery, Page};
use cdds_core::ports::catalog::{Agenda, CatalogError, CatalogErrorKind, Fence, Standing};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, Transaction, params, params_from_iter};

use super::super::row::{ExecutionRow, fold, integer, micros};
use super::fault::Fault;
use super::listing::{Filter, Key, PAGE};
use super::understood::{row_id, understood};

pub(super) const COLUMNS: &str =
    "e.id, e.job_id, e.owner, e.\"trigger\", e.slot, e.window_start, e.window_end,
    e.settings, e.status, e.detail, e.epoch, e.attempts, e.not_before, e.created_at, e.started_at,
    e.finished_at, e.progress";

pub(super) fn execution_row(row: &Row<'_>) -> rusqlite::Result<ExecutionRow> {
    Ok(ExecutionRow {
        id: row.get(0)?,
        job_id: row.get(1)?,
        owner: row.get(2)?,
        trigger: row.get(3)?,
        slot: row.get(4)?,
        window_start: row.get(5)?,
        window_end: row.get(6)?,
        settings: row.get(7)?,
        status: row.get(8)?,
        detail: row.get(9)?,
        epoch: row.get(10)?,
        attempts: row.get(11)?,
        not_before: row.get(12)?,
        created_at: row.get(13)?,
        started_at: row.get(14)?,
        finished_at: row.get(15)?,
        progress: row.get(16)?,
    })
}

/// A worker's hold on a running execution; instants in microseconds.
#[derive(Debug)]
pub(super) struct Lease<'a> {
    pub(super) worker: &'a WorkerId,
    pub(super) renewed_at: i64,
    pub(super) expires_at: i64,
}

impl<'a> Lease<'a> {
    /// A lease that is taken or renewed now.
    pub(super) fn new(worker: &'a WorkerId, now: DateTime<Utc>, length: std::time::Duration) -> Self {
        let renewed_at = micros(now);
        let length = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        Self { worker, renewed_at, expires_at: renewed_at.saturating_add(length) }
    }
}

/// Puts an execution on the record; `false` if it is there already, which leaves it as it is.
pub(super) fn insert(tx: &Transaction<'_>, execution: &Execution) -> Result<bool, Fault> {
    let row = ExecutionRow::of(execution)?;
    let inserted = tx.execute(
        "INSERT INTO execution (id, job_id, owner, \"trigger\", slot, window_start, window_end, settings,
            title_folded, source, data_type, status, detail, epoch, attempts, not_before, created_at,
            started_at, finished_at, progress, records)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
         ON CONFLICT (id) DO NOTHING",
        params![
            row.id,
            row.job_id,
            row.owner,
            row.trigger,
            row.slot,
            row.window_start,
            row.window_end,
            row.settings,
            fold(execution.settings.title.as_str()),
            execution.settings.source.as_str(),
            execution.settings.data_type.as_str(),
            row.status,
            row.detail,
            row.epoch,
            row.attempts,
            row.not_before,
            row.created_at,
            row.started_at,
            row.finished_at,
            row.progress,
            integer(execution.progress.records),
        ],
    )?;
    Ok(inserted == 1)
}

/// Stores a changed execution; `lease` only while it runs. Who calls has checked what it was before, in
/// the same transaction.
pub(super) fn store(
    tx: &Transaction<'_>,
    execution: &Execution,
    lease: Option<&Lease<'_>>,
) -> Result<(), Fault> {
    let row = ExecutionRow::of(execution)?;
    tx.execute(
        "UPDATE execution SET window_start = ?2, window_end = ?3, status = ?4, detail = ?5, epoch = ?6,
            attempts = ?7, not_before = ?8, started_at = ?9, finished_at = ?10, progress = ?11, records = ?12,
            worker = ?13, lease_renewed_at = ?14, lease_expires_at = ?15
         WHERE id = ?1",
        params![
            row.id,
            row.window_start,
            row.window_end,
            row.status,
            row.detail,
            row.epoch,
            row.attempts,
            row.not_before,
            row.started_at,
            row.finished_at,
            row.progress,
            integer(execution.progress.records),
            lease.map(|lease| lease.worker.as_str()),
            lease.map(|lease| lease.renewed_at),
            lease.map(|lease| lease.expires_at),
        ],
    )?;
    Ok(())
}

/// Stores a queued execution as covered by another, unless it was ever claimed.
pub(super) fn supersede(tx: &Transaction<'_>, execution: &Execution) -> Result<(), Fault> {
    let row = ExecutionRow::of(execution)?;
    tx.execute(
        "UPDATE execution SET status = ?2, detail = ?3, finished_at = ?4
         WHERE id = ?1 AND status = 'queued' AND epoch = 0",
        params![row.id, row.status, row.detail, row.finished_at],
    )?;
    Ok(())
}

/// The queued executions of a job that were never claimed, by slot; what is not understood stays queued.
pub(super) fn waiting(tx: &Transaction<'_>, job: JobId) -> Result<Vec<Execution>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM execution e WHERE e.job_id = ?1 AND e.status = 'queued' AND e.epoch = 0
         ORDER BY e.slot, e.id"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query([job.to_string()])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        waiting.extend(understood("execution", &row_id(row), read(row))?);
    }
    Ok(waiting)
}

/// What a row of [`COLUMNS`] says.
pub(super) fn read(row: &Row<'_>) -> Result<Execution, Fault> {
    Ok(execution_row(row)?.into_execution()?)
}

/// The execution of a claim.
///
/// # Errors
/// [`CatalogErrorKind::Fenced`] unless it runs in the fence's epoch.
pub(super) fn fenced(tx: &Transaction<'_>, fence: Fence) -> Result<Execution, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM execution e WHERE e.id = ?1 AND e.epoch = ?2 AND e.status = 'in_progress'"
    );
    let row = tx
        .query_row(&sql, params![fence.execution.to_string(), integer(fence.epoch)], execution_row)
        .optional()?;
    match row {
        Some(row) => Ok(row.into_execution()?),
        None => Err(Fault::Refused(CatalogError::new(
            CatalogErrorKind::Fenced,
            format!(
                "claim {} of execution {} has ended: another worker took it over, or its end is on the record",
                fence.epoch, fence.execution
            ),
        ))),
    }
}

/// Whether what a claim stored is wanted: it runs, or what it published is not removed.
pub(super) fn standing(tx: &Transaction<'_>, fence: Fence) -> Result<Standing, Fault> {
    let sql = "SELECT e.epoch = ?2
          AND (e.status = 'in_progress'
               OR (e.status = 'finished' AND s.execution_id IS NOT NULL AND s.removed_at IS NULL))
        FROM execution e LEFT JOIN artifact_set s ON s.execution_id = e.id WHERE e.id = ?1";
    let wanted = tx
        .query_row(sql, params![fence.execution.to_string(), integer(fence.epoch)], |row| row.get(0))
        .optional()?;
    Ok(match wanted {
        Some(true) => Standing::Wanted,
        Some(false) => Standing::Unwanted,
        None => Standing::Unknown,
    })
}

pub(super) fn find(tx: &Transaction<'_>, owner: &Owner, id: ExecutionId) -> Result<Option<Execution>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM execution e WHERE e.id = ?1 AND e.owner = ?2");
    let row = tx.query_row(&sql, [&id.to_string(), owner.as_str()], execution_row).optional()?;
    Ok(row.map(ExecutionRow::into_execution).transpose()?)
}

pub(super) fn list(
    tx: &Transaction<'_>,
    owner: &Owner,
    query: &ExecutionQuery,
) -> Result<Page<Execution>, Fault> {
    let filter = Filter::default()
        .and("e.owner = ?", owner.to_string())
        .and_if("e.job_id = ?", query.job.map(|job| job.to_string()))
        .and_if("e.status = ?", query.status.map(|status| status.as_str().to_owned()))
        .and_if("e.source = ?", query.source.as_ref().map(ToString::to_string));
    let count = format!("SELECT count(*) FROM execution e {}", filter.sql());
    let total: i64 = tx.query_row(&count, params_from_iter(filter.values()), |row| row.get(0))?;
    let sql = format!(
        "SELECT {COLUMNS} FROM execution e {} {} {PAGE}",
        filter.sql(),
        key(query.sort.column).order(query.sort.descending, "e.id"),
    );
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(filter.values_of_page(query.slice)), execution_row)?;
    let items = rows.map(|row| Ok(row?.into_execution()?)).collect::<Result<_, Fault>>()?;
    Ok(Page { items, total: u64::try_from(total).unwrap_or(0) })
}

fn key(column: ExecutionColumn) -> Key {
    match column {
        ExecutionColumn::Source => Key::of("e.source"),
        ExecutionColumn::Type => Key::of("e.data_type"),
        ExecutionColumn::Title => Key::of("e.title_folded"),
        ExecutionColumn::Status => Key::ranked("e.status", Status::ALL.map(Status::as_str)),
        ExecutionColumn::Slot => Key::of("e.slot"),
        ExecutionColumn::StartedAt => Key::nullable("e.started_at"),
        ExecutionColumn::FinishedAt => Key::nullable("e.finished_at"),
        ExecutionColumn::Records => Key::of("e.records"),
    }
}

/// The records of the job's last success.
pub(super) fn last_records(tx: &Transaction<'_>, job: JobId) -> Result<Option<u64>, Fault> {
    let records: Option<i64> = tx
        .query_row(
            "SELECT records FROM execution WHERE job_id = ?1 AND status = 'finished'
             ORDER BY finished_at DESC LIMIT 1",
            [job.to_string()],
            |row| row.get(0),
        )
        .optional()?;
    Ok(records.map(|records| u64::try_from(records).unwrap_or(0)))
}

pub(super) fn agenda(tx: &Transaction<'_>) -> Result<Agenda, Fault> {
    // One row with an instant beyond the calendar must not hide those of the others.
    let sql = "SELECT
        (SELECT min(next_due_at) FROM job WHERE state = 'active' AND next_due_at IS NOT NULL
            AND next_due_at BETWEEN ?1 AND ?2),
        (SELECT min(not_before) FROM execution WHERE status = 'queued' AND not_before BETWEEN ?1 AND ?2),
        (SELECT count(*) FROM execution WHERE status = 'queued'),
        (SELECT count(*) FROM execution WHERE status = 'in_progress')";
    let calendar = [micros(DateTime::<Utc>::MIN_UTC), micros(DateTime::<Utc>::MAX_UTC)];
    let (due, queued_at, queued, running): (Option<i64>, Option<i64>, i64, i64) =
        tx.query_row(sql, calendar, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    Ok(Agenda {
        next_due_at: due.and_then(DateTime::from_timestamp_micros),
        next_queued_at: queued_at.and_then(DateTime::from_timestamp_micros),
        queued: u64::try_from(queued).unwrap_or(0),
        running: u64::try_from(running).unwrap_or(0),
    })
}
