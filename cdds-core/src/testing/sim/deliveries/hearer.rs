//! Subscribers who are told, and who check that it is true.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::super::report::{Invariant, Who};
use super::super::watch::step;
use super::board::Board;
use super::certificates;
use super::record::is_exhausted;
use crate::domain::id::{Owner, Subscriber};
use crate::domain::notice::Subject;
use crate::domain::work::row::{WorkState, WorkStatus};
use crate::ports::catalog::query::{DeliveryQuery, NoticeQuery};
use crate::ports::catalog::{DeliveryStore, Outbox};
use crate::ports::notifier::{Channel, Message, NoticeKind, Notifier, NotifyError, NotifyErrorKind};

/// How the names of endpoints begin that never answer until faults stop.
pub(super) const HANGS: &str = "hung";

/// The way from one engine to the subscribers of a channel.
#[derive(Debug)]
pub(super) struct Hearer {
    pub(super) board: Arc<Board>,
    pub(super) engine: usize,
    pub(super) channel: Channel,
}

impl Hearer {
    /// Checks that a notice is on record as being told, and that what it tells is true.
    fn hears(&self, message: &Message) {
        let notice = &message.notice;
        let owner = &notice.work.owner;
        let query = NoticeQuery::default().with_id(notice.work.id);
        let row = step(self.board.catalog.notices(owner, &query)).ok().and_then(|mut page| page.items.pop());
        let tried = row.is_some_and(|row| row.work.epoch >= notice.work.epoch && row.work.attempts.count > 0);
        if !tried {
            let told = format!("{:?} is told without an attempt on record", notice.work);
            self.board.violate(Invariant::OnRecord, told);
        }
        let execution = match &notice.subject {
            Subject::Execution(id) => *id,
            Subject::Certificate(one) => return certificates::hears(&self.board, message, &one.fingerprint),
        };
        let query = DeliveryQuery::default().with_execution(execution);
        let rows =
            step(self.board.catalog.deliveries(owner, &query)).map(|page| page.items).unwrap_or_default();
        let mut state = self.board.state();
        let is_true = match message.kind() {
            // One that was asked for again may be on its way once more.
            NoticeKind::Delivered => rows.iter().all(|row| {
                matches!(row.work.state, WorkState::Done { .. })
                    || state.sets.get(&row.work.id).is_some_and(|set| state.missing(set).is_none())
            }),
            NoticeKind::DeliveryFailed => {
                let now = self.board.timeline.now();
                state.given_up.contains(&execution) || rows.iter().any(|row| is_exhausted(row, now))
            }
            _ => true,
        };
        state.told.insert(notice.work.id);
        state.figures.told += 1;
        drop(state);
        if !is_true {
            let states: Vec<WorkStatus> = rows.iter().map(|row| row.work.status()).collect();
            let told = format!("{} is told of {execution}, whose deliveries are {states:?}", message.kind());
            self.board.violate(Invariant::Arrives, told);
        }
    }
}

#[async_trait]
impl Notifier for Hearer {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn check(&self, _: &Subscriber, _: &Owner) -> Result<(), NotifyError> {
        Ok(())
    }

    async fn send(&self, message: &Message) -> Result<(), NotifyError> {
        self.board.stumble(self.engine).await;
        if self.board.storms() && message.notice.subscriber.as_str().starts_with(HANGS) {
            std::future::pending::<()>().await;
        }
        let throw = if self.board.storms() && self.board.rate > 0 { self.board.below(40) } else { 40 };
        let fails = |kind| Err(NotifyError::new(kind, "a simulated fault"));
        match throw {
            0..3 => return fails(NotifyErrorKind::Unavailable),
            3 => return fails(NotifyErrorKind::Later(Duration::from_secs(600))),
            4 => std::future::pending().await,
            _ => {}
        }
        self.hears(message);
        self.board.note(Who::Engine(self.engine), format!("tells of {}", message.kind()));
        self.board.stumble(self.engine).await;
        // The answer may be lost.
        if throw == 5 { fails(NotifyErrorKind::Unavailable) } else { Ok(()) }
    }
}
