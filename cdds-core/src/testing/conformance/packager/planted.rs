//! Packagers that each break one clause, to show that the checks find it.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::{Clause, PackagerFixture};
use crate::ports::packager::{
    ArchiveWriter, Method, Packager, PackagerError, Packed, PartEvent, PartIndex, Plan,
};
use crate::testing::packager::{PlainPackager, unpack};

planted! {
    /// A bug of the packagers that a [`PlantedFixture`] makes.
    enum Planted;
    /// Loses the last file if it is the second or a later one.
    LosesLastFile => Whole,
    /// Keeps 64 KiB of a file.
    TruncatesFiles => Whole,
    /// Leaves out files without contents.
    LosesEmptyFiles => Whole,
    /// An archive without files has no part.
    NoPartWhenEmpty => Empty,
    /// Says that files had no size.
    ForgetsSize => PackedTold,
    /// Every second file is packed by another method.
    PackCounts => PackPure,
    /// In every second archive, the first two files change places.
    OrderVaries => SameBytes,
    /// The last part is never closed.
    LeavesPartOpen => EventsInOrder,
    /// A part is opened before the one before it is closed.
    OpensEarly => EventsInOrder,
    /// Each call clears the events first.
    ReplacesEvents => EventsAppend,
    /// The index lacks the last of several parts.
    ForgetsPart => Index,
    /// The index has the number of parts instead of that of files.
    CountsParts => Index,
    /// Parts are twice as large as planned.
    PartTooLarge => PartsBounded,
    /// Parts have 64 KiB, even if no size is planned.
    SplitsUnasked => PartsBounded,
    /// Archives share the file that is held back.
    SharesState => ArchivesApart,
}

/// Makes packagers that have one bug, or none: a [`PlainPackager`] each.
#[derive(Debug, Default)]
pub struct PlantedFixture {
    planted: Option<Planted>,
}

impl PlantedFixture {
    /// Creates a fixture whose packagers have this bug.
    pub fn new(planted: Planted) -> Self {
        Self { planted: Some(planted) }
    }

    /// Creates a fixture whose packagers have no bug.
    pub fn sound() -> Self {
        Self::default()
    }
}

impl PackagerFixture for PlantedFixture {
    fn packager(&self) -> Arc<dyn Packager> {
        Arc::new(Broken {
            planted: self.planted,
            packed: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            held: Arc::default(),
        })
    }

    fn open(&self, parts: &[Bytes]) -> Result<Vec<(String, Bytes)>, Box<dyn Error>> {
        Ok(unpack(parts)?)
    }
}

type Held = Arc<Mutex<Option<Packed>>>;

#[derive(Debug)]
struct Broken {
    planted: Option<Planted>,
    packed: AtomicUsize,
    begun: AtomicUsize,
    /// The file that all archives hold back.
    held: Held,
}

impl Packager for Broken {
    fn compressor(&self) -> &str {
        PlainPackager.compressor()
    }

    fn pack(&self, path: &str, contents: &Bytes) -> Result<Packed, PackagerError> {
        let mut packed = PlainPackager.pack(path, contents)?;
        let count = self.packed.fetch_add(1, Ordering::SeqCst);
        match self.planted {
            Some(Planted::TruncatesFiles) => packed.data.truncate(65_536),
            Some(Planted::ForgetsSize) => packed.uncompressed_bytes = 0,
            Some(Planted::PackCounts) if count % 2 == 1 => packed.method = Method::Deflated,
            _ => {}
        }
        Ok(packed)
    }

    fn begin(&self, plan: Plan) -> Result<Box<dyn ArchiveWriter>, PackagerError> {
        let part_bytes_max = match (self.planted, plan.part_bytes_max) {
            (Some(Planted::PartTooLarge), Some(bytes)) => Some(bytes * 2),
            (Some(Planted::SplitsUnasked), None) => Some(65_536),
            (_, planned) => planned,
        };
        let odd = self.begun.fetch_add(1, Ordering::SeqCst) % 2 == 1;
        let holds_back = match self.planted {
            Some(Planted::LosesLastFile | Planted::SharesState) => true,
            Some(Planted::OrderVaries) => odd,
            _ => false,
        };
        let shares = self.planted == Some(Planted::SharesState);
        Ok(Box::new(BrokenWriter {
            planted: self.planted,
            inner: PlainPackager.begin(Plan { part_bytes_max, ..plan })?,
            pushed: 0,
            held: holds_back.then(|| if shares { self.held.clone() } else { Held::default() }),
        }))
    }
}

#[derive(Debug)]
struct BrokenWriter {
    planted: Option<Planted>,
    inner: Box<dyn ArchiveWriter>,
    pushed: usize,
    /// The file that is held back, if any ever is.
    held: Option<Held>,
}

impl BrokenWriter {
    /// Puts another file in the place of the one that was held back.
    fn swap(&self, file: Option<Packed>) -> Option<Packed> {
        let held = self.held.as_ref()?;
        std::mem::replace(&mut *held.lock().unwrap_or_else(PoisonError::into_inner), file)
    }

    fn lay_out(&mut self, file: Packed, events: &mut Vec<PartEvent>) -> Result<(), PackagerError> {
        if self.planted == Some(Planted::LosesEmptyFiles) && file.data.is_empty() {
            return Ok(());
        }
        self.inner.push(file, events)
    }
}

impl ArchiveWriter for BrokenWriter {
    fn push(&mut self, file: Packed, events: &mut Vec<PartEvent>) -> Result<(), PackagerError> {
        if self.planted == Some(Planted::ReplacesEvents) {
            events.clear();
        }
        self.pushed += 1;
        let first = self.pushed == 1;
        match (self.planted, &self.held) {
            (_, None) => self.lay_out(file, events),
            // The first file follows the second, and then nothing is held back any more.
            (Some(Planted::OrderVaries), Some(_)) if !first => {
                self.lay_out(file, events)?;
                self.swap(None).map_or(Ok(()), |held| self.lay_out(held, events))
            }
            (_, Some(_)) => self.swap(Some(file)).map_or(Ok(()), |held| self.lay_out(held, events)),
        }
    }

    fn finish(mut self: Box<Self>, events: &mut Vec<PartEvent>) -> Result<PartIndex, PackagerError> {
        let loses = self.planted == Some(Planted::LosesLastFile) && self.pushed > 1;
        if let Some(held) = self.swap(None).filter(|_| !loses) {
            self.lay_out(held, events)?;
        }
        let Self { planted, inner, pushed, .. } = *self;
        let mut index = inner.finish(events)?;
        match planted {
            Some(Planted::NoPartWhenEmpty) if pushed == 0 => {
                events.clear();
                index.reading_order.clear();
            }
            Some(Planted::LeavesPartOpen) => drop(events.pop()),
            Some(Planted::OpensEarly) => {
                let closed = |two: &[PartEvent]| matches!(two, [PartEvent::Closed(_), PartEvent::Opened(_)]);
                if let Some(place) = events.windows(2).position(closed) {
                    events.swap(place, place + 1);
                }
            }
            Some(Planted::ForgetsPart) if index.reading_order.len() > 1 => drop(index.reading_order.pop()),
            Some(Planted::CountsParts) => index.entries = index.reading_order.len() as u64,
            _ => {}
        }
        Ok(index)
    }
}
