//! Removals: expired sets, files and history that people delete, subject to legal holds (rules A7, A8, E9).
//! They are only marked here; the caller that asks for the removals deletes the files and confirms.

use std::collections::BTreeSet;

use cdds_core::domain::execution::Attempt;
use cdds_core::domain::id::{ArtifactId, ExecutionId, Owner};
use cdds_core::ports::catalog::Removal;
use cdds_core::ports::sink::Key;
use chrono::{DateTime, Utc};

use super::super::row::{corrupt, micros};
use super::super::stored;
use super::driver::{NONE, OptionalExtension, Row, params};
use super::fault::{Fault, conflict};
use super::transaction::Transaction;
use super::understood::{row_id, understood};
use super::{copies, deliveries, outbox};

/// Deletes a finished execution from the history. The row stays but is cleared: settings and failures may
/// contain personal data.
pub(super) fn delete_execution(
    tx: &Transaction<'_>,
    owner: &Owner,
    execution: ExecutionId,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let id = execution.to_string();
    let refuse = |why: &str| Err(conflict(format!("execution {id} {why}: look at it again")));
    let on_hold: Option<bool> = tx
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM artifact a JOIN artifact_set s ON s.execution_id = a.execution_id
                WHERE a.execution_id = e.id AND a.hold AND a.removed_at IS NULL AND s.removed_at IS NULL)
             FROM execution e
             WHERE e.id = ?1 AND e.owner = ?2 AND e.deleted_at IS NULL
               AND e.status NOT IN ('queued', 'in_progress')",
            [&id, owner.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    match on_hold {
        None => return refuse("has not ended, or is gone"),
        Some(true) => return refuse("has a set on legal hold"),
        Some(false) => {}
    }
    let attempts = erased_attempts(tx, &id)?;
    tx.execute(
        "UPDATE execution SET deleted_at = ?2, settings = '', title_folded = '', detail = NULL, attempts = ?3
         WHERE id = ?1",
        params![id, micros(now), attempts],
    )?;
    tx.execute(
        "UPDATE artifact_set SET removed_at = ?2 WHERE execution_id = ?1 AND removed_at IS NULL",
        params![id, micros(now)],
    )?;
    copies::leave(tx, &id, now)?;
    outbox::cancel(tx, execution, now)?;
    deliveries::cancel(tx, execution, now)
}

/// Returns the attempts that a deleted execution keeps: files of these claims may still appear in the store
/// (rule E16).
fn erased_attempts(tx: &Transaction<'_>, id: &str) -> Result<String, Fault> {
    let bad = |error| corrupt("execution", id, error);
    let attempts: String =
        tx.query_row("SELECT attempts FROM execution WHERE id = ?1", [id], |row| row.get(0))?;
    let attempts = stored::attempts_from_json(&attempts).map_err(bad)?;
    let erased: Vec<Attempt> = attempts.into_iter().map(Attempt::erased).collect();
    Ok(stored::attempts_to_json(&erased).map_err(bad)?)
}

/// Puts the remaining files of a set on hold, or releases them.
pub(super) fn hold(
    tx: &Transaction<'_>,
    owner: &Owner,
    execution: ExecutionId,
    hold: bool,
) -> Result<(), Fault> {
    let changed = tx.execute(
        "UPDATE artifact SET hold = ?3
         WHERE execution_id = ?1 AND owner = ?2 AND removed_at IS NULL
           AND EXISTS (SELECT 1 FROM artifact_set s WHERE s.execution_id = ?1 AND s.removed_at IS NULL)",
        params![execution.to_string(), owner.as_str(), hold],
    )?;
    if changed == 0 {
        return Err(conflict(format!("the artifact set of execution {execution} is gone: look again")));
    }
    Ok(())
}

/// Marks files as removed; marks a set without remaining files as a whole, with its manifest.
pub(super) fn delete_artifacts(
    tx: &Transaction<'_>,
    owner: &Owner,
    artifacts: &[ArtifactId],
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let mut mark = tx.prepare(
        "UPDATE artifact SET removed_at = ?3
         WHERE id = ?1 AND owner = ?2 AND removed_at IS NULL AND NOT hold
           AND EXISTS (SELECT 1 FROM artifact_set s
                       WHERE s.execution_id = artifact.execution_id AND s.removed_at IS NULL)
         RETURNING execution_id",
    )?;
    let mut sets = BTreeSet::new();
    // A file that is named twice is deleted once.
    for artifact in artifacts.iter().collect::<BTreeSet<_>>() {
        let values = params![artifact.to_string(), owner.as_str(), micros(now)];
        let set: Option<String> = mark.query_row(values, |row| row.get(0)).optional()?;
        sets.insert(set.ok_or_else(|| {
            conflict(format!(
                "artifact {artifact} is gone or on legal hold: look at it again; nothing was \
                              deleted"
            ))
        })?);
    }
    let mut mark_set = tx.prepare(
        "UPDATE artifact_set SET removed_at = ?2
         WHERE execution_id = ?1
           AND NOT EXISTS (SELECT 1 FROM artifact a WHERE a.execution_id = ?1 AND a.removed_at IS NULL)",
    )?;
    for set in sets {
        mark_set.execute(params![set, micros(now)])?;
        cancel_deliveries(tx, &set, now)?;
    }
    Ok(())
}

