//! What is known of destinations and endpoints (rules N3, N5, N9).

use std::collections::BTreeSet;

use cdds_core::domain::delivery::health::{ContactOutcome, Health, TargetId, disabled_notices};
use cdds_core::domain::id::{DestinationId, ExecutionId, Subscriber};
use cdds_core::domain::work::row::WorkStatus;
use chrono::{DateTime, Utc};

use super::super::row::HealthRow;
use super::driver::{NONE, OptionalExtension, Row, params};
use super::fault::{Fault, conflict};
use super::transaction::Transaction;
use super::understood::{row_id, understood};
use super::{deliveries, executions, outbox};

const COLUMNS: &str =
    "target, failing_since, disabled_at, disabled_reason, disabled_by, contacted_at, failure, pinned";

pub(super) fn of_destination(destination: &DestinationId) -> TargetId {
    TargetId::Destination(destination.clone())
}

fn read(row: &Row<'_>) -> Result<(TargetId, Health), Fault> {
    let row = HealthRow {
        target: row.get(0)?,
        failing_since: row.get(1)?,
        disabled_at: row.get(2)?,
        disabled_reason: row.get(3)?,
        disabled_by: row.get(4)?,
        contacted_at: row.get(5)?,
        failure: row.get(6)?,
        pinned: row.get(7)?,
    };
    Ok(row.into_health()?)
}

/// Returns what is known of a target: the default, if it has not been used.
pub(super) fn find(tx: &Transaction<'_>, target: &TargetId) -> Result<Health, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM health WHERE target = ?1");
    let found = tx.prepare(&sql)?.query_row([target.to_string()], |row| Ok(read(row))).optional()?;
    Ok(found.transpose()?.map(|(_, health)| health).unwrap_or_default())
}

/// Returns what is known of all targets. One that is not understood is left out.
pub(super) fn all(tx: &Transaction<'_>) -> Result<Vec<(TargetId, Health)>, Fault> {
    let mut statement = tx.prepare(&format!("SELECT {COLUMNS} FROM health"))?;
    let mut rows = statement.query(NONE)?;
    let mut known = Vec::new();
    while let Some(row) = &rows.next()? {
        known.extend(understood("health", &row_id(row), read(row))?);
    }
    known.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(known)
}

/// Returns the endpoints to which nothing is sent.
pub(super) fn disabled_endpoints(tx: &Transaction<'_>) -> Result<BTreeSet<Subscriber>, Fault> {
    let disabled = all(tx)?.into_iter().filter(|(_, health)| !health.is_enabled());
    let name = |(target, _)| match target {
        TargetId::Webhook(name) => Some(name),
        _ => None,
    };
    Ok(disabled.filter_map(name).collect())
}

fn store(tx: &Transaction<'_>, target: &TargetId, health: &Health) -> Result<(), Fault> {
    let row = HealthRow::of(target, health);
    tx.execute(
        "INSERT INTO health (target, failing_since, disabled_at, disabled_reason, disabled_by, contacted_at, failure,
            pinned)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (target) DO UPDATE SET failing_since = excluded.failing_since,
            disabled_at = excluded.disabled_at, disabled_reason = excluded.disabled_reason,
            disabled_by = excluded.disabled_by, contacted_at = excluded.contacted_at,
            failure = excluded.failure, pinned = excluded.pinned",
        params![
            row.target,
            row.failing_since,
            row.disabled_at,
            row.disabled_reason,
            row.disabled_by,
            row.contacted_at,
            row.failure,
            row.pinned,
        ],
    )?;
    Ok(())
}

/// Notes how a use or a check went. Returns the health afterwards.
pub(super) fn contacted(
    tx: &Transaction<'_>,
    target: &TargetId,
    outcome: &ContactOutcome,
    now: DateTime<Utc>,
) -> Result<Health, Fault> {
    let before = find(tx, target)?;
    let after = before.clone().after(outcome.clone(), now);
    store(tx, target, &after)?;
    if let TargetId::Destination(destination) = target
        && before.is_enabled()
        && !after.is_enabled()
    {
        let mut open = BTreeSet::<ExecutionId>::new();
        for status in [WorkStatus::Waiting, WorkStatus::Held] {
            let found = deliveries::to_destination(tx, destination, status)?;
            open.extend(found.into_iter().map(|delivery| delivery.execution_id));
        }
        for id in open {
            let id = id.to_string();
            let execution = understood("execution", &id, executions::find_any(tx, &id))?.flatten();
            if let Some(execution) = execution {
                outbox::insert(tx, &disabled_notices(&execution, target, &after))?;
            }
        }
    }
    Ok(after)
}

/// Stores a person's change. Enabling a destination starts over with the deliveries to it that were given up.
pub(super) fn set(
    tx: &Transaction<'_>,
    target: &TargetId,
    before: &Health,
    after: &Health,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    if find(tx, target)? != *before {
        return Err(conflict(format!("{target} was used or changed in the meantime: look again")));
    }
    store(tx, target, after)?;
    match target {
        TargetId::Destination(id) if !before.is_enabled() && after.is_enabled() => {
            deliveries::resume(tx, id, now)
        }
        _ => Ok(()),
    }
}
