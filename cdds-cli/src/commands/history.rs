//! `cdds history …`: the History page.

use cdds_core::domain::execution::{Execution, ExecutionState};
use cdds_core::domain::id::Owner;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_core::service::ServiceError;
use cdds_core::service::artifacts::Artifacts;

use super::job::job_id;
use super::{every_row, id};
use crate::args::{HistoryCommand, ListHistoryArgs};
use crate::error::CliError;
use crate::session::Session;
use crate::view::{ExecutionDetailsView, ExecutionView};

pub(super) async fn carry_out(command: HistoryCommand, session: &Session) -> Result<(), CliError> {
    match command {
        HistoryCommand::List(args) => list(args, session).await,
        HistoryCommand::Show { id } => show(&id, session).await,
    }
}

async fn list(args: ListHistoryArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open()?;
    let mut query = ExecutionQuery { status: args.status, ..ExecutionQuery::default() };
    if let Some(job) = &args.job {
        // A job that does not exist is told, not answered with an empty list.
        query.job = Some(app.jobs.show(&session.owner, job_id(job)?).await?.job.id);
    }
    if let Some(sort) = args.sort {
        query.sort = sort;
    }
    let rows = every_row(async |slice| {
        let query = ExecutionQuery { slice, ..query.clone() };
        app.history.list(&session.owner, &query).await
    })
    .await?;
    let mut views = Vec::with_capacity(rows.len());
    for execution in &rows {
        let files = files(&app.artifacts, &session.owner, execution).await?;
        views.push(ExecutionView::new(execution, files));
    }
    session.output.list(&views)
}

async fn show(typed: &str, session: &Session) -> Result<(), CliError> {
    let app = session.open()?;
    let execution = app.history.show(&session.owner, id("execution", typed)?).await?;
    let files = files(&app.artifacts, &session.owner, &execution).await?;
    session.output.object(&ExecutionDetailsView::new(&execution, files))
}

/// The names of the files that an execution published, while they are kept.
async fn files(
    artifacts: &Artifacts,
    owner: &Owner,
    execution: &Execution,
) -> Result<Vec<String>, ServiceError> {
    if execution.state != ExecutionState::Succeeded {
        return Ok(Vec::new());
    }
    match artifacts.set(owner, execution.id).await {
        Ok(set) => Ok(set.artifacts.into_iter().map(|artifact| artifact.name).collect()),
        Err(ServiceError::NotFound { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
