//! One job and its executions in memory, moved only by the decisions of the domain. It is the simplest
//! possible catalog and engine, for properties over sequences of commands.

use cdds_core::domain::calendar::frequency::Frequency;
use cdds_core::domain::execution::failure::Failure;
use cdds_core::domain::execution::queue::QueuePlace;
use cdds_core::domain::execution::retry::RetryPolicy;
use cdds_core::domain::execution::{Beginning, Execution, ExecutionState};
use cdds_core::domain::execution::{manual, schedule};
use cdds_core::domain::id::{ExecutionId, WorkerId};
use cdds_core::domain::job::edit::{self, Edit, OneTimeEdit, WatermarkChoice};
use cdds_core::domain::job::lifecycle::{self, Submission};
use cdds_core::domain::job::settling::Open;
use cdds_core::domain::job::{Job, JobChange, JobSettings, JobState, Title};
use cdds_core::domain::record::selection::CategorySelection;
use cdds_core::domain::violation::RuleViolation;
use cdds_core::domain::work::Nonce;
use cdds_core::testing::commands::{Command, EditOf};
use chrono::{DateTime, TimeDelta, Utc};

use crate::rules::support::{create, failure, submit_settings, succeed, terms};

pub(crate) struct World {
    pub(crate) now: DateTime<Utc>,
    pub(crate) job: Job,
    pub(crate) executions: Vec<Execution>,
    /// The number of waiting executions that a change decides about at once.
    page: usize,
}

impl World {
    pub(crate) fn new(settings: JobSettings, now: DateTime<Utc>) -> Self {
        Self::in_pages(settings, now, usize::MAX)
    }

    pub(crate) fn in_pages(settings: JobSettings, now: DateTime<Utc>, page: usize) -> Self {
        Self::of(submit_settings(settings, now), now, page)
    }

    /// Begins with a job that also runs at once if `first_run_now` (rule J17).
    pub(crate) fn with_first_run(settings: JobSettings, first_run_now: bool, now: DateTime<Utc>) -> Self {
        Self::of(create(settings, first_run_now, now), now, usize::MAX)
    }

    fn of(Submission { job, first }: Submission, now: DateTime<Utc>, page: usize) -> Self {
        Self { now, job, executions: first.into_iter().collect(), page }
    }

