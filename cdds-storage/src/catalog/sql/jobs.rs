//! Jobs: stored by revision, together with the effects on their executions, and found when they are due.

mod list;

use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::execution::{Execution, Trigger};
use cdds_core::domain::id::{JobId, Owner};
use cdds_core::domain::job::policy::Overlap;
use cdds_core::domain::job::{Job, JobChange};
use cdds_core::ports::catalog::{DueJob, WAITING_MAX};
use chrono::{DateTime, Utc};

use super::super::row::{JobRow, fold, integer, micros};
use super::changed::changed_columns;
use super::driver::{
    self, Change, NONE, OptionalExtension, Params, Row, ToValue, Value, params, params_from_iter,
};
use super::fault::{Fault, conflict, constraint};
use super::transaction::Transaction;
use super::understood::{quietly, row_id, understood};
use super::{executions, recipients};

pub(super) use self::list::{find, list};

pub(super) const COLUMNS: &str =
    "j.id, j.owner, j.version, j.revision, j.state, j.settings, j.created_at, j.updated_at,
    j.next_due_at, j.watermark_generation, j.watermark_at, j.failures_in_row,
    j.suspended_at, j.tiled_until, j.era, j.unsettled, j.decided_until, j.decided_offset";

/// Number of [`COLUMNS`].
pub(super) const COLUMNS_COUNT: usize = 18;

fn job_row(row: &Row<'_>) -> driver::Result<JobRow> {
    job_row_behind(row, 0)
}

/// Returns the job in the [`COLUMNS`] behind so many others.
fn job_row_behind(row: &Row<'_>, others: usize) -> driver::Result<JobRow> {
    Ok(JobRow {
        id: row.get(others)?,
        owner: row.get(others + 1)?,
        version: row.get(others + 2)?,
        revision: row.get(others + 3)?,
        state: row.get(others + 4)?,
        settings: row.get(others + 5)?,
        created_at: row.get(others + 6)?,
        updated_at: row.get(others + 7)?,
        next_due_at: row.get(others + 8)?,
        watermark_generation: row.get(others + 9)?,
        watermark_at: row.get(others + 10)?,
        failures_in_row: row.get(others + 11)?,
        suspended_at: row.get(others + 12)?,
        tiled_until: row.get(others + 13)?,
        era: row.get(others + 14)?,
        unsettled: row.get(others + 15)?,
        decided_until: row.get(others + 16)?,
        decided_offset: row.get(others + 17)?,
    })
}

/// Reads a job from its [`COLUMNS`] behind so many others. Those of a row that has none are not understood.
pub(super) fn read_behind(row: &Row<'_>, others: usize) -> Result<Job, Fault> {
    Ok(job_row_behind(row, others)?.into_job()?)
}

/// Stores a new job under revision 1, with its first execution.
pub(super) fn insert(tx: &Transaction<'_>, job: &Job, first: Option<&Execution>) -> Result<(), Fault> {
    let row = JobRow::of(job)?;
    tx.execute(
        "INSERT INTO job (id, owner, version, revision, state, settings, title_folded, source, data_type,
                          frequency, created_at, updated_at, next_due_at, watermark_generation, watermark_at,
                          failures_in_row, suspended_at, tiled_until, era, unsettled, decided_until,
                          decided_offset)
         VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                 ?21)",
        params![
            row.id,
            row.owner,
            row.version,
            row.state,
            row.settings,
            fold(job.settings.title.as_str()),
            job.settings.source.as_str(),
            job.settings.reads.types().to_string(),
            JobRow::frequency(job),
            row.created_at,
            row.updated_at,
            row.next_due_at,
            row.watermark_generation,
            row.watermark_at,
            row.failures_in_row,
            row.suspended_at,
            row.tiled_until,
            row.era,
            row.unsettled,
            row.decided_until,
            row.decided_offset,
        ],
    )
    .map_err(constraint(format!("job {} is already stored: submit it with an id of its own", job.id)))?;
    recipients::name(tx, job)?;
    if let Some(first) = first {
        let inserted = executions::insert(tx, first)?;
        if !inserted {
            return Err(conflict(format!("execution {} is already on record", first.id)));
        }
    }
    Ok(())
}

/// Stores a change to a job by a person or by the schedule.
pub(super) fn change(tx: &Transaction<'_>, change: &JobChange, expected: u64) -> Result<(), Fault> {
    apply(tx, change, expected)?;
    recipients::name(tx, &change.job)
}

