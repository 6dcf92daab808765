//! Checks that a worker is alive for every execution in progress.

use cdds_core::domain::execution::Status;
use cdds_core::domain::work::lease::WorkerLife;
use cdds_core::ports::catalog::query::ExecutionQuery;
use cdds_view::words;

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
