//! Artifact sets: published, shown, downloaded, removed (rules A7, A8).

use cdds_core::domain::artifact::{Artifact, ArtifactSet};
use cdds_core::domain::id::{ArtifactId, ExecutionId, Owner};
use cdds_core::ports::catalog::ExpiredSet;
use cdds_core::ports::catalog::query::{ArtifactColumn, ArtifactQuery, Page};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, Transaction, params, params_from_iter};

use super::super::row::{ArtifactRow, ManifestRow, corrupt, integer, micros};
use super::fault::Fault;
use super::listing::{Filter, Key, PAGE};

const COLUMNS: &str = "a.id, a.owner, a.execution_id, a.job_id, a.data_type, a.name, a.part, a.parts,
    a.\"key\", a.bytes, a.sha256, a.created_at, a.expires_at, a.hold";

/// The files of sets that are not removed.
const LIVE: &str = "FROM artifact a JOIN artifact_set s ON s.execution_id = a.execution_id";

fn artifact_row(row: &Row<'_>) -> rusqlite::Result<ArtifactRow> {
    Ok(ArtifactRow {
        id: row.get(0)?,
        owner: row.get(1)?,
        execution_id: row.get(2)?,
        job_id: row.get(3)?,
        data_type: row.get(4)?,
        name: row.get(5)?,
        part: row.get(6)?,
        parts: row.get(7)?,
        key: row.get(8)?,
        bytes: row.get(9)?,
        sha256: row.get(10)?,
        created_at: row.get(11)?,
        expires_at: row.get(12)?,
        hold: row.get(13)?,
    })
}

pub(super) fn insert(
    tx: &Transaction<'_>,
    execution: ExecutionId,
    set: &ArtifactSet,
    published_at: DateTime<Utc>,
) -> Result<(), Fault> {
    let expires_at = set.artifacts.iter().map(|artifact| artifact.expires_at).max().unwrap_or(published_at);
    tx.execute(
        "INSERT INTO artifact_set (execution_id, manifest_name, manifest_key, manifest_bytes,
                                   manifest_sha256, published_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            execution.to_string(),
            set.manifest.name,
            set.manifest.key.as_str(),
            integer(set.manifest.bytes),
            set.manifest.sha256.to_string(),
            micros(published_at),
            micros(expires_at),
        ],
    )?;
    let mut statement = tx.prepare(
        "INSERT INTO artifact (id, owner, execution_id, job_id, data_type, name, part, parts, \"key\", bytes,
                               sha256, created_at, expires_at, hold)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    for artifact in &set.artifacts {
        statement.execute(params![
            artifact.id.to_string(),
            artifact.owner.as_str(),
            artifact.execution_id.to_string(),
            artifact.job_id.to_string(),
            artifact.data_type.as_str(),
            artifact.name,
            artifact.part,
            artifact.parts,
            artifact.key.as_str(),
            integer(artifact.bytes),
            artifact.sha256.to_string(),
            micros(artifact.created_at),
            micros(artifact.expires_at),
            artifact.hold,
        ])?;
    }
    Ok(())
}

pub(super) fn list(
    tx: &Transaction<'_>,
    owner: &Owner,
    query: &ArtifactQuery,
) -> Result<Page<Artifact>, Fault> {
    // The plus keeps SQLite from walking all files of the owner when few are asked for.
    let narrow = query.job.is_some() || query.execution.is_some();
    let of_owner = if narrow { "+a.owner = ?" } else { "a.owner = ?" };
    let filter = Filter::default()
        .and(of_owner, owner.to_string())
        .and_always("s.removed_at IS NULL")
        .and_if("a.job_id = ?", query.job.map(|job| job.to_string()))
        .and_if("a.execution_id = ?", query.execution.map(|execution| execution.to_string()))
        .and_if("(a.hold OR a.expires_at > ?)", query.available_at.map(micros));
    let count = format!("SELECT count(*) {LIVE} {}", filter.sql());
    let total: i64 = tx.query_row(&count, params_from_iter(filter.values()), |row| row.get(0))?;
    let sql = format!(
        "SELECT {COLUMNS} {LIVE} {} {} {PAGE}",
        filter.sql(),
        key(query.sort.column).order(query.sort.descending, "a.execution_id, a.part"),
    );
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map(params_from_iter(filter.values_of_page(query.slice)), artifact_row)?;
    let items = rows.map(|row| Ok(row?.into_artifact()?)).collect::<Result<_, Fault>>()?;
    Ok(Page { items, total: u64::try_from(total).unwrap_or(0) })
}

