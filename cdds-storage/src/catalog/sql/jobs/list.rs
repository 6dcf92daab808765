//! Lists of jobs, each with its newest execution.

use cdds_core::domain::execution::Status;
use cdds_core::domain::id::{JobId, Owner};
use cdds_core::ports::catalog::query::{JobColumn, JobOverview, JobQuery, LatestStatus, Page};

use super::super::super::row::{JobRow, LatestRow, fold};
use super::super::driver::{self, OptionalExtension, Row};
use super::super::fault::Fault;
use super::super::listing::Filter;
use super::super::order::{Key, Ties, rank, status_position};
use super::super::recipients;
use super::super::transaction::Transaction;
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

/// Jobs with equal keys are sorted by when they were created, then by id.
const TIES: Ties = Ties { at: "j.created_at", id: "j.id", part: None };

/// Deleted jobs are kept only for their history (rule J12).
const LIVE: &str = "j.state <> 'deleted'";

/// Selects the overview of the job whose id is bound.
fn overview_of() -> String {
    format!("SELECT {COLUMNS}, l.id, l.status, l.started_at, l.progress, l.detail {OVERVIEW} WHERE j.id = ?1")
}

fn overview_row(row: &Row<'_>) -> driver::Result<(JobRow, Option<LatestRow>)> {
    let latest = match row.get(COLUMNS_COUNT)? {
        Some(id) => Some(LatestRow {
            id,
            status: row.get(COLUMNS_COUNT + 1)?,
            started_at: row.get(COLUMNS_COUNT + 2)?,
            progress: row.get(COLUMNS_COUNT + 3)?,
            detail: row.get(COLUMNS_COUNT + 4)?,
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
    let order = key(query.sort.column).order(query.sort.descending, TIES);
    let page = filter(tx, owner, query)?.page(tx, &order, &query.slice)?;
    let items = tx.rows_of(&overview_of(), &page.ids, |row| overview(overview_row(row)?))?;
    Ok(Page { items, total: page.total, next: page.next })
}

fn filter(tx: &Transaction<'_>, owner: &Owner, query: &JobQuery) -> Result<Filter, Fault> {
    let filter = Filter::new((JOBS, "j.id"), ("j.owner", owner), LIVE)
        .and_among("j.id", query.ids.as_deref())
        .and_begins("j.id", query.id_begins.as_ref())
        .and_indexed("j.source", query.source.as_ref().map(ToString::to_string))
        .and_indexed("j.frequency", query.frequency.map(|kind| kind.as_str().to_owned()))
        .and_indexed("j.state", query.state.map(|state| state.as_str().to_owned()))
        .and_indexed_between("j.created_at", query.created)
        .and_indexed_between("j.latest_started_at", query.latest_started)
        .and_indexed_between("j.next_due_at", query.next_starts);
    let filter = match query.latest_status {
        None => filter,
        Some(LatestStatus::YetToRun) => filter.and_indexed_missing(latest_rank()),
        Some(LatestStatus::Is(status)) => filter.and_indexed(latest_rank(), status_position(status)),
    };
    let filter = match &query.recipient {
        None => filter,
        Some(name) => filter.and_found("j.id", &recipients::jobs(tx, owner, name)?),
    };
    filter.and_titled(tx, owner, query.search.as_deref().map(fold))?.and_type(
        tx,
        "j.data_type",
        query.data_type.as_ref(),
    )
}

/// The position of the latest execution's status, by which lists are sorted and filtered.
fn latest_rank() -> String {
    rank("j.latest_status", Status::ALL.map(Status::as_str))
}

fn key(column: JobColumn) -> Key {
    match column {
        JobColumn::Source => Key::of("j.source"),
        JobColumn::Type => Key::of("j.data_type"),
        // Ignore case, as people do when they search.
        JobColumn::Title => Key::of("j.title_folded"),
        JobColumn::CreatedAt => Key::of("j.created_at"),
        JobColumn::LatestStatus => Key::nullable(&latest_rank()),
        JobColumn::LatestStartedAt => Key::nullable("j.latest_started_at"),
        JobColumn::NextStartsAt => Key::nullable("j.next_due_at"),
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use cdds_core::domain::job::JobState;
    use cdds_core::ports::catalog::query::{Cursor, Slice, Sort, SortKey};

    use cdds_core::system::SystemClock;

    use super::*;
    use crate::catalog::sqlite::plan::{empty, plan};

    #[test]
    fn a_page_of_jobs_walks_the_index_of_its_column() {
        for column in JobColumn::ALL {
            let query = JobQuery::default().with_sort(Sort { column: *column, descending: true });
            let order = key(*column).order(true, TIES);
            let after = Cursor { key: SortKey::Number(7), at: 5, id: "an id".to_owned(), part: 0 };
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
                    assert!(steps[0].contains("j USING COVERING INDEX job_list"), "{column:?} {steps:?}");
                }
            }
        }
    }

    #[test]
    fn jobs_of_which_the_ids_are_known_are_looked_up_each() {
        for column in JobColumn::ALL {
            let query = JobQuery::default().with_ids(vec![JobId(uuid::Uuid::nil())]);
            let filter = filter(
                &Transaction::sqlite(empty().transaction().unwrap(), &SystemClock::new()),
                &Owner::default(),
                &query,
            )
            .unwrap();
            for sql in filter.gathered_sql(&key(*column).order(true, TIES), &Slice::first(100)) {
                let steps = plan(&sql);
                let index = "SEARCH j USING INDEX sqlite_autoindex_job_1 (id=?)";
                assert_eq!(steps[0], index, "{column:?} {steps:?}");
            }
        }
    }

    #[test]
    fn jobs_of_a_source_and_a_state_are_looked_up_only_if_they_are_of_both() {
        for column in JobColumn::ALL {
            let query =
                JobQuery::default().with_source("source-3".parse().ok()).with_state(JobState::Suspended);
            let filter = filter(
                &Transaction::sqlite(empty().transaction().unwrap(), &SystemClock::new()),
                &Owner::default(),
                &query,
            )
            .unwrap();
            for sql in filter.intersected_sql(&key(*column).order(true, TIES), &Slice::first(100)) {
                let steps = plan(&sql);
                let among = "USING COVERING INDEX job_list_state (owner=? AND state=?";
                assert!(
                    steps[0].contains("INDEX job_list_source (owner=? AND source=?"),
                    "{column:?} {steps:?}"
                );
                assert!(steps.iter().any(|step| step.contains(among)), "{column:?} {steps:?}");
                // By age nothing is looked up in the table.
                let covers = steps[0].contains("COVERING");
                assert!(covers || *column != JobColumn::CreatedAt, "{column:?} {steps:?}");
            }
        }
    }
}
