//! The people who use the services, concurrently and at any time.

use std::ops::RangeInclusive;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::dice::Dice;
use super::drafts;
use super::model::Model;
use super::planted::PlantedBug;
use super::profile::Profile;
use super::report::{Invariant, Who};
use super::shared::{Shared, lock};
use super::source::{OWNERS, UNSEEN_BY, unseen};
use super::time::{HOUR, MILLISECOND, Micros, SECOND};
use super::watch::Watch;
use crate::domain::access::audit::Outcome;
use crate::domain::access::{Action, Actions, Principal, PrincipalName, Role};
use crate::domain::archive::removal::WithArtifacts;
use crate::domain::calendar::frequency::{Frequency, Start};
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::{ArtifactId, ExecutionId, JobId, Owner};
use crate::domain::job::edit::WatermarkChoice;
use crate::domain::job::lifecycle::NewJob;
use crate::domain::job::{JobSettings, JobState, Title};
use crate::ports::Ports;
use crate::ports::sink::SinkErrorKind;
use crate::service::ServiceError;
use crate::service::artifacts::Artifacts;
use crate::service::history::History;
use crate::service::jobs::{EditRequest, JobRules, Jobs};

/// The maximum number of jobs at the same time.
const JOBS_MAX: usize = 6;

/// All owners of jobs.
pub(super) fn owners() -> Vec<Owner> {
    OWNERS.into_iter().filter_map(|name| Owner::new(name).ok()).collect()
}

/// The number of entries that a person has on the audit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entries {
    done: usize,
    refused: usize,
}

/// A person, who does one thing after another.
pub(super) struct Person {
    pub(super) shared: Arc<Shared>,
    pub(super) watch: Arc<Watch>,
    pub(super) who: Who,
    pub(super) ports: Ports,
    /// Of these ports. It is kept, since it knows which files were right.
    pub(super) artifacts: Artifacts,
    pub(super) dice: Dice,
    pub(super) role: Role,
    pub(super) bug: Option<PlantedBug>,
}

impl Person {
    /// Submits the first jobs if `first`, then issues random commands until faults stop.
    pub(super) async fn live(mut self, first: bool) {
        if first {
            for _ in 0..self.shared.profile.jobs {
                self.submit().await;
            }
        }
        while self.shared.storms() {
            let pause = self.pause();
            self.shared.timeline.sleep(pause.max(SECOND)).await;
            if self.shared.storms() {
                self.shared.count(|figures| figures.commands += 1);
                self.change_role();
                self.command().await;
            }
        }
    }

    /// Draws the time until the next command: any time, close to the next event of an engine, or on the hour
    /// together with other people.
    fn pause(&mut self) -> Micros {
        let pause = self.dice.below(2 * self.shared.profile.command_distance);
        let now = self.shared.timeline.elapsed();
        match self.dice.below(6) {
            0 | 1 => {
                let next = self.watch.next_event().map(|at| self.shared.timeline.micros(at));
                let until = next.map(|next| next + self.dice.below(20 * SECOND));
                until.map_or(pause, |until| until.saturating_sub(now + 3 * SECOND))
            }
            2 => (now + pause).next_multiple_of(HOUR) - now + self.dice.below(3) * MILLISECOND,
            _ => pause,
        }
    }

    async fn command(&mut self) {
        match self.dice.below(100) {
            0..8 => self.submit().await,
            8..16 => self.suspend().await,
            16..27 => self.resume().await,
            27..39 => self.edit().await,
            39..41 => self.delete_job().await,
            41..49 => self.run_now().await,
            49..55 => self.backfill().await,
            55..65 => self.cancel().await,
            65..76 => self.rerun().await,
            76..80 => self.delete_execution().await,
            80..85 => self.hold(true).await,
            85..88 => self.hold(false).await,
            88..92 => self.delete_files().await,
            92..95 => self.tell().await,
            95..97 => self.drain().await,
            _ => self.download().await,
        }
    }

    fn profile(&self) -> &Profile {
        &self.shared.profile
    }

    fn now(&self) -> DateTime<Utc> {
        self.ports.clock.now()
    }

    fn jobs(&self) -> Jobs {
        let engine = &self.profile().engine;
        let rules = JobRules {
            retention: engine.retention,
            catch_up_limit: engine.catch_up_limit,
            ..JobRules::default()
        };
        Jobs::new(&self.ports, rules)
    }

    /// Returns the person in the role of the present command.
    pub(super) fn by(&self, owner: &Owner) -> Principal {
        let principal = Principal::new(self.name(), owner.clone(), self.role);
        let unchecked = self.bug == Some(PlantedBug::ViewerDeletes) && self.role == Role::Viewer;
        let deletes = Actions::NONE.with(Action::DeleteExecution).with(Action::DeleteArtifacts);
        if unchecked { principal.with_actions(deletes) } else { principal }
    }

