//! The texts of the audit.

use cdds_core::domain::access::Action;
use cdds_view::{AuditView, words};

pub(crate) const ABOUT: &str = "Who changed and downloaded what, and who was not allowed to.";
pub(crate) const NOTHING_YET: &str = "Nothing is on record yet";
pub(crate) const NOTHING_YET_SAYS: &str = "Each change, each download and each refused call will be.";
pub(crate) const NO_MATCH: &str = "No entry fits these filters.";
pub(crate) const SHOW_ALL: &str = "Show all entries";
pub(crate) const WHO: &str = "Who";
pub(crate) const ACTION: &str = "Action";
pub(crate) const AT: &str = "When";
pub(crate) const OBJECT: &str = "What";
pub(crate) const OBJECT_ID: &str = "Id, or a recipient's name";
pub(crate) const SINCE: &str = "From (UTC)";
pub(crate) const UNTIL: &str = "Before (UTC)";

/// Returns an action for people, by its stable name: `Change a job`.
pub(crate) fn action(name: &str) -> String {
    let words = match Action::ALL.iter().find(|action| action.as_str() == name) {
        Some(Action::See) => "Look at jobs and results",
        Some(Action::SeeWorkers) => "Look at the workers",
        Some(Action::CreateJob) => "Add a job",
        Some(Action::EditJob) => "Change a job",
        Some(Action::SuspendJob) => "Suspend a job",
        Some(Action::ResumeJob) => "Resume a job",
        Some(Action::RunJob) => "Run a job now",
        Some(Action::BackfillJob) => "Export a range of the past",
        Some(Action::BringBackJob) => "Bring a job back from the future",
        Some(Action::CancelExecution) => "Cancel a run",
        Some(Action::RerunExecution) => "Run again",
        Some(Action::Download) => "Download",
        Some(Action::SendAgain) => "Send a notice again",
        Some(Action::Redeliver) => "Deliver again",
        Some(Action::CheckDestination) => "Check a destination",
        Some(Action::TestNotice) => "Send a test notice",
        Some(Action::AddRecipient) => "Add a recipient",
        Some(Action::RenewRecipient) => "Renew a certificate",
        Some(Action::RemoveRecipient) => "Remove a recipient",
        Some(Action::DeleteJob) => "Delete a job",
        Some(Action::DeleteExecution) => "Delete a run from the history",
        Some(Action::EnableDestination) => "Enable a destination",
        Some(Action::DisableDestination) => "Disable a destination",
        Some(Action::PinDestination) => "Pin the identity of a destination",
        Some(Action::EnableEndpoint) => "Enable an endpoint",
        Some(Action::DisableEndpoint) => "Disable an endpoint",
        Some(Action::DrainWorker) => "Drain a worker",
        Some(Action::ResumeWorker) => "Let a worker claim again",
        Some(Action::SeeSubjectRequests) => "Look at requests of data subjects",
        Some(Action::CreateSubjectRequest) => "Take in a request of a data subject",
        Some(Action::VerifySubjectRequest) => "Record that an identity was checked",
        Some(Action::ExtendSubjectRequest) => "Extend a request of a data subject",
        Some(Action::WithdrawSubjectRequest) => "Withdraw a request of a data subject",
        Some(Action::ApproveSubjectRequest) => "Approve an erasure",
        Some(Action::FindSubjectCopies) => "Look for copies of a data subject",
        Some(Action::RecallCopies) => "Tell those who have copies to delete them",
        Some(Action::RunSubjectRequest) => "Preview or run an erasure again",
        Some(Action::ReapplyErasures) => "Apply erasures again",
        Some(Action::RefuseSubjectRequest) => "Refuse a request of a data subject",
        Some(Action::DeleteArtifacts) => "Delete files",
        Some(Action::HoldSet) => "Put a set on hold",
        Some(Action::ReleaseSet) => "Release a set from its hold",
        Some(Action::SeeAudit) => "Look at the audit",
        Some(Action::AdoptStore) => "Pair the catalog with a store",
        Some(Action::AdoptSet) => "Take a set back into the catalog",
        _ => return super::sentence(&words::status(name)),
    };
    words.to_owned()
}

/// Returns a kind of object for people, by its stable name.
pub(crate) fn object(kind: &str) -> String {
    match kind {
        "artifact_set" => "Set of files".to_owned(),
        "artifact" => "File".to_owned(),
        "subject_request" => "Request of a data subject".to_owned(),
        kind => super::sentence(&words::status(kind)),
    }
}

/// Returns what an entry says beside its outcome, with the settings that were changed in words.
pub(crate) fn remark(entry: &AuditView) -> String {
    let mut told = entry.clone();
    told.settings = entry.settings.iter().map(|name| setting(name).to_owned()).collect();
    told.remark()
}

fn setting(name: &str) -> &str {
    match name {
        "template" => "fields and filters",
        "frequency" => "schedule",
        "clock" => "time zone",
        "starts_at" => "not before",
        "ends_at" => "not after",
        "timeframe" => "date range",
        "split_size" => "file size",
        "recipients" => "encryption",
        "retention" => "how long files are kept",
        "policies" => "when things go wrong",
        "watermark" => "exported so far",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_words_that_no_program_made() {
        for known in Action::ALL {
            let made = crate::texts::sentence(&words::status(known.as_str()));
            let is_one_word = !known.as_str().contains('_');
            assert!(is_one_word || action(known.as_str()) != made, "{made}");
        }
        assert_eq!(action("dance_well"), "Dance well");
    }
}
