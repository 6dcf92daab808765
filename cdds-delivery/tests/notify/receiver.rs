//! A receiver that records each request byte by byte, and answers what it was told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// What the receiver does once it has read a request.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// It sends these bytes and closes.
    Bytes(String),
    /// It sends these bytes and never anything else.
    BytesThenNothing(String),
    /// It closes without a word.
    Cut,
    /// It says nothing.
    Silence,
}

impl Answer {
    /// An answer without a body.
    pub(crate) fn status(status: &str) -> Self {
        Self::Bytes(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"))
    }
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Recorded {
    /// The only value of a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut found = self.head.lines().filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        });
        let value = found.next().unwrap_or_else(|| panic!("no {name} in {}", self.head));
        assert_eq!(found.next(), None, "{name} is there twice");
        value
    }
}

pub(crate) struct Receiver {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Recorded>>>,
    _runtime: Runtime,
}

impl Receiver {
    /// Starts one that answers the given answers in turn, and the last one from then on.
    pub(crate) fn start(answers: &[Answer], tls: Option<Arc<ServerConfig>>) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut answers: VecDeque<Answer> = answers.iter().cloned().collect();
        let kept = requests.clone();
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
                let (tls, kept, answer) = (tls.clone(), kept.clone(), answer.unwrap());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &answer, &kept).await,
                        Some(config) => {
                            // A client that does not trust the certificate leaves.
                            if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                                serve(stream, &answer, &kept).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, requests, _runtime: runtime }
    }

    /// The requests that have arrived whole.
    pub(crate) fn requests(&self) -> Vec<Recorded> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &Answer,
    kept: &Mutex<Vec<Recorded>>,
) {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let body = bytes.split_off(head + 4);
    bytes.truncate(head);
    let mut recorded = Recorded { head: String::from_utf8(bytes).unwrap(), body };
    let length: usize = recorded.header("content-length").parse().unwrap();
    while recorded.body.len() < length {
        assert_ne!(stream.read_buf(&mut recorded.body).await.unwrap(), 0);
    }
    kept.lock().unwrap().push(recorded);
    match answer {
        Answer::Bytes(bytes) => {
            stream.write_all(bytes.as_bytes()).await.unwrap();
            let _ = stream.shutdown().await;
        }
        Answer::BytesThenNothing(bytes) => {
            stream.write_all(bytes.as_bytes()).await.unwrap();
            std::future::pending::<()>().await;
        }
        Answer::Cut => {}
        Answer::Silence => std::future::pending().await,
    }
}
