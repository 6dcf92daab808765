//! Rules J7, J10, J12 where much waits. A change of a job decides about all that waits for its first claim. That may
//! be the backlog of a year, which no transaction should hold: then the change decides about the first of it and
//! leaves a note on the job, and what is left follows in steps of bounded size. Until the last of them nothing that
//! waits is begun, so that nobody can tell the steps from one.

use chrono::{DateTime, Utc};

use super::tiling;
use crate::domain::execution::queue::QueuePlace;
use crate::domain::execution::{Execution, SkipReason, SourceTerms, Trigger};
use crate::domain::job::{Job, JobChange, JobSettings, JobState};
use crate::domain::source::RecordInstant;
use crate::domain::violation::{Code, RuleViolation};

/// Executions of a job that have not ended, as far as they were read: all that a worker ever had, then what waits
/// for its first claim, by its place in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Open {
    /// These.
    pub executions: Vec<Execution>,
    /// Whether more waits behind the last of them.
    pub more: bool,
}

impl Open {
    /// What waits for its first claim.
    pub fn waiting(&self) -> impl Iterator<Item = &Execution> {
        self.executions.iter().filter(|execution| execution.is_waiting())
    }

    /// The same without what a worker ever had.
    #[must_use]
    pub fn into_waiting(self) -> Self {
        Self { executions: self.executions.into_iter().filter(Execution::is_waiting).collect(), ..self }
    }
}

impl From<Vec<Execution>> for Open {
    /// Nothing else waits.
    fn from(executions: Vec<Execution>) -> Self {
        Self { executions, more: false }
    }
}

/// What the last change of a job still has to do to what waits. It takes on the settings of the job (rule J10)
/// unless it is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsettled {
    /// What is dropped.
    pub drops: Option<Drops>,
    /// What stands at this place or before it is settled; `None` if nothing is.
    pub behind: Option<QueuePlace>,
}

/// What of that which waits is not to be run any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drops {
    /// Scheduled executions: the job was suspended (rule J7).
    Suspended,
    /// All: the job was deleted (rule J12).
    Deleted,
    /// All that waits for another schedule than the job's: it was turned into a one-time job, or back (rule J10).
    Replaced,
    /// What waits for a slot later than this: the job was brought back from there
    /// ([`ahead`](crate::domain::execution::ahead)).
    Ahead(DateTime<Utc>),
}

impl Job {
    /// Whether an execution of it may be begun now, as far as the job is concerned: none of a deleted job, and
    /// nothing that waits while the last change of the job is not settled.
    pub fn may_begin(&self, execution: &Execution) -> bool {
        self.state != JobState::Deleted && (self.unsettled.is_none() || execution.is_begun())
    }

    /// Refuses while the last change of the job is not settled.
    pub(in crate::domain) fn check_settled(&self) -> Result<(), RuleViolation> {
        match self.unsettled {
            None => Ok(()),
            Some(_) => Err(RuleViolation::new(
                Code::JobBusy,
                "what waits of this job is still being changed after its last edit or suspension: an engine does \
                 that, and so does asking again",
            )),
        }
    }
}

/// What a change of `before` leaves to be settled that has decided about `open`. Steps that an earlier change has
/// left are made again from the beginning.
pub(in crate::domain) fn left(before: &Job, drops: Option<Drops>, open: &Open) -> Option<Unsettled> {
    let last = open.waiting().map(Execution::place).max();
    match (before.unsettled, open.more) {
        (None, false) => None,
        (None, true) => Some(Unsettled { drops, behind: last }),
        (Some(earlier), _) => Some(Unsettled { drops: drops.or(earlier.drops), behind: None }),
    }
}

/// The next step: what becomes of `page`, executions that wait behind [`Unsettled::behind`]. The job is settled when
/// there is none left. It stays as people know it, so that its version does not count this.
pub fn settle(job: &Job, page: &[Execution], terms: SourceTerms, now: DateTime<Utc>) -> JobChange {
    let mut change = JobChange::of(job.clone());
    let Some(unsettled) = job.unsettled else { return change };
    let last = page.iter().map(Execution::place).max();
    change.job.unsettled = last.map(|last| Unsettled { behind: Some(last), ..unsettled });
    for execution in page {
        change.take(settled(job, unsettled.drops, execution.clone(), terms, now));
    }
    if unsettled.drops.is_none() {
        change.job.tiled_until = tiling::behind(job, &change.edited);
    }
    change
}

/// An execution that waits, as it is after the change that made `job` what it is.
pub(in crate::domain) fn settled(
    job: &Job,
    drops: Option<Drops>,
    execution: Execution,
    terms: SourceTerms,
    now: DateTime<Utc>,
) -> Execution {
    let (first, last, count) = (execution.slot, execution.slot, 1);
    // What keeps its window would take records by another instant than the window was made for.
    let keeps_window = matches!(execution.trigger, Trigger::Rerun { .. } | Trigger::Backfill);
    let takes_by = |settings: &JobSettings| RecordInstant::of(&settings.timeframe);
    let is_misread = keeps_window && takes_by(&execution.settings) != takes_by(&job.settings);
    let reason = match drops {
        Some(Drops::Suspended) if execution.trigger == Trigger::Scheduled => {
            Some(SkipReason::Suspended { first, last, count })
        }
        Some(Drops::Deleted) => Some(SkipReason::Deleted { first, last, count }),
        Some(Drops::Replaced) if !execution.settings.has_schedule_of(&job.settings) => {
            Some(SkipReason::Replaced)
        }
        Some(Drops::Ahead(after)) if execution.slot > after => Some(SkipReason::Replaced),
        _ if is_misread => Some(SkipReason::Replaced),
        _ => None,
    };
    match reason {
        Some(reason) => execution.superseded(reason, now),
        None => execution.edited(job, terms),
    }
}

impl JobChange {
    /// Adds an execution that waited.
    pub(in crate::domain) fn take(&mut self, execution: Execution) {
        let to = if execution.is_waiting() { &mut self.edited } else { &mut self.superseded };
        to.push(execution);
    }
}
