//! Deliveries: stored when a set is published, claimed and settled by those who carry them out (rules N4, N5).

mod claim;

use std::time::Duration;

use cdds_core::domain::delivery::health::disabled_notices;
use cdds_core::domain::delivery::{Delivery, DeliveryProgress, JobDestination, delivery_id};
use cdds_core::domain::execution::Execution;
use cdds_core::domain::id::{DeliveryId, DestinationId, ExecutionId, Owner};
use cdds_core::domain::work::row::{WorkOutcome, WorkState, WorkStatus};
use cdds_core::ports::catalog::query::{DeliveryQuery, Page};
use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind, Fence};
use chrono::{DateTime, SubsecRound, Utc};

use super::super::row::DeliveryRow;
use super::driver::{OptionalExtension, Params, Row, params};
use super::fault::{Fault, conflict};
use super::listing::Filter;
use super::order::{Key, Order, Ties};
use super::transaction::Transaction;
use super::understood::{row_id, understood};
use super::{artifacts, executions, health, outbox, work};

pub(super) use self::claim::{claim, orphans};

const COLUMNS: &str = "d.id, d.execution_id, d.job_id, d.owner, d.destination, d.settings, d.created_at, d.files, d.bytes,
    d.state, d.reason, d.epoch, d.attempts, d.first_attempt_at, d.last_attempt_at, d.failure, d.next_attempt_at,
    d.worker, d.lease_renewed_at, d.lease_expires_at, d.ended_at";

const OF_EXECUTION: &str = "FROM delivery d WHERE d.execution_id = ?1";

const TO_DESTINATION: &str = "FROM delivery d WHERE d.destination = ?1 AND d.state = ?2";

/// Reads a delivery from a row of [`COLUMNS`].
fn read(row: &Row<'_>) -> Result<Delivery, Fault> {
    let row = DeliveryRow {
        id: row.get(0)?,
        execution_id: row.get(1)?,
        job_id: row.get(2)?,
        owner: row.get(3)?,
        destination: row.get(4)?,
        settings: row.get(5)?,
        created_at: row.get(6)?,
        files: row.get(7)?,
        bytes: row.get(8)?,
        work: work::columns(row, 9)?,
    };
    Ok(row.into_delivery()?)
}

/// Stores a delivery as it is now.
fn store(tx: &Transaction<'_>, delivery: &Delivery) -> Result<(), Fault> {
    let row = DeliveryRow::of(delivery)?;
    let work = row.work;
    tx.execute(
        "INSERT INTO delivery (id, execution_id, job_id, owner, destination, settings, created_at, files, bytes, state,
            reason, epoch, attempts, first_attempt_at, last_attempt_at, failure, next_attempt_at, worker,
            lease_renewed_at, lease_expires_at, ended_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
         ON CONFLICT (id) DO UPDATE SET settings = excluded.settings, files = excluded.files, bytes = excluded.bytes,
            state = excluded.state, reason = excluded.reason, epoch = excluded.epoch, attempts = excluded.attempts,
            first_attempt_at = excluded.first_attempt_at, last_attempt_at = excluded.last_attempt_at,
            failure = excluded.failure, next_attempt_at = excluded.next_attempt_at, worker = excluded.worker,
            lease_renewed_at = excluded.lease_renewed_at, lease_expires_at = excluded.lease_expires_at,
            ended_at = excluded.ended_at",
        params![
            row.id,
            row.execution_id,
            row.job_id,
            row.owner,
            row.destination,
            row.settings,
            row.created_at,
            row.files,
            row.bytes,
            work.state,
            work.reason,
            work.epoch,
            work.attempts,
            work.first_attempt_at,
            work.last_attempt_at,
            work.failure,
            work.next_attempt_at,
            work.worker,
            work.lease_renewed_at,
            work.lease_expires_at,
            work.ended_at,
        ],
    )?;
    Ok(())
}

fn find(tx: &Transaction<'_>, id: &str) -> Result<Option<Delivery>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM delivery d WHERE d.id = ?1");
    let mut statement = tx.prepare(&sql)?;
    let found = statement.query_row([id], |row| Ok(read(row))).optional()?;
    found.transpose()
}

