//! The queue of waiting executions, as the rule of picking walks it (rule E2).
//!
//! A claim usually finds what it wants among the first places of an owner, which an index holds in order.
//! Behind a backlog that belongs to few jobs, the walk goes on from job to job.

pub(super) mod ahead;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use cdds_core::domain::execution::queue::{Candidate, Picked, Queue, QueuePlace};
use cdds_core::domain::execution::{Beginning, Execution};
use cdds_core::domain::id::{ExecutionId, JobId, Owner, SourceId};
use cdds_core::domain::job::Job;
use cdds_core::ports::catalog::Claim;
use chrono::{DateTime, Utc};

use self::ahead::Ahead;
use super::super::row::{corrupt, micros};
use super::driver::{Row, Statement, params};
use super::executions::{self, COLUMNS};
use super::fault::Fault;
use super::jobs;
use super::transaction::Transaction;
use super::understood::{row_id, understood};

/// The queue in the transaction of a claim, and what has begun so far.
pub(super) struct SqliteQueue<'tx> {
    tx: &'tx Transaction<'tx>,
    claim: &'tx Claim,
    /// When the claim is made.
    now: DateTime<Utc>,
    next_owner: Statement<'tx>,
    places: Statement<'tx>,
    next_job: Statement<'tx>,
    next_of_job: Statement<'tx>,
    begun_of_job: Statement<'tx>,
    walks: HashMap<Owner, Walk>,
    /// Which jobs have begun an execution that waits for its retry. Each is looked up once, when it comes up,
    /// since many of its executions may be waiting.
    have_begun: HashMap<JobId, bool>,
    ahead: Ahead,
    begun: Begun,
}

/// What a claim begins, until all of it is stored.
#[derive(Debug, Default)]
pub(super) struct Begun {
    pub(super) running: Vec<Execution>,
    pub(super) covered: Vec<Execution>,
    /// The jobs of the running and covered executions, in their previous state.
    pub(super) jobs: HashMap<JobId, Job>,
}

/// A place in the queue as stored: `queue_at`, slot and id. Unlike a decoded one, it exists for every row.
type Place = (i64, i64, String);

/// How far an owner's queue has been walked.
enum Walk {
    /// From place to place.
    Places { last: Place, read: VecDeque<Candidate>, walked: usize, is_over: bool },
    /// From job to job: the first candidate of each that was not returned yet, and the place and job of the
    /// last returned one, whose job has no head until it is asked for again.
    Jobs { heads: BTreeMap<Place, Candidate>, returned: Option<(Place, JobId)> },
}

/// Number of places of an owner that a claim walks one by one. A longer backlog usually belongs to few jobs;
/// once a job cannot begin another execution, its remaining places need not be visited.
const WALKED_MAX: usize = 4_096;

/// Number of places read at once; most claims need a few.
const READ_AT_ONCE: usize = 64;

const NEXT_OWNER: &str = "SELECT min(e.owner) FROM execution e WHERE e.status = 'queued' AND e.owner > ?1";

/// An owner's candidates after a place. The index covers the query, so rows that are not taken are never
/// read. What runs of a job is a value and no `NOT EXISTS`, for which PostgreSQL would read all that runs, and then
/// count each change of it as one that overtakes the claim.
const PLACES: &str = "SELECT e.id, e.job_id, e.source, e.epoch, e.queue_at, e.slot FROM execution e
     WHERE e.status = 'queued' AND e.owner = ?1 AND e.not_before <= ?2 AND (e.queue_at, e.slot, e.id) > (?3, ?4, ?5)
       AND (SELECT 1 FROM execution r WHERE r.job_id = e.job_id AND r.status = 'in_progress' LIMIT 1) IS NULL
     ORDER BY e.queue_at, e.slot, e.id LIMIT ?6";

const NEXT_JOB: &str = "SELECT min(e.job_id) FROM execution e WHERE e.status = 'queued' AND e.job_id > ?1";

