//! Which engine keeps house for all that share the file, and what is forgotten (rules E14, E15).

mod forget;

use std::time::Duration;

use cdds_core::domain::id::WorkerId;
use cdds_core::domain::keeping::Housekeeper;
use cdds_core::domain::work::lease::Lease;
use cdds_core::ports::catalog::CatalogError;
use chrono::{DateTime, Utc};

use super::super::row::micros;
use super::database::{Database, Presence, Registration, Writing};
use super::driver::{NONE, OptionalExtension, params};
use super::fault::Fault;
use super::transaction::Transaction;

pub(super) use self::forget::forget;

/// Lets a worker keep house, or renews its lease. Returns whether it does now.
pub(super) fn keep(
    database: &impl Database,
    worker: &WorkerId,
    lease: Duration,
) -> Result<bool, CatalogError> {
    // The lock first, as in a claim: whoever finds the name must find the lock.
    let registration = database.workers().register(worker)?;
    let kept = dead_housekeeper(database).and_then(|dead| {
        database.write(Writing::Change, "keep house", |tx| {
            let present_one = find(tx)?;
            // Another may have taken over from the dead one since its lock was examined.
            let is_dead = present_one.as_ref().is_some_and(|one| dead.as_ref() == Some(&one.worker));
            let taken = Housekeeper::taken(present_one.as_ref(), is_dead, worker, tx.now()?, lease);
            taken.as_ref().map(|taken| store(tx, taken)).transpose().map(|stored| stored.is_some())
        })
    });
    if kept.is_err() && registration == Registration::Fresh {
        // Its first claim must still find that an earlier worker with this id is dead.
        database.workers().release(worker);
    }
    kept
}

/// Returns the housekeeper if its process has ended. Examines the lock outside of any transaction: a process
/// that does not let go of it must not block the database too.
fn dead_housekeeper(database: &impl Database) -> Result<Option<WorkerId>, CatalogError> {
    let Some(Housekeeper { worker, .. }) = database.read("find who keeps house", find)? else {
        return Ok(None);
    };
    Ok(database.workers().is_dead(&worker)?.then_some(worker))
}

/// Returns the housekeeper. One that cannot be decoded counts as none.
fn find(tx: &Transaction<'_>) -> Result<Option<Housekeeper>, Fault> {
    let sql = "SELECT worker, lease_renewed_at, lease_expires_at FROM housekeeper";
    let row = tx.query_row(sql, NONE, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let row: Option<(String, i64, i64)> = row.optional()?;
    Ok(row.and_then(|(worker, renewed_at, expires_at)| {
        let renewed_at = DateTime::from_timestamp_micros(renewed_at)?;
        let expires_at = DateTime::from_timestamp_micros(expires_at).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let worker = WorkerId::new(worker).ok()?;
        Some(Housekeeper { worker, lease: Lease { renewed_at, expires_at } })
    }))
}

fn store(tx: &Transaction<'_>, Housekeeper { worker, lease }: &Housekeeper) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO housekeeper (\"only\", worker, lease_renewed_at, lease_expires_at) VALUES (1, ?1, ?2, ?3)
         ON CONFLICT (\"only\") DO UPDATE SET worker = excluded.worker,
            lease_renewed_at = excluded.lease_renewed_at, lease_expires_at = excluded.lease_expires_at",
        params![worker.as_str(), micros(lease.renewed_at), micros(lease.expires_at)],
    )?;
    Ok(())
}

/// Lets others keep house at once.
pub(super) fn leave(tx: &Transaction<'_>, worker: &WorkerId) -> Result<(), Fault> {
    tx.execute("DELETE FROM housekeeper WHERE worker = ?1", [worker.as_str()])?;
    Ok(())
}
