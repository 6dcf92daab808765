//! Checks notices: stored with the end of their execution, told by one worker at a time, and never lost (rules
//! N2, N4, N5).

use chrono::{DateTime, TimeDelta, Utc};

use super::answers::{check_refusal, never};
use super::model::{Broken, Check, Model, ensure};
use super::planted::Tampered;
use super::report::{Invariant, Who};
use super::watch::{Watch, step};
use crate::domain::access::audit::AuditRecord;
use crate::domain::execution::failure::FailureKind;
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::{ExecutionId, NoticeId, Owner};
use crate::domain::job::JobState;
use crate::domain::notice::{Notice, NoticeKind};
use crate::domain::work::lease::Lease;
use crate::domain::work::row::{GivenUp, WorkAttempts, WorkOutcome, WorkState};
use crate::ports::catalog::query::{NoticeQuery, Slice};
use crate::ports::catalog::{CatalogError, CatalogErrorKind, Fence, NoticeClaim};

/// For how long a notice is tried, and the longest wait between two attempts.
const PERIOD: TimeDelta = TimeDelta::hours(72);
const WAIT_MAX: TimeDelta = TimeDelta::minutes(72);

const EVERYTHING: Slice = Slice::first(u32::MAX as u64);

impl Watch {
    /// Checks that the step that ended an execution has stored its notice (rule N2).
    pub(super) fn check_announced(&self, model: &mut Model, ended: &Execution) -> Check {
        let kind = match ended.state {
            ExecutionState::Succeeded => NoticeKind::Published,
            ExecutionState::Failed(_) => NoticeKind::Failed,
            _ => return Ok(()),
        };
        let query = NoticeQuery::default().with_execution(ended.id);
        let stored = self.read(self.catalog.notices(&ended.owner, &query))?.items;
        let told = |kind: NoticeKind| stored.iter().filter(|notice| notice.kind == kind).count();
        let paused = told(NoticeKind::Paused);
        ensure(told(kind) == 1 && stored.len() == 1 + paused, Invariant::Record, || {
            format!("{stored:?} are all the notices of {}", ended.id)
        })?;
        if paused > 0 {
            let job = self.read(self.catalog.job(&ended.owner, ended.job_id))?.map(|overview| overview.job);
            let is_paused = job.is_some_and(|job| {
                let pause = job.settings.policies.pause_after_failures;
                job.state == JobState::Suspended
                    && pause.is_some_and(|pause| job.failures_in_row >= pause.get())
            });
            ensure(paused == 1 && is_paused, Invariant::Record, || {
                format!("the job of {} was not paused, and {stored:?} tell that it was", ended.id)
            })?;
        }
        for notice in stored {
            let new = notice.work.epoch == 0 && matches!(notice.work.state, WorkState::Waiting { .. });
            ensure(new && notice.job_id == ended.job_id, Invariant::Record, || {
                format!("{notice:?} is to tell of {}", ended.id)
            })?;
            model.notices.insert(notice.work.id, notice);
        }
        Ok(())
    }

    pub(super) fn claim_notices(
        &self,
        catalog: &Tampered,
        claim: &NoticeClaim,
    ) -> Result<Vec<Notice>, CatalogError> {
        let result = step(catalog.claim_notices(claim));
        self.look(|model| {
            check_refusal("claim_notices", &result, never)?;
            let Ok(given) = &result else { return Ok(()) };
            let now = self.shared.timeline.now();
            given.iter().try_for_each(|notice| check_given(model, (claim, now), notice))?;
            self.follow_takeover(model, now, given)?;
            check_left(model, (claim, now), given)?;
            for notice in given {
                self.shared.note(Who::Record, format!("notice {}", brief(notice)));
                model.notices.insert(notice.work.id, notice.clone());
                self.check_stored_notice(notice)?;
            }
            Ok(())
        });
        result
    }

    /// Follows the notices whose lease had run out and that were not given at once.
    fn follow_takeover(&self, model: &mut Model, now: DateTime<Utc>, given: &[Notice]) -> Check {
        let is_given = |id| given.iter().any(|notice| notice.work.id == id);
        let lost = model.notices.values().filter(|known| !is_given(known.work.id));
        let lost: Vec<Notice> = lost.filter(|known| is_lost(known, now)).cloned().collect();
        for before in lost {
            let after = self.notice(&before.work.owner, before.work.id)?;
            let crashed = after.work.attempts.failure.as_ref();
            let crashed = crashed.is_some_and(|failure| failure.kind == FailureKind::Crashed);
            ensure(crashed && after.work.epoch == before.work.epoch, Invariant::Lease, || {
                format!("{} was not taken back: {}", brief(&before), brief(&after))
            })?;
            check_failed(&before, &after, now, true)?;
            model.notices.insert(after.work.id, after);
        }
        Ok(())
    }

