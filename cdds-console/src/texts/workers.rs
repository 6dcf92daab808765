//! The texts of workers.

pub(crate) const ABOUT: &str = "Who runs the exports of this service, and who was last heard of when.";
pub(crate) const NOTHING_YET: &str = "No worker has ever run";
pub(crate) const NOTHING_YET_SAYS: &str =
    "Nothing is exported without one. Whoever operates the service starts one:";
pub(crate) const START_ONE: &str = "cdds serve";
pub(crate) const OR: &str = "or, once,";
pub(crate) const START_ONE_ONCE: &str = "cdds run";
pub(crate) const NOBODY_WORKS: &str =
    "Nobody works at the moment: what is due waits until a worker is started.";
pub(crate) const ALIVE: &str = "Alive";
pub(crate) const GONE: &str = "Gone";
pub(crate) const LEFT: &str = "Ended";
pub(crate) const GONE_SAYS: &str = "without a word";
pub(crate) const WORKER: &str = "Worker";
pub(crate) const UNNAMED: &str = "Unnamed program";
pub(crate) const PLACE: &str = "Where";
pub(crate) const RUNS: &str = "Runs";
pub(crate) const NOTHING: &str = "Nothing";
pub(crate) const UNKNOWN_PLACE: &str = "Not said";
pub(crate) const OF: &str = "of";
pub(crate) const AT_ONCE: &str = "at once";
pub(crate) const SINCE: &str = "Since";
pub(crate) const SEEN: &str = "Last sign of life";
pub(crate) const MORE: &str = "more";
pub(crate) const OF_OTHERS: &str = "of other owners";

/// Returns how many workers there are of each kind: `2 alive, 1 gone`.
pub(crate) fn count(alive: usize, gone: usize) -> String {
    match gone {
        0 => format!("{alive} alive"),
        gone => format!("{alive} alive, {gone} gone"),
    }
}
