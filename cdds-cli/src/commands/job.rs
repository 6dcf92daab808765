//! `cdds job …`: the Jobs page.

mod dry_run;
mod file;
mod list;
mod lists;
mod many;
mod schedule;
mod settings;
mod shape;
mod unknown;
mod written;

use std::path::Path;

use cdds_core::domain::calendar::frequency::FrequencyKind;
use cdds_core::domain::job::lifecycle::NewJob;
use cdds_core::domain::job::{Job, JobSettings, JobState, SuspensionReason};
use cdds_core::ports::catalog::query::{JobOverview, JobQuery};
use cdds_core::service::jobs::EditRequest;

use self::many::Doing;
use self::settings::over;
use super::found;
use super::listed::print_all;
use cdds_view::{ExecutionView, ForecastView, JobView};

use crate::args::{CloneArgs, Columns, CreateArgs, EditArgs, JobCommand, JobOptions, Rehearsal};
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;
use crate::text::escaped;

pub(super) async fn carry_out(command: JobCommand, session: &Session) -> Result<(), CliError> {
    let (app, by) = (session.open().await?, &session.principal);
    let overview = match command {
        JobCommand::Create(args) => return create(*args, &app, session).await,
        JobCommand::Edit(args) => return edit(*args, &app, session).await,
        JobCommand::Clone(args) => {
            let draft = app.jobs.draft(by, found::job(&args.id, &app, by).await?).await?;
            return submit_clone(&app, draft, *args, session).await;
        }
        JobCommand::Show { id } => {
            let overview = app.jobs.show(by, found::job(&id, &app, by).await?).await?;
            if session.output.is_toml() {
                return Ok(session.output.raw(written::job_file(&overview.job.settings).as_bytes())?);
            }
            overview
        }
        JobCommand::Suspend(args) => return many::carry_out(Doing::Suspend, *args, &app, session).await,
        JobCommand::Resume(args) => return many::carry_out(Doing::Resume, *args, &app, session).await,
        JobCommand::BringBack { id } => app.jobs.bring_back(by, found::job(&id, &app, by).await?).await?,
        JobCommand::List(args) => return list::list(*args, &app, session).await,
        JobCommand::Preview { id, count, shown } => return preview(&id, count, &shown, &app, session).await,
        JobCommand::Run(args) => return many::carry_out(Doing::Run, *args, &app, session).await,
        JobCommand::Backfill { id, from, to } => {
            let now = session.clock.now();
            let queued =
                app.jobs.backfill(by, found::job(&id, &app, by).await?, from.at(now), to.at(now)).await?;
            let views: Vec<ExecutionView> = queued.into_iter().map(ExecutionView::queued).collect();
            return self::queued(&views, session);
        }
        JobCommand::Delete(args) => return many::carry_out(Doing::Delete, *args, &app, session).await,
    };
    show(overview, &app, session).await
}

/// Prints executions that were queued; with `-q` their ids alone, for other commands.
fn queued(views: &[ExecutionView], session: &Session) -> Result<(), CliError> {
    if !session.output.is_quiet() {
        return Ok(session.output.list(views)?);
    }
    let ids: String = views.iter().map(|view| format!("{}\n", view.id)).collect();
    Ok(session.output.raw(ids.as_bytes())?)
}

/// Prints the execution that was queued; with `-q` its id alone.
pub(super) fn queued_one(view: &ExecutionView, session: &Session) -> Result<(), CliError> {
    if session.output.is_quiet() {
        queued(std::slice::from_ref(view), session)
    } else {
        Ok(session.output.object(view)?)
    }
}

/// Prints a job with the warnings about its certificates (rule S3).
async fn show(overview: JobOverview, app: &App, session: &Session) -> Result<(), CliError> {
    let recipients = app.recipients.list(&session.principal).await?;
    Ok(session.output.object(&JobView::new(overview, &recipients, app.now().await?))?)
}

async fn create(args: CreateArgs, app: &App, session: &Session) -> Result<(), CliError> {
    let new = match args.file {
        None => NewJob::from(settings::fresh(args.options)?),
        Some(path) => filed(&path, args.options)?,
    };
    let first_run_now = new.first_run_now || args.creation.first_run_now;
    let new = new.with_first_run_now(first_run_now);
    submit(app, new, args.rehearsal, session).await
}

/// Returns the job that a file says, with these options in place of its own.
fn filed(path: &Path, options: JobOptions) -> Result<NewJob, CliError> {
    let filed = file::read(path)?;
    let settings = over(settings::fresh(filed.options.completed_by(&options))?, options)?;
    Ok(NewJob::from(settings).with_first_run_now(filed.creation.first_run_now))
}

