//! Notices of certificates that expire and that jobs need (rule N8).

use cdds_core::domain::id::JobId;
use cdds_core::domain::job::Job;
use cdds_core::domain::notice::certificate::notices;
use cdds_core::domain::recipient::{EXPIRY_WARNING, Recipient};
use cdds_core::ports::catalog::Told;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::super::row::{corrupt, integer, micros};
use super::super::driver::{Row, params};
use super::super::fault::Fault;
use super::super::transaction::Transaction;
use super::super::understood::{row_id, understood};
use super::super::{jobs, recipients};
use super::insert;

/// The jobs behind ?1 that name recipients, ?2 of them, and whether a certificate of each may concern it: it can be used
/// until ?3 at most, or not until the next occurrence. The rule looks at these more closely.
const JOBS: &str = "SELECT p.job_id,
        EXISTS (SELECT 1 FROM job j
                CROSS JOIN job_recipient n ON n.job_id = j.id
                CROSS JOIN recipient c ON c.owner = n.owner AND c.name = n.name
                WHERE j.id = p.job_id AND j.state = 'active' AND (c.not_after < ?3 OR c.not_after < j.next_due_at))
    FROM (SELECT DISTINCT r.job_id FROM job_recipient r WHERE r.job_id > ?1 ORDER BY r.job_id LIMIT ?2) p
    ORDER BY p.job_id";

/// Stores the notices of a page of jobs.
pub(in super::super) fn tell_of_certificates(
    tx: &Transaction<'_>,
    behind: Option<JobId>,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<Told<JobId>, Fault> {
    let mut statement = tx.prepare(JOBS)?;
    let after = behind.map(|id| id.to_string()).unwrap_or_default();
    let mut rows = statement.query(params![after, integer(limit as u64), micros(now + EXPIRY_WARNING)])?;
    let (mut looked_at, mut stored, mut last) = (0, 0, behind);
    while let Some(row) = &rows.next()? {
        looked_at += 1;
        let Some((id, is_concerned)) = understood("job", &row_id(row), read(row))? else { continue };
        last = Some(id);
        if is_concerned {
            let found = understood("job", &id.to_string(), of_job(tx, id))?.flatten();
            stored += insert(tx, &found.map(|(job, named)| notices(&job, &named, now)).unwrap_or_default())?;
        }
    }
    Ok(Told { stored, next: last.filter(|_| looked_at == limit && last != behind) })
}

fn read(row: &Row<'_>) -> Result<(JobId, bool), Fault> {
    let id: String = row.get(0)?;
    let job = Uuid::parse_str(&id).map_err(|error| corrupt("job", &id, error))?;
    Ok((JobId(job), row.get(1)?))
}

/// Returns a job and the recipients that it names.
fn of_job(tx: &Transaction<'_>, id: JobId) -> Result<Option<(Job, Vec<Recipient>)>, Fault> {
    let Some(job) = jobs::find_any(tx, id)? else { return Ok(None) };
    let names = job.settings.protection.recipients();
    let named = recipients::named(tx, &job.owner, names)?;
    Ok(Some((job, named)))
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn n8_jobs_with_recipients_are_read_in_the_order_of_an_index() {
        let steps = plan(JOBS);
        assert!(
            steps.iter().any(|step| step.contains("SEARCH r USING COVERING INDEX job_recipient_of_job")),
            "{steps:?}"
        );
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "nothing is sorted: {steps:?}");
        for table in ["j", "n", "c"] {
            let looked_up = format!("SEARCH {table} USING");
            assert!(steps.iter().any(|step| step.starts_with(&looked_up)), "{steps:?}");
        }
    }
}
