//! Everything that one execution published.

use axum::extract::State;
use cdds_core::ExecutionId;
use cdds_view::http::FileResponse;
use cdds_view::{ProblemView, SetView};
use http::{HeaderMap, StatusCode};

use super::taken::Id;
use crate::App;
use crate::visit::Caller;

pub(super) async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
) -> Result<SetView, ProblemView> {
    Ok(SetView::new(execution, services.artifacts.set(&by, execution).await?))
}

pub(super) async fn delete(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
) -> Result<StatusCode, ProblemView> {
    services.artifacts.delete_set(&by, execution).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn hold(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
) -> Result<SetView, ProblemView> {
    Ok(SetView::new(execution, services.artifacts.hold(&by, execution).await?))
}

pub(super) async fn release(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
) -> Result<SetView, ProblemView> {
    Ok(SetView::new(execution, services.artifacts.release(&by, execution).await?))
}

pub(super) async fn manifest(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
    headers: HeaderMap,
) -> Result<FileResponse, ProblemView> {
    Ok(FileResponse::new(services.artifacts.download_manifest(&by, execution).await?, &headers))
}

pub(super) async fn signature(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
    headers: HeaderMap,
) -> Result<FileResponse, ProblemView> {
    Ok(FileResponse::new(services.artifacts.download_signature(&by, execution).await?, &headers))
}
