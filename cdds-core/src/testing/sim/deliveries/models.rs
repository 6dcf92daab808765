//! What should be at the places, and what the engines hold.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::super::dice::Dice;
use super::super::report::Event;
use super::super::time::Micros;
use super::super::verdict::Violation;
use super::DeliveryFigures;
use crate::domain::delivery::path::RemotePath;
use crate::domain::id::{DeliveryId, DestinationId, ExecutionId, NoticeId, Owner};

/// A place and a path in it.
pub(super) type Spot = (DestinationId, RemotePath);

/// A file that is to arrive.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) delivery: DeliveryId,
    /// Its place in the order in which files are sent.
    pub(super) index: u32,
    pub(super) bytes: Bytes,
}

/// A set on its way to one place.
#[derive(Debug, Clone)]
pub(super) struct SetAt {
    pub(super) execution: ExecutionId,
    pub(super) owner: Owner,
    pub(super) destination: DestinationId,
    /// All of its files; the manifest is the last one.
    pub(super) files: Vec<RemotePath>,
    /// The files that people were promised not to be sent again.
    pub(super) confirmed: u32,
}

/// One engine in its present life.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Whether it dies at its present await.
    pub(super) dies: bool,
    /// Until when it stands still from its present await on.
    pub(super) stops_until: Option<Micros>,
    /// Whether it stands still.
    pub(super) stopped: bool,
    /// The deliveries that it believes to hold, each with the epoch of its claim.
    pub(super) holds: BTreeMap<DeliveryId, u64>,
    /// Those of them that it held when it stood still, and of which it has not heard since.
    pub(super) thawed: BTreeSet<DeliveryId>,
    /// The files that it has begun to write, by the names under which it did.
    pub(super) began: BTreeSet<Spot>,
    /// The notices that it believes to hold.
    pub(super) tells: BTreeSet<NoticeId>,
}

/// Everything that a world knows.
#[derive(Debug)]
pub(super) struct State {
    pub(super) dice: Dice,
    pub(super) lives: Vec<Life>,
    pub(super) expected: BTreeMap<Spot, Expected>,
    pub(super) sets: BTreeMap<DeliveryId, SetAt>,
    /// The files that have been whole under their final names.
    pub(super) arrived: BTreeSet<Spot>,
    pub(super) told: BTreeSet<NoticeId>,
    /// The notices of certificates that were stored.
    pub(super) reminded: BTreeSet<NoticeId>,
    /// When certificates were replaced, by their fingerprints.
    pub(super) replaced: BTreeMap<String, DateTime<Utc>>,
    /// The executions of which a delivery was given up.
    pub(super) given_up: BTreeSet<ExecutionId>,
    pub(super) figures: DeliveryFigures,
    pub(super) events: Vec<Event>,
    pub(super) violation: Option<Violation>,
}

impl State {
    pub(super) fn new(seed: u64, engines: usize) -> Self {
        Self {
            dice: Dice::new(seed, 501),
            lives: (0..engines).map(|_| Life::default()).collect(),
            expected: BTreeMap::new(),
            sets: BTreeMap::new(),
            arrived: BTreeSet::new(),
            told: BTreeSet::new(),
            reminded: BTreeSet::new(),
            replaced: BTreeMap::new(),
            given_up: BTreeSet::new(),
            figures: DeliveryFigures { worlds: 1, ..DeliveryFigures::default() },
            events: Vec::new(),
            violation: None,
        }
    }

    /// Whether an engine stood still on its way with a file, and has not asked for its claim since.
    pub(super) fn is_late(&self, engine: usize, spot: &Spot) -> bool {
        let (life, expected) = (self.lives.get(engine), self.expected.get(spot));
        life.zip(expected).is_some_and(|(life, expected)| life.thawed.contains(&expected.delivery))
    }

    /// Returns the first file of a set that has never been whole at its place.
    pub(super) fn missing(&self, set: &SetAt) -> Option<RemotePath> {
        let mut files = set.files.iter();
        files.find(|path| !self.arrived.contains(&(set.destination.clone(), (*path).clone()))).cloned()
    }
}
