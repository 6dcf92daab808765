//! `cdds artifact …`: the Artifacts page.

mod adopt;

use std::collections::BTreeSet;

use cdds_core::domain::archive::removal::TornSet;
use cdds_core::domain::id::{ArtifactId, ExecutionId, TypeId};
use cdds_core::ports::catalog::query::{ArtifactColumn, ArtifactOverview, ArtifactQuery, Page, Sort};
use cdds_core::service::ServiceError;

use super::titles::Titles;
use super::{Deleted, download, filtered_job, found, misnamed, print_rows};
use cdds_view::ArtifactView;
use cdds_view::words;

use chrono::{DateTime, Utc};

use crate::args::{ArtifactCommand, DeleteArtifactsArgs, ListArtifactsArgs, Listing, SetArgs};
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;
use crate::view::FileView;

pub(super) async fn carry_out(command: ArtifactCommand, session: &Session) -> Result<(), CliError> {
    match command {
        ArtifactCommand::List(args) => list(*args, session).await,
        ArtifactCommand::Download(args) => download::download(args, session).await,
        ArtifactCommand::Delete(args) => delete(&args, session).await,
        ArtifactCommand::Adopt(args) => adopt::adopt(&args, session).await,
        ArtifactCommand::Hold(args) => set_hold(&args, true, session).await,
        ArtifactCommand::Release(args) => set_hold(&args, false, session).await,
    }
}

