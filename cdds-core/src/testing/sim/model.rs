//! What the record is known to hold: a copy that follows every step, and what cannot be read from it any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};

use super::ledger::Ledger;
use super::report::Invariant;
use super::time::Micros;
use crate::domain::archive::artifact::{Artifact, ArtifactSet};
use crate::domain::execution::{Execution, ExecutionState, Trigger};
use crate::domain::id::{ArtifactId, ExecutionId, JobId, WorkerId};
use crate::domain::job::{Job, JobSettings, JobState};
use crate::ports::sink::Key;

/// An invariant, and how it is broken.
#[derive(Debug)]
pub(super) struct Broken(pub(super) Invariant, pub(super) String);

/// The outcome of a check.
pub(super) type Check<T = ()> = Result<T, Broken>;

/// Breaks the check unless something holds.
pub(super) fn ensure(holds: bool, invariant: Invariant, what: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(Broken(invariant, what())) }
}

/// The record as it is known.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) jobs: BTreeMap<JobId, JobModel>,
    pub(super) executions: BTreeMap<ExecutionId, ExecutionModel>,
    pub(super) running: BTreeSet<ExecutionId>,
    /// Of what people were told (rule N2).
    pub(super) told: BTreeSet<ExecutionId>,
    /// When an execution last became something else.
    pub(super) changed_at: Micros,
    /// By when what is left must be done.
    pub(super) deadline: Option<Micros>,
    /// The files of sets that can be had, manifests too.
    pub(super) live: BTreeMap<Key, ExecutionId>,
    /// The hash of the archive of a window over settled data, by what was selected (invariant I7).
    pub(super) archives: BTreeMap<Selection, u64>,
    /// How often each record is in the sets of a job (invariant I4).
    pub(super) ledger: Ledger,
}

/// What an archive holds: by which instant and of which categories, from when to when.
pub(super) type Selection = (String, Option<DateTime<Utc>>, DateTime<Utc>);

/// A job, and what happened to it.
#[derive(Debug, Clone)]
pub(super) struct JobModel {
    pub(super) job: Job,
    pub(super) open: BTreeSet<ExecutionId>,
    /// The times in which it was suspended, by the clocks of those who did it: after the first instant, up to
    /// the second.
    pub(super) suspended: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// Since when it has its present schedule.
    pub(super) rescheduled_at: DateTime<Utc>,
    /// The schedules that it had before.
    pub(super) schedules: Vec<Schedule>,
    /// Which of its stretches of windows that tile it is in: edits of the schedule do not end one (rule W3).
    pub(super) stretch: u32,
    /// Since when: the edit that began it put on the record what was due before, in the stretch before.
    pub(super) stretch_since: DateTime<Utc>,
    /// The success of each occurrence.
    pub(super) successes: BTreeMap<(Family, DateTime<Utc>), ExecutionId>,
    /// The published windows of its occurrences, by their stretch and start, if they tile.
    pub(super) tiles: BTreeMap<(u32, DateTime<Utc>), (DateTime<Utc>, ExecutionId)>,
    /// How often it started as a one-time job.
    pub(super) starts: u32,
}

/// A schedule that a job had: after the first instant, up to the second.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub(super) settings: JobSettings,
    pub(super) since: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
}

/// To which kind of work an execution goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Scheduled,
    Manual,
    Backfill,
}

/// An execution, and what happened to it.
#[derive(Debug, Clone)]
pub(super) struct ExecutionModel {
    pub(super) execution: Execution,
    pub(super) family: Family,
    pub(super) deleted: bool,
    pub(super) lease: Option<Lease>,
    pub(super) set: Option<SetModel>,
    /// The stretch of windows that tile to which its window belongs, if it does.
    pub(super) stretch: Option<u32>,
    /// Whether its last attempt began after faults had stopped.
    pub(super) begun_in_calm: bool,
    /// When its worker heard that it is to stop.
    pub(super) stop: Option<Stop>,
    /// The epoch in which its worker came to the commit.
    pub(super) commits: u64,
}

/// A worker has heard that it is to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    pub(super) epoch: u64,
    pub(super) at: Micros,
    /// What had gone wrong by then.
    pub(super) troubles: u64,
}

/// The last sign of life of the worker that runs it.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) worker: WorkerId,
    pub(super) renewed_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    /// Whether its worker reached the catalog soon after it had read its clock. One that was paused or delayed in
    /// between stores a lease that is old, or over, already.
    pub(super) in_time: bool,
    /// What had gone wrong by then.
    pub(super) troubles: u64,
}

/// A published set.
#[derive(Debug, Clone)]
pub(super) struct SetModel {
    pub(super) set: ArtifactSet,
    pub(super) removed: bool,
    /// Files of it that were deleted one by one.
    pub(super) gone: BTreeSet<ArtifactId>,
}

impl SetModel {
    pub(super) fn files(&self) -> impl Iterator<Item = &Artifact> {
        self.set.artifacts.iter().filter(|file| !self.removed && !self.gone.contains(&file.id))
    }

    pub(super) fn is_held(&self) -> bool {
        self.set.artifacts.iter().any(|file| file.hold)
    }

    /// Whether it may be removed by an engine whose clock is ahead by up to `skew`.
    pub(super) fn may_expire(&self, now: DateTime<Utc>, skew: TimeDelta) -> bool {
        !self.is_held() && self.set.artifacts.iter().all(|file| file.expires_at <= now + skew)
    }
}

