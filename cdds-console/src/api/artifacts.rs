//! Stored files.

use axum::Json;
use axum::extract::State;
use cdds_core::ArtifactId;
use cdds_core::domain::access::Action;
use cdds_core::ports::catalog::query::ArtifactColumn;
use cdds_view::http::FileResponse;
use cdds_view::{ArtifactView, PageView, ProblemView};
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::body::Body;
use super::document::Api;
use super::operation::Operation;
use super::{LIMIT, columns};
use crate::App;
use crate::answers::{Id, Query};
use crate::lists::artifacts as lists;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    let about = |id: &str, summary: &str, text: &str| Operation::new(id, summary, text);
    api.get(
        "/artifacts",
        list,
        about("list_artifacts", "List artifacts", "Returns a page of the files that are available, the newest first.")
            .needs(Action::See)
            .lists::<ArtifactView>(&lists::PARAMETERS, &columns(ArtifactColumn::ALL)),
    )
    .post(
        "/artifacts/delete",
        delete_several,
        about("delete_artifacts", "Delete artifacts", "Deletes up to 100 files, all or none.")
            .needs(Action::DeleteArtifacts)
            .takes::<DeletionForm>(json!({"ids": ["0d1f6a5e-4a0c-5d0a-9d57-6d0a9be4f3a1"]}))
            .refuses(404)
            .nothing(),
    )
    .get(
        "/artifacts/{id}",
        show,
        about("show_artifact", "Show an artifact", "Returns what is known about a file.")
            .needs(Action::See)
            .answers::<ArtifactView>(200),
    )
    .delete(
        "/artifacts/{id}",
        delete,
        about("delete_artifact", "Delete an artifact", "Deletes a file. The others of its set cannot be read without it.")
            .needs(Action::DeleteArtifacts)
            .nothing(),
    )
    .get(
        "/artifacts/{id}/content",
        content,
        about("download_artifact", "Download an artifact", "Gives the file, whole or one range of it. It breaks off if the stored file is not the published one.")
            .needs(Action::Download)
            .file()
            .redirects(),
    )
}

async fn list(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Query(answers): Query,
) -> Result<Json<PageView<ArtifactView>>, ProblemView> {
    let query = lists::query(&answers, LIMIT)?;
    Ok(Json(ArtifactView::list(&services.artifacts, &by, &query).await?))
}

async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ArtifactId>,
) -> Result<ArtifactView, ProblemView> {
    let overview = services.artifacts.show(&by, id).await?;
    Ok(ArtifactView::new(overview, services.artifacts.now().await?))
}

/// Gives the file, or a link to it. A HEAD request gets its headers, and nothing is put on record.
async fn content(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ArtifactId>,
    method: Method,
    headers: HeaderMap,
) -> Result<FileResponse, ProblemView> {
    if let Some(link) = services.link(&by, id, &method, &headers).await? {
        return Ok(FileResponse::redirect(&link));
    }
    Ok(FileResponse::answer(&services.artifacts, &by, id, &headers).await)
}

async fn delete(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(id): Id<ArtifactId>,
) -> Result<StatusCode, ProblemView> {
    services.artifacts.delete(&by, &[id]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The files to delete, all or none.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeletionForm {
    /// Their ids, at most 100.
    #[schema(value_type = Vec<String>, max_items = 100)]
    ids: Vec<ArtifactId>,
}

async fn delete_several(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Body(DeletionForm { ids }): Body<DeletionForm>,
) -> Result<StatusCode, ProblemView> {
    services.artifacts.delete(&by, &ids).await?;
    Ok(StatusCode::NO_CONTENT)
}
