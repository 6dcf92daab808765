//! One request to an endpoint and its reply.

use std::time::Duration;

use bytes::Bytes;
use cdds_core::ports::notifier::{NotifyError, NotifyErrorKind};
use futures::future::{Either, select};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::endpoint::Endpoint;
use crate::net::Net;
use crate::net::tls::Roots;

/// How much of a reply's body is read, and for how long. It is not looked at: a receiver that could not send all of
/// it might take the call for a failed one.
const REPLY_BYTES_MAX: usize = 4096;
const REPLY_READ_MAX: Duration = Duration::from_secs(2);

/// Sends a request and returns the head of the reply. To be polled in [`Net::run`].
pub(super) async fn call(
    net: &Net,
    roots: &Roots,
    endpoint: &Endpoint,
    request: Request<Full<Bytes>>,
    limit: Duration,
) -> Result<Response<()>, NotifyError> {
    let exchange = async {
        let connected = net.connect(endpoint.host(), endpoint.port()).await;
        let stream = connected
            .map_err(|why| why.into_port(NotifyErrorKind::Unavailable, NotifyErrorKind::Unavailable))?;
        if endpoint.is_plain() {
            return exchange(endpoint, stream, request).await;
        }
        let config = roots.client().map_err(|why| {
            NotifyError::with_source(
                NotifyErrorKind::Unavailable,
                "the trusted certificates cannot be read",
                why,
            )
        })?;
        let name = ServerName::try_from(endpoint.host().to_owned()).map_err(|why| {
            NotifyError::with_source(NotifyErrorKind::Refused, format!("{endpoint} has no valid host"), why)
        })?;
        let connected = TlsConnector::from(config).connect(name, stream).await;
        let stream = connected.map_err(|why| {
            let context = format!("{endpoint} cannot be reached over TLS: look at its certificate");
            NotifyError::with_source(NotifyErrorKind::Unavailable, context, why)
        })?;
        exchange(endpoint, stream, request).await
    };
    tokio::time::timeout(limit, exchange).await.unwrap_or_else(|_| {
        let context = format!("{endpoint} did not answer within {} seconds", limit.as_secs_f64());
        Err(NotifyError::new(NotifyErrorKind::Unavailable, context))
    })
}

async fn exchange(
    endpoint: &Endpoint,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<()>, NotifyError> {
    let broken = |why: hyper::Error| {
        NotifyError::with_source(
            NotifyErrorKind::Unavailable,
            format!("{endpoint} broke the connection off"),
            why,
        )
    };
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let reply = async {
        let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
        // The call has been answered: whatever becomes of the body changes nothing.
        let _ = tokio::time::timeout(REPLY_READ_MAX, read_some(body)).await;
        Ok(Response::from_parts(head, ()))
    };
    let (reply, connection) = (std::pin::pin!(reply), std::pin::pin!(connection));
    match select(reply, connection).await {
        Either::Left((reply, _)) => reply,
        // The reply, or the failure, has been handed over.
        Either::Right((_, reply)) => reply.await,
    }
}

async fn read_some(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read >= REPLY_BYTES_MAX {
            return;
        }
    }
}
