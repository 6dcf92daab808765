//! The outcome of an ended attempt, in words for a terminal or a log.

use cdds_core::domain::execution::Execution;
use cdds_view::words;

use crate::text::escaped;

/// `: 7 records in 1 file, 1.20 KiB`, or the reason of the failure.
pub(crate) fn outcome(execution: &Execution) -> String {
    escaped(&words::outcome(execution)).into_owned()
}
