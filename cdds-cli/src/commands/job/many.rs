//! One job, several, or all that have something in common: each is done by itself.

use cdds_core::domain::calendar::frequency::{Frequency, Start};
use cdds_core::domain::execution::Status;
use cdds_core::domain::job::{Job, JobState};
use cdds_core::ports::catalog::query::{JobOverview, JobQuery};
use cdds_core::service::ServiceError;
use cdds_view::{ExecutionView, JobView, words};
use chrono::{DateTime, Utc};

use super::list::filtered;
use crate::args::{JobFilters, ManyJobs};
use crate::commands::{Deleted, every_row, found};
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;
use crate::text::escaped;

/// How many jobs a question names.
const NAMED_MAX: usize = 5;

/// What is done to each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Suspend,
    Resume,
    Run,
    Delete,
}

impl Doing {
    fn verb(self) -> &'static str {
        match self {
            Self::Suspend => "Suspend",
            Self::Resume => "Resume",
            Self::Run => "Run",
            Self::Delete => "Delete",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Suspend => "suspended",
            Self::Resume => "resumed",
            Self::Run => "queued",
            Self::Delete => "deleted",
        }
    }

    /// Whether it can be done to a job, as far as its state says: which of all jobs are meant.
    fn concerns(self, JobOverview { job, latest }: &JobOverview, now: DateTime<Utc>) -> bool {
        match self {
            // A one-time job is stored suspended from its start on (rule J8), and may still wait for a worker.
            Self::Suspend => {
                let waits = latest.as_ref().is_some_and(|latest| latest.status == Status::Queued);
                job.state == JobState::Active || is_one_time(job) && waits
            }
            Self::Resume => job.state == JobState::Suspended && !has_started(job, now),
            Self::Run => matches!(job.state, JobState::Active | JobState::Suspended),
            Self::Delete => true,
        }
    }
}

fn is_one_time(job: &Job) -> bool {
    matches!(job.settings.frequency, Frequency::Once(_))
}

/// Whether a one-time job's start has passed, after which it is not resumed (rule J9).
fn has_started(job: &Job, now: DateTime<Utc>) -> bool {
    match job.settings.frequency {
        Frequency::Once(Start::Immediately) => true,
        Frequency::Once(Start::At(start)) => start <= now,
        _ => false,
    }
}

/// What became of the jobs.
#[derive(Debug, Default)]
struct Outcome {
    changed: Vec<JobOverview>,
    queued: Vec<ExecutionView>,
    deleted: Vec<String>,
    /// What is to be said of each job that could not be changed.
    refused: Vec<String>,
}

pub(super) async fn carry_out(
    doing: Doing,
    args: ManyJobs,
    app: &App,
    session: &Session,
) -> Result<(), CliError> {
    let (dry_run, is_one) = (args.dry_run, args.ids.len() == 1);
    let jobs = chosen(doing, args, app, session).await?;
    if dry_run {
        session.console.note("nothing was changed; these jobs would be");
        return list(jobs, app, session).await;
    }
    if let (true, [job]) = (is_one, jobs.as_slice()) {
        ask(doing, &jobs, session)?;
        return one(doing, job, app, session).await;
    }
    if jobs.is_empty() {
        session.console.note("there is no such job: nothing was changed");
    } else {
        ask(doing, &jobs, session)?;
    }
    let (all, outcome) = (jobs.len(), each(doing, jobs, app, session).await?);
    match doing {
        Doing::Suspend | Doing::Resume => list(outcome.changed, app, session).await?,
        Doing::Run => super::queued(&outcome.queued, session)?,
        Doing::Delete => Deleted::new("job", outcome.deleted).show(session)?,
    }
    if outcome.refused.is_empty() {
        return Ok(());
    }
    let (count, done) = (words::count(outcome.refused.len() as u64), doing.done());
    let why = format!("{count} of {all} jobs could not be {done}: {}", outcome.refused.join("; "));
    Err(CliError::failed("some_failed", why))
}

