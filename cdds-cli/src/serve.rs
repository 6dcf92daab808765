//! The server: the console and its API, and what monitors it, on the embedded default.

mod connections;
mod door;
mod health;
mod listen;
mod metrics;
mod reload;
pub(crate) mod tokens;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use cdds_console::accounts::{self, Accounts};
use cdds_core::domain::access::Principal;
use cdds_core::ports::clock::Clock;
use tokio::sync::watch;

use self::connections::Connections;
use self::door::{Door, Named};
use self::health::Health;
pub(crate) use self::listen::check_free;
pub(crate) use self::metrics::Metrics;
use self::reload::Reload;
use self::tokens::TokenFile;
use crate::compose::App;
use crate::config::Config;
use crate::error::CliError;

/// How long the one-time link works.
const LINK_VALID: Duration = Duration::from_secs(15 * 60);

/// A server that listens, and has not begun to answer.
pub(crate) struct Server {
    connections: Connections,
    accounts: Accounts,
    reload: Arc<Reload>,
    behind_proxy: bool,
    has_users: bool,
    router: Router,
    health: Arc<Health>,
}

impl Server {
    /// Listens at an address, or at the one that the configuration names. Must be called on a runtime.
    pub(crate) fn listen(
        config: &Config,
        path: &Path,
        app: &App,
        at: Option<SocketAddr>,
        clock: &Arc<dyn Clock>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, CliError> {
        let serve = &config.serve;
        let connections = listen::listen(serve, at.unwrap_or(serve.listen))?;
        let is_secure = connections.is_tls() || serve.behind_proxy;
        let accounts = Accounts::new(Arc::clone(clock), is_secure);
        let tokens = TokenFile::beside(config.catalog.beside());
        accounts.set_users(serve.users.iter().cloned());
        let reload = Arc::new(Reload::new(accounts.clone(), path, tokens)?);
        let health = Arc::new(Health::new(app));
        let (address, clock) = (connections.address(), Arc::clone(clock));
        let door = Door::new(serve, address, Arc::clone(&reload), clock, metrics, Arc::clone(&health));
        let door = Arc::new(door);
        let access = Named::new(accounts.clone(), Arc::clone(&health));
        let router = accounts::router(app.services(config.rules), &accounts, access)
            .merge(monitored(&health, &door))
            .layer(from_fn_with_state(door, door::guarded));
        let has_users = !serve.users.is_empty();
        Ok(Self {
            connections,
            accounts,
            reload,
            behind_proxy: serve.behind_proxy,
            has_users,
            router,
            health,
        })
    }

    /// Returns the address in a form that browsers take.
    pub(crate) fn address(&self) -> String {
        let scheme = if self.connections.is_tls() { "https" } else { "http" };
        format!("{scheme}://{}/", self.connections.address())
    }

    /// Returns whether nobody has a password, and only this machine reaches the server.
    pub(crate) fn needs_link(&self) -> bool {
        !self.has_users && !self.behind_proxy && self.connections.address().ip().is_loopback()
    }

    /// Returns whether nobody has a password.
    pub(crate) fn has_users(&self) -> bool {
        self.has_users
    }

    /// Returns an address at which a browser is signed in once.
    pub(crate) fn sign_in_link(&self, principal: &Principal) -> Result<String, CliError> {
        let link = self.accounts.sign_in_link(principal.clone(), LINK_VALID);
        let link = link.map_err(|why| CliError::failed("no_randomness", why.to_string()))?;
        Ok(format!("{}{link}", self.address()))
    }

    /// Answers until a stop is asked for, and then until the last answer is given.
    pub(crate) async fn serve(self, stopping: watch::Receiver<bool>) {
        self.health.began(stopping.clone());
        let reload = tokio::spawn(self.reload.go_on());
        self.connections.serve(self.router, stopping).await;
        reload.abort();
    }
}

/// Returns the routes of monitoring programs. They show nothing of any owner's data.
fn monitored(health: &Arc<Health>, door: &Arc<Door>) -> Router {
    let health = Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(Arc::clone(health));
    health.merge(Router::new().route("/metrics", get(door::metrics)).with_state(Arc::clone(door)))
}
