//! Lists of executions, each with its available files.

use cdds_core::domain::execution::{ExecutionState, Status};
use cdds_core::domain::id::{ExecutionId, Owner};
use cdds_core::ports::catalog::query::{ExecutionColumn, ExecutionOverview, ExecutionQuery, Page};
use chrono::{DateTime, Utc};

use super::super::super::row::{ExecutionRow, micros};
use super::super::driver::{self, OptionalExtension, Row, params};
use super::super::fault::Fault;
use super::super::listing::Filter;
use super::super::order::{Key, Ties, rank, status_position};
use super::super::transaction::Transaction;
use super::{COLUMNS, COLUMNS_COUNT, execution_row};

/// Executions alone.
const EXECUTIONS: &str = "FROM execution e";

/// Selects the execution whose id is bound, and whether its job has been deleted since (rule J12).
fn overview_of() -> String {
    format!(
        "SELECT {COLUMNS}, j.state = 'deleted' {EXECUTIONS} JOIN job j ON j.id = e.job_id WHERE e.id = ?1"
    )
}

/// Executions with equal keys are sorted by slot, then by id.
const TIES: Ties = Ties { at: "e.slot", id: "e.id", part: None };

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

fn overview_row(row: &Row<'_>) -> driver::Result<(ExecutionRow, bool)> {
    Ok((execution_row(row)?, row.get(COLUMNS_COUNT)?))
}

/// Adds the files of each.
fn overviews(
    tx: &Transaction<'_>,
    rows: Vec<(ExecutionRow, bool)>,
    now: DateTime<Utc>,
) -> Result<Vec<ExecutionOverview>, Fault> {
    let mut overviews = Vec::with_capacity(rows.len());
    for (row, job_deleted) in rows {
        let execution = row.into_execution()?;
        overviews.push(ExecutionOverview { execution, job_deleted, files: Vec::new(), worker: None });
    }
    let sql = files_sql("?1", "?2");
    let mut succeeded: Vec<_> =
        overviews.iter_mut().filter(|one| one.execution.state == ExecutionState::Succeeded).collect();
    let values = |one: &ExecutionOverview| params![one.execution.id.to_string(), micros(now)];
    let queries: Vec<_> = succeeded.iter().map(|one| (&*sql, values(one))).collect();
    tx.query_all(&queries, |number, row| {
        if let Some(one) = succeeded.get_mut(number) {
            one.files.push(row.get(0)?);
        }
        Ok(())
    })?;
    Ok(overviews)
}

pub(in super::super) fn find(
    tx: &Transaction<'_>,
    owner: &Owner,
    id: ExecutionId,
    now: DateTime<Utc>,
) -> Result<Option<ExecutionOverview>, Fault> {
    let sql = format!("{} AND e.owner = ?2 AND {SHOWN}", overview_of());
    let row = tx.query_row(&sql, [&id.to_string(), owner.as_str()], overview_row).optional()?;
    Ok(overviews(tx, row.into_iter().collect(), now)?.pop())
}

pub(in super::super) fn list(
    tx: &Transaction<'_>,
    owner: &Owner,
    query: &ExecutionQuery,
    now: DateTime<Utc>,
) -> Result<Page<ExecutionOverview>, Fault> {
    let order = key(query.sort.column).order(query.sort.descending, TIES);
    let page = filter(tx, owner, query)?.page(tx, &order, &query.slice)?;
    let rows = tx.rows_of(&overview_of(), &page.ids, |row| Ok(overview_row(row)?))?;
    Ok(Page { items: overviews(tx, rows, now)?, total: page.total, next: page.next })
}

fn filter(tx: &Transaction<'_>, owner: &Owner, query: &ExecutionQuery) -> Result<Filter, Fault> {
    let filter = Filter::new((EXECUTIONS, "e.id"), ("e.owner", owner), SHOWN)
        .and_among("e.id", query.ids.as_deref())
        .and_begins("e.id", query.id_begins.as_ref())
        .and_identified("e.job_id", query.job.map(|job| job.to_string()))
        .and_covered(status_rank(), query.status.and_then(status_position))
        .and_indexed("e.source", query.source.as_ref().map(ToString::to_string))
        .and_indexed_between("e.slot", query.slot)
        .and_indexed_between("e.started_at", query.started);
    filter.and_type(tx, "e.data_type", query.data_type.as_ref())
}

