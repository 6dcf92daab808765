//! The texts of one execution.

use cdds_core::domain::execution::SkipReason;
use cdds_core::domain::execution::failure::Step;
use cdds_view::{ProgressView, words};

pub(crate) const EXECUTION: &str = "Execution";
pub(crate) const EXECUTION_FOR: &str = "Execution for";
pub(crate) const DELETED: &str = "deleted";
pub(crate) const RERUN: &str = "Run again";
pub(crate) const CLONE: &str = "Clone";
pub(crate) const CANCEL_ASKS: &str = "Cancel…";
pub(crate) const CANCEL_THIS: &str = "Cancel this execution?";
pub(crate) const CANCEL_IT: &str = "Cancel it";
pub(crate) const LET_IT_RUN: &str = "Let it run";
pub(crate) const CANCEL_SAYS: &str =
    "What it has written is removed, and no file of it appears. It can be run again.";
pub(crate) const DELETE_THIS: &str = "Delete this execution?";
pub(crate) const DELETE_IT: &str = "Delete it";
pub(crate) const DELETE_NO_FILES: &str = "It has no files. It is taken off the history.";
pub(crate) const DELETE_STAYS: &str = "Its job stays, and so does the record of who did what.";
pub(crate) const KEEP_IT: &str = "Keep it";
pub(crate) const ON_HOLD: &str = "Its files are on hold";
pub(crate) const ON_HOLD_SAYS: &str =
    "A legal hold keeps the set, and so its execution. Release the set first.";
pub(crate) const TO_THE_SET: &str = "Go to the set";
pub(crate) const OPEN_THE_SET: &str = "Open the set: download, decrypt, hold";
pub(crate) const UNKNOWN_SHARE: &str = "Running; how much there is, the source does not say";
pub(crate) const DONE_AROUND: &str = "Done around";
pub(crate) const DATA: &str = "Data";
pub(crate) const TO: &str = "to";
pub(crate) const END_OF_LAST: &str = "The end of the last export";
pub(crate) const BEGINNING: &str = "The beginning";
pub(crate) const NOT_YET: &str = "Not begun";
pub(crate) const WRITTEN: &str = "Written";
pub(crate) const READ: &str = "read";
pub(crate) const KEPT: &str = "Kept for";
pub(crate) const UNTIL_RELEASED: &str = "Until released";
pub(crate) const DAY: &str = "day";
pub(crate) const TIME: &str = "time";
pub(crate) const LAST: &str = "last on";
pub(crate) const NAME: &str = "Name";
pub(crate) const SIZE: &str = "Size";
pub(crate) const DOWNLOADED: &str = "Downloaded";

pub(crate) const ATTEMPT: &str = "attempt";
pub(crate) const ATTEMPTS: &str = "Attempts";
pub(crate) const ATTEMPT_TITLE: &str = "Attempt";
pub(crate) const TIME_TITLE: &str = "Time";
pub(crate) const WHO_DELETED: &str = "See the audit of this run";
pub(crate) const OUTCOME: &str = "Outcome";
pub(crate) const WORKER: &str = "worker";
pub(crate) const ON: &str = "on";
pub(crate) const FAILED: &str = "Failed";
pub(crate) const RUNS: &str = "Running";
pub(crate) const DONE: &str = "Done";

pub(crate) const HAPPENED: &str = "What happened";
pub(crate) const ASKED_FOR: &str = "Asked for";
pub(crate) const BEGAN_TO_WAIT: &str = "Began to wait for its source";
pub(crate) const STARTED: &str = "started";
pub(crate) const DID_FAIL: &str = "failed";
pub(crate) const CANCEL_ASKED: &str = "Asked to stop";
pub(crate) const PUBLISHED: &str = "Published";
pub(crate) const AND_MANIFEST: &str = "and the manifest";
pub(crate) const GIVEN_UP: &str = "Failed for good";
pub(crate) const CANCELLED: &str = "Cancelled";
pub(crate) const SKIPPED: &str = "Skipped";
pub(crate) const NOTICE: &str = "Notice";
pub(crate) const NOTICE_WAITS: &str = "Yet to be sent";
pub(crate) const NOTICE_HELD: &str = "Being sent";
pub(crate) const NOTICE_DONE: &str = "Sent";
pub(crate) const NOTICE_GIVEN_UP: &str = "Could not be sent, and was given up";

