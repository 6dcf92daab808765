//! `cdds status`: what a person wants to know first: who works, what runs, what comes next, what went wrong, and how much
//! room it takes.

mod requests;
mod room;

use cdds_core::domain::execution::{ExecutionState, Status};
use cdds_core::domain::id::{ExecutionId, JobId};
use cdds_core::domain::job::JobState;
use cdds_core::domain::work::lease::WorkerLife;
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::domain::work::worker::WorkerState;
use cdds_core::ports::catalog::query::{
    Between, COUNTED_MAX, DeliveryQuery, ExecutionColumn, ExecutionOverview, ExecutionQuery, JobColumn,
    JobOverview, JobQuery, Page, Slice, Sort, Total,
};
use cdds_core::service::ServiceError;
use cdds_view::{Instant, WorkerView, words};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use self::requests::Requests;
use self::room::{CatalogRoom, StoreRoom};
use super::listed::ROWS_AT_ONCE;
use crate::args::Moment;
use crate::compose::App;
use crate::config::Config;
use crate::error::CliError;
use crate::output::{Cell, View};
use crate::session::Session;

/// How many of the running executions, and of the failures, are named.
const NAMED_MAX: usize = 5;

/// Where everything stands. Counts end at one more than 10,000.
#[derive(Debug, Serialize)]
pub(super) struct Standing {
    at: Instant,
    workers: Workers,
    jobs: JobCounts,
    running: Vec<Running>,
    /// How many executions run, more of them than are named.
    running_count: u64,
    queued: u64,
    /// The job that is due next; null if none is.
    next: Option<Next>,
    /// From when on failures count: the beginning of yesterday (UTC).
    since: Instant,
    failures: Vec<Failed>,
    /// How many there are since then, more of them than are named.
    failure_count: u64,
    /// The newest success; null if there is none.
    last_finished: Option<Finished>,
    deliveries_waiting: u64,
    deliveries_failed: u64,
    requests: Requests,
    store: StoreRoom,
    catalog: CatalogRoom,
}

#[derive(Debug, Default, Serialize)]
struct Workers {
    alive: u64,
    /// Those of them that claim nothing more.
    draining: u64,
    gone: u64,
}

#[derive(Debug, Serialize)]
struct JobCounts {
    active: u64,
    suspended: u64,
    completed: u64,
}

#[derive(Debug, Serialize)]
struct Running {
    execution_id: ExecutionId,
    job_title: String,
    percent: Option<u8>,
    remaining_seconds: Option<u64>,
    /// False if the worker is gone, and nobody has taken it over yet; null if that is unknown.
    worker_alive: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Next {
    job_id: JobId,
    job_title: String,
    at: Instant,
}

#[derive(Debug, Serialize)]
struct Failed {
    execution_id: ExecutionId,
    job_title: String,
    at: Instant,
    error: String,
}

#[derive(Debug, Serialize)]
struct Finished {
    execution_id: ExecutionId,
    job_title: String,
    at: Instant,
}

pub(super) async fn status(session: &Session) -> Result<(), CliError> {
    Ok(session.output.object(&standing(session).await?)?)
}

pub(super) async fn standing(session: &Session) -> Result<Standing, CliError> {
    let config = session.config()?;
    let app = session.open_over(&config).await?;
    Standing::of(&app, &config, session).await
}

impl Standing {
    async fn of(app: &App, config: &Config, session: &Session) -> Result<Self, CliError> {
        let (by, now) = (&session.principal, app.now().await?);
        let since = Moment::Day(-1).at(now);
        let executions = ExecutionQuery::default();
        let history = async |query: &ExecutionQuery, slice| {
            app.history.list(by, &query.clone().with_slice(slice)).await
        };
        let running = executions.clone().with_status(Status::InProgress);
        let queued = executions.clone().with_status(Status::Queued);
        let failed =
            executions.clone().with_status(Status::Failed).with_slot(Between { from: Some(since), to: None });
        let finished = executions
            .with_status(Status::Finished)
            .with_sort(Sort { column: ExecutionColumn::FinishedAt, descending: true });
        let jobs = async |state| {
            let query = JobQuery::default().with_state(state);
            counted(async |slice| app.jobs.list(by, &query.clone().with_slice(slice)).await).await
        };
        let deliveries = async |status| {
            let query = DeliveryQuery::default().with_status(status);
            counted(async |slice| app.deliveries.list(by, &query.clone().with_slice(slice)).await).await
        };
        let named = Slice::first(NAMED_MAX as u64);
        let last = history(&finished, Slice::first(1)).await?.items;
        Ok(Self {
            at: Instant(now),
            workers: workers(app, session).await?,
            jobs: JobCounts {
                active: jobs(JobState::Active).await?,
                suspended: jobs(JobState::Suspended).await?,
                completed: jobs(JobState::Completed).await?,
            },
            running: history(&running, named.clone()).await?.items.into_iter().map(Running::from).collect(),
            running_count: counted(async |slice| history(&running, slice).await).await?,
            queued: counted(async |slice| history(&queued, slice).await).await?,
            next: next(app, session).await?.and_then(Next::of),
            since: Instant(since),
            failures: history(&failed, named).await?.items.into_iter().map(Failed::from).collect(),
            failure_count: counted(async |slice| history(&failed, slice).await).await?,
            last_finished: last.into_iter().next().and_then(Finished::of),
            deliveries_waiting: deliveries(WorkStatus::Waiting).await?,
            deliveries_failed: deliveries(WorkStatus::GivenUp).await?,
            requests: Requests::of(app, by, now).await?,
            store: StoreRoom::of(app, config, session).await?,
            catalog: CatalogRoom::of(config),
        })
    }

