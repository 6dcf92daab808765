//! What is shown: the stable JSON of the command line's contract, and its tables.
//!
//! Every field is always there, `null` when it is not known. Instants are RFC 3339, UTC, with `Z`.

mod artifact;
mod execution;
mod instant;
mod job;
mod recipient;
mod source;

pub(crate) use self::artifact::{ArtifactView, DownloadedView};
pub(crate) use self::execution::{ExecutionDetailsView, ExecutionView};
pub(crate) use self::instant::Instant;
pub(crate) use self::job::JobView;
pub(crate) use self::recipient::RecipientView;
pub(crate) use self::source::{CheckView, SourceView};

use cdds_core::domain::progress::Progress;
use indicatif::{FormattedDuration, HumanBytes, HumanCount};
use serde::Serialize;
use std::time::Duration;

/// How far an execution is (rule E7).
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ProgressView {
    percent: Option<u8>,
    remaining_seconds: Option<u64>,
    records: u64,
    bytes_read: u64,
    bytes_written: u64,
    parts: u32,
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> Self {
        let Progress { records, bytes_read, bytes_written, parts, percent, remaining_seconds, .. } = progress;
        Self { percent, remaining_seconds, records, bytes_read, bytes_written, parts }
    }
}

impl ProgressView {
    /// `42 %, 0:00:13 left, 1,234 records`
    fn words(&self) -> String {
        let mut words = Vec::new();
        if let Some(percent) = self.percent {
            words.push(format!("{percent} %"));
        }
        if let Some(seconds) = self.remaining_seconds {
            words.push(format!("{} left", FormattedDuration(Duration::from_secs(seconds))));
        }
        words.push(format!("{} records", HumanCount(self.records)));
        words.join(", ")
    }
}

/// What a table shows where nothing is known.
const UNKNOWN: &str = "-";

fn or_unknown<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| value.to_string())
}

fn bytes(count: u64) -> String {
    HumanBytes(count).to_string()
}
