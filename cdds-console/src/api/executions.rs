//! The history.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::ExecutionId;
use cdds_core::domain::access::Action;
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_core::ports::catalog::query::{ExecutionColumn, NoticeQuery};
use cdds_view::settings::SettingsForm;
use cdds_view::{ExecutionDetailsView, ExecutionView, JobView, PageView, ProblemView};
use http::{StatusCode, header};
use serde_json::json;

use super::body::Changes;
use super::document::Api;
use super::key::Key;
use super::operation::Operation;
use super::taken::accepted;
use super::{ASK_AGAIN, LIMIT, columns, jobs};
use crate::App;
use crate::answers::{Id, Query};
use crate::arrivals::Arrivals;
use crate::lists::executions as lists;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    let about = |id: &str, summary: &str, text: &str| Operation::new(id, summary, text);
    api.get(
        "/executions",
        list,
        about("list_executions", "List executions", "Returns a page of the history, the latest slot first.")
            .needs(Action::See)
            .lists::<ExecutionView>(&lists::PARAMETERS, &columns(ExecutionColumn::ALL))
            .words("status", lists::statuses()),
    )
    .get(
        "/executions/{id}",
        show,
        about("show_execution", "Show an execution", "Returns an execution with its attempts, its deliveries and whom it was told to. `Retry-After` says when to ask again while it has not ended.")
            .needs(Action::See)
            .answers::<ExecutionDetailsView>(200)
            .ask_again(),
    )
    .delete(
        "/executions/{id}",
        delete,
        about("delete_execution", "Delete an execution", "Deletes an execution that has ended from the history.")
            .needs(Action::DeleteExecution)
            .queries(&["artifacts"])
            .nothing(),
    )
    .get(
        "/executions/{id}/settings",
        settings,
        about("show_execution_settings", "Show the settings of an execution", "Returns the settings that the job had for it.")
            .needs(Action::See)
            .answers::<SettingsForm>(200),
    )
    .post(
        "/executions/{id}/rerun",
        rerun,
        about("rerun_execution", "Run an execution again", "Queues another try of an execution that failed or was cancelled.")
            .needs(Action::RerunExecution)
            .repeatable()
            .answers::<ExecutionView>(202)
            .queued(),
    )
    .post(
        "/executions/{id}/cancel",
        cancel,
        about("cancel_execution", "Cancel an execution", "Stops an execution; one that runs stops within about a second.")
            .needs(Action::CancelExecution)
            .answers::<ExecutionView>(200),
    )
    .post(
        "/executions/{id}/clone",
        clone,
        about("clone_execution", "Clone the job of an execution", "Submits a job with the settings that the execution had, except for those of the body.")
            .needs(Action::CreateJob)
            .queries(&["dry_run", "count"])
            .repeatable()
            .takes_changes(false, json!({"title": "Copy"}))
            .answers::<jobs::DryRunView>(200)
            .answers::<JobView>(201)
            .tags(201),
    )
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<ExecutionView>>, ProblemView> {
    let query = lists::query(&answers, LIMIT)?;
    let page = services.history.list(&by, &query).await?;
    let ids = page.items.iter().map(|overview| overview.execution.id);
    let arrivals = Arrivals::of(&services, &by, ids).await?;
    Ok(Json(PageView::new(page, query.sort, |overview| arrivals.told(ExecutionView::from(overview)))))
}

/// Says when to ask again while the execution has not ended.
async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
) -> Result<Response, ProblemView> {
    let overview = services.history.show(&by, id).await?;
    let arrivals = Arrivals::of(&services, &by, [id]).await?;
    let notices = services.outbox.list(&by, &NoticeQuery::default().with_execution(id)).await?;
    let view = ExecutionDetailsView::new(overview, arrivals.of_set(id).to_vec(), notices.items);
    if view.execution.finished_at.is_none() {
        return Ok(([(header::RETRY_AFTER, ASK_AGAIN)], view).into_response());
    }
    Ok(view.into_response())
}

async fn settings(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
) -> Result<SettingsForm, ProblemView> {
    Ok(SettingsForm::from(&services.history.draft(&by, id).await?))
}

async fn rerun(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
    key: Key,
) -> Result<Response, ProblemView> {
    let queued = match key.of(&())? {
        Some(key) => services.history.rerun_once(&by, id, &key).await?,
        None => services.history.rerun(&by, id).await?,
    };
    Ok(accepted(format!("../{}", queued.id), Json(ExecutionView::queued(queued))))
}

async fn cancel(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
) -> Result<ExecutionView, ProblemView> {
    Ok(services.history.cancel(&by, id).await?.into())
}

async fn clone(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
    Query(answers): Query,
    key: Key,
    changes: Changes,
) -> Result<Response, ProblemView> {
    let draft = services.history.draft(&by, id).await?;
    let key = key.of(&("execution", id, changes.asked()))?;
    let form = changes.over(&SettingsForm::from(&draft))?;
    jobs::submit(&services, &by, &answers, (form, key), "../../jobs").await
}

async fn delete(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
    Query(answers): Query,
) -> Result<StatusCode, ProblemView> {
    let with = answers.word("artifacts", &["keep", "delete"], |word| match word {
        "keep" => Some(WithArtifacts::Keep),
        "delete" => Some(WithArtifacts::Delete),
        _ => None,
    })?;
    services.history.delete(&by, id, with.unwrap_or(WithArtifacts::Keep)).await?;
    Ok(StatusCode::NO_CONTENT)
}
