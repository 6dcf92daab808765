//! Rules E14, E15: how long the record is kept, which of its rows are forgotten after that, and which of
//! several engines keeps house.
//!
//! [`sweep`] walks the old rows of a catalog; the functions here decide about one of them.

pub mod sweep;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::archive::retention::RetentionDays;
use crate::domain::id::WorkerId;
use crate::domain::violation::{Code, RuleViolation};
use crate::domain::work::lease::{Hold, Lease};

/// For how many days an execution is kept after its files are known to be deleted, or after it was deleted
/// from the history (rule E14). A worker that was cut off for that long could store a file that nobody
/// misses.
pub const TOMBSTONE_DAYS: u16 = 30;

/// How long the record is kept: history, audit, downloads and notices (rule E14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRetention {
    kept: TimeDelta,
    tombstones: TimeDelta,
}

impl RecordRetention {
    /// The days that rows are kept by default.
    pub const DAYS_DEFAULT: u16 = 400;
    /// The longest retention in days: a hundred years.
    pub const DAYS_MAX: u16 = 36_500;

    /// Creates a retention of this many days for a service that keeps its artifacts for `artifacts`.
    ///
    /// # Errors
    /// [`Code::InvalidRetention`] if `days` is more than [`DAYS_MAX`](Self::DAYS_MAX), or if the record would
    /// not outlive the artifacts by [`TOMBSTONE_DAYS`].
    pub fn new(days: u16, artifacts: RetentionDays) -> Result<Self, RuleViolation> {
        let least = artifacts.days() + TOMBSTONE_DAYS;
        if (least..=Self::DAYS_MAX).contains(&days) {
            return Ok(Self::of_days(days));
        }
        Err(RuleViolation::new(
            Code::InvalidRetention,
            format!(
                "the record cannot be kept for {days} days: use {least} to {}, which is at least \
                 {TOMBSTONE_DAYS} days more than artifacts are kept",
                Self::DAYS_MAX
            ),
        ))
    }

    /// Returns the default for a service that keeps its artifacts for `artifacts`: 400 days, or
    /// [`TOMBSTONE_DAYS`] more than the artifacts if that is longer.
    pub fn default_for(artifacts: RetentionDays) -> Self {
        Self::of_days(Self::DAYS_DEFAULT.max(artifacts.days() + TOMBSTONE_DAYS))
    }

    /// Creates a retention as short as simulated worlds need it.
    #[cfg(feature = "testing")]
    pub fn short(kept: TimeDelta, tombstones: TimeDelta) -> Self {
        Self { kept, tombstones }
    }

    fn of_days(days: u16) -> Self {
        Self {
            kept: TimeDelta::days(i64::from(days)),
            tombstones: TimeDelta::days(i64::from(TOMBSTONE_DAYS)),
        }
    }

    /// Returns the number of whole days.
    pub fn days(self) -> i64 {
        self.kept.num_days()
    }

    /// Returns what is old at `now` for a service that keeps its artifacts for `artifacts`. A retention that
    /// would not outlive them counts as the shortest one that does.
    pub fn cutoffs(self, artifacts: RetentionDays, now: DateTime<Utc>) -> Cutoffs {
        let least = TimeDelta::days(i64::from(artifacts.days())) + self.tombstones;
        let ago = |length| now.checked_sub_signed(length).unwrap_or(DateTime::<Utc>::MIN_UTC);
        Cutoffs { ended: ago(self.kept.max(least)), gone: ago(self.tombstones) }
    }
}

impl Default for RecordRetention {
    /// 400 days.
    fn default() -> Self {
        Self::of_days(Self::DAYS_DEFAULT)
    }
}

/// The instants that separate old rows from those that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoffs {
    /// What ended at this instant or earlier is old.
    pub ended: DateTime<Utc>,
    /// Files whose deletion was confirmed at this instant or earlier cannot come back.
    pub gone: DateTime<Utc>,
}

/// What became of the files of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// It published none.
    None,
    /// They are in the store, perhaps on hold, or nobody has confirmed their deletion.
    MayExist,
    /// Their deletion was confirmed.
    GoneSince(DateTime<Utc>),
}

impl Files {
    fn are_gone(self, cutoffs: &Cutoffs) -> bool {
        match self {
            Self::None => true,
            Self::MayExist => false,
            Self::GoneSince(at) => at <= cutoffs.gone,
        }
    }
}

/// What decides about an old row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Facts {
    /// An execution that has ended.
    Ended {
        /// Its files.
        files: Files,
        /// Whether its job, which was not deleted, still needs it: it is the job's newest that was not
        /// skipped, which the list of jobs shows, or its last success, by which the next one is estimated.
        is_needed: bool,
    },
    /// An execution that was deleted from the history.
    Deleted {
        /// Its files.
        files: Files,
    },
    /// A deleted job.
    Job {
        /// Whether an execution of it is on the record, or its deletion is not settled.
        is_referenced: bool,
    },
    /// A notice that was sent or given up.
    Notice {
        /// Whether the set of its execution is on hold.
        is_held: bool,
    },
    /// An entry of the audit.
    Audit {
        /// Whether it is about a set on hold, or a file of one.
        is_held: bool,
    },
}

