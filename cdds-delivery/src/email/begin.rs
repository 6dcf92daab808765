//! How a connection goes over to TLS (RFC 3207).
//!
//! The library that speaks SMTP takes what came before TLS for replies that came within it, so that whoever sits on the
//! way could answer for the server. Here nothing may follow the reply after which TLS begins.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The longest reply in bytes. Servers list their extensions in a few hundred.
const REPLY_BYTES_MAX: usize = 16 * 1024;

/// Asks the server to begin TLS.
pub(super) async fn ask_for_tls(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    hello: &ClientId,
) -> io::Result<()> {
    reply(stream, "220").await?;
    stream.write_all(format!("EHLO {hello}\r\n").as_bytes()).await?;
    let extensions = reply(stream, "250").await?;
    let offers = |line: &str| line.get(4..).is_some_and(|word| word.trim().eq_ignore_ascii_case("STARTTLS"));
    if !extensions.lines().any(offers) {
        return Err(io::Error::other("the server does not offer STARTTLS"));
    }
    stream.write_all(b"STARTTLS\r\n").await?;
    reply(stream, "220").await.map(drop)
}

/// Reads a reply, which may have several lines, and nothing after it.
async fn reply(stream: &mut (impl AsyncRead + Unpin), code: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = end(&bytes) {
            let text = String::from_utf8_lossy(&bytes[..end]).trim_end().to_owned();
            if end < bytes.len() {
                return Err(io::Error::other(
                    "the server said more than it was asked: somebody may be on the way",
                ));
            }
            return if text.starts_with(code) { Ok(text) } else { Err(io::Error::other(text)) };
        }
        if bytes.len() > REPLY_BYTES_MAX {
            return Err(io::Error::other("the server's reply has no end"));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Returns where the first reply ends: after the first line whose code is not followed by a hyphen.
fn end(bytes: &[u8]) -> Option<usize> {
    let mut end = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        if line.ends_with(b"\n") && line.get(3) != Some(&b'-') {
            return Some(end);
        }
    }
    None
}

/// A connection in TLS, as the library takes it: it begins with a greeting.
#[derive(Debug)]
pub(super) struct Secured {
    /// What is read before the connection: a greeting, if the server gave it before TLS.
    greeting: &'static [u8],
    stream: TlsStream<TcpStream>,
}

impl Secured {
    /// A connection in which the server greets.
    pub(super) fn greeted(stream: TlsStream<TcpStream>) -> Self {
        Self { greeting: b"", stream }
    }

    /// A connection of a server that greeted before TLS, and does so no more.
    pub(super) fn ungreeted(stream: TlsStream<TcpStream>) -> Self {
        Self { greeting: b"220 TLS\r\n", stream }
    }
}

impl AsyncTokioStream for Secured {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().0.peer_addr()
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let (now, later) = self.greeting.split_at(self.greeting.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.greeting = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(replies: &str) -> Result<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut ours, mut theirs) = tokio::io::duplex(1 << 16);
            let mut asked = Vec::new();
            // Each piece but the first is sent after one line of ours, and the connection ends with the last one.
            let server = async {
                for (number, piece) in replies.split('|').enumerate() {
                    while number > 0
                        && theirs.read_buf(&mut asked).await.unwrap() > 0
                        && !asked.ends_with(b"\n")
                    {}
                    // Whoever has heard enough leaves.
                    let _ = theirs.write_all(piece.as_bytes()).await;
                }
                drop(theirs);
            };
            let (result, ()) = tokio::join!(
                async {
                    let result = ask_for_tls(&mut ours, &ClientId::Domain("us.example".to_owned())).await;
                    drop(ours);
                    result
                },
                server
            );
            result.map_err(|why| why.to_string()).map(|()| String::from_utf8(asked).unwrap())
        })
    }

    #[test]
    fn tls_is_asked_for_if_it_is_offered() {
        let said = asked("220 hi\r\n|250-mail\r\n250-SIZE\r\n250 starttls\r\n|220 go\r\n").unwrap();
        assert_eq!(said, "EHLO us.example\r\nSTARTTLS\r\n");
        let said = asked("220-hi\r\n220 there\r\n|250 STARTTLS\r\n|220\r\n").unwrap();
        assert_eq!(said, "EHLO us.example\r\nSTARTTLS\r\n");
    }

    #[test]
    fn what_is_said_before_tls_is_no_reply_within_it() {
        for replies in [
            "220 hi\r\n|250 STARTTLS\r\n|220 go\r\n250 injected\r\n",
            "220 hi\r\n|250 STARTTLS\r\n|220 go\r\n2",
            "220 hi\r\n250 STARTTLS\r\n|220 go\r\n",
        ] {
            let told = asked(replies).unwrap_err();
            assert!(told.contains("more than it was asked"), "{replies:?}: {told}");
        }
    }

    #[test]
    fn servers_that_refuse_are_told_in_their_words() {
        for (replies, told) in [
            ("554 not you\r\n", "554 not you"),
            ("220 hi\r\n|250-mail\r\n250 SIZE\r\n", "does not offer STARTTLS"),
            ("220 hi\r\n|502 what\r\n", "502 what"),
            ("220 hi\r\n|250 STARTTLS\r\n|454 later\r\n", "454 later"),
            ("220 hi", "end of file"),
        ] {
            let why = asked(replies).unwrap_err();
            assert!(why.contains(told), "{replies:?}: {why}");
        }
        let endless = format!("220-{}", "x".repeat(REPLY_BYTES_MAX + 1));
        assert!(asked(&endless).unwrap_err().contains("no end"));
    }
}