/// Returns the named artifacts, each once.
pub(super) async fn distinct(
    typed: &[String],
    app: &App,
    session: &Session,
) -> Result<Vec<ArtifactId>, CliError> {
    let (mut seen, mut ids) = (BTreeSet::new(), Vec::new());
    for text in typed {
        let id = found::artifact(text, app, &session.principal).await?;
        if seen.insert(id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

const NOTHING_YET: &str = "no artifacts: `cdds run` makes them, `cdds history list` shows what ran";

async fn list(args: ListArtifactsArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    misnamed::in_filters(None, args.data_type.as_deref(), &app, session);
    let mut query = ArtifactQuery::default()
        .with_search(args.search)
        .with_data_type(args.data_type.map(TypeId::new).transpose()?)
        .with_created(session.between(args.created_from, args.created_to))
        .with_expires(session.between(args.expires_from, args.expires_to))
        .with_bytes_min(args.size_min)
        .with_bytes_max(args.size_max)
        .with_hold(args.on_hold);
    if let Some(job) = &args.job {
        query.job = Some(filtered_job(&app, &session.principal, job).await?);
    }
    if let Some(execution) = &args.execution {
        let id = found::execution(execution, &app, &session.principal).await?;
        let shown = app.history.show(&session.principal, id).await?;
        query.execution = Some(shown.execution.id);
    }
    let nothing = if query == ArtifactQuery::default() {
        NOTHING_YET
    } else {
        "no artifact matches: leave out a filter"
    };
    if let Some(sort) = args.sort {
        query.sort = sort;
    }
    show(&app, &query, (&args.listing, nothing), session).await
}

async fn show(
    app: &App,
    query: &ArtifactQuery,
    (listing, nothing): (&Listing, &str),
    session: &Session,
) -> Result<(), CliError> {
    let now = app.now().await?;
    let page = async |slice| {
        let page = app.artifacts.list(&session.principal, &query.clone().with_slice(slice)).await?;
        Ok(Page { items: views(page.items, now, app, session).await?, total: page.total, next: page.next })
    };
    print_rows(session, (listing, query.sort), nothing, page, |view| view).await
}

/// Adds the titles of the jobs that made the files.
async fn views(
    files: Vec<ArtifactOverview>,
    now: DateTime<Utc>,
    app: &App,
    session: &Session,
) -> Result<Vec<FileView>, ServiceError> {
    let executions = files.iter().map(|one| one.artifact.execution_id).collect();
    let titles = Titles::of_executions(executions, app, session).await?;
    let view = |file: ArtifactOverview| {
        let title = titles.of_execution(file.artifact.execution_id).map(str::to_owned);
        FileView::new(ArtifactView::new(file, now), title)
    };
    Ok(files.into_iter().map(view).collect())
}

async fn delete(args: &DeleteArtifactsArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    app.check_store().await?;
    if let Some(execution) = &args.execution {
        let execution = found::execution(execution, &app, &session.principal).await?;
        if args.dry_run {
            return rehearsed(&app, &ArtifactQuery::default().with_execution(Some(execution)), session).await;
        }
        session.consent.ask(&format!("Delete all files of the set of execution {execution}?"))?;
        app.artifacts.delete_set(&session.principal, execution).await?;
        return Deleted::new("artifact_set", [execution]).show(session);
    }
    let ids = distinct(&args.ids, &app, session).await?;
    let torn = app.artifacts.torn_by(&session.principal, &ids).await?;
    for TornSet { execution, going, staying } in &torn {
        session.console.note(&format!(
            "warning: {going} of the files are parts of the set of execution {execution}, and its other \
             {staying} cannot be read without them: `cdds artifact delete --execution {execution}` deletes \
             the whole set"
        ));
    }
    if args.dry_run {
        session.console.note(NOTHING_DELETED);
        let mut files = Vec::new();
        for id in ids {
            files.push(app.artifacts.show(&session.principal, id).await?);
        }
        return Ok(session.output.list(&views(files, app.now().await?, &app, session).await?)?);
    }
    session.consent.ask(&match torn.iter().map(|set| set.staying).sum() {
        0 => format!("Delete {}?", files(ids.len())),
        staying => {
            format!("Delete {}, without which {} more cannot be read?", files(ids.len()), files(staying))
        }
    })?;
    app.artifacts.delete(&session.principal, &ids).await?;
    Deleted::new("artifact", ids).show(session)
}

const NOTHING_DELETED: &str = "nothing was deleted; these files would be";

/// Shows the files that would be deleted.
async fn rehearsed(app: &App, query: &ArtifactQuery, session: &Session) -> Result<(), CliError> {
    session.console.note(NOTHING_DELETED);
    show(app, query, (&Listing::default(), "the set has no files any more"), session).await
}

fn files(count: usize) -> String {
    words::counted(count as u64, "file")
}

/// Sets or releases the hold, then shows the set; a released set that has expired is no longer shown.
async fn set_hold(args: &SetArgs, hold: bool, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let execution = execution_of(&app, args, session).await?;
    if hold {
        app.artifacts.hold(&session.principal, execution).await?;
    } else {
        app.artifacts.release(&session.principal, execution).await?;
    }
    let query = ArtifactQuery::default()
        .with_execution(Some(execution))
        .with_sort(Sort { column: ArtifactColumn::Part, descending: false });
    show(&app, &query, (&Listing::default(), "the set has expired and is gone"), session).await
}

async fn execution_of(app: &App, args: &SetArgs, session: &Session) -> Result<ExecutionId, CliError> {
    match (&args.id, &args.execution) {
        (_, Some(execution)) => found::execution(execution, app, &session.principal).await,
        (Some(typed), None) => match of_file(app, typed, session).await {
            // The lists of history name sets by their executions.
            Err(error) if error.missing().is_some() => {
                of_history(app, typed, session).await.map_err(|_| error)
            }
            found => found,
        },
        (None, None) => Err(CliError::usage("name an artifact, or the set of an execution")),
    }
}

async fn of_file(app: &App, typed: &str, session: &Session) -> Result<ExecutionId, CliError> {
    let id = found::artifact(typed, app, &session.principal).await?;
    Ok(app.artifacts.execution_of(&session.principal, id).await?)
}

async fn of_history(app: &App, typed: &str, session: &Session) -> Result<ExecutionId, CliError> {
    let id = found::execution(typed, app, &session.principal).await?;
    Ok(app.history.show(&session.principal, id).await?.execution.id)
}
