//! Jobs: stored by version, listed with their newest execution, found when they are due.

use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::{JobId, Owner};
use cdds_core::domain::job::Job;
use cdds_core::domain::schedule::ScheduleChange;
use cdds_core::ports::catalog::DueJob;
use cdds_core::ports::catalog::query::{JobColumn, JobOverview, JobQuery, Page};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, Transaction, params, params_from_iter};

use super::super::row::{JobRow, LatestRow, fold, integer, micros};
use super::executions;
use super::fault::{Fault, conflict, unique};
use super::listing::{Filter, Key, PAGE};
use super::understood::{row_id, understood};

const COLUMNS: &str =
    "j.id, j.owner, j.version, j.state, j.settings, j.created_at, j.updated_at, j.next_due_at";

/// A job and, beside it, its newest execution that was not skipped; one step in an index per job.
const OVERVIEW: &str = "FROM job j LEFT JOIN execution l ON l.id = (
    SELECT e.id FROM execution e WHERE e.job_id = j.id AND e.status <> 'skipped'
    ORDER BY e.created_at DESC, e.slot DESC, e.id DESC LIMIT 1)";

fn job_row(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    Ok(JobRow {
        id: row.get(0)?,
        owner: row.get(1)?,
        version: row.get(2)?,
        state: row.get(3)?,
        settings: row.get(4)?,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
        next_due_at: row.get(7)?,
    })
}

fn overview_row(row: &Row<'_>) -> rusqlite::Result<(JobRow, Option<LatestRow>)> {
    let latest = match row.get(8)? {
        Some(id) => {
            Some(LatestRow { id, status: row.get(9)?, started_at: row.get(10)?, progress: row.get(11)? })
        }
        None => None,
    };
    Ok((job_row(row)?, latest))
}

fn overview((job, latest): (JobRow, Option<LatestRow>)) -> Result<JobOverview, Fault> {
    Ok(JobOverview { job: job.into_job()?, latest: latest.map(LatestRow::into_latest).transpose()? })
}

pub(super) fn insert(tx: &Transaction<'_>, job: &Job, first: Option<&Execution>) -> Result<(), Fault> {
    let row = JobRow::of(job)?;
    tx.execute(
        "INSERT INTO job (id, owner, version, state, settings, title_folded, source, data_type, frequency,
                          created_at, updated_at, next_due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            row.id,
            row.owner,
            row.version,
            row.state,
            row.settings,
            fold(job.settings.title.as_str()),
            job.settings.source.as_str(),
            job.settings.data_type.as_str(),
            JobRow::frequency(job),
            row.created_at,
            row.updated_at,
            row.next_due_at,
        ],
    )
    .map_err(unique(format!("job {} is stored already: submit it with an id of its own", job.id)))?;
    if let Some(first) = first {
        let inserted = executions::insert(tx, first)?;
        if !inserted {
            return Err(conflict(format!("execution {} is on the record already", first.id)));
        }
    }
    Ok(())
}

pub(super) fn update(tx: &Transaction<'_>, job: &Job, expected: u64) -> Result<(), Fault> {
    let row = JobRow::of(job)?;
    let changed = tx.execute(
        "UPDATE job SET version = ?4, state = ?5, settings = ?6, title_folded = ?7, source = ?8,
                        data_type = ?9, frequency = ?10, updated_at = ?11, next_due_at = ?12
         WHERE id = ?1 AND owner = ?2 AND version = ?3",
        params![
            row.id,
            row.owner,
            integer(expected),
            row.version,
            row.state,
            row.settings,
            fold(job.settings.title.as_str()),
            job.settings.source.as_str(),
            job.settings.data_type.as_str(),
            JobRow::frequency(job),
            row.updated_at,
            row.next_due_at,
        ],
    )?;
    if changed == 1 {
        return Ok(());
    }
    Err(conflict(format!(
        "job {} is gone or was changed since version {expected} was read: read it again and repeat the change",
        job.id
    )))
}

