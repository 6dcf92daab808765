//! The work of engines: claims, beats, commits and settlements (rules E2, E5, E8; invariants I3, I6, I10).

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::entries::{Entry, Held};
use super::state::{State, conflict};
use crate::domain::archive::adoption::Adoption;
use crate::domain::archive::artifact::ArtifactSet;
use crate::domain::execution::completeness::Frozen;
use crate::domain::execution::failure::Failure;
use crate::domain::execution::queue::{Candidate, Picked, Queue, Room, pick};
use crate::domain::execution::standing::Stage;
use crate::domain::execution::{Beginning, Execution, ExecutionState};
use crate::domain::id::{ExecutionId, JobId, Owner, SourceId, WorkerId};
use crate::domain::job::Job;
use crate::domain::job::lifecycle;
use crate::domain::work::lease::{Hold, Lease};
use crate::ports::catalog::{
    Beat, CatalogError, CatalogErrorKind, Claim, Claimed, Directive, Fence, Publication, Settlement,
    Standing, WAITING_MAX, Writer,
};

impl Held {
    fn new(worker: &WorkerId, now: DateTime<Utc>, length: Duration) -> Self {
        Self { worker: worker.clone(), lease: Lease::taken(now, length) }
    }
}

impl State {
    pub(super) fn claim(&mut self, claim: &Claim, now: DateTime<Utc>) -> Result<Claimed, CatalogError> {
        let given_up = self.take_over(claim, now)?;
        let room = Room::new(claim.limit, &claim.source_limits, |source| self.running_of(source));
        let turn = self.turn.clone();
        let mut queue = MemoryQueue {
            claimed: Claimed::default(),
            waiting: self.candidates(now),
            changed: HashSet::new(),
            state: self,
            claim,
            now,
        };
        let turn = match pick(&mut queue, turn, room) {
            Ok(turn) => turn,
            Err(never) => match never {},
        };
        let claimed = queue.claimed;
        self.turn = turn;
        Ok(Claimed { given_up, ..claimed })
    }

    fn running_of(&self, source: &SourceId) -> usize {
        let open = self.executions.open().map(|entry| &entry.execution);
        open.filter(|one| one.state == ExecutionState::Running && one.settings.source == *source).count()
    }

    /// Returns the candidates of each owner, by their places.
    fn candidates(&self, now: DateTime<Utc>) -> BTreeMap<Owner, VecDeque<Candidate>> {
        let open = || self.executions.open().map(|entry| &entry.execution);
        let running: HashSet<JobId> =
            open().filter(|one| one.state == ExecutionState::Running).map(|one| one.job_id).collect();
        let mut waiting: BTreeMap<Owner, VecDeque<Candidate>> = BTreeMap::new();
        let ready = |one: &&Execution| one.state == ExecutionState::Queued && one.not_before <= now;
        for one in open().filter(ready).filter(|one| !running.contains(&one.job_id)) {
            waiting.entry(one.owner.clone()).or_default().push_back(Candidate {
                place: one.place(),
                job: one.job_id,
                source: one.settings.source.clone(),
                is_begun: one.is_begun(),
            });
        }
        for candidates in waiting.values_mut() {
            candidates.make_contiguous().sort_unstable_by_key(|candidate| candidate.place);
        }
        waiting
    }

    fn take_over(&mut self, claim: &Claim, now: DateTime<Utc>) -> Result<Vec<Execution>, CatalogError> {
        // An expired lease is no reason to take work from a worker that is asking right now and still holds
        // it. Both conditions matter: the claim lists the execution, and the lease is under the same worker's
        // name.
        let abandoned = |entry: &&Entry| {
            let named = claim.holding.iter().any(|fence| fence.id == entry.execution.id);
            let own = entry.lease.as_ref().is_some_and(|lease| lease.worker == claim.worker);
            let hold = Hold {
                worker_is_dead: false,
                is_held_by_asker: named && own,
                lease: entry.lease.as_ref().map(|held| held.lease),
            };
            entry.execution.state == ExecutionState::Running && hold.is_abandoned(now)
        };
        let mut abandoned: Vec<Execution> =
            self.executions.open().filter(abandoned).map(|entry| entry.execution.clone()).collect();
        abandoned.sort_unstable_by_key(Execution::place);
        let mut given_up = Vec::new();
        for execution in abandoned {
            let after = execution.failed(Failure::crashed(), &claim.retry, now);
            self.store(&after, None);
            if !after.is_open() {
                self.end(&after, now)?;
                given_up.push(after);
            }
        }
        Ok(given_up)
    }