pub(crate) const RUN: &str = "run";
pub(crate) const LEFT_TO: &str = "Left to the run of";
pub(crate) const MISSED: &str = "Missed for longer than the job catches up";
pub(crate) const DUE_SUSPENDED: &str = "The job was suspended when it was due";
pub(crate) const DUE_DELETED: &str = "The job was deleted before it began";
pub(crate) const DUE_REPLACED: &str = "The job was edited before it began";
pub(crate) const EXPORTED_UNTIL: &str = "Exported before: everything until";
pub(crate) const NOTHING_TO_EXPORT: &str = "There was nothing to export yet";
pub(crate) const WAITS_SINCE: &str = "Waits for its source since";
pub(crate) const WHICH_REACHES: &str = "which is complete until";
pub(crate) const MISSING_FROM: &str = "Its source was not complete from here on:";

pub(crate) const WHY_FAILED: &str = "Why it failed";
pub(crate) const WHY_SKIPPED: &str = "Why it did not run";
pub(crate) const WHY_CANCELLED: &str = "Why there are no files";
pub(crate) const WHY_WAITS: &str = "Why it waits";
pub(crate) const WHAT_LACKS: &str = "What these files lack";
pub(crate) const WORKER_GONE: &str = "Its worker is gone";
pub(crate) const WORKER_GONE_SAYS: &str = "Another worker takes it over and begins again. Nothing has to be done, unless no worker runs: the service's operator knows.";
pub(crate) const CANCELLED_SAYS: &str = "Somebody cancelled it. What it had written was removed.";
pub(crate) const NEXT_EXPORTS_IT: &str = "Nothing is lost: the next run of this job exports its records too.";
pub(crate) const NOBODY_EXPORTS_IT: &str =
    "No later run will export these records: run it again to have them.";
pub(crate) const NOBODY_EXPORTS_IT_YET: &str =
    "No later run will export these records. Mend the cause first, then run it again to have them.";
pub(crate) const BAD_RECORD: &str = "Mend the record, or how the configuration of the source reads it. Or let the job go on without such records: “Unreadable records to set aside”.";
pub(crate) const EDIT_JOB: &str = "Edit the job";
pub(crate) const TO_RECIPIENTS: &str = "Look at the recipients' certificates";
pub(crate) const TELL_OPERATOR: &str =
    "Tell the service's operator: the same will happen again until it is mended.";
pub(crate) const ASK_TO_RERUN: &str = "An operator can run it again.";
pub(crate) const STEP: &str = "Step";
pub(crate) const KIND: &str = "Kind";
pub(crate) const REASON: &str = "Reason";
pub(crate) const OCCURRENCES: &str = "Occurrences";
pub(crate) const TO_COVERING: &str = "Go to the run that covers it";
pub(crate) const TO_JOB: &str = "Go to the job";
pub(crate) const TO_OTHERS: &str = "See the other runs of this job";
pub(crate) const TO_RUNNING: &str = "See this job's current run";
pub(crate) const WAITS_FOR_SOURCE: &str = "Its source does not have all records of this time yet. It begins by itself as soon as it has, and no record is missed.";
pub(crate) const SINCE: &str = "Since";
pub(crate) const COMPLETE_UNTIL: &str = "Complete until";
pub(crate) const UNKNOWN: &str = "The source does not know";
pub(crate) const TRIED_AGAIN: &str = "It is tried again by itself:";
pub(crate) const BEGINS_LATER: &str = "It begins by itself:";
pub(crate) const WAITS_FOR_TURN: &str = "It waits for its turn: for a free worker that does not drain, or for another run of the same job to end.";
pub(crate) const INCOMPLETE_FROM: &str =
    "The job did not wait for its source any longer. Records may be missing from";

