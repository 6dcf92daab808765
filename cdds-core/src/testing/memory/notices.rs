//! Notices: stored when an execution ends, claimed and settled by those who send them (rules N2, N4, N5).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::queue::{self, Asked, Queued, take_over};
use super::state::{State, conflict};
use crate::domain::access::audit::{AuditRecord, Object, Outcome};
use crate::domain::id::{ExecutionId, JobId, NoticeId, Owner, SubjectRequestId, Subscriber};
use crate::domain::job::{Job, JobState};
use crate::domain::notice::certificate;
use crate::domain::notice::expiring::{EXPIRY_NOTICE, KeptSet, SetPlace};
use crate::domain::notice::recall::{self, Recalled};
use crate::domain::notice::{Channel, Notice};
use crate::domain::recipient::Recipient;
use crate::domain::work::row::{WorkOutcome, WorkRow, WorkStatus};
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Fence, NoticeClaim, Told};

/// All notices, and whose turn it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Notices {
    pub(super) all: BTreeMap<NoticeId, Notice>,
    /// The owner who was served last, per channel (rule N4).
    turns: BTreeMap<Channel, Owner>,
}

impl Notices {
    /// Stores notices. Returns how many are new.
    pub(super) fn insert(&mut self, notices: Vec<Notice>) -> usize {
        let known = self.all.len();
        for notice in notices {
            // One that is on record was told, or will be.
            self.all.entry(notice.work.id).or_insert(notice);
        }
        self.all.len() - known
    }

    /// Gives up the notices of an execution that is deleted.
    pub(super) fn cancel(&mut self, execution: ExecutionId, now: DateTime<Utc>) {
        for notice in self.all.values_mut().filter(|notice| notice.execution_id() == Some(execution)) {
            notice.work = notice.work.clone().cancelled(now);
        }
    }

    /// Forgets the notices of an execution. Returns their number.
    pub(super) fn remove(&mut self, execution: ExecutionId) -> usize {
        let known = self.all.len();
        self.all.retain(|_, notice| notice.execution_id() != Some(execution));
        known - self.all.len()
    }

    /// Forgets which owner was served last, per channel.
    pub(super) fn forget_turns(&mut self) {
        self.turns.clear();
    }
}

