//! The texts of the history and of an execution.

use cdds_view::words;

pub(crate) const EXECUTION: &str = "execution";
pub(crate) const FILE: &str = "file";
pub(crate) const NOTHING_YET: &str = "Nothing has run yet";
pub(crate) const NOTHING_YET_SAYS: &str = "Each run of a job is listed here, with its files, or with the reason why there are none. Add a job, or run one now.";
pub(crate) const NO_MATCH: &str = "No execution fits these filters.";
pub(crate) const SHOW_ALL: &str = "Show all executions";
pub(crate) const SELECTED: &str = "Selected executions";
pub(crate) const JOB: &str = "Job";
pub(crate) const STATUS: &str = "Status";
pub(crate) const DUE: &str = "Due";
pub(crate) const TOOK: &str = "Took";
pub(crate) const RECORDS: &str = "Records";
pub(crate) const FILES: &str = "Files";
pub(crate) const DUE_FROM: &str = "Due from (UTC)";
pub(crate) const DUE_BEFORE: &str = "Due before (UTC)";
pub(crate) const STARTED_FROM: &str = "Started from (UTC)";
pub(crate) const STARTED_BEFORE: &str = "Started before (UTC)";
pub(crate) const JOB_DELETED: &str = "the job was deleted";
pub(crate) const NOT_STARTED: &str = "Not yet";
pub(crate) const SKIPPED: &str = "Skipped, never started";
pub(crate) const NEVER_STARTED: &str = "Never started";
pub(crate) const CANCEL: &str = "Cancel";
pub(crate) const DELETE_STAYS: &str =
    "They are taken off the history. Their jobs stay, and so does the record of who did what.";
pub(crate) const DELETE_REFUSED_WITH_FILES: &str = "An execution that has files is deleted together with them, or not at all. Files on hold stay, and so does their execution.";
pub(crate) const DELETE_THEM: &str = "Delete them";
pub(crate) const DELETE_WITHOUT_FILES: &str = "Delete those without files";
pub(crate) const KEEP_THEM: &str = "Keep them";

/// `Delete 3 executions?`
pub(crate) fn delete_many(count: usize) -> String {
    format!("Delete {}?", words::counted(count as u64, EXECUTION))
}

/// `Delete them with their 5 files`
pub(crate) fn delete_with_files(files: usize) -> String {
    format!("Delete them and {}", words::counted(files as u64, FILE))
}
