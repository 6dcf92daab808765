//! Worlds in which everything goes wrong, and in which nothing may come of it.
//!
//! A [`World`] is the real engine and the real services on one thread and in virtual time: one to four engines, one to
//! three people who submit, edit, suspend, resume, delete, cancel, rerun, backfill and hold meanwhile, each life of
//! them with a clock of its own, and a source whose records become visible late. Before and after every call to a
//! port there may be an error, a lost reply, a delay, the death of the engine (every future of it is dropped at that
//! await), a pause that outlasts its lease, or an outage: the port answers its caller nothing but errors for up to a
//! quarter of an hour. In most worlds others go first at a part of the calls, or calls take some milliseconds, so
//! that what one does comes into the midst of what another does. A seed decides about all of it, so that a world can
//! be run again. After every step the invariants are checked ([`Invariant`]); in the end faults stop, and what is
//! left to do must be done. [`Coverage`] counts which fault came at which call.
//!
//! A panic in a world is a violation, and so is a world that comes to no end; one that waits for ever within a
//! single poll of a task is not noticed. A catalog may do its work on threads of its own: each call to it is waited
//! for where it is made (`block_on`), and what the world does next waits too.
//!
//! What is checked is known without the engine, from what people asked for and what the rules say:
//!
//! - Every step of the record is followed, and what a call acknowledged is read back; what it refused has changed
//!   nothing, and was refused for a reason.
//! - Slots, windows and expiry are computed once more, by plain arithmetic. What is skipped has a reason that holds,
//!   and so has every attempt that fails: without a fault none does, nor any that began after faults had stopped.
//! - Records are counted, in each set and in a ledger over all sets of an incremental or tiling job. In the end each
//!   is there once, unless its occurrence is on the record as not run or failed, and the bytes of every live set are
//!   those that were published.
//! - Work is given in order and to one worker; none is left in the queue where there is room. What a person wants
//!   stopped is told to its worker, which comes to no commit later than a second after it heard.
//!
//! A check that nothing breaks is not known to check: each invariant is the first to be broken by one of the
//! planted bugs ([`PlantedBug`]).
//!
//! Whoever implements a [`Catalog`] can have it tried:
//!
//! ```
//! use std::sync::Arc;
//!
//! use cdds_core::ports::catalog::Catalog;
//! use cdds_core::testing::MemoryCatalog;
//! use cdds_core::testing::sim::World;
//!
//! for seed in 0..3 {
//!     // One catalog for each world. The closure is called for each life of an engine, as processes open a
//!     // database of their own.
//!     let catalog = Arc::new(MemoryCatalog::new());
//!     let open = move || Arc::clone(&catalog) as Arc<dyn Catalog>;
//!     let figures = World::new(seed).days(2).over(open).run().unwrap_or_else(|violation| panic!("{violation}"));
//!     assert!(figures.successes > 0);
//! }
//! ```
//!
//! A violation names its seed, and [`World::traced`] shows what led to it:
//!
//! ```
//! use cdds_core::testing::sim::{PlantedBug, World};
//!
//! let broken = |seed| World::new(seed).days(2).planted(PlantedBug::SweepIgnoresStanding).run();
//! let violation = (0..20).find_map(|seed| broken(seed).err()).expect("it is found");
//! assert_eq!(broken(violation.seed).err(), Some(violation), "and found again");
//! ```

mod accounts;
mod answers;
mod asked;
mod audit;
mod calendar;
mod claims;
mod coverage;
mod dice;
mod drafts;
mod engines;
mod executor;
mod faults;
mod faulty_catalog;
mod faulty_store;
mod invariants;
mod ledger;
mod model;
mod people;
mod planted;
mod planted_callers;
mod planted_catalog;
mod planted_store;
mod profile;
mod published;
mod reasons;
mod report;
mod run;
mod sets;
mod shared;
mod signer;
mod source;
mod time;
mod verdict;
mod watch;

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub use self::coverage::Coverage;
pub use self::planted::PlantedBug;
pub use self::report::{Event, FaultKind, Figures, Invariant, Violation, What, Who};
use self::report::{Listener, Trace};
use self::run::Run;
use self::shared::lock;
use super::MemoryCatalog;
use crate::ports::catalog::Catalog;

/// Opens the catalog of a world, once for each life of an engine and once for those who look on.
type OpenCatalog = Arc<dyn Fn() -> Arc<dyn Catalog> + Send + Sync>;

/// A world to be run.
#[must_use = "a world does nothing until it is run"]
pub struct World {
    seed: u64,
    days: u32,
    open: OpenCatalog,
    bug: Option<PlantedBug>,
    listener: Option<Listener>,
}

impl World {
    /// The world of this seed: ten days over a [`MemoryCatalog`].
    pub fn new(seed: u64) -> Self {
        let catalog = Arc::new(MemoryCatalog::new());
        let open: OpenCatalog = Arc::new(move || catalog.clone());
        Self { seed, days: 10, open, bug: None, listener: None }
    }

    /// With faults for this many days.
    pub fn days(self, days: u32) -> Self {
        Self { days, ..self }
    }

    /// Over another catalog, which must be empty. `open` is called for each life of an engine: it may give the
    /// same object every time, or open the same database anew.
    pub fn over(self, open: impl Fn() -> Arc<dyn Catalog> + Send + Sync + 'static) -> Self {
        Self { open: Arc::new(open), ..self }
    }

    /// With a bug that is to be found.
    pub fn planted(self, bug: PlantedBug) -> Self {
        Self { bug: Some(bug), ..self }
    }

    /// Tells `listener` everything that happens, as it happens.
    pub fn traced(self, listener: impl FnMut(&Event) + Send + 'static) -> Self {
        Self { listener: Some(Box::new(listener)), ..self }
    }

    /// Runs the world to its end.
    ///
    /// # Errors
    /// The first [`Violation`].
    pub fn run(self) -> Result<Figures, Box<Violation>> {
        Run::new(self.seed, self.days, self.open, self.bug, Trace::new(self.listener)).run()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, days, bug, .. } = self;
        f.debug_struct("World")
            .field("seed", seed)
            .field("days", days)
            .field("bug", bug)
            .finish_non_exhaustive()
    }
}

/// Runs the worlds of these seeds on `threads` threads, each made by `world`, and adds their figures up.
///
/// # Errors
/// A [`Violation`], of the smallest seed among those that were found; no further world is begun.
pub fn run_all(
    seeds: Range<u64>,
    threads: usize,
    world: impl Fn(u64) -> World + Sync,
) -> Result<Figures, Box<Violation>> {
    let (next, stopped) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let (total, found) = (Mutex::new(Figures::default()), Mutex::new(None::<Box<Violation>>));
    let work = || {
        while !stopped.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            match world(seed).run() {
                Ok(figures) => lock(&total).add(&figures),
                Err(violation) => {
                    stopped.store(true, Ordering::Relaxed);
                    let mut found = lock(&found);
                    if found.as_ref().is_none_or(|known| violation.seed < known.seed) {
                        *found = Some(violation);
                    }
                }
            }
        }
    };
    std::thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    match lock(&found).take() {
        Some(violation) => Err(violation),
        None => Ok(std::mem::take(&mut *lock(&total))),
    }
}
