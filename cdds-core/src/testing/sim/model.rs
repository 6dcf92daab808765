//! The model of the record: a copy that follows every step, with the history that the record itself does not
//! keep.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Datelike, Timelike, Utc};

use super::laws;
use super::ledger::Ledger;
use super::report::Invariant;
use super::restore::Lost;
use super::time::Micros;
use crate::domain::access::audit::AuditRecord;
use crate::domain::archive::artifact::{Artifact, ArtifactSet};
use crate::domain::execution::{Execution, ExecutionState, Trigger};
use crate::domain::id::{ArtifactId, AuditId, ExecutionId, JobId, NoticeId, Owner, WorkerId};
use crate::domain::job::{Job, JobSettings, JobState};
use crate::domain::notice::Notice;
use crate::ports::sink::Key;

/// An invariant, with a description of how it is broken.
#[derive(Debug)]
pub(super) struct Broken(pub(super) Invariant, pub(super) String);

/// The outcome of a check.
pub(super) type Check<T = ()> = Result<T, Broken>;

/// Fails the check unless `holds` is true.
pub(super) fn ensure(holds: bool, invariant: Invariant, what: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Broken(invariant, what())) }
}

/// The expected state of the record.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) jobs: BTreeMap<JobId, JobModel>,
    pub(super) executions: BTreeMap<ExecutionId, ExecutionModel>,
    pub(super) running: BTreeSet<ExecutionId>,
    /// Every notice, as the last step left it (rule N2).
    pub(super) notices: BTreeMap<NoticeId, Notice>,
    /// When an execution last changed.
    pub(super) changed_at: Micros,
    /// The time by which the remaining work must be done.
    pub(super) deadline: Option<Micros>,
    /// The files of live sets, including manifests and signatures.
    pub(super) live: BTreeMap<Key, ExecutionId>,
    /// The files of live sets that the catalog has lost by a restore, with their contents (rule E17).
    pub(super) lost: BTreeMap<Key, Lost>,
    /// Whether the catalog was restored from a backup.
    pub(super) is_restored: bool,
    /// Hashes of the archives of settled windows, by window and selection (invariant I7).
    pub(super) archives: BTreeMap<Selection, u64>,
    /// Counts each record over the sets of a job (invariant I4).
    pub(super) ledger: Ledger,
    /// The audit (rule C2).
    pub(super) audit: BTreeMap<AuditId, AuditRecord>,
    /// Entries of the audit that were forgotten (rule E14).
    pub(super) past_audit: Vec<AuditRecord>,
    /// The owner who was served last (rule E2).
    pub(super) turn: Option<Owner>,
    /// The workers that were told to drain with their last sign of life (rule E20).
    pub(super) draining: BTreeSet<WorkerId>,
    /// The engine that keeps house, and until when it does if it is not heard of again (rule E15).
    pub(super) housekeeper: Option<(WorkerId, DateTime<Utc>)>,
}

/// The contents of an archive: by which instant and from which categories, from when to when.
pub(super) type Selection = (String, Option<DateTime<Utc>>, DateTime<Utc>);

/// A job and its history.
#[derive(Debug, Clone)]
pub(super) struct JobModel {
    pub(super) job: Job,
    pub(super) open: BTreeSet<ExecutionId>,
    /// The periods of suspension, each after the first instant and up to the second.
    pub(super) suspended: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// The start of its present schedule.
    pub(super) rescheduled_at: DateTime<Utc>,
    /// Its earlier schedules.
    pub(super) schedules: Vec<Schedule>,
    /// The number of its present stretch of tiling windows. Edits of the schedule do not end a stretch (rule
    /// W3).
    pub(super) stretch: u32,
    /// The start of this stretch. The edit that began it recorded earlier occurrences too; they belong to the
    /// stretch before.
    pub(super) stretch_since: DateTime<Utc>,
    /// Whether the job tiled before that. Otherwise those earlier occurrences belong to no stretch.
    pub(super) tiled_before: bool,
    /// The successful execution of each occurrence.
    pub(super) successes: BTreeMap<(Family, DateTime<Utc>), ExecutionId>,
    /// The published tiling windows of its occurrences, by stretch and start.
    pub(super) tiles: BTreeMap<(u32, DateTime<Utc>), (DateTime<Utc>, ExecutionId)>,
    /// How often it started as a one-time job.
    pub(super) starts: u32,
}

/// A past or present schedule of a job, valid after `since` and up to `until`.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub(super) settings: JobSettings,
    pub(super) since: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
}