    /// The name of the person, which ends with the present role.
    fn name(&self) -> PrincipalName {
        let name = PrincipalName::new(format!("{} as {}", self.who, self.role.as_str()));
        name.unwrap_or_else(|_| PrincipalName::of(self.role))
    }

    /// Draws the role of the next command. Most are an administrator's, so that most are carried out.
    fn change_role(&mut self) {
        self.role = match self.dice.below(20) {
            0 => Role::Viewer,
            1..4 => Role::Operator,
            _ => Role::Administrator,
        };
    }

    fn history(&self) -> History {
        History::new(&self.ports)
    }

    fn artifacts(&self) -> Artifacts {
        self.artifacts.clone()
    }

    /// Checks that a command has put on record what its answer says: one entry of a change that was
    /// acknowledged, or of a refusal. `before` are the entries of the person before it.
    pub(super) fn check_entries<T>(
        &self,
        before: Entries,
        entries: RangeInclusive<usize>,
        result: &Result<T, ServiceError>,
    ) {
        let after = self.entries();
        let (done, refused) = (after.done - before.done, after.refused - before.refused);
        let lawful = match result {
            Ok(_) => entries.contains(&done) && refused == 0,
            Err(ServiceError::Forbidden(_)) => done == 0 && refused == 1,
            // The reply to a change that was stored may have been lost.
            Err(_) => done <= *entries.end() && refused <= 1,
        };
        if !lawful {
            let told = result.as_ref().map_or_else(ServiceError::code, |_| "done");
            let what = format!("{} was told {told}, with {done} and {refused} entries", self.name());
            self.shared.violate(Invariant::Audit, what);
        }
    }

    /// Counts the person's entries on the audit, in the present role.
    pub(super) fn entries(&self) -> Entries {
        let count = |outcome| self.watch.entries(&self.name(), outcome);
        Entries { done: count(Outcome::Done), refused: count(Outcome::Forbidden) }
    }

    /// Traces a command and its outcome.
    pub(super) fn told<T>(&self, asked: impl FnOnce() -> String, result: &Result<T, ServiceError>) {
        let outcome = result.as_ref().map_or_else(ServiceError::code, |_| "done");
        self.shared.note(self.who, format!("{}: {outcome}", asked()));
    }

    async fn submit(&mut self) {
        let exist = |model: &Model| {
            let live = model.jobs.values().filter(|known| {
                matches!(known.job.state, JobState::Active | JobState::Suspended) || !known.open.is_empty()
            });
            live.count()
        };
        if exist(&lock(&self.watch.model)) >= JOBS_MAX {
            return;
        }
        let (now, profile) = (self.now(), self.shared.profile.clone());
        let zones = self.shared.database_on_record();
        let Ok(mut settings) = drafts::draft(&mut self.dice, &profile, &zones, now) else { return };
        let Some(owner) = self.dice.pick(&owners()) else { return };
        if let Some(source) = unseen().filter(|_| self.dice.below(8) == 0) {
            settings.source = source;
        }
        let is_unseen = owner.as_str() == UNSEEN_BY && Some(&settings.source) == unseen().as_ref();
        // Some ask for a first run that the rules refuse (rule J17).
        let first_run_now = self.dice.below(4) == 0;
        let first = if first_run_now { ", first now" } else { "" };
        let asked = format!("submit {} {}{first}", settings.schedule(), settings.timeframe);
        let new = NewJob::from(settings).with_first_run_now(first_run_now);
        let before = self.entries();
        let result = self.jobs().submit(&self.by(&owner), new).await;
        self.check_entries(before, 1..=1, &result);
        self.told(|| asked, &result);
        if is_unseen && result.is_ok() {
            let what = format!("{owner} submitted a job of a source that is shown to others only");
            self.shared.violate(Invariant::Owner, what);
        }
        if let Ok(overview) = result {
            self.shared.count(|figures| figures.first_runs += u64::from(first_run_now));
            let first: Vec<_> = overview.latest.iter().map(|latest| latest.id).collect();
            self.watch.check_promise(Some(overview.job.id), &first);
        }
    }

    /// Picks a job that is not deleted. Every other time it prefers one with several open executions: most
    /// jobs have none, and changing those leaves nothing to settle.
    fn any_job(&mut self) -> Option<(Owner, JobId, JobSettings)> {
        let model = lock(&self.watch.model);
        let jobs = model.jobs.values().filter(|known| known.job.state != JobState::Deleted);
        let (busy, idle): (Vec<_>, Vec<_>) = jobs.partition(|known| known.open.len() > 1);
        let all: Vec<_> = busy.iter().chain(&idle).copied().collect();
        let some = if !busy.is_empty() && self.dice.coin() { busy } else { all };
        let job = &self.dice.pick(&some)?.job;
        Some((job.owner.clone(), job.id, job.settings.clone()))
    }

