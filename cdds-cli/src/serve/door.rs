//! What every request goes through: which host it asks for, who sent it, and the log.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cdds_console::access::{Access, Denied, Visitor};
use cdds_console::accounts::{Accounts, ClientAddress};
use cdds_core::domain::access::PrincipalName;
use cdds_core::ports::clock::Clock;
use futures::{FutureExt, StreamExt};

use super::connections::Peer;
use super::health::Health;
use super::metrics::{self, Metrics};
use super::reload::Reload;
use crate::config::Serve;

/// What is asked of each request before it is answered.
pub(super) struct Door {
    hosts: BTreeSet<String>,
    behind_proxy: bool,
    accounts: Accounts,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    reload: Arc<Reload>,
}

impl Door {
    pub(super) fn new(
        serve: &Serve,
        address: SocketAddr,
        reload: Arc<Reload>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        health: Arc<Health>,
    ) -> Self {
        let own =
            ["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned(), address.ip().to_string()];
        let hosts = serve.hosts.iter().map(|host| host.to_ascii_lowercase()).chain(own).collect();
        let accounts = reload.accounts().clone();
        Self { hosts, behind_proxy: serve.behind_proxy, accounts, clock, metrics, health, reload }
    }

    /// Returns whether a request asks for this server. A page elsewhere whose name is made to lead here sends its own
    /// name.
    fn is_host(&self, request: &Request) -> bool {
        let named = request.uri().host().or_else(|| request.headers().get(header::HOST)?.to_str().ok());
        named.is_some_and(|host| self.hosts.contains(&name_of(host).to_ascii_lowercase()))
    }

    /// Returns the address that a request comes from: behind a proxy, the one that it added last.
    fn client(&self, request: &Request) -> Option<IpAddr> {
        let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
        if !self.behind_proxy {
            return peer;
        }
        let forwarded = request.headers().get_all("x-forwarded-for").into_iter().next_back();
        let last = forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
        last.or(peer)
    }
}

/// Returns a host without its port and without the brackets of IPv6.
fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

/// Who a request turned out to come from, for the log.
#[derive(Clone, Default)]
struct Caller(Arc<OnceLock<PrincipalName>>);

/// Lets requests in, logs them and counts them.
pub(super) async fn guarded(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let began = door.clock.monotonic();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("other", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let caller = Caller::default();
    request.extensions_mut().insert(caller.clone());
    if let Some(client) = door.client(&request) {
        request.extensions_mut().insert(ClientAddress(client));
    }
    // Programs that monitor a server ask it by its address.
    let is_asked = matches!(route.as_str(), "/healthz" | "/readyz") || door.is_host(&request);
    if is_asked {
        Arc::clone(&door.reload).look_aside().await;
    }
    let response = if is_asked { next.run(request).await } else { foreign() };
    let (took, status) = (door.clock.monotonic().saturating_sub(began), response.status().as_u16());
    door.metrics.answered(&method, &route, status, took);
    let principal = caller.0.get().map_or("-", PrincipalName::as_str);
    let ms = took.as_millis();
    tracing::info!(%method, route, status, ms = u64::try_from(ms).unwrap_or(u64::MAX), principal, "answered");
    ending(response, &door.health)
}

/// Has a stream of events end when the server stops: it would go on for as long as somebody looks at the page.
fn ending(response: Response, health: &Arc<Health>) -> Response {
    let media_type = response.headers().get(header::CONTENT_TYPE);
    if media_type.is_none_or(|media_type| !media_type.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    let stopped = Arc::clone(health).stopped().boxed();
    response.map(|body| Body::from_stream(body.into_data_stream().take_until(stopped)))
}

fn foreign() -> Response {
    let why = "This server is not known by this name: add it to serve.hosts in cdds.toml.\n";
    (StatusCode::MISDIRECTED_REQUEST, why).into_response()
}

/// Asks the accounts who sent a request, and remembers it for the log.
#[derive(Debug)]
pub(super) struct Named {
    accounts: Accounts,
    health: Arc<Health>,
}

impl Named {
    pub(super) const fn new(accounts: Accounts, health: Arc<Health>) -> Self {
        Self { accounts, health }
    }
}

#[async_trait]
impl Access for Named {
    async fn resolve(&self, request: &Parts) -> Result<Visitor, Denied> {
        // Whoever holds a connection open asks no more of it.
        if self.health.is_stopping() {
            return Err(Denied::Unavailable);
        }
        let visitor = self.accounts.resolve(request).await?;
        if let Some(caller) = request.extensions.get::<Caller>() {
            caller.0.get_or_init(|| visitor.principal.name.clone());
        }
        Ok(visitor)
    }
}

/// `GET /metrics`, for programs on this machine and for those with a token. It counts the work of all owners together.
/// Behind a proxy every request comes from this machine, so a token is needed.
pub(super) async fn metrics(State(door): State<Arc<Door>>, headers: HeaderMap, request: Request) -> Response {
    let peer = request.extensions().get::<Peer>();
    let is_near = peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback()) && !door.behind_proxy;
    if !is_near && door.accounts.bearer(&headers).is_err() {
        let why = "Send `Authorization: Bearer` with a token.\n";
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], why).into_response();
    }
    ([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], door.metrics.text().await).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_host_has_no_port_and_no_brackets() {
        for (host, name) in [
            ("localhost:8750", "localhost"),
            ("localhost", "localhost"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]:80", "::1"),
            ("[::1]", "::1"),
            ("evil.example:127.0.0.1", "evil.example"),
        ] {
            assert_eq!(name_of(host), name);
        }
    }
}
