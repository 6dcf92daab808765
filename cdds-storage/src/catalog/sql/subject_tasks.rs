//! Erasures of data subjects by data type: laid out with their request, claimed and settled by those who carry them out
//! (rules D3, D4).

mod claim;

use std::time::Duration;

use cdds_core::domain::id::{Owner, SubjectRequestId, SubjectTaskId};
use cdds_core::domain::subject::request::SubjectRequest;
use cdds_core::domain::subject::{SubjectTask, TaskReport};
use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind, Fence};
use chrono::{DateTime, Utc};

use super::super::row::SubjectTaskRow;
use super::driver::{NONE, OptionalExtension, Params, Row, params};
use super::fault::Fault;
use super::transaction::Transaction;
use super::understood::{row_id, understood};
use super::{subjects, work};

pub(super) use self::claim::{claim, orphans};

const COLUMNS: &str = "t.id, t.request_id, t.owner, t.source, t.data_type, t.erased, t.looked, t.outcome, t.state, t.reason,
    t.epoch, t.attempts, t.first_attempt_at, t.last_attempt_at, t.failure, t.next_attempt_at, t.worker, t.lease_renewed_at,
    t.lease_expires_at, t.ended_at";

const OF_REQUEST: &str = "FROM subject_task t WHERE t.request_id = ?1 ORDER BY t.source, t.data_type";

const RUNNING: &str =
    "SELECT r.id FROM subject_request r WHERE r.state = 'running' ORDER BY r.received_at, r.id";

/// Reads a task from a row of [`COLUMNS`].
fn read(row: &Row<'_>) -> Result<SubjectTask, Fault> {
    let row = SubjectTaskRow {
        id: row.get(0)?,
        request_id: row.get(1)?,
        owner: row.get(2)?,
        source: row.get(3)?,
        data_type: row.get(4)?,
        erased: row.get(5)?,
        looked: row.get(6)?,
        outcome: row.get(7)?,
        work: work::columns(row, 8)?,
    };
    Ok(row.into_task()?)
}

/// Stores a task as it is now.
fn store(tx: &Transaction<'_>, task: &SubjectTask) -> Result<(), Fault> {
    insert(
        tx,
        task,
        "UPDATE SET erased = excluded.erased, looked = excluded.looked, outcome = excluded.outcome,
            state = excluded.state, reason = excluded.reason, epoch = excluded.epoch, attempts = excluded.attempts,
            first_attempt_at = excluded.first_attempt_at, last_attempt_at = excluded.last_attempt_at,
            failure = excluded.failure, next_attempt_at = excluded.next_attempt_at, worker = excluded.worker,
            lease_renewed_at = excluded.lease_renewed_at, lease_expires_at = excluded.lease_expires_at,
            ended_at = excluded.ended_at",
    )
}

fn insert(tx: &Transaction<'_>, task: &SubjectTask, on_conflict: &str) -> Result<(), Fault> {
    let row = SubjectTaskRow::of(task)?;
    let work = row.work;
    tx.execute(
        &format!(
            "INSERT INTO subject_task (id, request_id, owner, source, data_type, erased, looked, outcome, state, reason,
                epoch, attempts, first_attempt_at, last_attempt_at, failure, next_attempt_at, worker,
                lease_renewed_at, lease_expires_at, ended_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
             ON CONFLICT (id) DO {on_conflict}"
        ),
        params![
            row.id,
            row.request_id,
            row.owner,
            row.source,
            row.data_type,
            row.erased,
            row.looked,
            row.outcome,
            work.state,
            work.reason,
            work.epoch,
            work.attempts,
            work.first_attempt_at,
            work.last_attempt_at,
            work.failure,
            work.next_attempt_at,
            work.worker,
            work.lease_renewed_at,
            work.lease_expires_at,
            work.ended_at,
        ],
    )?;
    Ok(())
}

/// Stores the tasks of a request. Those that are on record stay as they are.
pub(super) fn lay_out(tx: &Transaction<'_>, tasks: &[SubjectTask]) -> Result<(), Fault> {
    tasks.iter().try_for_each(|task| insert(tx, task, "NOTHING"))
}

/// Returns the tasks of a part of the table. One that is not understood is left out.
fn all_of(tx: &Transaction<'_>, part: &str, values: impl Params) -> Result<Vec<SubjectTask>, Fault> {
    let mut statement = tx.prepare(&format!("SELECT {COLUMNS} {part}"))?;
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = &rows.next()? {
        found.extend(understood("subject task", &row_id(row), read(row))?);
    }
    Ok(found)
}

