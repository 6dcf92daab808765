//! Whether the server lives, and whether it can do its work.

use std::sync::{Arc, OnceLock};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;

use crate::compose::{App, Vitals};

/// What is asked to find out.
#[derive(Debug)]
pub(super) struct Health {
    vitals: Vitals,
    stopping: OnceLock<watch::Receiver<bool>>,
}

impl Health {
    pub(super) fn new(app: &App) -> Self {
        Self { vitals: app.vitals(), stopping: OnceLock::new() }
    }

    /// Notes that engine and server have begun.
    pub(super) fn began(&self, stopping: watch::Receiver<bool>) {
        self.stopping.get_or_init(|| stopping);
    }

    /// Returns whether a stop was asked for, or the engine has ended.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get().is_some_and(|stopping| *stopping.borrow() || stopping.has_changed().is_err())
    }

    /// Completes when a stop is asked for.
    pub(super) async fn stopped(self: Arc<Self>) {
        if let Some(stopping) = self.stopping.get() {
            // An error means that nobody can ask any more.
            let mut stopping = stopping.clone();
            let _stopped = stopping.wait_for(|stopping| *stopping).await;
        }
    }
}

/// `GET /healthz`
pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: the catalog answers, the store is the right one and can be reached, and the engine runs.
pub(super) async fn ready(State(health): State<Arc<Health>>) -> Response {
    // What is wrong in detail is in the log, and not for everybody.
    let missing = if health.is_stopping() {
        Some("the server is stopping")
    } else if let Err(error) = health.vitals.catalog().await {
        tracing::warn!(%error, "not ready: the catalog");
        Some("the catalog does not answer")
    } else if let Err(error) = health.vitals.store().await {
        tracing::warn!(%error, "not ready: the store");
        Some("the artifact store cannot be reached")
    } else {
        None
    };
    match missing {
        None => "ready\n".into_response(),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {missing}\n")).into_response(),
    }
}
