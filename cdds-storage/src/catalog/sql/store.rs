//! The artifact store that belongs to the catalog.

use cdds_core::domain::pairing::StoreLink;
use cdds_core::ports::sink::Key;

use super::super::row::corrupt;
use super::driver::{NONE, OptionalExtension, params};
use super::fault::{Fault, conflict};
use super::transaction::Transaction;

/// In storage order, which needs no index.
pub(super) fn newest_manifests(tx: &Transaction<'_>, limit: usize) -> Result<Vec<Key>, Fault> {
    let sql = "SELECT manifest_key FROM artifact_set WHERE removed_at IS NULL ORDER BY rowid DESC LIMIT ?1";
    let mut statement = tx.prepare(sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let keys = statement.query_map([limit], |row| Ok(Key::new(row.get::<String>(0)?)))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

pub(super) fn link(tx: &Transaction<'_>) -> Result<Option<StoreLink>, Fault> {
    let row: Option<(String, bool)> = tx
        .query_row("SELECT id, confirmed FROM store", NONE, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, confirmed)) = row else { return Ok(None) };
    let id = id.parse().map_err(|error| corrupt("store", &id, error))?;
    Ok(Some(StoreLink { id, confirmed }))
}

pub(super) fn set(tx: &Transaction<'_>, expected: Option<StoreLink>, store: StoreLink) -> Result<(), Fault> {
    if link(tx)? != expected {
        return Err(conflict("the store of this catalog was changed in the meantime"));
    }
    tx.execute(
        "INSERT INTO store (\"only\", id, confirmed) VALUES (1, ?1, ?2)
         ON CONFLICT (\"only\") DO UPDATE SET id = excluded.id, confirmed = excluded.confirmed",
        params![store.id.to_string(), store.confirmed],
    )?;
    Ok(())
}
