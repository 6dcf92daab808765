//! `cdds artifact …`: the Artifacts page.

use cdds_core::ports::catalog::query::ArtifactQuery;

use super::job::job_id;
use super::{download, every_row, id};
use crate::args::{ArtifactCommand, ListArtifactsArgs};
use crate::error::CliError;
use crate::session::Session;
use crate::view::ArtifactView;

pub(super) async fn carry_out(command: ArtifactCommand, session: &Session) -> Result<(), CliError> {
    match command {
        ArtifactCommand::List(args) => list(args, session).await,
        ArtifactCommand::Download(args) => download::download(args, session).await,
    }
}

async fn list(args: ListArtifactsArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open()?;
    let mut query = ArtifactQuery::default();
    if let Some(job) = &args.job {
        query.job = Some(app.jobs.show(&session.owner, job_id(job)?).await?.job.id);
    }
    if let Some(execution) = &args.execution {
        let execution = app.history.show(&session.owner, id("execution", execution)?).await?;
        query.execution = Some(execution.id);
    }
    if let Some(sort) = args.sort {
        query.sort = sort;
    }
    let rows = every_row(async |slice| {
        let query = ArtifactQuery { slice, ..query.clone() };
        app.artifacts.list(&session.owner, &query).await
    })
    .await?;
    let now = app.artifacts.now();
    let views: Vec<ArtifactView> = rows.iter().map(|artifact| ArtifactView::new(artifact, now)).collect();
    session.output.list(&views)
}
