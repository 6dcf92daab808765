//! An axum service whose users export their calls, see when that is done, and download the files.
//!
//! ```text
//! $ cargo run -p cdds-examples --example axum_service &
//! $ curl -s localhost:8080/jobs --json '{"title": "Calls", "source": "calls", "type": "call", "run": "once", "plaintext": true}'
//! {"id":"…","title":"Calls",…,"latest_status":"queued",…}
//! $ curl -s localhost:8080/jobs/ID
//! {"id":"…","title":"Calls",…,"latest_status":"finished",…}
//! $ curl -s localhost:8080/files
//! {"items":[{"id":"…","name":"export-….zip","size":…,…}],"total":1,"next":null}
//! $ curl -sOJ localhost:8080/files/ID
//! ```

use axum::extract::{Path, State};
use axum::routing::{get, post};
use cdds_core::{ArtifactId, Artifacts, Engine, JobId, Jobs, NewJob, Owner, Principal, Until};
use cdds_storage::JsonLinesSource;
use cdds_view::http::{Answer, FileResponse, HeaderMap};
use cdds_view::{ArtifactView, JobView, PageView, settings::SettingsForm};

#[tokio::main]
async fn main() -> Result<(), axum::BoxError> {
    let calls = JsonLinesSource::of("calls", "call", "data/calls.jsonl")?;
    let ports = cdds_storage::local("data")?.with_source(calls);
    let engine = Engine::builder(&ports).build();
    let routes = axum::Router::new()
        .route("/jobs", post(submit))
        .route("/jobs/{id}", get(show))
        .with_state(Jobs::new(&ports, Default::default()))
        .route("/files", get(list))
        .route("/files/{id}", get(download))
        .with_state(Artifacts::new(&ports));
    let address = std::env::var("ADDRESS").unwrap_or("127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    // Engine and server stop together, at the first Ctrl-C or with the first error of either.
    let stop = async || _ = tokio::signal::ctrl_c().await;
    let server = axum::serve(listener, routes).with_graceful_shutdown(stop());
    let work = async { Ok::<_, axum::BoxError>(engine.run(Until::Stopped, stop()).await?) };
    tokio::try_join!(work, async { Ok(server.await?) }).map(drop)
}

/// Everybody is the service itself here; make it of your own user and tenant. With several owners, the source has to
/// say whose its records are.
fn user() -> Principal {
    Principal::host(Owner::default())
}

async fn submit(jobs: State<Jobs>, form: SettingsForm) -> Answer<JobView> {
    Ok(jobs.submit(&user(), NewJob::try_from(form)?).await?.into())
}

async fn show(jobs: State<Jobs>, id: Path<JobId>) -> Answer<JobView> {
    Ok(jobs.show(&user(), *id).await?.into())
}

async fn list(files: State<Artifacts>) -> Answer<PageView<ArtifactView>> {
    Ok(ArtifactView::list(&files, &user(), &Default::default()).await?)
}

async fn download(files: State<Artifacts>, id: Path<ArtifactId>, head: HeaderMap) -> FileResponse {
    FileResponse::answer(&files, &user(), *id, &head).await
}
