//! The audit (rules C2, C3).

use cdds_core::domain::access::audit::AuditRecord;
use cdds_core::domain::access::download::{DownloadEnd, DownloadOutcome};
use cdds_core::domain::id::{AuditId, Owner};
use cdds_core::ports::catalog::query::{AuditColumn, AuditQuery, Page};

use super::super::row::{AuditRow, integer, micros};
use super::driver::{self, OptionalExtension, Row, params};
use super::fault::{Fault, conflict, constraint};
use super::listing::Filter;
use super::order::{Key, Ties};
use super::transaction::Transaction;

const COLUMNS: &str =
    "id, at, owner, principal, action, object_kind, object_id, version_before, version_after,
    settings, outcome, ended_at, bytes";

const ENTRIES: &str = "FROM audit";

const TIES: Ties = Ties { at: "at", id: "id", part: None };

fn audit_row(row: &Row<'_>) -> driver::Result<AuditRow> {
    Ok(AuditRow {
        id: row.get(0)?,
        at: row.get(1)?,
        owner: row.get(2)?,
        principal: row.get(3)?,
        action: row.get(4)?,
        object_kind: row.get(5)?,
        object_id: row.get(6)?,
        version_before: row.get(7)?,
        version_after: row.get(8)?,
        settings: row.get(9)?,
        outcome: row.get(10)?,
        ended_at: row.get(11)?,
        bytes: row.get(12)?,
    })
}

/// Makes a change and stores its entries in the same transaction.
pub(super) fn audited<T>(
    tx: &Transaction<'_>,
    audit: &[AuditRecord],
    change: impl FnOnce() -> Result<T, Fault>,
) -> Result<T, Fault> {
    let changed = change()?;
    insert(tx, audit)?;
    Ok(changed)
}

/// Stores entries.
pub(super) fn insert(tx: &Transaction<'_>, audit: &[AuditRecord]) -> Result<(), Fault> {
    if audit.is_empty() {
        return Ok(());
    }
    let mut statement = tx.prepare(&format!(
        "INSERT INTO audit ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"
    ))?;
    for entry in audit {
        let row = AuditRow::of(entry);
        statement
            .execute(params![
                row.id,
                row.at,
                row.owner,
                row.principal,
                row.action,
                row.object_kind,
                row.object_id,
                row.version_before,
                row.version_after,
                row.settings,
                row.outcome,
                row.ended_at,
                row.bytes,
            ])
            .map_err(constraint(format!("audit entry {} is already on record", entry.id)))?;
    }
    Ok(())
}

/// Stores the end of a download, and counts a verified one of an artifact.
pub(super) fn end_download(tx: &Transaction<'_>, id: AuditId, end: &DownloadEnd) -> Result<(), Fault> {
    let id = id.to_string();
    let ended = tx.execute(
        "UPDATE audit SET outcome = ?2, ended_at = ?3, bytes = ?4 WHERE id = ?1 AND outcome = 'begun'",
        params![id, end.outcome.as_str(), micros(end.at), integer(end.bytes)],
    )?;
    if ended == 0 {
        let has_ended: Option<bool> = tx
            .query_row("SELECT ended_at IS NOT NULL FROM audit WHERE id = ?1", [&id], |row| row.get(0))
            .optional()?;
        return match has_ended {
            Some(true) => Ok(()),
            Some(false) | None => Err(conflict(format!("there is no download {id}"))),
        };
    }
    if end.outcome == DownloadOutcome::Verified {
        tx.execute(
            "INSERT INTO download (artifact_id, at)
             SELECT a.id, ?2 FROM audit d JOIN artifact a ON a.id = d.object_id
             WHERE d.id = ?1 AND d.object_kind = 'artifact'",
            params![id, micros(end.at)],
        )?;
    }
    Ok(())
}

pub(super) fn list(
    tx: &Transaction<'_>,
    owner: &Owner,
    query: &AuditQuery,
) -> Result<Page<AuditRecord>, Fault> {
    let order = key(query.sort.column).order(query.sort.descending, TIES);
    let page = filter(owner, query).page(tx, &order, &query.slice)?;
    let sql = format!("SELECT {COLUMNS} {ENTRIES} WHERE id = ?1");
    let items = tx.rows_of(&sql, &page.ids, |row| Ok(audit_row(row)?.into_record()?))?;
    Ok(Page { items, total: page.total, next: page.next })
}

/// Returns the entries that a statement selects, in its order: what comes behind the columns. The table is called `d` there.
pub(super) fn selected(
    tx: &Transaction<'_>,
    selection: &str,
    values: impl driver::Params,
) -> Result<Vec<AuditRecord>, Fault> {
    let columns: Vec<String> = COLUMNS.split(',').map(|column| format!("d.{}", column.trim())).collect();
    let sql = format!("SELECT {} {selection}", columns.join(", "));
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map(values, audit_row)?;
    rows.map(|row| Ok(row?.into_record()?)).collect()
}

fn filter(owner: &Owner, query: &AuditQuery) -> Filter {
    Filter::new((ENTRIES, "id"), ("owner", owner), "TRUE")
        .and_indexed("object_id", query.object.clone())
        .and_indexed("principal", query.principal.as_ref().map(ToString::to_string))
        .and_indexed("action", query.action.map(|action| action.as_str().to_owned()))
        .and_indexed_between("at", query.at)
}

fn key(column: AuditColumn) -> Key {
    match column {
        AuditColumn::At => Key::of("at"),
        AuditColumn::Principal => Key::of("principal"),
        AuditColumn::Action => Key::of("action"),
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use cdds_core::domain::access::PrincipalName;
    use cdds_core::ports::catalog::query::{Cursor, Slice, Sort, SortKey};

    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn c2_a_page_by_each_column_is_read_out_of_its_index() {
        let after = Cursor { key: SortKey::Number(7), at: 5, id: "an id".to_owned(), part: 0 };
        for column in AuditColumn::ALL {
            let query = AuditQuery::default().with_sort(Sort { column: *column, descending: true });
            let order = key(*column).order(true, TIES);
            let slice = Slice { after: Some(after.clone()), limit: 100 };
            for sql in filter(&Owner::default(), &query).walked_sql(&order, &slice) {
                let steps = plan(&sql);
                assert_eq!(steps.len(), 1, "nothing is sorted: {steps:?}");
                assert!(steps[0].contains("audit USING COVERING INDEX audit_list"), "{steps:?}");
            }
        }
    }

    #[test]
    fn c2_a_page_by_age_of_an_object_is_read_out_of_its_index() {
        let all = AuditQuery::default;
        for (query, index) in [
            (all().with_object("an id".to_owned()), "audit_list_object (owner=? AND object_id=? AND at<?)"),
            (
                all().with_principal(PrincipalName::new("ada").unwrap()),
                "audit_list_principal (owner=? AND principal=? AND at<?)",
            ),
        ] {
            let order = key(query.sort.column).order(query.sort.descending, TIES);
            let after = Cursor { key: SortKey::Number(7), at: 7, id: "an id".to_owned(), part: 0 };
            let slice = Slice { after: Some(after), limit: 100 };
            for sql in filter(&Owner::default(), &query).walked_within_sql(&order, &slice) {
                let steps = plan(&sql);
                assert_eq!(steps.len(), 1, "nothing is sorted: {steps:?}");
                assert!(steps[0].contains(&format!("audit USING COVERING INDEX {index}")), "{steps:?}");
            }
        }
    }
}
