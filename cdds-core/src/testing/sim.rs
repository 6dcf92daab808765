//! Simulated worlds in which everything goes wrong, and a model that checks that the invariants still hold.
//!
//! A [`World`] runs the real engine and the real services on one thread and in virtual time. It has one to
//! four engines and one to three people, who submit, edit, suspend, resume, delete, cancel, rerun, backfill
//! and hold concurrently. The catalog has the true clock. Each life of an engine or a person has a clock of
//! its own, which is up to ten minutes wrong, and the source's records become visible late.
//!
//! In half of the worlds whose jobs go by the clock of a zone, the law of these zones changes in the middle: programs that
//! are started from then on have a newer database, and jobs are computed anew while older workers go on beside it.
//!
//! Before and after each call to a port, any of these faults may occur: an error, a lost reply, a delay, the
//! death of the engine (all its futures are dropped at that await), a pause that outlasts its lease, or an
//! outage, in which the port returns only errors for up to a quarter of an hour. In most worlds a share of
//! the calls lets other tasks go first or takes some milliseconds, so that the work of several callers
//! interleaves. A seed determines all of it, so any world can be run again.
//!
//! The invariants ([`Invariant`]) are checked after every step. At the end faults stop, and the remaining
//! work must be completed. [`Coverage`] counts which fault occurred at which call.
//!
//! A panic in a world is a violation, and so is a world that does not end. An endless loop within a single
//! poll of a task is not detected. A catalog may use threads of its own: each call to it blocks the world
//! until it returns (`block_on`).
//!
//! The checks do not rely on the engine. They follow from what people requested and from the rules:
//!
//! - Every step of the record is followed. What a call acknowledged is read back; what it refused must have
//!   changed nothing and must have been refused for a valid reason.
//! - Slots, windows and expiry are computed independently, by plain arithmetic. Every skip and every failed
//!   attempt needs a valid reason: no attempt fails in a world without faults, and none that began after
//!   faults stopped.
//! - Records are counted in each set, and in a ledger over all sets of an incremental or tiling job. At the
//!   end each record is present once, unless its occurrence is recorded as not run or failed, and the bytes
//!   of every live set are those that were published.
//! - In half of the worlds each record is of one owner, and no set holds a record of another; one source is
//!   shown to one owner only, and the other one cannot use it.
//! - Work is assigned in order and to one worker at a time; none stays in the queue while there is room. A
//!   worker hears of a cancellation, and reaches no commit later than a second after it heard.
//!
//! A check that nothing ever breaks proves little, so each invariant has a planted bug ([`PlantedBug`]) that
//! breaks it before any other.
//!
//! Implementers of [`Catalog`] can test theirs:
//!
//! ```
//! use std::sync::Arc;
//!
//! use cdds_core::ports::catalog::Catalog;
//! use cdds_core::testing::MemoryCatalog;
//! use cdds_core::testing::sim::World;
//!
//! for seed in 0..3 {
//!     let world = World::new(seed).days(2).over(|clock| {
//!         // One catalog for each world, which goes by the world's clock.
//!         let catalog = Arc::new(MemoryCatalog::new().with_clock(clock));
//!         // Called for each life of an engine, as each process opens the database for itself.
//!         move || Arc::clone(&catalog) as Arc<dyn Catalog>
//!     });
//!     let figures = world.run().unwrap_or_else(|violation| panic!("{violation}"));
//!     assert!(figures.successes > 0);
//! }
//! ```
//!
//! A violation names its seed, and [`World::traced`] shows the events that led to it:
//!
//! ```
//! use cdds_core::testing::sim::{PlantedBug, World};
//!
//! let broken = |seed| World::new(seed).days(2).planted(PlantedBug::SweepIgnoresStanding).run();
//! let violation = (0..20).find_map(|seed| broken(seed).err()).expect("it is found");
//! assert_eq!(broken(violation.seed).err(), Some(violation), "and found again");
//! ```

