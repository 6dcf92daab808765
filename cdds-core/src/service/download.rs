//! Reads stored files so that a corrupt file never passes for a complete one, and puts each download on record
//! (rules A12, C3).

use std::ops::Range;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use sha2::{Digest, Sha256};

use super::ServiceError;
use crate::domain::access::audit::{AuditRecord, Outcome};
use crate::domain::access::download::{DownloadEnd, DownloadOutcome};
use crate::domain::archive::artifact::Sha256Digest;
use crate::ports::Ports;
use crate::ports::sink::{Key, SinkError, SinkErrorKind};

/// A stored file that is being read, compared with its published size and digest.
///
/// The chunk that completes the file is given only after the comparison. If the stored bytes differ from the
/// published ones, reading ends with [`SinkErrorKind::Corrupt`] and has given fewer bytes than the published
/// size. A consumer that has announced the length, such as an HTTP response, then breaks off instead of
/// delivering a whole file that is corrupt.
///
/// # Resuming
/// A download that begins at a later byte, or ends [at an earlier one](Self::within), also reads the bytes before and
/// behind, without giving them, because the digest covers the whole file.
///
/// # The record
/// The download is put on record before its first byte is given, and its end with the number of bytes: verified
/// before the last byte is given, corrupt when that is found, broken off when the store fails or the reader
/// calls [`stop`](Self::stop). If the catalog cannot record either, the bytes are not given: nobody has a file
/// of whose download nothing is known, nor a whole one without its end.
///
/// Dropping a download records nothing, because that takes an `await`. The entry then stays
/// [`Outcome::Begun`], as after a crash: it says that bytes were given, not how many.
///
/// # Cancel safety
/// If a call of [`next`](Self::next) is dropped, the chunk that it was about to give is lost, so the following
/// calls return an error. [`stop`](Self::stop) still works.
#[derive(Debug)]
pub struct Download {
    ports: Ports,
    entry: AuditRecord,
    name: String,
    bytes: u64,
    sha256: Sha256Digest,
    reading: State,
    /// The number of bytes that were given.
    given: u64,
    /// Whether the download is on record.
    is_begun: bool,
}

/// How far a download has come.
enum State {
    /// There may be more to read.
    Reading(Box<Reading>),
    /// A call is on its way, or was dropped.
    Busy,
    /// It has ended, well or not.
    Ended,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Reading(_) => "Reading",
            Self::Busy => "Busy",
            Self::Ended => "Ended",
        })
    }
}

impl Download {
    /// Opens a stored file, of which the bytes from `from` on are given. `entry` is put on record with the first
    /// of them.
    pub(super) async fn begin(
        ports: &Ports,
        entry: AuditRecord,
        published: Published,
        from: u64,
    ) -> Result<Self, ServiceError> {
        let Published { bytes, sha256, .. } = published;
        if from > bytes {
            return Err(ServiceError::BehindEnd { from, bytes });
        }
        let stored = ports.sink.read(&published.key, 0).await?;
        let name = published.name.clone();
        let reading =
            Box::new(Reading { stored, hasher: Sha256::new(), seen: 0, from, until: bytes, published });
        Ok(Self {
            ports: ports.clone(),
            entry: entry.with_outcome(Outcome::Begun),
            name,
            bytes,
            sha256,
            reading: State::Reading(reading),
            given: 0,
            is_begun: false,
        })
    }

    /// Gives only the bytes of this range of the file. The last of them is given only when the whole file was
    /// verified. Call it before anything is read; what lies behind the end of the file does not count.
    #[must_use]
    pub fn within(mut self, range: Range<u64>) -> Self {
        if let State::Reading(reading) = &mut self.reading {
            (reading.from, reading.until) = (range.start, range.end.min(self.bytes));
        }
        self
    }

    /// Returns the name under which to save the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the size of the whole file, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the digest of the whole file. It never changes, so it serves as the entity tag of an HTTP response.
    pub fn sha256(&self) -> Sha256Digest {
        self.sha256
    }

