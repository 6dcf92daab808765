//! Lays out an archive: a plain file, or parts by APPNOTE 8.5. Sans-IO: the output consists of
//! [`PartEvent`]s.
//!
//! Parts are stored while they grow and cannot be changed afterwards. But only an archive that outgrows its
//! first part is split and must begin with the split marker. So the first entry is held back, and the others
//! are laid out as if they were all there is. If everything fits in one part in the end, the first entry is
//! appended and the result is a plain `.zip`. If not, a short part with the marker and the first entry is
//! written near the end but read first:
//!
//! ```text
//! order of opening   0: b c …   1: … d e   2: marker a   3: directory
//! order of reading   2 (.z01)   0 (.z02)   1 (.z03)      3 (.zip)
//! ```
//!
//! So parts have ordinals while they are made, and names only when the set is published
//! ([`PartIndex::reading_order`]).

use bytes::{Bytes, BytesMut};
use cdds_core::ports::packager::{
    ArchiveWriter, Method, PackagerError, PackagerErrorKind, Packed, PartEvent, PartIndex, PartOrdinal, Plan,
};

use super::packager::check_path;
use super::part_cursor::PartCursor;
use crate::archive::format::central_record::{self, Location};
use crate::archive::format::dos_time::DosDateTime;
use crate::archive::format::end_record::EndRecord;
use crate::archive::format::entry_fields::{EntryFields, FLAG_UTF8, METHOD_DEFLATED, METHOD_STORED};
use crate::archive::format::field::exceeds32;
use crate::archive::format::local_header;
use crate::archive::format::marker::SPLIT_MARKER;

/// 8.5.1: the minimum size of a part.
const PART_BYTES_LEAST: u64 = 64 << 10;
/// 8.5.1: the maximum size of a part.
const PART_BYTES_MOST: u64 = 4_294_967_295;

/// Writes one archive.
#[derive(Debug)]
pub(in crate::archive) struct ZipWriter {
    modified: DosDateTime,
    order: Order,
    parts: PartCursor,
    part_bytes_max: u64,
    placed: Vec<Placed>,
}

/// The order in which entries are placed.
#[derive(Debug)]
enum Order {
    /// One file of any size: entries in the order they come.
    OneFile,
    /// Split; nothing has been pushed yet.
    Empty,
    /// Split; the first entry is held back.
    Holding(Packed),
    /// Split; entries in the order they come, because the first entry alone needs more than one part.
    Split,
}

/// An entry and the location of its header, with the ordinal of the part as the disk.
#[derive(Debug)]
struct Placed {
    path: Box<str>,
    method: Method,
    crc32: u32,
    compressed_bytes: u64,
    uncompressed_bytes: u64,
    at: Location,
}

impl ZipWriter {
    /// Starts an archive; refuses a part size outside the bounds of 8.5.1.
    pub(in crate::archive) fn new(plan: Plan) -> Result<Self, PackagerError> {
        let order = match plan.part_bytes_max {
            None => Order::OneFile,
            Some(PART_BYTES_LEAST..=PART_BYTES_MOST) => Order::Empty,
            Some(bytes) => {
                return Err(PackagerError::new(
                    PackagerErrorKind::Invalid,
                    format!(
                        "a part size of {bytes} bytes is not possible: choose {PART_BYTES_LEAST} to {PART_BYTES_MOST}"
                    ),
                ));
            }
        };
        let part_bytes_max = plan.part_bytes_max.unwrap_or(u64::MAX);
        Ok(Self {
            modified: DosDateTime::new(plan.modified_at),
            order,
            parts: PartCursor::new(part_bytes_max),
            part_bytes_max,
            placed: Vec::new(),
        })
    }

    fn place(&mut self, file: Packed, events: &mut Vec<PartEvent>) -> Result<(), PackagerError> {
        let mut placed = Placed {
            path: file.path.into_boxed_str(),
            method: file.method,
            crc32: file.crc32,
            compressed_bytes: file.data.len() as u64,
            uncompressed_bytes: file.uncompressed_bytes,
            at: Location { disk: 0, offset: 0 },
        };
        let mut header = BytesMut::new();
        local_header::encode(placed.path.as_bytes(), &placed.fields(self.modified), &mut header);
        placed.at = self.parts.place(header.freeze(), file.data, events)?;
        self.placed.push(placed);
        Ok(())
    }

    fn place_marker(&mut self, events: &mut Vec<PartEvent>) -> Result<(), PackagerError> {
        self.parts.open(events)?;
        self.parts.write(Bytes::from_owner(SPLIT_MARKER.to_le_bytes()), events);
        Ok(())
    }

    /// Appends the directory and the end records to the open part.
    fn write_directory(
        &mut self,
        reading_order: &[PartOrdinal],
        events: &mut Vec<PartEvent>,
    ) -> Result<(), PackagerError> {
        let last = reading_order.len().saturating_sub(1);
        let last = u32::try_from(last).map_err(|_| {
            PackagerError::new(PackagerErrorKind::TooLarge, "an archive cannot have more than 2^32 parts")
        })?;
        // Entries are placed by ordinal, but the directory counts disks in reading order, which is known only
        // now.
        let mut disks = vec![0u32; reading_order.len()];
        for (disk, ordinal) in (0u32..).zip(reading_order) {
            if let Some(slot) = disks.get_mut(ordinal.0 as usize) {
                *slot = disk;
            }
        }
        let directory_offset = self.parts.offset();
        let mut records = BytesMut::new();
        for placed in &self.placed {
            let disk = disks.get(placed.at.disk as usize).copied().unwrap_or_default();
            let at = Location { disk, offset: placed.at.offset };
            let fields = placed.fields(self.modified);
            central_record::encode(placed.path.as_bytes(), &fields, at, last > 0, &mut records);
            // In pieces, so that the directory of many entries is never held twice.
            if records.len() >= EVENT_BYTES {
                self.parts.write(records.split().freeze(), events);
            }
        }
        self.parts.write(records.freeze(), events);
        let end = EndRecord {
            disk: last,
            directory_disk: last,
            entries: self.placed.len() as u64,
            directory_bytes: self.parts.offset().saturating_sub(directory_offset),
            directory_offset,
        };
        let mut record = BytesMut::with_capacity(end.encoded_bytes());
        end.encode(&mut record);
        self.parts.write(record.freeze(), events);
        self.parts.close(events);
        Ok(())
    }

