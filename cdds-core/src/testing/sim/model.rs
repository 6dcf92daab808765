//! What the record is known to hold: a copy that follows every step, and what cannot be read from it any more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};

use super::report::Invariant;
use super::time::Micros;
use crate::domain::artifact::{Artifact, ArtifactSet};
use crate::domain::execution::{Execution, ExecutionState, Trigger};
use crate::domain::id::{ArtifactId, ExecutionId, JobId, WorkerId};
use crate::domain::job::Job;
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
    /// The files of sets that can be had, manifests too.
    pub(super) live: BTreeMap<Key, ExecutionId>,
    /// The hash of the archive of a window over settled data, by what was selected (invariant I7).
    pub(super) archives: BTreeMap<Selection, u64>,
}

/// What an archive holds: of which categories, from when to when.
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
    /// Since when its windows tile, if they do: edits of the schedule in between do not matter (rule W3).
    pub(super) tiles_since: DateTime<Utc>,
    /// The success of each occurrence.
    pub(super) successes: BTreeMap<(Family, DateTime<Utc>), ExecutionId>,
    /// The published windows of its occurrences, by their start, if they tile.
    pub(super) tiles: BTreeMap<DateTime<Utc>, (DateTime<Utc>, ExecutionId)>,
    /// How often it started as a one-time job.
    pub(super) starts: u32,
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
}

/// The last sign of life of the worker that runs it.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) worker: WorkerId,
    pub(super) renewed_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
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
            tiles_since: job.created_at,
            job,
            open: BTreeSet::new(),
            suspended: Vec::new(),
            successes: BTreeMap::new(),
            tiles: BTreeMap::new(),
            starts: 0,
        }
    }

    /// Whether an occurrence belongs to the windows that tile. One that was due when they began to may have been
    /// put on the record by an engine whose clock was ahead.
    pub(super) fn tiles_at(&self, execution: &Execution) -> bool {
        execution.settings.tiles() && execution.slot > self.tiles_since + TimeDelta::minutes(1)
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
