//! The operations behind the product's pages: jobs, history, artifacts, recipients.
//!
//! A service loads a state, lets the domain decide, and stores the decision with the version that it started
//! from. Every method takes the principal that calls it, and first checks that it is allowed the action (rule
//! C1).

mod access;
pub mod adoption;
pub mod artifacts;
pub mod audit;
pub mod clock;
mod download;
pub mod history;
pub mod jobs;
pub mod outbox;
pub mod pairing;
pub mod recipients;

use std::fmt;

use crate::domain::access::Forbidden;
use crate::domain::archive::adoption::Unadoptable;
use crate::domain::id::ExecutionId;
use crate::domain::violation::RuleViolation;
use crate::examination::ExaminationError;
use crate::ports::catalog::{CatalogError, CatalogErrorKind};
use crate::ports::packager::PackagerError;
use crate::ports::sealer::SealerError;
use crate::ports::sink::SinkError;

/// How many times a decision is made before a conflict is reported.
const DECISIONS_MAX: u32 = 8;

/// Decides again if somebody, mostly the engine, has changed the subject of the decision in between.
async fn until_settled<T, F>(decide: impl Fn() -> F) -> Result<T, ServiceError>
where
    F: Future<Output = Result<T, ServiceError>>,
{
    for _ in 1..DECISIONS_MAX {
        match decide().await {
            Err(ServiceError::Conflict { .. }) => {}
            settled => return settled,
        }
    }
    decide().await
}

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
    /// A notice.
    Notice,
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
            Self::Notice => "notice",
        })
    }
}

impl ServiceError {
    pub(crate) fn not_found(what: Entity, id: impl fmt::Display) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// Returns a stable code for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(violation) => violation.code().as_str(),
            Self::Forbidden(_) => "forbidden",
            Self::NotFound { .. } => "not_found",
            Self::IncompleteSet { .. } => "incomplete_set",
            Self::Unadoptable { .. } => "unadoptable",
            Self::Conflict { .. } => "conflict",
            Self::Catalog(_) => "catalog_failed",
            Self::Sink(_) => "store_failed",
            Self::Sealer(_) => "sealing_failed",
            Self::Packager(_) => "packing_failed",
        }
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

#[cfg(test)]
mod tests {
    use super::artifacts::Artifacts;
    use super::history::History;
    use super::jobs::{EditRequest, Jobs};
    use crate::domain::access::Principal;
    use crate::domain::archive::removal::WithArtifacts;
    use crate::domain::id::{ArtifactId, ExecutionId, JobId};

    /// Multi-threaded runtimes move the futures of requests between threads, so everything held across an
    /// await must be `Send`.
    #[test]
    fn requests_may_move_between_threads() {
        fn movable<T: Send>(_: T) {}
        fn requests(
            (jobs, history, artifacts): (&Jobs, &History, &Artifacts),
            (by, edit): (&Principal, &EditRequest),
            (job, execution, file): (JobId, ExecutionId, ArtifactId),
        ) {
            movable(jobs.submit(by, edit.settings.clone()));
            movable(jobs.edit(by, job, edit));
            movable(jobs.suspend(by, job));
            movable(jobs.run_now(by, job));
            movable(jobs.delete(by, job));
            movable(history.cancel(by, execution));
            movable(history.rerun(by, execution));
            movable(history.delete(by, execution, WithArtifacts::Keep));
            movable(artifacts.delete(by, &[file]));
            movable(artifacts.delete_set(by, execution));
            movable(artifacts.hold(by, execution));
        }
        let _compiled = requests;
    }
}
