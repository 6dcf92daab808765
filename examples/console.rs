//! A service that mounts the console beside its own routes, for the users that it has signed in itself.
//!
//! ```text
//! $ cargo run -p cdds-examples --example console &
//! $ curl -s localhost:8080/exports/jobs | grep -o '<h1>.*</h1>'
//! <h1>Sign in first</h1>
//! $ curl -s -c jar localhost:8080/sign-in -d ada
//! $ curl -s -b jar localhost:8080/exports/jobs | grep -o '<h1>.*</h1>'
//! <h1>Jobs</h1>
//! $ curl -s -b jar localhost:8080/exports/api/v1/jobs
//! {"items":[],"total":0,"next":null}
//! ```

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::State;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cdds_console::access::{Access, Denied, Visitor, by_request};
use cdds_console::{Services, router};
use cdds_core::{Engine, JobRules, Owner, Principal, PrincipalName, Role, Until};
use cdds_storage::JsonLinesSource;

/// The sessions of the service, by their ids. Yours has passwords, or asks somebody who has.
type Sessions = Arc<RwLock<HashMap<String, PrincipalName>>>;

#[tokio::main]
async fn main() -> Result<(), axum::BoxError> {
    let calls = JsonLinesSource::of("calls", "call", "data/calls.jsonl")?;
    let ports = cdds_storage::local("data")?.with_source(calls);
    let engine = Engine::builder(&ports).build();
    let sessions = Sessions::default();
    let console = router(Services::new(&ports, JobRules::default()), signed_in(Arc::clone(&sessions)));
    let routes = Router::new()
        .route("/", get(|| async { "The service's own page" }))
        .route("/sign-in", post(sign_in))
        .with_state(sessions)
        .nest_service("/exports", console);
    let address = std::env::var("ADDRESS").unwrap_or("127.0.0.1:8080".into());
    let listener = tokio::net::TcpListener::bind(address).await?;
    let stop = async || _ = tokio::signal::ctrl_c().await;
    let server = axum::serve(listener, routes).with_graceful_shutdown(stop());
    let work = async { Ok::<_, axum::BoxError>(engine.run(Until::Stopped, stop()).await?) };
    tokio::try_join!(work, async { Ok(server.await?) }).map(drop)
}

/// Tells the console who a request comes from, by the session of the service. The services of the core check all that
/// they do by the owner and the role that are given here.
fn signed_in(sessions: Sessions) -> impl Access {
    by_request(move |request| {
        let id = session_id(&request.headers).ok_or(Denied::sign_in())?;
        let sessions = sessions.read().unwrap_or_else(PoisonError::into_inner);
        let name = sessions.get(id).cloned().ok_or(Denied::sign_in())?;
        Ok(Visitor::new(Principal::new(name, Owner::default(), Role::Operator)))
    })
}

fn session_id(headers: &HeaderMap) -> Option<&str> {
    headers.get(COOKIE)?.to_str().ok()?.split("; ").find_map(|cookie| cookie.strip_prefix("session="))
}

async fn sign_in(State(sessions): State<Sessions>, name: String) -> Response {
    let Ok(name) = PrincipalName::new(name) else { return StatusCode::UNPROCESSABLE_ENTITY.into_response() };
    let id = uuid::Uuid::new_v4().to_string();
    let cookie = format!("session={id}; HttpOnly; SameSite=Strict; Path=/");
    sessions.write().unwrap_or_else(PoisonError::into_inner).insert(id, name);
    [(SET_COOKIE, cookie)].into_response()
}
