//! Calls to destinations, each with a time limit: a server that hangs must not keep a worker (rule N4).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use futures::{StreamExt, pin_mut};
use sha2::{Digest, Sha256};

use crate::domain::archive::artifact::Sha256Digest;
use crate::domain::delivery::path::RemotePath;
use crate::ports::clock::Clock;
use crate::ports::destination::{
    Destination, DestinationError, DestinationErrorKind, ServerIdentity, Session, Stored, Upload,
};
use crate::ports::error::{PortError, PortErrorKind, report};
use crate::ports::sink::{SinkError, SinkErrorKind};

/// Looking a name up, connecting and signing in.
const CONNECT_MAX: Duration = Duration::from_secs(30);
/// Asking for a size, renaming, removing, listing, opening a file.
const STEP_MAX: Duration = Duration::from_secs(60);
/// Writing one piece, or reading one: at 5 kB/s a piece still passes.
const PIECE_MAX: Duration = Duration::from_secs(60);
/// Closing a file, which may have to be made durable or copied.
const FINISH_MAX: Duration = Duration::from_secs(600);
/// The bytes of a piece.
const PIECE_BYTES: usize = 256 * 1024;

/// A connection to a destination.
#[derive(Debug)]
pub(crate) struct Remote {
    clock: Arc<dyn Clock>,
    session: Box<dyn Session>,
}

impl Remote {
    /// Connects. Returns the connection and the identity that the server has shown.
    pub(crate) async fn connect(
        clock: &Arc<dyn Clock>,
        destination: &dyn Destination,
        pinned: Option<&ServerIdentity>,
    ) -> Result<(Self, Option<ServerIdentity>), DestinationError> {
        let connecting = destination.connect(pinned);
        let connection = within(clock, CONNECT_MAX, "connecting", connecting).await?;
        // A destination that ignores what is pinned is caught here, but it has seen the password already.
        if let (Some(pinned), Some(shown)) = (pinned, &connection.identity)
            && pinned != shown
        {
            return Err(DestinationError::new(
                DestinationErrorKind::IdentityChanged,
                format!("the server shows {shown}, but {pinned} is pinned"),
            ));
        }
        Ok((Self { clock: Arc::clone(clock), session: connection.session }, connection.identity))
    }

    pub(crate) async fn create(&mut self, path: &RemotePath) -> Result<Outgoing, DestinationError> {
        let upload = within(&self.clock, STEP_MAX, "creating a file", self.session.create(path)).await?;
        Ok(Outgoing { clock: Arc::clone(&self.clock), upload, bytes: 0, hasher: Sha256::new() })
    }

    pub(crate) async fn size(&mut self, path: &RemotePath) -> Result<Option<u64>, DestinationError> {
        within(&self.clock, STEP_MAX, "asking for a size", self.session.size(path)).await
    }

    pub(crate) async fn rename(
        &mut self,
        from: &RemotePath,
        to: &RemotePath,
    ) -> Result<(), DestinationError> {
        within(&self.clock, STEP_MAX, "renaming", self.session.rename(from, to)).await
    }

    pub(crate) async fn remove(&mut self, path: &RemotePath) -> Result<(), DestinationError> {
        within(&self.clock, STEP_MAX, "removing", self.session.remove(path)).await
    }

    pub(crate) async fn list(
        &mut self,
        folder: &RemotePath,
    ) -> Result<Option<Vec<String>>, DestinationError> {
        within(&self.clock, STEP_MAX, "listing", self.session.list(folder)).await
    }

    /// Reads a file back and returns its size and digest.
    pub(crate) async fn digest(
        &mut self,
        path: &RemotePath,
    ) -> Result<(u64, Sha256Digest), DestinationError> {
        let mut chunks = within(&self.clock, STEP_MAX, "opening a file", self.session.read(path)).await?;
        let (mut bytes, mut hasher) = (0_u64, Sha256::new());
        loop {
            let next = async { Ok::<_, DestinationError>(chunks.next().await) };
            let Some(chunk) = within(&self.clock, PIECE_MAX, "reading", next).await? else { break };
            let chunk = chunk?;
            bytes += chunk.len() as u64;
            hasher.update(&chunk);
        }
        Ok((bytes, Sha256Digest(hasher.finalize().into())))
    }

    /// Says goodbye. What matters was confirmed before, so errors are left alone.
    pub(crate) async fn close(self) {
        let _ = within(&self.clock, STEP_MAX, "closing", self.session.close()).await;
    }
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Outgoing {
    clock: Arc<dyn Clock>,
    upload: Box<dyn Upload>,
    bytes: u64,
    hasher: Sha256,
}

impl Outgoing {
    pub(crate) async fn write(&mut self, mut bytes: Bytes) -> Result<(), DestinationError> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(PIECE_BYTES.min(bytes.len()));
            self.bytes += piece.len() as u64;
            self.hasher.update(&piece);
            within(&self.clock, PIECE_MAX, "writing", self.upload.write(piece))
                .await
                .map_err(|error| of_upload(&error))?;
        }
        Ok(())
    }

    /// Returns the size and the digest of what was written so far.
    pub(crate) fn written(&self) -> (u64, Sha256Digest) {
        (self.bytes, Sha256Digest(self.hasher.clone().finalize().into()))
    }

    pub(crate) async fn finish(self) -> Result<Stored, DestinationError> {
        within(&self.clock, FINISH_MAX, "closing a file", self.upload.finish())
            .await
            .map_err(|error| of_upload(&error))
    }

    /// Removes what was written, as far as the server lets it.
    pub(crate) async fn abort(self) {
        let _ = within(&self.clock, STEP_MAX, "removing what was written", self.upload.abort()).await;
    }
}

fn of_upload(error: &SinkError) -> DestinationError {
    let (kind, context) = (DestinationErrorKind::from(error.kind()), error.context().to_owned());
    match std::error::Error::source(error) {
        Some(cause) => DestinationError::with_source(kind, context, report(cause)),
        None => DestinationError::new(kind, context),
    }
}

/// Waits for a call, at most for `limit`; then the call is dropped.
async fn within<T, K>(
    clock: &Arc<dyn Clock>,
    limit: Duration,
    what: &str,
    call: impl Future<Output = Result<T, PortError<K>>>,
) -> Result<T, PortError<K>>
where
    K: PortErrorKind + TimedOut,
{
    pin_mut!(call);
    match select(call, clock.sleep(limit)).await {
        Either::Left((done, _)) => done,
        Either::Right(((), _)) => {
            Err(PortError::new(K::TIMED_OUT, format!("{what} took more than {} s", limit.as_secs())))
        }
    }
}

/// The kind of error of a call that took too long.
trait TimedOut {
    const TIMED_OUT: Self;
}

impl TimedOut for DestinationErrorKind {
    const TIMED_OUT: Self = Self::Unavailable;
}

impl TimedOut for SinkErrorKind {
    const TIMED_OUT: Self = Self::Unavailable;
}
