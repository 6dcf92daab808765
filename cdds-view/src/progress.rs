//! How far an execution is.

use cdds_core::domain::execution::Status;
use cdds_core::domain::execution::progress::Progress;
use serde::{Deserialize, Serialize};

use crate::status::StatusLine;
use crate::words;

/// How far an execution is (rule E7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ProgressView {
    /// How much is done, in percent, 0 to 100; null without an expected total.
    #[cfg_attr(feature = "openapi", schema(maximum = 100))]
    pub percent: Option<u8>,
    /// The expected time to the end, in seconds; null unless a worker is at it, or if it is unknown.
    pub remaining_seconds: Option<u64>,
    /// Number of records written.
    pub records: u64,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// Bytes stored.
    pub bytes_written: u64,
    /// Number of parts stored.
    pub parts: u32,
    /// Number of records that could not be read and were set aside (rule E10).
    pub rejected: u64,
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> Self {
        let Progress {
            records,
            rejected,
            undated: _,
            bytes_read,
            bytes_written,
            parts,
            percent,
            remaining_seconds,
        } = progress;
        Self { percent, remaining_seconds, records, bytes_read, bytes_written, parts, rejected }
    }
}

impl ProgressView {
    /// Drops the remaining time, because nobody works on the execution.
    pub(crate) fn stopped(self) -> Self {
        Self { remaining_seconds: None, ..self }
    }

    /// Returns the progress of an execution with this status. Only a running one has a remaining time;
    /// nothing remains of one that succeeded.
    pub(crate) fn of(status: Status, progress: Progress) -> Self {
        match status {
            Status::InProgress | Status::Finished | Status::FinishedWithErrors => progress.into(),
            _ => Self::from(progress).stopped(),
        }
    }

    /// Returns the status of an execution under way.
    pub(crate) fn line(&self, status: &'static str) -> StatusLine {
        StatusLine { status, share: self.percent, words: self.words() }
    }

    /// Returns the status of an execution whose worker is gone.
    pub(crate) fn left_behind(&self, status: &'static str) -> StatusLine {
        StatusLine { words: format!("worker gone, {}", self.words()), ..self.line(status) }
    }

    /// `13 s left, 1,234 records`
    pub fn words(&self) -> String {
        let records = words::counted(self.records, "record");
        match self.remaining_seconds {
            Some(seconds) => format!("{}, {records}", words::remaining(seconds)),
            None => records,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e7_only_what_runs_has_a_remaining_time() {
        let at_nine = Progress { percent: Some(40), remaining_seconds: Some(9), ..Progress::default() };
        for (status, remaining) in [
            (Status::InProgress, Some(9)),
            (Status::Cancelled, None),
            (Status::Failed, None),
            (Status::Queued, None),
        ] {
            let view = ProgressView::of(status, at_nine);
            assert_eq!((view.percent, view.remaining_seconds), (Some(40), remaining), "{status:?}");
        }
    }
}
