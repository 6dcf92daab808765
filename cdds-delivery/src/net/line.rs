//! Connections that end with their owner, whoever still reads from them.

use std::net::{Shutdown, TcpStream};

/// Ends a connection when it is dropped. Tasks that read or write it then see its end, and so end as well: otherwise a
/// server that answers no more would keep them for ever.
#[derive(Debug)]
pub(crate) struct Line(TcpStream);

impl Line {
    /// Holds a connection. Call it within a runtime.
    ///
    /// # Errors
    /// If the system has no descriptor left.
    pub(crate) fn hold(stream: tokio::net::TcpStream) -> std::io::Result<(Self, tokio::net::TcpStream)> {
        let stream = stream.into_std()?;
        let line = Self(stream.try_clone()?);
        Ok((line, tokio::net::TcpStream::from_std(stream)?))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
