//! Simulated worlds over a catalog: what needs many engines, faults and time.

use std::ops::Range;
use std::sync::Arc;
use std::thread::available_parallelism;

use crate::ports::catalog::Catalog;
use crate::ports::clock::Clock;
use crate::testing::sim::{Figures, Violation, World, run_all};

/// How much [`worlds`] simulates. The seeds are always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Twenty worlds of four days, for every run of the tests.
    Quick,
    /// Five hundred worlds of ten days, before a release.
    Thorough,
}

impl Effort {
    fn seeds(self) -> Range<u64> {
        match self {
            Self::Quick => 0..20,
            Self::Thorough => 0..500,
        }
    }

    fn days(self) -> u32 {
        match self {
            Self::Quick => 4,
            Self::Thorough => 10,
        }
    }
}

/// Runs simulated [worlds](World) over a catalog, one for each processor at a time.
///
/// `make` is called for each world. It prepares a fresh, empty catalog that goes by the clock that it is given,
/// and returns what opens a handle to that catalog, like that of [`check`](super::check). It is called once for
/// each life of an engine, and must not need the executor of the caller: worlds have their own.
///
/// [`check`](super::check) finds what a single script can show, in a second. Worlds find what it takes several
/// engines to run into. This is how many of the twenty worlds of [`Effort::Quick`] find each bug of a catalog that
/// the simulation plants ([`PlantedBug`](crate::testing::sim::PlantedBug)), each world run on its own:
///
/// | worlds | planted bugs |
/// |---|---|
/// | 17 to 20 | `AuditOutside`, `AckWithoutWrite`, `RetentionTooShort`, `SweepIgnoresStanding`, `EverythingCovered`, `NeverExpires`, `RefusesWithoutNeed` |
/// | 12 to 15 | `NewestFirst`, `NothingDue`, `GivenTwice`, `SlotsByOwnClock` |
/// | 9 | `RetentionIgnoresHold`, `WatermarkBack` |
/// | 4 | `CancelRetried`, `RerunIgnoresRivals` |
/// | 0 | `NoTurns`, found by seed 107, and by seed 41 of ten days |
///
/// Three more show only after a catalog was restored from a backup, which nobody can do to a catalog that is
/// handed in: `DeletesUnknown`, `DeletesGivenUp` and `KeyWithoutNonce`. That is why turns, standing and nonces
/// have scripts of their own.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use cdds_core::ports::catalog::Catalog;
/// use cdds_core::testing::MemoryCatalog;
/// use cdds_core::testing::conformance::catalog::{Effort, worlds};
///
/// let figures = worlds(
///     |clock| {
///         let catalog = Arc::new(MemoryCatalog::new().with_clock(clock));
///         move || catalog.clone() as Arc<dyn Catalog>
///     },
///     Effort::Quick,
/// );
/// assert!(figures.unwrap_or_else(|violation| panic!("{violation}")).successes > 0);
/// ```
///
/// # Errors
/// The [`Violation`] of the smallest seed that was found before all worlds ended. It names the seed, which
/// [`World`] runs again and traces.
pub fn worlds<O>(
    make: impl Fn(Arc<dyn Clock>) -> O + Send + Sync + 'static,
    effort: Effort,
) -> Result<Figures, Box<Violation>>
where
    O: Fn() -> Arc<dyn Catalog> + Send + Sync + 'static,
{
    let make = Arc::new(make);
    let threads = available_parallelism().map_or(1, usize::from);
    run_all(effort.seeds(), threads, |seed| {
        let make = Arc::clone(&make);
        World::new(seed).days(effort.days()).over(move |clock| make(clock))
    })
}
