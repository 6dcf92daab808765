//! Checks what the catalog forgets, and which engine keeps house (rules E14, E15; invariant I12).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::answers::{check_refusal, never};
use super::model::{Check, ExecutionModel, Model, brief, ensure};
use super::planted::Tampered;
use super::report::{Invariant, Who};
use super::watch::{Watch, step};
use crate::domain::access::audit::{AuditRecord, Object};
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::{AuditId, ExecutionId, NoticeId, Owner, WorkerId};
use crate::domain::job::JobState;
use crate::domain::keeping::sweep::Swept;
use crate::domain::notice::Notice;
use crate::domain::work::row::WorkState;
use crate::ports::catalog::query::{AuditQuery, Between, NoticeQuery, Slice};
use crate::ports::catalog::{CatalogError, Forget, Standing};

const EVERYTHING: Slice = Slice::first(u32::MAX as u64);

/// The time within which some engine forgets what is too old, once faults have stopped.
const FORGOTTEN_WITHIN: TimeDelta = TimeDelta::hours(2);

impl Watch {
    /// Checks that one engine keeps house at a time, and that somebody may.
    pub(super) fn keep_house(
        &self,
        catalog: &Tampered,
        worker: &WorkerId,
        lease: Duration,
    ) -> Result<bool, CatalogError> {
        let result = step(catalog.keep_house(worker, lease));
        self.look(|model| {
            check_refusal("keep_house", &result, never)?;
            let Ok(kept) = result else { return Ok(()) };
            let now = self.shared.timeline.now();
            let present = model.housekeeper.as_ref().filter(|(one, _)| one != worker);
            let holds = present.is_some_and(|(_, until)| now < *until);
            let lives = present.is_some_and(|(one, _)| self.shared.lives.iter().any(|life| life.is_of(one)));
            let lawful = if kept { !(holds && lives) } else { holds };
            ensure(lawful, Invariant::Lease, || {
                format!("{worker} was told {kept} at {now}, and {present:?} keeps house")
            })?;
            if kept {
                model.housekeeper = Some((worker.clone(), now + lease));
            }
            Ok(())
        });
        result
    }

    pub(super) fn leave_house(&self, catalog: &Tampered, worker: &WorkerId) -> Result<(), CatalogError> {
        let result = step(catalog.inner.leave_house(worker));
        self.look(|model| {
            check_refusal("leave_house", &result, never)?;
            model.housekeeper.take_if(|(one, _)| one == worker);
            Ok(())
        });
        result
    }

    pub(super) fn forget(&self, catalog: &Tampered, page: &Forget) -> Result<Swept, CatalogError> {
        let result = step(catalog.forget(page));
        self.look(|model| {
            check_refusal("forget", &result, never)?;
            match &result {
                Ok(swept) if swept.rows > 0 => {
                    self.shared.count(|figures| figures.forgotten += swept.rows as u64);
                    self.follow_executions(model)?;
                    self.follow_notices(model)?;
                    self.follow_audit(model)
                }
                _ => Ok(()),
            }
        });
        result
    }

    /// Follows the executions that were forgotten. One is only if it is old, its files are gone for long, and
    /// its job does not need it.
    fn follow_executions(&self, model: &mut Model) -> Check {
        let now = self.shared.timeline.now();
        let Some(kept) = self.kept() else {
            let swept = "rows were forgotten before their time".to_owned();
            return ensure(false, Invariant::I12, || swept);
        };
        let mut gone = Vec::new();
        let present = model.executions.values().filter(|known| !known.forgotten);
        for known in present.filter(|known| !known.execution.is_open()) {
            let is_old = known.deleted_at.is_some()
                || known.execution.finished_at.is_some_and(|at| at + kept.ended <= now);
            let may = may_go(model, known, &kept, now);
            if is_old && !self.is_on_record(known, may)? {
                let told = || format!("{} was forgotten, and may not be", brief(&known.execution));
                ensure(may, Invariant::I12, told)?;
                gone.push(known.execution.id);
            }
        }
        for id in gone {
            self.shared.note(Who::Record, format!("execution {id} is forgotten"));
            if let Some(known) = model.executions.get_mut(&id) {
                known.forgotten = true;
            }
        }
        Ok(())
    }

    /// Whether the catalog still knows the execution. A deleted one is known to the sweep alone, by its claims.
    /// If it has none, nobody can see its row, which is taken to go as soon as it `may`.
    fn is_on_record(&self, known: &ExecutionModel, may: bool) -> Check<bool> {
        let Execution { id, owner, .. } = &known.execution;
        if known.deleted_at.is_some() {
            let seen = || self.read(self.catalog.standing(known.execution.writer()));
            return Ok(if known.execution.is_begun() { seen()? != Standing::Unknown } else { !may });
        }
        Ok(self.read(self.catalog.execution(owner, *id, DateTime::UNIX_EPOCH))?.is_some())
    }

    fn follow_notices(&self, model: &mut Model) -> Check {
        let (now, Some(kept)) = (self.shared.timeline.now(), self.kept()) else { return Ok(()) };
        let is_old = |notice: &&Notice| match notice.work.state {
            WorkState::Done { at } | WorkState::GivenUp { at, .. } => at + kept.ended <= now,
            WorkState::Waiting { .. } | WorkState::Held { .. } => false,
        };
        let of_forgotten = |notice: &&Notice| notice.execution_id().is_some_and(|id| is_forgotten(model, id));
        let mut gone: Vec<NoticeId> = Vec::new();
        for notice in model.notices.values().filter(|one| is_old(one) || of_forgotten(one)) {
            let query = NoticeQuery::default().with_id(notice.work.id);
            let there = !self.read(self.catalog.notices(&notice.work.owner, &query))?.items.is_empty();
            let lawful = match (there, of_forgotten(&notice)) {
                (true, forgotten) => !forgotten,
                (false, forgotten) => forgotten || notice.execution_id().is_none_or(|id| !is_held(model, id)),
            };
            ensure(lawful, Invariant::I12, || format!("{notice:?} is there: {there}"))?;
            gone.extend((!there).then_some(notice.work.id));
        }
        gone.iter().for_each(|id| drop(model.notices.remove(id)));
        Ok(())
    }

