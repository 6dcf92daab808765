//! The end of a channel, so that nobody waits for answers that cannot come.
//!
//! The library ends the requests that wait when it sees the end of the channel. One that is made between the ends of its
//! reader and of its writer is found by neither, and would wait for its time-out.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures::future::{Either, select};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

/// Tells when a channel has ended. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Ended(watch::Receiver<bool>);

impl Ended {
    /// Watches a channel. Returns it as it is to be read.
    pub(super) fn watch<S>(channel: S) -> (Watched<S>, Self) {
        let (tells, ended) = watch::channel(false);
        (Watched { channel, tells }, Self(ended))
    }

    /// Waits for a call, at most until the channel ends; then the call is dropped, and `lost` says what it returns.
    pub(super) async fn or<T>(&self, call: impl Future<Output = T>, lost: impl FnOnce() -> T) -> T {
        let mut ended = self.0.clone();
        let over = pin!(async move {
            // An error means that nobody reads any more.
            let _ = ended.wait_for(|ended| *ended).await;
        });
        // The call first: its answer may have come just before the end.
        match select(pin!(call), over).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => lost(),
        }
    }
}

/// A channel whose end is told.
#[derive(Debug)]
pub(super) struct Watched<S> {
    channel: S,
    tells: watch::Sender<bool>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.channel).poll_read(context, buffer);
        let is_over = match &read {
            Poll::Ready(Ok(())) => buffer.filled().len() == before && buffer.remaining() > 0,
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        };
        if is_over {
            self.tells.send_replace(true);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.channel).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.channel).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn nobody_waits_for_answers_that_cannot_come() {
        let (near, far) = tokio::io::duplex(64);
        let (mut channel, ended) = Ended::watch(near);
        let waits = ended.or(std::future::pending(), || "lost");
        let read = async {
            drop(far);
            channel.read_to_end(&mut Vec::new()).await.unwrap();
        };
        let (lost, ()) = futures::join!(waits, read);
        assert_eq!(lost, "lost");
        // What has been answered counts, though the channel has ended.
        assert_eq!(ended.or(std::future::ready("answered"), || "lost").await, "answered");
    }

    #[tokio::test]
    async fn a_channel_that_is_open_ends_no_call() {
        let (near, _far) = tokio::io::duplex(64);
        let (mut channel, ended) = Ended::watch(near);
        let late = async {
            tokio::task::yield_now().await;
            "answered"
        };
        // Nothing has come yet, which is no end.
        let mut buffer = [0; 8];
        assert!(futures::poll!(Box::pin(channel.read(&mut buffer))).is_pending());
        assert_eq!(ended.or(late, || "lost").await, "answered");
    }
}
