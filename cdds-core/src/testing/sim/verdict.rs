//! The invariants of every world, and the report of one that is broken.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use super::report::Event;

/// A property that holds in every world after every step. I1 to I12 are the invariants that comments cite,
/// the others are rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Invariant {
    /// A window is that of its slot and waits for its records (rules W2–W6). The windows of an incremental or
    /// tiling job are disjoint and contiguous.
    I1,
    /// Within a generation the watermark never decreases, and only a success moves it.
    I2,
    /// Watermark = window end ⇔ succeeded ⇔ the artifact set is complete.
    I3,
    /// No record is lost and none is duplicated, both within each set and over all sets of an incremental or
    /// tiling job.
    I4,
    /// At most one success per occurrence.
    I5,
    /// Nothing commits with an old epoch, and nothing is overwritten.
    I6,
    /// A backfill leaves the watermark alone; the same window yields the same archive.
    I7,
    /// No live artifact refers to a missing object, and every orphan is removed in the end.
    I8,
    /// A suspended job starts nothing; a one-time job runs at most once.
    I9,
    /// At most one running execution per job.
    I10,
    /// Once faults stop, every backlog shrinks to nothing.
    I11,
    /// Nothing outlives its retention, and nothing disappears before it.
    I12,
    /// Every occurrence ends on the record. Executions that have ended, decisions that were frozen at the
    /// start and changes that were confirmed stay as they are (rules E1, W1).
    Record,
    /// A claim that holds is not taken from its worker, and no execution is assigned twice.
    Lease,
    /// An acknowledged call has taken effect, a refused one has not, and none is refused without need.
    Answer,
    /// Every skip and every failure has a valid reason (rules E3–E5, J7, J10, J12, W4).
    Reason,
    /// Work is assigned in queue order, and none is left while there is room (rule E2).
    Order,
    /// An execution that a person cancels stops (rule E8).
    Cancel,
    /// Each change by a person, each download and each refused call is on the audit once, stored with it, and
    /// nobody does what they are not allowed (rules C1 to C3).
    Audit,
    /// A window ends no later than its source is complete, and nothing waits without need (rule W3b).
    Complete,
    /// No set holds a record of another owner, and nobody uses a source that they do not see (rule J16).
    Owner,
    /// One's own store ([`World::storing`](super::World::storing)) answers as the store in memory does, and gives
    /// back what was written.
    Store,
    /// At a destination nothing bears a final name that is not whole, and no manifest names what has not arrived
    /// (N-I1; rule N1). This and the next three are those of [`DeliveryWorld`](super::DeliveryWorld).
    Whole,
    /// Each delivery of a published set is done once, or given up on the record for a reason; in the end all has
    /// arrived; and nobody is told before it is true (N-I2; rules N2, N5).
    Arrives,
    /// An attempt is on record before anything is sent, and what was confirmed is never sent again (N-I3; rule N4).
    OnRecord,
    /// Destinations that hang hold up no others (N-I4; rule N4).
    Alone,
    /// Each step of a request is taken once, in order and by whom it may be, and one worker at a time holds an erasure.
    /// This and the next eight are rules of the same names, in worlds [that ask](super::World::asking).
    D3,
    /// What was erased and what stays is on record, and counted there before.
    D4,
    /// Records are erased of whom has asked for it, of that owner, and of nobody else.
    D5,
    /// What ends keeps no identifier.
    D6,
    /// What was erased stays erased.
    D7,
    /// A request that repeats an open one is refused, and no other.
    D8,
    /// A copy holds the records about the person, and no other, for whom it was asked.
    D9,
    /// Of no set that names a person it is said that it does not.
    D10,
    /// Who has a set that may hold a person who asked for erasure is told, once, and nobody else.
    D11,
    /// Every world ends: nothing panics and nothing loops for ever.
    Ends,
}

impl Invariant {
    /// Every invariant of a world as it comes, except [`Ends`](Self::Ends).
    pub const ALL: [Self; 21] = [
        Self::I1,
        Self::I2,
        Self::I3,
        Self::I4,
        Self::I5,
        Self::I6,
        Self::I7,
        Self::I8,
        Self::I9,
        Self::I10,
        Self::I11,
        Self::I12,
        Self::Record,
        Self::Lease,
        Self::Answer,
        Self::Reason,
        Self::Order,
        Self::Cancel,
        Self::Audit,
        Self::Complete,
        Self::Owner,
    ];

    /// The rules that are checked in worlds [that ask](super::World::asking), besides some of the others.
    pub const OF_REQUESTS: [Self; 9] =
        [Self::D3, Self::D4, Self::D5, Self::D6, Self::D7, Self::D8, Self::D9, Self::D10, Self::D11];
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A broken invariant, and the events that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The seed that reproduces it.
    pub seed: u64,
    /// The invariant that is broken.
    pub invariant: Invariant,
    /// The true time at which it broke.
    pub at: DateTime<Utc>,
    /// A description of what is wrong.
    pub what: String,
    /// The last events before it, oldest first.
    pub events: Vec<Event>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for event in &self.events {
            writeln!(f, "{event}")?;
        }
        let at = self.at.to_rfc3339_opts(SecondsFormat::Millis, true);
        write!(f, "seed {}: {} does not hold at {at}: {}", self.seed, self.invariant, self.what)
    }
}

impl std::error::Error for Violation {}
