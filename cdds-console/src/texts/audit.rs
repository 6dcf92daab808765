//! The texts of the audit.

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