mod access;
mod accounts;
mod answers;
mod asked;
mod asking;
mod attendance;
mod audit;
mod calendar;
mod claims;
mod completeness;
mod coverage;
mod deliveries;
mod dice;
mod drafts;
mod drains;
mod engines;
mod executor;
mod faults;
mod faulty_catalog;
mod faulty_store;
mod faulty_subjects;
mod invariants;
mod keeping;
mod laws;
mod ledger;
mod model;
mod notices;
mod people;
mod planted;
mod planted_callers;
mod planted_catalog;
mod planted_keeping;
mod planted_notices;
mod planted_store;
mod profile;
mod published;
mod reasons;
mod reminders;
mod report;
mod restore;
mod run;
mod sets;
mod shared;
mod signer;
mod source;
mod tellers;
mod time;
mod twins;
mod verdict;
mod wall;
mod watch;

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub use self::coverage::Coverage;
pub use self::deliveries::{Crowd, DeliveryBug, DeliveryFigures, DeliveryWorld, Waits};
pub use self::planted::PlantedBug;
pub use self::report::{Event, FaultKind, Figures, Invariant, Violation, What, Who};
use self::report::{Listener, Trace};
use self::run::Run;
use self::shared::lock;
use super::MemoryCatalog;
use crate::ports::catalog::Catalog;
use crate::ports::clock::Clock;
use crate::ports::sink::Sink;
use crate::ports::source::Source;

/// Puts one's own source in front of another one.
type AroundSource = Arc<dyn Fn(Arc<dyn Source>) -> Arc<dyn Source> + Send + Sync>;

/// Opens the catalog of a world: once for each life of an engine or a person, and once for the model that
/// checks it.
type OpenCatalog = Arc<dyn Fn() -> Arc<dyn Catalog> + Send + Sync>;

/// Prepares the catalog of a world that is about to run, by the world's clock.
type PrepareCatalog = Box<dyn FnOnce(Arc<dyn Clock>) -> Prepared + Send>;

/// The catalog of a world.
struct Prepared {
    open: OpenCatalog,
    /// The catalog once more, if it can be restored from a backup.
    restorable: Option<Arc<MemoryCatalog>>,
}

/// What a world has that others do not.
#[derive(Debug, Clone, Copy)]
struct Kind {
    restoring: bool,
    zoned: bool,
}

/// A simulated world, ready to run.
#[must_use = "a world does nothing until it is run"]
pub struct World {
    seed: u64,
    days: u32,
    prepare: PrepareCatalog,
    own_store: Option<Arc<dyn Sink>>,
    around_source: Option<AroundSource>,
    restoring: bool,
    zoned: bool,
    asking: bool,
    bug: Option<PlantedBug>,
    listener: Option<Listener>,
}

impl World {
    /// Creates the world of this seed, with ten days of faults, over a [`MemoryCatalog`].
    pub fn new(seed: u64) -> Self {
        let prepare: PrepareCatalog = Box::new(|clock| {
            let catalog = Arc::new(MemoryCatalog::new().with_clock(clock));
            let restorable = Some(Arc::clone(&catalog));
            Prepared { open: Arc::new(move || catalog.clone()), restorable }
        });
        Self {
            seed,
            days: 10,
            prepare,
            own_store: None,
            around_source: None,
            restoring: false,
            zoned: false,
            asking: false,
            bug: None,
            listener: None,
        }
    }

    /// Sets the number of days with faults.
    pub fn days(self, days: u32) -> Self {
        Self { days, ..self }
    }