/// Stores the effect of an execution's start or end on its job: everything but the recipients, since neither
/// changes the settings.
pub(super) fn apply(tx: &Transaction<'_>, change: &JobChange, expected: u64) -> Result<(), Fault> {
    store(tx, &change.job, expected)?;
    for entry in &change.entries {
        // A slot that has already been recorded stays as it is. An execution that somebody requested must not
        // get lost: two may be requested in the same microsecond.
        if !executions::insert(tx, entry)? && entry.trigger != Trigger::Scheduled {
            return Err(conflict(format!("execution {} is already on record: try again", entry.id)));
        }
    }
    for execution in &change.superseded {
        executions::supersede(tx, execution)?;
    }
    for execution in &change.edited {
        executions::edit(tx, execution)?;
    }
    Ok(())
}

/// The columns by which lists are sorted or filtered, or which their indexes hold.
const LISTED: [&str; 6] = ["state", "title_folded", "source", "data_type", "frequency", "next_due_at"];

/// Stores a job whose current revision is `expected`, under the next one.
pub(super) fn store(tx: &Transaction<'_>, job: &Job, expected: u64) -> Result<(), Fault> {
    let change = storing(tx, job, expected)?;
    stored(job, expected, tx.execute(&change.sql, change.values)?)
}

/// Returns the statement by which [`store`] stores a job; [`stored`] judges how many rows it has changed.
pub(super) fn storing(tx: &Transaction<'_>, job: &Job, expected: u64) -> Result<Change, Fault> {
    let row = JobRow::of(job)?;
    let listed = [
        Value::from(row.state),
        fold(job.settings.title.as_str()).into(),
        job.settings.source.as_str().to_owned().into(),
        job.settings.reads.types().to_string().into(),
        JobRow::frequency(job).to_owned().into(),
        row.next_due_at.into(),
    ];
    let changed = changed_columns(tx, ("job", &row.id), &LISTED, &listed)?;
    let (set, listed): (Vec<_>, Vec<_>) = changed.into_iter().unzip();
    let sql = format!(
        "UPDATE job SET {}version = ?, revision = revision + 1, settings = ?, updated_at = ?,
                        watermark_generation = ?, watermark_at = ?, failures_in_row = ?, suspended_at = ?,
                        tiled_until = ?, era = ?, unsettled = ?, decided_until = ?, decided_offset = ?
         WHERE id = ? AND owner = ? AND revision = ?",
        set.concat()
    );
    let others: [&dyn ToValue; 15] = [
        &row.version,
        &row.settings,
        &row.updated_at,
        &row.watermark_generation,
        &row.watermark_at,
        &row.failures_in_row,
        &row.suspended_at,
        &row.tiled_until,
        &row.era,
        &row.unsettled,
        &row.decided_until,
        &row.decided_offset,
        &row.id,
        &row.owner,
        &integer(expected),
    ];
    let values = listed.iter().map(|value| value as &dyn ToValue).chain(others);
    Ok(Change { values: params_from_iter(values), sql })
}

/// Checks that a job was stored.
pub(super) fn stored(job: &Job, expected: u64, changed: usize) -> Result<(), Fault> {
    if changed == 1 {
        return Ok(());
    }
    Err(conflict(format!(
        "job {} is gone, or was changed after revision {expected} was read: read it again, then repeat the \
         change",
        job.id
    )))
}

/// Returns jobs of all owners that have an instant later than `after` on them or were completed. Skips rows
/// that are not understood.
pub(super) fn ahead(tx: &Transaction<'_>, after: DateTime<Utc>) -> Result<Vec<Job>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job j WHERE j.state <> 'deleted'
           AND (j.next_due_at > ?1 OR j.watermark_at > ?1 OR j.tiled_until > ?1 OR j.suspended_at > ?1
                OR j.state = 'completed')
         ORDER BY j.id"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.walk([micros(after)])?;
    let mut jobs = Vec::new();
    while let Some(row) = &rows.next()? {
        let read = || Ok(job_row(row)?.into_job()?);
        jobs.extend(understood("job", &row_id(row), read())?);
    }
    Ok(jobs)
}

/// Returns the jobs of all owners with a time zone, without deleted ones. Skips rows that are not understood. Reads the
/// settings of all jobs.
pub(super) fn zoned(tx: &Transaction<'_>) -> Result<Vec<Job>, Fault> {
    // The settings of some others hold such a text, too: the caller looks at the clock.
    let sql = format!(
        "SELECT {COLUMNS} FROM job j WHERE j.state <> 'deleted' AND j.settings LIKE '%\"time_zone\":%' ORDER BY j.id"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.walk(NONE)?;
    let mut jobs = Vec::new();
    while let Some(row) = &rows.next()? {
        let read = || Ok(job_row(row)?.into_job()?);
        jobs.extend(understood("job", &row_id(row), read())?);
    }
    Ok(jobs)
}

/// Increments a job's revision, so that earlier decisions about its executions are made again.
pub(super) fn touch(tx: &Transaction<'_>, job: JobId) -> Result<(), Fault> {
    tx.execute("UPDATE job SET revision = revision + 1 WHERE id = ?1", [job.to_string()])?;
    Ok(())
}

/// Returns the earliest next slot of an active job that is understood, and whose clock is among these.
pub(super) fn next_due_at(tx: &Transaction<'_>, clocks: Clocks) -> Result<Option<DateTime<Utc>>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM job j WHERE j.state = 'active' AND j.next_due_at IS NOT NULL
         ORDER BY j.next_due_at, j.id"
    );
    let mut statement = tx.prepare(&sql)?;
    let mut rows = statement.walk(NONE)?;
    while let Some(row) = &rows.next()? {
        let read = || Ok(job_row(row)?.into_job()?);
        if let Some(job) = quietly(read())?.filter(|job| clocks.include(&job.settings.clock)) {
            return Ok(job.next_due_at);
        }
    }
    Ok(None)
}

