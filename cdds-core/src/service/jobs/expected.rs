//! Rule J1: changes of a job that their author has not seen.

use crate::domain::id::JobId;
use crate::domain::job::Job;
use crate::domain::violation::{Code, RuleViolation};
use crate::setters::setters;

/// A job to change, and the version that it must still have. An id alone is a job of any version.
///
/// The version is compared in the same transaction in which the job changes, so nobody comes in between.
///
/// ```
/// use cdds_core::service::jobs::{ExpectedJob, Jobs};
/// use cdds_core::{JobId, Principal, ServiceError};
///
/// async fn suspend_as_seen(jobs: &Jobs, by: &Principal, id: JobId, seen: u64) -> Result<(), ServiceError> {
///     jobs.suspend(by, ExpectedJob::from(id).with_if_version(seen)).await?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpectedJob {
    /// The job.
    pub id: JobId,
    /// Changes it only if it still has this version (rule J1).
    pub if_version: Option<u64>,
}

setters! {
    ExpectedJob {
        with_if_version => if_version: option u64;
    }
}

impl From<JobId> for ExpectedJob {
    fn from(id: JobId) -> Self {
        Self { id, if_version: None }
    }
}

impl ExpectedJob {
    pub(super) fn check(self, job: &Job) -> Result<(), RuleViolation> {
        check_version(job, self.if_version)
    }
}

/// Refuses a change that would overwrite another one, which its author has not seen.
pub(super) fn check_version(job: &Job, expected: Option<u64>) -> Result<(), RuleViolation> {
    match expected {
        Some(expected) if expected != job.version => Err(RuleViolation::new(
            Code::VersionOvertaken,
            format!(
                "the job has version {}, not {expected}: somebody changed it; look at it again, then repeat \
                 the change",
                job.version
            ),
        )),
        _ => Ok(()),
    }
}