/// Returns the tasks of a request, all of which must be understood.
fn of_request(tx: &Transaction<'_>, request: &str) -> Result<Vec<SubjectTask>, Fault> {
    let mut statement = tx.prepare(&format!("SELECT {COLUMNS} {OF_REQUEST}"))?;
    let mut rows = statement.query([request])?;
    let mut found = Vec::new();
    while let Some(row) = &rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Returns the tasks of an owner's request.
pub(super) fn list(
    tx: &Transaction<'_>,
    owner: &Owner,
    request: SubjectRequestId,
) -> Result<Vec<SubjectTask>, Fault> {
    let tasks = of_request(tx, &request.to_string())?.into_iter();
    Ok(tasks.filter(|task| task.work.owner == *owner).collect())
}

/// Returns the requests of all owners that run, each with its tasks.
pub(super) fn running(tx: &Transaction<'_>) -> Result<Vec<(SubjectRequest, Vec<SubjectTask>)>, Fault> {
    let ids: Vec<String> = {
        let mut statement = tx.prepare(RUNNING)?;
        let ids = statement.query_map(NONE, |row| row.get::<String>(0))?;
        ids.collect::<Result<_, _>>()?
    };
    let mut running = Vec::new();
    for id in &ids {
        let request = understood("subject request", id, subjects::read(tx, id))?.flatten();
        let tasks = understood("a task of subject request", id, of_request(tx, id))?;
        running.extend(request.zip(tasks));
    }
    Ok(running)
}

/// Gives up the tasks of a request that has ended. One that is not understood stays as it is.
pub(super) fn cancel(
    tx: &Transaction<'_>,
    request: SubjectRequestId,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    for task in all_of(tx, OF_REQUEST, [request.to_string()])? {
        let cancelled = task.clone().cancelled(now);
        if cancelled != task {
            store(tx, &cancelled)?;
        }
    }
    Ok(())
}

fn fenced(tx: &Transaction<'_>, fence: Fence<SubjectTaskId>) -> Result<SubjectTask, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM subject_task t WHERE t.id = ?1");
    let mut statement = tx.prepare(&sql)?;
    let found = statement.query_row([fence.id.to_string()], |row| Ok(read(row))).optional()?;
    found.transpose()?.ok_or_else(|| lost(format!("task {} is gone", fence.id)))
}

fn lost(why: String) -> Fault {
    Fault::Refused(CatalogError::new(CatalogErrorKind::Fenced, why))
}

/// Renews a claim, if it still holds, and notes what it is about to erase.
pub(super) fn beat(
    tx: &Transaction<'_>,
    fence: Fence<SubjectTaskId>,
    lease: Duration,
    found: Option<u64>,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let beaten = fenced(tx, fence)?.beaten(fence.epoch, found, now, lease);
    store(tx, &beaten.map_err(|error| lost(error.to_string()))?)
}

/// Ends an attempt, if its claim still holds.
pub(super) fn settle(
    tx: &Transaction<'_>,
    fence: Fence<SubjectTaskId>,
    report: &TaskReport,
    now: DateTime<Utc>,
) -> Result<SubjectTask, Fault> {
    let settled = fenced(tx, fence)?.settled(fence.epoch, report, now);
    let settled = settled.map_err(|error| lost(error.to_string()))?;
    store(tx, &settled)?;
    Ok(settled)
}

/// Starts over with the tasks of a request that somebody has to see to. Returns their number.
pub(super) fn again(
    tx: &Transaction<'_>,
    owner: &Owner,
    request: SubjectRequestId,
    now: DateTime<Utc>,
) -> Result<usize, Fault> {
    let tasks = list(tx, owner, request)?.into_iter();
    let again: Vec<SubjectTask> = tasks.filter_map(|task| task.again(now)).collect();
    again.iter().try_for_each(|task| store(tx, task))?;
    Ok(again.len())
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn d4_tasks_are_found_by_their_request_and_requests_that_run_in_the_order_of_an_index() {
        let steps = plan(&format!("SELECT {COLUMNS} {OF_REQUEST}"));
        assert_eq!(steps, ["SEARCH t USING INDEX subject_task_of_request (request_id=?)"]);
        assert_eq!(plan(RUNNING), ["SCAN r USING COVERING INDEX subject_request_running"]);
    }
}
