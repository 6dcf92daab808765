//! Everything that one execution published.

use axum::extract::State;
use cdds_core::ExecutionId;
use cdds_core::domain::access::Action;
use cdds_view::http::FileResponse;
use cdds_view::{ProblemView, SetView};
use http::{HeaderMap, StatusCode};

use super::document::Api;
use super::operation::Operation;
use crate::App;
use crate::answers::Id;
use crate::visit::Caller;

pub(super) fn routes(api: Api) -> Api {
    let about = |id: &str, summary: &str, text: &str| Operation::new(id, summary, text);
    api.get(
        "/sets/{execution}",
        show,
        about("show_set", "Show a set", "Returns the files that an execution published, with their digests.")
            .needs(Action::See)
            .answers::<SetView>(200),
    )
    .delete(
        "/sets/{execution}",
        delete,
        about("delete_set", "Delete a set", "Deletes all artifacts of an execution.")
            .needs(Action::DeleteArtifacts)
            .nothing(),
    )
    .put(
        "/sets/{execution}/hold",
        hold,
        about(
            "hold_set",
            "Put a set on legal hold",
            "The set outlives its retention and cannot be deleted. Idempotent.",
        )
        .needs(Action::HoldSet)
        .answers::<SetView>(200),
    )
    .delete(
        "/sets/{execution}/hold",
        release,
        about(
            "release_set",
            "Release a set",
            "Releases a set from its legal hold. If it has expired, it is gone at once. Idempotent.",
        )
        .needs(Action::ReleaseSet)
        .answers::<SetView>(200),
    )
    .get(
        "/sets/{execution}/manifest",
        manifest,
        about(
            "download_manifest",
            "Download the manifest of a set",
            "Gives the list of the files with their digests.",
        )
        .needs(Action::Download)
        .file(),
    )
    .get(
        "/sets/{execution}/signature",
        signature,
        about(
            "download_signature",
            "Download the signature of a set",
            "Gives the detached signature of the manifest.",
        )
        .needs(Action::Download)
        .file(),
    )
}

async fn show(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
) -> Result<SetView, ProblemView> {
    Ok(SetView::new(execution, services.artifacts.set(&by, execution).await?))
}

async fn delete(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
) -> Result<StatusCode, ProblemView> {
    services.artifacts.delete_set(&by, execution).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn hold(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
) -> Result<SetView, ProblemView> {
    Ok(SetView::new(execution, services.artifacts.hold(&by, execution).await?))
}

async fn release(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
) -> Result<SetView, ProblemView> {
    Ok(SetView::new(execution, services.artifacts.release(&by, execution).await?))
}

async fn manifest(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
    headers: HeaderMap,
) -> Result<FileResponse, ProblemView> {
    Ok(FileResponse::new(services.artifacts.download_manifest(&by, execution).await?, &headers))
}

async fn signature(
    State(App { services, .. }): State<App>,
    Caller(by): Caller,
    Id(execution): Id<ExecutionId>,
    headers: HeaderMap,
) -> Result<FileResponse, ProblemView> {
    Ok(FileResponse::new(services.artifacts.download_signature(&by, execution).await?, &headers))
}