    pub(super) fn begin(
        &mut self,
        fence: Fence,
        complete_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<Frozen, CatalogError> {
        let execution = self.fenced(fence)?;
        let own = execution.settings.policies.incomplete;
        let policy = self.jobs.get(&execution.job_id).map_or(own, |job| job.settings.policies.incomplete);
        let frozen = execution.freeze(policy, complete_until, now);
        match &frozen {
            Frozen::Running(running) => {
                let held = self.executions.get(fence.id).and_then(|entry| entry.lease.clone());
                self.store(running, held);
            }
            Frozen::Held(held) => {
                self.store(held, None);
                if !held.is_open() {
                    self.end(held, now)?;
                }
            }
        }
        Ok(frozen)
    }

    pub(super) fn beat(
        &mut self,
        worker: &WorkerId,
        now: DateTime<Utc>,
        lease: Duration,
        beats: &[Beat],
    ) -> Vec<Directive> {
        let lease = Held::new(worker, now, lease);
        let answer = |beat: &Beat| {
            let Some(entry) = self.executions.get(beat.fence.id) else {
                return Directive::Fenced;
            };
            let own = entry.lease.as_ref().is_some_and(|known| known.worker == *worker);
            if !own || !is_of(&entry.execution, beat.fence) {
                return Directive::Fenced;
            }
            let cancelled = entry.execution.cancel_requested_at.is_some();
            self.executions.renew(beat.fence.id, lease.clone(), beat.progress);
            if cancelled { Directive::Cancel } else { Directive::Continue }
        };
        beats.iter().map(answer).collect()
    }

    pub(super) fn publish(&mut self, fence: Fence, publication: &Publication) -> Result<(), CatalogError> {
        let execution = self.fenced(fence)?;
        if execution.writer().nonce != publication.nonce {
            return Err(claim_has_ended(fence));
        }
        let succeeded = execution
            .published(publication.progress, publication.published_at)
            .map_err(|stop| CatalogError::new(CatalogErrorKind::Cancelled, stop.to_string()))?;
        let answered = self.answered(&succeeded, publication.request, publication.published_at)?;
        // `end` may refuse the change. It goes first, so that a refused commit stores nothing.
        self.end(&succeeded, publication.published_at)?;
        self.subject_requests.extend(answered.map(|request| (request.id, request)));
        self.store(&succeeded, None);
        self.sets.insert(succeeded.id, publication.set.clone());
        if let Some(filter) = &publication.filter {
            self.note_filter(succeeded.id, filter);
        }
        self.deliver(&succeeded);
        Ok(())
    }

    /// Takes a set of the store back into the record (rule E18).
    pub(super) fn adopt(
        &mut self,
        adoption: &Adoption,
        expected: u64,
        set: &ArtifactSet,
    ) -> Result<(), CatalogError> {
        let Adoption { before, execution, change, .. } = adoption;
        let entry = self.executions.get(execution.id);
        let same = match (entry, before) {
            (None, None) => true,
            (Some(entry), Some(before)) => {
                let known = &entry.execution;
                entry.deleted_at.is_none() && (known.status(), known.epoch) == (before.status(), before.epoch)
            }
            _ => false,
        };
        if !same {
            return Err(conflict(format!("execution {} was changed", execution.id)));
        }
        self.change_job(change, expected)?;
        match before {
            Some(_) => self.store(execution, None),
            None => self.executions.insert(execution),
        }
        self.sets.insert(execution.id, set.clone());
        Ok(())
    }

    pub(super) fn settle(
        &mut self,
        fence: Fence,
        settlement: &Settlement,
        now: DateTime<Utc>,
    ) -> Result<Execution, CatalogError> {
        let execution = self.fenced(fence)?;
        let settled = match settlement {
            Settlement::Failed { failure, retry } => execution.failed(failure.clone(), retry, now),
            Settlement::Cancelled => execution.cancelled(now),
            Settlement::Released => execution.released(now),
        };
        self.store(&settled, None);
        if !settled.is_open() {
            self.end(&settled, now)?;
        }
        Ok(settled)
    }

    /// Applies the end of an execution to its job, and stores its notices.
    fn end(&mut self, ended: &Execution, now: DateTime<Utc>) -> Result<(), CatalogError> {
        let Some(job) = self.jobs.get(&ended.job_id).cloned() else { return Ok(()) };
        let open = self.open(job.id, None, WAITING_MAX);
        let change = lifecycle::ended(&job, ended, open, now)
            .map_err(|overtaken| conflict(format!("execution {}: {overtaken}", ended.id)))?;
        self.change_job(&change, job.revision)?;
        self.notices.insert(lifecycle::notices(&job, &change, ended));
        Ok(())
    }

    fn fenced(&self, fence: Fence) -> Result<Execution, CatalogError> {
        let entry = self.executions.get(fence.id).filter(|entry| is_of(&entry.execution, fence));
        entry.map(|entry| entry.execution.clone()).ok_or_else(|| claim_has_ended(fence))
    }

    pub(super) fn standing(&self, writer: &Writer) -> Standing {
        let Some(entry) = self.executions.get(writer.fence.id) else { return Standing::Unknown };
        // Files are wanted while their execution may still commit, and afterwards while their set is
        // published.
        let execution = &entry.execution;
        let published = self.sets.get(execution.id).is_some_and(|set| !set.is_removed());
        let live = match execution.state {
            ExecutionState::Running => true,
            ExecutionState::Succeeded => published,
            _ => false,
        };
        let stage = match entry.deleted_at {
            Some(_) => Stage::Deleted,
            None if live => Stage::Live,
            None => Stage::Over,
        };
        Standing::of(execution.epoch, &execution.attempts, stage, writer)
    }

    pub(super) fn change_execution(
        &mut self,
        before: &Execution,
        after: &Execution,
    ) -> Result<(), CatalogError> {
        let known = self.executions.get(before.id);
        match known.filter(|entry| entry.deleted_at.is_none() && entry.execution.owner == before.owner) {
            Some(entry)
                if entry.execution.status() == before.status() && entry.execution.epoch == before.epoch =>
            {
                // Beats move progress and lease without a new state, and the worker freezes the window. A decision
                // that was made from an earlier reading must not undo that.
                let Execution { progress, window, completeness, .. } = entry.execution;
                let lease = entry.lease.clone().filter(|_| after.state == ExecutionState::Running);
                self.executions.replace(Execution { progress, window, completeness, ..after.clone() }, lease);
                if let Some(job) = self.jobs.get(&before.job_id).cloned() {
                    self.store_job(job);
                }
                Ok(())
            }
            _ => Err(conflict(format!("execution {} was changed", before.id))),
        }
    }

    pub(super) fn last_records(&self, job: JobId) -> Option<u64> {
        let succeeded = self.of(job).filter(|execution| execution.state == ExecutionState::Succeeded);
        let last = succeeded.max_by_key(|execution| (execution.finished_at, execution.id));
        last.map(|execution| execution.progress.records)
    }

    fn store(&mut self, execution: &Execution, lease: Option<Held>) {
        self.executions.replace(execution.clone(), lease);
    }

    fn store_job(&mut self, job: Job) {
        self.jobs.insert(job.id, Job { revision: job.revision + 1, ..job });
    }

    pub(super) fn is_final(&self, id: ExecutionId) -> bool {
        self.executions.get(id).is_some_and(|entry| !entry.execution.is_open())
    }
}

/// The queue in a claim, and what has begun so far.
struct MemoryQueue<'a> {
    state: &'a mut State,
    claim: &'a Claim,
    now: DateTime<Utc>,
    waiting: BTreeMap<Owner, VecDeque<Candidate>>,
    claimed: Claimed,
    /// The jobs that this claim has stored. A transaction moves a job's revision once.
    changed: HashSet<JobId>,
}

