//! Views: the stable JSON of the command line's contract, and its tables.
//!
//! Every field is always present, `null` when it is unknown. Instants are RFC 3339, UTC, with `Z`.

mod artifact;
mod execution;
mod instant;
mod job;
mod occurrence;
mod recipient;
mod source;

pub(crate) use self::artifact::{ArtifactView, DownloadedView};
pub(crate) use self::execution::{ExecutionDetailsView, ExecutionView};
pub(crate) use self::instant::Instant;
pub(crate) use self::job::{JobView, YET_TO_RUN};
pub(crate) use self::occurrence::OccurrenceView;
pub(crate) use self::recipient::RecipientView;
pub(crate) use self::source::{CheckView, SourceView};

use cdds_core::domain::execution::Status;
use cdds_core::domain::execution::progress::Progress;
use chrono::TimeDelta;
use serde::Serialize;

use crate::output::{Cell, human};

/// How far an execution is (rule E7).
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ProgressView {
    percent: Option<u8>,
    remaining_seconds: Option<u64>,
    records: u64,
    bytes_read: u64,
    bytes_written: u64,
    parts: u32,
    rejected: u64,
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
    fn stopped(self) -> Self {
        Self { remaining_seconds: None, ..self }
    }

    /// Returns the progress of an execution with this status. Only a running one has a remaining time;
    /// nothing remains of one that succeeded.
    fn of(status: Status, progress: Progress) -> Self {
        match status {
            Status::InProgress | Status::Finished | Status::FinishedWithErrors => progress.into(),
            _ => progress.stopped().into(),
        }
    }

    /// Returns the status cell of an execution whose worker is gone.
    fn left_behind(&self, status: &'static str) -> Cell {
        Cell::Status { status, share: self.percent, words: format!("worker gone, {}", self.words()) }
    }

    /// Returns the status cell of an execution under way.
    fn status(&self, status: &'static str) -> Cell {
        Cell::Status { status, share: self.percent, words: self.words() }
    }

    /// `13 s left, 1,234 records`
    fn words(&self) -> String {
        let records = format!("{} records", human::count(self.records));
        match self.remaining_seconds {
            Some(seconds) => format!("{}, {records}", left(seconds)),
            None => records,
        }
    }
}

/// `1 min 13 s left`
pub(crate) fn left(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).ok().and_then(TimeDelta::try_seconds).unwrap_or(TimeDelta::MAX);
    format!("{} left", human::lasting(seconds))
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
