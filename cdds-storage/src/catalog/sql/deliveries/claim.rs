//! Claims of deliveries, as the rule of picking walks them (rule N4).

use cdds_core::domain::delivery::Delivery;
use cdds_core::domain::id::{DestinationId, Owner};
use cdds_core::domain::work::pick::{WorkRoom, pick};
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::catalog::{CatalogError, DeliveryClaim};
use chrono::{DateTime, Utc};

use super::super::super::row::micros;
use super::super::database::Database;
use super::super::driver::{NONE, OptionalExtension, Statement, params};
use super::super::fault::Fault;
use super::super::health;
use super::super::transaction::Transaction;
use super::super::understood::{row_id, understood};
use super::super::work::{self, Orphans, Picker, Place, Queue, place};
use super::{COLUMNS, all_of, read, store, tell_of};

const HELD: &str = "FROM delivery d WHERE d.state = 'held'";

const NEXT_OWNER: &str = "SELECT min(d.owner) FROM delivery d WHERE d.state = 'waiting' AND d.owner > ?1";

/// The deliveries to a destination that may be tried, behind a place.
const DUE: &str = "FROM delivery d
     WHERE d.state = 'waiting' AND d.owner = ?1 AND d.destination = ?2
       AND d.next_attempt_at <= ?3 AND (d.next_attempt_at, d.id) > (?4, ?5)
     ORDER BY d.next_attempt_at, d.id";

/// Finds the deliveries whose workers are dead. Call it before the transaction of the claim.
pub(in super::super) fn orphans(
    database: &impl Database,
    claim: &DeliveryClaim,
) -> Result<Orphans, CatalogError> {
    let held = format!("SELECT d.id, d.epoch, d.worker {HELD}");
    work::orphans(database, &held, &NONE, &claim.worker)
}

/// Hands waiting deliveries to a worker, after taking over those whose worker is dead or whose lease has run out.
pub(in super::super) fn claim(
    tx: &Transaction<'_>,
    orphans: &Orphans,
    claim: &DeliveryClaim,
    now: DateTime<Utc>,
) -> Result<Vec<Delivery>, Fault> {
    let held = take_over(tx, orphans, claim, now)?;
    let room = WorkRoom::new(claim.limit, claim.per_destination, held);
    let turn = turn(tx)?;
    let mut picker = Picker::new(DeliveryQueue::new(tx, claim, now)?);
    let after = pick(&mut picker, turn.clone(), room)?;
    let taken = picker.queue.taken;
    // Written only if it has changed, so that a claim without work writes nothing.
    if let Some(owner) = after.filter(|after| Some(after) != turn.as_ref()) {
        tx.execute(
            "INSERT INTO delivery_turn (\"only\", owner) VALUES (1, ?1)
             ON CONFLICT (\"only\") DO UPDATE SET owner = excluded.owner",
            [owner.as_str()],
        )?;
    }
    Ok(taken)
}

/// Counts a failed attempt for every held delivery whose worker is dead or whose lease has run out. Returns the
/// destinations of those that stay held.
fn take_over(
    tx: &Transaction<'_>,
    orphans: &Orphans,
    claim: &DeliveryClaim,
    now: DateTime<Utc>,
) -> Result<Vec<DestinationId>, Fault> {
    let mut left = Vec::new();
    for delivery in all_of(tx, HELD, NONE)? {
        let work = delivery.work.clone();
        let abandoned = match orphans.has(&work.id, work.epoch) {
            true => work.orphaned(&claim.retry, now),
            false => work.abandoned(&claim.retry, now),
        };
        match abandoned {
            Some(work) => {
                tracing::warn!(delivery_id = %work.id, "the worker of a delivery is dead or silent");
                let abandoned = Delivery { work, ..delivery };
                store(tx, &abandoned)?;
                tell_of(tx, &abandoned, now)?;
            }
            None => left.push(delivery.to.destination),
        }
    }
    Ok(left)
}

/// Returns the owner who was served last. An owner that cannot be decoded counts as none.
fn turn(tx: &Transaction<'_>) -> Result<Option<Owner>, Fault> {
    let owner: Option<String> =
        tx.query_row("SELECT owner FROM delivery_turn", NONE, |row| row.get(0)).optional()?;
    Ok(owner.and_then(|owner| Owner::new(owner).ok()))
}

/// The waiting deliveries in the transaction of a claim, and what was taken so far.
struct DeliveryQueue<'tx> {
    tx: &'tx Transaction<'tx>,
    claim: &'tx DeliveryClaim,
    now: DateTime<Utc>,
    /// The destinations that the worker knows and that are enabled.
    open: Vec<DestinationId>,
    next_owner: Statement<'tx>,
    due: Statement<'tx>,
    taken: Vec<Delivery>,
}

impl<'tx> DeliveryQueue<'tx> {
    fn new(tx: &'tx Transaction<'tx>, claim: &'tx DeliveryClaim, now: DateTime<Utc>) -> Result<Self, Fault> {
        let mut open = Vec::new();
        for id in &claim.destinations {
            if health::find(tx, &health::of_destination(id))?.is_enabled() {
                open.push(id.clone());
            }
        }
        Ok(Self {
            tx,
            claim,
            now,
            open,
            next_owner: tx.prepare(NEXT_OWNER)?,
            due: tx.prepare(&format!("SELECT {COLUMNS} {DUE}"))?,
            taken: Vec::new(),
        })
    }
}

impl Queue for DeliveryQueue<'_> {
    type Item = Delivery;
    type Target = DestinationId;

    fn next_owner(&mut self, after: &str) -> Result<Option<String>, Fault> {
        Ok(self.next_owner.query_row([after], |row| row.get(0))?)
    }

    fn targets(&mut self, _: &Owner) -> Result<Vec<DestinationId>, Fault> {
        Ok(self.open.clone())
    }

    fn head(
        &mut self,
        owner: &Owner,
        destination: &DestinationId,
        behind: &Place,
    ) -> Result<Option<(Place, Delivery)>, Fault> {
        let (at, id) = behind;
        let values = params![owner.as_str(), destination.as_str(), micros(self.now), at, id];
        let mut rows = self.due.walk(values)?;
        while let Some(row) = &rows.next()? {
            if let Some(delivery) = understood("delivery", &row_id(row), read(row))?
                && delivery.work.status() == WorkStatus::Waiting
            {
                return Ok(Some((place(row)?, delivery)));
            }
        }
        Ok(None)
    }

    fn take(&mut self, delivery: Delivery) -> Result<bool, Fault> {
        let DeliveryClaim { worker, lease, .. } = self.claim;
        let Some(work) = delivery.work.clone().taken(worker.clone(), self.now, *lease) else {
            return Ok(false);
        };
        let taken = Delivery { work, ..delivery };
        store(self.tx, &taken)?;
        self.taken.push(taken);
        Ok(true)
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn n4_waiting_deliveries_are_found_in_steps() {
        for sql in [NEXT_OWNER.to_owned(), format!("SELECT {COLUMNS} {DUE}")] {
            let steps = plan(&sql);
            assert!(steps[0].contains("d USING") && steps[0].contains("delivery_waiting"), "{steps:?}");
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
        }
        let steps = plan(&format!("SELECT {COLUMNS} {HELD}"));
        assert_eq!(steps, ["SCAN d USING INDEX delivery_held"]);
    }
}
