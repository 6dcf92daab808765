//! Claims: assigns queued executions by their place in the queue and begins them with their jobs (rules E2,
//! J8, W4, W6).

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use cdds_core::domain::execution::{Beginning, Execution};
use cdds_core::domain::job::Job;
use cdds_core::domain::job::lifecycle;
use cdds_core::ports::catalog::{CatalogError, Claim, Claimed};
use chrono::SubsecRound;
use rusqlite::{Row, Statement, Transaction, params};

use super::super::row::micros;
use super::database::{Database, Durability};
use super::executions::{self, COLUMNS, Lease};
use super::fault::Fault;
use super::understood::{row_id, understood};
use super::workers::Registration;
use super::{jobs, takeover};

/// Assigns queued executions to a worker, after taking over those of dead workers.
pub(super) fn claim(database: &Database, claim: &Claim) -> Result<Claimed, CatalogError> {
    let claim = Claim { now: claim.now.trunc_subsecs(6), ..claim.clone() };
    // A worker's first claim takes over everything under its name, so a second claim must not run
    // concurrently.
    let _one_at_a_time = database.claims();
    // Take the lock before the database names the worker: whoever finds the name must find the lock.
    let registration = database.workers().register(&claim.worker)?;
    let claimed = takeover::orphaned(database, registration, &claim.worker).and_then(|orphaned| {
        database.write(Durability::Full, "claim work", |tx| {
            let given_up = takeover::take_over(tx, &orphaned, &claim)?;
            Ok(Claimed { given_up, ..pick(tx, &claim)? })
        })
    });
    if claimed.is_err() && registration == Registration::Fresh {
        // The work of an earlier worker with this id has not been taken over yet, so the next claim must
        // again be the first one.
        database.workers().release(&claim.worker);
    }
    claimed
}

/// Due executions by their place in the queue, of jobs without a running execution. The index covers the
/// query, so rows that are not taken are never read.
const CANDIDATES: &str = "SELECT e.id, e.job_id, e.epoch, e.queue_at, e.slot FROM execution e
     WHERE e.status = 'queued' AND e.not_before <= ?1
       AND NOT EXISTS (SELECT 1 FROM execution r WHERE r.job_id = e.job_id AND r.status = 'in_progress')
     ORDER BY e.queue_at, e.slot, e.id";

/// Picks at most one execution per job. If a job has begun an execution that waits to be retried, only that
/// one qualifies (rule E2). Skips executions and jobs that are not understood; counts jobs and the limit
/// here, so that skipped rows do not block others.
fn pick(tx: &Transaction<'_>, claim: &Claim) -> Result<Claimed, Fault> {
    let mut begun = Begun::of(tx)?;
    let mut picked = Picked { claimed: Claimed::default(), jobs: HashMap::new(), closed: HashSet::new() };
    let mut statement = tx.prepare(CANDIDATES)?;
    let mut rows = statement.query([micros(claim.now)])?;
    let (mut walked, mut last) = (0, None);
    while walked < WALKED_MAX
        && !picked.is_full(claim)
        && let Some(row) = rows.next()?
    {
        walked += 1;
        let Some(candidate) = understood("execution", &row_id(row), Candidate::of(row))? else { continue };
        last = Some(candidate.place.clone());
        picked.look_at(tx, &mut begun, &candidate, claim)?;
    }
    drop(rows);
    if let Some(last) = last.filter(|_| walked == WALKED_MAX) {
        heads(tx, &mut picked, &mut begun, &last, claim)?;
    }
    picked.store(tx, claim)
}

/// Number of queue places that a claim walks one by one. A longer backlog usually belongs to few jobs; once a
/// job cannot begin another execution, its remaining places need not be visited.
const WALKED_MAX: usize = 4_096;

/// Maximum number of executions that one claim stores as covered.
const COVERED_MAX: usize = 1_000;

/// Continues after `last` from job to job instead of from place to place: takes the first execution of each
/// job, and the next one if the first was covered.
fn heads(
    tx: &Transaction<'_>,
    picked: &mut Picked,
    begun: &mut Begun<'_>,
    last: &Place,
    claim: &Claim,
) -> Result<(), Fault> {
    let mut heads: BTreeMap<Place, Candidate> = BTreeMap::new();
    let (mut next_job, mut next) = (tx.prepare(NEXT_JOB)?, tx.prepare(NEXT_OF_JOB)?);
    let mut job = String::new();
    while let Some(following) = next_job.query_row([&job], |row| row.get::<_, Option<String>>(0))? {
        job = following;
        if !picked.closed.contains(&job) {
            let head = next_of(&mut next, &job, last, claim)?;
            heads.extend(head.map(|head| (head.place.clone(), head)));
        }
    }
    while !picked.is_full(claim)
        && let Some((place, candidate)) = heads.pop_first()
    {
        picked.look_at(tx, begun, &candidate, claim)?;
        if !picked.closed.contains(&candidate.job) {
            let head = next_of(&mut next, &candidate.job, &place, claim)?;
            heads.extend(head.map(|head| (head.place.clone(), head)));
        }
    }
    Ok(())
}

