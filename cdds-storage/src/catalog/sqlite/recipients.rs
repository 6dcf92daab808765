//! Recipients: certificates that owners stored (rule S1).

use cdds_core::domain::id::Owner;
use cdds_core::domain::recipient::Recipient;
use rusqlite::{Transaction, params};

use super::super::row::RecipientRow;
use super::fault::{Fault, unique};

pub(super) fn insert(tx: &Transaction<'_>, recipient: &Recipient) -> Result<(), Fault> {
    let row = RecipientRow::of(recipient)?;
    tx.execute(
        "INSERT INTO recipient (owner, name, der, fingerprint, subject, not_before, not_after, warnings, added_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            row.owner,
            row.name,
            row.der,
            row.fingerprint,
            row.subject,
            row.not_before,
            row.not_after,
            row.warnings,
            row.added_at,
        ],
    )
    .map_err(unique(format!("there is a recipient {} already: choose another name", recipient.name)))?;
    Ok(())
}

pub(super) fn list(tx: &Transaction<'_>, owner: &Owner) -> Result<Vec<Recipient>, Fault> {
    let mut statement = tx.prepare(
        "SELECT owner, name, der, fingerprint, subject, not_before, not_after, warnings, added_at
         FROM recipient WHERE owner = ?1 ORDER BY name",
    )?;
    let rows = statement.query_map([owner.as_str()], |row| {
        Ok(RecipientRow {
            owner: row.get(0)?,
            name: row.get(1)?,
            der: row.get(2)?,
            fingerprint: row.get(3)?,
            subject: row.get(4)?,
            not_before: row.get(5)?,
            not_after: row.get(6)?,
            warnings: row.get(7)?,
            added_at: row.get(8)?,
        })
    })?;
    rows.map(|row| Ok(row?.into_recipient()?)).collect()
}
