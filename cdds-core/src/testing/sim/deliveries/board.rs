//! What everything in a world of deliveries shares: time, faults and the checks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::executor::give_way;
use super::super::report::{Event, Invariant, What, Who};
use super::super::shared::lock;
use super::super::time::{MILLISECOND, Micros, SECOND, Timeline};
use super::super::verdict::Violation;
use super::bug::DeliveryBug;
use super::models::{Expected, SetAt, State};
use super::spots::Place;
use crate::domain::delivery::destination::Naming;
use crate::domain::delivery::path::RemotePath;
use crate::domain::delivery::{Delivery, delivery_id};
use crate::domain::id::{DeliveryId, Owner};
use crate::domain::work::row::WorkState;
use crate::ports::catalog::DeliveryStore;
use crate::ports::catalog::query::DeliveryQuery;
use crate::testing::MemoryCatalog;

/// The number of events that a violation shows.
const EVENTS_SHOWN: usize = 100;

/// The world as its engines, its people and its places see it.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) seed: u64,
    pub(super) timeline: Timeline,
    pub(super) catalog: Arc<MemoryCatalog>,
    pub(super) bug: Option<DeliveryBug>,
    /// How often something goes wrong, per thousand calls.
    pub(super) rate: u64,
    storm: AtomicBool,
    state: Mutex<State>,
}

/// What befalls an engine at a call.
enum Stumble {
    Nothing,
    Yields,
    Takes(Micros),
    Dies,
    Stops(Micros),
}

impl Board {
    pub(super) fn new(
        seed: u64,
        timeline: Timeline,
        catalog: Arc<MemoryCatalog>,
        bug: Option<DeliveryBug>,
        (engines, rate): (usize, u64),
    ) -> Self {
        let state = Mutex::new(State::new(seed, engines));
        Self { seed, timeline, catalog, bug, rate, storm: AtomicBool::new(true), state }
    }

