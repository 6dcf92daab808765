//! Explains an id that was not found: it may be an id of another kind, or no id. Names the way out.

use cdds_core::domain::execution::{Execution, Status};
use cdds_core::domain::id::{ArtifactId, ExecutionId, JobId};

use cdds_core::service::Entity;

use crate::compose::App;
use crate::error::CliError;
use crate::session::Session;

/// Adds to the error what the id is, if it is one of the owner's, or where ids are listed.
pub(super) async fn explained(error: CliError, session: &Session) -> CliError {
    let Some((what, id)) = error.missing() else { return error };
    let list = match what {
        Entity::Job => "`cdds job list` lists those that exist",
        Entity::Execution | Entity::ArtifactSet => "`cdds history list` lists those that exist",
        Entity::Artifact => "`cdds artifact list` lists those that exist",
        Entity::Recipient => "`cdds recipient list` lists those that exist",
        Entity::Source | Entity::DataType => "`cdds source list` lists those that exist",
        _ => return error,
    };
    let known = match session.open().await {
        Ok(app) => known_as(what, id, &app, session).await,
        Err(_) => None,
    };
    let way_out = known.unwrap_or_else(|| list.to_owned());
    error.with_way_out(&way_out)
}

/// Says why an execution has no files.
fn no_set(execution: &Execution) -> String {
    let (id, status) = (execution.id, execution.status());
    match status {
        Status::Finished | Status::FinishedWithErrors => {
            format!("its files were deleted or have expired; `cdds history show {id}` shows the execution")
        }
        _ => format!("the execution is {}, and has published no files", status.as_str()),
    }
}

/// Describes the thing that has this id, and how to get from there to the thing wanted.
async fn known_as(what: Entity, id: &str, app: &App, session: &Session) -> Option<String> {
    let by = &session.principal;
    if let Ok(job) = id.parse::<JobId>()
        && app.jobs.show(by, job).await.is_ok()
    {
        let next = match what {
            Entity::Execution | Entity::ArtifactSet => {
                format!("`cdds history list --job {id}` shows its executions")
            }
            _ => format!("`cdds artifact list --job {id}` shows its artifacts"),
        };
        return Some(format!("that is the id of a job; {next}"));
    }
    if let Ok(execution) = id.parse::<ExecutionId>()
        && let Ok(shown) = app.history.show(by, execution).await
    {
        let next = match what {
            Entity::ArtifactSet => return Some(no_set(&shown.execution)),
            Entity::Artifact => {
                format!(
                    "`cdds artifact list --execution {id}` shows its artifacts, and --execution accepts it"
                )
            }
            _ => format!("`cdds history show {id}` names its job"),
        };
        return Some(format!("that is the id of an execution; {next}"));
    }
    if let Ok(artifact) = id.parse::<ArtifactId>()
        && let Ok(execution) = app.artifacts.execution_of(by, artifact).await
    {
        return Some(format!(
            "that is the id of an artifact; `cdds history show {execution}` shows its execution"
        ));
    }
    None
}