    pub(super) fn settle_notice(
        &self,
        catalog: &Tampered,
        fence: Fence<NoticeId>,
        outcome: &WorkOutcome,
    ) -> Result<Notice, CatalogError> {
        let result = step(catalog.settle_notice(fence, outcome));
        self.look(|model| {
            let now = self.shared.timeline.now();
            let Some(before) = model.notices.get(&fence.id).cloned() else {
                // It was forgotten with its execution (rule E14).
                return ensure(result.is_err(), Invariant::I6, || format!("{fence:?} is not known"));
            };
            let is_of_claim = before.work.epoch == fence.epoch;
            let holds = match &before.work.state {
                WorkState::Held { .. } => is_of_claim,
                WorkState::Done { .. } => is_of_claim && *outcome == WorkOutcome::Done,
                WorkState::Waiting { .. } | WorkState::GivenUp { .. } => false,
            };
            check_refusal("settle_notice", &result, |kind| kind == CatalogErrorKind::Fenced && !holds)?;
            let Ok(after) = &result else { return Ok(()) };
            ensure(holds, Invariant::I6, || format!("{fence:?} was settled, but it is {}", brief(&before)))?;
            match outcome {
                WorkOutcome::Done => {
                    let done = matches!(after.work.state, WorkState::Done { .. });
                    ensure(done, Invariant::Answer, || format!("{} was told", brief(after)))?;
                }
                WorkOutcome::Failed { failure, .. } => check_failed(&before, after, now, failure.retryable)?,
                WorkOutcome::Gone => {
                    let gone = matches!(after.work.state, WorkState::GivenUp { reason: GivenUp::Gone, .. });
                    ensure(gone, Invariant::Answer, || format!("{} has nothing to tell", brief(after)))?;
                }
            }
            self.shared.note(Who::Record, format!("notice {}", brief(after)));
            model.notices.insert(fence.id, after.clone());
            self.check_stored_notice(after)
        });
        result
    }

    pub(super) fn ask_notice_again(
        &self,
        catalog: &Tampered,
        owner: &Owner,
        id: NoticeId,
        audit: &[AuditRecord],
    ) -> Result<Notice, CatalogError> {
        let result = step(catalog.inner.ask_notice_again(owner, id, audit));
        self.look(|model| {
            let Some(before) = model.notices.get(&id).cloned() else {
                return ensure(result.is_err(), Invariant::Answer, || format!("notice {id} is not known"));
            };
            let over = match before.work.state {
                WorkState::GivenUp { reason, .. } => reason != GivenUp::Gone,
                WorkState::Done { .. } => match before.execution_id() {
                    Some(execution) => !model.execution(execution)?.deleted,
                    None => true,
                },
                WorkState::Waiting { .. } | WorkState::Held { .. } => false,
            };
            check_refusal("ask_notice_again", &result, |kind| kind == CatalogErrorKind::Conflict && !over)?;
            let Ok(after) = &result else { return Ok(()) };
            let afresh = matches!(after.work.state, WorkState::Waiting { .. })
                && after.work.attempts == WorkAttempts::default()
                && after.work.epoch == before.work.epoch;
            ensure(over && afresh, Invariant::Answer, || {
                format!("{} became {}", brief(&before), brief(after))
            })?;
            model.notices.insert(id, after.clone());
            self.check_stored_notice(after)
        });
        self.check_audit(audit, &result);
        result
    }

    /// Checks that deleting an execution has given up its notices, except those that were told.
    pub(super) fn check_silenced(&self, model: &mut Model, execution: ExecutionId) -> Check {
        let of = model.notices.values().filter(|notice| notice.execution_id() == Some(execution));
        let of: Vec<Notice> = of.cloned().collect();
        for before in of {
            let after = self.notice(&before.work.owner, before.work.id)?;
            let gone = matches!(after.work.state, WorkState::GivenUp { reason: GivenUp::Gone, .. });
            let told = matches!(before.work.state, WorkState::Done { .. }) && after == before;
            ensure(gone || told, Invariant::Record, || {
                format!("its execution was deleted, and {} became {}", brief(&before), brief(&after))
            })?;
            model.notices.insert(after.work.id, after);
        }
        Ok(())
    }

