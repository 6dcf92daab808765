//! Notices about executions that have ended (rule N2).

use cdds_core::domain::execution::notice::Notice;
use cdds_core::domain::id::ExecutionId;
use rusqlite::{Transaction, params};

use super::super::row::NoticeRow;
use super::fault::Fault;
use super::understood::{row_id, understood};

/// Stores a notice in the transaction that ends its execution.
pub(super) fn insert(tx: &Transaction<'_>, notice: Option<&Notice>) -> Result<(), Fault> {
    let Some(row) = notice.map(NoticeRow::of) else { return Ok(()) };
    tx.execute(
        "INSERT INTO notice (execution_id, job_id, owner, kind, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![row.execution_id, row.job_id, row.owner, row.kind, row.at],
    )?;
    Ok(())
}

/// Returns up to `limit` notices, oldest first.
pub(super) fn list(tx: &Transaction<'_>, limit: usize) -> Result<Vec<Notice>, Fault> {
    let mut statement =
        tx.prepare("SELECT execution_id, job_id, owner, kind, at FROM notice ORDER BY at, execution_id")?;
    let mut rows = statement.query([])?;
    let mut notices = Vec::new();
    // Count here, so that rows that are not understood do not block others.
    while notices.len() < limit
        && let Some(row) = rows.next()?
    {
        let read = || {
            let row = NoticeRow {
                execution_id: row.get(0)?,
                job_id: row.get(1)?,
                owner: row.get(2)?,
                kind: row.get(3)?,
                at: row.get(4)?,
            };
            Ok(row.into_notice()?)
        };
        notices.extend(understood("notice", &row_id(row), read())?);
    }
    Ok(notices)
}

/// Deletes a notice: it was delivered, or its execution was deleted from the history.
pub(super) fn confirm(tx: &Transaction<'_>, execution: ExecutionId) -> Result<(), Fault> {
    tx.execute("DELETE FROM notice WHERE execution_id = ?1", [execution.to_string()])?;
    Ok(())
}