    /// Uses another catalog, which must be empty and go by the clock that `prepare` is given: the world's
    /// own, which is right. What `prepare` returns is called for each life of an engine: it may return the
    /// same object every time, or open the same database anew.
    pub fn over<O>(self, prepare: impl FnOnce(Arc<dyn Clock>) -> O + Send + 'static) -> Self
    where
        O: Fn() -> Arc<dyn Catalog> + Send + Sync + 'static,
    {
        let prepare = |clock| Prepared { open: Arc::new(prepare(clock)), restorable: None };
        Self { prepare: Box::new(prepare), ..self }
    }

    /// Stores in this empty store as well as in memory, and compares what they answer ([`Invariant::Store`]). The
    /// faults of the world lie in front of it, so a fault of its own is a violation. It may use threads of its own,
    /// like a catalog.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use cdds_core::testing::conformance::sink::{Planted, PlantedSink};
    /// use cdds_core::testing::sim::{Invariant, World};
    ///
    /// let store = Arc::new(PlantedSink::new(Planted::LosesLastWrite));
    /// let violation = World::new(0).days(2).storing(store).run().expect_err("it is found");
    /// assert_eq!(violation.invariant, Invariant::Store);
    /// ```
    pub fn storing(self, store: Arc<dyn Sink>) -> Self {
        Self { own_store: Some(store), ..self }
    }

    /// Reads through what `around` puts in front of each of the world's sources: a cache, a limit, a
    /// [`CheckedSource`](crate::ports::source::CheckedSource). It has to keep the description.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use cdds_core::ports::source::CheckedSource;
    /// use cdds_core::testing::sim::World;
    ///
    /// let world = World::new(0).days(2).reading(|source| Arc::new(CheckedSource::new(source)));
    /// world.run().unwrap_or_else(|violation| panic!("{violation}"));
    /// ```
    pub fn reading(
        self,
        around: impl Fn(Arc<dyn Source>) -> Arc<dyn Source> + Send + Sync + 'static,
    ) -> Self {
        Self { around_source: Some(Arc::new(around)), ..self }
    }

    /// Restores the catalog from backups in the middle of the world, while the store goes on (rule E17). Has no
    /// effect on a world [over](World::over) another catalog, which nobody can copy: [`Figures::restores`] is 0
    /// then.
    pub fn restoring(self) -> Self {
        Self { restoring: true, ..self }
    }

    /// Begins shortly before clocks are put forward or back, and gives most jobs one of these (rule F9).
    pub fn zoned(self) -> Self {
        Self { zoned: true, ..self }
    }

    /// Has people in its records, who ask what is kept about them and that it is erased (rules D1 to D10), and few jobs
    /// beside that. Its sources and its store are its own: [`reading`](World::reading), [`storing`](World::storing),
    /// [`zoned`](World::zoned) and [`restoring`](World::restoring) have no effect on it.
    ///
    /// ```
    /// use cdds_core::testing::sim::World;
    ///
    /// let figures = World::new(1).days(2).asking().run().unwrap_or_else(|violation| panic!("{violation}"));
    /// assert!(figures.requests > 0);
    /// ```
    pub fn asking(self) -> Self {
        Self { asking: true, ..self }
    }

    /// Plants a bug for the simulation to find.
    pub fn planted(self, bug: PlantedBug) -> Self {
        Self { bug: Some(bug), ..self }
    }

    /// Calls `listener` with every event as it happens.
    pub fn traced(self, listener: impl FnMut(&Event) + Send + 'static) -> Self {
        Self { listener: Some(Box::new(listener)), ..self }
    }

    /// Runs the world to its end.
    ///
    /// # Errors
    /// The first [`Violation`], if an invariant is broken.
    pub fn run(self) -> Result<Figures, Box<Violation>> {
        if self.asking {
            let trace = Trace::new(self.listener);
            return asking::Run::new(self.seed, self.days, self.prepare, self.bug, trace).run();
        }
        let adapters = (self.own_store, self.around_source);
        let trace = Trace::new(self.listener);
        let kind = Kind { restoring: self.restoring, zoned: self.zoned };
        Run::new(self.seed, self.days, self.prepare, adapters, kind, self.bug, trace).run()
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

/// Runs the worlds of these seeds on `threads` threads and adds up their figures. `world` creates each world.
///
/// # Errors
/// A [`Violation`], after which no further world is started. If several worlds fail, that of the smallest
/// seed.
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
