//! Rules E19, E20: what is on record of a worker, when it counts as gone, when it is forgotten, and whether it drains.

use std::cmp::Reverse;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::lease::{Lease, WorkerLife};
use crate::domain::calendar::zone::database::DatabaseVersion;
use crate::domain::id::WorkerId;
use crate::setters::setters;

/// How long a worker that ended in good order stays on record.
pub const LEFT_KEPT: TimeDelta = TimeDelta::days(1);

/// How long a worker that fell silent stays on record.
pub const SILENT_KEPT: TimeDelta = TimeDelta::days(7);

/// The most workers that stay on record. One that is started and killed again and again leaves an entry each time.
pub const WORKERS_KEPT_MAX: usize = 1_000;

/// A text that a worker says of itself: 1 to 128 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactText(String);

impl FactText {
    const CHARS_MAX: usize = 128;

    /// Takes a text without its control characters and without white space around it, and of a long one its
    /// beginning. Returns `None` if nothing is left.
    pub fn new(text: &str) -> Option<Self> {
        let clean: String = text.chars().filter(|c| !c.is_control()).collect();
        let kept: String = clean.trim().chars().take(Self::CHARS_MAX).collect();
        (!kept.is_empty()).then_some(Self(kept))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FactText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a worker says of itself. The core looks nothing of it up: the program that makes the engine says it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerFacts {
    /// The program and its version.
    pub program: Option<FactText>,
    /// The name of the machine.
    pub host: Option<FactText>,
    /// The number of the process on that machine.
    pub process: Option<u32>,
    /// How many executions the worker runs at the same time.
    pub concurrency: NonZeroU32,
    /// The version of the database of time zones that the worker has (rule F9).
    pub zones: Option<DatabaseVersion>,
}

impl Default for WorkerFacts {
    /// Says nothing but that the worker runs one execution at a time.
    fn default() -> Self {
        Self { program: None, host: None, process: None, concurrency: NonZeroU32::MIN, zones: None }
    }
}

setters! {
    WorkerFacts {
        with_program => program: option FactText;
        with_host => host: option FactText;
        with_process => process: option u32;
        with_concurrency => concurrency: value NonZeroU32;
        with_zones => zones: option DatabaseVersion;
    }
}

/// A worker on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerEntry {
    /// Its id.
    pub worker: WorkerId,
    /// What it said of itself with its last sign of life.
    pub facts: WorkerFacts,
    /// When it began to work.
    pub started_at: DateTime<Utc>,
    /// Its last sign of life, and until when that counts.
    pub lease: Lease,
    /// When it ended in good order; `None` if it works, or has ended in any other way.
    pub left_at: Option<DateTime<Utc>>,
    /// Since when it has been asked to drain (rule E20): to end what it holds and to claim nothing more. `None` if it
    /// is not.
    pub draining_since: Option<DateTime<Utc>>,
}

/// Whether a worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkerState {
    /// As far as anyone can see, it works.
    Alive,
    /// It ended without a word, or cannot be reached.
    Gone,
    /// It ended in good order.
    Left,
}

impl WorkerState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Alive, Self::Gone, Self::Left];

    /// Returns the stable name, as printed: `alive`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Gone => "gone",
            Self::Left => "left",
        }
    }
}

impl fmt::Display for WorkerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl WorkerEntry {
    /// Returns the entry after a sign of life. A worker that is not on record, or that has left, begins now, and
    /// does not drain.
    pub fn attended(
        before: Option<&Self>,
        worker: &WorkerId,
        facts: &WorkerFacts,
        now: DateTime<Utc>,
        lease: Duration,
    ) -> Self {
        let goes_on = before.filter(|before| before.left_at.is_none());
        Self {
            worker: worker.clone(),
            facts: facts.clone(),
            started_at: goes_on.map_or(now, |before| before.started_at),
            lease: Lease::taken(now, lease),
            left_at: None,
            draining_since: goes_on.and_then(|before| before.draining_since),
        }
    }

    /// Returns the entry after somebody has asked the worker to drain, or no longer to (rule E20). One that is as
    /// asked, or that has left, is not changed.
    #[must_use]
    pub fn drained(&self, draining: bool, now: DateTime<Utc>) -> Self {
        let since = match self.left_at {
            None if draining => self.draining_since.or(Some(now)),
            None => None,
            Some(_) => self.draining_since,
        };
        Self { draining_since: since, ..self.clone() }
    }

    /// Returns the entry after the worker has ended in good order. One that has left before is not changed.
    #[must_use]
    pub fn left(&self, now: DateTime<Utc>) -> Self {
        match self.left_at {
            Some(_) => self.clone(),
            None => Self {
                lease: Lease::taken(now, Duration::ZERO),
                left_at: Some(now),
                draining_since: None,
                ..self.clone()
            },
        }
    }

    /// Returns the instant of the last sign of life.
    pub fn seen_at(&self) -> DateTime<Utc> {
        self.lease.renewed_at
    }

    /// Decides whether the worker works, like [`WorkerLife::of`].
    pub fn state(&self, process_lives: Option<bool>, now: DateTime<Utc>) -> WorkerState {
        match (self.left_at, WorkerLife::of(process_lives, &self.lease, now)) {
            (Some(_), _) => WorkerState::Left,
            (None, WorkerLife::Alive) => WorkerState::Alive,
            (None, WorkerLife::Gone) => WorkerState::Gone,
        }
    }