impl State {
    pub(super) fn claim_notices(&mut self, claim: &NoticeClaim, now: DateTime<Utc>) -> Vec<Notice> {
        let disabled = self.deliveries.disabled_endpoints();
        let concerns = |notice: &Notice| notice.channel == claim.channel;
        let takes = |notice: &Notice| {
            let is_disabled = notice.channel == Channel::Webhook && disabled.contains(&notice.subscriber);
            !is_disabled && claim.audience.has(&notice.subscriber)
        };
        let notices = &mut self.notices;
        take_over(&mut notices.all, &concerns, &claim.retry, now);
        let NoticeClaim { worker, lease, limit, per_subscriber, .. } = claim;
        let asked = Asked {
            worker,
            lease: *lease,
            limit: *limit,
            per_target: *per_subscriber,
            concerns: &concerns,
            takes: &takes,
            now,
        };
        let turn = notices.turns.get(&claim.channel).cloned();
        let (taken, turn) = queue::claim(&mut notices.all, &asked, turn);
        notices.turns.extend(turn.map(|owner| (claim.channel, owner)));
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

    pub(super) fn tell_of_expiring(
        &mut self,
        behind: Option<SetPlace>,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Told<SetPlace> {
        let places = self.sets.expiring(now, now + EXPIRY_NOTICE);
        let places = places.filter(|place| behind.is_none_or(|behind| *place > behind)).take(limit);
        let places: Vec<SetPlace> = places.collect();
        let sets = places.iter().filter_map(|place| self.kept_set(place));
        let notices = sets.flat_map(|set| set.notices(now)).collect();
        let stored = self.notices.insert(notices);
        Told { stored, next: places.last().filter(|_| places.len() == limit).copied() }
    }

    pub(super) fn tell_of_certificates(
        &mut self,
        behind: Option<JobId>,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Told<JobId> {
        let sealing = self
            .jobs
            .values()
            .filter(|job| job.state != JobState::Deleted && !job.settings.protection.recipients().is_empty());
        let of_page = sealing.filter(|job| behind.is_none_or(|behind| job.id > behind)).take(limit);
        let jobs: Vec<&Job> = of_page.collect();
        let known = |job: &Job| -> Vec<Recipient> {
            self.recipients.values().filter(|one| one.owner == job.owner).cloned().collect()
        };
        let notices = jobs.iter().flat_map(|job| certificate::notices(job, &known(job), now)).collect();
        let next = jobs.last().filter(|_| jobs.len() == limit).map(|job| job.id);
        Told { stored: self.notices.insert(notices), next }
    }

    pub(super) fn recall(
        &mut self,
        owner: &Owner,
        request: SubjectRequestId,
        sets: &[(ExecutionId, AuditRecord)],
        now: DateTime<Utc>,
    ) -> Result<Vec<Recalled>, CatalogError> {
        let mut recalled = Vec::new();
        for (id, entry) in sets {
            let kept = self.executions.get(*id).filter(|kept| kept.deleted_at.is_none());
            let Some(kept) = kept.filter(|kept| kept.execution.owner == *owner) else { continue };
            let notices = recall::notices(&kept.execution, request, now);
            let ids: Vec<NoticeId> = notices.iter().map(|notice| notice.work.id).collect();
            let new: Vec<bool> = ids.iter().map(|id| !self.notices.all.contains_key(id)).collect();
            if self.notices.insert(notices) > 0 {
                self.audited(std::slice::from_ref(entry), |_| Ok(()))?;
            }
            let on_record = ids.iter().zip(new);
            recalled.extend(on_record.filter_map(|(id, is_new)| {
                Some(Recalled { notice: self.notices.all.get(id)?.clone(), is_new })
            }));
        }
        Ok(recalled)
    }

    fn kept_set(&self, place: &SetPlace) -> Option<KeptSet> {
        let SetPlace { expires_at, execution: id } = *place;
        let stored = self.sets.get(id)?;
        let is_file =
            |object| stored.set.artifacts.iter().any(|file| object == Some(Object::Artifact(file.id)));
        let linked = |entry: &AuditRecord| entry.outcome == Outcome::Linked && is_file(entry.object.clone());
        let mut deliveries = self.deliveries.all.values().filter(|delivery| delivery.execution_id == id);
        let is_fetched = stored.set.artifacts.iter().any(|file| self.downloads.contains_key(&file.id))
            || self.audit.values().any(linked)
            || deliveries.any(|delivery| delivery.work.status() == WorkStatus::Done);
        Some(KeptSet {
            execution: self.executions.get(id)?.execution.clone(),
            expires_at,
            is_held: stored.files().any(|file| file.hold),
            is_fetched,
        })
    }

    pub(super) fn ask_notice_again(
        &mut self,
        owner: &Owner,
        id: NoticeId,
        now: DateTime<Utc>,
    ) -> Result<Notice, CatalogError> {
        let found = self.notices.all.get_mut(&id).filter(|notice| notice.work.owner == *owner);
        let notice = found.ok_or_else(|| conflict(format!("there is no notice {id}")))?;
        let is_gone = |id| self.executions.get(id).is_none_or(|entry| entry.deleted_at.is_some());
        if notice.execution_id().is_some_and(is_gone) {
            return Err(conflict(format!("the execution of notice {id} is gone")));
        }
        let again = notice.work.clone().asked_again(now);
        notice.work = again.map_err(|why| conflict(format!("notice {id} cannot be sent again: {why}")))?;
        Ok(notice.clone())
    }
}

impl Queued for Notice {
    type Id = NoticeId;
    type Target = Subscriber;

    fn work(&self) -> &WorkRow<NoticeId> {
        &self.work
    }

    fn with_work(self, work: WorkRow<NoticeId>) -> Self {
        Self { work, ..self }
    }

    fn target(&self) -> Subscriber {
        self.subscriber.clone()
    }
}
