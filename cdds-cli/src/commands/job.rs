//! `cdds job …`: the Jobs page.

mod file;
mod list;
mod schedule;
mod settings;

use cdds_core::domain::id::JobId;
use cdds_core::domain::job::JobSettings;
use cdds_core::ports::catalog::query::JobOverview;
use cdds_core::service::jobs::EditRequest;

use self::settings::over;
use super::{Deleted, id};
use crate::args::{CreateArgs, EditArgs, JobCommand, JobOptions};
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;
use crate::view::{ExecutionView, JobView, OccurrenceView};

pub(super) async fn carry_out(command: JobCommand, session: &Session) -> Result<(), CliError> {
    let (app, owner) = (session.open()?, &session.owner);
    let overview = match command {
        JobCommand::Create(args) => create(*args, &app, session).await?,
        JobCommand::Edit(args) => edit(*args, &app, session).await?,
        JobCommand::Clone(args) => {
            let draft = app.jobs.draft(owner, job_id(&args.id)?).await?;
            submit_clone(&app, draft, args.options, session).await?
        }
        JobCommand::Show { id } => app.jobs.show(owner, job_id(&id)?).await?,
        JobCommand::Suspend { id } => app.jobs.suspend(owner, job_id(&id)?).await?,
        JobCommand::Resume { id } => app.jobs.resume(owner, job_id(&id)?).await?,
        JobCommand::List(args) => return list::list(*args, &app, session).await,
        JobCommand::Preview { id, count } => return preview(&id, count, &app, session).await,
        JobCommand::Run { id } => {
            let queued = app.jobs.run_now(owner, job_id(&id)?).await?;
            return session.output.object(&ExecutionView::queued(queued));
        }
        JobCommand::Backfill { id, from, to } => {
            let queued = app.jobs.backfill(owner, job_id(&id)?, from, to).await?;
            let views: Vec<ExecutionView> = queued.into_iter().map(ExecutionView::queued).collect();
            return session.output.list(&views);
        }
        JobCommand::Delete { id } => {
            let id = job_id(&id)?;
            app.jobs.delete(owner, id).await?;
            return Deleted::new("job", [id]).show(session);
        }
    };
    show(overview, &app, session).await
}

/// Prints a job with what is to be known about its certificates (rule S3).
pub(super) async fn show(overview: JobOverview, app: &App, session: &Session) -> Result<(), CliError> {
    let recipients = app.recipients.list(&session.owner).await?;
    session.output.object(&JobView::new(overview, &recipients, session.clock.now()))
}

pub(super) fn job_id(text: &str) -> Result<JobId, CliError> {
    id("job", text)
}

async fn create(args: CreateArgs, app: &App, session: &Session) -> Result<JobOverview, CliError> {
    let settings = match args.file {
        None => settings::fresh(args.options)?,
        Some(path) => over(settings::fresh(file::read(&path)?)?, args.options)?,
    };
    Ok(app.jobs.submit(&session.owner, settings).await?)
}

/// Over what the job is now: if somebody changes it in between, the edit is refused.
async fn edit(args: EditArgs, app: &App, session: &Session) -> Result<JobOverview, CliError> {
    if args.options == JobOptions::default() && args.watermark.is_none() {
        return Err(CliError::usage("nothing is to be changed: name it, like --title TITLE"));
    }
    let id = job_id(&args.id)?;
    let job = app.jobs.show(&session.owner, id).await?.job;
    let request = EditRequest {
        settings: over(job.settings, args.options)?,
        watermark: args.watermark.map(Into::into),
        if_version: Some(args.if_version.unwrap_or(job.version)),
    };
    Ok(app.jobs.edit(&session.owner, id, &request).await?)
}

/// A new job out of a draft (rule J6).
pub(super) async fn submit_clone(
    app: &App,
    draft: JobSettings,
    options: JobOptions,
    session: &Session,
) -> Result<JobOverview, CliError> {
    Ok(app.jobs.submit(&session.owner, over(draft, options)?).await?)
}

async fn preview(typed: &str, count: u16, app: &App, session: &Session) -> Result<(), CliError> {
    let occurrences = app.jobs.preview(&session.owner, job_id(typed)?, usize::from(count)).await?;
    let views: Vec<OccurrenceView> = occurrences.into_iter().map(OccurrenceView::from).collect();
    session.output.list(&views)
}
