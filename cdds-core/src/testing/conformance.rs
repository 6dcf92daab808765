//! Checks for one's own ports: what the engine relies on, clause by clause.
//!
//! Each function of a module takes a port, or what makes one, tries every clause of its contract and returns a
//! [`Report`]. Those of ports that wait are plain futures and run on any executor, also on one that moves them
//! between threads. A clause is a variant of an enum, such as `sink::Clause`, whose documentation says what is
//! promised, and which broken implementation its check was shown to find. Clauses about what a port does not
//! offer, or a fixture cannot show, are [skipped](Report::skipped).
//!
//! This module is outside of semantic versioning: a new version may check more, and then a port that passed may
//! fail.

/// Defines the bugs of a broken port, each with the clause that it breaks.
macro_rules! planted {
    ($(#[$about:meta])* enum Planted; $($(#[$doc:meta])* $name:ident => $clause:ident,)*) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Planted {
            $($(#[$doc])* $name,)*
        }

        impl Planted {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the clause that the bug breaks.
            pub const fn breaks(self) -> Clause {
                match self {
                    $(Self::$name => Clause::$clause,)*
                }
            }
        }
    };
}

pub mod catalog;
pub mod clock;
pub mod destination;
pub mod notifier;
pub mod packager;
pub mod sealer;
pub mod signer;
pub mod sink;
pub mod source;
pub mod workers;

use std::error::Error;
use std::fmt;

use bytes::Bytes;

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
    /// The clauses that could not be checked, or that are about what the port does not offer.
    pub skipped: Vec<Skipped<C>>,
    /// The clauses that were broken, the first case of each.
    pub broken: Vec<Broken<C>>,
}

/// A clause that was not checked. It counts neither as kept nor as broken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped<C> {
    /// The clause.
    pub clause: C,
    /// Why it was not checked.
    pub reason: &'static str,
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
        Self { checked: Vec::new(), skipped: Vec::new(), broken: Vec::new() }
    }

    /// Adds the outcome of the check of one clause.
    pub(crate) fn add(&mut self, clause: C, outcome: Result<(), String>) {
        self.checked.push(clause);
        if let Err(case) = outcome {
            self.broken.push(Broken { clause, case });
        }
    }

    /// Adds a clause that was not checked.
    pub(crate) fn skip(&mut self, clause: C, reason: &'static str) {
        self.skipped.push(Skipped { clause, reason });
    }

    /// Returns whether a clause was broken.
    pub fn found(&self, clause: C) -> bool {
        self.broken.iter().any(|broken| broken.clause == clause)
    }

    /// Returns nothing if every clause that was checked holds.
    ///
    /// # Errors
    /// The report itself, which names each broken clause.
    pub fn into_result(self) -> Result<(), Self> {
        if self.broken.is_empty() { Ok(()) } else { Err(self) }
    }

    /// Does nothing if every clause that was checked holds.
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
        for Skipped { clause, reason } in &self.skipped {
            write!(f, "\n- {clause:?} was not checked: {reason}")?;
        }
        Ok(())
    }
}

impl<C: Contract> Error for Report<C> {}

/// Returns bytes that differ from place to place, so that misplaced ones are noticed.
pub(crate) fn content(bytes: usize, seed: u64) -> Bytes {
    let mut content = Vec::with_capacity(bytes + 8);
    let mut word = seed + 1;
    while content.len() < bytes {
        word = word.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (word >> 29);
        content.extend_from_slice(&word.to_le_bytes());
    }
    content.truncate(bytes);
    Bytes::from(content)
}

/// Compares bytes with those that are expected, and tells where they differ.
pub(crate) fn same(found: &[u8], expected: &[u8], what: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    let first = found.iter().zip(expected).position(|(found, expected)| found != expected);
    let first = first.unwrap_or_else(|| found.len().min(expected.len()));
    Err(format!(
        "{what}: {} bytes instead of {}, different from byte {first} on",
        found.len(),
        expected.len()
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::system::SystemClock;
    use crate::testing::MemorySink;

    /// Fails to compile for a future that must stay on its thread.
    fn spawnable<F: Future + Send>(_: F) {}

    #[test]
    fn checks_may_move_between_threads() {
        let (store, clock) = (MemorySink::new(), SystemClock::new());
        spawnable(sink::check_full(&store.clone()));
        spawnable(sink::check(move || Arc::new(store.clone())));
        spawnable(clock::check(&clock));
        let rows = source::PlantedFixture::sound();
        spawnable(source::check(&rows));
    }

    #[test]
    fn a_report_tells_what_was_not_checked_and_passes_all_the_same() {
        let mut report = Report::new();
        report.add(sink::Clause::Whole, Ok(()));
        report.skip(sink::Clause::FullIsSaid, "there is room");
        let told = "0 of 1 clauses are broken\n- FullIsSaid was not checked: there is room";
        assert_eq!(report.to_string(), told);
        assert!(!report.found(sink::Clause::FullIsSaid));
        assert!(report.into_result().is_ok());
    }
}