const NEXT_JOB: &str = "SELECT min(e.job_id) FROM execution e WHERE e.status = 'queued' AND e.job_id > ?1";

/// The next place in the queue, after a given one, of a job without a running execution.
const NEXT_OF_JOB: &str = "SELECT e.id, e.job_id, e.epoch, e.queue_at, e.slot FROM execution e
     WHERE e.status = 'queued' AND e.job_id = ?1 AND e.not_before <= ?2
       AND (e.queue_at, e.slot, e.id) > (?3, ?4, ?5)
       AND NOT EXISTS (SELECT 1 FROM execution r WHERE r.job_id = ?1 AND r.status = 'in_progress')
     ORDER BY e.queue_at, e.slot, e.id";

fn next_of(
    statement: &mut Statement<'_>,
    job: &str,
    behind: &Place,
    claim: &Claim,
) -> Result<Option<Candidate>, Fault> {
    let (queue_at, slot, id) = behind;
    let mut rows = statement.query(params![job, micros(claim.now), queue_at, slot, id])?;
    while let Some(row) = rows.next()? {
        let candidate = understood("execution", &row_id(row), Candidate::of(row))?;
        if candidate.is_some() {
            return Ok(candidate);
        }
    }
    Ok(None)
}

/// A place in the queue: `queue_at`, slot and id.
type Place = (i64, i64, String);

/// An execution that may begin.
struct Candidate {
    place: Place,
    job: String,
    is_begun: bool,
}

impl Candidate {
    fn of(row: &Row<'_>) -> Result<Self, Fault> {
        let place = (row.get(3)?, row.get(4)?, row.get(0)?);
        Ok(Self { place, job: row.get(1)?, is_begun: row.get::<_, i64>(2)? > 0 })
    }
}

/// Executions that a job has begun and that wait to be retried.
const BEGUN: &str = "FROM execution e WHERE e.job_id = ?1 AND e.status = 'queued' AND e.epoch > 0";

/// Caches which jobs have begun an execution that waits to be retried. Each job is looked up once, when it
/// comes up, since many other executions may be waiting.
struct Begun<'tx> {
    statement: Statement<'tx>,
    known: HashMap<String, bool>,
}

impl<'tx> Begun<'tx> {
    fn of(tx: &'tx Transaction<'_>) -> Result<Self, Fault> {
        let statement = tx.prepare(&format!("SELECT {COLUMNS} {BEGUN}"))?;
        Ok(Self { statement, known: HashMap::new() })
    }

    /// A row that is not understood does not block its job.
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

/// The result of a claim until all of it is stored.
struct Picked {
    claimed: Claimed,
    /// The jobs of the begun and covered executions, in their previous state.
    jobs: HashMap<String, Job>,
    /// Jobs of which no (further) execution begins: one is running now, or the job is skipped.
    closed: HashSet<String>,
}

impl Picked {
    fn is_full(&self, claim: &Claim) -> bool {
        self.claimed.executions.len() >= claim.limit || self.claimed.covered.len() >= COVERED_MAX
    }

    /// Begins a candidate unless another execution of its job comes first.
    fn look_at(
        &mut self,
        tx: &Transaction<'_>,
        begun: &mut Begun<'_>,
        candidate: &Candidate,
        claim: &Claim,
    ) -> Result<(), Fault> {
        let Candidate { place: (_, _, id), job, is_begun } = candidate;
        if self.closed.contains(job) || (!is_begun && begun.holds_back(job)?) {
            return Ok(());
        }
        let shown = id.escape_debug().to_string();
        match understood("execution", &shown, executions::find_any(tx, id))?.flatten() {
            Some(execution) => self.begin(tx, execution, job.clone(), claim),
            None => Ok(()),
        }
    }

    /// Begins an execution, together with its job.
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
                let Some(job) = found.filter(|job| job.may_begin(&execution)) else {
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
            // The job may have another execution that still has records to export.
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
            // Rule J8: a one-time job is completed in the transaction that starts it. A covered execution has
            // not started anything.
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
    fn e2_a_backlog_is_passed_over_from_job_to_job() {
        for sql in [NEXT_JOB, NEXT_OF_JOB] {
            let steps = plan(sql);
            assert!(steps[0].contains("e USING") && steps[0].contains("execution_queue_of_job"), "{steps:?}");
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
        }
    }

    #[test]
    fn e2_what_a_job_has_begun_is_found_without_that_of_others() {
        let steps = plan(&format!("SELECT {COLUMNS} {BEGUN}"));
        assert_eq!(steps, ["SEARCH e USING INDEX execution_begun (job_id=?)"]);
    }
}
