//! Signs of life of running executions (rule E7).

use std::collections::HashMap;
use std::time::Duration;

use cdds_core::domain::id::WorkerId;
use cdds_core::ports::catalog::{Beat, Directive};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::super::row::{corrupt, integer, micros};
use super::super::stored;
use super::driver::{OptionalExtension, params};
use super::executions::Held;
use super::fault::Fault;
use super::transaction::Transaction;

/// Renews the leases of a worker's executions and stores their progress. How many records they have is sorted by only
/// once they have ended, so that a sign of life changes no index.
pub(super) fn beat(
    tx: &Transaction<'_>,
    worker: &WorkerId,
    now: DateTime<Utc>,
    lease: Duration,
    beats: &[Beat],
) -> Result<Vec<Directive>, Fault> {
    let held = Held::new(worker, now, lease);
    if tx.is_far() { apart(tx, &held, beats) } else { within(tx, &held, beats) }
}

/// Stores them in the rows of the executions.
fn within(tx: &Transaction<'_>, held: &Held<'_>, beats: &[Beat]) -> Result<Vec<Directive>, Fault> {
    let Held { worker, lease } = held;
    let mut statement = tx.prepare(
        "UPDATE execution SET lease_renewed_at = ?4, lease_expires_at = ?5, progress = ?6
         WHERE id = ?1 AND epoch = ?2 AND worker = ?3 AND status = 'in_progress'
         RETURNING cancel_requested_at IS NOT NULL",
    )?;
    let mut directives = Vec::with_capacity(beats.len());
    for Beat { fence, progress } in beats {
        let progress = stored::progress_to_json(progress)
            .map_err(|error| corrupt("execution", &fence.id.to_string(), error))?;
        let values = params![
            fence.id.to_string(),
            integer(fence.epoch),
            worker.as_str(),
            micros(lease.renewed_at),
            micros(lease.expires_at),
            progress,
        ];
        directives.push(match statement.query_row(values, |row| row.get(0)).optional()? {
            Some(true) => Directive::Cancel,
            Some(false) => Directive::Continue,
            None => Directive::Fenced,
        });
    }
    Ok(directives)
}

/// Of the given beats, those whose claim holds; each is stored, unless a later claim has one.
const APART: &str = "WITH given AS (
    SELECT g.* FROM json_to_recordset(CAST(?1 AS json)) AS g (id TEXT, epoch BIGINT, records BIGINT,
        rejected BIGINT, undated BIGINT, bytes_read BIGINT, bytes_written BIGINT, parts BIGINT, percent BIGINT,
        remaining_seconds BIGINT)
), held AS (
    SELECT DISTINCT ON (g.id) g.*, e.cancel_requested_at IS NOT NULL AS is_to_end
    FROM given g JOIN execution e ON e.id = g.id COLLATE \"C\" AND e.epoch = g.epoch
    WHERE e.worker = ?2 AND e.status = 'in_progress'
), renewed AS (
    INSERT INTO beat AS b (execution_id, epoch, lease_renewed_at, lease_expires_at, records, rejected, undated,
        bytes_read, bytes_written, parts, percent, remaining_seconds)
    SELECT id, epoch, ?3, ?4, records, rejected, undated, bytes_read, bytes_written, parts, percent, remaining_seconds
    FROM held ORDER BY id
    ON CONFLICT (execution_id) DO UPDATE SET epoch = excluded.epoch, lease_renewed_at = excluded.lease_renewed_at,
        lease_expires_at = excluded.lease_expires_at, records = excluded.records, rejected = excluded.rejected,
        undated = excluded.undated, bytes_read = excluded.bytes_read, bytes_written = excluded.bytes_written,
        parts = excluded.parts, percent = excluded.percent, remaining_seconds = excluded.remaining_seconds
    WHERE b.epoch <= excluded.epoch
)
SELECT id, epoch, is_to_end FROM held";

/// Stores them in a table of their own, in one statement. An execution that is taken over at the same moment may be told
/// to go on, as if its sign had come just before; the next one is told.
fn apart(tx: &Transaction<'_>, held: &Held<'_>, beats: &[Beat]) -> Result<Vec<Directive>, Fault> {
    let Held { worker, lease } = held;
    let given: Value = beats.iter().map(row).collect();
    let values =
        params![given.to_string(), worker.as_str(), micros(lease.renewed_at), micros(lease.expires_at)];
    let mut statement = tx.prepare(APART)?;
    let mut rows = statement.query(values)?;
    let mut holding: HashMap<(String, i64), bool> = HashMap::new();
    while let Some(row) = &rows.next()? {
        holding.insert((row.get(0)?, row.get(1)?), row.get(2)?);
    }
    let directive =
        |Beat { fence, .. }: &Beat| match holding.get(&(fence.id.to_string(), integer(fence.epoch))) {
            Some(true) => Directive::Cancel,
            Some(false) => Directive::Continue,
            None => Directive::Fenced,
        };
    Ok(beats.iter().map(directive).collect())
}

fn row(Beat { fence, progress }: &Beat) -> Value {
    json!({
        "id": fence.id.to_string(),
        "epoch": integer(fence.epoch),
        "records": integer(progress.records),
        "rejected": integer(progress.rejected),
        "undated": integer(progress.undated),
        "bytes_read": integer(progress.bytes_read),
        "bytes_written": integer(progress.bytes_written),
        "parts": progress.parts,
        "percent": progress.percent,
        "remaining_seconds": progress.remaining_seconds.map(integer),
    })
}
