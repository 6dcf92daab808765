//! Rules J7, J10, J12 for a job with much waiting work. A change of a job decides about every execution that
//! waits for its first claim. That may be the backlog of a year, too much for one transaction. Such a change
//! therefore decides about the first executions and leaves a note on the job ([`Unsettled`]); steps of
//! bounded size decide about the rest (rule E13). No waiting execution is begun before the last step, so the
//! result is the same as that of one change.

use chrono::{DateTime, Utc};

use super::tiling;
use crate::domain::execution::queue::QueuePlace;
use crate::domain::execution::{Execution, SkipReason, SourceTerms, Trigger};
use crate::domain::job::{Job, JobChange, JobSettings, JobState};
use crate::domain::source::RecordInstant;
use crate::domain::violation::{Code, RuleViolation};

/// The executions of a job that have not ended, as far as they were read: first all that a worker has begun,
/// then those that wait for their first claim, by their place in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Open {
    /// The executions.
    pub executions: Vec<Execution>,
    /// Whether more executions wait after the last of them.
    pub more: bool,
}

impl Open {
    /// Returns the executions that wait for their first claim.
    pub fn waiting(&self) -> impl Iterator<Item = &Execution> {
        self.executions.iter().filter(|execution| execution.is_waiting())
    }

    /// Keeps only the executions that no worker has begun.
    #[must_use]
    pub fn into_waiting(self) -> Self {
        Self { executions: self.executions.into_iter().filter(Execution::is_waiting).collect(), ..self }
    }
}

impl From<Vec<Execution>> for Open {
    /// Wraps a complete list: no other execution waits.
    fn from(executions: Vec<Execution>) -> Self {
        Self { executions, more: false }
    }
}

/// Work that the last change of a job has yet to do on waiting executions. They take on the settings of the
/// job (rule J10) unless they are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsettled {
    /// Which executions are dropped.
    pub drops: Option<Drops>,
    /// Executions at or before this place are settled. `None` if none is settled yet.
    pub behind: Option<QueuePlace>,
}

/// Waiting executions that will not be run any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drops {
    /// Scheduled executions, because the job was suspended (rule J7).
    Suspended,
    /// All executions, because the job was deleted (rule J12).
    Deleted,
    /// Executions with another schedule than the job's, because it was turned into a one-time job, or back,
    /// or given another start (rule J10).
    Replaced,
    /// Executions with a slot later than this instant, because the job was brought back from there
    /// ([`ahead`](crate::domain::execution::ahead)).
    Ahead(DateTime<Utc>),
}

impl Job {
    /// Whether the job allows this execution to be begun now. A deleted job allows none. Until its last
    /// change is settled, a job allows only executions that a worker has begun before.
    pub fn may_begin(&self, execution: &Execution) -> bool {
        self.state != JobState::Deleted && (self.unsettled.is_none() || execution.is_begun())
    }

    /// Checks that the last change of the job is settled.
    ///
    /// # Errors
    /// [`Code::JobBusy`] until it is.
    pub(in crate::domain) fn check_settled(&self) -> Result<(), RuleViolation> {
        match self.unsettled {
            None => Ok(()),
            Some(_) => Err(RuleViolation::new(
                Code::JobBusy,
                "the queued executions of this job are still being updated after its last edit or \
                 suspension: try again, or wait until an engine has updated them",
            )),
        }
    }
}

/// Returns what remains to be settled after a change of `before` that has decided about `open`. If an earlier
/// change is still unsettled, its steps start again from the beginning.
pub(in crate::domain) fn left(before: &Job, drops: Option<Drops>, open: &Open) -> Option<Unsettled> {
    let last = open.waiting().map(Execution::place).max();
    match (before.unsettled, open.more) {
        (None, false) => None,
        (None, true) => Some(Unsettled { drops, behind: last }),
        // The earlier change may have let executions at the front of the queue wait on. This change must
        // decide about those as well, so its steps begin at the front.
        (Some(earlier), _) => Some(Unsettled { drops: drops.or(earlier.drops), behind: None }),
    }
}

/// Takes the next step: decides about `page`, executions that wait after [`Unsettled::behind`]. An empty page
/// means that the job is settled. The job's version stays the same, since it counts only changes made by
/// people.
pub fn settle(job: &Job, page: &[Execution], terms: SourceTerms, now: DateTime<Utc>) -> JobChange {
    let mut change = JobChange::of(job.clone());
    let Some(unsettled) = job.unsettled else { return change };
    let last = page.iter().map(Execution::place).max();
    change.job.unsettled = last.map(|last| Unsettled { behind: Some(last), ..unsettled });
    for execution in page {
        change.take(settled(job, unsettled.drops, execution.clone(), terms, now));
    }
    // Executions that took on other settings may have windows beyond `tiled_until`. The next window on the
    // record must start behind them.
    if unsettled.drops.is_none() {
        change.job.tiled_until = tiling::behind(job, &change.edited);
    }
    change
}

/// Decides about a waiting execution after the change that led to the present `job`: drops it, or gives it
/// the job's settings.
pub(in crate::domain) fn settled(
    job: &Job,
    drops: Option<Drops>,
    execution: Execution,
    terms: SourceTerms,
    now: DateTime<Utc>,
) -> Execution {
    let (first, last, count) = (execution.slot, execution.slot, 1);
    // A rerun or a backfill keeps its window, which was made for event instants or for change instants. If
    // the job now takes records by the other kind, that window would select the wrong ones (rules J10, W7).
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
    /// Adds an execution that was waiting before the change: to `edited` if it still waits, otherwise to
    /// `superseded`.
    pub(in crate::domain) fn take(&mut self, execution: Execution) {
        let to = if execution.is_waiting() { &mut self.edited } else { &mut self.superseded };
        to.push(execution);
    }
}
