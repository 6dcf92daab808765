//! `cdds history …`: the History page.

mod watch;

use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::domain::delivery::Delivery;
use cdds_core::domain::execution::Trigger;
use cdds_core::domain::id::{DestinationId, ExecutionId, SourceId, TypeId};
use cdds_core::domain::violation::Code;
use cdds_core::ports::catalog::query::{
    DeliveryQuery, ExecutionOverview, ExecutionQuery, NoticeQuery, Page, Slice,
};
use cdds_core::service::ServiceError;

use super::{Deleted, filtered_job, found, job, misnamed, print_rows};
use cdds_view::{DeliveryView, ExecutionDetailsView, ExecutionView, Instant};
use chrono::TimeDelta;

use crate::args::{CloneArgs, HistoryCommand, ListHistoryArgs};
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;

pub(super) async fn carry_out(command: HistoryCommand, session: &Session) -> Result<(), CliError> {
    let by = &session.principal;
    match command {
        HistoryCommand::List(args) => list(*args, session).await,
        HistoryCommand::Show { id } => {
            let app = session.open().await?;
            let id = found::execution(&id, &app, by).await?;
            let shown = app.history.show(by, id).await?;
            let deliveries = deliveries([id], &app, session).await?;
            // A job has a bounded number of subscribers, and an execution a bounded number of kinds.
            let query = NoticeQuery::default().with_execution(id).with_slice(Slice::first(NOTICES_MAX));
            let notices = app.outbox.list(by, &query).await?.items;
            Ok(session.output.object(&ExecutionDetailsView::new(shown, deliveries, notices))?)
        }
        HistoryCommand::Redeliver { id, destination } => {
            let app = session.open().await?;
            let id = found::execution(&id, &app, by).await?;
            let to = destination.map(DestinationId::new).transpose()?;
            let asked = app.deliveries.redeliver(by, id, to.as_ref()).await?;
            let execution = app.history.show(by, id).await?.execution;
            let views: Vec<_> = asked.into_iter().map(|one| DeliveryView::new(one, &execution)).collect();
            Ok(session.output.list(&views)?)
        }
        HistoryCommand::Watch { id } => watch::watch(&id, session).await,
        HistoryCommand::Clone(args) => clone(*args, session).await,
        HistoryCommand::Rerun { id } => {
            let app = session.open().await?;
            let id = found::execution(&id, &app, by).await?;
            let queued = match app.history.rerun(by, id).await {
                Ok(queued) => queued,
                Err(error) => return Err(with_backfill(error.into(), id, &app, session).await),
            };
            job::queued_one(&ExecutionView::queued(queued), session)
        }
        HistoryCommand::Cancel { id } => {
            let app = session.open().await?;
            let cancelled = app.history.cancel(by, found::execution(&id, &app, by).await?).await?;
            Ok(session.output.object(&ExecutionView::from(cancelled))?)
        }
        HistoryCommand::Delete { id, with_artifacts, dry_run } => {
            let with = if with_artifacts { WithArtifacts::Delete } else { WithArtifacts::Keep };
            let app = session.open().await?;
            let id = found::execution(&id, &app, by).await?;
            let shown = app.history.show(by, id).await?;
            if dry_run {
                session.console.note(match with {
                    WithArtifacts::Keep => "nothing was removed; this execution would be, and its files stay",
                    WithArtifacts::Delete => "nothing was removed; this execution and its files would be",
                });
                return Ok(session.output.object(&ExecutionView::from(shown))?);
            }
            let files = shown.files.len();
            session.consent.ask(&match with {
                WithArtifacts::Keep => format!("Remove execution {id} from the history?"),
                WithArtifacts::Delete => {
                    format!("Remove execution {id} from the history and delete its files ({files})?")
                }
            })?;
            app.history.delete(by, id, with).await?;
            Deleted::new("execution", [id]).show(session)
        }
    }
}

/// The most notices that are shown of an execution.
const NOTICES_MAX: u64 = 1_000;

/// Returns the deliveries of these executions' sets. They belong to one page, and so do their deliveries unless sets
/// went to very many places.
async fn deliveries(
    executions: impl IntoIterator<Item = ExecutionId>,
    app: &App,
    session: &Session,
) -> Result<Vec<Delivery>, ServiceError> {
    let ids: Vec<ExecutionId> = executions.into_iter().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let (mut query, mut found) = (DeliveryQuery::default().with_executions(ids), Vec::new());
    loop {
        let page = app.deliveries.list(&session.principal, &query).await?;
        found.extend(page.items);
        match page.next {
            Some(next) => query.slice.after = Some(next),
            None => return Ok(found),
        }
    }
}

const NOTHING_YET: &str =
    "nothing has run and nothing is queued: `cdds job create` submits a job, `cdds run` runs it";

async fn list(args: ListHistoryArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    misnamed::in_filters(args.source.as_deref(), args.data_type.as_deref(), &app, session);
    let mut query = ExecutionQuery::default()
        .with_status(args.status)
        .with_source(args.source.map(SourceId::new).transpose()?)
        .with_data_type(args.data_type.map(TypeId::new).transpose()?)
        .with_slot(session.between(args.from, args.to))
        .with_started(session.between(args.started_from, args.started_to));
    if let Some(job) = &args.job {
        query.job = Some(filtered_job(&app, &session.principal, job).await?);
    }
    let is_all = query == ExecutionQuery::default();
    if let Some(sort) = args.sort {
        query.sort = sort;
    }
    let nothing = if is_all { NOTHING_YET } else { "no execution matches: leave out a filter" };
    let page = async |slice| {
        let page = app.history.list(&session.principal, &query.clone().with_slice(slice)).await?;
        let deliveries = deliveries(page.items.iter().map(|one| one.execution.id), &app, session).await?;
        let view = |overview: ExecutionOverview| {
            let id = overview.execution.id;
            let of_set = deliveries.iter().filter(|one| one.execution_id == id).cloned().collect::<Vec<_>>();
            ExecutionView::from(overview).with_deliveries(&of_set)
        };
        Ok(Page { items: page.items.into_iter().map(view).collect(), total: page.total, next: page.next })
    };
    print_rows(session, (&args.listing, query.sort), nothing, page, |view| view).await
}

async fn clone(args: CloneArgs, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let id = found::execution(&args.id, &app, &session.principal).await?;
    let draft = app.history.draft(&session.principal, id).await?;
    job::submit_clone(&app, draft, args, session).await
}

/// Adds to a refused rerun the command that runs the slot of a scheduled execution again.
async fn with_backfill(refused: CliError, id: ExecutionId, app: &App, session: &Session) -> CliError {
    let Ok(shown) = app.history.show(&session.principal, id).await else { return refused };
    let execution = shown.execution;
    if refused.code() != Code::CannotRerun.as_str() || execution.trigger != Trigger::Scheduled {
        return refused;
    }
    let (from, to) = (Instant(execution.slot), Instant(execution.slot + TimeDelta::seconds(1)));
    let command =
        format!("`cdds job backfill {} --from {from} --to {to}` runs this slot again", execution.job_id);
    refused.with_way_out(&command)
}
