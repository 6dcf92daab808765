//! The agenda: upcoming work. It is queried once a second, so its cost must not grow with a backlog. Callers
//! that run until all work is done wait for it, so rows that will never lead to anything do not count.

use std::collections::HashMap;

use cdds_core::domain::calendar::zone::database::Clocks;
use cdds_core::domain::id::WorkerId;
use cdds_core::ports::catalog::{Agenda, CatalogError, QUEUED_COUNTED_MAX};
use chrono::{DateTime, Utc};

use super::super::row::{integer, micros};
use super::database::{Database, Presence};
use super::driver::NONE;
use super::executions::{self, COLUMNS, COLUMNS_COUNT};
use super::fault::Fault;
use super::jobs;
use super::transaction::Transaction;
use super::understood::quietly;

/// Returns the agenda over all owners, of jobs whose clock is among these.
pub(super) fn agenda(database: &impl Database, clocks: Clocks) -> Result<Agenda, CatalogError> {
    let (mut agenda, strange) = database.read("read the agenda", |tx| read(tx, clocks))?;
    // A newer program may be running executions that this one does not understand. Check the locks outside of
    // any transaction.
    for worker in strange {
        agenda.running += u64::from(!database.workers().is_dead(&worker)?);
    }
    Ok(agenda)
}

/// Returns the agenda of the rows that are understood, and the workers of running executions that are not.
fn read(tx: &Transaction<'_>, clocks: Clocks) -> Result<(Agenda, Vec<WorkerId>), Fault> {
    let mut known = Jobs { tx, clocks, has_work: HashMap::new() };
    let (running, strange) = running(&mut known)?;
    let sql = "SELECT count(*) FROM (SELECT 1 FROM execution WHERE status = 'queued' LIMIT ?1) counted";
    let queued: i64 = tx.query_row(sql, [integer(QUEUED_COUNTED_MAX)], |row| row.get(0))?;
    let next_queued_at = next_queued_at(&mut known)?;
    let agenda = Agenda {
        next_due_at: jobs::next_due_at(tx, clocks)?,
        next_queued_at,
        queued: next_queued_at.map_or(0, |_| u64::try_from(queued).unwrap_or(0)),
        running,
    };
    Ok((agenda, strange))
}

/// Returns the earliest instant at which a waiting execution may start.
fn next_queued_at(known: &mut Jobs<'_>) -> Result<Option<DateTime<Utc>>, Fault> {
    // A row with an instant beyond the calendar must not hide the others.
    let sql = "SELECT e.id, e.job_id FROM execution e
         WHERE e.status = 'queued' AND e.not_before BETWEEN ?1 AND ?2 ORDER BY e.not_before";
    let mut statement = known.tx.prepare(sql)?;
    let mut rows = statement.walk([micros(DateTime::<Utc>::MIN_UTC), micros(DateTime::<Utc>::MAX_UTC)])?;
    while let Some(row) = &rows.next()? {
        let place = row.get(0).and_then(|id| Ok((id, row.get(1)?)));
        let place: Result<(String, String), Fault> = place.map_err(Fault::from);
        let Some((id, job)) = quietly(place)? else { continue };
        if known.has(&job)?
            && let Some(execution) = quietly(executions::find_any(known.tx, &id))?.flatten()
        {
            return Ok(Some(execution.not_before));
        }
    }
    Ok(None)
}

fn running(known: &mut Jobs<'_>) -> Result<(u64, Vec<WorkerId>), Fault> {
    let sql = format!(
        "SELECT {COLUMNS}, coalesce(e.worker, ''), {} FROM execution e LEFT JOIN job j ON j.id = e.job_id
         WHERE e.status = 'in_progress'",
        jobs::COLUMNS
    );
    let mut statement = known.tx.prepare(&sql)?;
    let mut rows = statement.query(NONE)?;
    let (mut running, mut strange) = (0, Vec::new());
    while let Some(row) = &rows.next()? {
        let job = quietly(jobs::read_behind(row, COLUMNS_COUNT + 1))?;
        match quietly(executions::read(row))? {
            Some(_) if job.is_some() => {
                running += 1;
            }
            _ => {
                let worker = row.get::<String>(COLUMNS_COUNT).ok();
                strange.extend(worker.and_then(|worker| WorkerId::new(worker).ok()));
            }
        }
    }
    Ok((running, strange))
}

/// Remembers which jobs are understood, and have a clock that is: an execution can neither begin nor end without its job.
struct Jobs<'tx> {
    tx: &'tx Transaction<'tx>,
    clocks: Clocks,
    has_work: HashMap<String, bool>,
}

impl Jobs<'_> {
    fn has(&mut self, id: &str) -> Result<bool, Fault> {
        if let Some(has_work) = self.has_work.get(id) {
            return Ok(*has_work);
        }
        let found = match id.parse() {
            Ok(job) => {
                let job = quietly(jobs::find_any(self.tx, job))?.flatten();
                job.is_some_and(|job| self.clocks.include(&job.settings.clock))
            }
            Err(_) => false,
        };
        self.has_work.insert(id.to_owned(), found);
        Ok(found)
    }
}
