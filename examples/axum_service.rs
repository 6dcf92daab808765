//! An axum service whose users export their calls and download the files.
//!
//! ```text
//! $ cargo run -p cdds-examples --example axum_service &
//! $ curl -s localhost:8080/jobs --json '{"title": "Calls", "source": "calls", "type": "call", "run": "once", "plaintext": true}'
//! {"id":"…","title":"Calls",…,"state":"active",…}
//! $ curl -s localhost:8080/files
//! [{"id":"…","name":"calls-….zip","size":…,…}]
//! $ curl -sOJ localhost:8080/files/ID
//! ```

use std::{error::Error, future::pending, sync::Arc};

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router, body::Body, http::StatusCode, http::header};
use cdds_core::{ArtifactId, Artifacts, Engine, Jobs, NewJob, Owner, Ports, Principal, Until};
use cdds_storage::{JsonLinesConfig, JsonLinesSource, JsonLinesType};
use cdds_view::{ArtifactView, JobView, ProblemView, settings::SettingsForm};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let calls = JsonLinesConfig::new("calls".parse()?, "Call records", "data/calls.jsonl")
        .with_type(JsonLinesType::new("call".parse()?, None));
    let ports = cdds_storage::local("data")?.with_source(Arc::new(JsonLinesSource::new(calls)?));
    let engine = Engine::builder(&ports).build();
    tokio::spawn(async move { engine.run(Until::Stopped, pending()).await });
    let routes = Router::new().route("/jobs", post(submit)).route("/files", get(list));
    let routes = routes.route("/files/{id}", get(download)).with_state(ports);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    Ok(axum::serve(tokio::net::TcpListener::bind(address).await?, routes).await?)
}

type Answer<T> = Result<T, (StatusCode, Json<ProblemView>)>;

fn problem(error: impl Into<ProblemView>) -> (StatusCode, Json<ProblemView>) {
    let problem = error.into();
    (StatusCode::from_u16(problem.status).unwrap_or_default(), Json(problem))
}

async fn submit(State(ports): State<Ports>, Json(form): Json<SettingsForm>) -> Answer<Json<JobView>> {
    let jobs = Jobs::new(&ports, Default::default());
    let settings: NewJob = form.try_into().map_err(problem)?;
    let job = jobs.submit(&Principal::host(Owner::default()), settings).await.map_err(problem)?;
    Ok(Json(JobView::new(job, &[], jobs.now().await.map_err(problem)?)))
}

async fn list(State(ports): State<Ports>) -> Answer<Json<Vec<ArtifactView>>> {
    let artifacts = Artifacts::new(&ports);
    let page = artifacts.list(&Principal::host(Owner::default()), &Default::default()).await;
    let now = artifacts.now().await.map_err(problem)?;
    Ok(Json(page.map_err(problem)?.items.into_iter().map(|item| ArtifactView::new(item, now)).collect()))
}

async fn download(State(ports): State<Ports>, Path(id): Path<ArtifactId>) -> Answer<impl IntoResponse> {
    let user = Principal::host(Owner::default());
    let file = Artifacts::new(&ports).download(&user, id, 0).await.map_err(problem)?;
    let name = format!("attachment; filename=\"{}\"", file.name());
    let headers = [(header::CONTENT_DISPOSITION, name), (header::CONTENT_LENGTH, file.bytes().to_string())];
    Ok((headers, Body::from_stream(file.into_stream())))
}
