//! `cdds serve`: engine, API and console in one process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use cdds_core::engine::observe::{Event, Observer};
use cdds_core::engine::{EngineBuilder, Until};
use serde::Serialize;
use tokio::sync::watch;

use super::clock;
use crate::args::ServeArgs;
use crate::compose::App;
use crate::config::Config;
use crate::error::CliError;
use crate::progress::Follower;
use crate::serve::{Metrics, Server};
use crate::session::Session;
use crate::signals::Stop;

const STOPPING: &str = "stopping: running exports and downloads may finish; interrupt again to stop at once";

/// Where the server is.
#[derive(Debug, Serialize)]
struct Started {
    address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<String>,
}

pub(super) async fn serve(args: &ServeArgs, session: &Session) -> Result<(), CliError> {
    let (config, app) = (session.config()?, session.open().await?);
    on(&config, session.config_path(), &app, args.listen, session).await
}

/// Serves an open catalog until a stop is asked for.
pub(super) async fn on(
    config: &Config,
    path: &Path,
    app: &App,
    at: Option<SocketAddr>,
    session: &Session,
) -> Result<(), CliError> {
    app.check_store().await?;
    clock::tell(&app.examine_clock().await?, &session.console);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        CliError::failed("threads_failed", format!("cannot start the threads of the server: {error}"))
    })?;
    let stop = Stop::listen(&session.console, Some(STOPPING))?;
    let metrics = Metrics::new(app);
    let follower = Follower::new(&session.console, Arc::clone(&session.clock));
    let engine = app.engine()?.observer(Arc::new(Both(follower, Arc::clone(&metrics))));
    // Everything below waits for it, so that it may hold this thread.
    runtime.block_on(async {
        let server = Server::listen(config, path, app, at, &session.clock, metrics)?;
        tell(&server, session)?;
        run(engine, server, stop).await
    })
}

fn tell(server: &Server, session: &Session) -> Result<(), CliError> {
    let sign_in = server.needs_link().then(|| server.sign_in_link(&session.principal)).transpose()?;
    if sign_in.is_none() && !server.has_users() {
        session
            .console
            .note("warning: nobody can sign in: add a [[user]] to cdds.toml, see `cdds user hash`");
    }
    let mut words = server.address();
    if let Some(link) = &sign_in {
        words.push_str(&format!("\nSign in once, within 15 minutes: {link}"));
    }
    Ok(session.output.outcome(&Started { address: server.address(), sign_in }, &words)?)
}

/// Runs both until a stop is asked for, or until the engine fails. Neither outlives the other.
async fn run(engine: EngineBuilder, server: Server, stop: Stop) -> Result<(), CliError> {
    let (stopping, asked) = watch::channel(false);
    let served = tokio::spawn(server.serve(asked));
    let until_asked = async {
        stop.asked().await;
        stopping.send_replace(true);
    };
    let report = engine.build().run(Until::Stopped, until_asked).await;
    stopping.send_replace(true);
    served.await.map_err(|error| CliError::failed("server_failed", format!("the server ended: {error}")))?;
    report?;
    Ok(())
}

/// Progress and counts see the same events.
#[derive(Debug)]
struct Both(Follower, Arc<Metrics>);

impl Observer for Both {
    fn notice(&self, event: &Event<'_>) {
        self.0.notice(event);
        self.1.notice(event);
    }
}
