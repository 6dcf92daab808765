//! Checks for one's own ports: what the engine relies on, clause by clause.
//!
//! Each function of a module takes a port, or what makes one, tries every clause of its contract and returns a
//! [`Report`]. The functions are plain futures and run on any executor. A clause is a variant of an enum, such
//! as `sink::Clause`, whose documentation says what is promised, and which broken implementation its check
//! was shown to find.
//!
//! This module is outside of semantic versioning: a new version may check more, and then a port that passed may
//! fail.

pub mod catalog;
pub mod sink;
pub mod source;

use std::error::Error;
use std::fmt;

/// The promises of one port.
pub trait Contract: Copy + fmt::Debug + Eq + Send + Sync + 'static {
    /// All of them, in the order in which they are checked.
    const ALL: &'static [Self];

    /// Returns the promise, as a sentence.
    fn promise(self) -> &'static str;
}

/// What the checks of a port found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a report says whether the port keeps its contract"]
#[non_exhaustive]
pub struct Report<C> {
    /// The clauses that were checked.
    pub checked: Vec<C>,
    /// The clauses that were broken, the first case of each.
    pub broken: Vec<Broken<C>>,
}

/// A clause that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Broken<C> {
    /// The clause.
    pub clause: C,
    /// What was done, what should have come of it, and what did. It holds no record.
    pub case: String,
}

impl<C: Contract> Report<C> {
    /// Creates the report of no check.
    pub(crate) fn new() -> Self {
        Self { checked: Vec::new(), broken: Vec::new() }
    }

    /// Adds the outcome of the check of one clause.
    pub(crate) fn add(&mut self, clause: C, outcome: Result<(), String>) {
        self.checked.push(clause);
        if let Err(case) = outcome {
            self.broken.push(Broken { clause, case });
        }
    }

    /// Returns whether a clause was broken.
    pub fn found(&self, clause: C) -> bool {
        self.broken.iter().any(|broken| broken.clause == clause)
    }

    /// Returns nothing if every clause holds.
    ///
    /// # Errors
    /// The report itself, which names each broken clause.
    pub fn into_result(self) -> Result<(), Self> {
        if self.broken.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Does nothing if every clause holds.
    ///
    /// # Panics
    /// If a clause is broken; the message names each.
    #[track_caller]
    pub fn assert(self) {
        assert!(self.broken.is_empty(), "{self}");
    }
}

impl<C: Contract> fmt::Display for Report<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} clauses are broken", self.broken.len(), self.checked.len())?;
        for Broken { clause, case } in &self.broken {
            write!(f, "\n- {clause:?}: {}\n  {case}", clause.promise())?;
        }
        Ok(())
    }
}

impl<C: Contract> Error for Report<C> {}