    /// Picks an execution that is not deleted and that `wanted` accepts.
    fn any_execution(&mut self, wanted: impl Fn(&Execution) -> bool) -> Option<(Owner, ExecutionId)> {
        let model = lock(&self.watch.model);
        let found = model
            .executions
            .values()
            .filter(|known| !known.deleted && !known.forgotten && wanted(&known.execution));
        let found: Vec<_> = found.map(|known| &known.execution).collect();
        let execution = self.dice.pick(&found)?;
        Some((execution.owner.clone(), execution.id))
    }

    /// Picks a live set, with its files.
    fn any_set(&mut self) -> Option<(Owner, ExecutionId, Vec<ArtifactId>)> {
        let model = lock(&self.watch.model);
        let sets: Vec<_> = model.live_sets().collect();
        let (id, set) = self.dice.pick(&sets)?;
        let owner = set.set.artifacts.first()?.owner.clone();
        Some((owner, id, set.files().map(|file| file.id).collect()))
    }

    async fn suspend(&mut self) {
        let Some((owner, id, _)) = self.any_job() else { return };
        let before = self.entries();
        let result = self.jobs().suspend(&self.by(&owner), id).await;
        self.check_entries(before, 0..=1, &result);
        self.told(|| format!("suspend {id}"), &result);
    }

    async fn resume(&mut self) {
        let Some((owner, id, _)) = self.any_job() else { return };
        let before = self.entries();
        let result = self.jobs().resume(&self.by(&owner), id).await;
        self.check_entries(before, 0..=1, &result);
        self.told(|| format!("resume {id}"), &result);
    }

    async fn edit(&mut self) {
        let Some((owner, id, mut settings)) = self.any_job() else { return };
        let version = self.version_of(id);
        let (now, profile) = (self.now(), self.shared.profile.clone());
        let zones = self.shared.database_on_record();
        let dice = &mut self.dice;
        let mut watermark = None;
        if let Frequency::Once(Start::At(start)) = &mut settings.frequency
            && dice.below(4) != 0
        {
            *start = drafts::later(dice, now);
        } else {
            match dice.below(8) {
                0 => {
                    let title = Title::new(&format!("Calls {}", dice.below(1_000)));
                    settings.title = title.unwrap_or(settings.title);
                    if profile.zoned {
                        settings.clock = drafts::clock(dice, &zones, now).unwrap_or(settings.clock);
                    }
                }
                1 => settings.frequency = drafts::recurring(dice).unwrap_or(settings.frequency),
                // A recurring job becomes a one-time job, or a job gets another period.
                6 if dice.coin() => {
                    settings.frequency = Frequency::Once(Start::At(drafts::later(dice, now)));
                    (settings.starts_at, settings.ends_at) = (None, None);
                }
                7 if !settings.frequency.is_once() => {
                    (settings.starts_at, settings.ends_at) = drafts::period(dice, now);
                }
                2 => settings.reads = drafts::reads(dice, &profile).unwrap_or(settings.reads),
                3 => {
                    let timeframe = drafts::timeframe(dice, &settings.frequency, now);
                    settings.timeframe = timeframe.unwrap_or(settings.timeframe);
                }
                4 => settings.retention = drafts::retention(dice, &profile),
                _ => settings.policies = drafts::policies(dice),
            }
            let choices = [None, Some(WatermarkChoice::Continue), Some(WatermarkChoice::Reset)];
            watermark = dice.pick(&choices).flatten();
        }
        let (frequency, timeframe) = (settings.schedule().to_string(), &settings.timeframe);
        let (from, to) = (settings.starts_at, settings.ends_at);
        let asked = format!("edit {id} to {frequency} {timeframe} {watermark:?}, {from:?} to {to:?}");
        let request = EditRequest { settings, watermark, if_version: version };
        let before = self.entries();
        let result = self.jobs().edit(&self.by(&owner), id, &request).await;
        self.check_entries(before, 1..=1, &result);
        self.told(|| asked, &result);
    }

    /// The version that the person saw before the edit, if the edit is to depend on it.
    fn version_of(&mut self, id: JobId) -> Option<u64> {
        let shown = lock(&self.watch.model).jobs.get(&id).map(|known| known.job.version);
        shown.filter(|_| self.dice.below(3) == 0)
    }

    async fn delete_job(&mut self) {
        let Some((owner, id, _)) = self.any_job() else { return };
        let before = self.entries();
        let result = self.jobs().delete(&self.by(&owner), id).await;
        self.check_entries(before, 1..=1, &result);
        self.told(|| format!("delete job {id}"), &result);
    }

    async fn run_now(&mut self) {
        let Some((owner, id, _)) = self.any_job() else { return };
        let before = self.entries();
        let result = self.jobs().run_now(&self.by(&owner), id).await;
        self.check_entries(before, 1..=1, &result);
        self.told(|| format!("run {id} now"), &result);
        if let Ok(execution) = result {
            self.watch.check_promise(None, &[execution.id]);
        }
    }