    pub(super) fn has(&self, bug: DeliveryBug) -> bool {
        self.bug == Some(bug)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Whether things go wrong at present.
    pub(super) fn storms(&self) -> bool {
        self.storm.load(Ordering::Relaxed)
    }

    pub(super) fn calm_down(&self) {
        self.storm.store(false, Ordering::Relaxed);
    }

    pub(super) fn note(&self, who: Who, note: impl Into<String>) {
        let event = Event { at: self.timeline.now(), who, what: What::Note(note.into()) };
        let mut state = self.state();
        if state.events.len() >= 2 * EVENTS_SHOWN {
            state.events.drain(..EVENTS_SHOWN);
        }
        state.events.push(event);
    }

    /// Notes a violation. Only the first one counts.
    pub(super) fn violate(&self, invariant: Invariant, what: impl Into<String>) {
        let mut state = self.state();
        if state.violation.is_none() {
            let skipped = state.events.len().saturating_sub(EVENTS_SHOWN);
            let events = state.events.iter().skip(skipped).cloned().collect();
            let at = self.timeline.now();
            state.violation = Some(Violation { seed: self.seed, invariant, at, what: what.into(), events });
        }
    }

    pub(super) fn is_violated(&self) -> bool {
        self.state().violation.is_some()
    }

    /// Draws a number below `bound`.
    pub(super) fn below(&self, bound: u64) -> u64 {
        self.state().dice.below(bound)
    }

    /// Lets an engine meet its fate before or after a call.
    pub(super) async fn stumble(&self, engine: usize) {
        self.stumble_more(engine, 1).await;
    }

    /// Like `stumble`, but lets the engine stand still so many times as often.
    pub(super) async fn stumble_more(&self, engine: usize, often: u64) {
        match self.draw(engine, often) {
            Stumble::Nothing => {}
            Stumble::Yields => give_way().await,
            Stumble::Takes(time) => self.timeline.sleep(time).await,
            Stumble::Dies => {
                self.note(Who::Engine(engine), "dies");
                std::future::pending::<()>().await;
            }
            Stumble::Stops(until) => {
                let until = self.timeline.instant(until);
                self.note(Who::Engine(engine), format!("stands still until {until}"));
                give_way().await;
            }
        }
    }

    fn draw(&self, engine: usize, often: u64) -> Stumble {
        let storms = self.storms();
        let now = self.timeline.elapsed();
        let mut state = self.state();
        let throw = state.dice.below(10_000);
        let (dies, stops) = (2 * self.rate.min(3), 3 * self.rate.min(3) * often);
        match throw {
            _ if !storms => {}
            throw if throw < dies => {
                state.lives[engine].dies = true;
                return Stumble::Dies;
            }
            throw if throw < dies + stops => {
                let until = now + state.dice.between(61, 400) * SECOND;
                state.lives[engine].stops_until = Some(until);
                return Stumble::Stops(until);
            }
            _ => {}
        }
        match throw % 10 {
            0..6 => Stumble::Takes(state.dice.between(1, 60) * MILLISECOND),
            6 => Stumble::Yields,
            _ => Stumble::Nothing,
        }
    }

    /// Whether a call to the catalog fails.
    pub(super) fn loses(&self) -> bool {
        self.rate > 0 && self.storms() && self.below(100) == 0
    }

    /// Returns a delivery as it is on record.
    pub(super) fn delivery(&self, owner: &Owner, id: DeliveryId) -> Option<Delivery> {
        let query = DeliveryQuery::default().with_id(id);
        let page = super::super::watch::step(self.catalog.deliveries(owner, &query));
        page.ok()?.items.into_iter().next()
    }

    /// N-I3: an engine that creates a file has an attempt on record, and the file was not confirmed before, unless a late
    /// engine has cut or removed it since.
    pub(super) fn check_sending(&self, engine: usize, place: &Place, path: &RemotePath) {
        self.state().lives[engine].began.insert((place.id.clone(), path.clone()));
        let Some((expected, set)) = self.check_claim(engine, place, path, "creates") else { return };
        let is_mended = place.naming == Naming::Direct && !place.has_whole(self, path);
        if expected.index < set.confirmed && !is_mended {
            let told = format!("{path} is sent again, but {} files were confirmed", set.confirmed);
            self.violate(Invariant::OnRecord, told);
        }
    }

    /// N-I3: an engine removes or replaces nothing without a claim, save the temporary files that it has begun itself.
    pub(super) fn check_touching(&self, engine: usize, place: &Place, path: &RemotePath, does: &str) {
        let began = (place.id.clone(), path.clone());
        let is_own = final_path(path) != *path && self.state().lives[engine].began.contains(&began);
        if !is_own {
            self.check_claim(engine, place, path, does);
        }
    }

    /// Checks that an engine holds the claim for a file, and has asked for it since it last stood still. Returns what is
    /// known of the file; `None` if the check fails, or there is nothing to check.
    fn check_claim(
        &self,
        engine: usize,
        place: &Place,
        path: &RemotePath,
        does: &str,
    ) -> Option<(Expected, SetAt)> {
        // A probe, which no delivery is about.
        if path.name().starts_with(".cdds-probe") || path.name().starts_with("cdds-probe") {
            return None;
        }
        let found = {
            let state = self.state();
            let final_path = final_path(path);
            let spot = (place.id.clone(), final_path);
            state.expected.get(&spot).and_then(|expected| {
                let set = state.sets.get(&expected.delivery)?.clone();
                let life = &state.lives[engine];
                let held = life.holds.get(&expected.delivery).copied();
                Some((expected.clone(), set, held, life.thawed.contains(&expected.delivery)))
            })
        };
        let Some((expected, set, held, is_thawed)) = found else {
            self.violate(Invariant::Whole, format!("{path} is no file of any set at {}", place.id));
            return None;
        };
        let Some(epoch) = held else {
            let told = format!("engine {engine} {does} {path} without a claim of {}", expected.delivery);
            self.violate(Invariant::OnRecord, told);
            return None;
        };
        if is_thawed {
            let told = format!("engine {engine} stood still, and {does} {path} before it has asked");
            self.violate(Invariant::OnRecord, told);
            return None;
        }
        let Some(row) = self.delivery(&set.owner, expected.delivery) else {
            let told = format!("engine {engine} {does} {path}, but no delivery is on record");
            self.violate(Invariant::OnRecord, told);
            return None;
        };
        let is_held = matches!(row.work.state, WorkState::Held { .. }) && row.work.attempts.count > 0;
        if row.work.epoch != epoch || !is_held {
            let told =
                format!("engine {engine} {does} {path} by claim {epoch}, but the record has {:?}", row.work);
            self.violate(Invariant::OnRecord, told);
            return None;
        }
        Some((expected, set))
    }

    /// N-I1: looks at a file after a call, and at what its presence promises.
    pub(super) fn check_place(&self, place: &Place, path: &RemotePath) {
        let mut state = self.state();
        let Some(expected) = state.expected.get(&(place.id.clone(), path.clone())).cloned() else { return };
        let Some(set) = state.sets.get(&expected.delivery).cloned() else { return };
        let there = place.memory.file(path);
        let is_whole = there.as_ref() == Some(&expected.bytes);
        if is_whole {
            state.arrived.insert((place.id.clone(), path.clone()));
        }
        let missing = state.missing(&set);
        drop(state);
        if there.is_some() && !is_whole && place.naming != Naming::Direct {
            let bytes = there.map_or(0, |bytes| bytes.len());
            let told = format!("{path} has {bytes} bytes of {} at {}", expected.bytes.len(), place.id);
            return self.violate(Invariant::Whole, told);
        }
        let Some(manifest) = set.files.last() else { return };
        if there.is_none() && place.naming == Naming::Direct && place.has_whole(self, manifest) {
            let told = format!("the manifest is at {}, but {path} is gone", place.id);
            return self.violate(Invariant::Whole, told);
        }
        if path == manifest && is_whole {
            if let Some(missing) = missing {
                let told = format!("the manifest {path} is at {}, but {missing} never was", place.id);
                self.violate(Invariant::Whole, told);
            }
        } else if !is_whole && there.is_some() && place.has_whole(self, manifest) {
            let told = format!("the manifest is at {}, but {path} is not whole", place.id);
            self.violate(Invariant::Whole, told);
        }
    }

    /// Returns whether everything has arrived and was told.
    pub(super) fn left(&self) -> Option<String> {
        let sets: Vec<_> = self.state().sets.iter().map(|(id, set)| (*id, set.clone())).collect();
        let mut rows: BTreeMap<DeliveryId, Delivery> = BTreeMap::new();
        for owner in super::sets::owners() {
            let page = super::super::watch::step(self.catalog.deliveries(&owner, &DeliveryQuery::default()));
            rows.extend(page.into_iter().flat_map(|page| page.items).map(|row| (row.work.id, row)));
        }
        for (id, set) in sets {
            match rows.remove(&id) {
                Some(Delivery { work, .. }) if matches!(work.state, WorkState::Done { .. }) => {}
                Some(row) => return Some(format!("{:?} to {}", row.work, set.destination)),
                None => return Some(format!("delivery {id} to {} is not on record", set.destination)),
            }
        }
        None
    }
}

impl Place {
    /// Whether a file is there as it should be.
    fn has_whole(&self, board: &Board, path: &RemotePath) -> bool {
        let state = board.state();
        let expected = state.expected.get(&(self.id.clone(), path.clone()));
        expected.is_some_and(|expected| self.memory.file(path).as_ref() == Some(&expected.bytes))
    }
}

/// Returns the final path of a file that is written under this one.
fn final_path(path: &RemotePath) -> RemotePath {
    let name = path.name();
    let temporary = name.strip_suffix(".part").and_then(|name| name.rsplit_once('.'));
    temporary.map_or_else(|| path.clone(), |(name, _claim)| path.folder().join(name))
}

/// Returns the id of the delivery of a set to a place.
pub(super) fn delivery_to(set: crate::domain::id::ExecutionId, place: &Place) -> DeliveryId {
    delivery_id(set, &place.id)
}
