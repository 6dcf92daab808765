//! Reading files: with a bar for a person who waits, and up to a signal, so that partial output is removed in good
//! order.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cdds_storage::archive::{PartSet, SteadyFile};

use crate::error::CliError;
use crate::progress::BytesProgress;
use crate::session::Session;
use crate::signals::Stop;

/// How a command on files reads them.
#[derive(Debug, Clone, Default)]
pub(in crate::commands) struct Reading {
    stopped: Arc<AtomicBool>,
    progress: BytesProgress,
}

impl Reading {
    /// Reads with a bar. A signal ends the process, which has nothing to tidy up.
    pub(super) fn shown(session: &Session) -> Self {
        Self { stopped: Arc::default(), progress: BytesProgress::new(&session.console) }
    }

    /// From now on, a signal makes reading fail.
    pub(super) fn until_stopped(self, session: &Session) -> Result<Self, CliError> {
        let stop = Stop::listen(&session.console, Some("stopping: unfinished files are removed"))?;
        Ok(Self { stopped: stop.flag(), ..self })
    }

    /// Begins to do something that reads so many bytes.
    pub(super) fn begin(&self, doing: &str, bytes: u64) {
        self.progress.begin(doing, bytes);
    }

    /// Begins to do something with an archive, from its beginning to its end.
    pub(super) fn begin_archive(&self, doing: &str, set: &PartSet) {
        // Of a split one, the last part is read ahead: it says how many parts there are.
        let ahead = if set.names().len() > 1 { set.files().last() } else { None };
        self.begin(doing, bytes_of(set.files().iter().chain(ahead)));
    }

    /// Counts bytes that were read otherwise.
    pub(super) fn add(&self, bytes: u64) {
        self.progress.add(bytes);
    }

    /// Wraps a reader so that what it reads is counted, and that it fails once a signal has arrived.
    pub(super) fn reader<R: Read>(&self, inner: R) -> Watched<R> {
        Watched { inner, reading: self.clone() }
    }

    /// Returns the error of the command, or says that it was stopped.
    pub(super) fn explain(&self, error: CliError) -> CliError {
        if self.is_stopped() {
            return CliError::failed("interrupted", "stopped before it was done: run it again");
        }
        error
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

/// Returns the size of files. One that cannot be looked at fails when it is read.
pub(super) fn bytes_of<'a>(files: impl IntoIterator<Item = &'a SteadyFile>) -> u64 {
    files.into_iter().map(|file| file.path().metadata().map_or(0, |found| found.len())).sum()
}

/// A reader that is counted and that can be stopped between two reads.
#[derive(Debug)]
pub(super) struct Watched<R> {
    inner: R,
    reading: Reading,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.reading.is_stopped() {
            // Not `Interrupted`, since readers retry after that.
            return Err(io::Error::other("stopped"));
        }
        let count = self.inner.read(buffer)?;
        self.reading.add(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_fails_from_the_moment_when_it_was_asked_for() {
        let reading = Reading::default();
        let mut reader = reading.reader(&b"plaintext"[..]);
        let mut read = [0; 5];
        assert_eq!(reader.read(&mut read).unwrap(), 5);
        let failed = || CliError::failed("file_failed", "cannot read");
        assert_eq!(reading.explain(failed()).code(), "file_failed");
        reading.stopped.store(true, Ordering::Release);
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::Interrupted, "which would be tried again");
        assert_eq!(reading.explain(failed()).code(), "interrupted");
    }
}
