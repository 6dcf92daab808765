//! Notices: stored when an execution ends, claimed and settled by those who send them (rules N2, N4, N5).

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;

use chrono::{DateTime, Utc};

use super::state::{State, conflict};
use crate::domain::id::{ExecutionId, NoticeId, Owner, Subscriber};
use crate::domain::notice::{Channel, Notice};
use crate::domain::work::pick::{Waiting, WorkRoom, pick};
use crate::domain::work::row::{WorkOutcome, WorkState, WorkStatus};
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Fence, NoticeClaim};

/// All notices, and whose turn it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Notices {
    pub(super) all: BTreeMap<NoticeId, Notice>,
    /// The owner who was served last, per channel (rule N4).
    turns: BTreeMap<Channel, Owner>,
}

impl Notices {
    pub(super) fn insert(&mut self, notices: Vec<Notice>) {
        self.all.extend(notices.into_iter().map(|notice| (notice.work.id, notice)));
    }

    /// Gives up the notices of an execution that is deleted.
    pub(super) fn cancel(&mut self, execution: ExecutionId, now: DateTime<Utc>) {
        for notice in self.all.values_mut().filter(|notice| notice.execution_id == execution) {
            notice.work = notice.work.clone().cancelled(now);
        }
    }

    /// Forgets the notices of an execution. Returns their number.
    pub(super) fn remove(&mut self, execution: ExecutionId) -> usize {
        let known = self.all.len();
        self.all.retain(|_, notice| notice.execution_id != execution);
        known - self.all.len()
    }

    /// Forgets which owner was served last, per channel.
    pub(super) fn forget_turns(&mut self) {
        self.turns.clear();
    }

    fn take_over(&mut self, claim: &NoticeClaim, now: DateTime<Utc>) {
        for notice in self.all.values_mut().filter(|notice| notice.channel == claim.channel) {
            if let Some(work) = notice.work.clone().abandoned(&claim.retry, now) {
                notice.work = work;
            }
        }
    }

    /// Returns the notices of each owner that may be sent, in order.
    fn due(&self, channel: Channel, now: DateTime<Utc>) -> BTreeMap<Owner, VecDeque<NoticeId>> {
        let place = |notice: &Notice| match notice.work.state {
            WorkState::Waiting { next_attempt_at } if next_attempt_at <= now => {
                Some((next_attempt_at, notice.work.id))
            }
            _ => None,
        };
        let of_channel = self.all.values().filter(|notice| notice.channel == channel);
        let mut due: Vec<_> = of_channel.filter_map(|notice| Some((place(notice)?, notice))).collect();
        due.sort_by_key(|(place, _)| *place);
        let mut owners: BTreeMap<Owner, VecDeque<NoticeId>> = BTreeMap::new();
        for (_, notice) in due {
            owners.entry(notice.work.owner.clone()).or_default().push_back(notice.work.id);
        }
        owners
    }
}

impl State {
    pub(super) fn claim_notices(&mut self, claim: &NoticeClaim, now: DateTime<Utc>) -> Vec<Notice> {
        let notices = &mut self.notices;
        notices.take_over(claim, now);
        let of_channel = notices.all.values().filter(|notice| notice.channel == claim.channel);
        let held = of_channel.filter(|notice| notice.work.status() == WorkStatus::Held);
        let held: Vec<Subscriber> = held.map(|notice| notice.subscriber.clone()).collect();
        let room = WorkRoom::new(claim.limit, claim.per_subscriber, held);
        let (due, turn) = (notices.due(claim.channel, now), notices.turns.get(&claim.channel).cloned());
        let mut waiting = MemoryWaiting { notices, claim, now, due, taken: Vec::new() };
        let turn = match pick(&mut waiting, turn, room) {
            Ok(turn) => turn,
            Err(never) => match never {},
        };
        let taken = waiting.taken;
        self.notices.turns.extend(turn.map(|owner| (claim.channel, owner)));
        taken
    }

    pub(super) fn settle_notice(
        &mut self,
        fence: Fence<NoticeId>,
        outcome: &WorkOutcome,
        now: DateTime<Utc>,
    ) -> Result<Notice, CatalogError> {
        let lost = |why: String| CatalogError::new(CatalogErrorKind::Fenced, why);
        let found = self.notices.all.get_mut(&fence.id);
        let notice = found.ok_or_else(|| lost(format!("notice {} is gone", fence.id)))?;
        let settled = notice.work.clone().settled(fence.epoch, outcome, now);
        notice.work = settled.map_err(|error| lost(error.to_string()))?;
        Ok(notice.clone())
    }

    pub(super) fn ask_notice_again(
        &mut self,
        owner: &Owner,
        id: NoticeId,
        now: DateTime<Utc>,
    ) -> Result<Notice, CatalogError> {
        let found = self.notices.all.get_mut(&id).filter(|notice| notice.work.owner == *owner);
        let notice = found.ok_or_else(|| conflict(format!("there is no notice {id}")))?;
        let again = notice.work.clone().asked_again(now);
        notice.work = again.map_err(|why| conflict(format!("notice {id} cannot be sent again: {why}")))?;
        Ok(notice.clone())
    }
}

/// The waiting notices in a claim, and what was taken so far.
struct MemoryWaiting<'a> {
    notices: &'a mut Notices,
    claim: &'a NoticeClaim,
    now: DateTime<Utc>,
    due: BTreeMap<Owner, VecDeque<NoticeId>>,
    taken: Vec<Notice>,
}

impl Waiting for MemoryWaiting<'_> {
    type Error = Infallible;
    type Target = Subscriber;

    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, Infallible> {
        let mut owners = self.due.keys();
        Ok(owners.find(|owner| after.is_none_or(|after| *owner > after)).cloned())
    }

    fn take_next(
        &mut self,
        owner: &Owner,
        room: &WorkRoom<Subscriber>,
    ) -> Result<Option<Subscriber>, Infallible> {
        while let Some(id) = self.due.get_mut(owner).and_then(VecDeque::pop_front) {
            let Some(notice) = self.notices.all.get_mut(&id) else { continue };
            // Room does not come back within a claim.
            if !room.has_room_for(&notice.subscriber) {
                continue;
            }
            let NoticeClaim { worker, lease, .. } = self.claim;
            if let Some(work) = notice.work.clone().taken(worker.clone(), self.now, *lease) {
                notice.work = work;
                self.taken.push(notice.clone());
                return Ok(Some(notice.subscriber.clone()));
            }
        }
        Ok(None)
    }
}
