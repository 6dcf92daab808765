//! `cdds history watch`: follows, through the catalog, an execution that runs in this process or any other.

use std::sync::Arc;
use std::time::Duration;

use cdds_core::domain::execution::progress::Progress;
use cdds_core::domain::execution::{Execution, ExecutionState, Status};
use cdds_core::domain::id::ExecutionId;
use cdds_core::domain::work::lease::WorkerLife;
use cdds_core::ports::catalog::query::ExecutionOverview;
use cdds_view::ExecutionDetailsView;
use futures::future::{self, Either};

use crate::choice::Format;
use crate::commands::found;
use crate::compose::App;
use crate::error::CliError;
use crate::progress::{Follower, outcome};
use crate::session::Session;
use crate::signals::Stop;
use crate::text::printable;

/// The pause between reads of the catalog, where progress is stored once a second.
const PAUSE: Duration = Duration::from_millis(500);

/// Watches until the execution has ended, and fails unless it finished. Stopping the watch leaves the
/// execution running.
pub(super) async fn watch(typed: &str, session: &Session) -> Result<(), CliError> {
    let app = session.open().await?;
    let id = found::execution(typed, &app, &session.principal).await?;
    let stop = Stop::listen(&session.console, None)?;
    let watching = std::pin::pin!(watch_to_the_end(id, &app, session));
    match future::select(watching, std::pin::pin!(stop.asked())).await {
        Either::Left((ended, _)) => show(ended?, session),
        Either::Right(((), _)) => Err(CliError::failed(
            "interrupted",
            format!("no longer watching; the execution goes on: `cdds history watch {id}` follows it again"),
        )),
    }
}

async fn watch_to_the_end(
    id: ExecutionId,
    app: &App,
    session: &Session,
) -> Result<ExecutionOverview, CliError> {
    let follower = Follower::new(&session.console, Arc::clone(&session.clock));
    let (mut seen, mut told_gone) = (None, false);
    loop {
        let overview = app.history.show(&session.principal, id).await?;
        let execution = &overview.execution;
        let now = (execution.status(), execution.attempt_count());
        let is_gone = overview.worker == Some(WorkerLife::Gone);
        tell(&follower, execution, seen.replace(now) != Some(now), is_gone);
        if is_gone && !told_gone {
            session.console.note(&format!(
                "the worker of this execution is gone: `cdds run` takes it over, `cdds history cancel {id}` ends it"
            ));
        }
        told_gone = is_gone;
        if !matches!(execution.state, ExecutionState::Queued | ExecutionState::Running) {
            return Ok(overview);
        }
        session.clock.sleep(PAUSE).await;
    }
}

/// `is_new`: it was in another status before, or in another attempt; `is_gone`: nobody works on it.
fn tell(follower: &Follower, execution: &Execution, is_new: bool, is_gone: bool) {
    match execution.status() {
        Status::Queued if is_new => follower.waits(execution),
        Status::Queued => {}
        Status::InProgress => {
            if is_new {
                follower.started(execution);
            }
            let remaining_seconds = execution.progress.remaining_seconds.filter(|_| !is_gone);
            follower.progressed(execution.id, Progress { remaining_seconds, ..execution.progress });
        }
        _ => follower.is_over(execution),
    }
}

fn show(overview: ExecutionOverview, session: &Session) -> Result<(), CliError> {
    let execution = &overview.execution;
    let title = printable(execution.settings.title.as_str());
    let words = format!("{} {title}{}", execution.status().as_str(), outcome(execution));
    let failure = match execution.status() {
        Status::Failed => Some("execution_failed"),
        Status::Cancelled => Some("execution_cancelled"),
        Status::Skipped => Some("execution_skipped"),
        _ => None,
    };
    if failure.is_none() || session.output.format() == Format::Json {
        session.output.outcome(&ExecutionDetailsView::from(overview), &words)?;
    }
    failure.map_or(Ok(()), |code| Err(CliError::failed(code, words)))
}
