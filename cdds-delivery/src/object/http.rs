//! Requests over the network that adapters may use, instead of `object_store`'s own client: that one knows nothing of
//! [`AddressPolicy`], and looks names up anew for each connection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Collected, Limited};
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{self, pki_types::ServerName};

use super::answer::{Answer, CallError};
use super::endpoint::Endpoint;
use super::wire::{Idle, Received, Sent, Wire};
use crate::net::tls::Roots;
use crate::net::{AddressPolicy, ConnectError, Line, Net};

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(30);

/// How long nothing may move. What lies in the buffers of this machine seems sent, though it is still on its way, so a
/// second more is granted for each 32 KiB of the request.
const STALL_MAX: Duration = Duration::from_secs(60);
const BYTES_PER_SECOND_MIN: u64 = 32 * 1024;

/// How much of a refusal is read.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

/// Where machines in the cloud ask who they are. These are asked over plain HTTP, by no proxy, and lie in private
/// ranges.
const METADATA: [&str; 5] =
    ["169.254.169.254", "169.254.170.2", "169.254.170.23", "metadata.google.internal", "[fd00:ec2::254]"];

/// Sends requests. Clones share their connections.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    net: Net,
    roots: Roots,
    endpoint: Endpoint,
    /// Whether the machine may be asked who it is.
    asks_machine: bool,
    idle: Idle,
}

impl Caller {
    pub(super) fn new(net: Net, roots: Roots, endpoint: Endpoint, asks_machine: bool) -> Self {
        Self { net, roots, endpoint, asks_machine, idle: Idle::default() }
    }

    async fn wire(&self, to: &Endpoint) -> Result<Wire, CallError> {
        if let Some(wire) = self.idle.take(to) {
            return Ok(wire);
        }
        let connected = tokio::time::timeout(CONNECT_MAX, self.connect(to)).await;
        connected.unwrap_or(Err(CallError::Stalled(CONNECT_MAX.as_secs())))
    }

    async fn connect(&self, to: &Endpoint) -> Result<Wire, CallError> {
        let is_metadata = self.asks_machine && METADATA.contains(&to.host());
        if !to.speaks_tls() && *to != self.endpoint && !is_metadata {
            return Err(CallError::Open(to.host().to_owned()));
        }
        let net =
            if is_metadata { self.net.clone().with_policy(AddressPolicy::any()) } else { self.net.clone() };
        let stream = net.connect(to.host(), to.port()).await.map_err(CallError::Connect)?;
        let unheld = |why| ConnectError::Io { host: to.host().to_owned(), port: to.port(), why };
        let (line, stream) = Line::hold(stream).map_err(|why| CallError::Connect(unheld(why)))?;
        if !to.speaks_tls() {
            return Wire::begin(stream, line).await;
        }
        let config = self.roots.client().map_err(CallError::Roots)?;
        let no_name = |why| CallError::Tls(std::io::Error::new(std::io::ErrorKind::InvalidInput, why));
        let name = ServerName::try_from(to.name().to_owned()).map_err(no_name)?;
        let stream = TlsConnector::from(config).connect(name, stream).await.map_err(not_trusted)?;
        Wire::begin(stream, line).await
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, CallError> {
        let no_host = || CallError::Open(request.uri().to_string());
        let to = Endpoint::of(request.uri()).ok_or_else(no_host)?;
        let bytes = u64::try_from(request.body().content_length()).unwrap_or(u64::MAX);
        let limit = STALL_MAX + Duration::from_secs(bytes / BYTES_PER_SECOND_MIN);
        let (request, taken) = prepared(request);
        let mut wire = self.wire(&to).await?;
        let answer = while_it_moves(wire.sender.send_request(request), &taken, limit).await?;
        let (head, body) = answer.map_err(CallError::Broken)?.into_parts();
        let body = Received::new(body, wire.line.clone(), STALL_MAX);
        self.idle.put(to, wire);
        if !Answer::is_refusal(head.status) && head.status != StatusCode::NOT_FOUND {
            return Ok(HttpResponse::from_parts(head, HttpResponseBody::new(body)));
        }
        let read = Limited::new(body, REFUSAL_BYTES_MAX).collect().await;
        let read = read.map(Collected::to_bytes).unwrap_or_default();
        let answer = Answer::read(head.status, &read);
        if head.status == StatusCode::NOT_FOUND && !answer.misses_the_bucket() {
            return Ok(HttpResponse::from_parts(head, HttpResponseBody::from(read)));
        }
        Err(CallError::Answer(answer))
    }
}

fn not_trusted(why: std::io::Error) -> CallError {
    let inner = why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(_)) => CallError::Certificate(why),
        _ => CallError::Tls(why),
    }
}

/// Puts a request into the form of HTTP/1.1, and returns what counts its progress.
fn prepared(request: HttpRequest) -> (Request<Sent>, std::sync::Arc<AtomicU64>) {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    if let (false, Ok(host)) = (head.headers.contains_key(HOST), HeaderValue::from_str(&authority)) {
        head.headers.insert(HOST, host);
    }
    head.headers
        .entry(USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("cdds/", env!("CARGO_PKG_VERSION"))));
    if let Some(path) = head.uri.path_and_query().cloned() {
        head.uri = Uri::from(path);
    }
    let (sent, taken) = Sent::new(body);
    (Request::from_parts(head, sent), taken)
}

/// Waits for an answer as long as the request moves.
async fn while_it_moves<F: Future>(
    answer: F,
    taken: &AtomicU64,
    limit: Duration,
) -> Result<F::Output, CallError> {
    let mut answer = std::pin::pin!(answer);
    let mut before = taken.load(Ordering::Relaxed);
    loop {
        if let Ok(answer) = tokio::time::timeout(limit, answer.as_mut()).await {
            return Ok(answer);
        }
        let now = taken.load(Ordering::Relaxed);
        if now == before {
            return Err(CallError::Stalled(limit.as_secs()));
        }
        before = now;
    }
}

/// Returns whether `object_store` may try again: not after a refusal.
fn kind(why: &CallError) -> HttpErrorKind {
    match why {
        CallError::Connect(ConnectError::Io { .. }) | CallError::Tls(_) => HttpErrorKind::Connect,
        CallError::Broken(_) => HttpErrorKind::Request,
        CallError::Stalled(_) => HttpErrorKind::Timeout,
        _ => HttpErrorKind::Unknown,
    }
}

#[async_trait]
impl HttpService for Caller {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.exchange(request).await.map_err(|why| HttpError::new(kind(&why), why))
    }
}

impl HttpConnector for Caller {
    /// Ignores the options: limits and proxies of its own would pass the policy by.
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_waited_for_as_long_as_it_moves() {
        let net = Net::new().unwrap();
        let (limit, taken) = (Duration::from_millis(50), AtomicU64::new(0));
        let mute = std::future::pending::<()>();
        let waited = futures::executor::block_on(net.run(while_it_moves(mute, &taken, limit)));
        assert!(matches!(waited, Err(CallError::Stalled(_))));
        let slow = async {
            for _ in 0..20 {
                tokio::time::sleep(limit / 5).await;
                taken.fetch_add(1, Ordering::Relaxed);
            }
        };
        assert!(futures::executor::block_on(net.run(while_it_moves(slow, &taken, limit))).is_ok());
    }
}
