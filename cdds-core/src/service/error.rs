//! Why a request was not carried out.

use std::fmt;

use crate::domain::access::Forbidden;
use crate::domain::archive::adoption::Unadoptable;
use crate::domain::id::ExecutionId;
use crate::domain::violation::{ErrorClass, RuleViolation};
use crate::examination::ExaminationError;
use crate::ports::catalog::{CatalogError, CatalogErrorKind};
use crate::ports::error::report;
use crate::ports::packager::PackagerError;
use crate::ports::sealer::SealerError;
use crate::ports::sink::SinkError;
use crate::ports::subject_keys::SubjectKeysError;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] RuleViolation),
    /// The principal is not allowed the action (rule C1). Nothing was read or changed.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// It does not exist, or it belongs to another owner (rule J15).
    #[error("there is no {what} {id}")]
    NotFound {
        /// The kind of thing that was looked up.
        what: Entity,
        /// Its id.
        id: String,
    },
    /// A download was to resume behind the end of its file.
    #[error("the file has {bytes} bytes, so a download cannot begin at byte {from}")]
    BehindEnd {
        /// Where the download was to begin.
        from: u64,
        /// The size of the file.
        bytes: u64,
    },
    /// Some files of a set are gone, and nobody can read the rest without them.
    #[error(
        "the artifact set of execution {execution} is incomplete, and nothing was fetched. {}; \
         export it again, or fetch single files by their ids", reasons(.deleted, .lost)
    )]
    IncompleteSet {
        /// The execution that published it.
        execution: ExecutionId,
        /// Names of the files that were deleted.
        deleted: Vec<String>,
        /// Names of the files that are recorded but missing from the store.
        lost: Vec<String>,
    },
    /// A set in the store cannot be taken back into the catalog (rule E18).
    #[error("the set of execution {execution} cannot be adopted: {reason}")]
    Unadoptable {
        /// The execution that made it.
        execution: ExecutionId,
        /// The reason.
        reason: Unadoptable,
    },
    /// Somebody else changed it in between.
    #[error(
        "{what} has been changed by somebody else in the meantime: look at it again, then repeat the \
             change"
    )]
    Conflict {
        /// The thing that was changed.
        what: String,
    },
    /// The catalog failed.
    #[error(transparent)]
    Catalog(CatalogError),
    /// The artifact store failed.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// Sealing failed for a reason other than a rule.
    #[error(transparent)]
    Sealer(#[from] SealerError),
    /// Packing failed.
    #[error(transparent)]
    Packager(#[from] PackagerError),
    /// Identifiers of data subjects could not be sealed or opened.
    #[error(transparent)]
    SubjectKeys(#[from] SubjectKeysError),
}

/// A kind of thing that services look up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Entity {
    /// A job.
    Job,
    /// An execution.
    Execution,
    /// The artifact set that an execution published.
    ArtifactSet,
    /// A single artifact.
    Artifact,
    /// The signature of the manifest of an execution's set.
    Signature,
    /// A recipient.
    Recipient,
    /// A source.
    Source,
    /// A data type of a source.
    DataType,
    /// A notice.
    Notice,
    /// A destination.
    Destination,
    /// An endpoint of webhooks.
    Endpoint,
    /// A worker.
    Worker,
    /// A request of a data subject.
    SubjectRequest,
}

impl fmt::Display for Entity {
    /// Writes the words that stand before an id in a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Job => "job",
            Self::Execution => "execution",
            Self::ArtifactSet => "artifact set of execution",
            Self::Artifact => "artifact",
            Self::Signature => "signature of the manifest of execution",
            Self::Recipient => "recipient",
            Self::Source => "source",
            Self::DataType => "data type",
            Self::Notice => "notice",
            Self::Destination => "destination",
            Self::Endpoint => "endpoint",
            Self::Worker => "worker",
            Self::SubjectRequest => "subject request",
        })
    }
}

impl ServiceError {
    pub(super) fn not_found(what: Entity, id: impl fmt::Display) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// Returns a stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(violation) => violation.code().as_str(),
            Self::Forbidden(_) => "forbidden",
            Self::NotFound { .. } => "not_found",
            Self::BehindEnd { .. } => "behind_end",
            Self::IncompleteSet { .. } => "incomplete_set",
            Self::Unadoptable { .. } => "unadoptable",
            Self::Conflict { .. } => "conflict",
            Self::Catalog(_) => "catalog_failed",
            Self::Sink(_) => "store_failed",
            Self::Sealer(_) => "sealing_failed",
            Self::Packager(_) => "packing_failed",
            Self::SubjectKeys(_) => "subject_keys_failed",
        }
    }

    /// Returns the class of the error.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Refused(violation) => violation.code().class(),
            Self::Forbidden(_) => ErrorClass::Forbidden,
            Self::NotFound { .. } => ErrorClass::Missing,
            Self::BehindEnd { .. } => ErrorClass::Invalid,
            Self::IncompleteSet { .. } | Self::Unadoptable { .. } | Self::Conflict { .. } => {
                ErrorClass::State
            }
            Self::Catalog(_) | Self::Sink(_) | Self::Sealer(_) | Self::Packager(_) | Self::SubjectKeys(_) => {
                if self.is_retryable() {
                    ErrorClass::Unavailable
                } else {
                    ErrorClass::Internal
                }
            }
        }
    }

    /// Returns the status with which an HTTP interface answers: 416 for [`BehindEnd`](Self::BehindEnd), else that
    /// of the [class](ErrorClass::http_status).
    pub fn http_status(&self) -> u16 {
        match self {
            Self::BehindEnd { .. } => 416,
            error => error.class().http_status(),
        }
    }

    /// Returns whether the same request may succeed later, without a change of it or of anything that it is
    /// about.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Catalog(error) => error.is_retryable(),
            Self::Sink(error) => error.is_retryable(),
            Self::Sealer(error) => error.is_retryable(),
            Self::Packager(error) => error.is_retryable(),
            Self::SubjectKeys(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// Returns the message and every cause, joined by `: `, for a log. People get the message alone: causes may
    /// name files and hosts.
    pub fn report(&self) -> String {
        report(self)
    }
}

/// Explains why files are missing, and names the first of them.
fn reasons(deleted: &[String], lost: &[String]) -> String {
    const NAMES_MAX: usize = 20;
    let told = |why: &str, names: &[String]| {
        let more = names.len().saturating_sub(NAMES_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let first: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("{why}: {}{more}", first.join(", ")))
    };
    let reasons = [told("Deleted", deleted), told("Missing from the store", lost)];
    reasons.into_iter().flatten().collect::<Vec<_>>().join(". ")
}

impl From<ExaminationError> for ServiceError {
    fn from(error: ExaminationError) -> Self {
        match error {
            ExaminationError::Catalog(error) => error.into(),
            ExaminationError::Sink(error) => error.into(),
        }
    }
}

impl From<CatalogError> for ServiceError {
    fn from(error: CatalogError) -> Self {
        match error.kind() {
            CatalogErrorKind::Conflict => Self::Conflict { what: error.context().to_owned() },
            _ => Self::Catalog(error),
        }
    }
}
