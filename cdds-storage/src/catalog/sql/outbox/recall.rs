//! Notices that sets are recalled for somebody who asked for erasure (rule D11).

use cdds_core::domain::access::audit::AuditRecord;
use cdds_core::domain::id::{ExecutionId, Owner, SubjectRequestId};
use cdds_core::domain::notice::recall::{Recalled, notices};
use chrono::{DateTime, Utc};

use super::super::fault::Fault;
use super::super::transaction::Transaction;
use super::super::understood::understood;
use super::super::{audit, executions};
use super::{find, insert, is_kept};

/// Stores the notices of each set, and its entry if one of them is new. Returns them as they are on record.
pub(in super::super) fn recall(
    tx: &Transaction<'_>,
    owner: &Owner,
    request: SubjectRequestId,
    sets: &[(ExecutionId, AuditRecord)],
    now: DateTime<Utc>,
) -> Result<Vec<Recalled>, Fault> {
    let mut recalled = Vec::new();
    for (id, entry) in sets {
        let name = id.to_string();
        let found = understood("execution", &name, executions::find_any(tx, &name))?.flatten();
        let Some(execution) = found.filter(|execution| execution.owner == *owner) else { continue };
        if !is_kept(tx, *id)? {
            continue;
        }
        let mut is_any_new = false;
        for notice in notices(&execution, request, now) {
            let id = notice.work.id.to_string();
            let is_new = insert(tx, std::slice::from_ref(&notice))? > 0;
            is_any_new |= is_new;
            let on_record = understood("notice", &id, find(tx, &id))?.flatten();
            recalled.extend(on_record.map(|notice| Recalled { notice, is_new }));
        }
        if is_any_new {
            audit::insert(tx, std::slice::from_ref(entry))?;
        }
    }
    Ok(recalled)
}
