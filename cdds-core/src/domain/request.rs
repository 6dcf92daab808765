//! Rule J18: requests that are sent again because their answer got lost.

use std::fmt;

use uuid::Uuid;

use crate::domain::id::{AuditId, JobId, Owner, SubjectRequestId};
use crate::domain::violation::{Code, RuleViolation};

/// The most characters of a key.
const CHARS_MAX: usize = 255;

/// The key that a client gives a request which creates something, so that sending it again creates nothing more
/// (rule J18).
///
/// ```
/// use cdds_core::domain::request::RequestKey;
///
/// let key = RequestKey::new("8e03978e-40d5-43e8", br#"{"title": "Calls"}"#)?;
/// assert_eq!(key.as_str(), "8e03978e-40d5-43e8");
/// # Ok::<(), cdds_core::domain::violation::RuleViolation>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RequestKey {
    key: String,
    /// What the whole request comes to. It tells another request with the same key.
    request: Uuid,
}

/// Leaves out what the request comes to.
impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestKey({:?})", self.key)
    }
}

impl RequestKey {
    /// Creates a key of 1 to 255 visible ASCII characters. `request` is all that the client asks for, always
    /// written alike: another request with the same key is refused.
    ///
    /// # Errors
    /// [`Code::InvalidName`] for another text.
    pub fn new(key: impl Into<String>, request: &[u8]) -> Result<Self, RuleViolation> {
        let key = key.into();
        if key.is_empty() || key.len() > CHARS_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let why =
                "the key of a request is not valid: use 1 to 255 visible ASCII characters, such as a UUID";
            return Err(RuleViolation::new(Code::InvalidName, why));
        }
        Ok(Self { key, request: Uuid::new_v5(&Uuid::NAMESPACE_OID, request) })
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.key
    }

    /// Returns the id of the job that the request creates. No name of an owner has a slash.
    pub(crate) fn job(&self, owner: &Owner) -> JobId {
        JobId(Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("job/{owner}/{}", self.key).as_bytes()))
    }

    /// Returns the id of the request of a data subject that is put on record with it.
    pub(crate) fn subject_request(&self, owner: &Owner) -> SubjectRequestId {
        let name = format!("subject-request/{owner}/{}", self.key);
        SubjectRequestId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
    }

    /// Returns the id of the entry of the audit that is stored with what the request creates, and keeps what the
    /// request came to.
    pub(crate) fn entry(&self, created: Uuid) -> AuditId {
        AuditId(Uuid::new_v5(&created, self.request.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j18_a_key_is_visible_ascii() {
        for wrong in ["", "a b", "a\n", "ä", &"x".repeat(256)] {
            assert_eq!(RequestKey::new(wrong, b"").unwrap_err().code(), Code::InvalidName, "{wrong}");
        }
        assert_eq!(RequestKey::new("x".repeat(255), b"").unwrap().as_str().len(), 255);
    }

    #[test]
    fn j18_owners_and_requests_are_told_apart() {
        let owner = |name: &str| Owner::new(name).unwrap();
        let (one, other) = (RequestKey::new("k", b"one").unwrap(), RequestKey::new("k", b"other").unwrap());
        let job = one.job(&owner("acme"));
        assert_eq!(job, other.job(&owner("acme")));
        assert_ne!(job, one.job(&owner("other")));
        assert_ne!(one.entry(job.0), other.entry(job.0));
    }
}
