//! An axum service whose users export their calls and download the files.
//!
//! ```text
//! $ cargo run -p cdds-examples --example axum_service &
//! $ curl -s localhost:8080/jobs --json '{"title": "Calls", "source": "calls", "type": "call", "run": "once", "plaintext": true}'
//! {"id":"…","title":"Calls",…,"state":"suspended",…}
//! $ curl -s localhost:8080/files
//! {"items":[{"id":"…","name":"export-….zip","size":…,…}],"total":1,"next":null}
//! $ curl -sOJ localhost:8080/files/ID
//! ```

use std::{error::Error, future::pending, sync::Arc};

use axum::extract::{Json, Path, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use cdds_core::{ArtifactId, ArtifactQuery, Artifacts, Engine, Jobs, NewJob, Owner, Ports, Principal, Until};
use cdds_storage::JsonLinesSource;
use cdds_view::http::FileResponse;
use cdds_view::{ArtifactView, JobView, PageView, ProblemView, settings::SettingsForm};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let calls = JsonLinesSource::of("calls", "call", "data/calls.jsonl")?;
    let ports = cdds_storage::local("data")?.with_source(Arc::new(calls));
    let engine = Engine::builder(&ports).build();
    tokio::spawn(async move { engine.run(Until::Stopped, pending()).await });
    let routes = axum::Router::new()
        .route("/jobs", post(submit))
        .route("/files", get(list))
        .route("/files/{id}", get(download));
    let address = std::env::var("ADDRESS").unwrap_or("127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    Ok(axum::serve(listener, routes.with_state(ports)).await?)
}

/// Everybody is the service itself here; make it of your own user and tenant. With several owners, the source has to
/// say whose its records are.
fn user() -> Principal {
    Principal::host(Owner::default())
}

type Answer<T> = Result<T, ProblemView>;

async fn submit(ports: State<Ports>, Json(form): Json<SettingsForm>) -> Answer<Json<JobView>> {
    let jobs = Jobs::new(&ports, Default::default());
    let job = jobs.submit(&user(), NewJob::try_from(form)?).await?;
    Ok(Json(JobView::new(job, &[], jobs.now().await?)))
}

async fn list(ports: State<Ports>) -> Answer<Json<PageView<ArtifactView>>> {
    let (artifacts, query) = (Artifacts::new(&ports), ArtifactQuery::default());
    let page = artifacts.list(&user(), &query).await?;
    Ok(Json(ArtifactView::page(page, query.sort, artifacts.now().await?)))
}

async fn download(ports: State<Ports>, id: Path<ArtifactId>, request: HeaderMap) -> Answer<FileResponse> {
    let file = Artifacts::new(&ports).download(&user(), *id, 0).await?;
    Ok(FileResponse::new(file, &request))
}
