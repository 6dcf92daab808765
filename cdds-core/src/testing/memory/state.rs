//! The contents of the catalog, and the operations on jobs and recipients.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::copies::StoredFilter;
use super::deliveries::Deliveries;
use super::entries::Entries;
use super::notices::Notices;
use super::sets::Sets;
use crate::domain::access::audit::AuditRecord;
use crate::domain::calendar::zone::database::Clocks;
use crate::domain::execution::queue::QueuePlace;
use crate::domain::execution::{Execution, ExecutionState, Trigger};
use crate::domain::id::{
    ArtifactId, AuditId, ExecutionId, JobId, Owner, RecipientName, SubjectRequestId, SubjectTaskId, WorkerId,
};
use crate::domain::job::policy::Overlap;
use crate::domain::job::settling::Open;
use crate::domain::job::{Job, JobChange, JobState};
use crate::domain::keeping::Housekeeper;
use crate::domain::pairing::StoreLink;
use crate::domain::recipient::Recipient;
use crate::domain::subject::SubjectTask;
use crate::domain::subject::request::SubjectRequest;
use crate::domain::work::worker::WorkerEntry;
use crate::ports::catalog::query::{JobOverview, LatestExecution};
use crate::ports::catalog::{
    Agenda, CatalogError, CatalogErrorKind, DueJob, QUEUED_COUNTED_MAX, RecipientRemoval, WAITING_MAX,
    ZoneRecord,
};
use crate::ports::sink::Key;

#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) executions: Entries,
    pub(super) sets: Sets,
    pub(super) downloads: BTreeMap<ArtifactId, Vec<DateTime<Utc>>>,
    pub(super) notices: Notices,
    pub(super) deliveries: Deliveries,
    pub(super) recipients: BTreeMap<(Owner, RecipientName), Recipient>,
    pub(super) store: Option<StoreLink>,
    pub(super) audit: BTreeMap<AuditId, AuditRecord>,
    /// The owner who was served last (rule E2).
    pub(super) turn: Option<Owner>,
    /// The engine that keeps house (rule E15).
    pub(super) housekeeper: Option<Housekeeper>,
    /// The workers (rule E19).
    pub(super) workers: BTreeMap<WorkerId, WorkerEntry>,
    /// The requests of data subjects (rule D2).
    pub(super) subject_requests: BTreeMap<SubjectRequestId, SubjectRequest>,
    /// The tasks of their erasures (rule D4).
    pub(super) subject_tasks: BTreeMap<SubjectTaskId, SubjectTask>,
    /// The filters of sets (rule D10).
    pub(super) filters: BTreeMap<ExecutionId, StoredFilter>,
    /// By which version of the database jobs with a zone are computed (rule F9).
    pub(super) zones: Option<ZoneRecord>,
}

pub(super) fn conflict(why: impl Into<String>) -> CatalogError {
    CatalogError::new(CatalogErrorKind::Conflict, why)
}

impl State {
    pub(super) fn insert_job(&mut self, job: &Job, first: Option<&Execution>) -> Result<(), CatalogError> {
        if self.jobs.contains_key(&job.id) {
            return Err(conflict(format!("job {} is already stored", job.id)));
        }
        self.check_recipients(job)?;
        self.jobs.insert(job.id, Job { revision: 1, ..job.clone() });
        if let Some(first) = first {
            self.executions.insert(first);
        }
        Ok(())
    }

    pub(super) fn change_job(&mut self, change: &JobChange, expected: u64) -> Result<(), CatalogError> {
        let job = &change.job;
        let known = self.jobs.get(&job.id).filter(|known| known.owner == job.owner);
        if known.is_none_or(|known| known.revision != expected) {
            return Err(conflict(format!("job {} is gone or was changed", job.id)));
        }
        if job.state != JobState::Deleted {
            self.check_recipients(job)?;
        }
        // Scheduled entries may be on the record already, and are then left as they are. An id that a person
        // asked for is derived from the instant of the request: a second one is the same request again.
        let asked = change.entries.iter().filter(|entry| entry.trigger != Trigger::Scheduled);
        if let Some(twice) = asked.into_iter().find(|entry| self.executions.get(entry.id).is_some()) {
            return Err(conflict(format!("execution {} is already on record", twice.id)));
        }
        self.jobs.insert(job.id, Job { revision: expected + 1, ..job.clone() });
        for entry in &change.entries {
            self.executions.insert(entry);
        }
        for changed in change.superseded.iter().chain(&change.edited) {
            if self.executions.get(changed.id).is_some_and(|entry| entry.execution.is_waiting()) {
                self.executions.replace(changed.clone(), None);
            }
        }
        Ok(())
    }