/// The kind of work that an execution belongs to. A rerun belongs to that of the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Scheduled,
    Manual,
    Backfill,
}

/// An execution and its history.
#[derive(Debug, Clone)]
pub(super) struct ExecutionModel {
    pub(super) execution: Execution,
    pub(super) family: Family,
    pub(super) deleted: bool,
    /// When it was deleted, by the catalog's clock.
    pub(super) deleted_at: Option<DateTime<Utc>>,
    /// Whether the catalog has forgotten it since (rule E14).
    pub(super) forgotten: bool,
    pub(super) lease: Option<Lease>,
    pub(super) set: Option<SetModel>,
    /// The stretch of tiling windows that its window belongs to, if any.
    pub(super) stretch: Option<u32>,
    /// Whether its last attempt began after faults had stopped.
    pub(super) begun_in_calm: bool,
    /// When its worker heard of the cancellation.
    pub(super) stop: Option<Stop>,
    /// The last epoch in which its worker tried to commit.
    pub(super) commits: u64,
}

/// The moment at which a worker heard that its execution is cancelled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    pub(super) epoch: u64,
    pub(super) at: Micros,
    /// The number of troubles until then.
    pub(super) troubles: u64,
}

/// The last sign of life of the worker that runs an execution.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) worker: WorkerId,
    /// When it runs out, by true time.
    pub(super) expires_at: DateTime<Utc>,
    /// The number of troubles until then.
    pub(super) troubles: u64,
}

/// A published set.
#[derive(Debug, Clone)]
pub(super) struct SetModel {
    pub(super) set: ArtifactSet,
    pub(super) removed: bool,
    /// When it was confirmed that its files are deleted.
    pub(super) confirmed_at: Option<DateTime<Utc>>,
    /// Its files that were deleted one by one.
    pub(super) gone: BTreeSet<ArtifactId>,
}

impl SetModel {
    pub(super) fn files(&self) -> impl Iterator<Item = &Artifact> {
        self.set.artifacts.iter().filter(|file| !self.removed && !self.gone.contains(&file.id))
    }

    pub(super) fn is_held(&self) -> bool {
        self.set.artifacts.iter().any(|file| file.hold)
    }

    /// Whether the set may be removed at `now`.
    pub(super) fn may_expire(&self, now: DateTime<Utc>) -> bool {
        !self.is_held() && self.set.artifacts.iter().all(|file| file.expires_at <= now)
    }
}

impl JobModel {
    pub(super) fn new(job: Job) -> Self {
        Self {
            rescheduled_at: job.created_at,
            schedules: Vec::new(),
            stretch: 0,
            stretch_since: job.created_at,
            tiled_before: true,
            job,
            open: BTreeSet::new(),
            suspended: Vec::new(),
            successes: BTreeMap::new(),
            tiles: BTreeMap::new(),
            starts: 0,
        }
    }

    /// Follows a change of the job: its suspension, its schedule and its stretch.
    pub(super) fn follow(&mut self, after: Job) {
        let before = &self.job;
        // A suspension that ends is noted with its end: that of a new suspension, or the instant of the
        // change.
        if let Some(since) = before.suspended_at.filter(|_| before.state == JobState::Suspended)
            && after.suspended_at != Some(since)
        {
            let until = after.suspended_at.unwrap_or(after.updated_at);
            self.suspended.push((since, until));
        }
        if !before.settings.has_schedule_of(&after.settings) {
            let (since, until) = (self.rescheduled_at, after.updated_at);
            self.schedules.push(Schedule { settings: before.settings.clone(), since, until });
            self.rescheduled_at = after.updated_at;
        }
        // By another database, slots are others from the last decided one on.
        let version = |job: &Job| job.settings.clock.zone().database();
        if before.settings.has_schedule_of(&after.settings)
            && version(before) != version(&after)
            && let Some((decided, since)) = before.decided_until.zip(laws::decided(before, &after))
        {
            let (old, until) = (before.settings.clone(), decided.to_utc());
            self.schedules.push(Schedule { settings: old, since: self.rescheduled_at, until });
            self.rescheduled_at = since.max(before.suspended_at.unwrap_or(since));
        }
        if !tiles_on(before, &after) {
            self.stretch += 1;
            self.stretch_since = after.updated_at;
            self.tiled_before = before.settings.tiles();
        }
        self.job = after;
    }

