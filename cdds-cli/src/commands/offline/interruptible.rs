//! Reading that ends on a signal, so that partial output is removed in good order.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::CliError;
use crate::session::Session;
use crate::signals::Stop;

/// SIGINT and SIGTERM, as a command on files hears them.
#[derive(Debug, Clone, Default)]
pub(in crate::commands) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen(session: &Session) -> Result<Self, CliError> {
        Ok(Self(Stop::listen(&session.console, Some("stopping: unfinished files are removed"))?.flag()))
    }

    /// Wraps a reader so that its reads fail once a signal has arrived.
    pub(super) fn reader<R: Read>(&self, inner: R) -> Interruptible<R> {
        Interruptible { inner, asked: self.clone() }
    }

    /// Returns the error of the command, or says that it was stopped.
    pub(super) fn explain(&self, error: CliError) -> CliError {
        if self.is_asked() {
            return CliError::failed("interrupted", "stopped before it was done: run it again");
        }
        error
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A reader that can be stopped between two reads.
#[derive(Debug)]
pub(super) struct Interruptible<R> {
    inner: R,
    asked: Interrupt,
}

impl<R: Read> Read for Interruptible<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.asked.is_asked() {
            // Not `Interrupted`, since readers retry after that.
            return Err(io::Error::other("stopped"));
        }
        self.inner.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_fails_from_the_moment_when_it_was_asked_for() {
        let interrupt = Interrupt::default();
        let mut reader = interrupt.reader(&b"plaintext"[..]);
        let mut read = [0; 5];
        assert_eq!(reader.read(&mut read).unwrap(), 5);
        let failed = || CliError::failed("file_failed", "cannot read");
        assert_eq!(interrupt.explain(failed()).code(), "file_failed");
        interrupt.0.store(true, Ordering::Release);
        let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
        assert_ne!(error.kind(), io::ErrorKind::Interrupted, "which would be tried again");
        assert_eq!(interrupt.explain(failed()).code(), "interrupted");
    }
}