fn key(column: ArtifactColumn) -> Key {
    match column {
        // By the name of the set's first file: `.z100` would come before `.z11`, and the parts of one set
        // stay in their order.
        ArtifactColumn::Name => Key::nullable(
            "(SELECT f.name FROM artifact f WHERE f.execution_id = a.execution_id AND f.part = 1)",
        ),
        ArtifactColumn::Type => Key::of("a.data_type"),
        ArtifactColumn::CreatedAt => Key::of("a.created_at"),
        ArtifactColumn::Size => Key::of("a.bytes"),
        ArtifactColumn::RemainingDays => Key::of("a.expires_at"),
    }
}

pub(super) fn find(tx: &Transaction<'_>, owner: &Owner, id: ArtifactId) -> Result<Option<Artifact>, Fault> {
    let sql = format!("SELECT {COLUMNS} {LIVE} WHERE a.id = ?1 AND a.owner = ?2 AND s.removed_at IS NULL");
    let row = tx.query_row(&sql, [&id.to_string(), owner.as_str()], artifact_row).optional()?;
    Ok(row.map(ArtifactRow::into_artifact).transpose()?)
}

pub(super) fn set(
    tx: &Transaction<'_>,
    owner: &Owner,
    execution: ExecutionId,
) -> Result<Option<ArtifactSet>, Fault> {
    let manifest = tx
        .query_row(
            "SELECT s.execution_id, s.manifest_name, s.manifest_key, s.manifest_bytes, s.manifest_sha256
             FROM artifact_set s JOIN execution e ON e.id = s.execution_id
             WHERE s.execution_id = ?1 AND e.owner = ?2 AND s.removed_at IS NULL",
            [&execution.to_string(), owner.as_str()],
            |row| {
                Ok(ManifestRow {
                    execution_id: row.get(0)?,
                    name: row.get(1)?,
                    key: row.get(2)?,
                    bytes: row.get(3)?,
                    sha256: row.get(4)?,
                })
            },
        )
        .optional()?;
    let Some(manifest) = manifest else {
        return Ok(None);
    };
    let sql = format!("SELECT {COLUMNS} FROM artifact a WHERE a.execution_id = ?1 ORDER BY a.part");
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map([execution.to_string()], artifact_row)?;
    let artifacts = rows.map(|row| Ok(row?.into_artifact()?)).collect::<Result<_, Fault>>()?;
    Ok(Some(ArtifactSet { manifest: manifest.into_manifest()?, artifacts }))
}

/// Records downloads of the owner's files; other ids are passed over.
pub(super) fn record_download(
    tx: &Transaction<'_>,
    owner: &Owner,
    artifacts: &[ArtifactId],
    at: DateTime<Utc>,
) -> Result<(), Fault> {
    let mut statement = tx.prepare(
        "INSERT INTO download (artifact_id, at)
         SELECT a.id, ?3 FROM artifact a WHERE a.id = ?1 AND a.owner = ?2",
    )?;
    for artifact in artifacts {
        statement.execute(params![artifact.to_string(), owner.as_str(), micros(at)])?;
    }
    Ok(())
}

/// Marks sets that have expired, and gives all that are marked and not confirmed: a crash in between
/// repeats the deletion of the files.
pub(super) fn expire(
    tx: &Transaction<'_>,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<ExpiredSet>, Fault> {
    tx.execute(
        "UPDATE artifact_set SET removed_at = ?1 WHERE execution_id IN (
            SELECT s.execution_id FROM artifact_set s
            WHERE s.removed_at IS NULL AND s.expires_at <= ?1
              AND NOT EXISTS (SELECT 1 FROM artifact a WHERE a.execution_id = s.execution_id AND a.hold)
            ORDER BY s.expires_at, s.execution_id LIMIT ?2)",
        params![micros(now), i64::try_from(limit).unwrap_or(i64::MAX)],
    )?;
    let mut statement = tx.prepare(
        "SELECT execution_id FROM artifact_set
         WHERE removed_at IS NOT NULL AND removal_confirmed_at IS NULL ORDER BY removed_at, execution_id",
    )?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    rows.map(|id| {
        let id = id?;
        let execution = id.parse().map_err(|error| corrupt("artifact set", &id, error))?;
        Ok(ExpiredSet { execution })
    })
    .collect()
}

pub(super) fn confirm_removed(
    tx: &Transaction<'_>,
    execution: ExecutionId,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    tx.execute(
        "UPDATE artifact_set SET removal_confirmed_at = ?2
         WHERE execution_id = ?1 AND removed_at IS NOT NULL AND removal_confirmed_at IS NULL",
        params![execution.to_string(), micros(now)],
    )?;
    Ok(())
}
