//! The places to which a world delivers, and their troubles.

use std::sync::Arc;

use super::super::time::{HOUR, Micros};
use super::board::Board;
use crate::domain::delivery::destination::{DestinationDescription, Naming, ServerIdentity};
use crate::domain::id::DestinationId;
use crate::ports::destination::{Destination, DestinationErrorKind};
use crate::testing::MemoryDestination;
use crate::testing::destination::{Fate, RemoteCall};

/// What is wrong with a place for a while, besides single calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    None,
    /// Not reachable.
    Down,
    /// No room.
    Full,
    /// It never answers.
    Hangs,
    /// It shows another identity.
    OtherIdentity,
}

/// A place to deliver to. All engines share its files.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: DestinationId,
    pub(super) naming: Naming,
    pub(super) memory: MemoryDestination,
    /// The same files behind another identity.
    pub(super) other: MemoryDestination,
    trouble: Trouble,
    from: Micros,
    to: Micros,
}

impl Place {
    pub(super) fn new(
        board: &Arc<Board>,
        id: DestinationId,
        naming: Naming,
        (trouble, from, to): (Trouble, Micros, Micros),
    ) -> Self {
        let fate = {
            let board = Arc::clone(board);
            move |call: &RemoteCall| board.fate(naming, (trouble, from, to), call)
        };
        let memory = MemoryDestination::new(id.clone())
            .described(|description| description.with_naming(naming))
            .with_fate(fate)
            .with_identity(ServerIdentity::new(format!("SHA256:{id}")));
        let other = memory.clone().with_identity(ServerIdentity::new("SHA256:another"));
        Self { id, naming, memory, other, trouble, from, to }
    }

    pub(super) fn describe(&self) -> &DestinationDescription {
        self.memory.describe()
    }

    /// Returns what answers at present.
    pub(super) fn present(&self, board: &Board) -> &MemoryDestination {
        let shows_other = self.trouble == Trouble::OtherIdentity && self.is_troubled(board);
        if shows_other { &self.other } else { &self.memory }
    }

    fn is_troubled(&self, board: &Board) -> bool {
        is_troubled(board, (self.trouble, self.from, self.to))
    }

    /// Whether a delivery to this place may be given up: for good reasons, a person has to look first.
    pub(super) fn may_refuse(&self) -> bool {
        self.trouble == Trouble::OtherIdentity
    }
}

fn is_troubled(board: &Board, (trouble, from, to): (Trouble, Micros, Micros)) -> bool {
    let now = board.timeline.elapsed();
    board.storms() && trouble != Trouble::None && (from..to).contains(&now)
}

impl Board {
    /// Decides what becomes of a call to a place.
    fn fate(&self, naming: Naming, when: (Trouble, Micros, Micros), call: &RemoteCall) -> Fate {
        let fate = self.drawn_fate(naming, when, call);
        if fate != Fate::Works {
            self.state().figures.faults += 1;
        }
        fate
    }

    fn drawn_fate(&self, naming: Naming, when: (Trouble, Micros, Micros), call: &RemoteCall) -> Fate {
        let writes = matches!(call, RemoteCall::Create(_) | RemoteCall::Write(_) | RemoteCall::Finish(_));
        if is_troubled(self, when) {
            match when.0 {
                Trouble::Down => return Fate::Fails(DestinationErrorKind::Unavailable),
                Trouble::Hangs => return Fate::Hangs,
                Trouble::Full if writes => return Fate::Fails(DestinationErrorKind::Full),
                Trouble::Full | Trouble::OtherIdentity | Trouble::None => {}
            }
        }
        if !self.storms() || self.rate == 0 {
            return Fate::Works;
        }
        // An object store does not show half an object. And what is written in place may be another claim's when it is
        // closed; a server that cut it then would do so to anybody.
        let closes_in_place = naming == Naming::Direct && matches!(call, RemoteCall::Finish(_));
        let may_cut = writes && naming != Naming::Whole && !closes_in_place;
        match self.below(1_000) / self.rate.max(1) {
            0..3 => Fate::Fails(DestinationErrorKind::Unavailable),
            3..5 => Fate::ReplyLost,
            5 | 6 if may_cut => Fate::CutsShort,
            7 if writes => Fate::Fails(DestinationErrorKind::Full),
            8 if self.below(4) == 0 => Fate::Hangs,
            _ => Fate::Works,
        }
    }
}

/// Returns the places of a world: each has a trouble of its own.
pub(super) fn places(board: &Arc<Board>, seed: u64, days: u32) -> Vec<Arc<Place>> {
    let over = u64::from(days) * 24 * HOUR;
    // Late enough for something to be on its way, and early enough to be over before faults stop.
    let day = (6 * HOUR, 30 * HOUR);
    let hangs = if seed.is_multiple_of(2) { Trouble::Hangs } else { Trouble::None };
    let all = [
        ("plain", Naming::Rename, (Trouble::None, 0, 0)),
        ("down", Naming::Rename, (Trouble::Down, day.0, day.1)),
        ("in-place", Naming::Direct, (Trouble::None, 0, 0)),
        ("objects", Naming::Whole, (Trouble::Full, 10 * HOUR, 14 * HOUR)),
        ("hung", Naming::Rename, (hangs, HOUR, over)),
        ("changed", Naming::Rename, (Trouble::OtherIdentity, 8 * HOUR, 12 * HOUR)),
    ];
    let place = |(name, naming, trouble)| {
        let id = DestinationId::new(name).ok()?;
        Some(Arc::new(Place::new(board, id, naming, trouble)))
    };
    all.into_iter().filter_map(place).collect()
}
