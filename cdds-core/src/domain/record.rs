//! Records on their way to the archive: JSON lines in batches, each with its place.
//!
//! Sources fill a [`RecordBatchBuilder`] in one of three ways and hand out a [`RecordBatch`] whenever it has
//! grown to a few hundred kilobytes:
//!
//! ```
//! use cdds_core::domain::record::{Place, RecordBatchBuilder};
//!
//! let mut builder = RecordBatchBuilder::new();
//! let place = Place::of(Some("voice".into()), None);
//!
//! // Typed: straight into the output, the fastest.
//! let mut record = builder.record(&place);
//! record.text("id", "c-1").integer("seconds", 61).text("note", "");
//! record.finish();
//!
//! // Anything that serde can serialise.
//! builder.serialize(&place, &std::collections::BTreeMap::from([("id", "c-2")]))?;
//!
//! // One raw JSON object.
//! builder.raw_line(&place, br#"{"id": "c-3", "note": null}"#)?;
//!
//! let batch = builder.take();
//! let lines: Vec<&[u8]> = batch.iter().map(|record| record.line).collect();
//! assert_eq!(lines[0], b"{\"id\":\"c-1\",\"seconds\":61}\n");
//! assert_eq!(lines[1], b"{\"id\":\"c-2\"}\n");
//! assert_eq!(lines[2], b"{\"id\":\"c-3\"}\n");
//! # Ok::<(), cdds_core::domain::record::RecordError>(())
//! ```

mod builder;
pub mod handover;
pub mod instant;
pub(super) mod json;
pub mod mask;
pub mod prune;
mod rejected;
pub mod selection;
mod string;
pub mod template;
mod writer;

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};

pub use builder::{RecordBatchBuilder, RecordError, ScannedRecord};
pub use rejected::{RejectedContent, RejectedRecord};
pub use writer::RecordWriter;

/// A batch of records: pruned JSON lines (rule A2), the place of each (rule A1), and the input that could not
/// be read as records (rule E10).
#[derive(Debug, Clone, Default)]
pub struct RecordBatch {
    lines: Bytes,
    records: Vec<RecordEntry>,
    places: Vec<Place>,
    bytes_read: u64,
    undated: u64,
    rejected: Vec<RejectedRecord>,
}

/// One record of a batch: the end of its line, and the index of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RecordEntry {
    end: usize,
    place: usize,
}

/// A record of a batch, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// One JSON object and its `\n`.
    pub line: &'a [u8],
    /// Where the record belongs in the archive.
    pub place: &'a Place,
    /// The index of `place` in [`RecordBatch::places`], so that lookups need to be made only once per batch
    /// and place.
    pub place_index: usize,
}

/// Where a record belongs in the archive (rule A1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// `<type>/<category>/<yyyy>-<mm>-<dd>/`, or `undated` without a day (rule W7).
    Dated {
        /// A declared category. `None` goes into the folder `all`.
        category: Option<Arc<str>>,
        /// The day of the event instant, in the zone of the job. `None` goes into the folder `undated`.
        day: Option<NaiveDate>,
    },
    /// A folder chosen by the source, `/`-separated. The layout makes it safe.
    Folder(Arc<str>),
}

impl Place {
    /// Returns the default place of a record with this category and event instant, in the folder of its day in UTC.
    /// A source asks its request ([`ReadRequest::place`](crate::domain::source::ReadRequest::place)), which knows
    /// the zone.
    pub fn of(category: Option<Arc<str>>, event_at: Option<DateTime<Utc>>) -> Self {
        Self::Dated { category, day: event_at.map(|instant| instant.date_naive()) }
    }
}

impl RecordBatch {
    /// Returns how many records the batch holds. This may be 0 if all input lay outside the window.
    pub fn records(&self) -> usize {
        self.records.len()
    }

    /// Returns all lines, one after another, in the order of [`iter`](Self::iter).
    pub fn lines(&self) -> &Bytes {
        &self.lines
    }

    /// Returns the size of all lines in bytes, including newlines.
    pub fn lines_bytes(&self) -> usize {
        self.lines.len()
    }

    /// Whether the batch holds more than 4 MiB, besides its last record: a source learns how large a record is
    /// only by reading it.
    pub(crate) fn is_too_large(&self) -> bool {
        const BYTES_MAX: usize = 4 << 20;
        let held = self.lines.len() + self.rejected.iter().map(RejectedRecord::held_bytes).sum::<usize>();
        held > BYTES_MAX && held - self.iter().last().map_or(0, |record| record.line.len()) > BYTES_MAX
    }

    /// Returns how many bytes the source read for this batch. It is used for progress only, and each source
    /// measures it in its own way.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Returns how many records the source left out because they have no instant that could lie in a window
    /// (rule W7). They are not counted among [`records`](Self::records).
    pub fn undated(&self) -> u64 {
        self.undated
    }

    /// Returns the input that could not be read as records (rule E10). It is not counted among
    /// [`records`](Self::records).
    pub fn rejected(&self) -> &[RejectedRecord] {
        &self.rejected
    }

    /// Returns the distinct places of the records, in order of first use.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Returns the records in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        let mut start = 0;
        self.records.iter().map(move |entry| {
            let line = &self.lines[start..entry.end];
            start = entry.end;
            Record { line, place: &self.places[entry.place], place_index: entry.place }
        })
    }

    /// Returns the batch with other lines. `rewrite` either appends the replacement of a line, without its
    /// newline, and returns `true`, or appends nothing and returns `false`, which drops the record.
    pub(in crate::domain) fn rewritten(&self, mut rewrite: impl FnMut(&[u8], &mut Vec<u8>) -> bool) -> Self {
        let mut lines = Vec::with_capacity(self.lines.len());
        let mut records = Vec::with_capacity(self.records.len());
        let mut places = Vec::new();
        let mut moved = vec![None; self.places.len()];
        for record in self.iter() {
            if rewrite(record.line, &mut lines) {
                lines.push(b'\n');
                let place = *moved[record.place_index].get_or_insert_with(|| {
                    places.push(record.place.clone());
                    places.len() - 1
                });
                records.push(RecordEntry { end: lines.len(), place });
            }
        }
        let (bytes_read, undated, rejected) = (self.bytes_read, self.undated, self.rejected.clone());
        Self { lines: Bytes::from(lines), records, places, bytes_read, undated, rejected }
    }
}

#[cfg(test)]
mod tests;