/// Whether there are jobs of any owner but the default one.
pub(in crate::catalog) fn has_other_owners(tx: &Transaction<'_>) -> Result<bool, Fault> {
    // An index answers both, also where a million jobs are all of the default owner.
    let sql =
        "SELECT EXISTS(SELECT 1 FROM job WHERE owner < ?1) OR EXISTS(SELECT 1 FROM job WHERE owner > ?1)";
    Ok(tx.query_row(sql, [Owner::default().as_str()], |row| row.get(0))?)
}

/// Looks up a job of any owner, on behalf of its executions.
pub(super) fn find_any(tx: &Transaction<'_>, id: JobId) -> Result<Option<Job>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM job j WHERE j.id = ?1");
    let row = tx.query_row(&sql, [id.to_string()], job_row).optional()?;
    Ok(row.map(JobRow::into_job).transpose()?)
}

/// Returns jobs whose last change is not settled, each with the next waiting executions; then active jobs
/// with a slot at or before `now`, earliest first, each with the executions that its newest slot may cover. Only those
/// whose clock is among these.
pub(super) fn due(
    tx: &Transaction<'_>,
    now: DateTime<Utc>,
    limit: usize,
    clocks: Clocks,
) -> Result<Vec<DueJob>, Fault> {
    let mut round = Round { due: Vec::new(), limit, clocks, room: WAITING_MAX };
    round.fill(tx, &format!("SELECT {COLUMNS} FROM job j {UNSETTLED}"), NONE, |job, room| {
        let behind = job.unsettled.and_then(|unsettled| unsettled.behind);
        executions::waiting(tx, job.id, behind, room)
    })?;
    round.fill(tx, &format!("SELECT {COLUMNS} FROM job j {DUE}"), [micros(now)], |job, room| {
        match job.overlap() {
            Overlap::Coalesce => executions::coverable(tx, job.id, now, room),
            Overlap::Queue => Ok(Vec::new()),
        }
    })?;
    Ok(round.due)
}

const UNSETTLED: &str = "WHERE j.unsettled IS NOT NULL ORDER BY j.id";
const DUE: &str = "WHERE j.state = 'active' AND j.next_due_at IS NOT NULL AND j.next_due_at <= ?1
       AND j.unsettled IS NULL
     ORDER BY j.next_due_at, j.id";

/// The jobs of one round. Its limits are counted here, so that skipped rows do not use them up.
struct Round {
    due: Vec<DueJob>,
    limit: usize,
    clocks: Clocks,
    /// How many more waiting executions fit into the round.
    room: usize,
}

impl Round {
    fn fill(
        &mut self,
        tx: &Transaction<'_>,
        sql: &str,
        params: impl Params,
        waiting: impl Fn(&Job, usize) -> Result<Vec<Execution>, Fault>,
    ) -> Result<(), Fault> {
        let mut statement = tx.prepare(sql)?;
        let mut rows = statement.walk(params)?;
        while self.due.len() < self.limit
            && self.room > 0
            && let Some(row) = &rows.next()?
        {
            let read = || Ok(job_row(row)?.into_job()?);
            let job = understood("job", &row_id(row), read())?;
            if let Some(job) = job.filter(|job| self.clocks.include(&job.settings.clock)) {
                let waiting = waiting(&job, self.room)?;
                self.room -= waiting.len();
                self.due.push(DueJob { job, waiting });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn e4_a_round_looks_at_no_job_that_is_neither_due_nor_to_be_settled() {
        let steps = plan(&format!("SELECT {COLUMNS} FROM job j {UNSETTLED}"));
        assert_eq!(steps, ["SCAN j USING INDEX job_unsettled"]);
        let steps = plan(&format!("SELECT {COLUMNS} FROM job j {DUE}"));
        assert_eq!(steps, ["SEARCH j USING INDEX job_due (next_due_at>? AND next_due_at<?)"]);
    }
}
