//! How long places wait for their sets while others hang (N-I4).

use std::sync::Arc;
use std::time::Duration;

use super::super::report::{Invariant, Violation};
use super::super::time::{HOUR, SECOND};
use super::super::watch::step;
use super::board::Board;
use super::bug::DeliveryBug;
use super::run::{Plan, Run};
use super::sets::owners;
use super::spots::{Place, Trouble};
use crate::domain::delivery::destination::Naming;
use crate::domain::id::DestinationId;
use crate::domain::work::row::WorkState;
use crate::ports::catalog::DeliveryStore;
use crate::ports::catalog::query::DeliveryQuery;

/// The places that work.
const HEALTHY: usize = 4;
/// What is known of the places that hang is known after this time.
const KNOWN_AFTER: u64 = 180;

/// Two engines that deliver a set a minute to each of some places, of which some hang.
#[derive(Debug, Clone, Copy)]
#[must_use = "a crowd does nothing until it is run"]
pub struct Crowd {
    hung: bool,
    bug: Option<DeliveryBug>,
}

/// How long healthy places waited for a set, from its publication to its arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waits {
    /// The number of sets that were measured.
    pub sets: usize,
    /// One half waited no longer.
    pub p50: Duration,
    /// One in a hundred waited longer.
    pub p99: Duration,
}

impl Crowd {
    /// A crowd of four places that work.
    pub fn healthy() -> Self {
        Self { hung: false, bug: None }
    }

    /// A crowd of four places that work, and twenty that never answer.
    pub fn with_twenty_that_hang() -> Self {
        Self { hung: true, bug: None }
    }

    /// Plants a bug.
    pub fn planted(self, bug: DeliveryBug) -> Self {
        Self { bug: Some(bug), ..self }
    }

    /// Delivers for a quarter of an hour. Measures what is published once it is known which places hang.
    ///
    /// # Errors
    /// The first [`Violation`], if an invariant is broken.
    pub fn run(self) -> Result<Waits, Box<Violation>> {
        let places = if self.hung { with_hung } else { healthy };
        let plan = Plan { engines: 2, over: HOUR / 4, rate: 0, distance: 60 * SECOND, places: Some(places) };
        let run = Run::new(1, self.bug, plan);
        let board = Arc::clone(&run.board);
        run.run()?;
        let mut waits = waits(&board);
        waits.sort_unstable();
        let at = |percent: usize| waits.get(waits.len().saturating_sub(1) * percent / 100).copied();
        let (Some(p50), Some(p99)) = (at(50), at(99)) else {
            board.violate(Invariant::Alone, "nothing was delivered");
            let violation = board.state().violation.take();
            return violation
                .map_or(Ok(Waits { sets: 0, p50: Duration::ZERO, p99: Duration::ZERO }), |found| {
                    Err(Box::new(found))
                });
        };
        Ok(Waits { sets: waits.len(), p50, p99 })
    }
}

/// Returns how long each set took to a healthy place.
fn waits(board: &Board) -> Vec<Duration> {
    let mut waits = Vec::new();
    for owner in owners() {
        let rows = step(board.catalog.deliveries(&owner, &DeliveryQuery::default()));
        for row in rows.map(|page| page.items).unwrap_or_default() {
            let began = board.timeline.micros(row.created_at) / SECOND;
            match row.work.state {
                WorkState::Done { at }
                    if row.to.destination.as_str().starts_with("healthy") && began >= KNOWN_AFTER =>
                {
                    waits.push((at - row.created_at).to_std().unwrap_or_default());
                }
                _ => {}
            }
        }
    }
    waits
}

fn healthy(board: &Arc<Board>) -> Vec<Arc<Place>> {
    named(board, "healthy", HEALTHY, Trouble::None)
}

fn with_hung(board: &Arc<Board>) -> Vec<Arc<Place>> {
    [healthy(board), named(board, "hung", 20, Trouble::Hangs)].concat()
}

fn named(board: &Arc<Board>, name: &str, count: usize, trouble: Trouble) -> Vec<Arc<Place>> {
    let ids = (0..count).filter_map(|number| DestinationId::new(format!("{name}-{number}")).ok());
    let place = |id| Arc::new(Place::new(board, id, Naming::Rename, (trouble, 0, u64::MAX)));
    ids.map(place).collect()
}
