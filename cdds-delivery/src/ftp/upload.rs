//! Writing.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::ports::destination::{DestinationError, DestinationErrorKind, Stored, Upload};
use cdds_core::ports::sink::{SinkError, SinkErrorKind};
use suppaftp::FtpError;
use tokio::io::AsyncWriteExt;

use super::failure::{failed, is_no, is_unknown};
use super::link::{Link, Server, Transfer};
use super::session::Slot;
use crate::net::Net;
use crate::reply::of_upload;

/// A file being written. If it is dropped, both connections end.
pub(super) struct FtpUpload {
    server: Arc<Server>,
    net: Net,
    slot: Slot,
    path: String,
    /// `None` once the transfer has failed.
    open: Option<(Link, Transfer)>,
    written: u64,
}

impl FtpUpload {
    pub(super) fn new(
        server: Arc<Server>,
        net: Net,
        slot: Slot,
        path: String,
        link: Link,
        transfer: Transfer,
    ) -> Self {
        Self { server, net, slot, path, open: Some((link, transfer)), written: 0 }
    }

    fn failed(&self, why: FtpError) -> SinkError {
        of_upload(&failed(&self.server.action("store", &self.path), why))
    }

    fn over(&self) -> SinkError {
        let context = format!("cannot {}: the transfer has failed", self.server.action("store", &self.path));
        SinkError::new(SinkErrorKind::Unavailable, context)
    }

    async fn send(&mut self, bytes: &Bytes) -> Result<(), SinkError> {
        let Some((mut link, mut transfer)) = self.open.take() else { return Err(self.over()) };
        if let Err(why) = transfer.write_all(bytes).await {
            return Err(self.failed(reason(&mut link, transfer, why).await));
        }
        self.open = Some((link, transfer));
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// Ends the transfer. It counts as whole if the server says so, and has as many bytes: some take a connection that
    /// broke off for the end of a file.
    async fn confirm(&mut self) -> Result<Stored, SinkError> {
        let Some((mut link, mut transfer)) = self.open.take() else { return Err(self.over()) };
        if let Err(why) = transfer.shutdown().await {
            return Err(self.failed(reason(&mut link, transfer, why).await));
        }
        transfer.finish().await.map_err(|why| self.failed(why))?;
        let bytes = match link.size(&self.path).await {
            Ok(found) => found.unwrap_or(0),
            Err(why) if is_unknown(&why) => self.written,
            Err(why) => return Err(self.failed(why)),
        };
        self.slot.put(link);
        if bytes != self.written {
            let (action, written) = (self.server.action("store", &self.path), self.written);
            let context = format!("cannot {action}: {bytes} of {written} bytes have arrived");
            return Err(SinkError::new(SinkErrorKind::Corrupt, context));
        }
        Ok(Stored { bytes })
    }
}

/// Asks why a transfer broke off. The crate hides the server's reply to a transfer whose connection has failed, but
/// not from those who abort it.
async fn reason(link: &mut Link, transfer: Transfer, why: std::io::Error) -> FtpError {
    match link.control.abort(transfer).await {
        Err(told @ FtpError::UnexpectedResponse(_)) => told,
        _ => FtpError::ConnectionError(why),
    }
}

#[async_trait]
impl Upload for FtpUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        let net = self.net.clone();
        net.run(self.send(&bytes)).await
    }

    async fn finish(mut self: Box<Self>) -> Result<Stored, SinkError> {
        let net = self.net.clone();
        net.run(self.confirm()).await
    }

    async fn abort(mut self: Box<Self>) -> Result<(), SinkError> {
        // Servers answer an abort in many ways, so both connections end, and another one cleans up.
        drop(self.open.take());
        let told = |error: DestinationError| of_upload(&error);
        let mut link = Link::open(&self.server, &self.net).await.map_err(told)?;
        let removing = async {
            match link.control.rm(&self.path).await {
                Err(why) if is_no(&why) => match link.size(&self.path).await? {
                    None => Ok(()),
                    Some(_) => Err(why),
                },
                removed => removed,
            }
        };
        let removed = self.net.run(removing).await;
        let error = removed.err().map(|why| failed(&self.server.action("remove", &self.path), why));
        match error {
            Some(error) if error.kind() == DestinationErrorKind::Unavailable => Err(told(error)),
            Some(error) => {
                self.slot.put(link);
                Err(told(error))
            }
            None => {
                self.slot.put(link);
                Ok(())
            }
        }
    }
}

impl fmt::Debug for FtpUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FtpUpload")
            .field("path", &self.path)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}
