//! Lists of executions, each with its available files.

use cdds_core::domain::execution::{ExecutionState, Status};
use cdds_core::domain::id::{ExecutionId, Owner};
use cdds_core::ports::catalog::query::{ExecutionColumn, ExecutionOverview, ExecutionQuery, Page};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, Statement, Transaction, params};

use super::super::super::row::{ExecutionRow, micros};
use super::super::fault::Fault;
use super::super::listing::{Filter, Key, Ties};
use super::{COLUMNS, COLUMNS_COUNT, execution_row};

/// Executions alone.
const EXECUTIONS: &str = "FROM execution e";

/// Selects the execution whose id is bound, and whether its job has been deleted since (rule J12).
fn overview_of() -> String {
    format!(
        "SELECT {COLUMNS}, j.state = 'deleted' {EXECUTIONS} JOIN job j ON j.id = e.job_id WHERE e.id = ?1"
    )
}

/// Executions with equal keys are sorted by id.
const TIES: Ties = Ties { id: "e.id", part: None };

/// Executions deleted from the history are not shown.
const SHOWN: &str = "e.deleted_at IS NULL";

/// Selects an execution's files that are available at the bound instant (rule A7), by part.
fn files_sql(execution: &str, at: &str) -> String {
    format!(
        "SELECT a.name FROM artifact a JOIN artifact_set s ON s.execution_id = a.execution_id
         WHERE a.execution_id = {execution} AND a.removed_at IS NULL AND s.removed_at IS NULL
           AND (a.hold OR a.expires_at > {at})
         ORDER BY a.part"
    )
}

fn overview_row(row: &Row<'_>) -> rusqlite::Result<(ExecutionRow, bool)> {
    Ok((execution_row(row)?, row.get(COLUMNS_COUNT)?))
}

/// Adds the files, using a statement from [`files_sql`].
fn overview(
    (row, job_deleted): (ExecutionRow, bool),
    files: &mut Statement<'_>,
    now: DateTime<Utc>,
) -> Result<ExecutionOverview, Fault> {
    let execution = row.into_execution()?;
    let names = if execution.state == ExecutionState::Succeeded {
        let names = files.query_map(params![execution.id.to_string(), micros(now)], |row| row.get(0))?;
        names.collect::<Result<_, _>>()?
    } else {
        Vec::new()
    };
    Ok(ExecutionOverview { execution, job_deleted, files: names, worker: None })
}

pub(in super::super) fn find(
    tx: &Transaction<'_>,
    owner: &Owner,
    id: ExecutionId,
    now: DateTime<Utc>,
) -> Result<Option<ExecutionOverview>, Fault> {
    let sql = format!("{} AND e.owner = ?2 AND {SHOWN}", overview_of());
    let row = tx.query_row(&sql, [&id.to_string(), owner.as_str()], overview_row).optional()?;
    let mut files = tx.prepare(&files_sql("?1", "?2"))?;
    row.map(|row| overview(row, &mut files, now)).transpose()
}

pub(in super::super) fn list(
    tx: &Transaction<'_>,
    owner: &Owner,
    query: &ExecutionQuery,
    now: DateTime<Utc>,
) -> Result<Page<ExecutionOverview>, Fault> {
    let filter = filter(owner, query);
    let order = key(query.sort.column, now).order(query.sort.descending, TIES);
    let total = filter.count(tx, EXECUTIONS, &query.slice)?;
    let (ids, next) = filter.page_of_ids(tx, "e.id", EXECUTIONS, &order, &query.slice)?;
    let mut statement = tx.prepare(&overview_of())?;
    let mut files = tx.prepare(&files_sql("?1", "?2"))?;
    let items = ids.iter().map(|id| overview(statement.query_row([id], overview_row)?, &mut files, now));
    Ok(Page { items: items.collect::<Result<_, Fault>>()?, total, next })
}

fn filter(owner: &Owner, query: &ExecutionQuery) -> Filter {
    // The plus keeps SQLite from scanning the owner's whole history when that of one job is requested.
    let of_owner = if query.job.is_some() { "+e.owner = ?" } else { "e.owner = ?" };
    Filter::default()
        .and(of_owner, owner.to_string())
        .and_always(SHOWN)
        .and_if("e.job_id = ?", query.job.map(|job| job.to_string()))
        .and_if("e.status = ?", query.status.map(|status| status.as_str().to_owned()))
        .and_if("e.source = ?", query.source.as_ref().map(ToString::to_string))
        .and_if(
            "instr(', ' || e.data_type || ',', ', ' || ? || ',') > 0",
            query.data_type.as_ref().map(ToString::to_string),
        )
        .and_between("e.slot", query.slot)
        .and_between("e.started_at", query.started)
}

fn key(column: ExecutionColumn, now: DateTime<Utc>) -> Key {
    match column {
        ExecutionColumn::Source => Key::of("e.source"),
        ExecutionColumn::Type => Key::of("e.data_type"),
        ExecutionColumn::Title => Key::of("e.title_folded"),
        ExecutionColumn::Status => Key::ranked("e.status", Status::ALL.map(Status::as_str)),
        ExecutionColumn::Slot => Key::of("e.slot"),
        ExecutionColumn::StartedAt => Key::nullable("e.started_at"),
        ExecutionColumn::FinishedAt => Key::nullable("e.finished_at"),
        // From the first attempt to the end; null until then.
        ExecutionColumn::Duration => Key::nullable("(e.finished_at - e.started_at)"),
        ExecutionColumn::Records => Key::of("e.records"),
        ExecutionColumn::Files => Key::bound(format!("({} LIMIT 1)", files_sql("e.id", "?")), micros(now)),
    }
}

#[cfg(test)]
mod tests {
    use cdds_core::ports::catalog::query::{Cursor, Slice, SortKey};

    use super::super::super::plan::plan;
    use super::*;

    #[test]
    fn e9_a_page_of_the_history_passes_over_what_lies_in_the_index_alone() {
        let query = ExecutionQuery::default();
        let order = key(query.sort.column, DateTime::UNIX_EPOCH).order(query.sort.descending, TIES);
        let after = Cursor { key: SortKey::Number(7), id: "an id".to_owned(), part: 0 };
        for (after, seeks) in [(None, "owner=?"), (Some(after), "owner=? AND slot<?")] {
            let slice = Slice { after, limit: 100 };
            let (sql, _) = filter(&Owner::default(), &query).page_sql("e.id", EXECUTIONS, &order, &slice);
            let steps = plan(&sql);
            assert_eq!(steps.len(), 1, "nothing is sorted: {steps:?}");
            let expected = format!("e USING COVERING INDEX execution_list ({seeks})");
            assert!(steps[0].contains(&expected), "{steps:?}");
        }
    }
}
