//! Checks principals before anything is read or changed (rule C1).

use super::ServiceError;
use crate::domain::access::{Action, Principal};

/// Checks that a principal is allowed an action.
///
/// # Errors
/// [`ServiceError::Forbidden`] if it is not.
pub(super) fn check(by: &Principal, action: Action) -> Result<(), ServiceError> {
    Ok(by.check(action)?)
}
