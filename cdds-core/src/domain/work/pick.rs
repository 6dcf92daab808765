//! Rule N4: which waiting work a worker takes, and in which order.
//!
//! Owners take turns. Within an owner the work that may have been taken first comes first. A limit keeps the
//! work of one target, which may hang, from filling all workers.
//!
//! Every catalog brings its [`Waiting`] work and calls [`pick`] in the transaction of a claim, so that all of
//! them pick alike.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::turns::{Line, Served, take_turns};
use crate::domain::id::Owner;

/// The waiting work of a catalog, as [`pick`] walks it.
pub trait Waiting {
    /// The error of the catalog.
    type Error;
    /// The other side of the work: a subscriber or a destination.
    type Target: Ord + Clone;

    /// Returns the first owner after `after`, in the order of [`Owner`], that may have waiting work; with
    /// `None`, the first of all.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, Self::Error>;

    /// Takes the owner's first work that may be taken now and whose target has room. Returns its target, or
    /// `None` if there is no such work.
    ///
    /// # Errors
    /// If the catalog cannot be read.
    fn take_next(
        &mut self,
        owner: &Owner,
        room: &WorkRoom<Self::Target>,
    ) -> Result<Option<Self::Target>, Self::Error>;
}

/// How much one claim may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkRoom<Target> {
    /// Rows that may still be taken.
    rows: usize,
    /// The maximum number of rows of one target that workers hold at the same time.
    per_target: Option<usize>,
    /// The number of rows of each target that workers hold.
    held: BTreeMap<Target, usize>,
}

impl<Target: Ord> WorkRoom<Target> {
    /// Returns the room of a claim for `rows`. `held` are the targets of the rows that workers hold, one per
    /// row.
    pub fn new(rows: usize, per_target: Option<NonZeroU32>, held: impl IntoIterator<Item = Target>) -> Self {
        let per_target = per_target.map(|limit| usize::try_from(limit.get()).unwrap_or(usize::MAX));
        let mut room = Self { rows, per_target, held: BTreeMap::new() };
        held.into_iter().for_each(|target| room.count(target));
        room
    }

    /// Returns whether workers may hold another row of this target.
    pub fn has_room_for(&self, target: &Target) -> bool {
        self.per_target.is_none_or(|limit| self.held.get(target).is_none_or(|held| *held < limit))
    }

    fn count(&mut self, target: Target) {
        *self.held.entry(target).or_default() += 1;
    }
}

/// Takes waiting work until the room is used up or nothing more may be taken (rule N4). `turn` is the owner
/// served last by any worker's earlier claim. Returns the owner served last after this one.
///
/// # Errors
/// The first error of the catalog.
pub fn pick<W: Waiting>(
    waiting: &mut W,
    turn: Option<Owner>,
    room: WorkRoom<W::Target>,
) -> Result<Option<Owner>, W::Error> {
    take_turns(&mut Picker { waiting, room }, turn)
}

/// A claim under way.
struct Picker<'w, W: Waiting> {
    waiting: &'w mut W,
    room: WorkRoom<W::Target>,
}

impl<W: Waiting> Line for Picker<'_, W> {
    type Error = W::Error;

    fn is_full(&self) -> bool {
        self.room.rows == 0
    }

    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, W::Error> {
        self.waiting.next_owner(after)
    }

    fn serve(&mut self, owner: &Owner) -> Result<Served, W::Error> {
        let Some(target) = self.waiting.take_next(owner, &self.room)? else {
            return Ok(Served::NothingLeft);
        };
        self.room.rows -= 1;
        self.room.count(target);
        Ok(Served::HadTurn)
    }
}
