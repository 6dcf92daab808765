//! Copies that exports have made, and the filters that tell whom they name (rule D10).

use cdds_core::domain::access::audit::AuditRecord;
use cdds_core::domain::id::{ExecutionId, Owner};
use cdds_core::domain::subject::copies::{CopyPlace, FilterNote, PublishedSet};
use cdds_core::ports::catalog::Removal;
use chrono::{DateTime, Utc};

use super::super::row::{FilterRow, PublishedRow, corrupt, gaps, integer, micros};
use super::audit;
use super::driver::{self, OptionalExtension, Row, params};
use super::fault::Fault;
use super::transaction::Transaction;
use super::understood::{row_id, understood};

const FILTER: &str = "f.folder, f.key_id, f.filters, f.people, f.gaps";

/// The sets of an owner behind a place. Executions first, which an index has in this order.
const SETS: &str = "SELECT e.id, e.job_id,
        (SELECT a.data_type FROM artifact a WHERE a.execution_id = e.id ORDER BY a.part LIMIT 1),
        e.slot, s.published_at, s.expires_at, s.removed_at,
        s.removed_at IS NULL AND EXISTS (
            SELECT 1 FROM artifact h WHERE h.execution_id = e.id AND h.hold AND h.removed_at IS NULL),
        f.folder, f.key_id, f.filters, f.people, f.gaps
    FROM execution e CROSS JOIN artifact_set s ON s.execution_id = e.id
        LEFT JOIN subject_filter f ON f.execution_id = e.id AND f.unwanted_at IS NULL
    WHERE e.owner = ?1 AND e.deleted_at IS NULL AND (e.slot, e.id) < (?2, ?3)
    ORDER BY e.slot DESC, e.id DESC";

/// The downloads of the files of a set, found by the files: an owner has far more downloads than a set.
const DOWNLOADS: &str = "FROM artifact a CROSS JOIN audit d ON d.owner = ?1 AND d.object_id = a.id
    WHERE a.execution_id = ?2 AND +d.action = 'download' AND d.outcome <> 'forbidden'
    ORDER BY d.at DESC, d.id DESC LIMIT ?3";

/// Notes the filters of a set that is published.
pub(super) fn insert(tx: &Transaction<'_>, execution: ExecutionId, filter: &FilterNote) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO subject_filter (execution_id, folder, key_id, filters, people, gaps)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            execution.to_string(),
            filter.folder.as_str(),
            filter.key.as_str(),
            integer(filter.filters.into()),
            integer(filter.values),
            gaps(&filter.gaps),
        ],
    )?;
    Ok(())
}

/// Lists the sets of an owner. One that is not understood is left out.
pub(super) fn sets(
    tx: &Transaction<'_>,
    owner: &Owner,
    behind: Option<CopyPlace>,
    limit: usize,
) -> Result<Vec<PublishedSet>, Fault> {
    let (slot, id) =
        behind.map_or((i64::MAX, String::new()), |at| (micros(at.slot), at.execution.to_string()));
    let mut statement = tx.prepare(SETS)?;
    let mut rows = statement.walk(params![owner.as_str(), slot, id])?;
    let mut sets = Vec::new();
    // The limit is counted here, so that rows that are passed over do not use it up.
    while sets.len() < limit
        && let Some(row) = &rows.next()?
    {
        let set = published_row(row).map_err(Fault::from).and_then(|row| Ok(row.into_set()?));
        sets.extend(understood("artifact set", &row_id(row), set)?);
    }
    Ok(sets)
}

fn published_row(row: &Row<'_>) -> driver::Result<PublishedRow> {
    let execution_id: String = row.get(0)?;
    let folder: Option<String> = row.get(8)?;
    let filter = match folder {
        Some(folder) => Some(filter_row(execution_id.clone(), folder, row, 9)?),
        None => None,
    };
    Ok(PublishedRow {
        execution_id,
        job_id: row.get(1)?,
        data_type: row.get(2)?,
        slot: row.get(3)?,
        published_at: row.get(4)?,
        expires_at: row.get(5)?,
        removed_at: row.get(6)?,
        hold: row.get(7)?,
        filter,
    })
}