/// Marks expired sets; a hold on one file keeps its whole set.
pub(super) fn expire(tx: &Transaction<'_>, now: DateTime<Utc>, limit: usize) -> Result<usize, Fault> {
    let mut mark = tx.prepare(
        "UPDATE artifact_set SET removed_at = ?1 WHERE execution_id IN (
            SELECT s.execution_id FROM artifact_set s
            WHERE s.removed_at IS NULL AND s.expires_at <= ?1
              AND NOT EXISTS (SELECT 1 FROM artifact a WHERE a.execution_id = s.execution_id AND a.hold)
            ORDER BY s.expires_at, s.execution_id LIMIT ?2)
         RETURNING execution_id",
    )?;
    let values = params![micros(now), i64::try_from(limit).unwrap_or(i64::MAX)];
    let sets = mark.query_map(values, |row| row.get::<String>(0))?.collect::<Result<Vec<_>, _>>()?;
    sets.iter().try_for_each(|set| cancel_deliveries(tx, set, now))?;
    Ok(sets.len())
}

/// Gives up the deliveries of a set that is not whole any more. A set of an impossible execution has none.
fn cancel_deliveries(tx: &Transaction<'_>, execution: &str, now: DateTime<Utc>) -> Result<(), Fault> {
    match execution.parse() {
        Ok(execution) => deliveries::cancel(tx, execution, now),
        Err(_) => Ok(()),
    }
}

/// Returns marked but unconfirmed removals, oldest first; a marked set includes its files.
pub(super) fn removals(tx: &Transaction<'_>, limit: usize) -> Result<Vec<Removal>, Fault> {
    // Count the limit here, so that skipped rows do not use it up.
    let mut statement = tx.prepare(
        "SELECT s.execution_id AS id, NULL AS \"key\", s.removed_at AS removed_at, e.attempts
         FROM artifact_set s JOIN execution e ON e.id = s.execution_id
         WHERE s.removed_at IS NOT NULL AND s.removal_confirmed_at IS NULL
         UNION ALL
         SELECT a.id, a.\"key\", a.removed_at, NULL
         FROM artifact a JOIN artifact_set s ON s.execution_id = a.execution_id
         WHERE a.removed_at IS NOT NULL AND a.removal_confirmed_at IS NULL AND s.removed_at IS NULL
         ORDER BY removed_at, id",
    )?;
    let mut rows = statement.query(NONE)?;
    let mut removals = Vec::new();
    while removals.len() < limit
        && let Some(row) = &rows.next()?
    {
        removals.extend(understood("removal", &row_id(row), removal(row))?);
    }
    let left = limit - removals.len();
    removals.extend(copies::removals(tx, left)?);
    Ok(removals)
}

fn removal(row: &Row<'_>) -> Result<Removal, Fault> {
    let id: String = row.get(0)?;
    let bad = |error| corrupt("removal", &id, error);
    Ok(match row.get::<Option<String>>(1)? {
        None => {
            // Files of claims that cannot be decoded would stay, and their removal would be confirmed.
            stored::attempts_from_json(&row.get::<String>(3)?)
                .map_err(|error| corrupt("removal", &id, error))?;
            Removal::Set { execution: id.parse().map_err(bad)? }
        }
        Some(key) => Removal::File { artifact: id.parse().map_err(bad)?, key: Key::new(key) },
    })
}

/// Confirms a marked removal; files that were removed singly are gone with their set.
pub(super) fn confirm_removed(
    tx: &Transaction<'_>,
    removal: &Removal,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let confirm = |table: &str, column: &str, id: String| {
        let sql = format!(
            "UPDATE {table} SET removal_confirmed_at = ?2
             WHERE {column} = ?1 AND removed_at IS NOT NULL AND removal_confirmed_at IS NULL"
        );
        tx.execute(&sql, params![id, micros(now)])
    };
    match removal {
        Removal::Set { execution } => {
            if confirm("artifact_set", "execution_id", execution.to_string())? == 1 {
                confirm("artifact", "execution_id", execution.to_string())?;
            }
        }
        Removal::File { artifact, .. } => {
            confirm("artifact", "id", artifact.to_string())?;
        }
        Removal::Filter { execution, .. } => copies::forget(tx, *execution)?,
    }
    Ok(())
}