    /// Whether the entry is too old to be kept. A last sign in the distant future is one of a clock that was set
    /// back since, and counts like one in the distant past.
    pub fn is_old(&self, now: DateTime<Utc>) -> bool {
        let silence = now.signed_duration_since(self.seen_at()).abs();
        silence >= if self.left_at.is_some() { LEFT_KEPT } else { SILENT_KEPT }
    }
}

/// Puts workers in the order of their list: those that have not left first, then by their last sign of life, the
/// latest first, then by id.
pub fn sort(entries: &mut [WorkerEntry]) {
    entries.sort_by(|one, other| {
        let key = |entry: &WorkerEntry| (entry.left_at.is_some(), Reverse(entry.seen_at()));
        key(one).cmp(&key(other)).then_with(|| one.worker.cmp(&other.worker))
    });
}

/// Returns the workers to forget at `now`, of all that are on record: those that are [old](WorkerEntry::is_old),
/// and the last in the order of the list beyond [`WORKERS_KEPT_MAX`].
pub fn forgotten(mut entries: Vec<WorkerEntry>, now: DateTime<Utc>) -> Vec<WorkerId> {
    sort(&mut entries);
    let entries = entries.into_iter().enumerate();
    let old = entries.filter(|(place, entry)| *place >= WORKERS_KEPT_MAX || entry.is_old(now));
    old.map(|(_, entry)| entry.worker).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn seen(name: &str, seconds: i64) -> WorkerEntry {
        let worker = WorkerId::new(name).unwrap();
        WorkerEntry::attended(None, &worker, &WorkerFacts::default(), at(seconds), MINUTE)
    }

    #[test]
    fn e19_a_sign_of_life_keeps_the_start_and_one_after_the_end_begins_anew() {
        let first = seen("w", 0);
        let facts = WorkerFacts::default().with_process(7);
        let next = WorkerEntry::attended(Some(&first), &first.worker, &facts, at(10), MINUTE);
        assert_eq!((next.started_at, next.seen_at(), next.facts.process), (at(0), at(10), Some(7)));
        let left = next.left(at(15));
        assert_eq!((left.left_at, left.seen_at(), left.started_at), (Some(at(15)), at(15), at(0)));
        assert_eq!(left.left(at(99)), left, "it leaves once");
        let again = WorkerEntry::attended(Some(&left), &left.worker, &facts, at(20), MINUTE);
        assert_eq!((again.started_at, again.left_at), (at(20), None));
    }

    #[test]
    fn e20_a_worker_drains_until_it_is_told_otherwise_or_ends() {
        let entry = seen("w", 0);
        assert_eq!(entry.draining_since, None);
        let draining = entry.drained(true, at(5));
        assert_eq!(draining.draining_since, Some(at(5)));
        assert_eq!(draining.drained(true, at(9)), draining, "asked once more");
        let facts = WorkerFacts::default();
        let seen_again = WorkerEntry::attended(Some(&draining), &entry.worker, &facts, at(10), MINUTE);
        assert_eq!(seen_again.draining_since, Some(at(5)), "a sign of life changes nothing");
        assert_eq!(draining.drained(false, at(12)), entry);
        let left = draining.left(at(15));
        assert_eq!(left.draining_since, None);
        assert_eq!(left.drained(true, at(16)), left, "one that has left claims nothing");
        let again = WorkerEntry::attended(Some(&left), &entry.worker, &facts, at(20), MINUTE);
        assert_eq!(again.draining_since, None, "it begins anew");
    }

    #[test]
    fn e19_a_worker_is_gone_by_its_process_or_else_by_its_silence() {
        let entry = seen("w", 0);
        for (process, seconds, state) in [
            (None, 59, WorkerState::Alive),
            (None, 60, WorkerState::Gone),
            (None, -61, WorkerState::Gone),
            (Some(true), 999, WorkerState::Alive),
            (Some(false), 1, WorkerState::Gone),
        ] {
            assert_eq!(entry.state(process, at(seconds)), state, "{process:?} {seconds}");
            assert_eq!(entry.left(at(0)).state(process, at(seconds)), WorkerState::Left);
        }
    }

    #[test]
    fn e19_workers_are_forgotten_a_day_after_their_end_or_after_a_week_of_silence() {
        let (day, week) = (86_400, 7 * 86_400);
        let (silent, left) = (seen("silent", 0), seen("left", 0).left(at(0)));
        for (entry, seconds, goes) in [
            (&left, day - 1, false),
            (&left, day, true),
            (&silent, day, false),
            (&silent, week - 1, false),
            (&silent, week, true),
            (&silent, -week, true),
        ] {
            assert_eq!(entry.is_old(at(seconds)), goes, "{entry:?} at {seconds}");
        }
        assert_eq!(forgotten(vec![silent, left.clone()], at(day)), [left.worker]);
    }

    #[test]
    fn e19_of_very_many_workers_the_last_of_the_list_are_forgotten() {
        let many = i64::try_from(WORKERS_KEPT_MAX).unwrap();
        let mut entries: Vec<WorkerEntry> =
            (0..=many).map(|number| seen(&format!("w{number}"), number)).collect();
        let left = seen("left", many).left(at(many));
        entries.push(left.clone());
        let goes = forgotten(entries, at(many));
        assert_eq!(goes, [WorkerId::new("w0").unwrap(), left.worker]);
    }

    #[test]
    fn a_text_is_cleaned_and_cut() {
        assert_eq!(FactText::new(" a\u{7}\nb ").unwrap().as_str(), "ab");
        assert_eq!(FactText::new(" \n"), None);
        assert_eq!(FactText::new(&"ü".repeat(999)).unwrap().as_str().chars().count(), FactText::CHARS_MAX);
    }
}