/// Reads the columns behind the folder, from number `at` on.
fn filter_row(execution_id: String, folder: String, row: &Row<'_>, at: usize) -> driver::Result<FilterRow> {
    Ok(FilterRow {
        execution_id,
        folder,
        key_id: row.get(at)?,
        filters: row.get(at + 1)?,
        people: row.get(at + 2)?,
        gaps: row.get(at + 3)?,
    })
}

/// Returns the filters of a set, as long as they are wanted.
pub(super) fn filter(tx: &Transaction<'_>, execution: ExecutionId) -> Result<Option<FilterNote>, Fault> {
    let id = execution.to_string();
    let sql =
        format!("SELECT {FILTER} FROM subject_filter f WHERE f.execution_id = ?1 AND f.unwanted_at IS NULL");
    let read = |row: &Row<'_>| filter_row(id.clone(), row.get(0)?, row, 1);
    let row = tx.query_row(&sql, [&id], read).optional()?;
    Ok(row.map(FilterRow::into_note).transpose()?)
}

/// Lists the downloads of the files of a set.
pub(super) fn downloads(
    tx: &Transaction<'_>,
    owner: &Owner,
    execution: ExecutionId,
    limit: usize,
) -> Result<Vec<AuditRecord>, Fault> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    audit::selected(tx, DOWNLOADS, params![owner.as_str(), execution.to_string(), limit])
}

/// Leaves the filters of a set whose execution goes from the history to be removed.
pub(super) fn leave(tx: &Transaction<'_>, execution: &str, now: DateTime<Utc>) -> Result<(), Fault> {
    let sql = "UPDATE subject_filter SET unwanted_at = ?2 WHERE execution_id = ?1 AND unwanted_at IS NULL";
    tx.execute(sql, params![execution, micros(now)])?;
    Ok(())
}

/// Returns filters that are to be removed, those that have waited longest first.
pub(super) fn removals(tx: &Transaction<'_>, limit: usize) -> Result<Vec<Removal>, Fault> {
    let sql = format!(
        "SELECT f.execution_id AS id, {FILTER} FROM subject_filter f WHERE f.unwanted_at IS NOT NULL
         ORDER BY f.unwanted_at, f.execution_id"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.walk(params![])?;
    let mut removals = Vec::new();
    while removals.len() < limit
        && let Some(row) = &rows.next()?
    {
        removals.extend(understood("subject filter", &row_id(row), removal(row))?);
    }
    Ok(removals)
}

fn removal(row: &Row<'_>) -> Result<Removal, Fault> {
    let id: String = row.get(0)?;
    let execution = id.parse().map_err(|error| corrupt("subject filter", &id, error))?;
    let filter = filter_row(id, row.get(1)?, row, 2)?.into_note()?;
    Ok(Removal::Filter { execution, filter })
}

/// Forgets filters that were removed.
pub(super) fn forget(tx: &Transaction<'_>, execution: ExecutionId) -> Result<(), Fault> {
    let sql = "DELETE FROM subject_filter WHERE execution_id = ?1 AND unwanted_at IS NOT NULL";
    tx.execute(sql, [execution.to_string()])?;
    Ok(())
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn d10_sets_are_walked_in_the_order_of_an_index() {
        let steps = plan(SETS);
        assert!(steps[0].contains("e USING INDEX execution_list (owner=?"), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("SCAN")), "{steps:?}");
        let sorted: Vec<_> = steps.iter().filter(|step| step.contains("B-TREE")).collect();
        assert!(sorted.is_empty(), "{sorted:?}");
    }

    #[test]
    fn d10_downloads_are_found_by_the_files() {
        let steps = plan(&format!("SELECT d.id {DOWNLOADS}"));
        assert!(steps[0].starts_with("SEARCH a USING INDEX"), "{steps:?}");
        assert!(steps[1].contains("audit_list_object (owner=? AND object_id=?)"), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("SCAN")), "{steps:?}");
    }
}
