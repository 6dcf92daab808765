//! Rules J1–J5: the definition of a job.
//!
//! Each change of a job, and each begin or end of an execution of it, stores the job's next
//! [revision](Job::revision). A decision of a person or the engine is stored only if the revision is still
//! the one that was read. So no execution that a decision took for waiting has begun meanwhile, and no edit
//! writes over a watermark that has moved.

pub mod admission;
mod change;
pub mod edit;
pub mod lifecycle;
pub mod policy;
mod reads;
pub mod renewal;
mod settings;
pub mod settling;
mod suspension;
pub(in crate::domain) mod tiling;

use chrono::{DateTime, FixedOffset, Utc};

use crate::domain::execution::Execution;
use crate::domain::execution::watermark::Watermark;
use crate::domain::id::{JobId, Owner};
use crate::domain::violation::{Code, RuleViolation};

pub use self::change::JobChange;
use self::policy::Overlap;
pub use self::reads::{Read, Reads, TypeList};
pub use self::settings::{Description, JobSettings, Protection, RecipientNames, Title};
use self::settling::Unsettled;
pub use self::suspension::{Suspension, SuspensionReason};

/// A stored definition of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The job's identifier.
    pub id: JobId,
    /// The owner of the job (rule J15).
    pub owner: Owner,
    /// What it exports, how often and for whom.
    pub settings: JobSettings,
    /// Whether it starts anything new.
    pub state: JobState,
    /// Counts changes made by people, starting at 1, for optimistic concurrency between them (rule J1).
    pub version: u64,
    /// When it was submitted.
    pub created_at: DateTime<Utc>,
    /// When it was last changed by a person.
    pub updated_at: DateTime<Utc>,
    /// The next slot that is not recorded yet. `None` if nothing more will be due.
    pub next_due_at: Option<DateTime<Utc>>,
    /// What the job's clock showed, with its offset from UTC, at the last instant up to which its slots are decided: that
    /// of the last one on the record or, if it is later, that of the submission, of an edit or of a resumption. `None` for
    /// a job whose slots do not go by a clock (rule F9).
    pub decided_until: Option<DateTime<FixedOffset>>,
    /// Since when the job has been suspended by a person or by failures in a row (rules J7, E5). `None` if it
    /// is not suspended for either reason.
    pub suspended_at: Option<DateTime<Utc>>,
    /// How far the job's incremental exports have come (rule W4). `None` if it was never incremental.
    pub watermark: Option<Watermark>,
    /// The end of the last recorded window of a rolling or previous timeframe. The next window starts
    /// there if windows tile (rule W3), or if it covers occurrences that were missed (rule W3a). `None`
    /// before the first window.
    pub tiled_until: Option<DateTime<Utc>>,
    /// Counts how often the job was brought back from a clock that was ahead, starting at 0. A slot that the
    /// fast clock put on the record comes again under another execution id
    /// ([`ahead`](crate::domain::execution::ahead)).
    pub era: u32,
    /// What the job's last change still has to do to waiting executions. `None` once all of it is
    /// done.
    pub unsettled: Option<Unsettled>,
    /// How many executions have failed in a row since the last success (rule E5).
    pub failures_in_row: u32,
    /// Counts every stored change of the job or of the work that it has begun, starting at 1.
    pub revision: u64,
}

impl Job {
    /// Returns how far the job's incremental exports have come, which is the origin if it has made none (rule
    /// W4).
    pub fn watermark(&self) -> Watermark {
        self.watermark.unwrap_or_else(|| Watermark::at_origin(&self.settings.timeframe))
    }

    /// Decides about the slots up to an instant: the next one comes after it, by the present database.
    pub(in crate::domain) fn decide_until(&mut self, at: DateTime<Utc>) {
        self.next_due_at = self.settings.next_slot(at);
        self.decided_until = self.settings.shown(at);
        self.settings.clock = self.settings.clock.computed();
    }

    /// Returns the policy for a job that is due again while an earlier occurrence waits or runs (rule E3).
    pub fn overlap(&self) -> Overlap {
        let policies = &self.settings.policies;
        policies.overlap.unwrap_or_else(|| Overlap::of(&self.settings.timeframe))
    }

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

/// Whether a job starts new work (rules J7, J8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// Due slots are run.
    Active,
    /// The frequency starts nothing new. Running executions go on.
    Suspended,
    /// A one-time job that has started and is suspended for good (rule J8), or a recurring job past its end
    /// (rule J14).
    Completed,
    /// Deleted by its owner (rule J12). The row is kept only because of its history.
    Deleted,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Active, Self::Suspended, Self::Completed, Self::Deleted];

    /// Returns the state as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Completed => "completed",
            Self::Deleted => "deleted",
        }
    }

    /// Returns the state with this name, or `None` if there is no such state.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}
