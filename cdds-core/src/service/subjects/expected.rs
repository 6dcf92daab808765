//! Rule D3: steps of a request whose latest change their author has not seen.

use crate::domain::id::SubjectRequestId;
use crate::domain::subject::request::SubjectRequest;
use crate::domain::violation::{Code, RuleViolation};
use crate::setters::setters;

/// A request of a data subject, and the version that it must still have. An id alone is a request of any version.
///
/// The version is compared in the same transaction in which the request changes, so nobody comes in between.
///
/// ```
/// use cdds_core::domain::id::SubjectRequestId;
/// use cdds_core::service::subjects::{ExpectedSubjectRequest, Subjects};
/// use cdds_core::{Principal, ServiceError};
///
/// async fn approve_as_seen(
///     subjects: &Subjects,
///     by: &Principal,
///     id: SubjectRequestId,
///     seen: u64,
/// ) -> Result<(), ServiceError> {
///     subjects.approve(by, ExpectedSubjectRequest::from(id).with_if_version(seen)).await?;
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExpectedSubjectRequest {
    /// The request.
    pub id: SubjectRequestId,
    /// Takes the step only if the request still has this version.
    pub if_version: Option<u64>,
}

setters! {
    ExpectedSubjectRequest {
        with_if_version => if_version: option u64;
    }
}

impl From<SubjectRequestId> for ExpectedSubjectRequest {
    fn from(id: SubjectRequestId) -> Self {
        Self { id, if_version: None }
    }
}

impl ExpectedSubjectRequest {
    /// Refuses a step that would follow upon another one, which its author has not seen.
    pub(super) fn check(self, request: &SubjectRequest) -> Result<(), RuleViolation> {
        match self.if_version {
            Some(expected) if expected != request.version => Err(RuleViolation::new(
                Code::VersionOvertaken,
                format!(
                    "the request has version {}, not {expected}: it went on; look at it again, then repeat the step",
                    request.version
                ),
            )),
            _ => Ok(()),
        }
    }
}
