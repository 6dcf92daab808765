//! Stored files.

use axum::Json;
use axum::extract::State;
use cdds_core::ArtifactId;
use cdds_view::http::FileResponse;
use cdds_view::{ArtifactView, PageView, ProblemView};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::body::Body;
use super::taken::Id;
use super::{LIMIT, check};
use crate::App;
use crate::answers::Query;
use crate::lists::artifacts as lists;
use crate::visit::Caller;

pub(super) async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<ArtifactView>>, ProblemView> {
    check(&answers, &lists::PARAMETERS)?;
    let query = lists::query(&answers, LIMIT)?;
    Ok(Json(ArtifactView::list(&services.artifacts, &by, &query).await?))
}

pub(super) async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ArtifactId>,
) -> Result<ArtifactView, ProblemView> {
    let overview = services.artifacts.show(&by, id).await?;
    Ok(ArtifactView::new(overview, services.artifacts.now().await?))
}

/// Gives the file. A HEAD request gets its headers, and nothing is put on record.
pub(super) async fn content(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ArtifactId>,
    headers: HeaderMap,
) -> Result<FileResponse, ProblemView> {
    Ok(FileResponse::answer(&services.artifacts, &by, id, &headers).await)
}

pub(super) async fn delete(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ArtifactId>,
) -> Result<StatusCode, ProblemView> {
    services.artifacts.delete(&by, &[id]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The files to delete, all or none.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeletionForm {
    /// Their ids, at most 100.
    ids: Vec<ArtifactId>,
}

pub(super) async fn delete_several(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Body(DeletionForm { ids }): Body<DeletionForm>,
) -> Result<StatusCode, ProblemView> {
    services.artifacts.delete(&by, &ids).await?;
    Ok(StatusCode::NO_CONTENT)
}
