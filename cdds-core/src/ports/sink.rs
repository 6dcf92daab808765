//! The store of parts.

use std::fmt::Debug;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;

use super::error::{PortError, PortErrorKind};

mod link;
mod range;

pub use self::link::{LinkRequest, SignedLink};
pub use self::range::{ObjectVersion, RangeRead};
pub use crate::domain::archive::artifact::Key;

/// A store of named byte sequences: a folder, a bucket.
///
/// # Contract
/// An object becomes visible to [`read`](Sink::read) only once its upload is finished, whole and durable
/// (fsync or the store's equivalent), and then through every handle on the store. Uploads do not touch one
/// another, even if they have one key: an object is what one of them wrote. Keys consist of `[a-z0-9-./]` and are never reused for other contents.
///
/// # Errors
/// [`SinkErrorKind`]; a retryable error leaves nothing half-made visible.
///
/// # Cancel safety
/// A dropped call may or may not have taken effect; a dropped [`Upload`] leaves at most an unfinished upload,
/// which [`list`](Sink::list) shows and [`delete`](Sink::delete) removes.
#[async_trait]
pub trait Sink: Debug + Send + Sync {
    /// Starts an upload.
    ///
    /// # Errors
    /// If the store refuses or cannot be reached.
    async fn begin(&self, key: &Key) -> Result<Box<dyn Upload>, SinkError>;

    /// Reads an object from byte `from` to its end, in chunks of at most 8 MiB. Yields no bytes if `from` is
    /// the object's size or larger.
    ///
    /// # Errors
    /// [`SinkErrorKind::NotFound`] if the object does not exist.
    async fn read(
        &self,
        key: &Key,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, SinkError>>, SinkError>;

    /// Reads a range of an object, in chunks of at most 8 MiB, and tells the version of what it reads. Yields fewer
    /// bytes if the object ends before the range does. An empty range reads nothing, and tells the version.
    ///
    /// A range that was read once need not be compared with a digest if the whole object was, at the same version
    /// (rule A12). So the version is that of the object whose bytes follow, never of one that was looked up before or
    /// after: take it from the same open file, or from the same answer. It is new whenever bytes may have changed,
    /// by whoever. If the object is changed while the range is read, the stream ends with an error; only a range up
    /// to `u64::MAX` may end with bytes of both, since whoever reads to the end compares the digest.
    ///
    /// A store that has no such version leaves this method out, and each range is then read with all the rest.
    ///
    /// # Errors
    /// [`SinkErrorKind::NotFound`] if the object does not exist.
    async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<RangeRead, SinkError> {
        Ok(RangeRead::cut(self.read(key, range.start).await?, &range))
    }

    /// Returns a link by which anybody fetches an object from the store itself, until it expires, with the name and
    /// the media type of the request; `None` if the store gives no links, or none with such a name. The object need
    /// not exist. A store that gives links answers requests for ranges, too (RFC 9110, 14).
    ///
    /// # Errors
    /// If the store refuses or cannot be reached.
    async fn link(&self, key: &Key, request: &LinkRequest) -> Result<Option<SignedLink>, SinkError> {
        let _ = (key, request);
        Ok(None)
    }

    /// Removes an object and every unfinished upload under its key, and no other key's. Idempotent: succeeds
    /// if there is nothing to remove. An upload of which something was stored cannot be finished afterwards.
    /// Durable on return, and so are earlier removals in its folder and below, even if their calls
    /// were interrupted.
    ///
    /// # Errors
    /// If the store refuses or cannot be reached.
    async fn delete(&self, key: &Key) -> Result<(), SinkError>;

    /// Returns the keys of all objects and unfinished uploads under a prefix, each once, in any order.
    ///
    /// # Errors
    /// If the store cannot be reached.
    async fn list(&self, prefix: &Prefix) -> Result<Vec<Key>, SinkError>;

    /// Returns the time of the store's own clock; `None` if it has only this machine's clock. Called once an
    /// hour.
    ///
    /// # Errors
    /// If the store refuses or cannot be reached.
    async fn clock(&self) -> Result<Option<DateTime<Utc>>, SinkError> {
        Ok(None)
    }

    /// Returns when the store was last written to, by its own timestamps; `None` if it is empty or keeps
    /// none. May scan every object, so it is called only if a job lies ahead of the clock.
    ///
    /// # Errors
    /// If the store cannot be reached.
    async fn newest(&self) -> Result<Option<DateTime<Utc>>, SinkError> {
        Ok(None)
    }
}

/// An object being written.
#[async_trait]
pub trait Upload: Debug + Send {
    /// Appends bytes. Applies back-pressure: returns when the store has room for more.
    ///
    /// # Errors
    /// After an error the upload can only be aborted.
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError>;

    /// Makes the object visible and durable.
    ///
    /// # Errors
    /// The object may exist even so, if the reply was lost.
    async fn finish(self: Box<Self>) -> Result<Stored, SinkError>;

    /// Aborts the upload; nothing of it remains. A finished object under the key stays.
    ///
    /// # Errors
    /// If remains could not be removed; [`Sink::list`] shows them.
    async fn abort(self: Box<Self>) -> Result<(), SinkError>;
}

/// The store's report on a finished object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Size in bytes.
    pub bytes: u64,
}

/// A folder of keys: matches the keys that continue it after a `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Creates a prefix from a folder without its closing `/`; the empty folder is the whole store.
    pub fn new(prefix: impl Into<String>) -> Self {
        Self(prefix.into())
    }

    /// Returns the prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The kinds of store error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinkErrorKind {
    /// Not reachable at the moment; a retry may help.
    Unavailable,
    /// No room left; a retry may help once space has been freed.
    Full,
    /// The store refuses: permissions, read-only.
    Refused,
    /// No such object.
    NotFound,
    /// The stored bytes are not what was written.
    Corrupt,
}

impl PortErrorKind for SinkErrorKind {
    fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::Full)
    }
}

/// An error of a [`Sink`].
pub type SinkError = PortError<SinkErrorKind>;
