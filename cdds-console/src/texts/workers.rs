//! The texts of workers.

use std::fmt::Display;

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
pub(crate) const DRAINS: &str = "Draining";
pub(crate) const DRAINED: &str = "Drained";
pub(crate) const DRAINED_SAYS: &str = "can be stopped";
pub(crate) const DRAIN: &str = "Drain";
pub(crate) const DRAIN_IT: &str = "Drain it";
pub(crate) const LEAVE_IT: &str = "Let it work";
pub(crate) const DRAIN_SAYS: &str = "It ends what it runs and claims nothing more, so that it can be stopped. What is due is left to other workers, and waits if there are none. \
     It drains until somebody resumes it, or until it ends.";
pub(crate) const RESUME: &str = "Resume";
pub(crate) const ACTIONS: &str = "Actions";
pub(crate) const NAME_ONE: &str = "Name a worker.";
pub(crate) const ALL_DRAIN: &str = "Every worker drains: what is due waits until one is resumed or started.";
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

pub(crate) const TIME_ZONES: &str = "Time zones";

/// Says what a worker with an older database of time zones does not do.
pub(crate) fn outdated(on_record: impl Display) -> String {
    format!(
        "A worker has an older database of time zones than {on_record}, by which jobs are computed. It leaves jobs with a \
         time zone to the others: update its program."
    )
}

/// Returns how many workers there are of each kind: `2 alive, 1 gone`.
pub(crate) fn count(alive: usize, gone: usize) -> String {
    match gone {
        0 => format!("{alive} alive"),
        gone => format!("{alive} alive, {gone} gone"),
    }
}

/// Returns the title of the question before a worker drains.
pub(crate) fn drain_this(program: &str) -> String {
    format!("Drain {program}?")
}
