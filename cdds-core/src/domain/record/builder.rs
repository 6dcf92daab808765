//! Filling batches of records.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use serde::Serialize;

use super::{Place, RecordBatch, RecordEntry, RecordWriter, RejectedRecord};
use crate::domain::record::prune::{self, JsonError, Keys};

/// Fills one batch of records after another.
///
/// A record that fails, or whose writer is dropped unfinished, leaves no trace in the batch.
#[derive(Debug, Default)]
pub struct RecordBatchBuilder {
    lines: Vec<u8>,
    handed_out: HandedOut,
    records: Vec<RecordEntry>,
    places: Places,
    bytes_read: u64,
    undated: u64,
    rejected: Vec<RejectedRecord>,
    rejected_bytes: usize,
    scratch: Vec<u8>,
    keys: Keys,
}

/// A record that cannot be taken into a batch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The input is not one JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The value cannot be serialised as JSON.
    #[error("the record cannot be written as JSON")]
    Serialize(#[source] serde_json::Error),
}

impl RecordBatchBuilder {
    /// Creates an empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty builder with room for lines of `bytes` bytes in all.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { lines: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Starts a record that is written key by key. Call [`RecordWriter::finish`] to add it.
    pub fn record(&mut self, place: &Place) -> RecordWriter<'_> {
        let place = self.places.index_of(place);
        RecordWriter::begin(self, place)
    }

    /// Adds a record that serde can serialise as a JSON object. Non-finite floats become `null`, as
    /// `serde_json` writes them, and are therefore left out.
    ///
    /// # Errors
    /// [`RecordError`] if it cannot be serialised or is not an object.
    pub fn serialize<T: Serialize + ?Sized>(&mut self, place: &Place, record: &T) -> Result<(), RecordError> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let result = serde_json::to_writer(&mut scratch, record)
            .map_err(RecordError::Serialize)
            .and_then(|()| self.raw_line(place, &scratch));
        self.scratch = scratch;
        result
    }

    /// Adds a record that is already a JSON object, in one or more lines, with or without a newline at its
    /// end.
    ///
    /// # Errors
    /// [`RecordError::Json`] if `json` is not one JSON object.
    pub fn raw_line(&mut self, place: &Place, json: &[u8]) -> Result<(), RecordError> {
        self.scan(json, |_, _| ())?.finish(place);
        Ok(())
    }

    /// Takes in a raw JSON object whose place depends on its contents. `visit` is called with each of its
    /// members (see [`prune::object`]); afterwards, pass the place to [`ScannedRecord::finish`].
    ///
    /// # Errors
    /// [`RecordError::Json`] if it is not one JSON object.
    pub fn scan<'i>(
        &mut self,
        json: &'i [u8],
        visit: impl FnMut(&'i [u8], &'i [u8]),
    ) -> Result<ScannedRecord<'_>, RecordError> {
        let mut open = OpenLine::begin(self);
        let (lines, keys) = open.parts();
        prune::object_with(keys, json, lines, visit)?;
        Ok(ScannedRecord { open })
    }

    /// Hands over input that cannot be read as a record (rule E10), if the request asks for that
    /// ([`BadRecordMode::Report`](crate::domain::source::BadRecordMode::Report)).
    pub fn reject(&mut self, rejected: RejectedRecord) {
        self.rejected_bytes += rejected.held_bytes();
        self.rejected.push(rejected);
    }

    /// Counts bytes that the source has read, whether or not they became records.
    pub fn add_bytes_read(&mut self, bytes: u64) {
        self.bytes_read += bytes;
    }

    /// Counts records that are left out because they have no instant (rule W7). The number is shown to
    /// people, since no window will ever hold these records.
    pub fn add_undated(&mut self, records: u64) {
        self.undated += records;
    }

    /// Returns how many records the builder holds so far.
    pub fn records(&self) -> usize {
        self.records.len()
    }

    /// Returns the bytes of the lines and of the rejected records so far. Sources hand out a batch at a few
    /// hundred kilobytes.
    pub fn len_bytes(&self) -> usize {
        self.lines.len() + self.rejected_bytes
    }

    /// Whether dropping the builder would lose nothing: it holds no record, no rejected record and no count.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.rejected.is_empty() && self.bytes_read == 0 && self.undated == 0
    }

    /// Returns the batch so far. The builder is empty again and expects as much as before. It keeps the
    /// memory of the last four batches, to reuse it once they are dropped.
    pub fn take(&mut self) -> RecordBatch {
        let next = self.handed_out.reclaim(self.lines.capacity());
        let lines = Bytes::from(std::mem::replace(&mut self.lines, next));
        self.handed_out.remember(&lines);
        let entries = Vec::with_capacity(self.records.len());
        self.rejected_bytes = 0;
        RecordBatch {
            lines,
            records: std::mem::replace(&mut self.records, entries),
            places: std::mem::take(&mut self.places).in_order,
            bytes_read: std::mem::take(&mut self.bytes_read),
            undated: std::mem::take(&mut self.undated),
            rejected: std::mem::take(&mut self.rejected),
        }
    }
}