    /// Checks that the record has every notice as the model has it, and no other.
    pub(super) fn audit_notices(&self, model: &Model, owner: &Owner) -> Check {
        let query = NoticeQuery { slice: EVERYTHING, ..NoticeQuery::default() };
        let listed = self.read(self.catalog.notices(owner, &query))?.items;
        let known = model.notices.values().filter(|known| known.work.owner == *owner).count();
        let differs = listed.iter().find(|notice| model.notices.get(&notice.work.id) != Some(notice));
        ensure(differs.is_none() && listed.len() == known, Invariant::Record, || {
            format!("{} notices are listed, {known} must be; {:?} differs", listed.len(), differs.map(brief))
        })
    }

    fn check_stored_notice(&self, notice: &Notice) -> Check {
        let stored = self.notice(&notice.work.owner, notice.work.id)?;
        ensure(stored == *notice, Invariant::Answer, || format!("{stored:?} is stored, not {notice:?}"))
    }

    fn notice(&self, owner: &Owner, id: NoticeId) -> Check<Notice> {
        let page = self.read(self.catalog.notices(owner, &NoticeQuery::default().with_id(id)))?;
        page.items.into_iter().next().ok_or_else(|| Broken(Invariant::Record, format!("notice {id} is gone")))
    }
}

impl Model {
    fn notice(&self, id: NoticeId) -> Check<&Notice> {
        self.notices.get(&id).ok_or_else(|| Broken(Invariant::Record, format!("notice {id} is not known")))
    }
}

/// Whether a lease keeps others away.
fn holds(lease: &Lease, now: DateTime<Utc>) -> bool {
    now < lease.expires_at
}

fn is_lost(notice: &Notice, now: DateTime<Utc>) -> bool {
    matches!(&notice.work.state, WorkState::Held { lease, .. } if !holds(lease, now))
}

/// Whether a claim at `now` has to give the notice, if it has room.
fn is_due(notice: &Notice, now: DateTime<Utc>) -> bool {
    matches!(notice.work.state, WorkState::Waiting { next_attempt_at } if next_attempt_at <= now)
}

/// Checks that a notice may be given: it is known, so its execution has ended, and it waits and is due. One
/// that another worker has had is tried again only after a wait.
fn check_given(model: &Model, (claim, now): (&NoticeClaim, DateTime<Utc>), given: &Notice) -> Check {
    let known = model.notice(given.work.id)?;
    let told = || format!("{} was given to {}", brief(known), claim.worker);
    ensure(is_due(known, now), Invariant::Lease, told)?;
    let held = match &given.work.state {
        WorkState::Held { worker, lease } => *worker == claim.worker && holds(lease, now),
        _ => false,
    };
    let counted = given.work.epoch == known.work.epoch + 1
        && given.work.attempts.count == known.work.attempts.count + 1
        && given.work.attempts.last_at == Some(now);
    ensure(held && counted, Invariant::Lease, told)
}

/// Checks that a claim leaves nothing that it had room for: a notice that fails holds up no other (rule N4).
fn check_left(model: &Model, (claim, now): (&NoticeClaim, DateTime<Utc>), given: &[Notice]) -> Check {
    ensure(given.len() <= claim.limit, Invariant::Order, || "more notices than asked for".to_owned())?;
    let is_given = |id| given.iter().any(|notice| notice.work.id == id);
    let of_channel = model.notices.values().filter(|known| known.channel == claim.channel);
    let of_channel = of_channel.filter(|known| claim.audience.has(&known.subscriber));
    let mut left = of_channel.filter(|known| is_due(known, now) && !is_given(known.work.id));
    let left = left.next().filter(|_| given.len() < claim.limit);
    ensure(left.is_none(), Invariant::Order, || {
        format!("{:?} was left, {} of {} were given", left.map(brief), given.len(), claim.limit)
    })
}

/// Checks what follows a failed attempt (rule N5).
fn check_failed(before: &Notice, after: &Notice, now: DateTime<Utc>, retryable: bool) -> Check {
    let first = before.work.attempts.first_at.unwrap_or(now);
    let lawful = match after.work.state {
        WorkState::Waiting { next_attempt_at } => {
            let wait = next_attempt_at - now;
            retryable && now < first + PERIOD && TimeDelta::zero() < wait && wait <= WAIT_MAX
        }
        WorkState::GivenUp { reason: GivenUp::Exhausted, .. } => retryable && now >= first + PERIOD,
        WorkState::GivenUp { reason: GivenUp::Refused, .. } => !retryable,
        _ => false,
    };
    ensure(lawful, Invariant::Reason, || {
        format!("{} failed at {now} and became {}", brief(before), brief(after))
    })
}

/// Describes a notice in a few words, for traces.
fn brief(notice: &Notice) -> String {
    let work = &notice.work;
    let id = work.id.0.as_u128() >> 96;
    format!("{id:08x} of {} ({}) epoch {}: {:?}", work.owner, notice.kind, work.epoch, work.state)
}
