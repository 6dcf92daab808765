//! Tables of the views of `cdds_view`, and the views of this program alone: downloads and checks of sources.

mod artifact;
mod audit;
mod copy;
mod delivery;
mod execution;
mod job;
mod occurrence;
mod recipient;
mod source;
mod subject;
mod worker;

pub(crate) use self::artifact::{DownloadedView, FileView};
pub(crate) use self::audit::EntryView;
pub(crate) use self::occurrence::{expected_records, occurrence_cells};
pub(crate) use self::source::CheckView;
pub(crate) use self::subject::Prospect;

use cdds_view::{Instant, StatusLine};

use crate::output::Cell;

impl From<Instant> for Cell {
    fn from(Instant(at): Instant) -> Self {
        Self::At(at)
    }
}

impl From<StatusLine> for Cell {
    fn from(line: StatusLine) -> Self {
        match (line.share, line.words) {
            (None, words) if words.is_empty() => Self::Word(line.status),
            (share, words) => Self::Status { status: line.status, share, words },
        }
    }
}
