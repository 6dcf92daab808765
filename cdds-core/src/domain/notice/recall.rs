//! Rule D11: sets of which whoever has a copy is told that somebody asked for the erasure of records in them.

use chrono::{DateTime, Utc};

use super::subscription::Subscription;
use super::{Notice, NoticeKind};
use crate::domain::access::audit::AuditRecord;
use crate::domain::delivery::Delivery;
use crate::domain::execution::{Execution, ExecutionState};
use crate::domain::id::SubjectRequestId;
use crate::domain::job::JobSettings;

/// A notice by which a set is recalled, as it is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    /// The notice, with how far it has come.
    pub notice: Notice,
    /// Whether it was stored by this call; otherwise it was on record, and its subscriber was told or will be.
    pub is_new: bool,
}

/// Returns the notices that the set of an execution is recalled for a request: one for the embedding service, and one for
/// each of its subscribers who is told of that. Each is the same whenever it is asked for. None of them tells of the
/// request, whose id only tells notices for two people apart. There are none for an execution that published nothing, or
/// that made the copy that a data subject asked for, which is theirs.
pub fn notices(execution: &Execution, request: SubjectRequestId, now: DateTime<Utc>) -> Vec<Notice> {
    match execution.state {
        ExecutionState::Succeeded if execution.settings.request.is_none() => {
            Notice::about(execution, NoticeKind::Recall, Some(&request.to_string()), now)
        }
        _ => Vec::new(),
    }
}

/// Returns the subscribers of an execution who are told that its set is recalled.
pub fn subscribers(settings: &JobSettings) -> impl Iterator<Item = &Subscription> {
    let has_destinations = !settings.destinations.is_empty();
    settings.subscriptions.iter().filter(move |one| one.tells(NoticeKind::Recall, has_destinations))
}

/// Whether somebody may have a copy of a set: one of its files was downloaded, wholly or in part, a link to one was handed
/// out, or a delivery was begun. A delivery that has failed may have left files.
pub fn is_had(downloads: &[AuditRecord], deliveries: &[Delivery]) -> bool {
    !downloads.is_empty() || deliveries.iter().any(has_begun)
}

/// Whether a delivery may have left files where it leads.
pub fn has_begun(delivery: &Delivery) -> bool {
    // Attempts are counted anew when a delivery is asked for again; claims are not.
    delivery.work.epoch > 0
}