    pub(super) fn newest_manifests(&self, limit: usize) -> Vec<Key> {
        self.sets.newest_manifests(limit)
    }

    pub(super) fn set_store(
        &mut self,
        expected: Option<StoreLink>,
        link: StoreLink,
    ) -> Result<(), CatalogError> {
        if self.store != expected {
            return Err(conflict("the store of this catalog was changed in the meantime"));
        }
        self.store = Some(link);
        Ok(())
    }

    fn check_recipients(&self, job: &Job) -> Result<(), CatalogError> {
        let known = |name: &RecipientName| self.recipients.contains_key(&(job.owner.clone(), name.clone()));
        match job.settings.protection.recipients().iter().find(|name| !known(name)) {
            Some(missing) => Err(conflict(format!("recipient {missing} is not stored"))),
            None => Ok(()),
        }
    }

    /// Returns the executions of a job that were not deleted.
    pub(super) fn of(&self, job: JobId) -> impl DoubleEndedIterator<Item = &Execution> {
        self.executions.of(job)
    }

    pub(super) fn open(&self, job: JobId, behind: Option<QueuePlace>, limit: usize) -> Open {
        let begun = self.executions.open_of(job).filter(|one| behind.is_none() && one.is_begun());
        let mut executions: Vec<Execution> = begun.cloned().collect();
        executions.sort_by_key(Execution::place);
        let mut waiting = self.waiting(job);
        waiting.retain(|one| behind.is_none_or(|behind| one.place() > behind));
        let more = waiting.len() > limit;
        executions.extend(waiting.into_iter().take(limit));
        Open { executions, more }
    }

    /// Returns the executions of a job that wait for their first claim, in queue order.
    pub(super) fn waiting(&self, job: JobId) -> Vec<Execution> {
        let waiting = self.executions.open_of(job).filter(|one| one.is_waiting());
        let mut waiting: Vec<Execution> = waiting.cloned().collect();
        waiting.sort_by_key(Execution::place);
        waiting
    }

    pub(super) fn job(&self, owner: &Owner, id: JobId) -> Option<JobOverview> {
        let job = self.jobs.get(&id)?;
        (job.owner == *owner && job.state != JobState::Deleted).then(|| self.overview(job))
    }

    pub(super) fn overview(&self, job: &Job) -> JobOverview {
        let mut youngest = self.of(job.id).rev();
        let running = self.executions.open_of(job.id).find(|one| one.state == ExecutionState::Running);
        let latest =
            running.or_else(|| youngest.find(|one| !matches!(one.state, ExecutionState::Skipped(_))));
        let latest = latest.map(|execution| LatestExecution {
            id: execution.id,
            status: execution.status(),
            started_at: execution.started_at,
            progress: execution.progress,
            failure: match &execution.state {
                ExecutionState::Failed(failure) => Some(failure.clone()),
                _ => None,
            },
            // Whether its lease still holds depends on an instant, and this query has none.
            worker: None,
        });
        JobOverview { job: job.clone(), latest }
    }

    pub(super) fn due(&self, now: DateTime<Utc>, limit: usize, clocks: Clocks) -> Vec<DueJob> {
        let known = || self.jobs.values().filter(|job| clocks.include(&job.settings.clock));
        let unsettled = known().filter(|job| job.unsettled.is_some());
        let is_due =
            |job: &&Job| job.state == JobState::Active && job.next_due_at.is_some_and(|at| at <= now);
        let mut due: Vec<&Job> = known().filter(|job| job.unsettled.is_none()).filter(is_due).collect();
        due.sort_by_key(|job| (job.next_due_at, job.id));
        let mut given = Vec::new();
        let mut room = WAITING_MAX;
        for job in unsettled.chain(due).take(limit) {
            if room == 0 {
                break;
            }
            let mut waiting = self.waiting(job.id);
            waiting.retain(|one| match job.unsettled {
                Some(unsettled) => unsettled.behind.is_none_or(|behind| one.place() > behind),
                None => is_coverable(job, one, now),
            });
            waiting.truncate(room);
            room -= waiting.len();
            given.push(DueJob { job: job.clone(), waiting });
        }
        given
    }

