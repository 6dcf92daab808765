//! Reads a stored file, or a range of it, and compares it with what was published (rule A12).

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use sha2::{Digest, Sha256};

use super::verified::Verified;
use crate::domain::archive::artifact::Sha256Digest;
use crate::ports::Ports;
use crate::ports::sink::{Key, ObjectVersion, RangeRead, SinkError, SinkErrorKind};

/// The published facts of a stored file.
#[derive(Debug, Clone)]
pub(in crate::service) struct Published {
    pub(in crate::service) name: String,
    pub(in crate::service) key: Key,
    pub(in crate::service) bytes: u64,
    pub(in crate::service) sha256: Sha256Digest,
}

/// A stored file and what is known of it.
struct File {
    ports: Ports,
    verified: Arc<Verified>,
    published: Published,
}

/// A file that is being read.
pub(super) struct Reading {
    file: File,
    stored: Stored,
    /// The byte of the file up to which it was read.
    seen: u64,
    /// The first byte to give.
    pub(super) from: u64,
    /// The first byte behind those to give.
    pub(super) until: u64,
}

/// The bytes in the store.
enum Stored {
    /// They are there, and were right when they were last read. Which of them are read depends on the range.
    Known,
    /// All are read, for the digest.
    Whole(Box<Sha256>, RangeRead),
    /// Those to give are read, of a version of the file that was right.
    Range(BoxStream<'static, Result<Bytes, SinkError>>),
}

/// A part of a file.
pub(super) struct Piece {
    /// Its bytes; none only at the end of the file.
    pub(super) chunk: Bytes,
    /// Whether nothing more is given. The file was then verified.
    pub(super) is_last: bool,
}

impl File {
    async fn read(&self, range: Range<u64>) -> Result<RangeRead, SinkError> {
        self.ports.sink.read_range(&self.published.key, range).await
    }

    async fn whole(&self) -> Result<Stored, SinkError> {
        Ok(Stored::Whole(Box::default(), self.read(0..u64::MAX).await?))
    }

    fn was_right(&self, read: &RangeRead) -> bool {
        self.verified.holds(&self.published, read.version.as_ref(), self.ports.clock.monotonic())
    }

    fn remember(&self, version: ObjectVersion) {
        self.verified.remember(&self.published, version, self.ports.clock.monotonic());
    }
}

impl Reading {
    /// Opens a file that is given from this byte on. One that was right a short while ago is only looked at, since
    /// the range of it to give may be set later.
    pub(super) async fn begin(
        ports: &Ports,
        verified: &Arc<Verified>,
        published: Published,
        from: u64,
    ) -> Result<Self, SinkError> {
        let until = published.bytes;
        let file = File { ports: ports.clone(), verified: Arc::clone(verified), published };
        let is_known = verified.knows(&file.published) && file.was_right(&file.read(0..0).await?);
        let stored = if is_known { Stored::Known } else { file.whole().await? };
        Ok(Self { file, stored, seen: 0, from, until })
    }

    /// Returns the next chunk; the last one only when the file was read to its end and the digest is right, or the
    /// range was, and was read of a version whose digest is right.
    pub(super) async fn next(&mut self) -> Result<Piece, SinkError> {
        if matches!(self.stored, Stored::Known) {
            self.stored = self.choose().await?;
        }
        // What follows the last chunk is read for the digest alone, and to be told of changes.
        let mut last = Bytes::new();
        while let Some(chunk) = self.stored.next().await? {
            let before = self.seen;
            self.seen += chunk.len() as u64;
            if self.seen > self.file.published.bytes {
                return Err(too_long(&self.file.published));
            }
            let wanted = wanted(&chunk, before, self.from..self.until);
            if wanted.is_empty() {
                continue;
            }
            if self.seen < self.until {
                return Ok(Piece { chunk: wanted, is_last: false });
            }
            last = wanted;
        }
        self.verify()?;
        Ok(Piece { chunk: last, is_last: true })
    }

    /// Opens the range to give, if the file has still the version that was right; else the whole file.
    async fn choose(&mut self) -> Result<Stored, SinkError> {
        let range = self.from..self.until;
        if range != (0..self.file.published.bytes) {
            let read = self.file.read(range).await?;
            if self.file.was_right(&read) {
                self.seen = self.from;
                return Ok(Stored::Range(read.chunks));
            }
        }
        self.file.whole().await
    }

    /// Compares what was read with what was published, and remembers a whole file that is right.
    fn verify(&mut self) -> Result<(), SinkError> {
        let Published { key, bytes, sha256, .. } = &self.file.published;
        let Stored::Whole(hasher, read) = &mut self.stored else {
            if self.seen == self.until {
                return Ok(());
            }
            return Err(corrupt(&format!("{key} ends at {}, but {bytes} bytes were published", self.seen)));
        };
        let digest = Sha256Digest(std::mem::take(&mut **hasher).finalize().into());
        if self.seen != *bytes || digest != *sha256 {
            let found = format!("{} bytes with digest {digest}", self.seen);
            return Err(corrupt(&format!(
                "{key} holds {found}, but {bytes} bytes with digest {sha256} were published"
            )));
        }
        if let Some(version) = read.version.take() {
            self.file.remember(version);
        }
        Ok(())
    }
}

impl Stored {
    /// Returns the next chunk that is read.
    async fn next(&mut self) -> Result<Option<Bytes>, SinkError> {
        match self {
            Self::Known => Ok(None),
            Self::Range(chunks) => chunks.try_next().await,
            Self::Whole(hasher, read) => {
                let chunk = read.chunks.try_next().await?;
                hasher.update(chunk.as_deref().unwrap_or_default());
                Ok(chunk)
            }
        }
    }
}

/// Returns the error of a stored file that is longer than the published one.
pub(in crate::service) fn too_long(published: &Published) -> SinkError {
    let Published { key, bytes, .. } = published;
    corrupt(&format!("{key} holds more than the {bytes} bytes that were published"))
}

/// Returns the bytes of a chunk, which begins at this byte of the file, that lie in a range of the file.
fn wanted(chunk: &Bytes, begins: u64, range: Range<u64>) -> Bytes {
    let within =
        |at: u64| usize::try_from(at.saturating_sub(begins)).map_or(chunk.len(), |at| at.min(chunk.len()));
    let (from, until) = (within(range.start), within(range.end));
    if from < until { chunk.slice(from..until) } else { Bytes::new() }
}

fn corrupt(found: &str) -> SinkError {
    let way_out = "the stored file was altered: restore it from a backup, or export it again";
    SinkError::new(SinkErrorKind::Corrupt, format!("{found}: {way_out}"))
}
