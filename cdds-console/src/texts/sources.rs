//! The texts of sources.

pub(crate) const ABOUT: &str = "Where exports come from, and what jobs can choose.";
pub(crate) const NOTHING_YET: &str = "No source is registered";
pub(crate) const NOTHING_YET_SAYS: &str =
    "The service's operator adds sources. Without one, no job can be added.";
pub(crate) const UNSUPPORTED: &str = "Jobs cannot use it";
pub(crate) const CATEGORY: &str = "Category";
pub(crate) const FIELD: &str = "field";
pub(crate) const FIELDS: &str = "Fields";
pub(crate) const INSTANT: &str = "Time";
pub(crate) const OWNERSHIP: &str = "Whose records";
pub(crate) const UNDECLARED: &str = "Not declared: jobs take all";
pub(crate) const HAS_INSTANT: &str = "Records have a time: any timeframe";
pub(crate) const NO_INSTANT: &str = "Records have no time: everything, always";
pub(crate) const HAS_CHANGE: &str = "They also have the time of their last change";
pub(crate) const LAG: &str = "A record may appear later by";
pub(crate) const SHARED: &str = "Shared: everybody who sees the source may export all records";
pub(crate) const PER_OWNER: &str = "Each owner's own: you export yours alone";
pub(crate) const UNSTATED: &str = "The source does not say: only the default owner exports it";