    pub(super) fn ahead(&self, after: DateTime<Utc>) -> Vec<Job> {
        let is_later = |job: &&Job| {
            let watermark = job.watermark.and_then(|watermark| watermark.at);
            let instants = [job.next_due_at, watermark, job.tiled_until, job.suspended_at];
            let later = instants.into_iter().flatten().any(|at| at > after);
            job.state != JobState::Deleted && (later || job.state == JobState::Completed)
        };
        self.jobs.values().filter(is_later).cloned().collect()
    }

    pub(super) fn agenda(&self, clocks: Clocks) -> Agenda {
        let is_known = |job: &&Job| clocks.include(&job.settings.clock);
        let active = self.jobs.values().filter(|job| job.state == JobState::Active).filter(is_known);
        let mut agenda =
            Agenda { next_due_at: active.filter_map(|job| job.next_due_at).min(), ..Agenda::default() };
        for execution in self.executions.open().map(|entry| &entry.execution) {
            if execution.state == ExecutionState::Running {
                agenda.running += 1;
                continue;
            }
            agenda.queued = (agenda.queued + 1).min(QUEUED_COUNTED_MAX);
            if !self.jobs.get(&execution.job_id).is_none_or(|job| is_known(&job)) {
                continue;
            }
            let earliest =
                agenda.next_queued_at.map_or(execution.not_before, |at| at.min(execution.not_before));
            agenda.next_queued_at = Some(earliest);
        }
        if agenda.next_queued_at.is_none() {
            agenda.queued = 0;
        }
        agenda
    }

    pub(super) fn insert_recipient(&mut self, recipient: &Recipient) -> Result<(), CatalogError> {
        let key = (recipient.owner.clone(), recipient.name.clone());
        if self.recipients.contains_key(&key) {
            return Err(conflict(format!("there is already a recipient {}", recipient.name)));
        }
        self.recipients.insert(key, recipient.clone());
        Ok(())
    }

    pub(super) fn replace_recipient(
        &mut self,
        recipient: &Recipient,
        expected: &str,
    ) -> Result<(), CatalogError> {
        let known = self.recipients.get_mut(&(recipient.owner.clone(), recipient.name.clone()));
        match known.filter(|known| known.certificate.fingerprint == expected) {
            Some(known) => known.clone_from(recipient),
            None => return Err(conflict(format!("recipient {}", recipient.name))),
        }
        Ok(())
    }

    /// Decides whether a recipient may be removed. Removes nothing.
    pub(super) fn removal_of_recipient(&self, owner: &Owner, name: &RecipientName) -> RecipientRemoval {
        let of_job = |job: &&Job| job.state != JobState::Deleted && job.owner == *owner;
        let jobs = self.jobs.values().filter(of_job).map(|job| (job.id, &job.settings));
        let open = self.executions.open().map(|entry| &entry.execution);
        let open = open.filter(|execution| execution.owner == *owner);
        let users = jobs.chain(open.map(|execution| (execution.job_id, &execution.settings)));
        let mut users: Vec<JobId> = users
            .filter(|(_, settings)| settings.protection.recipients().contains(name))
            .map(|(job, _)| job)
            .collect();
        users.sort();
        users.dedup();
        if !users.is_empty() {
            return RecipientRemoval::InUse(users);
        }
        match self.recipients.contains_key(&(owner.clone(), name.clone())) {
            true => RecipientRemoval::Removed,
            false => RecipientRemoval::Missing,
        }
    }
}

/// Whether a later slot of the job may cover a waiting execution (rule E3).
fn is_coverable(job: &Job, waiting: &Execution, now: DateTime<Utc>) -> bool {
    job.overlap() == Overlap::Coalesce && waiting.trigger == Trigger::Scheduled && waiting.not_before <= now
}