/// A job of any owner, for what follows its execution.
pub(super) fn find_any(tx: &Transaction<'_>, id: JobId) -> Result<Option<Job>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM job j WHERE j.id = ?1");
    let row = tx.query_row(&sql, [id.to_string()], job_row).optional()?;
    Ok(row.map(JobRow::into_job).transpose()?)
}

pub(super) fn find(tx: &Transaction<'_>, owner: &Owner, id: JobId) -> Result<Option<JobOverview>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS}, l.id, l.status, l.started_at, l.progress {OVERVIEW} WHERE j.id = ?1 AND j.owner = ?2"
    );
    let row = tx.query_row(&sql, [&id.to_string(), owner.as_str()], overview_row).optional()?;
    row.map(overview).transpose()
}

pub(super) fn list(
    tx: &Transaction<'_>,
    owner: &Owner,
    query: &JobQuery,
) -> Result<Page<JobOverview>, Fault> {
    let filter = Filter::default()
        .and("j.owner = ?", owner.to_string())
        .and_if("instr(j.title_folded, ?) > 0", query.search.as_deref().map(fold))
        .and_if("j.frequency = ?", query.frequency.map(|kind| kind.as_str().to_owned()))
        .and_if("j.state = ?", query.state.map(|state| state.as_str().to_owned()));
    let count = format!("SELECT count(*) FROM job j {}", filter.sql());
    let total: i64 = tx.query_row(&count, params_from_iter(filter.values()), |row| row.get(0))?;
    let sql = format!(
        "SELECT {COLUMNS}, l.id, l.status, l.started_at, l.progress {OVERVIEW} {} {} {PAGE}",
        filter.sql(),
        key(query.sort.column).order(query.sort.descending, "j.id"),
    );
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(filter.values_of_page(query.slice)), overview_row)?;
    let items = rows.map(|row| overview(row?)).collect::<Result<_, Fault>>()?;
    Ok(Page { items, total: u64::try_from(total).unwrap_or(0) })
}

fn key(column: JobColumn) -> Key {
    match column {
        JobColumn::Source => Key::of("j.source"),
        JobColumn::Type => Key::of("j.data_type"),
        // As people look for it: upper and lower case together.
        JobColumn::Title => Key::of("j.title_folded"),
        JobColumn::CreatedAt => Key::of("j.created_at"),
        JobColumn::LatestStatus => Key::ranked("l.status", Status::ALL.map(Status::as_str)),
        JobColumn::LatestStartedAt => Key::nullable("l.started_at"),
        JobColumn::NextStartsAt => Key::nullable("j.next_due_at"),
    }
}

pub(super) fn due(tx: &Transaction<'_>, now: DateTime<Utc>, limit: usize) -> Result<Vec<DueJob>, Fault> {
    // The limit is counted here: what is passed over must not use it up.
    let sql = format!(
        "SELECT {COLUMNS} FROM job j
         WHERE j.state = 'active' AND j.next_due_at IS NOT NULL AND j.next_due_at <= ?1
         ORDER BY j.next_due_at, j.id"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.query([micros(now)])?;
    let mut due = Vec::new();
    while due.len() < limit
        && let Some(row) = rows.next()?
    {
        let read = || Ok(job_row(row)?.into_job()?);
        if let Some(job) = understood("job", &row_id(row), read())? {
            due.push(DueJob { waiting: executions::waiting(tx, job.id)?, job });
        }
    }
    Ok(due)
}

pub(super) fn reschedule(tx: &Transaction<'_>, change: &ScheduleChange, expected: u64) -> Result<(), Fault> {
    update(tx, &change.job, expected)?;
    for entry in &change.entries {
        // On the record already: it stays as it is.
        executions::insert(tx, entry)?;
    }
    for execution in &change.superseded {
        executions::supersede(tx, execution)?;
    }
    Ok(())
}