/// The candidates of an owner's job after a place. The plus keeps SQLite from the index over all of the
/// owner's jobs.
const NEXT_OF_JOB: &str = "SELECT e.id, e.job_id, e.source, e.epoch, e.queue_at, e.slot FROM execution e
     WHERE e.status = 'queued' AND e.job_id = ?6 AND +e.owner = ?1 AND e.not_before <= ?2
       AND (e.queue_at, e.slot, e.id) > (?3, ?4, ?5)
       AND (SELECT 1 FROM execution r WHERE r.job_id = ?6 AND r.status = 'in_progress' LIMIT 1) IS NULL
     ORDER BY e.queue_at, e.slot, e.id";

/// Executions that a job has begun and that wait for their retry.
/// In an empty catalog, SQLite would take the index of all executions of the job, so it is told.
const BEGUN: &str = "FROM execution e INDEXED BY execution_begun
    WHERE e.job_id = ?1 AND e.status = 'queued' AND e.epoch > 0";

impl<'tx> SqliteQueue<'tx> {
    /// Prepares to walk. What was read ahead is not read again.
    pub(super) fn new(
        tx: &'tx Transaction<'tx>,
        claim: &'tx Claim,
        mut ahead: Ahead,
        now: DateTime<Utc>,
    ) -> Result<Self, Fault> {
        Ok(Self {
            tx,
            claim,
            now,
            next_owner: tx.prepare(NEXT_OWNER)?,
            places: tx.prepare(PLACES)?,
            next_job: tx.prepare(NEXT_JOB)?,
            next_of_job: tx.prepare(NEXT_OF_JOB)?,
            begun_of_job: tx.prepare(&format!("SELECT {COLUMNS} {BEGUN}"))?,
            walks: std::mem::take(&mut ahead.walks),
            have_begun: HashMap::new(),
            ahead,
            begun: Begun::default(),
        })
    }

    pub(super) fn into_begun(self) -> Begun {
        self.begun
    }

    /// Reads the next places of an owner. Returns them, the last place, and whether these were all.
    fn places(&mut self, owner: &Owner, behind: &Place) -> Result<(VecDeque<Candidate>, Place, bool), Fault> {
        let (queue_at, slot, id) = behind;
        let (now, limit) = (micros(self.now), READ_AT_ONCE as i64);
        let mut rows = self.places.query(params![owner.as_str(), now, queue_at, slot, id, limit])?;
        let (mut read, mut last, mut count) = (VecDeque::new(), behind.clone(), 0);
        while let Some(row) = &rows.next()? {
            count += 1;
            last = place(row)?;
            read.extend(understood("execution", &row_id(row), candidate(row))?);
        }
        Ok((read, last, count < READ_AT_ONCE))
    }

    /// Returns the first candidate of each of an owner's jobs after a place.
    fn heads(
        &mut self,
        owner: &Owner,
        behind: &Place,
        closed: &HashSet<JobId>,
    ) -> Result<BTreeMap<Place, Candidate>, Fault> {
        let mut heads = BTreeMap::new();
        let mut id = String::new();
        while let Some(following) = self.next_job.query_row([&id], |row| row.get::<Option<String>>(0))? {
            id = following;
            if let Ok(job) = id.parse()
                && !closed.contains(&job)
            {
                heads.extend(self.head(owner, job, behind)?);
            }
        }
        Ok(heads)
    }

    /// Returns the first candidate of a job after a place.
    fn head(
        &mut self,
        owner: &Owner,
        job: JobId,
        behind: &Place,
    ) -> Result<Option<(Place, Candidate)>, Fault> {
        let (queue_at, slot, id) = behind;
        let now = micros(self.now);
        let mut rows =
            self.next_of_job.walk(params![owner.as_str(), now, queue_at, slot, id, job.to_string()])?;
        while let Some(row) = &rows.next()? {
            if let Some(candidate) = understood("execution", &row_id(row), candidate(row))? {
                return Ok(Some((place(row)?, candidate)));
            }
        }
        Ok(None)
    }

