//! Simulated worlds of deliveries and notices: sets on their way to places in which everything goes wrong.
//!
//! A [`DeliveryWorld`] runs the real engine in virtual time, like a [`World`](super::World), but publishes sets without
//! exporting them, so that its days are full of deliveries. One to three engines deliver to six places and tell two
//! subscribers. One place is down for a whole day, one shows another identity for some hours, one is full for a while,
//! one cannot rename, one is an object store, and in half of the worlds one hangs until the end. At any place any call
//! may fail, lose its reply, be cut short or hang. At any call to a place or to the catalog an engine may die, or stand
//! still for longer than its lease and go on. Partners take files away, and people ask for deliveries again.
//!
//! After every step these invariants are checked:
//!
//! - [`Invariant::Whole`]: nothing bears a final name that is not whole, and a manifest no set whose other files have not
//!   arrived. Where a server cannot rename, this holds for the manifest.
//! - [`Invariant::OnRecord`]: an engine sends nothing without an attempt on record, and nothing again that was confirmed
//!   and is still whole. It creates, removes and renames nothing before it has asked for its claim since it last stood
//!   still; what it has begun under a temporary name it may remove.
//! - [`Invariant::Arrives`]: each destination of a published set has its delivery, none is done before all has arrived,
//!   and none is given up without need. Nobody is told before it is true. At the end faults stop, people enable what was
//!   disabled and ask again for what was given up, and everything arrives and is told.
//! - [`Invariant::Alone`]: no more deliveries to a place are held than its limit allows. [`Crowd`] measures that places
//!   and endpoints which hang hardly delay the others.
//! - [`Invariant::I6`]: only the present claim ends an attempt.
//!
//! No destination can fence off a worker that stands still between its question for the claim and the call that follows.
//! Where files are renamed this happens and does no harm. Where they are written in place the call might cut a file of
//! others, so engines stand still anywhere but there.
//!
//! ```
//! use cdds_core::testing::sim::{DeliveryBug, DeliveryWorld, Invariant};
//!
//! let figures = DeliveryWorld::new(0).days(1).run().unwrap_or_else(|violation| panic!("{violation}"));
//! assert!(figures.delivered > 0);
//! let violation = DeliveryWorld::new(0).days(1).planted(DeliveryBug::ManifestFirst).run().unwrap_err();
//! assert_eq!(violation.invariant, Invariant::Whole);
//! ```

mod board;
mod bug;
mod certificates;
mod crowd;
mod hearer;
mod models;
mod place;
mod record;
mod run;
mod sets;
mod spots;

use std::fmt;

pub use self::bug::DeliveryBug;
pub use self::crowd::{Crowd, Waits};
use self::run::{Plan, Run};
#[expect(unused_imports, reason = "named by the documentation")]
use super::Invariant;
use super::Violation;

/// A simulated world of deliveries, ready to run.
#[derive(Debug, Clone, Copy)]
#[must_use = "a world does nothing until it is run"]
pub struct DeliveryWorld {
    seed: u64,
    days: u32,
    bug: Option<DeliveryBug>,
}

impl DeliveryWorld {
    /// Creates the world of this seed, with four days of faults.
    pub fn new(seed: u64) -> Self {
        Self { seed, days: 4, bug: None }
    }

    /// Sets the number of days with faults.
    pub fn days(self, days: u32) -> Self {
        Self { days, ..self }
    }

    /// Plants a bug for the simulation to find.
    pub fn planted(self, bug: DeliveryBug) -> Self {
        Self { bug: Some(bug), ..self }
    }

    /// Runs the world to its end.
    ///
    /// # Errors
    /// The first [`Violation`], if an invariant is broken.
    pub fn run(self) -> Result<DeliveryFigures, Box<Violation>> {
        Run::new(self.seed, self.bug, Plan::world(self.days)).run()
    }
}

/// Counts of what happened in one world of deliveries, or in many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeliveryFigures {
    /// Worlds.
    pub worlds: u64,
    /// Virtual time, in seconds.
    pub simulated_seconds: u64,
    /// Sets that were published.
    pub sets: u64,
    /// Attempts at deliveries.
    pub attempts: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Deliveries that were done.
    pub delivered: u64,
    /// Deliveries that were given up.
    pub given_up: u64,
    /// Deliveries that people asked for again.
    pub asked_again: u64,
    /// Places that were disabled.
    pub disabled: u64,
    /// Files that partners took away.
    pub taken: u64,
    /// Notices that were sent.
    pub told: u64,
    /// Calls to places that did not work.
    pub faults: u64,
    /// Engines that died.
    pub crashes: u64,
    /// Engines that stood still for longer than their lease.
    pub pauses: u64,
    /// Reports that were refused because the worker had lost its claim.
    pub fenced: u64,
}

impl DeliveryFigures {
    /// Adds the figures of another world.
    pub fn add(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.simulated_seconds += other.simulated_seconds;
        self.sets += other.sets;
        self.attempts += other.attempts;
        self.failed += other.failed;
        self.delivered += other.delivered;
        self.given_up += other.given_up;
        self.asked_again += other.asked_again;
        self.disabled += other.disabled;
        self.taken += other.taken;
        self.told += other.told;
        self.faults += other.faults;
        self.crashes += other.crashes;
        self.pauses += other.pauses;
        self.fenced += other.fenced;
    }
}

impl fmt::Display for DeliveryFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("worlds", self.worlds),
            ("simulated hours", self.simulated_seconds / 3_600),
            ("sets", self.sets),
            ("attempts", self.attempts),
            ("failed attempts", self.failed),
            ("delivered", self.delivered),
            ("given up", self.given_up),
            ("asked for again", self.asked_again),
            ("places disabled", self.disabled),
            ("files taken away", self.taken),
            ("notices told", self.told),
            ("faults of places", self.faults),
            ("crashes", self.crashes),
            ("pauses", self.pauses),
            ("fenced reports", self.fenced),
        ];
        for (index, (name, count)) in rows.into_iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{name:<18} {count:>12}")?;
        }
        Ok(())
    }
}
