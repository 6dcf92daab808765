//! What a claim will most likely ask for, read at once: over a network each statement is a round trip.
//!
//! A function of the database returns the owners in their turn, each with the first places of the queue, and the
//! executions and jobs of as many places as the claim may begin, in the order in which they would begin if nothing
//! stands in their way. The rule of picking judges all of it like rows that are read one by one, which it goes on with
//! behind these.

use std::collections::{HashMap, HashSet, VecDeque};

use cdds_core::domain::execution::Execution;
use cdds_core::domain::execution::queue::{Candidate, Room};
use cdds_core::domain::id::{ExecutionId, JobId, Owner};
use cdds_core::domain::job::Job;
use chrono::{DateTime, Utc};

use super::super::super::row::micros;
use super::super::driver::{Row, Value, params};
use super::super::executions::{self, COLUMNS, COLUMNS_COUNT};
use super::super::fault::Fault;
use super::super::jobs;
use super::super::transaction::Transaction;
use super::super::understood::quietly;
use super::{Place, Walk, candidate, place};

/// For at most so many executions of a claim something is read ahead.
const AHEAD_MAX: usize = 32;

/// How many places and owners are read beyond those that the claim may begin: some will be passed over.
const SPARE: usize = 2;

/// What was read ahead.
#[derive(Default)]
pub(in super::super) struct Ahead {
    /// The owner behind each; behind the empty name comes the first, and behind the last comes none.
    pub(super) owners: HashMap<String, Option<String>>,
    pub(super) walks: HashMap<Owner, Walk>,
    pub(super) executions: HashMap<ExecutionId, Execution>,
    pub(super) jobs: HashMap<JobId, Job>,
    /// Jobs that have begun no execution that waits for its retry.
    pub(super) have_not_begun: HashSet<JobId>,
    /// The first places of each owner, until all rows are read.
    found: Vec<First>,
}

/// The number of columns before those of the execution: those of the place, the owner before, and the owner.
const BEFORE: usize = 8;

/// Returns how many owners, places of each and executions are read.
fn limit(room: &Room) -> i64 {
    i64::try_from(room.executions.min(AHEAD_MAX) + SPARE).unwrap_or(i64::MAX)
}

fn sql() -> String {
    format!(
        "SELECT w.id, w.job_id, w.source, w.epoch, w.queue_at, w.slot, w.behind, w.owner, {}, {}, w.has_begun
         FROM next_work(coalesce(?1, (SELECT t.owner FROM turn t), ''),
             coalesce(?2, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)), ?3, ?4) w, LATERAL (SELECT (w.execution).*) q, LATERAL (SELECT (w.job).*) j",
        // Under another name, since nothing of it runs and has signs of life.
        COLUMNS.replace("e.", "q."),
        jobs::COLUMNS
    )
}

impl Ahead {
    /// Returns the query for a claim that may do so much, behind an owner and at an instant; without them, by the stored
    /// turn and the catalog's clock.
    pub(in super::super) fn query(
        turn: Option<&Owner>,
        room: &Room,
        now: Option<DateTime<Utc>>,
    ) -> (String, Vec<Value>) {
        let full = room.sources.iter().filter(|(_, left)| **left == 0).map(|(source, _)| source.as_str());
        let full: serde_json::Value = full.collect();
        let turn = turn.map(Owner::as_str);
        (sql(), params![turn, now.map(micros), limit(room), full.to_string()])
    }

    /// Reads ahead.
    pub(in super::super) fn read(
        tx: &Transaction<'_>,
        turn: Option<&Owner>,
        room: &Room,
        now: DateTime<Utc>,
    ) -> Result<Self, Fault> {
        let mut ahead = Self::default();
        if room.executions > 0 {
            // An empty name is before all owners.
            let (sql, mut values) = Self::query(turn, room, Some(now));
            if turn.is_none() {
                values[0] = Value::Text(String::new());
            }
            tx.query_all(&[(&*sql, values)], |_, row| ahead.add(row))?;
            ahead.end(room);
        }
        Ok(ahead)
    }

    /// Ends the rows of a query for a claim that may do so much.
    pub(in super::super) fn end(&mut self, room: &Room) {
        for First { owner, candidates, last, is_cut } in std::mem::take(&mut self.found) {
            let walked = candidates.len();
            let is_over = !is_cut && i64::try_from(walked).is_ok_and(|count| count < limit(room));
            // An owner who comes up again was read before.
            self.walks.entry(owner).or_insert(Walk::Places { last, read: candidates, walked, is_over });
        }
    }

    /// Adds a row: the owner's next place, and perhaps its execution and job.
    pub(in super::super) fn add(&mut self, row: &Row<'_>) -> Result<(), Fault> {
        let found = &mut self.found;
        let (behind, owner): (String, Option<String>) = (row.get("behind")?, row.get(BEFORE - 1)?);
        self.owners.insert(behind, owner.clone());
        let Some(owner) = owner.and_then(|owner| Owner::new(owner).ok()) else { return Ok(()) };
        if found.last().is_none_or(|last| last.owner != owner) {
            found.push(First { owner, candidates: VecDeque::new(), last: Walk::FIRST, is_cut: false });
        }
        if let Some(first) = found.last_mut() {
            first.add(row)?;
        }
        let Some(has_begun) = row.get::<Option<i64>>(BEFORE + COLUMNS_COUNT + jobs::COLUMNS_COUNT)? else {
            return Ok(());
        };
        // What is not understood is read once more when it comes up, and reported then.
        let execution = quietly(executions::read_behind(row, BEFORE))?;
        let job = quietly(jobs::read_behind(row, BEFORE + COLUMNS_COUNT))?;
        if let (Some(execution), Some(job)) = (execution, job) {
            if has_begun == 0 {
                self.have_not_begun.insert(job.id);
            }
            self.jobs.insert(job.id, job);
            self.executions.insert(execution.id, execution);
        }
        Ok(())
    }
}

/// The first places of an owner.
struct First {
    owner: Owner,
    candidates: VecDeque<Candidate>,
    last: Place,
    /// Whether one was not understood. The walk goes on before it, and reports it.
    is_cut: bool,
}

impl First {
    /// Adds the place of a row, if it has one.
    fn add(&mut self, row: &Row<'_>) -> Result<(), Fault> {
        if self.is_cut || row.get::<Option<String>>(0)?.is_none() {
            return Ok(());
        }
        match quietly(candidate(row))? {
            Some(candidate) => {
                self.last = place(row)?;
                self.candidates.push_back(candidate);
            }
            None => self.is_cut = true,
        }
        Ok(())
    }
}
