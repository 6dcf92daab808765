//! The texts of the audit.

use cdds_view::AuditView;

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