/// Whether a row of the record is forgotten (rule E14). `at` is when the execution ended or was deleted, the
/// job was deleted, the notice was sent or given up, or the entry was made.
pub fn is_forgotten(at: DateTime<Utc>, facts: Facts, cutoffs: &Cutoffs) -> bool {
    match facts {
        Facts::Ended { files, is_needed } => at <= cutoffs.ended && files.are_gone(cutoffs) && !is_needed,
        Facts::Deleted { files } => at <= cutoffs.gone && files.are_gone(cutoffs),
        Facts::Job { is_referenced } => at <= cutoffs.ended && !is_referenced,
        Facts::Notice { is_held } | Facts::Audit { is_held } => at <= cutoffs.ended && !is_held,
    }
}

/// The engine that keeps house for all that share a catalog (rule E15).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Housekeeper {
    /// The engine.
    pub worker: WorkerId,
    /// Until when it does, unless it says so again.
    pub lease: Lease,
}

impl Housekeeper {
    /// Lets a worker keep house from `now` on, or renews its lease. Returns `None` if the present housekeeper
    /// goes on: another worker whose process is not known to be dead, and whose lease holds.
    pub fn taken(
        present: Option<&Self>,
        is_dead: bool,
        worker: &WorkerId,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Option<Self> {
        let goes_on = present.filter(|present| present.worker != *worker).is_some_and(|present| {
            let lease = Some(present.lease);
            !Hold { worker_is_dead: is_dead, is_held_by_asker: false, lease }.is_abandoned(now)
        });
        (!goes_on).then(|| Self { worker: worker.clone(), lease: Lease::taken(now, lease) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(day)
    }

    fn ended(files: Files) -> Facts {
        Facts::Ended { files, is_needed: false }
    }

    #[test]
    fn e14_the_record_outlives_the_artifacts_by_30_days() {
        let month = RetentionDays::default();
        for (days, is_allowed) in [(59, false), (60, true), (400, true), (36_500, true), (36_501, false)] {
            let made = RecordRetention::new(days, month);
            assert_eq!(made.as_ref().map(|made| made.days()).ok(), is_allowed.then_some(i64::from(days)));
            let code = made.err().map(|why| why.code());
            assert_eq!(code, (!is_allowed).then_some(Code::InvalidRetention), "{days}");
        }
        let longest = RetentionDays::new(RetentionDays::DAYS_MAX).unwrap();
        assert_eq!(RecordRetention::default_for(month).days(), 400);
        assert_eq!(RecordRetention::default_for(longest).days(), 3_680);
        let cutoffs = RecordRetention::default().cutoffs(month, day(500));
        assert_eq!(cutoffs, Cutoffs { ended: day(100), gone: day(470) });
        // One that was made for a shorter retention of artifacts.
        assert_eq!(RecordRetention::default().cutoffs(longest, day(4_000)).ended, day(320));
    }

    #[test]
    fn e14_an_execution_goes_400_days_after_its_end_and_30_after_its_files() {
        let cutoffs = RecordRetention::default().cutoffs(RetentionDays::default(), day(500));
        let late = day(100) + TimeDelta::microseconds(1);
        for (at, facts, goes) in [
            (day(100), ended(Files::None), true),
            (late, ended(Files::None), false),
            (day(1), ended(Files::MayExist), false),
            (day(1), ended(Files::GoneSince(day(470))), true),
            (day(1), ended(Files::GoneSince(day(471))), false),
            (day(1), Facts::Ended { files: Files::None, is_needed: true }, false),
            (day(470), Facts::Deleted { files: Files::None }, true),
            (day(471), Facts::Deleted { files: Files::None }, false),
            (day(1), Facts::Deleted { files: Files::MayExist }, false),
            (day(1), Facts::Deleted { files: Files::GoneSince(day(471)) }, false),
        ] {
            assert_eq!(is_forgotten(at, facts, &cutoffs), goes, "{facts:?} of {at}");
        }
    }

    #[test]
    fn e14_a_hold_keeps_what_is_told_of_its_set() {
        let cutoffs = RecordRetention::default().cutoffs(RetentionDays::default(), day(500));
        for (at, is_held, goes) in [(100, false, true), (101, false, false), (100, true, false)] {
            for facts in
                [Facts::Notice { is_held }, Facts::Audit { is_held }, Facts::Job { is_referenced: is_held }]
            {
                assert_eq!(is_forgotten(day(at), facts, &cutoffs), goes, "{facts:?} of {at}");
            }
        }
    }

    #[test]
    fn e15_one_engine_keeps_house_until_it_dies_or_its_lease_runs_out() {
        let (one, other) = (WorkerId::new("one").unwrap(), WorkerId::new("other").unwrap());
        let (at, lease) = (|seconds| day(1) + TimeDelta::seconds(seconds), Duration::from_secs(180));
        let first = Housekeeper::taken(None, false, &one, at(0), lease).unwrap();
        assert_eq!(first.lease, Lease::taken(at(0), lease));
        let takes = |worker, is_dead, seconds| {
            Housekeeper::taken(Some(&first), is_dead, worker, at(seconds), lease).is_some()
        };
        assert!(takes(&one, false, 1) && takes(&one, false, 999), "its own lease is renewed");
        assert!(!takes(&other, false, 179) && takes(&other, false, 180));
        assert!(takes(&other, true, 1), "the dead keep nothing");
        assert!(takes(&other, false, -61), "the clock was set back");
    }
}
