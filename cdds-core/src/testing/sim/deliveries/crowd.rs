//! How long places wait for their sets, and endpoints for their notices, while others hang (N-I4).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::report::{Invariant, Violation};
use super::super::time::{HOUR, SECOND};
use super::super::watch::step;
use super::board::Board;
use super::bug::DeliveryBug;
use super::hearer::HANGS;
use super::run::{Plan, Run};
use super::sets::owners;
use super::spots::{Place, Trouble};
use crate::domain::delivery::destination::Naming;
use crate::domain::id::{DestinationId, Owner};
use crate::domain::work::row::WorkState;
use crate::ports::catalog::query::{DeliveryQuery, NoticeQuery};
use crate::ports::catalog::{DeliveryStore, Outbox};

/// The places and endpoints that work, of each.
const HEALTHY: usize = 4;
/// How many hang, if some do.
const HUNG: usize = 20;
/// It is known after this time, in seconds, which places hang.
const PLACES_KNOWN_AFTER: u64 = 180;
/// And which endpoints: more hang than are tried at once, so that this takes two time-outs of two minutes.
const ENDPOINTS_KNOWN_AFTER: u64 = 300;

/// Two engines that deliver a set a minute to each of some places, of which some may hang, and tell some endpoints of
/// each set, of which some may hang, too.
#[derive(Debug, Clone, Copy)]
#[must_use = "a crowd does nothing until it is run"]
pub struct Crowd {
    hung: Hung,
    bug: Option<DeliveryBug>,
}

/// What hangs.
#[derive(Debug, Clone, Copy)]
enum Hung {
    Nothing,
    Places,
    Endpoints,
}

/// How long healthy places waited for a set, from its publication to its arrival, or healthy endpoints for a notice,
/// from its cause to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waits {
    /// The number of sets or notices that were measured.
    pub measured: usize,
    /// One half waited no longer.
    pub p50: Duration,
    /// One in a hundred waited longer.
    pub p99: Duration,
}

impl Crowd {
    /// A crowd of four places and four endpoints that work.
    pub fn healthy() -> Self {
        Self { hung: Hung::Nothing, bug: None }
    }

    /// A crowd of four places and endpoints that work, and twenty places that never answer.
    pub fn with_twenty_that_hang() -> Self {
        Self { hung: Hung::Places, bug: None }
    }

    /// A crowd of four places and endpoints that work, and twenty endpoints that never answer.
    pub fn with_twenty_endpoints_that_hang() -> Self {
        Self { hung: Hung::Endpoints, bug: None }
    }

    /// Plants a bug.
    pub fn planted(self, bug: DeliveryBug) -> Self {
        Self { bug: Some(bug), ..self }
    }

    /// Delivers for a quarter of an hour. Measures the sets that are published once it is known what hangs.
    ///
    /// # Errors
    /// The first [`Violation`], if an invariant is broken.
    pub fn run(self) -> Result<Waits, Box<Violation>> {
        percentiles(&*self.run_to_the_end()?, PLACES_KNOWN_AFTER, deliveries)
    }

    /// Delivers for a quarter of an hour, too. Measures the notices that are stored once it is known what hangs.
    ///
    /// # Errors
    /// The first [`Violation`], if an invariant is broken.
    pub fn run_for_notices(self) -> Result<Waits, Box<Violation>> {
        percentiles(&*self.run_to_the_end()?, ENDPOINTS_KNOWN_AFTER, notices)
    }

    fn run_to_the_end(self) -> Result<Arc<Board>, Box<Violation>> {
        let places = if matches!(self.hung, Hung::Places) { with_hung } else { healthy };
        let subscribed = if matches!(self.hung, Hung::Endpoints) { endpoints_with_hung } else { endpoints };
        let plan = Plan {
            engines: 2,
            over: HOUR / 4,
            rate: 0,
            distance: 60 * SECOND,
            places: Some(places),
            subscribed,
        };
        let run = Run::new(1, self.bug, plan);
        let board = Arc::clone(&run.board);
        run.run()?;
        Ok(board)
    }
}

/// When waiting began, and when it ended.
type Waited = (DateTime<Utc>, DateTime<Utc>);

/// Returns how long each waited, of those that began late enough.
fn percentiles(
    board: &Board,
    known_after: u64,
    waits: fn(&Board, &Owner) -> Vec<Waited>,
) -> Result<Waits, Box<Violation>> {
    let all = owners().into_iter().flat_map(|owner| waits(board, &owner));
    let known = all.filter(|(began, _)| board.timeline.micros(*began) / SECOND >= known_after);
    let mut waits: Vec<Duration> =
        known.map(|(began, ended)| (ended - began).to_std().unwrap_or_default()).collect();
    waits.sort_unstable();
    let at = |percent: usize| waits.get(waits.len().saturating_sub(1) * percent / 100).copied();
    if let (Some(p50), Some(p99)) = (at(50), at(99)) {
        return Ok(Waits { measured: waits.len(), p50, p99 });
    }
    board.violate(Invariant::Alone, "nothing was measured");
    let none = Waits { measured: 0, p50: Duration::ZERO, p99: Duration::ZERO };
    board.state().violation.take().map_or(Ok(none), |found| Err(Box::new(found)))
}

/// Returns when each set to a healthy place was published, and when it arrived.
fn deliveries(board: &Board, owner: &Owner) -> Vec<Waited> {
    let rows = step(board.catalog.deliveries(owner, &DeliveryQuery::default()));
    let rows = rows.map(|page| page.items).unwrap_or_default().into_iter();
    let rows = rows.filter(|row| row.to.destination.as_str().starts_with("healthy"));
    rows.filter_map(|row| Some((row.created_at, done_at(&row.work.state)?))).collect()
}

/// Returns when each notice to a healthy endpoint was stored, and when it was told.
fn notices(board: &Board, owner: &Owner) -> Vec<Waited> {
    let rows = step(board.catalog.notices(owner, &NoticeQuery::default()));
    let rows = rows.map(|page| page.items).unwrap_or_default().into_iter();
    let rows = rows.filter(|row| row.subscriber.as_str().starts_with("healthy"));
    rows.filter_map(|row| Some((row.at, done_at(&row.work.state)?))).collect()
}

fn done_at(state: &WorkState) -> Option<DateTime<Utc>> {
    match state {
        WorkState::Done { at } => Some(*at),
        _ => None,
    }
}

fn endpoints() -> Vec<String> {
    (0..HEALTHY).map(|number| format!("webhook:healthy-{number}")).collect()
}

fn endpoints_with_hung() -> Vec<String> {
    let hung = (0..HUNG).map(|number| format!("webhook:{HANGS}-{number}"));
    endpoints().into_iter().chain(hung).collect()
}

fn healthy(board: &Arc<Board>) -> Vec<Arc<Place>> {
    named(board, "healthy", HEALTHY, Trouble::None)
}

fn with_hung(board: &Arc<Board>) -> Vec<Arc<Place>> {
    [healthy(board), named(board, "hung", HUNG, Trouble::Hangs)].concat()
}

fn named(board: &Arc<Board>, name: &str, count: usize, trouble: Trouble) -> Vec<Arc<Place>> {
    let ids = (0..count).filter_map(|number| DestinationId::new(format!("{name}-{number}")).ok());
    let place = |id| Arc::new(Place::new(board, id, Naming::Rename, (trouble, 0, u64::MAX)));
    ids.map(place).collect()
}
