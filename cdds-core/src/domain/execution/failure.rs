//! Rule E5: a failure is stored as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::id::SourceId;

/// Why an attempt failed. Its message names things, never the contents of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The step of the export that failed.
    pub step: Step,
    /// The kind of failure.
    pub kind: FailureKind,
    /// What failed, why, and what to do about it, for people.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
}

/// A step of an export. Steps are ordered as they are taken.
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

impl Step {
    /// Every step, in the order in which they are taken.
    pub const ALL: [Self; 7] =
        [Self::Prepare, Self::Read, Self::Pack, Self::Seal, Self::Store, Self::Publish, Self::Work];

    /// Returns the step as it is stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Read => "read",
            Self::Pack => "pack",
            Self::Seal => "seal",
            Self::Store => "store",
            Self::Publish => "publish",
            Self::Work => "work",
        }
    }
}

/// The kind of a failure, the same for all ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// The source or the store cannot be reached at the moment.
    Unavailable,
    /// Something that should exist is missing.
    Missing,
    /// A request or setting does not fit.
    Invalid,
    /// A record is unreadable.
    BadRecord,
    /// The work was broken off in the middle.
    Interrupted,
    /// The store has no room left.
    Full,
    /// The store refused the request.
    Refused,
    /// Stored bytes differ from those that were written.
    Corrupt,
    /// A recipient's certificate cannot be used.
    Certificate,
    /// The cryptographic library failed.
    Crypto,
    /// A limit of the archive format was reached.
    TooLarge,
    /// The worker died in the middle.
    Crashed,
    /// This library or an adapter has a defect.
    Internal,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Unavailable,
        Self::Missing,
        Self::Invalid,
        Self::BadRecord,
        Self::Interrupted,
        Self::Full,
        Self::Refused,
        Self::Corrupt,
        Self::Certificate,
        Self::Crypto,
        Self::TooLarge,
        Self::Crashed,
        Self::Internal,
    ];

    /// Returns the kind as it is stored and printed.
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
    /// Creates the failure of an attempt whose worker died. It counts as an attempt (rule E5).
    pub fn crashed() -> Self {
        Self {
            step: Step::Work,
            kind: FailureKind::Crashed,
            message: "the worker died before it finished".to_owned(),
            retryable: true,
        }
    }

    /// Creates the failure of an attempt by a defect or a refusal that a repetition would meet again.
    pub fn internal(step: Step, message: impl Into<String>) -> Self {
        Self { step, kind: FailureKind::Internal, message: message.into(), retryable: false }
    }

    /// Creates the failure of a panic in `port` (rule E11). A panic is a defect, and the same call would most
    /// likely panic again, so the execution is not retried. The panic's message may quote a record and is
    /// left out.
    pub fn panicked(step: Step, port: &str) -> Self {
        Self::internal(
            step,
            format!("the {port} panicked, which is a bug in it: fix it, then run the execution again"),
        )
    }

    /// Creates the failure of an execution that made no progress for `for_seconds` seconds (rule E12).
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

#[cfg(test)]
mod tests {
    use std::iter::successors;

    use super::*;

    /// A variant that is new has no place in the matches, so that this does not compile until `ALL` is looked at.
    #[test]
    fn every_step_and_every_kind_is_in_its_list_under_its_stored_name() {
        let next = |step: &Step| match step {
            Step::Prepare => Some(Step::Read),
            Step::Read => Some(Step::Pack),
            Step::Pack => Some(Step::Seal),
            Step::Seal => Some(Step::Store),
            Step::Store => Some(Step::Publish),
            Step::Publish => Some(Step::Work),
            Step::Work => None,
        };
        assert_eq!(successors(Some(Step::Prepare), next).collect::<Vec<_>>(), Step::ALL);
        for step in Step::ALL {
            assert_eq!(serde_json::json!(step), step.as_str());
        }

        let next = |kind: &FailureKind| match kind {
            FailureKind::Unavailable => Some(FailureKind::Missing),
            FailureKind::Missing => Some(FailureKind::Invalid),
            FailureKind::Invalid => Some(FailureKind::BadRecord),
            FailureKind::BadRecord => Some(FailureKind::Interrupted),
            FailureKind::Interrupted => Some(FailureKind::Full),
            FailureKind::Full => Some(FailureKind::Refused),
            FailureKind::Refused => Some(FailureKind::Corrupt),
            FailureKind::Corrupt => Some(FailureKind::Certificate),
            FailureKind::Certificate => Some(FailureKind::Crypto),
            FailureKind::Crypto => Some(FailureKind::TooLarge),
            FailureKind::TooLarge => Some(FailureKind::Crashed),
            FailureKind::Crashed => Some(FailureKind::Internal),
            FailureKind::Internal => None,
        };
        assert_eq!(successors(Some(FailureKind::Unavailable), next).collect::<Vec<_>>(), FailureKind::ALL);
        for kind in FailureKind::ALL {
            assert_eq!(serde_json::json!(kind), kind.as_str());
        }
    }
}
