//! `cdds status`: what a person wants to know first: who works, what runs, what comes next, what went wrong, and how much
//! room it takes.

mod requests;
mod room;

use cdds_core::domain::execution::{ExecutionState, Status};
use cdds_core::domain::id::{ExecutionId, JobId};
use cdds_core::domain::job::JobState;
use cdds_core::domain::work::lease::WorkerLife;
use cdds_core::domain::work::row::WorkStatus;
use cdds_core::ports::catalog::query::{
    COUNTED_MAX, DeliveryQuery, ExecutionColumn, ExecutionOverview, ExecutionQuery, JobOverview, JobQuery,
    Page, Slice, Sort, Total,
};
use cdds_core::service::ServiceError;
use cdds_view::{Instant, JobView, words};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use self::requests::Requests;
use self::room::{CatalogRoom, StoreRoom};
use super::attention::{self, Failures, Suspended, Workers};
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
    /// One-time jobs that wait for a worker.
    awaiting_start: u64,
    /// The job that is due next, or that is overdue longest; null if none is.
    next: Option<Next>,
    /// How many jobs are overdue.
    overdue: u64,
    /// Jobs that their failures paused.
    paused: Vec<Paused>,
    /// How many there are, more of them than are named.
    paused_count: u64,
    /// From when on failures count: the beginning of yesterday (UTC).
    since: Instant,
    /// The failures that no later success has made good.
    failures: Vec<Failed>,
    /// How many there are since then, more of them than are named.
    failure_count: u64,
    /// How many other failures there were since then, which a later success has made good.
    failures_made_good: u64,
    /// The newest success; null if there is none.
    last_finished: Option<Finished>,
    deliveries_waiting: u64,
    deliveries_failed: u64,
    requests: Requests,
    store: StoreRoom,
    catalog: CatalogRoom,
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
    /// Whether that instant has passed.
    overdue: bool,
}

#[derive(Debug, Serialize)]
struct Paused {
    job_id: JobId,
    job_title: String,
    since: Option<Instant>,
    /// How many executions have failed in a row.
    failures: u32,
    /// The last of them; null if a later one has run since.
    execution_id: Option<ExecutionId>,
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
        let failures = Failures::since(app, by, since).await?;
        let suspended = Suspended::of(app, by).await?;
        let overdue = attention::overdue(now);
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
        let next = attention::next(app, by).await?.and_then(|next| Next::of(next, now));
        Ok(Self {
            at: Instant(now),
            workers: Workers::of(app, by).await?,
            jobs: JobCounts {
                active: jobs(JobState::Active).await?,
                suspended: jobs(JobState::Suspended).await?,
                completed: jobs(JobState::Completed).await?,
            },
            running: history(&running, named.clone()).await?.items.into_iter().map(Running::from).collect(),
            running_count: counted(async |slice| history(&running, slice).await).await?,
            queued: counted(async |slice| history(&queued, slice).await).await?,
            awaiting_start: suspended.awaiting_start,
            next,
            overdue: counted(async |slice| app.jobs.list(by, &overdue.clone().with_slice(slice)).await)
                .await?,
            paused_count: suspended.paused.len() as u64,
            paused: suspended.paused.into_iter().take(NAMED_MAX).map(Paused::from).collect(),
            since: Instant(since),
            failure_count: failures.open.len() as u64,
            failures: failures.open.into_iter().take(NAMED_MAX).map(Failed::from).collect(),
            failures_made_good: failures.made_good,
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
        let of_these: Vec<String> =
            [(self.awaiting_start, "to start"), (self.paused_count, "paused by failures")]
                .into_iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| match what {
                    "to start" if count == 1 => "1 waits to start".to_owned(),
                    "to start" => format!("{} wait to start", many(count)),
                    what => format!("{} {what}", many(count)),
                })
                .collect();
        let of_these =
            if of_these.is_empty() { String::new() } else { format!(" (of these {})", of_these.join(", ")) };
        format!("{active} active, {suspended} suspended{of_these}, {completed} completed")
    }

    fn next(&self) -> String {
        match (&self.next, self.jobs.active) {
            (Some(next), _) if next.overdue => {
                let why =
                    self.workers.why_nothing_begins().map_or_else(String::new, |why| format!(": {why}"));
                let others = match self.overdue {
                    0 | 1 => String::new(),
                    jobs => format!("; {} are overdue", words::counted(jobs, "job")),
                };
                format!("{} {}{why}{others}", next.job_title, due(next.at.0, self.at.0))
            }
            (Some(next), _) => format!("{} {}", next.job_title, due(next.at.0, self.at.0)),
            (None, 0) => "nothing: no job is active".to_owned(),
            (None, _) => "nothing".to_owned(),
        }
    }

    fn failures(&self) -> String {
        let made_good = match self.failures_made_good {
            0 => String::new(),
            1 => "1 more was made good by a later success".to_owned(),
            more => format!("{} more were made good by later successes", many(more)),
        };
        match (self.failure_count, made_good.as_str()) {
            (0, "") => "none".to_owned(),
            (0, made_good) => format!("none; {}", made_good.replacen(" more", "", 1)),
            (count, made_good) => {
                let also = if made_good.is_empty() { String::new() } else { format!("; {made_good}") };
                format!("{} (`cdds history list --status failed --from yesterday`){also}", many(count))
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
        if self.paused_count > 0 {
            lines.push(("paused by failures", text(many(self.paused_count))));
            lines.extend(self.paused.iter().map(|one| ("", text(one.words()))));
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
    fn of(JobOverview { job, .. }: JobOverview, now: DateTime<Utc>) -> Option<Self> {
        let at = job.next_due_at?;
        let job_title = job.settings.title.as_str().to_owned();
        Some(Self { job_id: job.id, job_title, at: Instant(at), overdue: at < now })
    }
}

impl From<JobView> for Paused {
    fn from(job: JobView) -> Self {
        let suspension = job.suspension.as_ref();
        Self {
            since: suspension.and_then(|one| one.since),
            execution_id: suspension.and_then(|one| one.execution_id),
            job_id: job.id,
            failures: job.failures_in_row,
            job_title: job.title,
        }
    }
}

impl Paused {
    fn words(&self) -> String {
        let since = self.since.map_or_else(String::new, |since| format!(" since {since}"));
        let failures = words::counted(self.failures.into(), "failure");
        format!("{}{since}, after {failures} in a row (`cdds job show {}`)", self.job_title, self.job_id)
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

/// `at 2026-03-01T02:00:00Z (in 3 h)`, or `overdue since 2026-03-01T02:00:00Z (3 h ago)`.
pub(super) fn due(due: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let words = at(due, now);
    match words.strip_prefix("at ") {
        Some(since) if due < now => format!("overdue since {since}"),
        _ => words,
    }
}

/// `at 2026-03-01T02:00:00Z (in 3 h)`.
fn at(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("at {} ({})", at.to_rfc3339_opts(SecondsFormat::Secs, true), words::relative(at - now))
}
