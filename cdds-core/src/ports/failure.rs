//! Converts errors of ports into failures of executions, which are stored (rule E5).

use super::destination::DestinationErrorKind;
use super::error::{PortError, PortErrorKind};
use super::notifier::NotifyErrorKind;
use super::packager::PackagerErrorKind;
use super::sealer::SealerErrorKind;
use super::sink::SinkErrorKind;
use super::source::SourceErrorKind;
use super::workers::WorkLost;
use crate::domain::execution::failure::{Failure, FailureKind, Step};

impl Failure {
    /// Creates a failure from a port's error, with the whole chain of causes as its message.
    pub fn of<K: PortErrorKind + Into<FailureKind>>(step: Step, error: &PortError<K>) -> Self {
        Self { step, kind: error.kind().into(), message: error.report(), retryable: error.is_retryable() }
    }
}

impl From<WorkLost> for Failure {
    fn from(lost: WorkLost) -> Self {
        Self { step: Step::Work, kind: FailureKind::Internal, message: lost.to_string(), retryable: true }
    }
}

impl From<SourceErrorKind> for FailureKind {
    fn from(kind: SourceErrorKind) -> Self {
        match kind {
            SourceErrorKind::Unavailable => Self::Unavailable,
            SourceErrorKind::Missing => Self::Missing,
            SourceErrorKind::Invalid | SourceErrorKind::Unsupported | SourceErrorKind::Refused => {
                Self::Invalid
            }
            SourceErrorKind::BadRecord => Self::BadRecord,
            SourceErrorKind::Interrupted => Self::Interrupted,
        }
    }
}

impl From<SinkErrorKind> for FailureKind {
    fn from(kind: SinkErrorKind) -> Self {
        match kind {
            SinkErrorKind::Unavailable => Self::Unavailable,
            SinkErrorKind::Full => Self::Full,
            SinkErrorKind::Refused => Self::Refused,
            SinkErrorKind::NotFound => Self::Missing,
            SinkErrorKind::Corrupt => Self::Corrupt,
        }
    }
}

impl From<DestinationErrorKind> for FailureKind {
    fn from(kind: DestinationErrorKind) -> Self {
        match kind {
            DestinationErrorKind::Unavailable => Self::Unavailable,
            DestinationErrorKind::Full => Self::Full,
            DestinationErrorKind::Refused | DestinationErrorKind::CannotRename => Self::Refused,
            DestinationErrorKind::IdentityChanged => Self::Certificate,
            DestinationErrorKind::NotFound => Self::Missing,
            DestinationErrorKind::Corrupt => Self::Corrupt,
        }
    }
}

impl From<NotifyErrorKind> for FailureKind {
    fn from(kind: NotifyErrorKind) -> Self {
        match kind {
            NotifyErrorKind::Unavailable | NotifyErrorKind::Later(_) => Self::Unavailable,
            NotifyErrorKind::Refused => Self::Refused,
            NotifyErrorKind::Gone => Self::Missing,
        }
    }
}

impl From<SealerErrorKind> for FailureKind {
    fn from(kind: SealerErrorKind) -> Self {
        match kind {
            SealerErrorKind::Certificate => Self::Certificate,
            SealerErrorKind::Crypto => Self::Crypto,
        }
    }
}

impl From<PackagerErrorKind> for FailureKind {
    fn from(kind: PackagerErrorKind) -> Self {
        match kind {
            PackagerErrorKind::TooLarge => Self::TooLarge,
            PackagerErrorKind::Invalid => Self::Invalid,
        }
    }
}