/// Returns the deliveries of a part of the table. One that is not understood is left out.
fn all_of(tx: &Transaction<'_>, part: &str, values: impl Params) -> Result<Vec<Delivery>, Fault> {
    let mut statement = tx.prepare(&format!("SELECT {COLUMNS} {part}"))?;
    let mut rows = statement.query(values)?;
    let mut found = Vec::new();
    while let Some(row) = &rows.next()? {
        found.extend(understood("delivery", &row_id(row), read(row))?);
    }
    Ok(found)
}

fn of_execution(tx: &Transaction<'_>, execution: ExecutionId) -> Result<Vec<Delivery>, Fault> {
    all_of(tx, OF_EXECUTION, [execution.to_string()])
}

/// Returns the deliveries to a destination that are in this state.
pub(super) fn to_destination(
    tx: &Transaction<'_>,
    destination: &DestinationId,
    status: WorkStatus,
) -> Result<Vec<Delivery>, Fault> {
    all_of(tx, TO_DESTINATION, [destination.as_str(), status.as_str()])
}

/// Stores the deliveries of an execution that has succeeded, and the notices of destinations that are disabled.
pub(super) fn publish(tx: &Transaction<'_>, published: &Execution) -> Result<(), Fault> {
    for delivery in Delivery::of(published) {
        let target = health::of_destination(&delivery.to.destination);
        let known = health::find(tx, &target)?;
        outbox::insert(tx, &disabled_notices(published, &target, &known))?;
        store(tx, &delivery)?;
    }
    Ok(())
}

fn fenced(tx: &Transaction<'_>, fence: Fence<DeliveryId>) -> Result<Delivery, Fault> {
    find(tx, &fence.id.to_string())?.ok_or_else(|| lost(format!("delivery {} is gone", fence.id)))
}

fn lost(why: String) -> Fault {
    Fault::Refused(CatalogError::new(CatalogErrorKind::Fenced, why))
}

/// Renews a claim, if it still holds.
pub(super) fn beat(
    tx: &Transaction<'_>,
    fence: Fence<DeliveryId>,
    lease: Duration,
    progress: DeliveryProgress,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let delivery = fenced(tx, fence)?;
    let work = delivery.work.beaten(fence.epoch, now, lease).map_err(|error| lost(error.to_string()))?;
    store(tx, &Delivery { work, progress, ..delivery })
}

/// Ends an attempt, if its claim still holds.
pub(super) fn settle(
    tx: &Transaction<'_>,
    fence: Fence<DeliveryId>,
    outcome: &WorkOutcome,
    progress: DeliveryProgress,
    now: DateTime<Utc>,
) -> Result<Delivery, Fault> {
    let delivery = fenced(tx, fence)?;
    let work = delivery.work.settled(fence.epoch, outcome, now).map_err(|error| lost(error.to_string()))?;
    let settled = Delivery { work, progress, ..delivery };
    store(tx, &settled)?;
    tell_of(tx, &settled, now)?;
    Ok(settled)
}

/// Stores the notices that follow from a delivery that has just ended.
fn tell_of(tx: &Transaction<'_>, delivery: &Delivery, now: DateTime<Utc>) -> Result<(), Fault> {
    let id = delivery.execution_id.to_string();
    let Some(execution) = understood("execution", &id, executions::find_any(tx, &id))?.flatten() else {
        return Ok(());
    };
    let of_set = of_execution(tx, delivery.execution_id)?;
    outbox::insert(tx, &delivery.notices(&execution, &of_set, now))?;
    Ok(())
}

/// Delivers a set to a destination, for the first time or again.
pub(super) fn again(
    tx: &Transaction<'_>,
    owner: &Owner,
    execution: ExecutionId,
    to: &JobDestination,
    now: DateTime<Utc>,
) -> Result<Delivery, Fault> {
    let set = artifacts::set(tx, owner, execution)?;
    let whole = set.filter(|set| set.deleted_parts().is_empty());
    let known = match whole {
        Some(_) => executions::find_any(tx, &execution.to_string())?,
        None => None,
    };
    let known = known.ok_or_else(|| conflict(format!("the set of execution {execution} is not whole")))?;
    let delivery = match find(tx, &delivery_id(execution, &to.destination).to_string())? {
        None => Delivery::new(&known, to.clone(), now),
        Some(delivery) => delivery
            .again(to.clone(), now)
            .map_err(|why| conflict(format!("execution {execution} cannot be delivered again: {why}")))?,
    };
    store(tx, &delivery)?;
    Ok(delivery)
}

