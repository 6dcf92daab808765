//! Ranges of an object, and the version of what is read.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::SinkError;

/// A store's mark of the bytes of an object: an entity tag, or the times, the size and the number of a file. Objects of
/// one key that have equal versions have equal bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectVersion(String);

impl ObjectVersion {
    /// Keeps what the store says.
    pub fn new(version: impl Into<String>) -> Self {
        Self(version.into())
    }

    /// Returns it as text, which only the store understands.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A range of an object that is being read ([`Sink::read_range`](super::Sink::read_range)).
#[non_exhaustive]
pub struct RangeRead {
    /// The version of the object whose bytes these are; `None` if the store cannot tell.
    pub version: Option<ObjectVersion>,
    /// The bytes of the range, fewer if the object ends before it does.
    pub chunks: BoxStream<'static, Result<Bytes, SinkError>>,
}

impl RangeRead {
    /// Hands out a range of a version, of which the chunks have no more than the range.
    pub fn new(version: Option<ObjectVersion>, chunks: BoxStream<'static, Result<Bytes, SinkError>>) -> Self {
        Self { version, chunks }
    }

    /// Hands out a range of unknown version, given the chunks from its first byte on, however far they go.
    pub fn cut(chunks: BoxStream<'static, Result<Bytes, SinkError>>, range: &Range<u64>) -> Self {
        Self::new(None, first_bytes(chunks, range.end.saturating_sub(range.start)))
    }
}

impl fmt::Debug for RangeRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeRead").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Returns the first bytes of a stream. Reads no further than they go.
fn first_bytes(
    chunks: BoxStream<'static, Result<Bytes, SinkError>>,
    bytes: u64,
) -> BoxStream<'static, Result<Bytes, SinkError>> {
    stream::try_unfold((chunks, bytes), |(mut chunks, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let Some(mut chunk) = chunks.try_next().await? else { return Ok(None) };
        chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - chunk.len() as u64;
        Ok(Some((chunk, (chunks, left))))
    })
    .boxed()
}