/// The lines of the last batches. Their memory is reused once nobody else holds them. Fresh memory from the
/// system would have to be touched page by page and is in no cache.
#[derive(Debug, Default)]
struct HandedOut(VecDeque<Bytes>);

impl HandedOut {
    /// One batch is with the consumer, and some are on their way there.
    const MAX: usize = 4;

    fn remember(&mut self, lines: &Bytes) {
        if lines.is_empty() {
            return;
        }
        self.0.push_back(lines.clone());
        if self.0.len() > Self::MAX {
            self.0.pop_front();
        }
    }

    /// Returns an empty buffer with room for `capacity` bytes.
    fn reclaim(&mut self, capacity: usize) -> Vec<u8> {
        let free = self.0.iter().position(Bytes::is_unique).and_then(|index| self.0.remove(index));
        if let Some(mut buffer) = free.and_then(|lines| lines.try_into_mut().ok()) {
            // Clear it first, or the conversion copies the contents onto themselves.
            buffer.clear();
            if buffer.capacity() >= capacity {
                return Vec::from(buffer);
            }
        }
        Vec::with_capacity(capacity)
    }
}

/// A record that was read from raw JSON and still needs its place. Dropping it leaves it out.
#[derive(Debug)]
#[must_use = "the record is left out unless it is finished"]
pub struct ScannedRecord<'a> {
    open: OpenLine<'a>,
}

impl ScannedRecord<'_> {
    /// Adds the record to the batch.
    pub fn finish(self, place: &Place) {
        let mut open = self.open;
        let place = open.builder.places.index_of(place);
        open.commit(place);
    }
}

/// A line at the end of a batch. It is taken back unless it is committed.
#[derive(Debug)]
pub(super) struct OpenLine<'a> {
    builder: &'a mut RecordBatchBuilder,
    start: usize,
    committed: bool,
}

impl<'a> OpenLine<'a> {
    pub(super) fn begin(builder: &'a mut RecordBatchBuilder) -> Self {
        let start = builder.lines.len();
        Self { builder, start, committed: false }
    }

    pub(super) fn lines(&mut self) -> &mut Vec<u8> {
        &mut self.builder.lines
    }

    /// Returns the lines of the batch, and the keys of this line.
    pub(super) fn parts(&mut self) -> (&mut Vec<u8>, &mut Keys) {
        (&mut self.builder.lines, &mut self.builder.keys)
    }

    /// Writes the line again, with each key once.
    #[cold]
    pub(super) fn prune_again(&mut self) -> Result<(), JsonError> {
        let builder = &mut *self.builder;
        let mut scratch = std::mem::take(&mut builder.scratch);
        scratch.clear();
        scratch.extend_from_slice(builder.lines.get(self.start..).unwrap_or_default());
        builder.lines.truncate(self.start);
        let pruned = prune::object_with(&mut builder.keys, &scratch, &mut builder.lines, |_, _| ());
        builder.scratch = scratch;
        pruned
    }

    pub(super) fn commit(&mut self, place: usize) {
        self.builder.lines.push(b'\n');
        self.builder.records.push(RecordEntry { end: self.builder.lines.len(), place });
        self.committed = true;
    }
}

impl Drop for OpenLine<'_> {
    fn drop(&mut self) {
        if !self.committed {
            self.builder.lines.truncate(self.start);
        }
    }
}

/// The distinct places of a batch. Neighbouring records mostly share theirs, so the last one is tried first.
#[derive(Debug, Default)]
struct Places {
    in_order: Vec<Place>,
    index: HashMap<Place, usize>,
    last: usize,
}

impl Places {
    fn index_of(&mut self, place: &Place) -> usize {
        if self.in_order.get(self.last) == Some(place) {
            return self.last;
        }
        self.last = match self.index.get(place) {
            Some(index) => *index,
            None => {
                let index = self.in_order.len();
                self.in_order.push(place.clone());
                self.index.insert(place.clone(), index);
                index
            }
        };
        self.last
    }
}
