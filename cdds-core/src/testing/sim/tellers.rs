//! People who tell others of what was published, as services do.

use super::people::Person;
use super::shared::lock;
use super::time::{Micros, SECOND};
use crate::domain::id::{NoticeId, Owner};
use crate::domain::notice::Notice;
use crate::domain::work::row::{WorkFailure, WorkStatus};
use crate::ports::catalog::CatalogError;
use crate::service::ServiceError;
use crate::service::outbox::Outbox;

/// The time after which another process of the service looks for notices.
const LOOKS_AFTER: Micros = 45 * SECOND;

impl Person {
    /// Takes notices and tells of them until none is left, or asks for one again that was told or given up.
    pub(super) async fn tell(&mut self) {
        let outbox = Outbox::new(&self.ports);
        if self.dice.below(4) == 0 {
            self.send_again(&outbox).await;
        }
        let limit = 1 + self.dice.index(8);
        for _ in 0..4 {
            let taken = self.take(&outbox, limit).await;
            if taken.is_empty() {
                return;
            }
            for notice in taken {
                self.tell_of(&outbox, &notice).await;
            }
        }
    }

    async fn take(&mut self, outbox: &Outbox, limit: usize) -> Vec<Notice> {
        let result = outbox.take(limit).await.map_err(ServiceError::from);
        self.told(|| format!("take {limit} notices"), &result);
        result.unwrap_or_default()
    }

    /// Tells of one notice. That may fail, be forgotten, or take so long that another process of the service
    /// has taken the notice meanwhile.
    async fn tell_of(&mut self, outbox: &Outbox, notice: &Notice) {
        if self.dice.below(8) == 0 {
            let other = Outbox::new(&self.ports);
            for _ in 0..self.dice.below(6) {
                self.shared.timeline.sleep(LOOKS_AFTER).await;
                for taken in self.take(&other, 12).await {
                    if self.dice.coin() {
                        self.report(&other, &taken).await;
                    }
                }
            }
        }
        self.report(outbox, notice).await;
    }

    /// Reports how telling of a notice went.
    async fn report(&mut self, outbox: &Outbox, notice: &Notice) {
        let result: Result<Notice, CatalogError> = match self.dice.below(12) {
            0 => return,
            1..4 => outbox.failed(notice, WorkFailure::temporary("nobody answers")).await,
            4 => outbox.failed(notice, WorkFailure::permanent("there is no such address")).await,
            _ => outbox.confirm(notice).await,
        };
        self.told(|| format!("tell of {:?}", notice.subject), &result.map_err(ServiceError::from));
    }

    async fn send_again(&mut self, outbox: &Outbox) {
        let Some((owner, id)) = self.any_notice() else { return };
        let before = self.entries();
        let result = outbox.send_again(&self.by(&owner), id).await;
        self.check_entries(before, 1..=1, &result);
        self.told(|| format!("send {id} again"), &result);
    }

    /// Picks a notice, mostly one that was given up if there is any.
    fn any_notice(&mut self) -> Option<(Owner, NoticeId)> {
        let model = lock(&self.watch.model);
        let (given_up, others): (Vec<_>, Vec<_>) =
            model.notices.values().partition(|notice| notice.work.status() == WorkStatus::GivenUp);
        let some = if given_up.is_empty() || self.dice.below(4) == 0 { others } else { given_up };
        let notice = self.dice.pick(&some)?;
        Some((notice.work.owner.clone(), notice.work.id))
    }
}
