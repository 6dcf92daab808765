//! Work that workers claim: picked alike for notices and deliveries (rule N4).

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::id::{Owner, WorkerId};
use crate::domain::work::pick::{Waiting, WorkRoom, pick};
use crate::domain::work::retry::WorkRetry;
use crate::domain::work::row::{WorkRow, WorkState, WorkStatus};

/// A thing with a row of work.
pub(super) trait Queued: Clone {
    type Id: Copy + Ord + Into<Uuid>;
    type Target: Ord + Clone;

    fn work(&self) -> &WorkRow<Self::Id>;
    fn with_work(self, work: WorkRow<Self::Id>) -> Self;
    fn target(&self) -> Self::Target;
}

/// What a claim asks for.
pub(super) struct Asked<'a, W> {
    pub(super) worker: &'a WorkerId,
    pub(super) lease: Duration,
    pub(super) limit: usize,
    pub(super) per_target: Option<NonZeroU32>,
    /// Which work it is about at all.
    pub(super) concerns: &'a dyn Fn(&W) -> bool,
    /// Which of it may be taken.
    pub(super) takes: &'a dyn Fn(&W) -> bool,
    pub(super) now: DateTime<Utc>,
}

/// Takes work from workers whose lease has run out. Returns what was taken, as it is afterwards.
pub(super) fn take_over<W: Queued>(
    all: &mut BTreeMap<W::Id, W>,
    concerns: &dyn Fn(&W) -> bool,
    retry: &WorkRetry,
    now: DateTime<Utc>,
) -> Vec<W> {
    let mut abandoned = Vec::new();
    for one in all.values_mut().filter(|one| concerns(one)) {
        if let Some(work) = one.work().clone().abandoned(retry, now) {
            *one = one.clone().with_work(work);
            abandoned.push(one.clone());
        }
    }
    abandoned
}

/// Hands waiting work to a worker. Returns it, and the owner who was served last.
pub(super) fn claim<W: Queued>(
    all: &mut BTreeMap<W::Id, W>,
    asked: &Asked<'_, W>,
    turn: Option<Owner>,
) -> (Vec<W>, Option<Owner>) {
    let held = all.values().filter(|one| (asked.concerns)(one) && one.work().status() == WorkStatus::Held);
    let held: Vec<W::Target> = held.map(Queued::target).collect();
    let room = WorkRoom::new(asked.limit, asked.per_target, held);
    let due = due(all, asked);
    let mut waiting = MemoryWaiting { all, asked, due, taken: Vec::new() };
    let turn = match pick(&mut waiting, turn, room) {
        Ok(turn) => turn,
        Err(never) => match never {},
    };
    (waiting.taken, turn)
}

/// Returns the work of each owner that may be taken, in order.
fn due<W: Queued>(all: &BTreeMap<W::Id, W>, asked: &Asked<'_, W>) -> BTreeMap<Owner, VecDeque<W::Id>> {
    let place = |one: &W| match one.work().state {
        WorkState::Waiting { next_attempt_at } if next_attempt_at <= asked.now => {
            Some((next_attempt_at, one.work().id))
        }
        _ => None,
    };
    let wanted = all.values().filter(|one| (asked.concerns)(one) && (asked.takes)(one));
    let mut due: Vec<_> = wanted.filter_map(|one| Some((place(one)?, one))).collect();
    due.sort_by_key(|(place, _)| *place);
    let mut owners: BTreeMap<Owner, VecDeque<W::Id>> = BTreeMap::new();
    for (_, one) in due {
        owners.entry(one.work().owner.clone()).or_default().push_back(one.work().id);
    }
    owners
}

/// The waiting work in a claim, and what was taken so far.
struct MemoryWaiting<'a, W: Queued> {
    all: &'a mut BTreeMap<W::Id, W>,
    asked: &'a Asked<'a, W>,
    due: BTreeMap<Owner, VecDeque<W::Id>>,
    taken: Vec<W>,
}

impl<W: Queued> Waiting for MemoryWaiting<'_, W> {
    type Error = Infallible;
    type Target = W::Target;

    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, Infallible> {
        let mut owners = self.due.keys();
        Ok(owners.find(|owner| after.is_none_or(|after| *owner > after)).cloned())
    }

    fn take_next(
        &mut self,
        owner: &Owner,
        room: &WorkRoom<W::Target>,
    ) -> Result<Option<W::Target>, Infallible> {
        while let Some(id) = self.due.get_mut(owner).and_then(VecDeque::pop_front) {
            let Some(one) = self.all.get_mut(&id) else { continue };
            let target = one.target();
            // Room does not come back within a claim.
            if !room.has_room_for(&target) {
                continue;
            }
            let Asked { worker, lease, now, .. } = *self.asked;
            if let Some(work) = one.work().clone().taken(worker.clone(), now, lease) {
                *one = one.clone().with_work(work);
                self.taken.push(one.clone());
                return Ok(Some(target));
            }
        }
        Ok(None)
    }
}