    /// Returns the next chunk, never an empty one; `None` at the end of a file that was verified, and after an
    /// error.
    ///
    /// # Errors
    /// [`ServiceError::Sink`]: of the kind [`SinkErrorKind::Corrupt`] if the bytes are not the published ones;
    /// [`ServiceError::Catalog`] if the download cannot be put on record.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        let mut reading = match std::mem::replace(&mut self.reading, State::Busy) {
            State::Reading(reading) => reading,
            State::Busy => return Err(self.was_dropped().into()),
            State::Ended => {
                self.reading = State::Ended;
                return Ok(None);
            }
        };
        let piece = reading.next().await;
        let last = match &piece {
            Ok(piece) => piece.is_last.then_some(DownloadOutcome::Verified),
            Err(error) if error.kind() == SinkErrorKind::Corrupt => Some(DownloadOutcome::Corrupt),
            Err(_) => Some(DownloadOutcome::BrokenOff),
        };
        let given = piece.as_ref().map_or(0, |piece| piece.chunk.len() as u64);
        // A store that fails before the first byte has given nothing to record.
        if last != Some(DownloadOutcome::BrokenOff) {
            self.record_begin().await?;
        }
        self.given += given;
        if let Some(outcome) = last {
            self.record_end(outcome).await?;
        }
        self.reading = if last.is_some() { State::Ended } else { State::Reading(reading) };
        let chunk = piece?.chunk;
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    /// Ends the download before its end, and puts that on record. Does nothing if nothing was given yet, or if
    /// it has ended.
    ///
    /// # Errors
    /// [`ServiceError::Catalog`] if it cannot be put on record; the entry then says only that it began.
    pub async fn stop(mut self) -> Result<(), ServiceError> {
        if matches!(self.reading, State::Ended) {
            return Ok(());
        }
        self.record_end(DownloadOutcome::BrokenOff).await
    }

    /// Returns the remaining chunks as a stream, for instance as the body of an HTTP response. A stream that has
    /// ended stays ended. If it is dropped before its end, the end is not put on record: see
    /// [the type](Self#the-record).
    pub fn into_stream(self) -> BoxStream<'static, Result<Bytes, ServiceError>> {
        stream::try_unfold(self, |mut download| async {
            let chunk = download.next().await?;
            Ok(chunk.map(|chunk| (chunk, download)))
        })
        .boxed()
    }

    /// Reads the rest into memory.
    ///
    /// # Errors
    /// Those of [`next`](Self::next).
    pub async fn collect(mut self) -> Result<Vec<u8>, ServiceError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Puts the beginning on record, once.
    async fn record_begin(&mut self) -> Result<(), ServiceError> {
        if !self.is_begun {
            self.entry.at = self.ports.catalog.now().await?;
            self.ports.catalog.record(&self.entry).await?;
            self.is_begun = true;
        }
        Ok(())
    }

    /// Puts the end on record, if the beginning is.
    async fn record_end(&mut self, outcome: DownloadOutcome) -> Result<(), ServiceError> {
        if !self.is_begun {
            return Ok(());
        }
        let at = self.ports.catalog.now().await?;
        let end = DownloadEnd { at, bytes: self.given, outcome };
        Ok(self.ports.catalog.end_download(self.entry.id, &end).await?)
    }

    fn was_dropped(&self) -> SinkError {
        let object = self.entry.object.as_ref().map_or_else(String::new, |object| format!(" of {object}"));
        let context = format!("the download{object} was broken off in the middle: begin it again");
        SinkError::new(SinkErrorKind::Unavailable, context)
    }
}

/// The published facts of a stored file.
#[derive(Debug, Clone)]
pub(super) struct Published {
    pub(super) name: String,
    pub(super) key: Key,
    pub(super) bytes: u64,
    pub(super) sha256: Sha256Digest,
}

/// A file that is being read.
struct Reading {
    published: Published,
    stored: BoxStream<'static, Result<Bytes, SinkError>>,
    hasher: Sha256,
    /// The number of bytes that were read.
    seen: u64,
    /// The first byte to give.
    from: u64,
    /// The first byte behind those to give.
    until: u64,
}

/// A part of a file.
struct Piece {
    /// Its bytes; none only at the end of the file.
    chunk: Bytes,
    /// Whether nothing more is given. The file was then verified.
    is_last: bool,
}

impl Reading {
    /// Returns the next chunk; the last one only when the file was read to its end and the digest is right.
    async fn next(&mut self) -> Result<Piece, SinkError> {
        // What follows the last chunk is read for the digest alone.
        let mut last = Bytes::new();
        while let Some(chunk) = self.stored.try_next().await? {
            self.hasher.update(&chunk);
            let before = self.seen;
            self.seen += chunk.len() as u64;
            if self.seen > self.published.bytes {
                return Err(too_long(&self.published));
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
        let digest = Sha256Digest(std::mem::take(&mut self.hasher).finalize().into());
        let Published { key, bytes, sha256, .. } = &self.published;
        if self.seen != *bytes || digest != *sha256 {
            let found = format!("{} bytes with digest {digest}", self.seen);
            return Err(corrupt(&format!(
                "{key} holds {found}, but {bytes} bytes with digest {sha256} were published"
            )));
        }
        Ok(Piece { chunk: last, is_last: true })
    }
}

/// Returns the error of a stored file that is longer than the published one.
pub(super) fn too_long(published: &Published) -> SinkError {
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

#[cfg(test)]
mod tests;
