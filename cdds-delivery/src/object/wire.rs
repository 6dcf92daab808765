//! Connections to a service, which end with their session.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use object_store::client::{HttpError, HttpErrorKind, HttpRequestBody};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Sleep;

use super::answer::CallError;
use super::endpoint::Endpoint;
use crate::net::Line;

/// Unused connections that are kept at most.
const IDLE_MAX: usize = 16;

/// A connection. It ends with the last clone of its line, even if the service answers no more.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) sender: SendRequest<Sent>,
    pub(super) line: Arc<Line>,
}

impl Wire {
    /// Begins to speak HTTP on a connection.
    pub(super) async fn begin(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        line: Line,
    ) -> Result<Self, CallError> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(CallError::Broken)?;
        // What it ends with is told to whoever waits for an answer.
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { sender, line: Arc::new(line) })
    }
}

/// The connections that serve another request, or will once their answer was read.
#[derive(Debug, Clone, Default)]
pub(super) struct Idle(Arc<Mutex<Vec<(Endpoint, Wire)>>>);

impl Idle {
    /// Takes one out that serves a request now.
    pub(super) fn take(&self, to: &Endpoint) -> Option<Wire> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, wire)| !wire.sender.is_closed());
        let found = kept.iter().position(|(endpoint, wire)| endpoint == to && wire.sender.is_ready())?;
        Some(kept.swap_remove(found).1)
    }

    pub(super) fn put(&self, to: Endpoint, wire: Wire) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push((to, wire));
        if kept.len() > IDLE_MAX {
            kept.remove(0);
        }
    }
}

/// The body of a request, which counts what was taken from it.
#[derive(Debug)]
pub(super) struct Sent {
    body: HttpRequestBody,
    taken: Arc<AtomicU64>,
}

impl Sent {
    /// Returns the body and its counter.
    pub(super) fn new(body: HttpRequestBody) -> (Self, Arc<AtomicU64>) {
        let taken = Arc::new(AtomicU64::new(0));
        (Self { body, taken: Arc::clone(&taken) }, taken)
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, which fails if no more of it comes.
pub(super) struct Received {
    body: Incoming,
    /// As long as it is read.
    _line: Arc<Line>,
    limit: Duration,
    patience: Pin<Box<Sleep>>,
}

impl Received {
    pub(super) fn new(body: Incoming, line: Arc<Line>, limit: Duration) -> Self {
        Self { body, _line: line, limit, patience: Box::pin(tokio::time::sleep(limit)) }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let limit = self.limit;
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                let next = tokio::time::Instant::now() + limit;
                self.patience.as_mut().reset(next);
                let broken = |why| HttpError::new(HttpErrorKind::Interrupted, CallError::Broken(why));
                Poll::Ready(frame.map(|frame| frame.map_err(broken)))
            }
            Poll::Pending => self.patience.as_mut().poll(context).map(|()| {
                Some(Err(HttpError::new(HttpErrorKind::Timeout, CallError::Stalled(limit.as_secs()))))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
