//! Checks principals before anything is read or changed (rule C1), and makes the entries of the audit (rule
//! C2).

use chrono::{DateTime, Utc};

use super::ServiceError;
use crate::domain::access::audit::{AuditRecord, Object, Outcome};
use crate::domain::access::{Action, Principal};
use crate::domain::id::AuditId;
use crate::ports::Ports;

/// Checks that a principal is allowed an action. A refusal is put on record.
///
/// # Errors
/// [`ServiceError::Forbidden`] if it is not; [`ServiceError::Catalog`] if that cannot be put on record.
pub(super) async fn check(
    ports: &Ports,
    by: &Principal,
    action: Action,
    object: Option<Object>,
) -> Result<(), ServiceError> {
    let Err(refusal) = by.check(action) else { return Ok(()) };
    let now = ports.catalog.now().await?;
    let entry = entry(ports, by, action, now).with_object(object).with_outcome(Outcome::Forbidden);
    ports.catalog.record(&entry).await?;
    Err(refusal.into())
}

/// Makes the entry of an action that was decided `now` and is about to be stored.
pub(super) fn entry(ports: &Ports, by: &Principal, action: Action, now: DateTime<Utc>) -> AuditRecord {
    AuditRecord::new(AuditId(ports.ids.next()), now, by, action)
}