    fn workers(&self) -> String {
        let Workers { alive, draining, gone } = self.workers;
        let mut words = match alive {
            0 if self.jobs.active > 0 => {
                "none is alive: nothing is exported until `cdds run` or `cdds serve` is started".to_owned()
            }
            alive => format!("{alive} alive"),
        };
        if draining > 0 {
            words += &format!(", {draining} of them draining");
        }
        if gone > 0 {
            words += &format!("; {gone} gone without a word (`cdds workers`)");
        }
        words
    }

    fn jobs(&self) -> String {
        let JobCounts { active, suspended, completed } = self.jobs;
        let (active, suspended, completed) = (many(active), many(suspended), many(completed));
        format!("{active} active, {suspended} suspended, {completed} completed")
    }

    fn next(&self) -> String {
        match (&self.next, self.jobs.active) {
            (Some(next), _) => format!("{} {}", next.job_title, at(next.at.0, self.at.0)),
            (None, 0) => "nothing: no job is active".to_owned(),
            (None, _) => "nothing".to_owned(),
        }
    }

    fn failures(&self) -> String {
        match self.failure_count {
            0 => "none".to_owned(),
            count => {
                format!("{} (`cdds history list --status failed --from yesterday`)", many(count))
            }
        }
    }

    fn deliveries(&self) -> Option<String> {
        let (waiting, failed) = (self.deliveries_waiting, self.deliveries_failed);
        (waiting + failed > 0).then(|| format!("{} waiting, {} given up", many(waiting), many(failed)))
    }
}

impl View for Standing {
    const COLUMNS: &'static [&'static str] = &[];
    const GIVES_WAY: &'static [&'static str] = &[];

    fn row(&self) -> Vec<Cell> {
        Vec::new()
    }

    fn details(&self) -> Vec<(&'static str, Cell)> {
        let text = |words: String| Cell::Text(words);
        let mut lines = vec![("workers", text(self.workers())), ("jobs", text(self.jobs()))];
        let queued = match self.queued {
            0 => String::new(),
            queued => format!(", {} queued", many(queued)),
        };
        lines.push(("running", text(format!("{}{queued}", many(self.running_count)))));
        lines.extend(self.running.iter().map(|one| ("", text(one.words()))));
        lines.push(("next", text(self.next())));
        if let Some(last) = &self.last_finished {
            lines.push(("last finished", text(format!("{} {}", last.job_title, at(last.at.0, self.at.0)))));
        }
        lines.push(("failed since yesterday", text(self.failures())));
        lines.extend(self.failures.iter().map(|one| ("", text(one.words(self.at.0)))));
        lines.extend(self.deliveries().map(|words| ("deliveries", text(words))));
        lines.extend(self.requests.words().map(|words| ("requests of data subjects", text(words))));
        lines.push(("store", text(self.store.words())));
        lines.push(("catalog", text(self.catalog.words())));
        lines
    }
}

