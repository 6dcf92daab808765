//! Compares the whole record and the whole store with the model, and checks what must hold at the end
//! (invariants I8, I11, I12, rule E1).

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::accounts::check_contiguous;
use super::invariants::Cause;
use super::model::{Broken, Check, JobModel, Model, SetModel, brief, ensure};
use super::report::{Invariant, Who};
use super::shared::lock;
use super::source::BATCH;
use super::time::{HOUR, Micros, SECOND};
use super::watch::{Watch, step};
use crate::domain::execution::{Execution, ExecutionState, Status};
use crate::domain::id::Owner;
use crate::domain::job::JobState;
use crate::domain::job::policy::Jitter;
use crate::ports::catalog::query::{ArtifactQuery, ExecutionQuery, JobQuery, Page, Slice};
use crate::ports::sink::{Key, Prefix, Sink};

const EVERYTHING: Slice = Slice::first(u32::MAX as u64);

impl Watch {
    /// Compares all jobs, executions, artifacts, notices and stored files.
    pub(super) fn audit(&self, owners: &[Owner]) {
        self.shared.count(|figures| figures.audits += 1);
        self.shared.note(Who::World, "audit");
        self.look(|model| {
            owners.iter().try_for_each(|owner| {
                self.audit_jobs(model, owner)?;
                self.audit_executions(model, owner)?;
                self.audit_artifacts(model, owner)?;
                self.audit_notices(model, owner)
            })?;
            self.check_lost(model)?;
            self.check_workers()?;
            let stored: BTreeSet<Key> = self.keys()?.into_iter().collect();
            match model.live.keys().find(|key| !stored.contains(key)) {
                None => Ok(()),
                Some(missing) => Err(Broken(Invariant::I8, format!("{missing} is published and not stored"))),
            }
        });
    }

    fn audit_jobs(&self, model: &mut Model, owner: &Owner) -> Check {
        let query = JobQuery { slice: EVERYTHING, ..JobQuery::default() };
        let Page { items, .. } = self.read(self.catalog.jobs(owner, &query))?;
        let live = |known: &&JobModel| known.job.state != JobState::Deleted && known.job.owner == *owner;
        let expected = model.jobs.values().filter(live).count();
        ensure(items.len() == expected, Invariant::Record, || {
            format!("{} jobs are listed, {expected} are known", items.len())
        })?;
        items.into_iter().try_for_each(|overview| {
            let id = overview.job.id;
            self.compare_job(model, id, Some(overview.job), Cause::Nothing)
        })
    }

    fn audit_executions(&self, model: &mut Model, owner: &Owner) -> Check {
        let query = ExecutionQuery { slice: EVERYTHING, ..ExecutionQuery::default() };
        let Page { items, .. } = self.read(self.catalog.executions(owner, &query, DateTime::UNIX_EPOCH))?;
        let known = model.executions.values().filter(|known| !known.deleted && !known.forgotten);
        let known = known.filter(|known| known.execution.owner == *owner);
        let expected = known.count();
        ensure(items.len() == expected, Invariant::Record, || {
            format!("{} executions are listed, {expected} are known", items.len())
        })?;
        items.into_iter().try_for_each(|overview| {
            let id = overview.execution.id;
            self.compare(model, id, Some(overview.execution), Cause::Nothing)
        })
    }

    /// Invariant I3, in the other direction: every artifact belongs to a success.
    fn audit_artifacts(&self, model: &Model, owner: &Owner) -> Check {
        let query = ArtifactQuery { slice: EVERYTHING, ..ArtifactQuery::default() };
        let Page { items, .. } = self.read(self.catalog.artifacts(owner, &query))?;
        let listed: BTreeSet<_> = items.iter().map(|overview| overview.artifact.id).collect();
        let sets = model.live_sets().map(|(_, set)| set);
        let known: BTreeSet<_> =
            sets.flat_map(SetModel::files).filter(|file| file.owner == *owner).map(|file| file.id).collect();
        ensure(listed == known, Invariant::I12, || {
            format!("listed are {listed:?}, to be had must be {known:?}")
        })?;
        for overview in &items {
            let file = &overview.artifact;
            let state = &model.execution(file.execution_id)?.execution.state;
            ensure(*state == ExecutionState::Succeeded, Invariant::I3, || {
                format!("{} can be had of an execution that is {state:?}", file.name)
            })?;
            let held =
                model.live_sets().any(|(id, set)| id == file.execution_id && set.is_held() == file.hold);
            ensure(held, Invariant::I12, || {
                format!("{} is on hold, or not, against what was asked", file.name)
            })?;
        }
        Ok(())
    }

