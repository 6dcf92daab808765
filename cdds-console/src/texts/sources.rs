//! The texts of sources.

use cdds_view::words;

pub(crate) const ABOUT: &str = "Where exports come from, and what jobs can choose.";
pub(crate) const NOTHING_YET: &str = "No source is registered";
pub(crate) const NOTHING_YET_SAYS: &str =
    "The service's operator adds sources. Without one, no job can be added.";
pub(crate) const UNSUPPORTED: &str = "Jobs cannot use it";
pub(crate) const CATEGORIES: &str = "Categories";
pub(crate) const FIELD: &str = "field";
pub(crate) const FIELDS: &str = "Fields";
pub(crate) const INSTANT: &str = "Time";
pub(crate) const OWNERSHIP: &str = "Whose records";
pub(crate) const UNDECLARED: &str = "Not declared: jobs take all";
pub(crate) const HAS_INSTANT: &str = "Records have a time: any timeframe";
pub(crate) const NO_INSTANT: &str = "Records have no time: everything, always";
pub(crate) const HAS_CHANGE: &str = "They also have the time of their last change";
pub(crate) const LAG: &str = "Records may appear late, by up to";
pub(crate) const SHARED: &str = "Shared: everybody who sees the source may export all records";
pub(crate) const PER_OWNER: &str = "Each owner's own: you export yours alone";
pub(crate) const UNSTATED: &str = "The source does not say: only the default owner exports it";
pub(crate) const CHECK: &str = "Check";
pub(crate) const CHECK_AGAIN: &str = "Check again";
pub(crate) const CHECK_SAYS: &str =
    "The beginning of each type is read as a job would read it, for ten seconds at most. Nothing is stored.";
pub(crate) const NAME_ONE: &str = "name a source";
pub(crate) const WELL: &str = "It can be read";
pub(crate) const NOT_WELL: &str = "It cannot be read as it should";
pub(crate) const ANSWERS: &str = "What it answered";
pub(crate) const ANSWER: &str = "Answer";
pub(crate) const READ: &str = "Records read";
pub(crate) const FIRST: &str = "The first";
pub(crate) const ESTIMATE: &str = "In all, about";
pub(crate) const TOOK: &str = "Took";
pub(crate) const UNKNOWN: &str = "Unknown";
pub(crate) const REMARKS: &str = "Remarks";
pub(crate) const CAN_BE_READ: &str = "Can be read";
pub(crate) const FAILED: &str = "Failed";
pub(crate) const TOO_SLOW: &str = "No answer in time";

/// `Check of Telephony`
pub(crate) fn check_of(title: &str) -> String {
    format!("Check of {title}")
}

/// `3 of 20 records cannot be read`
pub(crate) fn unreadable(bad: u64, well: Option<u64>) -> String {
    match well {
        Some(well) => {
            format!("{} of {} cannot be read", words::count(bad), words::counted(bad + well, "record"))
        }
        None => format!("{} cannot be read", words::counted(bad, "record")),
    }
}

/// `And 3 more`
pub(crate) fn and_more(records: u64) -> String {
    format!("And {} more", words::count(records))
}