/// Returns the jobs that are meant, each once.
async fn chosen(
    doing: Doing,
    args: ManyJobs,
    app: &App,
    session: &Session,
) -> Result<Vec<JobOverview>, CliError> {
    let by = &session.principal;
    if args.all {
        let source = args.filters.source.clone();
        let query = filtered(JobQuery::default(), args.filters)?;
        let page = async |slice| app.jobs.list(by, &query.clone().with_slice(slice)).await;
        let mut jobs = every_row(page).await?;
        let now = app.now().await?;
        // A source that is gone may have left jobs behind; without any, its name is a mistake.
        if let (true, Some(typed)) = (jobs.is_empty(), &source) {
            found::source(typed, app, by)?;
        }
        jobs.retain(|overview| doing.concerns(overview, now));
        return Ok(jobs);
    }
    match (args.filters != JobFilters::default(), args.ids.is_empty()) {
        (true, true) => {
            return Err(CliError::usage(
                "the filters select among all jobs: add --all, or name the jobs instead",
            ));
        }
        (true, false) => {
            return Err(CliError::usage(
                "--search and the other filters select jobs with --all: leave out the ids",
            ));
        }
        (false, true) => {
            return Err(CliError::usage("name the jobs, or --all of them; with --all, filters select some"));
        }
        (false, false) => {}
    }
    let (mut jobs, mut missing) = (Vec::<JobOverview>::new(), Vec::new());
    for typed in &args.ids {
        let found = async { Ok::<_, CliError>(app.jobs.show(by, found::job(typed, app, by).await?).await?) };
        match found.await {
            Ok(found) if jobs.iter().any(|known| known.job.id == found.job.id) => {}
            Ok(found) => jobs.push(found),
            Err(error) if error.missing().is_some() => missing.push(error),
            Err(error) => return Err(error),
        }
    }
    let more: Vec<String> = missing.iter().skip(1).map(|error| error.message().to_owned()).collect();
    match missing.into_iter().next() {
        None => Ok(jobs),
        Some(only) if args.ids.len() == 1 => Err(only),
        Some(first) => {
            let more: String = more.iter().map(|why| format!("; {why}")).collect();
            Err(first.followed_by(&format!("{more}: nothing was changed")))
        }
    }
}

/// Asks before something is removed, and before several jobs are changed at once.
fn ask(doing: Doing, jobs: &[JobOverview], session: &Session) -> Result<(), CliError> {
    let title = |overview: &JobOverview| escaped(overview.job.settings.title.as_str()).into_owned();
    let stays =
        if doing == Doing::Delete { " Their history and artifacts stay until they expire." } else { "" };
    match jobs {
        [job] if doing == Doing::Delete => session
            .consent
            .ask(&format!("Delete job {}? Its history and artifacts stay until they expire.", title(job))),
        [_] => Ok(()),
        several => {
            let named: Vec<String> = several.iter().take(NAMED_MAX).map(title).collect();
            let more = if several.len() > NAMED_MAX { ", …" } else { "" };
            let count = words::counted(several.len() as u64, "job");
            session.consent.ask(&format!("{} {count} ({}{more})?{stays}", doing.verb(), named.join(", ")))
        }
    }
}

/// Does it to one job, and shows what that gives.
async fn one(doing: Doing, job: &JobOverview, app: &App, session: &Session) -> Result<(), CliError> {
    let (by, id) = (&session.principal, job.job.id);
    match doing {
        Doing::Suspend => super::show(app.jobs.suspend(by, id).await?, app, session).await,
        Doing::Resume => super::show(app.jobs.resume(by, id).await?, app, session).await,
        Doing::Run => super::queued_one(&ExecutionView::queued(app.jobs.run_now(by, id).await?), session),
        Doing::Delete => {
            app.jobs.delete(by, id).await?;
            Deleted::new("job", [id]).show(session)
        }
    }
}

/// Does it to each job. A refusal of one leaves the others as they are; what stops all of them ends this.
async fn each(
    doing: Doing,
    jobs: Vec<JobOverview>,
    app: &App,
    session: &Session,
) -> Result<Outcome, CliError> {
    let (by, mut outcome) = (&session.principal, Outcome::default());
    for JobOverview { job, .. } in jobs {
        let done = match doing {
            Doing::Suspend => app.jobs.suspend(by, job.id).await.map(|job| outcome.changed.push(job)),
            Doing::Resume => app.jobs.resume(by, job.id).await.map(|job| outcome.changed.push(job)),
            Doing::Run => {
                app.jobs.run_now(by, job.id).await.map(|run| outcome.queued.push(ExecutionView::queued(run)))
            }
            Doing::Delete => {
                app.jobs.delete(by, job.id).await.map(|()| outcome.deleted.push(job.id.to_string()))
            }
        };
        match done {
            Ok(()) => {}
            Err(
                error @ (ServiceError::Refused(_)
                | ServiceError::Forbidden(_)
                | ServiceError::NotFound { .. }
                | ServiceError::Conflict { .. }),
            ) => {
                let title = escaped(job.settings.title.as_str());
                outcome.refused.push(format!("{title} ({}): {error}", job.id));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(outcome)
}

async fn list(jobs: Vec<JobOverview>, app: &App, session: &Session) -> Result<(), CliError> {
    let (recipients, now) = (app.recipients.list(&session.principal).await?, app.now().await?);
    let views: Vec<JobView> = jobs.into_iter().map(|job| JobView::new(job, &recipients, now)).collect();
    Ok(session.output.list(&views)?)
}