    fn owner_behind(&mut self, name: &str) -> Result<Option<String>, Fault> {
        match self.ahead.owners.get(name) {
            Some(owner) => Ok(owner.clone()),
            None => Ok(self.next_owner.query_row([name], |row| row.get::<Option<String>>(0))?),
        }
    }

    fn execution(&mut self, id: ExecutionId) -> Result<Option<Execution>, Fault> {
        if let Some(execution) = self.ahead.executions.remove(&id) {
            return Ok(Some(execution));
        }
        let id = id.to_string();
        let read = executions::find_any(self.tx, &id);
        Ok(understood("execution", &id, read)?.flatten())
    }

    /// Looks up a candidate's job, which it changes together with the execution.
    fn job(&self, execution: &Execution) -> Result<Option<Job>, Fault> {
        if let Some(job) = self.begun.jobs.get(&execution.job_id) {
            return Ok(Some(job.clone()));
        }
        if let Some(job) = self.ahead.jobs.get(&execution.job_id) {
            return Ok(Some(job.clone()));
        }
        let read = jobs::find_any(self.tx, execution.job_id);
        Ok(understood("job", &execution.job_id.to_string(), read)?.flatten())
    }
}

impl Queue for SqliteQueue<'_> {
    type Error = Fault;

    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, Fault> {
        let mut name = after.map_or("", Owner::as_str).to_owned();
        while let Some(following) = self.owner_behind(&name)? {
            match Owner::new(&following) {
                Ok(owner) => return Ok(Some(owner)),
                // Rows of an impossible owner are those of a newer program.
                Err(_) => name = following,
            }
        }
        Ok(None)
    }

    fn next_candidate(&mut self, owner: &Owner, closed: &HashSet<JobId>) -> Result<Option<Candidate>, Fault> {
        let walk = self.walks.remove(owner).unwrap_or_default();
        let (candidate, walk) = self.walk_on(owner, walk, closed)?;
        self.walks.insert(owner.clone(), walk);
        Ok(candidate)
    }

    /// A row that is not understood does not hold its job.
    fn has_begun(&mut self, job: JobId) -> Result<bool, Fault> {
        if let Some(has_begun) = self.have_begun.get(&job) {
            return Ok(*has_begun);
        }
        if self.ahead.have_not_begun.contains(&job) {
            return Ok(false);
        }
        let mut rows = self.begun_of_job.query([job.to_string()])?;
        let mut has_begun = false;
        while !has_begun && let Some(row) = &rows.next()? {
            has_begun = understood("execution", &row_id(row), executions::read(row))?.is_some();
        }
        self.have_begun.insert(job, has_begun);
        Ok(has_begun)
    }

    fn begin(&mut self, candidate: &Candidate) -> Result<Picked, Fault> {
        let Some(execution) = self.execution(candidate.place.id)? else { return Ok(Picked::PassedOver) };
        // Judged by the job of this transaction: it may have been edited or deleted since the execution was
        // queued.
        let Some(job) = self.job(&execution)?.filter(|job| self.claim.allows(job, &execution)) else {
            return Ok(Picked::Refused);
        };
        let picked = match execution.begin(&job, self.claim.worker.clone(), self.claim.nonce, self.now) {
            Beginning::Running(execution) => {
                self.begun.running.push(execution);
                Picked::Running
            }
            Beginning::Covered(execution) => {
                self.begun.covered.push(execution);
                Picked::Covered
            }
        };
        // The job as it was read, since its revision is compared when it is stored.
        self.begun.jobs.insert(job.id, job);
        Ok(picked)
    }
}

