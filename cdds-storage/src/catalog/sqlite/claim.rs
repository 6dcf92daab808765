//! Who gets what: queued executions by their place, begun with their jobs (rules E2, J8, W4, W6).

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use cdds_core::domain::execution::{Beginning, Execution};
use cdds_core::domain::job::Job;
use cdds_core::domain::lifecycle;
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
const CANDIDATES: &str = "SELECT e.id, e.job_id, e.epoch, e.queue_at, e.slot FROM execution e
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

/// Places of the queue that a claim walks one by one. A backlog of few jobs is longer: of which none can be begun any
/// more, all others need not be looked at.
const WALKED_MAX: usize = 4_096;

/// Executions that are stored as covered by one claim, at most.
const COVERED_MAX: usize = 1_000;

/// Goes on behind `last` from job to job instead of from place to place: of each job its first execution, and the
/// next one where that was covered.
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

/// Behind a place in the queue of a job of which none runs.
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

/// Something that may begin.
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
    fn is_full(&self, claim: &Claim) -> bool {
        self.claimed.executions.len() >= claim.limit || self.claimed.covered.len() >= COVERED_MAX
    }

    /// Begins a candidate if nothing of its job stands before it.
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