    /// Returns every schedule that the job ever had, up to `now`. The present one ends when the job was
    /// suspended or deleted: from then on nothing is recorded.
    pub(super) fn all_schedules(&self, now: DateTime<Utc>) -> impl Iterator<Item = Schedule> {
        let job = &self.job;
        let until = match job.state {
            JobState::Suspended => job.suspended_at.unwrap_or(now),
            JobState::Deleted => job.updated_at,
            JobState::Active | JobState::Completed => now,
        };
        let present = Schedule { settings: job.settings.clone(), since: self.rescheduled_at, until };
        self.schedules.iter().cloned().chain([present])
    }

    /// Whether a slot passed while the job was suspended (rule J7).
    pub(super) fn was_suspended_at(&self, slot: DateTime<Utc>) -> bool {
        self.suspended.iter().any(|(since, until)| *since < slot && slot <= *until)
    }
}

impl Model {
    pub(super) fn family(&self, trigger: Trigger) -> Family {
        match trigger {
            Trigger::Scheduled => Family::Scheduled,
            Trigger::Manual => Family::Manual,
            Trigger::Backfill | Trigger::Rerun { of_backfill: true, .. } => Family::Backfill,
            Trigger::Rerun { of, .. } => {
                self.executions.get(&of).map_or(Family::Scheduled, |original| original.family)
            }
        }
    }

    /// Returns the stretch of tiling windows that the window of an execution belongs to. An occurrence
    /// belongs to the stretch in which it was recorded, and its reruns to the same.
    pub(super) fn stretch_of(&self, execution: &Execution) -> Option<u32> {
        let known = self.executions.get(&execution.id);
        match execution.trigger {
            _ if execution.generation.is_some() => None,
            Trigger::Scheduled => {
                // An edit that begins a stretch also records what was due before it, at the very instant of
                // the edit. Those occurrences still belong to the stretch before.
                let of_job = |job: &JobModel| {
                    let before = execution.created_at == job.stretch_since;
                    (!before || job.tiled_before).then(|| job.stretch.saturating_sub(u32::from(before)))
                };
                let since = || self.jobs.get(&execution.job_id).and_then(of_job);
                let tiles = execution.settings.tiles();
                known.map_or_else(since, |known| known.stretch).filter(|_| tiles)
            }
            Trigger::Rerun { of, of_backfill: false } => self.executions.get(&of).and_then(|of| of.stretch),
            Trigger::Rerun { .. } | Trigger::Manual | Trigger::Backfill => None,
        }
    }

    /// Adds waiting occurrences to the stretch when an edit makes their job tile (rules J10, W3): the newest of
    /// all that wait, and those whose windows join up to it. Others keep windows that overlap, of the time
    /// before. `edited` are those of one step: an edit reaches a long backlog in several.
    pub(super) fn join_stretch(&mut self, job: JobId, edited: &[Execution]) {
        let Some(known) = self.jobs.get(&job) else { return };
        let stretch = known.stretch;
        let waits =
            |one: &&ExecutionModel| one.execution.trigger == Trigger::Scheduled && one.execution.is_waiting();
        let of_id = |id| self.executions.get(id).filter(waits);
        let mut waiting: Vec<_> = known.open.iter().filter_map(of_id).collect();
        waiting.sort_by_key(|one| (one.execution.window.end(), one.execution.slot));
        let mut next = None;
        let mut joined = BTreeSet::new();
        for one in waiting.into_iter().rev() {
            let window = one.execution.window;
            if one.stretch.is_none() && next.is_some_and(|start| start != Some(window.end())) {
                continue;
            }
            joined.insert(one.execution.id);
            next = Some(window.start());
        }
        for one in edited.iter().filter(|one| one.settings.tiles() && joined.contains(&one.id)) {
            if let Some(known) = self.executions.get_mut(&one.id) {
                known.stretch = known.stretch.or(Some(stretch));
            }
        }
    }

    pub(super) fn execution(&self, id: ExecutionId) -> Check<&ExecutionModel> {
        let unknown = || Broken(Invariant::Record, format!("execution {id} is not known"));
        self.executions.get(&id).ok_or_else(unknown)
    }

    pub(super) fn job(&self, id: JobId) -> Check<&JobModel> {
        self.jobs.get(&id).ok_or_else(|| Broken(Invariant::Record, format!("job {id} is not known")))
    }

    pub(super) fn job_mut(&mut self, id: JobId) -> Check<&mut JobModel> {
        self.jobs.get_mut(&id).ok_or_else(|| Broken(Invariant::Record, format!("job {id} is not known")))
    }