impl SqliteQueue<'_> {
    /// Returns the next candidate of a walk, and where the walk is then.
    fn walk_on(
        &mut self,
        owner: &Owner,
        walk: Walk,
        closed: &HashSet<JobId>,
    ) -> Result<(Option<Candidate>, Walk), Fault> {
        match walk {
            Walk::Places { mut last, mut read, mut walked, mut is_over } => loop {
                if let Some(candidate) = read.pop_front() {
                    return Ok((Some(candidate), Walk::Places { last, read, walked, is_over }));
                }
                if is_over {
                    return Ok((None, Walk::Places { last, read, walked, is_over }));
                }
                if walked >= WALKED_MAX {
                    // From here on one candidate per job is kept, so the claim costs as much as there are
                    // jobs, whatever the backlog.
                    let heads = self.heads(owner, &last, closed)?;
                    return self.walk_on(owner, Walk::Jobs { heads, returned: None }, closed);
                }
                // `last` moves past rows that were not understood too, or the same ones would be read for
                // ever.
                (read, last, is_over) = self.places(owner, &last)?;
                walked += READ_AT_ONCE;
            },
            Walk::Jobs { mut heads, returned } => {
                // Looked up only now: if the last candidate has closed its job, the rest of that job is never
                // read.
                if let Some((place, job)) = returned
                    && !closed.contains(&job)
                {
                    heads.extend(self.head(owner, job, &place)?);
                }
                let next = heads.pop_first();
                let returned = next.as_ref().map(|(place, candidate)| (place.clone(), candidate.job));
                Ok((next.map(|(_, candidate)| candidate), Walk::Jobs { heads, returned }))
            }
        }
    }
}

impl Walk {
    /// The place before all others.
    const FIRST: Place = (i64::MIN, i64::MIN, String::new());
}

impl Default for Walk {
    fn default() -> Self {
        Self::Places { last: Self::FIRST, read: VecDeque::new(), walked: 0, is_over: false }
    }
}

fn place(row: &Row<'_>) -> Result<Place, Fault> {
    Ok((row.get(4)?, row.get(5)?, row.get(0)?))
}

fn candidate(row: &Row<'_>) -> Result<Candidate, Fault> {
    let (queue_at, slot, id) = place(row)?;
    let strange = |why: String| corrupt("execution", &id, why);
    let at = |micros: i64| {
        DateTime::<Utc>::from_timestamp_micros(micros)
            .ok_or_else(|| strange(format!("{micros} µs is not an instant")))
    };
    let place = QueuePlace {
        queue_at: at(queue_at)?,
        slot: at(slot)?,
        id: id.parse::<ExecutionId>().map_err(|error| strange(error.to_string()))?,
    };
    let job: String = row.get(1)?;
    let source: String = row.get(2)?;
    Ok(Candidate {
        place,
        job: job.parse::<JobId>().map_err(|error| strange(error.to_string()))?,
        source: SourceId::new(source).map_err(|error| strange(error.to_string()))?,
        is_begun: row.get::<i64>(3)? > 0,
    })
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn e2_the_queue_of_an_owner_is_walked_in_its_index_alone() {
        let steps = plan(PLACES);
        assert!(
            steps[0]
                .contains("e USING COVERING INDEX execution_queue_of_owner (owner=? AND (queue_at,slot,id)>"),
            "{steps:?}"
        );
        assert!(
            steps.iter().any(|step| step.contains("r USING COVERING INDEX execution_running")),
            "{steps:?}"
        );
        assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
    }

    #[test]
    fn e2_owners_and_a_backlog_are_passed_over_in_steps() {
        for (sql, index) in [
            (NEXT_OWNER, "execution_queue_of_owner"),
            (NEXT_JOB, "execution_queue_of_job"),
            (NEXT_OF_JOB, "execution_queue_of_job"),
        ] {
            let steps = plan(sql);
            assert!(steps[0].contains("e USING") && steps[0].contains(index), "{steps:?}");
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
        }
    }

    #[test]
    fn e2_what_a_job_has_begun_is_found_without_that_of_others() {
        let steps = plan(&format!("SELECT {COLUMNS} {BEGUN}"));
        assert_eq!(steps, ["SEARCH e USING INDEX execution_begun (job_id=?)"]);
    }
}