    /// Carries out a command. One that the rules refuse changes nothing, and one without an object does
    /// nothing.
    pub(crate) fn carry_out(&mut self, command: &Command) -> Result<(), RuleViolation> {
        let now = self.now;
        match command {
            Command::Advance(time) => self.now += *time,
            Command::Tick => self.tick(),
            Command::Claim => {
                self.claim();
            }
            Command::Succeed => self.end(|running| succeed(running, now)),
            Command::Fail { retryable } => self.fail(&failure(*retryable)),
            Command::Crash => self.fail(&Failure::crashed()),
            Command::Release => self.end(|running| running.released(now)),
            Command::Suspend => self.store(lifecycle::suspend(&self.job, self.first_open(), now)),
            Command::Resume => self.store(lifecycle::resume(&self.job, now)?),
            Command::RunNow if self.exists() => {
                self.store(Some(manual::run_now(&self.job, terms().source, now)?));
            }
            Command::Rerun(number) if self.exists() => self.rerun(*number)?,
            Command::Backfill { days } if self.exists() => {
                let from = now - TimeDelta::days(i64::from(*days));
                self.store(Some(manual::backfill(&self.job, from, now, terms().source, now)?));
            }
            Command::Cancel(number) => self.cancel(*number)?,
            Command::Edit(of) if self.exists() => self.edit(*of)?,
            Command::Delete => {
                lifecycle::check_idle(&self.open(), now)?;
                self.store(Some(lifecycle::delete(&self.job, self.first_open(), now)?));
            }
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn exists(&self) -> bool {
        self.job.state != JobState::Deleted
    }

    pub(crate) fn running(&self) -> impl Iterator<Item = &Execution> {
        self.executions.iter().filter(|execution| execution.state == ExecutionState::Running)
    }

    pub(crate) fn open(&self) -> Vec<Execution> {
        self.executions.iter().filter(|execution| execution.is_open()).cloned().collect()
    }

    /// Returns the open executions that a worker ever had, and the first page of waiting ones.
    fn first_open(&self) -> Open {
        let mut executions: Vec<_> = self.open().into_iter().filter(|one| !one.is_waiting()).collect();
        let waiting = self.waiting_behind(None);
        let more = waiting.len() > self.page;
        executions.extend(waiting.into_iter().take(self.page));
        Open { executions, more }
    }

    fn waiting_behind(&self, behind: Option<QueuePlace>) -> Vec<Execution> {
        let is_behind = |one: &Execution| one.is_waiting() && behind.is_none_or(|place| one.place() > place);
        let mut waiting: Vec<_> = self.open().into_iter().filter(is_behind).collect();
        waiting.sort_by_key(Execution::place);
        waiting
    }

    /// Completes a change of the job, page by page. No waiting execution may begin before the last page.
    fn settle(&mut self) {
        while let Some(unsettled) = self.job.unsettled {
            let waiting = self.waiting_behind(None);
            assert!(!waiting.iter().any(|one| self.job.may_begin(one)), "{:?}", self.job);
            let mut page = self.waiting_behind(unsettled.behind);
            page.truncate(self.page);
            let step = schedule::materialise(&self.job, &page, terms(), self.now);
            self.put(step.expect("a job that is not settled has a next step"));
        }
    }

    pub(crate) fn tick(&mut self) {
        while let Some(change) = {
            let waiting: Vec<_> = self.open().into_iter().filter(Execution::is_waiting).collect();
            schedule::materialise(&self.job, &waiting, terms(), self.now)
        } {
            self.store(Some(change));
        }
    }

    /// Claims the next execution, unless one runs: one that has begun comes before waiting ones (rule E2).
    pub(crate) fn claim(&mut self) -> Option<ExecutionId> {
        if self.running().next().is_some() {
            return None;
        }
        let mut queued: Vec<Execution> =
            self.open().into_iter().filter(|execution| execution.state == ExecutionState::Queued).collect();
        queued.sort_by_key(|execution| {
            (!execution.is_begun(), execution.queue_at, execution.slot, execution.id)
        });
        if queued.first().is_some_and(Execution::is_begun) {
            queued.truncate(1);
        }
        let now = self.now;
        for execution in queued.into_iter().filter(|execution| execution.not_before <= now) {
            match execution.begin(&self.job, WorkerId::new("w").unwrap(), Nonce(1), now) {
                Beginning::Running(begun) => {
                    let id = begun.id;
                    self.replace(begun);
                    self.job = lifecycle::started(&self.job);
                    return Some(id);
                }
                Beginning::Covered(skipped) => self.replace(skipped),
            }
        }
        None
    }

    pub(crate) fn fail(&mut self, failure: &Failure) {
        let now = self.now;
        self.end(|running| running.failed(failure.clone(), &RetryPolicy::default(), now));
    }

    /// Ends the running attempt, if there is one, and applies its effect to the job.
    pub(crate) fn end(&mut self, end: impl Fn(Execution) -> Execution) {
        let Some(running) = self.running().next().cloned() else { return };
        // A person has cancelled it, and its worker has heard of that.
        let ended = match running.cancel_requested_at {
            Some(_) => running.cancelled(self.now),
            None => end(running),
        };
        self.replace(ended.clone());
        if !ended.is_open() {
            let change = lifecycle::ended(&self.job, &ended, self.first_open(), self.now);
            self.store(Some(change.expect("windows start at the watermark")));
        }
    }

    fn rerun(&mut self, number: usize) -> Result<(), RuleViolation> {
        let Some(execution) = self.numbered(number) else { return Ok(()) };
        let once = self.job.settings.frequency.is_once();
        let is_rival = |other: &&Execution| once || other.slot == execution.slot;
        let rivals: Vec<_> = self.executions.iter().filter(is_rival).cloned().collect();
        self.store(Some(manual::rerun(
            &self.job,
            &execution,
            &rivals,
            &self.open(),
            terms().source,
            self.now,
        )?));
        Ok(())
    }

    fn cancel(&mut self, number: usize) -> Result<(), RuleViolation> {
        let Some(execution) = self.numbered(number) else { return Ok(()) };
        self.replace(execution.cancel(self.now)?);
        Ok(())
    }

    fn edit(&mut self, of: EditOf) -> Result<(), RuleViolation> {
        let mut settings = self.job.settings.clone();
        let mut watermark = None;
        match of {
            EditOf::Title => settings.title = Title::new(&format!("v{}", self.job.version)).unwrap(),
            EditOf::Hour(hour) => {
                if let Frequency::Daily(at) = &mut settings.frequency {
                    *at = format!("{hour:02}:00").parse().unwrap();
                }
            }
            EditOf::Scope(choice) => {
                let category = format!("c{}", self.job.version);
                settings = settings.with_categories(CategorySelection::Only([category].into()));
                watermark = self.job.watermark.is_some().then_some(choice);
            }
        }
        self.edit_to(settings, watermark)
    }

    pub(crate) fn edit_to(
        &mut self,
        settings: JobSettings,
        watermark: Option<WatermarkChoice>,
    ) -> Result<(), RuleViolation> {
        let edit = Edit { settings, watermark, one_time: OneTimeEdit::UntilStarted };
        self.store(Some(edit::edit(&self.job, self.first_open(), edit, terms(), self.now)?));
        Ok(())
    }

    fn numbered(&self, number: usize) -> Option<Execution> {
        let count = self.executions.len();
        (count > 0).then(|| self.executions[number % count].clone())
    }

    fn store(&mut self, change: Option<JobChange>) {
        if let Some(change) = change {
            self.put(change);
            self.settle();
        }
    }

    fn put(&mut self, change: JobChange) {
        for entry in change.entries {
            // A second request in the same microsecond is the same execution, which is already on the record.
            if self.executions.iter().all(|known| known.id != entry.id) {
                self.executions.push(entry);
            }
        }
        for changed in change.superseded.into_iter().chain(change.edited) {
            self.replace(changed);
        }
        self.job = Job { revision: self.job.revision + 1, ..change.job };
    }

    fn replace(&mut self, execution: Execution) {
        let known = self.executions.iter_mut().find(|known| known.id == execution.id);
        *known.expect("it is on the record") = execution;
    }
}