    /// Removes a set, so that its files are no longer live.
    pub(super) fn remove_set(&mut self, id: ExecutionId) {
        if let Some(set) = self.executions.get_mut(&id).and_then(|known| known.set.as_mut()) {
            set.removed = true;
            self.live.retain(|_, of| *of != id);
        }
    }

    /// Deletes an execution from the history. Its occurrence may run again, as if it had never succeeded.
    pub(super) fn delete(&mut self, id: ExecutionId, now: DateTime<Utc>) {
        self.remove_set(id);
        self.ledger.take_off(id);
        let Some(known) = self.executions.get_mut(&id) else { return };
        known.deleted = true;
        known.deleted_at = Some(now);
        if let Some(job) = self.jobs.get_mut(&known.execution.job_id) {
            job.successes.retain(|_, success| *success != id);
            job.tiles.retain(|_, (_, success)| *success != id);
        }
    }

    /// Removes one file. With its last file the whole set is removed.
    pub(super) fn remove_file(&mut self, id: ExecutionId, file: &Artifact) {
        let Some(set) = self.executions.get_mut(&id).and_then(|known| known.set.as_mut()) else { return };
        set.gone.insert(file.id);
        self.live.remove(&file.key);
        if set.gone.len() == set.set.artifacts.len() {
            self.remove_set(id);
        }
    }

    /// Returns the live sets by execution.
    pub(super) fn live_sets(&self) -> impl Iterator<Item = (ExecutionId, &SetModel)> {
        let sets = self.executions.iter().filter_map(|(id, known)| Some((*id, known.set.as_ref()?)));
        sets.filter(|(_, set)| !set.removed)
    }

    /// Returns the occurrences of a job that are on the record, including deleted ones.
    pub(super) fn occurrences(&self, job: JobId) -> impl Iterator<Item = &ExecutionModel> {
        let of_job = self.executions.values().filter(move |known| known.execution.job_id == job);
        of_job.filter(|known| known.execution.trigger == Trigger::Scheduled)
    }

    /// Looks up a live file. Returns it with its execution.
    pub(super) fn file(&self, id: ArtifactId) -> Option<(ExecutionId, Artifact)> {
        let mut sets = self.live_sets();
        sets.find_map(|(execution, set)| Some((execution, set.files().find(|file| file.id == id)?.clone())))
    }
}

/// Describes an execution in a few words, for traces.
pub(super) fn brief(execution: &Execution) -> String {
    let state = match &execution.state {
        ExecutionState::Skipped(reason) => format!("skipped ({})", reason.as_str()),
        ExecutionState::Failed(failure) => format!("failed ({})", failure.kind),
        _ => execution.status().as_str().to_owned(),
    };
    let (trigger, id) = (execution.trigger.as_str(), execution.id.0.as_u128() >> 96);
    let (slot, epoch, window) = (Brief(execution.slot), execution.epoch, execution.window);
    let end = Brief(window.end());
    match window.start().map(Brief) {
        Some(start) => format!("{trigger} {id:08x} of {slot} epoch {epoch}: {state}, [{start}, {end})"),
        None => format!("{trigger} {id:08x} of {slot} epoch {epoch}: {state}, […, {end})"),
    }
}

/// Formats day and time. Every change of the record is traced, and chrono would parse its format string each
/// time.
struct Brief(DateTime<Utc>);

impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(at) = self;
        write!(f, "{:02}T{:02}:{:02}:{:02}", at.day(), at.hour(), at.minute(), at.second())?;
        match at.timestamp_subsec_micros() {
            0 => Ok(()),
            micros => write!(f, ".{micros:06}"),
        }
    }
}

/// Whether an edit continues the present stretch: both versions tile over the same records (rule W3), the job
/// was not completed, and it is not put off to a later start.
fn tiles_on(before: &Job, after: &Job) -> bool {
    let (old, new) = (&before.settings, &after.settings);
    let reads = |settings: &JobSettings| {
        let mut reads: Vec<_> = settings.reads.iter().cloned().collect();
        reads.sort_by(|one, other| one.data_type.cmp(&other.data_type));
        reads
            .into_iter()
            .map(|read| (read.data_type, read.categories, read.template.filters))
            .collect::<Vec<_>>()
    };
    let same = old.source == new.source && reads(old) == reads(new);
    let later = new.starts_at != old.starts_at && new.starts_at.is_some_and(|start| start > after.updated_at);
    old.tiles() && new.tiles() && same && before.state != JobState::Completed && !later
}