/// Starts over with the deliveries to a destination that were given up.
pub(super) fn resume(
    tx: &Transaction<'_>,
    destination: &DestinationId,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    for delivery in to_destination(tx, destination, WorkStatus::GivenUp)? {
        let to = delivery.to.clone();
        // Those whose set is gone stay as they are.
        if let Ok(again) = delivery.again(to, now) {
            store(tx, &again)?;
        }
    }
    Ok(())
}

/// Gives up the deliveries of a set that is not whole any more. One that is not understood stays as it is.
pub(super) fn cancel(tx: &Transaction<'_>, execution: ExecutionId, now: DateTime<Utc>) -> Result<(), Fault> {
    for delivery in of_execution(tx, execution)? {
        if !matches!(delivery.work.state, WorkState::Done { .. }) {
            let work = delivery.work.cancelled(now.trunc_subsecs(6));
            store(tx, &Delivery { work, ..delivery })?;
        }
    }
    Ok(())
}

/// Lists an owner's deliveries, newest first. A delivery that is not understood is left out.
pub(super) fn list(
    tx: &Transaction<'_>,
    owner: &Owner,
    query: &DeliveryQuery,
) -> Result<Page<Delivery>, Fault> {
    let (filter, order) = filter(owner, query);
    let page = filter.page(tx, &order, &query.slice)?;
    let mut items = Vec::with_capacity(page.ids.len());
    for id in &page.ids {
        items.extend(understood("delivery", id, find(tx, id))?.flatten());
    }
    Ok(Page { items, total: page.total, next: page.next })
}

fn filter(owner: &Owner, query: &DeliveryQuery) -> (Filter, Order) {
    let filter = Filter::new(("FROM delivery d", "d.id"), ("d.owner", owner), "TRUE")
        .and_identified("d.id", query.id.map(|id| id.to_string()))
        .and_identified("d.execution_id", query.execution.map(|id| id.to_string()))
        .and_among("d.execution_id", query.executions.as_deref())
        .and_covered("d.destination", query.destination.as_ref().map(ToString::to_string))
        .and_covered("d.state", query.status.map(|status| status.as_str().to_owned()));
    (filter, Key::of("d.created_at").order(true, Ties { at: "d.created_at", id: "d.id", part: None }))
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn n4_lists_of_deliveries_are_read_in_the_order_of_an_index() {
        let owner = Owner::default();
        let failed = DeliveryQuery::default().with_status(WorkStatus::GivenUp);
        let to = DeliveryQuery::default().with_destination(DestinationId::new("partner").unwrap());
        let (all, order) = filter(&owner, &DeliveryQuery::default());
        let slice = &failed.slice;
        let pages = [
            (all.walked_sql(&order, slice), "delivery_listed"),
            (filter(&owner, &failed).0.walked_within_sql(&order, slice), "delivery_by_state"),
            (filter(&owner, &to).0.walked_within_sql(&order, slice), "delivery_by_destination"),
        ];
        for (sql, index) in pages {
            let steps = plan(&sql[0]);
            assert!(steps[0].contains(&format!("USING COVERING INDEX {index}")), "{steps:?}");
            assert_eq!((sql.len(), steps.len()), (1, 1), "{steps:?}");
        }
    }

    #[test]
    fn n4_deliveries_of_several_executions_are_looked_up_by_each() {
        let of = DeliveryQuery::default().with_executions(vec![ExecutionId(uuid::Uuid::nil())]);
        let (filter, order) = filter(&Owner::default(), &of);
        for sql in filter.gathered_sql(&order, &of.slice) {
            let steps = plan(&sql);
            let by_execution = "SEARCH d USING INDEX delivery_of_execution (execution_id=?)";
            assert!(steps.iter().any(|step| step == by_execution), "{steps:?}");
            assert!(!steps.iter().any(|step| step.starts_with("SCAN d")), "{steps:?}");
        }
    }

    #[test]
    fn n4_deliveries_are_found_by_their_execution_and_by_their_destination() {
        let steps = plan(&format!("SELECT {COLUMNS} {OF_EXECUTION}"));
        assert_eq!(steps, ["SEARCH d USING INDEX delivery_of_execution (execution_id=?)"]);
        let steps = plan(&format!("SELECT {COLUMNS} {TO_DESTINATION}"));
        assert_eq!(steps, ["SEARCH d USING INDEX delivery_to (destination=? AND state=?)"]);
    }
}
