//! Notices of sets that expire soon and that nobody has fetched (rule N8).

use cdds_core::domain::id::ExecutionId;
use cdds_core::domain::notice::expiring::{EXPIRY_NOTICE, KeptSet, SetPlace};
use cdds_core::ports::catalog::Told;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::super::row::{corrupt, integer, micros};
use super::super::driver::{Row, params};
use super::super::executions;
use super::super::fault::Fault;
use super::super::transaction::Transaction;
use super::super::understood::{row_id, understood};
use super::insert;

/// The sets that expire after ?1 and until ?2, behind the place (?3, ?4), ?5 of them.
const SETS: &str = "SELECT s.execution_id, s.expires_at,
        EXISTS (SELECT 1 FROM artifact h WHERE h.execution_id = s.execution_id AND h.hold AND h.removed_at IS NULL),
        EXISTS (SELECT 1 FROM artifact f WHERE f.execution_id = s.execution_id AND f.downloads > 0)
            OR EXISTS (SELECT 1 FROM delivery d WHERE d.execution_id = s.execution_id AND d.state = 'done')
            OR EXISTS (SELECT 1 FROM artifact f
                       CROSS JOIN audit l ON l.owner = f.owner AND l.object_id = f.id
                       WHERE f.execution_id = s.execution_id AND l.object_kind = 'artifact' AND l.outcome = 'linked')
    FROM artifact_set s
    WHERE s.removed_at IS NULL AND s.expires_at > ?1 AND s.expires_at <= ?2
        AND s.expires_at >= ?3 AND (s.expires_at > ?3 OR s.execution_id > ?4)
    ORDER BY s.expires_at, s.execution_id LIMIT ?5";

/// Stores the notices of a page of sets.
pub(in super::super) fn tell_of_expiring(
    tx: &Transaction<'_>,
    behind: Option<SetPlace>,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Told<SetPlace>, Fault> {
    let (at, id) = behind
        .map_or((i64::MIN, String::new()), |place| (micros(place.expires_at), place.execution.to_string()));
    let mut statement = tx.prepare(SETS)?;
    let until = now + EXPIRY_NOTICE;
    let mut rows = statement.query(params![micros(now), micros(until), at, id, integer(limit as u64)])?;
    let (mut looked_at, mut stored, mut last) = (0, 0, behind);
    while let Some(row) = &rows.next()? {
        looked_at += 1;
        let Some(found) = understood("artifact set", &row_id(row), read(row))? else { continue };
        last = Some(found.place);
        if found.is_held || found.is_fetched {
            continue;
        }
        let id = found.place.execution.to_string();
        let execution = understood("execution", &id, executions::find_any(tx, &id))?.flatten();
        let set = execution.map(|execution| found.kept_by(execution));
        stored += insert(tx, &set.map(|set| set.notices(now)).unwrap_or_default())?;
    }
    Ok(Told { stored, next: last.filter(|_| looked_at == limit && last != behind) })
}

/// What the row of a set says, before its execution is read.
struct Found {
    place: SetPlace,
    is_held: bool,
    is_fetched: bool,
}

impl Found {
    fn kept_by(self, execution: cdds_core::domain::execution::Execution) -> KeptSet {
        let Self { place, is_held, is_fetched } = self;
        KeptSet { execution, expires_at: place.expires_at, is_held, is_fetched }
    }
}

fn read(row: &Row<'_>) -> Result<Found, Fault> {
    let (id, at): (String, i64) = (row.get(0)?, row.get(1)?);
    let execution = Uuid::parse_str(&id).map_err(|error| corrupt("artifact set", &id, error))?;
    let expires_at = DateTime::from_timestamp_micros(at);
    let expires_at =
        expires_at.ok_or_else(|| corrupt("artifact set", &id, format_args!("{at} µs is not an instant")))?;
    let place = SetPlace { expires_at, execution: ExecutionId(execution) };
    Ok(Found { place, is_held: row.get(2)?, is_fetched: row.get(3)? })
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn n8_sets_that_expire_are_read_in_the_order_of_an_index() {
        let steps = plan(SETS);
        assert!(steps[0].starts_with("SEARCH s USING INDEX artifact_set_expiry"), "{steps:?}");
        assert!(!steps.iter().any(|step| step.contains("SCAN")), "nothing is searched whole: {steps:?}");
        // Sets of the same microsecond are sorted among themselves.
        let sorted = steps.iter().filter(|step| step.contains("TEMP B-TREE"));
        assert!(sorted.clone().all(|step| step.contains("LAST TERM")), "{steps:?}");
    }
}
