//! Deliveries and notices of a run: how many came to which end, and a line for each attempt.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use cdds_core::domain::delivery::Delivery;
use cdds_core::domain::id::DeliveryId;
use cdds_core::domain::notice::Notice;
use cdds_core::domain::work::row::{GivenUp, WorkRow, WorkState, WorkStatus};
use cdds_view::{DeliveryState, NoticeState, NoticeView, Tone};
use chrono::SecondsFormat;

use super::Follower;
use super::event::Record;
use crate::console::Telling;
use crate::output::paint;
use crate::text::escaped;

/// How the deliveries and notices of a run ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Post {
    pub(crate) delivered: u64,
    pub(crate) not_delivered: u64,
    pub(crate) told: u64,
    pub(crate) not_told: u64,
    /// The deliveries that are tried again later.
    pub(crate) waiting: BTreeSet<DeliveryId>,
}

impl Follower {
    /// Returns how deliveries and notices have ended so far.
    pub(crate) fn post(&self) -> Post {
        self.counted().clone()
    }

    /// Guards plain values: a panic elsewhere leaves them usable.
    fn counted(&self) -> MutexGuard<'_, Post> {
        self.post.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn delivery_ended(&self, delivery: &Delivery) {
        let mut post = self.counted();
        post.waiting.remove(&delivery.work.id);
        match delivery.work.status() {
            WorkStatus::Done => post.delivered += 1,
            WorkStatus::GivenUp => post.not_delivered += 1,
            WorkStatus::Waiting | WorkStatus::Held => {
                post.waiting.insert(delivery.work.id);
            }
        }
        drop(post);
        self.line(|now| Record::delivery(now, delivery));
        let state = DeliveryState::from(delivery.work.status()).as_str();
        let whose = format!("the set of {} to {}", delivery.execution_id, delivery.to.destination);
        self.attempt_line(state, &whose, &delivery.work);
    }

    pub(super) fn notice_ended(&self, notice: &Notice) {
        let mut post = self.counted();
        match notice.work.state {
            WorkState::Done { .. } => post.told += 1,
            WorkState::GivenUp { reason: GivenUp::Refused | GivenUp::Exhausted, .. } => post.not_told += 1,
            // Nothing was left to tell.
            WorkState::GivenUp { reason: GivenUp::Gone, .. } => {}
            WorkState::Waiting { .. } | WorkState::Held { .. } => {}
        }
        drop(post);
        self.line(|now| Record::told(now, notice));
        let state = NoticeState::from(notice.work.status()).as_str();
        let whose = format!("{} of {}", NoticeView::from(notice.clone()).target, notice.kind);
        self.attempt_line(state, &whose, &notice.work);
    }

    /// Writes the line that scrolls by above the bars.
    fn attempt_line<Id>(&self, state: &'static str, whose: &str, work: &WorkRow<Id>) {
        if self.console.telling() != Telling::Bars {
            return;
        }
        let word = if self.console.colour() { paint(Tone::of(state), state) } else { state.to_owned() };
        let failure = match (&work.attempts.failure, &work.state) {
            (_, WorkState::Done { .. }) | (None, _) => String::new(),
            (Some(failure), _) => format!(": {}", failure.message),
        };
        let now = self.clock.now().to_rfc3339_opts(SecondsFormat::Secs, true);
        self.console.note(&format!("{now} {word} {}", escaped(&format!("{whose}{failure}"))));
    }
}