    async fn backfill(&mut self) {
        let Some((owner, id, settings)) = self.any_job() else { return };
        // About half a dozen occurrences.
        let slots = std::iter::successors(Some(self.now()), |at| settings.schedule().last_before(*at));
        let from = slots.take(7).last().unwrap_or_else(|| self.now()) - TimeDelta::minutes(1);
        let before = self.entries();
        let result = self.jobs().backfill(&self.by(&owner), id, from, self.now()).await;
        self.check_entries(before, 1..=1, &result);
        self.told(|| format!("backfill {id} from {from}"), &result);
        if let Ok(executions) = result {
            let ids: Vec<_> = executions.iter().map(|execution| execution.id).collect();
            self.watch.check_promise(None, &ids);
        }
    }

    async fn cancel(&mut self) {
        let waits = self.dice.coin();
        let wanted =
            self.any_execution(|one| (one.state != ExecutionState::Running) == waits && one.is_open());
        let Some((owner, id)) = wanted.or_else(|| self.any_execution(Execution::is_open)) else { return };
        let before = self.entries();
        let result = self.history().cancel(&self.by(&owner), id).await;
        self.check_entries(before, 0..=1, &result);
        self.told(|| format!("cancel {id}"), &result);
    }

    async fn rerun(&mut self) {
        let ended_badly =
            |one: &Execution| matches!(one.state, ExecutionState::Failed(_) | ExecutionState::Cancelled);
        let Some((owner, id)) = self.any_execution(ended_badly) else { return };
        let before = self.entries();
        let result = self.history().rerun(&self.by(&owner), id).await;
        self.check_entries(before, 1..=1, &result);
        self.told(|| format!("rerun {id}"), &result);
        if let Ok(execution) = result {
            self.watch.check_promise(None, &[execution.id]);
        }
    }

    async fn delete_execution(&mut self) {
        let Some((owner, id)) = self.any_execution(|one| !one.is_open()) else { return };
        let with = if self.dice.coin() { WithArtifacts::Delete } else { WithArtifacts::Keep };
        let before = self.entries();
        let result = self.history().delete(&self.by(&owner), id, with).await;
        self.check_entries(before, 1..=1, &result);
        self.told(|| format!("delete execution {id} {with:?}"), &result);
    }

    async fn hold(&mut self, hold: bool) {
        let Some((owner, id, _)) = self.any_set() else { return };
        let artifacts = self.artifacts();
        let before = self.entries();
        let result = if hold {
            artifacts.hold(&self.by(&owner), id).await
        } else {
            artifacts.release(&self.by(&owner), id).await
        };
        self.check_entries(before, 1..=1, &result);
        self.told(|| format!("{} {id}", if hold { "hold" } else { "release" }), &result);
    }

    async fn delete_files(&mut self) {
        let Some((owner, id, files)) = self.any_set() else { return };
        let before = self.entries();
        let result = match self.dice.pick(&files) {
            Some(file) if self.dice.coin() => self.artifacts().delete(&self.by(&owner), &[file]).await,
            _ => self.artifacts().delete_set(&self.by(&owner), id).await,
        };
        self.check_entries(before, 1..=1, &result);
        self.told(|| format!("delete files of {id}"), &result);
    }

    /// Downloads a file. An error is acceptable, corrupt contents are not (invariant I3).
    async fn download(&mut self) {
        let Some((owner, _, files)) = self.any_set() else { return };
        let Some(file) = self.dice.pick(&files) else { return };
        let (artifacts, by, stops) = (self.artifacts(), self.by(&owner), self.dice.below(4) == 0);
        // Half of the files are asked for in part: mostly again, since people have few.
        let (from, until) = (self.dice.below(200), 200 + self.dice.below(400));
        let in_part = self.dice.coin();
        let read = async {
            let mut download = artifacts.download(&by, file, 0).await?;
            let range = if in_part { from..until.min(download.bytes()) } else { 0..download.bytes() };
            let mut left = range.end.saturating_sub(range.start);
            download = download.within(range);
            while let Some(chunk) = download.next().await? {
                left = left.wrapping_sub(chunk.len() as u64);
                if stops {
                    return download.stop().await.map(|()| 0);
                }
            }
            Ok(left)
        };
        let result: Result<u64, ServiceError> = read.await;
        if let Ok(1..) = result {
            self.shared.violate(Invariant::I3, format!("a download of {file} ended early"));
        }
        if let Err(ServiceError::Sink(error)) = &result
            && error.kind() == SinkErrorKind::Corrupt
        {
            self.shared.violate(Invariant::I3, error.report());
        }
        self.told(|| format!("download {file}"), &result);
    }
}
