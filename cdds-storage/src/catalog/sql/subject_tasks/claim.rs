//! Claims of erasures, as the rule of picking walks them (rule N4).

use cdds_core::domain::id::{Owner, SourceId};
use cdds_core::domain::subject::SubjectTask;
use cdds_core::domain::work::pick::{WorkRoom, pick};
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::catalog::{CatalogError, SubjectClaim};
use chrono::{DateTime, Utc};

use super::super::super::row::micros;
use super::super::database::Database;
use super::super::driver::{NONE, Statement, params};
use super::super::fault::Fault;
use super::super::transaction::Transaction;
use super::super::understood::{row_id, understood};
use super::super::work::{self, Orphans, Picker, Place, Queue, place};
use super::{COLUMNS, all_of, read, store};

const HELD: &str = "FROM subject_task t WHERE t.state = 'held'";

const NEXT_OWNER: &str = "SELECT min(t.owner) FROM subject_task t WHERE t.state = 'waiting' AND t.owner > ?1";

/// The key under which the identifiers are sealed, unless the request does not run.
const KEY: &str = "(SELECT r.sealed_by FROM subject_request r WHERE r.id = t.request_id AND r.state = 'running') AS sealed_by";

/// The tasks of a source that may be tried, behind a place.
const DUE: &str = "FROM subject_task t
     WHERE t.state = 'waiting' AND t.owner = ?1 AND t.source = ?2
       AND t.next_attempt_at <= ?3 AND (t.next_attempt_at, t.id) > (?4, ?5)
     ORDER BY t.next_attempt_at, t.id";

/// Finds the tasks whose workers are dead. Call it before the transaction of the claim.
pub(in super::super) fn orphans(
    database: &impl Database,
    claim: &SubjectClaim,
) -> Result<Orphans, CatalogError> {
    let held = format!("SELECT t.id, t.epoch, t.worker {HELD}");
    work::orphans(database, &held, &NONE, &claim.worker)
}

/// Hands waiting tasks to a worker, after taking over those whose worker is dead or whose lease has run out.
pub(in super::super) fn claim(
    tx: &Transaction<'_>,
    orphans: &Orphans,
    claim: &SubjectClaim,
    now: DateTime<Utc>,
) -> Result<Vec<SubjectTask>, Fault> {
    let held = take_over(tx, orphans, claim, now)?;
    let room = WorkRoom::new(claim.limit, claim.per_source, held);
    let queue = TaskQueue {
        tx,
        claim,
        now,
        next_owner: tx.prepare(NEXT_OWNER)?,
        due: tx.prepare(&format!("SELECT {COLUMNS}, {KEY} {DUE}"))?,
        taken: Vec::new(),
    };
    let mut picker = Picker::new(queue);
    pick(&mut picker, claim.turn.clone(), room)?;
    Ok(picker.queue.taken)
}

/// Counts a failed attempt for every held task whose worker is dead or whose lease has run out. Returns the sources of
/// those that stay held.
fn take_over(
    tx: &Transaction<'_>,
    orphans: &Orphans,
    claim: &SubjectClaim,
    now: DateTime<Utc>,
) -> Result<Vec<SourceId>, Fault> {
    let mut left = Vec::new();
    for task in all_of(tx, HELD, NONE)? {
        let work = task.work.clone();
        let abandoned = match orphans.has(&work.id, work.epoch) {
            true => work.orphaned(&claim.retry, now),
            false => work.abandoned(&claim.retry, now),
        };
        match abandoned {
            Some(work) => {
                tracing::warn!(request_id = %task.request, "the worker of an erasure is dead or silent");
                store(tx, &SubjectTask { work, ..task })?;
            }
            None => left.push(task.source),
        }
    }
    Ok(left)
}

/// The waiting tasks in the transaction of a claim, and what was taken so far.
struct TaskQueue<'tx> {
    tx: &'tx Transaction<'tx>,
    claim: &'tx SubjectClaim,
    now: DateTime<Utc>,
    next_owner: Statement<'tx>,
    due: Statement<'tx>,
    taken: Vec<SubjectTask>,
}

impl Queue for TaskQueue<'_> {
    type Item = SubjectTask;
    type Target = SourceId;

    fn next_owner(&mut self, after: &str) -> Result<Option<String>, Fault> {
        Ok(self.next_owner.query_row([after], |row| row.get(0))?)
    }

    fn targets(&mut self, _: &Owner) -> Result<Vec<SourceId>, Fault> {
        Ok(self.claim.sources.iter().cloned().collect())
    }

    fn head(
        &mut self,
        owner: &Owner,
        source: &SourceId,
        behind: &Place,
    ) -> Result<Option<(Place, SubjectTask)>, Fault> {
        let (at, id) = behind;
        let values = params![owner.as_str(), source.as_str(), micros(self.now), at, id];
        let mut rows = self.due.walk(values)?;
        while let Some(row) = &rows.next()? {
            let key: Option<String> = row.get("sealed_by")?;
            let is_ours = key.is_some_and(|key| self.claim.keys.iter().any(|known| known.as_str() == key));
            if is_ours
                && let Some(task) = understood("subject task", &row_id(row), read(row))?
                && task.work.status() == WorkStatus::Waiting
            {
                return Ok(Some((place(row)?, task)));
            }
        }
        Ok(None)
    }

    fn take(&mut self, task: SubjectTask) -> Result<bool, Fault> {
        let SubjectClaim { worker, lease, .. } = self.claim;
        let Some(work) = task.work.clone().taken(worker.clone(), self.now, *lease) else {
            return Ok(false);
        };
        let taken = SubjectTask { work, ..task };
        store(self.tx, &taken)?;
        self.taken.push(taken);
        Ok(true)
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use super::*;
    use crate::catalog::sqlite::plan::plan;

    #[test]
    fn n4_waiting_tasks_are_found_in_steps() {
        for sql in [NEXT_OWNER.to_owned(), format!("SELECT {COLUMNS}, {KEY} {DUE}")] {
            let steps = plan(&sql);
            assert!(steps[0].contains("t USING") && steps[0].contains("subject_task_waiting"), "{steps:?}");
            assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:?}");
        }
        let steps = plan(&format!("SELECT {COLUMNS} {HELD}"));
        assert_eq!(steps, ["SCAN t USING INDEX subject_task_held"]);
    }
}