impl JobModel {
    pub(super) fn new(job: Job) -> Self {
        Self {
            rescheduled_at: job.created_at,
            schedules: Vec::new(),
            stretch: 0,
            stretch_since: job.created_at,
            job,
            open: BTreeSet::new(),
            suspended: Vec::new(),
            successes: BTreeMap::new(),
            tiles: BTreeMap::new(),
            starts: 0,
        }
    }

    /// What a person or a claim did to the job's schedule.
    pub(super) fn follow(&mut self, after: Job) {
        let before = &self.job;
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
        if !tiles_on(before, &after) {
            self.stretch += 1;
            self.stretch_since = after.updated_at;
        }
        self.job = after;
    }

    /// Every schedule that it ever had, up to `now`. While it is suspended nothing is put on the record.
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

    /// A slot that passed while it was suspended (rule J7).
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

    /// The stretch of windows that tile to which the window of an execution belongs: an occurrence, to that of
    /// its job when it was put on the record, and one that tries it again, to the same.
    pub(super) fn stretch_of(&self, execution: &Execution) -> Option<u32> {
        let known = self.executions.get(&execution.id);
        match execution.trigger {
            _ if execution.generation.is_some() => None,
            Trigger::Scheduled => {
                // What the edit itself put on the record; what comes later is of the new stretch.
                let before = |job: &JobModel| u32::from(execution.created_at == job.stretch_since);
                let of_job = |job: &JobModel| job.stretch.saturating_sub(before(job));
                let since = || self.jobs.get(&execution.job_id).map(of_job);
                let tiles = execution.settings.tiles();
                known.map_or_else(since, |known| known.stretch).filter(|_| tiles)
            }
            Trigger::Rerun { of, of_backfill: false } => self.executions.get(&of).and_then(|of| of.stretch),
            Trigger::Rerun { .. } | Trigger::Manual | Trigger::Backfill => None,
        }
    }

    /// What waits when its job begins to tile tiles with it (rules J10, W3).
    pub(super) fn join_stretch(&mut self, edited: &[Execution]) {
        let joins = |one: &&Execution| one.trigger == Trigger::Scheduled && one.settings.tiles();
        for one in edited.iter().filter(joins) {
            let stretch = self.jobs.get(&one.job_id).map(|job| job.stretch);
            if let Some(known) = self.executions.get_mut(&one.id) {
                known.stretch = known.stretch.or(stretch);
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

    /// The files of a set can be had no more.
    pub(super) fn remove_set(&mut self, id: ExecutionId) {
        if let Some(set) = self.executions.get_mut(&id).and_then(|known| known.set.as_mut()) {
            set.removed = true;
            self.live.retain(|_, of| *of != id);
        }
    }

    /// Off the history. Its occurrence may be run again, as if it had never succeeded.
    pub(super) fn delete(&mut self, id: ExecutionId) {
        self.remove_set(id);
        self.ledger.take_off(id);
        let Some(known) = self.executions.get_mut(&id) else { return };
        known.deleted = true;
        if let Some(job) = self.jobs.get_mut(&known.execution.job_id) {
            job.successes.retain(|_, success| *success != id);
            job.tiles.retain(|_, (_, success)| *success != id);
        }
    }

    /// One file can be had no more; with the last one the set is gone.
    pub(super) fn remove_file(&mut self, id: ExecutionId, file: &Artifact) {
        let Some(set) = self.executions.get_mut(&id).and_then(|known| known.set.as_mut()) else { return };
        set.gone.insert(file.id);
        self.live.remove(&file.key);
        if set.gone.len() == set.set.artifacts.len() {
            self.remove_set(id);
        }
    }

    /// Sets that can be had, by their execution.
    pub(super) fn live_sets(&self) -> impl Iterator<Item = (ExecutionId, &SetModel)> {
        let sets = self.executions.iter().filter_map(|(id, known)| Some((*id, known.set.as_ref()?)));
        sets.filter(|(_, set)| !set.removed)
    }

    /// The occurrences of a job that are on the record, or were.
    pub(super) fn occurrences(&self, job: JobId) -> impl Iterator<Item = &ExecutionModel> {
        let of_job = self.executions.values().filter(move |known| known.execution.job_id == job);
        of_job.filter(|known| known.execution.trigger == Trigger::Scheduled)
    }

    /// The execution and the file with this id.
    pub(super) fn file(&self, id: ArtifactId) -> Option<(ExecutionId, Artifact)> {
        let mut sets = self.live_sets();
        sets.find_map(|(execution, set)| Some((execution, set.files().find(|file| file.id == id)?.clone())))
    }
}

/// An execution in a few words, for traces.
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

/// Day and time. Every change of the record is told: a format of chrono's would be read anew each time.
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

/// Whether windows go on where they are: both tile, over the same records (rule W3), and the job had not come to
/// its end or is to begin later.
fn tiles_on(before: &Job, after: &Job) -> bool {
    let (old, new) = (&before.settings, &after.settings);
    let same = old.source == new.source && old.data_type == new.data_type && old.categories == new.categories;
    let same = same && old.template.filters == new.template.filters;
    let later = new.starts_at != old.starts_at && new.starts_at.is_some_and(|start| start > after.updated_at);
    old.tiles() && new.tiles() && same && before.state != JobState::Completed && !later
}