    /// Whether the held first entry and the directory still fit after the body in the only part.
    fn fits_one_part(&self, first: &Packed) -> bool {
        if self.parts.opened() > 1 {
            return false;
        }
        let record = |path: &str, uncompressed_bytes| {
            (4 + central_record::FIXED_BYTES + path.len()) as u64 + zip64_bytes(uncompressed_bytes)
        };
        let body = self.placed.iter().map(|placed| record(&placed.path, placed.uncompressed_bytes));
        let records = body.sum::<u64>() + record(&first.path, first.uncompressed_bytes);
        // Where the directory starts does not change the size: its offset lies below 4 GiB in a part.
        let end = EndRecord {
            disk: 0,
            directory_disk: 0,
            entries: self.placed.len() as u64 + 1,
            directory_bytes: records,
            directory_offset: 0,
        };
        let used = self.parts.offset() + entry_bytes(first);
        used + records + end.encoded_bytes() as u64 <= self.part_bytes_max
    }

    fn index(&self, reading_order: Vec<PartOrdinal>) -> PartIndex {
        PartIndex { reading_order, entries: self.placed.len() as u64 }
    }

    /// Closes the body, places a held first entry after the marker in a part of its own, and writes the
    /// directory as the last part, once all part numbers are known.
    fn finish_split(
        mut self,
        first: Option<Packed>,
        events: &mut Vec<PartEvent>,
    ) -> Result<PartIndex, PackagerError> {
        self.parts.close(events);
        // Ordinals count in order of opening: the first entry's part will be opened next, but is read first.
        let mut reading_order: Vec<_> = (0..self.parts.opened()).map(PartOrdinal).collect();
        if let Some(first) = first {
            reading_order.insert(0, PartOrdinal(self.parts.opened()));
            self.place_marker(events)?;
            self.place(first, events)?;
            self.parts.close(events);
            // Placed last but read first: the directory lists entries in the order of their data, which lets
            // readers compare them in one pass.
            self.placed.rotate_right(1);
        }
        reading_order.push(PartOrdinal(self.parts.opened()));
        // The directory has a part of its own: unar misreads a last part that begins with a local header, and
        // zip4j needs the whole directory in one part.
        self.parts.open(events)?;
        self.write_directory(&reading_order, events)?;
        Ok(self.index(reading_order))
    }

    /// Appends the held entry and the directory to the only part.
    fn finish_one_part(
        mut self,
        first: Option<Packed>,
        events: &mut Vec<PartEvent>,
    ) -> Result<PartIndex, PackagerError> {
        self.parts.open(events)?;
        if let Some(first) = first {
            self.place(first, events)?;
        }
        let reading_order = vec![PartOrdinal(0)];
        self.write_directory(&reading_order, events)?;
        Ok(self.index(reading_order))
    }
}

/// Approximate size of the events that carry the directory.
const EVENT_BYTES: usize = 1 << 20;

/// Returns the size of an entry's local header and data.
fn entry_bytes(file: &Packed) -> u64 {
    let header = (4 + local_header::FIXED_BYTES + file.path.len()) as u64;
    header + zip64_bytes(file.uncompressed_bytes) + file.data.len() as u64
}

/// Returns the size of an entry's zip64 field in a part below 4 GiB, where only the uncompressed size can
/// need one.
fn zip64_bytes(uncompressed_bytes: u64) -> u64 {
    if exceeds32(uncompressed_bytes) { 20 } else { 0 }
}

impl ArchiveWriter for ZipWriter {
    fn push(&mut self, file: Packed, events: &mut Vec<PartEvent>) -> Result<(), PackagerError> {
        check_path(&file.path)?;
        if matches!(self.order, Order::Empty) {
            // Room for the marker and the entry. If they do not fit, neither do the entry and a directory, so
            // the archive will be split for certain and can begin with the marker now.
            if 4 + entry_bytes(&file) <= self.part_bytes_max {
                self.order = Order::Holding(file);
                return Ok(());
            }
            self.order = Order::Split;
            self.place_marker(events)?;
        }
        self.place(file, events)
    }

    fn finish(mut self: Box<Self>, events: &mut Vec<PartEvent>) -> Result<PartIndex, PackagerError> {
        match std::mem::replace(&mut self.order, Order::Empty) {
            Order::OneFile | Order::Empty => self.finish_one_part(None, events),
            Order::Holding(first) if self.fits_one_part(&first) => self.finish_one_part(Some(first), events),
            Order::Holding(first) => self.finish_split(Some(first), events),
            Order::Split => self.finish_split(None, events),
        }
    }
}

impl Placed {
    fn fields(&self, modified: DosDateTime) -> EntryFields {
        EntryFields {
            flags: if self.path.is_ascii() { 0 } else { FLAG_UTF8 },
            method: match self.method {
                Method::Stored => METHOD_STORED,
                Method::Deflated => METHOD_DEFLATED,
            },
            modified,
            crc32: self.crc32,
            compressed_bytes: self.compressed_bytes,
            uncompressed_bytes: self.uncompressed_bytes,
        }
    }
}
