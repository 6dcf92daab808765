//! The common shape of every port's error: a kind, a context and a cause.

use std::error::Error as StdError;
use std::fmt;

/// The behaviour that all error kinds of ports share.
pub trait PortErrorKind: Copy + fmt::Debug + Send + Sync + 'static {
    /// Returns whether the same call may succeed later without intervention (rule E5).
    fn is_retryable(self) -> bool;
}

/// An error of a port: a small kind to branch on, a context to read, a source to log.
///
/// `Display` prints only the context; the cause is available through [`source`](StdError::source), so a
/// report of the whole chain repeats nothing. Neither may contain credentials or the contents of a record.
pub struct PortError<K> {
    kind: K,
    context: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl<K: PortErrorKind> PortError<K> {
    /// Creates an error without an underlying cause.
    pub fn new(kind: K, context: impl Into<String>) -> Self {
        Self { kind, context: context.into(), source: None }
    }

    /// Creates an error caused by another one.
    pub fn with_source(
        kind: K,
        context: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, context: context.into(), source: Some(source.into()) }
    }

    /// Adds the error that caused this one, in place of an earlier cause.
    #[must_use]
    pub fn caused_by(self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(cause.into()), ..self }
    }

    /// Returns the kind, for code to branch on.
    pub fn kind(&self) -> K {
        self.kind
    }

    /// Returns the context, for people: the action that failed.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// Returns whether the same call may succeed later without intervention.
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// Returns the context and every cause, joined by `: `, as stored in the history.
    pub fn report(&self) -> String {
        report(self)
    }
}

/// Returns the message of an error and of every cause, joined by `: `. A cause that the message ends with is not
/// repeated.
pub(crate) fn report(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        if !text.ends_with(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        cause = error.source();
    }
    text
}

impl<K: PortErrorKind> fmt::Display for PortError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)
    }
}

impl<K: PortErrorKind> fmt::Debug for PortError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PortError")
            .field("kind", &self.kind)
            .field("context", &self.context)
            .field("source", &self.source)
            .finish()
    }
}

impl<K: PortErrorKind> StdError for PortError<K> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Kind;
    impl PortErrorKind for Kind {
        fn is_retryable(self) -> bool {
            true
        }
    }

    #[test]
    fn display_never_repeats_the_source() {
        let io = std::io::Error::other("disk on fire");
        let error = PortError::with_source(Kind, "cannot write part 3", io);
        assert_eq!(error.to_string(), "cannot write part 3");
        assert_eq!(error.report(), "cannot write part 3: disk on fire");
        assert!(error.is_retryable());
        let error =
            PortError::new(Kind, "cannot write part 3").caused_by(std::io::Error::other("disk on fire"));
        assert_eq!(error.report(), "cannot write part 3: disk on fire");
    }
}
