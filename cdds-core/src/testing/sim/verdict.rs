//! What must hold in every world, and what is told when it does not.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use super::report::Event;

/// What holds in every world after every step; the numbers are those of the design, the others are rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Invariant {
    /// A window is that of its slot, and waits for its records (rules W2–W6); those of an incremental or tiling job are disjoint and
    /// contiguous.
    I1,
    /// Within a generation the watermark never decreases, and only success moves it.
    I2,
    /// Watermark = window end ⇔ succeeded ⇔ the artifact set is complete.
    I3,
    /// No record is lost, none is there twice: in each set, and over the union of the sets of an incremental or
    /// tiling job.
    I4,
    /// At most one success per occurrence.
    I5,
    /// Nothing commits with an old epoch, and nothing is overwritten.
    I6,
    /// Backfill moves no watermark; the same window gives the same archive.
    I7,
    /// No live artifact points to a missing object; every orphan is removed in the end.
    I8,
    /// A suspended job starts nothing; a one-time job runs at most once.
    I9,
    /// At most one running execution per job.
    I10,
    /// Once faults stop, every backlog shrinks to nothing.
    I11,
    /// Nothing past its retention stays, nothing within it disappears.
    I12,
    /// Every occurrence ends on the record; what has ended, what has begun and what was confirmed stays as
    /// it is (rules E1, W1).
    Record,
    /// A claim that holds is not taken from its worker, and none is given twice.
    Lease,
    /// What was acknowledged has happened, what was refused has not, and nothing is refused without need.
    Answer,
    /// What is skipped or fails has a reason that holds (rules E3–E5, J7, J10, J12, W4).
    Reason,
    /// Work is given in the order of its place in the queue, and none is left while there is room (rule E2).
    Order,
    /// What a person wants stopped stops (rule E8).
    Cancel,
    /// Every world comes to its end: nothing panics, nothing goes round in circles.
    Ends,
}

impl Invariant {
    /// Every invariant.
    pub const ALL: [Self; 18] = [
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
    ];
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An invariant does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The seed that leads here, every time.
    pub seed: u64,
    /// Which invariant.
    pub invariant: Invariant,
    /// When, by true time.
    pub at: DateTime<Utc>,
    /// What is wrong.
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
