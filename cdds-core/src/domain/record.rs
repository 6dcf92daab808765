//! Records on their way: JSON lines in batches, each with its place in the archive.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};

/// A batch of records: pruned JSON lines (rule A2) and where each belongs (rule A1).
#[derive(Debug, Clone, Default)]
pub struct RecordBatch {
    lines: Bytes,
    records: Vec<RecordEntry>,
    places: Vec<Place>,
    bytes_read: u64,
}

/// One record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RecordEntry {
    end: u32,
    place: u32,
}

/// Where a record belongs in the archive (rule A1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// `<type>/<category>/<yyyy>-<mm>-<dd>/`, or `undated` without a day (rule W7).
    Dated {
        /// A declared category; `None` goes under `all`.
        category: Option<Arc<str>>,
        /// The day of the event instant, UTC.
        day: Option<NaiveDate>,
    },
    /// A folder chosen by the source, `/`-separated, made safe by the layout.
    Folder(Arc<str>),
}

impl Place {
    /// The default place of a record with this category and event instant.
    pub fn of(category: Option<Arc<str>>, event_at: Option<DateTime<Utc>>) -> Self {
        Self::Dated { category, day: event_at.map(|instant| instant.date_naive()) }
    }
}

impl RecordBatch {
    /// Where its records belong; entries refer to these by index.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The records in order: each line with its line feed, and the index of its place.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], usize)> {
        let mut start = 0;
        self.records.iter().map(move |record| {
            let line = &self.lines[start..record.end as usize];
            start = record.end as usize;
            (line, record.place as usize)
        })
    }

    /// Bytes read from the source for this batch.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }
}