    fn follow_audit(&self, model: &mut Model) -> Check {
        let (now, Some(kept)) = (self.shared.timeline.now(), self.kept()) else { return Ok(()) };
        let mut gone: Vec<AuditId> = Vec::new();
        for owner in super::people::owners() {
            let there = self.old_entries(&owner, now - kept.ended)?;
            let old =
                model.audit.values().filter(|entry| entry.owner == owner && entry.at + kept.ended <= now);
            for entry in old.filter(|entry| !there.contains(&entry.id)) {
                let held = of_set(model, entry).is_some_and(|id| is_held(model, id));
                ensure(!held, Invariant::I12, || format!("{entry:?} was forgotten, of a set on hold"))?;
                gone.push(entry.id);
            }
        }
        for id in gone {
            let entry = model.audit.remove(&id);
            model.past_audit.extend(entry);
        }
        Ok(())
    }

    fn old_entries(&self, owner: &Owner, until: DateTime<Utc>) -> Check<Vec<AuditId>> {
        let until = Between { from: None, to: Some(until + TimeDelta::seconds(1)) };
        let query = AuditQuery::default().with_at(until).with_slice(EVERYTHING);
        let entries = self.read(self.catalog.audit(owner, &query))?.items;
        Ok(entries.into_iter().map(|entry| entry.id).collect())
    }

    /// Checks at the end that nothing that is too old is left.
    pub(super) fn check_forgotten(&self, model: &Model) -> Check {
        let Some(kept) = self.kept() else { return Ok(()) };
        let before = self.shared.timeline.now() - FORGOTTEN_WITHIN;
        let known = model.executions.values().filter(|known| !known.forgotten);
        let left = known.into_iter().find(|known| may_go(model, known, &kept, before));
        ensure(left.is_none(), Invariant::I12, || {
            format!("{:?} is too old to be on record", left.map(|known| brief(&known.execution)))
        })
    }

    /// How long rows are kept, in worlds that are long enough to forget any.
    fn kept(&self) -> Option<Kept> {
        let (ended, gone) = self.shared.profile.record?;
        let retention = self.shared.profile.engine.retention.days();
        Some(Kept { ended: ended.max(TimeDelta::days(i64::from(retention)) + gone), gone })
    }
}

/// How long rows are kept after the end of what they tell of, and after their files are known to be gone.
struct Kept {
    ended: TimeDelta,
    gone: TimeDelta,
}

fn is_forgotten(model: &Model, id: ExecutionId) -> bool {
    model.executions.get(&id).is_some_and(|known| known.forgotten)
}

fn is_held(model: &Model, id: ExecutionId) -> bool {
    let set = model.executions.get(&id).and_then(|known| known.set.as_ref());
    set.is_some_and(|set| !set.removed && set.is_held())
}

/// Returns the execution whose set, or a file of it, an entry is about.
fn of_set(model: &Model, entry: &AuditRecord) -> Option<ExecutionId> {
    match entry.object.as_ref()? {
        Object::Execution(id) | Object::ArtifactSet(id) | Object::Manifest(id) | Object::Signature(id) => {
            Some(*id)
        }
        Object::Artifact(id) => model.file(*id).map(|(execution, _)| execution),
        _ => None,
    }
}

/// Whether an execution may be forgotten at an instant (rule E14).
fn may_go(model: &Model, known: &ExecutionModel, kept: &Kept, now: DateTime<Utc>) -> bool {
    let files_gone = known
        .set
        .as_ref()
        .is_none_or(|set| set.removed && set.confirmed_at.is_some_and(|at| at + kept.gone <= now));
    match known.deleted_at {
        Some(at) => files_gone && at + kept.gone <= now,
        None => {
            let ended = known.execution.finished_at.is_some_and(|at| at + kept.ended <= now);
            files_gone && ended && !is_needed(model, &known.execution, now)
        }
    }
}

/// Whether the list of jobs shows the execution as the newest, or the next one is estimated by it, judged by
/// what there was at an instant.
fn is_needed(model: &Model, execution: &Execution, now: DateTime<Utc>) -> bool {
    let job = model.jobs.get(&execution.job_id).map(|known| &known.job);
    if job.is_none_or(|job| job.state == JobState::Deleted && job.updated_at <= now) {
        return false;
    }
    let of_job = || {
        let known = model.executions.values().filter(|known| !known.forgotten && !known.deleted);
        known.map(|known| &known.execution).filter(|one| one.job_id == execution.job_id)
    };
    let shown = of_job().filter(|one| !matches!(one.state, ExecutionState::Skipped(_)));
    let newest =
        shown.filter(|one| one.created_at <= now).max_by_key(|one| (one.created_at, one.slot, one.id));
    let succeeded = of_job().filter(|one| one.state == ExecutionState::Succeeded);
    let ended = succeeded.filter(|one| one.finished_at.is_some_and(|at| at <= now));
    let last = ended.max_by_key(|one| (one.finished_at, one.id));
    [newest, last].into_iter().flatten().any(|one| one.id == execution.id)
}