pub(crate) const SETTINGS: &str = "Settings as they were for this run";
pub(crate) const RUNS_TITLE: &str = "Runs";
pub(crate) const EXPORTS: &str = "Timeframe";
pub(crate) const SEALED_FOR: &str = "Encrypted for";
pub(crate) const PLAINTEXT: &str = "Nobody: not encrypted";
pub(crate) const WHO_ASKS: &str = "the certificate that came with the request";
pub(crate) const NOT_ENCRYPTED: &str = "Not encrypted";
pub(crate) const DESCRIPTION: &str = "Description";
pub(crate) const STARTS: &str = "Not before";
pub(crate) const ENDS: &str = "Not from";
pub(crate) const PART_SIZE: &str = "Largest part";
pub(crate) const OVERLAP: &str = "If still running";
pub(crate) const CATCH_UP: &str = "If missed";
pub(crate) const RETRIES: &str = "Repeated";
pub(crate) const JITTER: &str = "Delayed by";
pub(crate) const PAUSE: &str = "Paused after";
pub(crate) const BAD_RECORDS: &str = "Unreadable records set aside";
pub(crate) const FAILURE: &str = "failure";
pub(crate) const INCOMPLETE: &str = "While the source is not complete";
pub(crate) const RERUN_OF: &str = "Rerun of";
pub(crate) const CATEGORIES: &str = "categories";
pub(crate) const FIELDS: &str = "fields";
pub(crate) const WHERE: &str = "where";

/// `Delete it and 5 files`
pub(crate) fn delete_with_files(files: usize) -> String {
    format!("Delete it and {}", words::counted(files as u64, "file"))
}

/// `Its 5 files go with it.`
pub(crate) fn delete_files(files: usize) -> String {
    format!(
        "{} with it: nobody can download them any more. An execution that has files cannot be deleted without them.",
        if files == 1 { "Its file goes".to_owned() } else { format!("Its {files} files go") }
    )
}

/// Says that the files of a run are no longer there.
pub(crate) fn gone(published: u32) -> String {
    let files = words::counted(published.into(), "file");
    format!("This run published {files}. None is left: deleted, or past the time for which it was kept.")
}

/// `And 3 more files.`
pub(crate) fn more_files(more: usize) -> String {
    format!("And {} more.", words::counted(more as u64, "file"))
}

/// `1,278,000 records, 924.00 MiB written in 2 files`
pub(crate) fn so_far(progress: &ProgressView) -> String {
    format!(
        "{} so far, {} written, {} complete",
        words::counted(progress.records, "record"),
        words::bytes(progress.bytes_written),
        words::counted(progress.parts.into(), "file"),
    )
}

/// `3 bad records set aside`
pub(crate) fn set_aside(count: u64) -> String {
    format!("{} set aside", words::counted(count, "bad record"))
}

/// `3 records could not be read …`
pub(crate) fn rejected(count: u64) -> String {
    format!(
        "{} could not be read and {} set aside: errors.jsonl in the archive says which, and why.",
        words::counted(count, "record"),
        if count == 1 { "was" } else { "were" }
    )
}

/// Returns the name of a step of an export.
pub(crate) const fn step(step: Step) -> &'static str {
    match step {
        Step::Prepare => "preparing",
        Step::Read => "reading",
        Step::Pack => "packing",
        Step::Seal => "encrypting",
        Step::Store => "storing",
        Step::Publish => "publishing",
        Step::Work => "the worker itself",
    }
}

/// Says whether another attempt may help.
pub(crate) const fn may_help(retryable: bool) -> &'static str {
    if retryable { "Another attempt may help" } else { "Another attempt would fail in the same way" }
}

/// Says why an occurrence was not run.
pub(crate) const fn skipped(reason: &SkipReason) -> &'static str {
    match reason {
        SkipReason::Coalesced { .. } => {
            "A later run of this job exports what this one would have. Nothing is missing."
        }
        SkipReason::CatchUpLimit { .. } => {
            "No worker ran when it was due, and it was missed for longer than the job catches up. Its records were not exported: a longer catch-up in the job's settings keeps this from happening again."
        }
        SkipReason::Suspended { .. } => {
            "The job was suspended when this was due. Records that no later run exports can be had on the page of the job, under “Export a range of the past”."
        }
        SkipReason::Deleted { .. } => "The job was deleted before it began.",
        SkipReason::Replaced => "The job was edited before it began, and another run took its place.",
        SkipReason::Covered { .. } => {
            "Everything that it would have exported was exported before. Nothing is missing."
        }
    }
}