/// Submits a job, or shows what it would be.
async fn submit(app: &App, new: NewJob, rehearsal: Rehearsal, session: &Session) -> Result<(), CliError> {
    unknown::check(&new.settings, None, rehearsal.allow_unknown_fields, app, session).await?;
    if rehearsal.dry_run {
        let ahead = app.jobs.forecast_draft(&session.principal, new.clone(), dry_run::OCCURRENCES).await?;
        return dry_run::show(&new.settings, ahead, app, session).await;
    }
    let submitted = app.jobs.submit(&session.principal, new).await?;
    tell_of_namesakes(&submitted.job, app, session).await?;
    if session.output.is_quiet() {
        return Ok(session.output.raw(format!("{}\n", submitted.job.id).as_bytes())?);
    }
    show(submitted, app, session).await
}

/// Warns if other jobs have the same title: commands then no longer take it as a name.
async fn tell_of_namesakes(job: &Job, app: &App, session: &Session) -> Result<(), CliError> {
    let title = &job.settings.title;
    let query = JobQuery::default().with_search(title.as_str().to_owned());
    let alike = app.jobs.list(&session.principal, &query).await?.items;
    if alike.iter().any(|one| one.job.id != job.id && one.job.settings.title == *title) {
        let (title, id) = (escaped(title.as_str()), job.id);
        session.console.note(&format!(
            "note: there is another job called {title}, so commands take this one by its id alone: `cdds job edit {id} \
             --title TITLE` tells them apart"
        ));
    }
    Ok(())
}

/// Edits the job as it is now: if somebody changes it in between, the edit is refused.
async fn edit(args: EditArgs, app: &App, session: &Session) -> Result<(), CliError> {
    if args.options == JobOptions::default() && args.watermark.is_none() && args.file.is_none() {
        return Err(CliError::usage("no change is given: give one, like --title TITLE"));
    }
    let id = found::job(&args.id, app, &session.principal).await?;
    let job = app.jobs.show(&session.principal, id).await?.job;
    let before = job.settings.clone();
    let settings = match args.file {
        None => over(job.settings, args.options)?,
        Some(path) => filed(&path, args.options)?.settings,
    };
    let request = EditRequest::new(settings)
        .with_watermark(args.watermark.map(Into::<cdds_core::domain::job::edit::WatermarkChoice>::into))
        .with_if_version(args.if_version.unwrap_or(job.version));
    let allowed = args.rehearsal.allow_unknown_fields;
    unknown::check(&request.settings, Some(&before), allowed, app, session).await?;
    if args.rehearsal.dry_run {
        let ahead = app.jobs.forecast_edit(&session.principal, id, &request, dry_run::OCCURRENCES).await?;
        return dry_run::show(&request.settings, ahead, app, session).await;
    }
    show(app.jobs.edit(&session.principal, id, &request).await?, app, session).await
}

/// Submits a new job from a draft (rule J6).
pub(super) async fn submit_clone(
    app: &App,
    draft: JobSettings,
    args: CloneArgs,
    session: &Session,
) -> Result<(), CliError> {
    let new = NewJob::from(over(draft, args.options)?).with_first_run_now(args.creation.first_run_now);
    submit(app, new, args.rehearsal, session).await
}

async fn preview(
    typed: &str,
    count: u32,
    shown: &Columns,
    app: &App,
    session: &Session,
) -> Result<(), CliError> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let id = found::job(typed, app, &session.principal).await?;
    let ahead = app.jobs.forecast(&session.principal, id, count).await?;
    let job = JobView::from(app.jobs.show(&session.principal, id).await?);
    let views: Vec<ForecastView> = ahead.into_iter().map(ForecastView::from).collect();
    if !views.is_empty()
        && let Some(condition) = condition(&job)
    {
        session.console.note(&format!("note: {condition}"));
    }
    print_all(session, shown, &views, &nothing_ahead(&job))
}

/// Returns what has to happen before a suspended job runs again.
fn condition(job: &JobView) -> Option<String> {
    Some(match job.suspension.as_ref()?.reason {
        SuspensionReason::AwaitsStart => {
            "the job waits to start: a worker (`cdds run`) runs it as soon as one is free".to_owned()
        }
        _ => format!("the job is suspended: it would run so if `cdds job resume {}` resumed it now", job.id),
    })
}

/// Says why nothing lies ahead of a job.
fn nothing_ahead(job: &JobView) -> String {
    let is_once = job.run.starts_with(FrequencyKind::Once.as_str());
    let id = &job.id;
    match job.state {
        JobState::Completed if is_once => format!(
            "nothing lies ahead: the job has run, and runs only once; `cdds job clone {id}` makes another"
        ),
        JobState::Completed => {
            format!(
                "nothing lies ahead: the job has ended; `cdds job edit {id} --ends-at none` lets it go on"
            )
        }
        JobState::Suspended if is_once => format!(
            "nothing lies ahead: the job did not run at its start; `cdds job edit {id} --start WHEN` gives it another"
        ),
        _ => "nothing lies ahead".to_owned(),
    }
}