impl From<ExecutionOverview> for Running {
    fn from(ExecutionOverview { execution, worker, .. }: ExecutionOverview) -> Self {
        Self {
            execution_id: execution.id,
            job_title: execution.settings.title.as_str().to_owned(),
            percent: execution.progress.percent,
            remaining_seconds: execution.progress.remaining_seconds,
            worker_alive: worker.map(|life| life != WorkerLife::Gone),
        }
    }
}

impl Running {
    fn words(&self) -> String {
        let mut words = self.job_title.clone();
        if let Some(percent) = self.percent {
            words += &format!(", {percent} %");
        }
        if self.worker_alive == Some(false) {
            return words + ", stale: its worker is gone, and the next engine takes it over";
        }
        if let Some(seconds) = self.remaining_seconds {
            words += &format!(", {}", words::remaining(seconds));
        }
        words
    }
}

impl Next {
    fn of(JobOverview { job, .. }: JobOverview) -> Option<Self> {
        let at = Instant(job.next_due_at?);
        Some(Self { job_id: job.id, job_title: job.settings.title.as_str().to_owned(), at })
    }
}

impl From<ExecutionOverview> for Failed {
    fn from(ExecutionOverview { execution, .. }: ExecutionOverview) -> Self {
        let error = match &execution.state {
            ExecutionState::Failed(failure) => failure.message.clone(),
            _ => String::new(),
        };
        Self {
            execution_id: execution.id,
            job_title: execution.settings.title.as_str().to_owned(),
            at: Instant(execution.finished_at.unwrap_or(execution.slot)),
            error,
        }
    }
}

impl Failed {
    fn words(&self, now: DateTime<Utc>) -> String {
        format!("{} {}: {}", self.job_title, words::relative(self.at.0 - now), self.error)
    }
}

impl Finished {
    fn of(ExecutionOverview { execution, .. }: ExecutionOverview) -> Option<Self> {
        let at = Instant(execution.finished_at?);
        let job_title = execution.settings.title.as_str().to_owned();
        Some(Self { execution_id: execution.id, job_title, at })
    }
}

async fn workers(app: &App, session: &Session) -> Result<Workers, CliError> {
    let mut counts = Workers::default();
    for worker in app.fleet.list(&session.principal).await?.into_iter().map(WorkerView::from) {
        match worker.state {
            WorkerState::Alive => {
                counts.alive += 1;
                counts.draining += u64::from(worker.draining_since.is_some());
            }
            WorkerState::Gone => counts.gone += 1,
            WorkerState::Left => {}
        }
    }
    Ok(counts)
}

/// Returns the job that is due next.
pub(super) async fn next(app: &App, session: &Session) -> Result<Option<JobOverview>, CliError> {
    let query = JobQuery::default()
        .with_state(JobState::Active)
        .with_next_starts(Between { from: Some(DateTime::UNIX_EPOCH), to: None })
        .with_sort(Sort { column: JobColumn::NextStartsAt, descending: false })
        .with_slice(Slice::first(1));
    Ok(app.jobs.list(&session.principal, &query).await?.items.into_iter().next())
}

/// Counts the rows of a list, up to one more than [`COUNTED_MAX`].
async fn counted<T>(fetch: impl AsyncFn(Slice) -> Result<Page<T>, ServiceError>) -> Result<u64, CliError> {
    let mut page = fetch(Slice::first(1)).await?;
    match page.total {
        Some(Total::Exactly(count)) => return Ok(count),
        Some(Total::MoreThan(count)) => return Ok(count + 1),
        None => {}
    }
    let mut count = page.items.len() as u64;
    while let Some(after) = page.next.take().filter(|_| count <= COUNTED_MAX) {
        page = fetch(Slice { after: Some(after), limit: ROWS_AT_ONCE }).await?;
        count += page.items.len() as u64;
    }
    Ok(count.min(COUNTED_MAX + 1))
}

/// `12`, or `more than 10,000`.
fn many(count: u64) -> String {
    if count > COUNTED_MAX { format!("more than {}", words::count(COUNTED_MAX)) } else { words::count(count) }
}

/// `at 2026-03-01T02:00:00Z (in 3 h)`.
pub(super) fn at(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("at {} ({})", at.to_rfc3339_opts(SecondsFormat::Secs, true), words::relative(at - now))
}
