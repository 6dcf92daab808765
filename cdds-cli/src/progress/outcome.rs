//! The outcome of an ended attempt, in words.

use cdds_core::domain::calendar::timeframe::Timeframe;
use cdds_core::domain::execution::{Execution, ExecutionState};
use indicatif::HumanBytes;

use crate::output::{escaped, human};
use crate::view::Instant;

/// `: 7 records in 1 file, 1.2 KiB`, or the reason of the failure.
pub(crate) fn outcome(execution: &Execution) -> String {
    let progress = execution.progress;
    match &execution.state {
        ExecutionState::Succeeded => format!(
            ": {} in {}, {}{}{}",
            counted(progress.records, "record"),
            counted(u64::from(progress.parts), "file"),
            HumanBytes(progress.bytes_written),
            bad_records(progress.rejected),
            undated(progress.undated, &execution.settings.timeframe)
        ),
        ExecutionState::Failed(failure) => format!(": {}", escaped(&failure.message)),
        ExecutionState::Queued => {
            let failure = execution.attempts.last().and_then(|attempt| attempt.failure.as_ref());
            failure.map_or_else(String::new, |failure| {
                let again = Instant(execution.not_before);
                format!(" again at {again}: {}", escaped(&failure.message))
            })
        }
        ExecutionState::Skipped(reason) => format!(": {reason}"),
        _ => String::new(),
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", human::count(count), if count == 1 { "" } else { "s" })
}

/// Names the records that were set aside (rule E10); usually there are none.
fn bad_records(count: u64) -> String {
    if count == 0 { String::new() } else { format!(", {} set aside", counted(count, "bad record")) }
}

/// Names the records that no window holds (rule W7); usually there are none.
fn undated(count: u64, timeframe: &Timeframe) -> String {
    let became = if *timeframe == Timeframe::All { "put into undated" } else { "left out" };
    if count == 0 {
        String::new()
    } else {
        format!(", {} without an instant {became}", counted(count, "record"))
    }
}
