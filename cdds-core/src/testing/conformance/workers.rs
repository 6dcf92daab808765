//! Checks for one's own [`Workers`].
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::sync::Arc;
//!
//! use cdds_core::ports::workers::Workers;
//! use cdds_core::testing::conformance::workers;
//!
//! /// A thread for each piece of work.
//! #[derive(Debug)]
//! struct Threads;
//!
//! impl Workers for Threads {
//!     fn parallelism(&self) -> NonZeroUsize {
//!         NonZeroUsize::MIN
//!     }
//!
//!     fn submit(&self, work: Box<dyn FnOnce() + Send>) {
//!         std::thread::spawn(work);
//!     }
//! }
//!
//! workers::check(|| Arc::new(Threads)).assert();
//! ```

mod checks;
mod planted;

use std::sync::Arc;
use std::time::Duration;

use super::{Contract, Report};
use crate::ports::workers::Workers;

pub use self::planted::{Planted, PlantedWorkers};

/// How long work may take that a pool has been given before it counts as lost. Only a broken pool takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The promises of [`Workers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Clause {
    /// Everything that is submitted runs. From: [`Workers`].
    ///
    /// Found by: [`Planted::LosesSome`].
    RunsEach,
    /// Submitting does not run the work, nor wait for it. From: [`Workers`].
    ///
    /// Found by: [`Planted::RunsInline`].
    SubmitReturns,
    /// As much work makes progress at the same time as the pool says. From: [`Workers::parallelism`].
    ///
    /// Found by: [`Planted::ClaimsMore`].
    Parallel,
    /// Work that panics takes down neither the pool nor whoever submits it. From: [`Workers`].
    ///
    /// Found by: [`Planted::DiesOfPanic`], [`Planted::PassesPanicOn`].
    PanicContained,
    /// Whoever waits for work that panics is told that it is lost. From:
    /// [`offload`](crate::ports::workers::offload).
    ///
    /// Found by: [`Planted::KeepsWork`].
    PanicIsLoss,
    /// Once the pool is dropped, what was submitted runs or is dropped, so that nobody waits for ever. From:
    /// [`WorkLost`](crate::ports::workers::WorkLost).
    ///
    /// Found by: [`Planted::LeaksQueue`].
    DropEnds,
}

impl Contract for Clause {
    const ALL: &'static [Self] = &[
        Self::RunsEach,
        Self::SubmitReturns,
        Self::Parallel,
        Self::PanicContained,
        Self::PanicIsLoss,
        Self::DropEnds,
    ];

    fn promise(self) -> &'static str {
        match self {
            Self::RunsEach => "Everything that is submitted runs.",
            Self::SubmitReturns => "Submitting does not run the work, nor wait for it.",
            Self::Parallel => "As much work makes progress at the same time as the pool says.",
            Self::PanicContained => "Work that panics takes down neither the pool nor its caller.",
            Self::PanicIsLoss => "Whoever waits for work that panics is told that it is lost.",
            Self::DropEnds => "Once the pool is dropped, what was submitted runs or is dropped.",
        }
    }
}

/// Checks every clause of the pool that `make` makes, each time anew. A pool that never runs its work is waited
/// for, a minute for each clause.
pub fn check(make: impl Fn() -> Arc<dyn Workers>) -> Report<Clause> {
    check_each(Clause::ALL, PATIENCE, make)
}

fn check_each(clauses: &[Clause], patience: Duration, make: impl Fn() -> Arc<dyn Workers>) -> Report<Clause> {
    let mut report = Report::new();
    for clause in clauses {
        report.add(*clause, checks::check(*clause, patience, make()));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::InlineWorkers;

    #[test]
    fn the_pool_without_a_bug_keeps_its_contract() {
        check(|| Arc::new(PlantedWorkers::sound())).assert();
    }

    #[test]
    fn each_planted_bug_breaks_its_clause() {
        for planted in Planted::ALL.iter().copied() {
            let make = || Arc::new(PlantedWorkers::new(planted)) as Arc<dyn Workers>;
            // A sound pool would be given a minute.
            let report = check_each(&[planted.breaks()], Duration::from_millis(200), make);
            assert!(report.found(planted.breaks()), "{planted:?}: {report}");
        }
    }

    #[test]
    fn each_clause_is_broken_by_a_planted_bug() {
        for clause in Clause::ALL {
            assert!(Planted::ALL.iter().any(|planted| planted.breaks() == *clause), "{clause:?}");
        }
    }

    #[test]
    fn workers_of_the_submitting_thread_are_for_tests_alone() {
        let report = check(|| Arc::new(InlineWorkers));
        let broken: Vec<Clause> = report.broken.iter().map(|broken| broken.clause).collect();
        assert_eq!(broken, [Clause::SubmitReturns, Clause::PanicContained]);
    }
}