    fn keys(&self) -> Check<Vec<Key>> {
        let listed = step(self.store.list(&Prefix::new("")));
        listed.map_err(|error| Broken(Invariant::I8, error.report()))
    }

    /// The next instant, by true time, at which an engine has something to do. `None` if nothing is coming
    /// up. Executions that wait for a running one of their job do not count.
    pub(super) fn next_event(&self) -> Option<DateTime<Utc>> {
        let model = lock(&self.model);
        let active = model.jobs.values().filter(|known| known.job.state == JobState::Active);
        let due = active.filter_map(|known| known.job.next_due_at).min();
        let queued = model.jobs.values().filter_map(|known| next_start(&model, known)).min();
        due.into_iter().chain(queued).min()
    }

    /// Whether an execution is running, even if its worker may be dead.
    pub(super) fn runs_something(&self) -> bool {
        !lock(&self.model).running.is_empty()
    }

    /// Describes something that is still due, queued for now or running. `None` if everything is done.
    pub(super) fn backlog(&self) -> Option<String> {
        let model = lock(&self.model);
        let now = self.shared.timeline.now() - TimeDelta::seconds(2);
        for known in model.jobs.values() {
            if known.job.state == JobState::Active && known.job.next_due_at.is_some_and(|at| at <= now) {
                return Some(format!("job {} is due since {:?}", known.job.id, known.job.next_due_at));
            }
            let open = known.open.iter().filter_map(|id| model.executions.get(id)).map(|one| &one.execution);
            let late = |one: &&Execution| one.state == ExecutionState::Running || one.not_before <= now;
            if let Some(late) = open.into_iter().find(late) {
                return Some(brief(late));
            }
        }
        None
    }

    /// Checks what must hold once faults have stopped and all work is done.
    pub(super) fn check_end(&self) {
        self.look(|model| {
            for key in self.keys()? {
                if !model.live.contains_key(&key) {
                    self.check_orphan(model, &key)?;
                }
            }
            let before = self.shared.timeline.now() - TimeDelta::minutes(5);
            for (id, set) in model.live_sets() {
                ensure(!set.may_expire(before), Invariant::I12, || {
                    format!("the set of {id} has expired and can still be had")
                })?;
            }
            self.check_forgotten(model)?;
            self.check_contents(model)?;
            model.jobs.values().try_for_each(|known| {
                self.check_accounts(model, known)?;
                check_contiguous(model, known)
            })?;
            self.check_ledger(model)
        });
    }

    /// The time for which idle engines may sleep while an execution runs, whose worker may be dead. It grows
    /// with the time since the last change.
    pub(super) fn doze(&self) -> Micros {
        let quiet = self.shared.timeline.elapsed().saturating_sub(lock(&self.model).changed_at);
        (quiet / 8).clamp(5 * SECOND, HOUR)
    }

    /// Whether the remaining work should have been done by now. Nothing fails any more once faults have
    /// stopped. The longest wait for a retry, a dead worker or jitter therefore occurs once, and then
    /// executions follow one another.
    pub(super) fn is_overdue(&self) -> bool {
        let mut model = lock(&self.model);
        let (now, engine) = (self.shared.timeline.elapsed(), &self.shared.profile.engine);
        let left = left(&model);
        let deadline = *model.deadline.get_or_insert_with(|| {
            let waits = engine.retry.delay_max * 2 + Jitter::MAX;
            let waits = waits.num_microseconds().and_then(|micros| Micros::try_from(micros).ok());
            let batches = (self.rows.count() / BATCH) as u64 + 2;
            let each = HOUR / 4 + self.shared.profile.pace * batches;
            now + HOUR + waits.unwrap_or(HOUR) + left * each
        });
        now > deadline
    }
}

/// The number of executions that have not ended, plus one per job for an occurrence that is due but not
/// recorded yet.
fn left(model: &Model) -> u64 {
    model.jobs.values().map(|known| known.open.len() as u64 + 1).sum()
}

/// The instant at which the next execution of a job may begin. `None` if one is running or none is queued.
fn next_start(model: &Model, known: &JobModel) -> Option<DateTime<Utc>> {
    let open = known.open.iter().filter_map(|id| model.executions.get(id)).map(|one| &one.execution);
    let open: Vec<&Execution> = open.collect();
    if open.iter().any(|one| one.state == ExecutionState::Running) {
        return None;
    }
    // An execution that has begun is retried before any other may begin.
    let begun = open.iter().find(|one| one.is_begun()).map(|one| one.not_before);
    begun.or_else(|| open.iter().filter(|one| one.status() == Status::Queued).map(|one| one.not_before).min())
}
