//! Checks that a worker is alive for every execution in progress, and that no worker has vanished.

use std::cmp::Ordering;

use cdds_core::domain::calendar::zone::database::DatabaseVersion;
use cdds_core::domain::execution::Status;
use cdds_core::domain::work::lease::WorkerLife;
use cdds_core::domain::work::worker::WorkerState;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_view::{Instant, WorkerView, words};

use super::Finding;
use crate::commands::every_row;
use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;

/// Returns one finding for each execution of the owner whose worker is gone.
pub(super) async fn at_work(app: &App, session: &Session) -> Result<Vec<Finding>, CliError> {
    let running = every_row(async |slice| {
        let query = ExecutionQuery::default().with_status(Some(Status::InProgress)).with_slice(slice);
        app.history.list(&session.principal, &query).await
    })
    .await?;
    let left_behind = running.iter().filter(|overview| overview.worker == Some(WorkerLife::Gone));
    let findings: Vec<Finding> = left_behind
        .map(|overview| {
            let execution = &overview.execution;
            let title = execution.settings.title.as_str();
            Finding::warning(
                "workers",
                format!("execution {} of job {title} is in progress, and its worker is gone", execution.id),
                &format!(
                    "start an engine (`cdds run`), which takes it over, or end it with `cdds history cancel {}`",
                    execution.id
                ),
            )
        })
        .collect();
    if findings.is_empty() {
        let detail = match running.len() {
            0 => "nothing is in progress".to_owned(),
            count => {
                let count = words::counted(count as u64, "execution");
                format!("{count} in progress, none left behind by its worker")
            }
        };
        return Ok(vec![Finding::ok("workers", detail)]);
    }
    Ok(findings)
}

/// Says by which database of time zones jobs are computed, and whether this program's engines may (rule F9).
pub(super) async fn zones(app: &App) -> Result<Finding, CliError> {
    let own = DatabaseVersion::bundled();
    let Some(record) = app.fleet.zones().await? else {
        return Ok(Finding::ok("time zones", format!("{own}; no engine has run yet")));
    };
    let by = format!("jobs are computed by {} since {}", record.version, Instant(record.since));
    Ok(match own.cmp(&record.version) {
        Ordering::Equal => Finding::ok("time zones", by),
        Ordering::Greater => {
            Finding::ok("time zones", format!("{by}, and by {own} once this program runs an engine"))
        }
        Ordering::Less => Finding::warning(
            "time zones",
            format!(
                "{by}, and this program has {own}: its engines leave jobs with a time zone to newer ones"
            ),
            "update this program; after a rollback, start it once with `cdds run --accept-older-zones`",
        ),
    })
}

/// Returns one finding for each worker that ended without a word and is still in the register (rule E19).
pub(super) async fn vanished(app: &App, session: &Session) -> Result<Vec<Finding>, CliError> {
    let workers = app.fleet.list(&session.principal).await?;
    let gone =
        workers.into_iter().filter(|overview| overview.state == WorkerState::Gone).map(WorkerView::from);
    Ok(gone
        .map(|worker| {
            let place = match worker.place() {
                place if place.is_empty() => String::new(),
                place => format!(" ({place})"),
            };
            Finding::warning(
                "workers",
                format!(
                    "worker {}{place} is gone without having left: its last sign of life was at {}",
                    worker.id, worker.seen_at
                ),
                "look on its machine why it ended, and start it again if it should work; `cdds workers` shows all",
            )
        })
        .collect())
}
