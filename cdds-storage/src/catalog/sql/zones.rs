//! The version of the database of time zones by which jobs are computed (rule F9), and those before.

use cdds_core::domain::calendar::zone::database::Database;
use cdds_core::domain::job::renewal;
use cdds_core::ports::catalog::ZoneRecord;
use chrono::{DateTime, Utc};

use super::super::row::{corrupt, integer, micros};
use super::driver::{NONE, OptionalExtension, params};
use super::fault::Fault;
use super::jobs;
use super::transaction::Transaction;

/// Returns the last version on record.
pub(super) fn on_record(tx: &Transaction<'_>) -> Result<Option<ZoneRecord>, Fault> {
    let sql = "SELECT version, since, moved, suspended FROM zone_database ORDER BY step DESC LIMIT 1";
    let row = tx.query_row(sql, NONE, |row| {
        Ok((row.get::<String>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?, row.get::<i64>(3)?))
    });
    let Some((version, since, moved, suspended)) = row.optional()? else { return Ok(None) };
    let bad = |why: &dyn std::fmt::Display| corrupt("zone_database", &version, why);
    Ok(Some(ZoneRecord {
        version: version.parse().map_err(|error| bad(&error))?,
        since: DateTime::from_timestamp_micros(since)
            .ok_or_else(|| bad(&"its instant is beyond the calendar"))?,
        moved: u64::try_from(moved).map_err(|error| bad(&error))?,
        suspended: u64::try_from(suspended).map_err(|error| bad(&error))?,
    }))
}

/// Computes all jobs with a zone by a database, if its version takes over from the one on record, and returns what is on
/// record then.
pub(super) fn renew(
    tx: &Transaction<'_>,
    database: &Database,
    accepts_older: bool,
    now: DateTime<Utc>,
) -> Result<ZoneRecord, Fault> {
    let before = on_record(tx)?;
    let version = before.map(|record| record.version);
    if let Some(record) = before.filter(|_| !database.version().takes_over(version, accepts_older)) {
        return Ok(record);
    }
    let mut record = ZoneRecord { version: database.version(), since: now, moved: 0, suspended: 0 };
    for job in jobs::zoned(tx)? {
        let Some(change) = renewal::renewed(&job, database, now) else { continue };
        record.count(&job, &change);
        jobs::apply(tx, &change, job.revision)?;
    }
    tx.execute(
        "INSERT INTO zone_database (step, version, since, moved, suspended)
         VALUES (coalesce((SELECT max(step) FROM zone_database), 0) + 1, ?1, ?2, ?3, ?4)",
        params![record.version.to_string(), micros(now), integer(record.moved), integer(record.suspended)],
    )?;
    Ok(record)
}
