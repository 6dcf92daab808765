//! Rule E5: a failure is stored as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::id::SourceId;

/// Why an attempt failed. Its message names things, never the contents of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// At which step of the export.
    pub step: Step,
    /// What went wrong.
    pub kind: FailureKind,
    /// What, why and what to do, for people.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
}

/// A step of an export, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Finding the source and checking the recipients.
    Prepare,
    /// Reading records.
    Read,
    /// Compressing and laying out the archive.
    Pack,
    /// Encrypting parts.
    Seal,
    /// Storing parts.
    Store,
    /// Making the set visible.
    Publish,
    /// The worker itself: it died, or lost its lease.
    Work,
}

/// What went wrong, over all ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// Not reachable at the moment.
    Unavailable,
    /// Something that was promised is not there.
    Missing,
    /// A request or setting that does not fit.
    Invalid,
    /// A record that cannot be read.
    BadRecord,
    /// Broken off in the middle.
    Interrupted,
    /// No room left in the store.
    Full,
    /// The store refuses.
    Refused,
    /// Stored bytes are not what was written.
    Corrupt,
    /// A recipient's certificate cannot be used.
    Certificate,
    /// The cryptographic library failed.
    Crypto,
    /// A limit of the archive format was reached.
    TooLarge,
    /// The worker died in the middle.
    Crashed,
    /// A defect in this library or an adapter.
    Internal,
}

impl FailureKind {
    /// The kind as it is stored and printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Missing => "missing",
            Self::Invalid => "invalid",
            Self::BadRecord => "bad_record",
            Self::Interrupted => "interrupted",
            Self::Full => "full",
            Self::Refused => "refused",
            Self::Corrupt => "corrupt",
            Self::Certificate => "certificate",
            Self::Crypto => "crypto",
            Self::TooLarge => "too_large",
            Self::Crashed => "crashed",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Failure {
    /// The worker died in the middle: counted as an attempt (rule E5).
    pub fn crashed() -> Self {
        Self {
            step: Step::Work,
            kind: FailureKind::Crashed,
            message: "the worker died before it finished".to_owned(),
            retryable: true,
        }
    }

    /// Code that was called has panicked. That is a defect, and the same call would most likely panic again, so
    /// it is not tried again. What the panic said may quote a record and is left out.
    pub fn panicked(step: Step, port: &str) -> Self {
        Self {
            step,
            kind: FailureKind::Internal,
            message: format!(
                "the {port} panicked, which is a defect of it: mend it, then run the execution again"
            ),
            retryable: false,
        }
    }

    /// Nothing moved for too long: no record was read, nothing was stored.
    pub fn stalled(source: &SourceId, for_seconds: u64) -> Self {
        Self {
            step: Step::Read,
            kind: FailureKind::Interrupted,
            message: format!(
                "no record was read and nothing was stored for {for_seconds} s: source {source} or the store hangs"
            ),
            retryable: true,
        }
    }
}
