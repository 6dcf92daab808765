//! Recipients: certificates stored by owners (rule S1), and their uses (rule J15).

use std::collections::BTreeSet;

use cdds_core::domain::id::{JobId, Owner, RecipientName};
use cdds_core::domain::job::{Job, JobState};
use cdds_core::domain::recipient::Recipient;
use cdds_core::ports::catalog::RecipientRemoval;
use cdds_core::stored::settings_from_json;

use super::super::row::{RecipientRow, corrupt};
use super::driver::{self, OptionalExtension, Row, params};
use super::fault::{Fault, conflict, constraint};
use super::transaction::Transaction;
use super::understood::{row_id, understood};

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
    .map_err(constraint(format!("there is already a recipient {}: choose another name", recipient.name)))?;
    Ok(())
}

/// Replaces the certificate of a recipient. The row stays, so the jobs that name it do as well.
pub(super) fn replace(tx: &Transaction<'_>, recipient: &Recipient, expected: &str) -> Result<(), Fault> {
    let row = RecipientRow::of(recipient)?;
    let replaced = tx.execute(
        "UPDATE recipient SET der = ?3, fingerprint = ?4, subject = ?5, not_before = ?6, not_after = ?7, warnings = ?8,
             added_at = ?9
         WHERE owner = ?1 AND name = ?2 AND fingerprint = ?10",
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
            expected,
        ],
    )?;
    match replaced {
        1 => Ok(()),
        _ => Err(conflict(format!("recipient {}", recipient.name))),
    }
}

const COLUMNS: &str = "owner, name, der, fingerprint, subject, not_before, not_after, warnings, added_at";

fn recipient_row(row: &Row<'_>) -> driver::Result<RecipientRow> {
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
}

pub(super) fn list(tx: &Transaction<'_>, owner: &Owner) -> Result<Vec<Recipient>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM recipient WHERE owner = ?1 ORDER BY name");
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map([owner.as_str()], recipient_row)?;
    rows.map(|row| Ok(row?.into_recipient()?)).collect()
}

/// Returns those of an owner's recipients that have one of some names.
pub(super) fn named(
    tx: &Transaction<'_>,
    owner: &Owner,
    names: &[RecipientName],
) -> Result<Vec<Recipient>, Fault> {
    let mut statement =
        tx.prepare(&format!("SELECT {COLUMNS} FROM recipient WHERE owner = ?1 AND name = ?2"))?;
    let mut found = Vec::new();
    for name in names {
        let row = statement.query_row([owner.as_str(), name.as_str()], recipient_row).optional()?;
        found.extend(row.map(RecipientRow::into_recipient).transpose()?);
    }
    Ok(found)
}

/// Stores which recipients a job names; a deleted job names none.
///
/// # Errors
/// A conflict if one of them is missing.
pub(super) fn name(tx: &Transaction<'_>, job: &Job) -> Result<(), Fault> {
    let id = job.id.to_string();
    tx.execute("DELETE FROM job_recipient WHERE job_id = ?1", [&id])?;
    if job.state == JobState::Deleted {
        return Ok(());
    }
    for name in job.settings.protection.recipients() {
        tx.execute(
            "INSERT INTO job_recipient (owner, name, job_id) VALUES (?1, ?2, ?3)",
            [job.owner.as_str(), name.as_str(), &id],
        )
        .map_err(constraint(format!(
            "there is no longer a recipient {name}: choose another one, or store it again"
        )))?;
    }
    Ok(())
}

/// Returns the ids of the jobs that name a recipient.
pub(super) fn jobs(tx: &Transaction<'_>, owner: &Owner, name: &RecipientName) -> Result<Vec<String>, Fault> {
    let mut statement = tx.prepare("SELECT job_id FROM job_recipient WHERE owner = ?1 AND name = ?2")?;
    let ids = statement.query_map([owner.as_str(), name.as_str()], |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Removes a recipient that is not in use.
pub(super) fn remove(
    tx: &Transaction<'_>,
    owner: &Owner,
    name: &RecipientName,
) -> Result<RecipientRemoval, Fault> {
    let mut jobs = named_by_jobs(tx, owner, name)?;
    jobs.extend(named_by_open_executions(tx, owner, name)?);
    if !jobs.is_empty() {
        return Ok(RecipientRemoval::InUse(jobs.into_iter().collect()));
    }
    let removed =
        tx.execute("DELETE FROM recipient WHERE owner = ?1 AND name = ?2", [owner.as_str(), name.as_str()])?;
    Ok(if removed == 1 { RecipientRemoval::Removed } else { RecipientRemoval::Missing })
}

fn named_by_jobs(
    tx: &Transaction<'_>,
    owner: &Owner,
    name: &RecipientName,
) -> Result<BTreeSet<JobId>, Fault> {
    let mut statement = tx.prepare("SELECT job_id FROM job_recipient WHERE owner = ?1 AND name = ?2")?;
    let rows = statement.query_map([owner.as_str(), name.as_str()], |row| row.get::<String>(0))?;
    rows.map(|id| {
        let id = id?;
        Ok(id.parse().map_err(|error| corrupt("job", &id, error))?)
    })
    .collect()
}

/// Look at the executions' own settings, which may be older than those of their jobs.
fn named_by_open_executions(
    tx: &Transaction<'_>,
    owner: &Owner,
    name: &RecipientName,
) -> Result<BTreeSet<JobId>, Fault> {
    let mut statement = tx.prepare(
        "SELECT id, job_id, settings FROM execution WHERE status = 'queued' AND owner = ?1
         UNION ALL SELECT id, job_id, settings FROM execution WHERE status = 'in_progress' AND owner = ?1",
    )?;
    let mut rows = statement.query([owner.as_str()])?;
    let mut jobs = BTreeSet::new();
    while let Some(row) = &rows.next()? {
        let id = row_id(row);
        let read = || {
            let bad = |why: &dyn std::fmt::Display| corrupt("execution", &id, why);
            let job: String = row.get(1)?;
            let settings = settings_from_json(&row.get::<String>(2)?).map_err(|error| bad(&error))?;
            let names = settings.protection.recipients().contains(name);
            Ok(if names { Some(job.parse::<JobId>().map_err(|error| bad(&error))?) } else { None })
        };
        jobs.extend(understood("execution", &id, read())?.flatten());
    }
    Ok(jobs)
}