/// The position of the status, by which lists are sorted and filtered.
fn status_rank() -> String {
    rank("e.status", Status::ALL.map(Status::as_str))
}

fn key(column: ExecutionColumn) -> Key {
    match column {
        ExecutionColumn::Source => Key::of("e.source"),
        ExecutionColumn::Type => Key::of("e.data_type"),
        ExecutionColumn::Title => Key::of("e.title_folded"),
        ExecutionColumn::Status => Key::nullable(&status_rank()),
        ExecutionColumn::Slot => Key::of("e.slot"),
        ExecutionColumn::StartedAt => Key::nullable("e.started_at"),
        ExecutionColumn::FinishedAt => Key::nullable("e.finished_at"),
        // From the first attempt to the end; null until then.
        ExecutionColumn::Duration => Key::nullable("(e.finished_at - e.started_at)"),
        ExecutionColumn::Records => Key::of("e.records"),
        // The name of its first file begins with its id, and is followed by the same in all sets.
        ExecutionColumn::Files => Key::nullable("(CASE WHEN e.has_files THEN e.id END)"),
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use cdds_core::ports::catalog::query::{Cursor, Slice, Sort, SortKey};

    use cdds_core::system::SystemClock;

    use super::*;
    use crate::catalog::sqlite::plan::{empty, plan};

    /// Plans of the first page and of a later one, by each column, both ways.
    #[test]
    fn e9_a_page_of_the_history_walks_the_index_of_its_column() {
        for column in ExecutionColumn::ALL {
            for descending in [false, true] {
                let query = ExecutionQuery::default().with_sort(Sort { column: *column, descending });
                let order = key(query.sort.column).order(descending, TIES);
                let key = if *column == ExecutionColumn::Slot {
                    SortKey::Number(7)
                } else {
                    SortKey::Text("t".to_owned())
                };
                let after = Cursor { key, at: 5, id: "an id".to_owned(), part: 0 };
                for after in [None, Some(after)] {
                    let slice = Slice { after, limit: 100 };
                    for sql in filter(
                        &Transaction::sqlite(empty().transaction().unwrap(), &SystemClock::new()),
                        &Owner::default(),
                        &query,
                    )
                    .unwrap()
                    .walked_sql(&order, &slice)
                    {
                        let steps = plan(&sql);
                        assert_eq!(steps.len(), 1, "nothing is sorted: {column:?} {steps:?}");
                        assert!(
                            steps[0].contains("e USING COVERING INDEX execution_list"),
                            "{column:?} {steps:?}"
                        );
                        assert!(steps[0].contains("owner=?"), "{column:?} {steps:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn e9_executions_of_which_the_ids_are_known_are_looked_up_each() {
        for column in ExecutionColumn::ALL {
            let query = ExecutionQuery::default().with_ids(vec![ExecutionId(uuid::Uuid::nil())]);
            let filter = filter(
                &Transaction::sqlite(empty().transaction().unwrap(), &SystemClock::new()),
                &Owner::default(),
                &query,
            )
            .unwrap();
            for sql in filter.gathered_sql(&key(*column).order(true, TIES), &Slice::first(100)) {
                let steps = plan(&sql);
                let index = "SEARCH e USING INDEX sqlite_autoindex_execution_1 (id=?)";
                assert_eq!(steps[0], index, "{column:?} {steps:?}");
            }
        }
    }

    #[test]
    fn e9_the_rows_of_one_status_are_sorted_by_any_column_out_of_one_index() {
        for column in ExecutionColumn::ALL {
            let query = ExecutionQuery::default()
                .with_status(Some(Status::Failed))
                .with_source("source-3".parse().ok());
            let filter = filter(
                &Transaction::sqlite(empty().transaction().unwrap(), &SystemClock::new()),
                &Owner::default(),
                &query,
            )
            .unwrap();
            let order = key(*column).order(true, TIES);
            for sql in filter.gathered_sql(&order, &Slice::first(100)) {
                let steps = plan(&sql);
                let index = "e USING COVERING INDEX execution_list_status (owner=? AND <expr>=?)";
                assert!(steps[0].contains(index), "{column:?} {steps:?}");
            }
        }
    }
}
