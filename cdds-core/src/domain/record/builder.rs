//! How a batch is filled.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use serde::Serialize;

use super::{Place, RecordBatch, RecordEntry, RecordWriter, RejectedRecord};
use crate::domain::record::prune::{self, JsonError, Keys};

/// Fills batches of records, one after another.
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
    /// What was given as JSON is not one JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The value cannot be serialised as JSON.
    #[error("the record cannot be written as JSON")]
    Serialize(#[source] serde_json::Error),
}

impl RecordBatchBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty builder with room for lines of `bytes` in all.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { lines: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Starts a record that is written key by key. Call [`RecordWriter::finish`].
    pub fn record(&mut self, place: &Place) -> RecordWriter<'_> {
        let place = self.places.index_of(place);
        RecordWriter::begin(self, place)
    }

    /// Adds a record that serde can serialise as a JSON object. Non-finite floats become `null`, as
    /// `serde_json` has it, and are left out.
    ///
    /// # Errors
    /// [`RecordError`] if it cannot, or if it is not an object.
    pub fn serialize<T: Serialize + ?Sized>(&mut self, place: &Place, record: &T) -> Result<(), RecordError> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let result = serde_json::to_writer(&mut scratch, record)
            .map_err(RecordError::Serialize)
            .and_then(|()| self.raw_line(place, &scratch));
        self.scratch = scratch;
        result
    }

    /// Adds a record that is a JSON object already, one line or more, with or without a newline at its end.
    ///
    /// # Errors
    /// [`RecordError::Json`] if it is not.
    pub fn raw_line(&mut self, place: &Place, json: &[u8]) -> Result<(), RecordError> {
        self.scan(json, |_, _| ())?.finish(place);
        Ok(())
    }

    /// Takes in a raw JSON object whose place depends on what is in it: `visit` is called with each of
    /// its members (see [`prune::object`]), then [`ScannedRecord::finish`] says where it belongs.
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

    /// Hands over what cannot be read as a record (rule E10), when that is asked for
    /// ([`BadRecordMode::Report`](crate::domain::source::BadRecordMode::Report)).
    pub fn reject(&mut self, rejected: RejectedRecord) {
        self.rejected_bytes += rejected.held_bytes();
        self.rejected.push(rejected);
    }

    /// Counts bytes that the source has read, whether or not they became records.
    pub fn add_bytes_read(&mut self, bytes: u64) {
        self.bytes_read += bytes;
    }

    /// Counts records that are left out because they have no instant (rule W7): people are told how many, since no
    /// window will ever hold them.
    pub fn add_undated(&mut self, records: u64) {
        self.undated += records;
    }

    /// How many records there are so far.
    pub fn records(&self) -> usize {
        self.records.len()
    }

    /// The size of the lines so far, and of what was rejected; sources hand out a batch at some hundred
    /// kilobytes.
    pub fn len_bytes(&self) -> usize {
        self.lines.len() + self.rejected_bytes
    }

    /// Whether neither a record, rejected or not, nor anything counted would be lost if the builder was dropped.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.rejected.is_empty() && self.bytes_read == 0 && self.undated == 0
    }

    /// The batch so far; the builder is empty again and expects as much as before. It holds on to the memory of the
    /// last four batches, to use it again once they are dropped.
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

/// The lines of the last batches. Their memory is used again once nobody else has them: what comes fresh from the
/// system is touched for the first time, page by page, and is in no cache.
#[derive(Debug, Default)]
struct HandedOut(VecDeque<Bytes>);

impl HandedOut {
    /// One with the consumer, and some on their way there.
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

    /// Empty, with room for `capacity`.
    fn reclaim(&mut self, capacity: usize) -> Vec<u8> {
        let free = self.0.iter().position(Bytes::is_unique).and_then(|index| self.0.remove(index));
        if let Some(mut buffer) = free.and_then(|lines| lines.try_into_mut().ok()) {
            // With what is in it, it would be copied onto itself.
            buffer.clear();
            if buffer.capacity() >= capacity {
                return Vec::from(buffer);
            }
        }
        Vec::with_capacity(capacity)
    }
}

/// A record that was read from raw JSON and waits to be told its place. Dropping it leaves it out.
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

/// A line at the end of a batch that is taken back unless it is committed.
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

    /// The lines, and the keys of this one.
    pub(super) fn parts(&mut self) -> (&mut Vec<u8>, &mut Keys) {
        (&mut self.builder.lines, &mut self.builder.keys)
    }

    /// Writes the line anew, each key once.
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

/// The distinct places of a batch. Neighbours mostly share theirs, so the last one is tried first.
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
