//! Lists of jobs, each with its newest execution.

use cdds_core::domain::execution::Status;
use cdds_core::domain::id::{JobId, Owner};
use cdds_core::ports::catalog::query::{Between, JobColumn, JobOverview, JobQuery, LatestStatus, Page};
use rusqlite::{OptionalExtension, Row, Transaction};

use super::super::super::row::{JobRow, LatestRow, fold};
use super::super::fault::Fault;
use super::super::listing::{Filter, Key, Ties};
use super::{COLUMNS, COLUMNS_COUNT, job_row};

/// Jobs alone.
const JOBS: &str = "FROM job j";

/// A job together with its running execution or, failing that, its newest one that was not skipped. Each
/// takes one step in an index.
const OVERVIEW: &str = "FROM job j LEFT JOIN execution l ON l.id = coalesce(
    (SELECT r.id FROM execution r WHERE r.job_id = j.id AND r.status = 'in_progress'),
    (SELECT e.id FROM execution e
     WHERE e.job_id = j.id AND e.status <> 'skipped' AND e.deleted_at IS NULL
     ORDER BY e.created_at DESC, e.slot DESC, e.id DESC LIMIT 1))";

/// Jobs with equal keys are sorted by id.
const TIES: Ties = Ties { id: "j.id", part: None };

/// Deleted jobs are kept only for their history (rule J12).
const LIVE: &str = "j.state <> 'deleted'";

/// Selects the overview of the job whose id is bound.
fn overview_of() -> String {
    format!("SELECT {COLUMNS}, l.id, l.status, l.started_at, l.progress {OVERVIEW} WHERE j.id = ?1")
}

fn overview_row(row: &Row<'_>) -> rusqlite::Result<(JobRow, Option<LatestRow>)> {
    let latest = match row.get(COLUMNS_COUNT)? {
        Some(id) => Some(LatestRow {
            id,
            status: row.get(COLUMNS_COUNT + 1)?,
            started_at: row.get(COLUMNS_COUNT + 2)?,
            progress: row.get(COLUMNS_COUNT + 3)?,
        }),
        None => None,
    };
    Ok((job_row(row)?, latest))
}

fn overview((job, latest): (JobRow, Option<LatestRow>)) -> Result<JobOverview, Fault> {
    Ok(JobOverview { job: job.into_job()?, latest: latest.map(LatestRow::into_latest).transpose()? })
}

pub(in super::super) fn find(
    tx: &Transaction<'_>,
    owner: &Owner,
    id: JobId,
) -> Result<Option<JobOverview>, Fault> {
    let sql = format!("{} AND j.owner = ?2 AND {LIVE}", overview_of());
    let row = tx.query_row(&sql, [&id.to_string(), owner.as_str()], overview_row).optional()?;
    row.map(overview).transpose()
}

pub(in super::super) fn list(
    tx: &Transaction<'_>,
    owner: &Owner,
    query: &JobQuery,
) -> Result<Page<JobOverview>, Fault> {
    let filter = filter(owner, query);
    let filtered_by_latest = query.latest_status.is_some() || query.latest_started != Between::default();
    let sorted_by_latest = matches!(query.sort.column, JobColumn::LatestStatus | JobColumn::LatestStartedAt);
    let total = filter.count(tx, if filtered_by_latest { OVERVIEW } else { JOBS }, &query.slice)?;
    let from = if filtered_by_latest || sorted_by_latest { OVERVIEW } else { JOBS };
    let order = key(query.sort.column).order(query.sort.descending, TIES);
    let (ids, next) = filter.page_of_ids(tx, "j.id", from, &order, &query.slice)?;
    let mut statement = tx.prepare(&overview_of())?;
    let items = ids.iter().map(|id| overview(statement.query_row([id], overview_row)?));
    Ok(Page { items: items.collect::<Result<_, Fault>>()?, total, next })
}

fn filter(owner: &Owner, query: &JobQuery) -> Filter {
    let filter = Filter::default()
        .and("j.owner = ?", owner.to_string())
        .and_always(LIVE)
        .and_if("instr(j.title_folded, ?) > 0", query.search.as_deref().map(fold))
        .and_if("j.source = ?", query.source.as_ref().map(ToString::to_string))
        .and_if(
            "instr(', ' || j.data_type || ',', ', ' || ? || ',') > 0",
            query.data_type.as_ref().map(ToString::to_string),
        )
        .and_if("j.frequency = ?", query.frequency.map(|kind| kind.as_str().to_owned()))
        .and_if("j.state = ?", query.state.map(|state| state.as_str().to_owned()))
        .and_between("j.created_at", query.created)
        .and_between("l.started_at", query.latest_started)
        .and_between("j.next_due_at", query.next_starts);
    match query.latest_status {
        None => filter,
        Some(LatestStatus::YetToRun) => filter.and_always("l.id IS NULL"),
        Some(LatestStatus::Is(status)) => filter.and("l.status = ?", status.as_str().to_owned()),
    }
}

fn key(column: JobColumn) -> Key {
    match column {
        JobColumn::Source => Key::of("j.source"),
        JobColumn::Type => Key::of("j.data_type"),
        // Ignore case, as people do when they search.
        JobColumn::Title => Key::of("j.title_folded"),
        JobColumn::CreatedAt => Key::of("j.created_at"),
        JobColumn::LatestStatus => Key::ranked("l.status", Status::ALL.map(Status::as_str)),
        JobColumn::LatestStartedAt => Key::nullable("l.started_at"),
        JobColumn::NextStartsAt => Key::nullable("j.next_due_at"),
    }
}

#[cfg(test)]
mod tests {
    use cdds_core::ports::catalog::query::{Cursor, Slice, SortKey};

    use super::super::super::plan::plan;
    use super::*;

    #[test]
    fn a_page_of_jobs_passes_over_what_lies_in_the_index_alone() {
        let query = JobQuery::default();
        let order = key(query.sort.column).order(query.sort.descending, TIES);
        let after = Cursor { key: SortKey::Number(7), id: "an id".to_owned(), part: 0 };
        for (after, seeks) in [(None, "owner=?"), (Some(after), "owner=? AND created_at<?")] {
            let slice = Slice { after, limit: 100 };
            let (sql, _) = filter(&Owner::default(), &query).page_sql("j.id", JOBS, &order, &slice);
            let steps = plan(&sql);
            assert_eq!(steps.len(), 1, "nothing is sorted: {steps:?}");
            let expected = format!("j USING COVERING INDEX job_list ({seeks})");
            assert!(steps[0].contains(&expected), "{steps:?}");
        }
    }
}
