//! The history.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use cdds_core::ExecutionId;
use cdds_core::domain::archive::removal::WithArtifacts;
use cdds_view::settings::SettingsForm;
use cdds_view::{ExecutionDetailsView, ExecutionView, PageView, ProblemView};
use http::{StatusCode, header};

use super::body::Changes;
use super::taken::{Id, accepted};
use super::{ASK_AGAIN, LIMIT, check, jobs};
use crate::App;
use crate::answers::Query;
use crate::lists::executions as lists;
use crate::visit::Caller;

pub(super) async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<ExecutionView>>, ProblemView> {
    check(&answers, &lists::PARAMETERS)?;
    let query = lists::query(&answers, LIMIT)?;
    let page = services.history.list(&by, &query).await?;
    Ok(Json(PageView::new(page, query.sort, ExecutionView::from)))
}

/// Says when to ask again while the execution has not ended.
pub(super) async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
) -> Result<Response, ProblemView> {
    let view = ExecutionDetailsView::from(services.history.show(&by, id).await?);
    if view.execution.finished_at.is_none() {
        return Ok(([(header::RETRY_AFTER, ASK_AGAIN)], view).into_response());
    }
    Ok(view.into_response())
}

pub(super) async fn settings(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
) -> Result<SettingsForm, ProblemView> {
    Ok(SettingsForm::from(&services.history.draft(&by, id).await?))
}

pub(super) async fn rerun(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
) -> Result<Response, ProblemView> {
    let queued = services.history.rerun(&by, id).await?;
    Ok(accepted(format!("../{}", queued.id), Json(ExecutionView::queued(queued))))
}

pub(super) async fn cancel(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
) -> Result<ExecutionView, ProblemView> {
    Ok(services.history.cancel(&by, id).await?.into())
}

pub(super) async fn clone(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
    Query(answers): Query,
    changes: Changes,
) -> Result<Response, ProblemView> {
    let draft = services.history.draft(&by, id).await?;
    jobs::submit(&services, &by, &answers, changes.over(&SettingsForm::from(&draft))?, "../../jobs").await
}

pub(super) async fn delete(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ExecutionId>,
    Query(answers): Query,
) -> Result<StatusCode, ProblemView> {
    answers.only(&["artifacts"])?;
    let with = answers.word("artifacts", &["keep", "delete"], |word| match word {
        "keep" => Some(WithArtifacts::Keep),
        "delete" => Some(WithArtifacts::Delete),
        _ => None,
    })?;
    services.history.delete(&by, id, with.unwrap_or(WithArtifacts::Keep)).await?;
    Ok(StatusCode::NO_CONTENT)
}
