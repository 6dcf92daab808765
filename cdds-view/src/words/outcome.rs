//! The outcome of an ended attempt.

use cdds_core::domain::calendar::timeframe::Timeframe;
use cdds_core::domain::execution::{Execution, ExecutionState};

use super::number::{bytes, counted};
use crate::instant::Instant;

/// `: 7 records in 1 file, 1.20 KiB`, or the reason of the failure: follows the status of an execution.
/// Messages and reasons hold text of others, which is not escaped.
pub fn outcome(execution: &Execution) -> String {
    let progress = execution.progress;
    match &execution.state {
        ExecutionState::Succeeded => {
            format!(
                ": {} in {}, {}{}{}",
                counted(progress.records, "record"),
                counted(u64::from(progress.parts), "file"),
                bytes(progress.bytes_written),
                bad_records(progress.rejected),
                undated(progress.undated, &execution.settings.timeframe)
            ) + &incomplete(execution)
        }
        ExecutionState::Failed(failure) => format!(": {}", failure.message),
        ExecutionState::Queued => execution.last_failure().map_or_else(String::new, |failure| {
            format!(" again at {}: {}", Instant(execution.not_before), failure.message)
        }),
        ExecutionState::Skipped(reason) => format!(": {reason}"),
        _ => String::new(),
    }
}

/// Names the records that were set aside (rule E10); usually there are none.
fn bad_records(number: u64) -> String {
    if number == 0 { String::new() } else { format!(", {} set aside", counted(number, "bad record")) }
}

/// Names the instant from which records may be missing (rule W3b); usually there is none.
fn incomplete(execution: &Execution) -> String {
    let from = execution.incomplete_from();
    from.map_or_else(String::new, |from| format!(", the source was not complete from {} on", Instant(from)))
}

/// Names the records that no window holds (rule W7); usually there are none.
fn undated(number: u64, timeframe: &Timeframe) -> String {
    let became = if *timeframe == Timeframe::All { "put into undated" } else { "left out" };
    if number == 0 {
        String::new()
    } else {
        format!(", {} without an instant {became}", counted(number, "record"))
    }
}
