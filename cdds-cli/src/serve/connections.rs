//! Connections: bounded in number and in the time that they may take to ask, and ended in order.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures::future::{Either, select};
use futures::{StreamExt, stream};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;

/// The most connections at a time; more wait until one ends.
const CONNECTIONS_MAX: usize = 4096;

/// How long a client may take for the head of a request, and for the handshake of TLS.
const HEAD_TIME: Duration = Duration::from_secs(30);

/// How long a client may take for the body of a request, of which there are no large ones.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The most bytes of the head of a request, and about as many of an answer are in memory when its reader is slow.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// How long nothing is accepted after that failed, for want of file handles mostly.
const PAUSE: Duration = Duration::from_millis(200);

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) SocketAddr);

pub(super) struct Connections {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

impl Connections {
    pub(super) const fn new(listener: TcpListener, address: SocketAddr, tls: Option<TlsAcceptor>) -> Self {
        Self { listener, address, tls }
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Answers until a stop is asked for; then accepts no more, and returns once the last answer is given.
    pub(super) async fn serve(self, router: Router, mut stopping: watch::Receiver<bool>) {
        let Self { listener, tls, .. } = self;
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        {
            // An error means that nobody can ask for a stop any more, which is one.
            let mut stopped = pin!(async { stopping.wait_for(|stopping| *stopping).await.map(drop) });
            while let Either::Left((accepted, _)) = select(pin!(accept(&listener, &room)), &mut stopped).await
            {
                match accepted {
                    Ok((stream, peer, place)) => {
                        let answered = answer(stream, peer, tls.clone(), router.clone(), graceful.watcher());
                        tokio::spawn(async move {
                            answered.await;
                            drop(place);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
        drop(listener);
        graceful.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(room).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    watcher: Watcher,
) {
    // Answers are written whole: waiting for more to send with them only delays them.
    let _delayed = stream.set_nodelay(true);
    match tls {
        None => converse(stream, peer, router, watcher).await,
        Some(tls) => match tokio::time::timeout(HEAD_TIME, tls.accept(stream)).await {
            Ok(Ok(stream)) => converse(stream, peer, router, watcher).await,
            // Whoever speaks no TLS gets no answer.
            Ok(Err(error)) => tracing::debug!(%error, "no TLS"),
            Err(_) => tracing::debug!("no TLS in time"),
        },
    }
}

async fn converse<S>(stream: S, peer: SocketAddr, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(timely);
        request.extensions_mut().insert(Peer(peer));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Has the body of a request end with an error when its time is over: a client that sends a byte now and then would
/// hold its place for ever.
fn timely(body: Incoming) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    let end = Instant::now() + BODY_TIME;
    Body::from_stream(stream::try_unfold(Body::new(body).into_data_stream(), move |mut data| async move {
        match timeout_at(end, data.next()).await {
            Ok(chunk) => Ok(chunk.transpose()?.map(|chunk| (chunk, data))),
            Err(_) => Err(axum::Error::new(io::Error::from(io::ErrorKind::TimedOut))),
        }
    }))
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Time goes on as soon as everybody waits.
    #[tokio::test(start_paused = true)]
    async fn whoever_takes_too_long_to_ask_is_cut_off_and_the_others_are_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = watch::channel(false);
        let router = Router::new().route("/", post(async |body: Bytes| format!("{} bytes", body.len())));
        let served = tokio::spawn(Connections::new(listener, address, None).serve(router, stopping));
        let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n";
        let long = format!("{head}x: {}\r\n\r\n", "x".repeat(2 * BUFFER_BYTES_MAX));
        for (sent, answered) in [
            ("", ""),
            ("POST / HT", ""),
            (head, ""),
            (&long, "HTTP/1.1 431 "),
            (&format!("{head}\r\nab"), "HTTP/1.1 400 "),
            (&format!("{head}\r\nabcde"), "HTTP/1.1 200 "),
        ] {
            let mut client = TcpStream::connect(address).await.unwrap();
            let _refused = client.write_all(sent.as_bytes()).await;
            let mut answer = Vec::new();
            // It ends when the server closes the connection.
            let _reset = client.read_to_end(&mut answer).await;
            let answer = String::from_utf8(answer).unwrap();
            let sent = &sent[..sent.len().min(80)];
            assert_eq!(answer.get(..answered.len()), Some(answered), "{sent:?}: {answer}");
            assert_eq!(answer.is_empty(), answered.is_empty(), "{sent:?}: {answer}");
        }
        stop.send_replace(true);
        served.await.unwrap();
    }
}
