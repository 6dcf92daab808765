//! The one shape of every port's error: what kind, in which context, caused by what.

use std::error::Error as StdError;
use std::fmt;

/// What a port's error kinds have in common.
pub trait PortErrorKind: Copy + fmt::Debug + Send + Sync + 'static {
    /// Whether the same call may succeed later without anybody's help (rule E5).
    fn is_retryable(self) -> bool;
}

/// An error of a port: a small kind to branch on, a context to read, a source to log.
///
/// `Display` prints the context only; the cause is reached through [`source`](StdError::source),
/// so that a report of the whole chain says nothing twice. Neither may hold credentials or the
/// contents of a record.
pub struct PortError<K> {
    kind: K,
    context: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl<K: PortErrorKind> PortError<K> {
    /// An error without an underlying cause.
    pub fn new(kind: K, context: impl Into<String>) -> Self {
        Self { kind, context: context.into(), source: None }
    }

    /// An error caused by another one.
    pub fn with_source(
        kind: K,
        context: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, context: context.into(), source: Some(source.into()) }
    }

    /// What went wrong, for code.
    pub fn kind(&self) -> K {
        self.kind
    }

    /// What was being done, for people.
    pub fn context(&self) -> &str {
        &self.context
    }

    /// Whether the same call may succeed later without anybody's help.
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// The context and every cause, joined by `: `, as it is stored in the history.
    pub fn report(&self) -> String {
        let mut text = self.context.clone();
        let mut cause: Option<&(dyn StdError + 'static)> = StdError::source(self);
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
    }
}
