//! Reads stored files so that a corrupt file never passes for a complete one, and puts each download on record
//! (rules A12, C3).

mod reading;
mod verified;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use self::reading::Reading;
pub(super) use self::reading::{Published, too_long};
pub(super) use self::verified::Verified;
use super::ServiceError;
use crate::domain::access::audit::{AuditRecord, Outcome};
use crate::domain::access::download::{DownloadEnd, DownloadOutcome};
use crate::domain::archive::artifact::Sha256Digest;
use crate::ports::Ports;
use crate::ports::sink::{SinkError, SinkErrorKind};

/// A stored file that is being read, compared with its published size and digest.
///
/// The chunk that completes the file is given only after the comparison. If the stored bytes differ from the
/// published ones, reading ends with [`SinkErrorKind::Corrupt`] and has given fewer bytes than the published
/// size. A consumer that has announced the length, such as an HTTP response, then breaks off instead of
/// delivering a whole file that is corrupt.
///
/// # Resuming
/// A download that begins at a later byte, or ends [at an earlier one](Self::within), also reads the bytes before and
/// behind, without giving them, because the digest covers the whole file. They need not be read again for an hour if
/// this [`Artifacts`](super::artifacts::Artifacts), or a clone of it, has verified the whole file and the store tells
/// that it gives bytes of [that same version](crate::ports::sink::Sink::read_range).
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
        verified: &Arc<Verified>,
        entry: AuditRecord,
        published: Published,
        from: u64,
    ) -> Result<Self, ServiceError> {
        let Published { bytes, sha256, ref name, .. } = published;
        if from > bytes {
            return Err(ServiceError::BehindEnd { from, bytes });
        }
        let name = name.clone();
        let reading = Box::new(Reading::begin(ports, verified, published, from).await?);
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
    /// verified, now or [a short while ago](Self#resuming). Call it before anything is read. What lies behind the end
    /// of the file does not count, and a range that ends before it begins is an empty one.
    #[must_use]
    pub fn within(mut self, range: Range<u64>) -> Self {
        if let State::Reading(reading) = &mut self.reading {
            let until = range.end.min(self.bytes);
            (reading.from, reading.until) = (range.start.min(until), until);
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

#[cfg(test)]
mod tests;
