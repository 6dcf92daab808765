//! Who gets what: queued executions by their place, begun with their jobs (rules E2, J8, W4, W6).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use cdds_core::domain::execution::{Beginning, Execution};
use cdds_core::domain::job::{Job, JobState};
use cdds_core::domain::lifecycle;
use cdds_core::ports::catalog::{CatalogError, Claim, Claimed};
use chrono::SubsecRound;
use rusqlite::{Statement, Transaction};

use super::super::row::micros;
use super::database::{Database, Durability};
use super::executions::{self, COLUMNS, Lease};
use super::fault::Fault;
use super::understood::{row_id, understood};
use super::workers::Registration;
use super::{jobs, takeover};

/// Gives queued executions to a worker, after taking over those of dead ones.
pub(super) fn claim(database: &Database, claim: &Claim) -> Result<Claimed, CatalogError> {
    let claim = Claim { now: claim.now.trunc_subsecs(6), ..claim.clone() };
    // The first claim of a worker takes over whatever stands under its name: no second one may be in between.
    let _one_at_a_time = database.claims();
    // Locked before it is named in the database: whoever finds the name finds the lock.
    let registration = database.workers().register(&claim.worker)?;
    let claimed = takeover::orphaned(database, registration, &claim.worker).and_then(|orphaned| {
        database.write(Durability::Full, "claim work", |tx| {
            let given_up = takeover::take_over(tx, &orphaned, &claim)?;
            Ok(Claimed { given_up, ..pick(tx, &claim)? })
        })
    });
    if claimed.is_err() && registration == Registration::Fresh {
        // What an earlier worker of this id left is not taken over yet: the next claim must be the
        // first one again.
        database.workers().release(&claim.worker);
    }
    claimed
}

/// Executions whose time has come, by their place in the queue, of jobs of which none runs. All of it lies in
/// the index: what is not taken is never read.
const CANDIDATES: &str = "SELECT e.id, e.job_id, e.epoch FROM execution e
     WHERE e.status = 'queued' AND e.not_before <= ?1
       AND NOT EXISTS (SELECT 1 FROM execution r WHERE r.job_id = e.job_id AND r.status = 'in_progress')
     ORDER BY e.queue_at, e.slot, e.id";

/// At most one execution per job, and of a job that has begun one and waits to try it again, only that one
/// (rule E2). What is not understood, or whose job is not, is passed over; jobs and the limit are counted
/// here, so that it does not stand in the way of others.
fn pick(tx: &Transaction<'_>, claim: &Claim) -> Result<Claimed, Fault> {
    let mut begun = Begun::of(tx)?;
    let mut picked = Picked { claimed: Claimed::default(), jobs: HashMap::new(), closed: HashSet::new() };
    let mut statement = tx.prepare(CANDIDATES)?;
    let mut rows = statement.query([micros(claim.now)])?;
    while picked.claimed.executions.len() < claim.limit
        && let Some(row) = rows.next()?
    {
        let id = row_id(row);
        let place = || Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, i64>(2)? > 0));
        let Some((stored_id, job, is_begun)) = understood("execution", &id, place())? else { continue };
        if picked.closed.contains(&job) || (!is_begun && begun.holds_back(&job)?) {
            continue;
        }
        let read = executions::find_any(tx, &stored_id);
        if let Some(execution) = understood("execution", &id, read)?.flatten() {
            picked.begin(tx, execution, job, claim)?;
        }
    }
    drop(rows);
    picked.store(tx, claim)
}

/// What a job has begun and waits to try again.
const BEGUN: &str = "FROM execution e WHERE e.job_id = ?1 AND e.status = 'queued' AND e.epoch > 0";

/// Which jobs have begun an execution that waits to be tried again. Asked for those that come up, once each: many
/// others may wait.
struct Begun<'tx> {
    statement: Statement<'tx>,
    known: HashMap<String, bool>,
}

impl<'tx> Begun<'tx> {
    fn of(tx: &'tx Transaction<'_>) -> Result<Self, Fault> {
        let statement = tx.prepare(&format!("SELECT {COLUMNS} {BEGUN}"))?;
        Ok(Self { statement, known: HashMap::new() })
    }

    /// Such a row that is not understood holds nothing up.
    fn holds_back(&mut self, job: &str) -> Result<bool, Fault> {
        if let Some(holds) = self.known.get(job) {
            return Ok(*holds);
        }
        let mut rows = self.statement.query([job])?;
        let mut holds = false;
        while !holds && let Some(row) = rows.next()? {
            holds = understood("execution", &row_id(row), executions::read(row))?.is_some();
        }
        self.known.insert(job.to_owned(), holds);
        Ok(holds)
    }
}

/// What a claim takes, until all of it is stored.
struct Picked {
    claimed: Claimed,
    /// The jobs of what was begun or covered, as they were before.
    jobs: HashMap<String, Job>,
    /// Jobs of which nothing (more) is begun: one runs now, or they are passed over.
    closed: HashSet<String>,
}

impl Picked {
    /// Begins an execution with its job.
    fn begin(
        &mut self,
        tx: &Transaction<'_>,
        execution: Execution,
        id: String,
        claim: &Claim,
    ) -> Result<(), Fault> {
        let job = match self.jobs.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let read = jobs::find_any(tx, execution.job_id);
                let found = understood("job", unknown.key(), read)?.flatten();
                let Some(job) = found.filter(|job| job.state != JobState::Deleted) else {
                    self.closed.insert(unknown.into_key());
                    return Ok(());
                };
                unknown.insert(job)
            }
        };
        match execution.begin(job, claim.worker.clone(), claim.now) {
            Beginning::Running(execution) => {
                self.closed.insert(job.id.to_string());
                self.claimed.executions.push(execution);
            }
            // Its job may have another one that has something left to export.
            Beginning::Covered(execution) => self.claimed.covered.push(execution),
        }
        Ok(())
    }

    fn store(self, tx: &Transaction<'_>, claim: &Claim) -> Result<Claimed, Fault> {
        let lease = Lease::new(&claim.worker, claim.now, claim.lease);
        for execution in &self.claimed.executions {
            executions::store(tx, execution, Some(&lease))?;
        }
        for execution in &self.claimed.covered {
            executions::store(tx, execution, None)?;
        }
        for (id, job) in &self.jobs {
            // Rule J8: a one-time job is completed in the transaction that starts it. What was covered has
            // started nothing.
            let after = if self.closed.contains(id) { lifecycle::started(job) } else { job.clone() };
            jobs::store(tx, &after, job.revision)?;
        }
        Ok(self.claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::plan;
    use super::*;

    #[test]
    fn e2_the_queue_is_walked_in_its_index_alone() {
        let steps = plan(CANDIDATES);
        assert!(steps[0].contains("e USING COVERING INDEX execution_queue"), "{steps:?}");
        assert!(
            steps.iter().any(|step| step.contains("r USING COVERING INDEX execution_running")),
            "{steps:?}"
        );
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
    }

    #[test]
    fn e2_what_a_job_has_begun_is_found_without_that_of_others() {
        let steps = plan(&format!("SELECT {COLUMNS} {BEGUN}"));
        assert_eq!(steps, ["SEARCH e USING INDEX execution_begun (job_id=?)"]);
    }
}