impl MemoryQueue<'_> {
    fn store_job(&mut self, job: Job) {
        if self.changed.insert(job.id) {
            self.state.store_job(job);
        } else {
            self.state.jobs.insert(job.id, job);
        }
    }
}

impl Queue for MemoryQueue<'_> {
    type Error = Infallible;

    fn next_owner(&mut self, after: Option<&Owner>) -> Result<Option<Owner>, Infallible> {
        let mut owners = self.waiting.keys();
        Ok(owners.find(|owner| after.is_none_or(|after| *owner > after)).cloned())
    }

    fn next_candidate(
        &mut self,
        owner: &Owner,
        _closed: &HashSet<JobId>,
    ) -> Result<Option<Candidate>, Infallible> {
        Ok(self.waiting.get_mut(owner).and_then(VecDeque::pop_front))
    }

    fn has_begun(&mut self, job: JobId) -> Result<bool, Infallible> {
        let mut open = self.state.executions.open_of(job);
        Ok(open.any(|one| one.is_begun() && one.state == ExecutionState::Queued))
    }

    fn begin(&mut self, candidate: &Candidate) -> Result<Picked, Infallible> {
        let entry = self.state.executions.get(candidate.place.id);
        let Some(execution) = entry.map(|entry| entry.execution.clone()) else {
            return Ok(Picked::PassedOver);
        };
        let may_begin = |job: &&Job| self.claim.allows(job, &execution);
        let job = self.state.jobs.get(&execution.job_id).filter(may_begin).cloned();
        let Some(job) = job else { return Ok(Picked::Refused) };
        Ok(match execution.begin(&job, self.claim.worker.clone(), self.claim.nonce, self.now) {
            Beginning::Running(running) => {
                let held = Held::new(&self.claim.worker, self.now, self.claim.lease);
                self.state.store(&running, Some(held));
                self.store_job(lifecycle::started(&job));
                self.claimed.executions.push(running);
                Picked::Running
            }
            Beginning::Covered(skipped) => {
                self.state.store(&skipped, None);
                self.store_job(job);
                self.claimed.covered.push(skipped);
                Picked::Covered
            }
        })
    }
}

fn is_of(execution: &Execution, fence: Fence) -> bool {
    execution.state == ExecutionState::Running && execution.epoch == fence.epoch
}

fn claim_has_ended(fence: Fence) -> CatalogError {
    let told = format!("claim {} of execution {} has ended", fence.epoch, fence.id);
    CatalogError::new(CatalogErrorKind::Fenced, told)
}
