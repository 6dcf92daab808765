//! Sets of the store that are taken back into the record (rule E18).

use cdds_core::domain::archive::adoption::Adoption;
use cdds_core::domain::archive::artifact::ArtifactSet;
use cdds_core::domain::execution::Execution;

use super::super::row::integer;
use super::driver::{OptionalExtension, params};
use super::fault::{Fault, conflict};
use super::transaction::Transaction;
use super::{artifacts, executions, jobs};

/// Stores the execution as succeeded, its set, and the change of its job.
pub(super) fn adopt(
    tx: &Transaction<'_>,
    adoption: &Adoption,
    expected: u64,
    set: &ArtifactSet,
) -> Result<(), Fault> {
    let Adoption { before, execution, change, .. } = adoption;
    let unchanged = match before {
        None => executions::insert(tx, execution)?,
        Some(before) => replace(tx, before, execution)?,
    };
    if !unchanged {
        let id = execution.id;
        return Err(conflict(format!("execution {id} was changed or deleted meanwhile: look at it again")));
    }
    let published_at = execution.finished_at.unwrap_or(execution.created_at);
    artifacts::insert(tx, execution.id, set, published_at)?;
    jobs::apply(tx, change, expected)
}

/// Stores the execution if it is still as the decision saw it.
fn replace(tx: &Transaction<'_>, before: &Execution, after: &Execution) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM execution
         WHERE id = ?1 AND owner = ?2 AND status = ?3 AND epoch = ?4 AND deleted_at IS NULL";
    let values = params![
        before.id.to_string(),
        before.owner.as_str(),
        before.status().as_str(),
        integer(before.epoch),
    ];
    let found = tx.query_row(sql, values, |_| Ok(())).optional()?.is_some();
    if found {
        executions::store(tx, after, None)?;
    }
    Ok(found)
}
