//! Writing, with many requests on their way.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use async_trait::async_trait;
use bytes::Bytes;
use cdds_core::ports::destination::{Stored, Upload};
use cdds_core::ports::sink::SinkError;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use russh_sftp::client::error::Error;
use russh_sftp::protocol::StatusCode;

use super::failure::has_status;
use super::remote::{IN_FLIGHT_MAX, Remote};
use crate::net::Net;
use crate::reply::of_upload;

/// A file being written.
pub(super) struct SftpUpload {
    remote: Arc<Remote>,
    net: Net,
    path: String,
    handle: Option<String>,
    written: u64,
    in_flight: FuturesUnordered<BoxFuture<'static, Result<(), Error>>>,
}

impl SftpUpload {
    pub(super) fn new(remote: Arc<Remote>, net: Net, path: String, handle: String) -> Self {
        Self { remote, net, path, handle: Some(handle), written: 0, in_flight: FuturesUnordered::new() }
    }

    /// Sends bytes, once there is room for their requests.
    async fn send(&mut self, mut bytes: Bytes) -> Result<(), Error> {
        let handle = self.handle.clone().unwrap_or_default();
        let request_bytes = self.remote.write_bytes(&handle);
        while !bytes.is_empty() {
            while self.in_flight.len() >= IN_FLIGHT_MAX {
                self.in_flight.next().await.transpose()?;
            }
            let piece = bytes.split_to(bytes.len().min(request_bytes));
            let (raw, handle, offset) = (Arc::clone(&self.remote.raw), handle.clone(), self.written);
            self.written += piece.len() as u64;
            self.in_flight
                .push(Box::pin(async move { raw.write(handle, offset, piece.into()).await.map(|_| ()) }));
            self.start().await?;
        }
        Ok(())
    }

    /// Puts the new request on its way, and takes the answers that are there.
    async fn start(&mut self) -> Result<(), Error> {
        std::future::poll_fn(|context| {
            while let Poll::Ready(Some(answer)) = self.in_flight.poll_next_unpin(context) {
                answer?;
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Waits for all answers, and has the server confirm that the file is on its disk, if it can.
    async fn settle(&mut self) -> Result<(), Error> {
        while let Some(answer) = self.in_flight.next().await {
            answer?;
        }
        let Some(handle) = self.handle.clone() else { return Ok(()) };
        if self.remote.has("fsync@openssh.com") {
            match self.remote.raw.fsync(handle.as_str()).await {
                Err(why) if !has_status(&why, StatusCode::OpUnsupported) => return Err(why),
                _ => {}
            }
        }
        self.handle = None;
        self.remote.raw.close(handle).await.map(|_| ())
    }

    async fn failed(&mut self, why: Error) -> SinkError {
        of_upload(&self.remote.not_written("write", &self.path, why).await)
    }
}

#[async_trait]
impl Upload for SftpUpload {
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        let (net, remote) = (self.net.clone(), Arc::clone(&self.remote));
        net.run(remote.until_ended(async {
            match self.send(bytes).await {
                Ok(()) => Ok(()),
                Err(why) => Err(self.failed(why).await),
            }
        }))
        .await
    }

    async fn finish(mut self: Box<Self>) -> Result<Stored, SinkError> {
        let (net, remote) = (self.net.clone(), Arc::clone(&self.remote));
        net.run(remote.until_ended(async {
            match self.settle().await {
                Ok(()) => Ok(Stored { bytes: self.written }),
                Err(why) => Err(self.failed(why).await),
            }
        }))
        .await
    }

    async fn abort(mut self: Box<Self>) -> Result<(), SinkError> {
        let (net, remote) = (self.net.clone(), Arc::clone(&self.remote));
        net.run(remote.until_ended(async {
            // What is on its way would otherwise be written after the file was removed, on servers that keep order
            // in nothing.
            while self.in_flight.next().await.is_some() {}
            if let Some(handle) = self.handle.take() {
                let _ = self.remote.raw.close(handle).await;
            }
            match self.remote.raw.remove(self.path.as_str()).await {
                Ok(_) => Ok(()),
                Err(why) if has_status(&why, StatusCode::NoSuchFile) => Ok(()),
                Err(why) => Err(of_upload(&self.remote.not_written("remove", &self.path, why).await)),
            }
        }))
        .await
    }
}

impl Drop for SftpUpload {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.net.within(|| self.remote.close_later(handle));
        }
    }
}

impl fmt::Debug for SftpUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SftpUpload")
            .field("path", &self.path)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}
