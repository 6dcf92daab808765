//! The writer's position: the open part, and the events about it.

use bytes::Bytes;
use cdds_core::ports::packager::{PackagerError, PackagerErrorKind, PartEvent, PartOrdinal};

use crate::archive::format::central_record::Location;

/// The buffer size of `zip -s 0`. If a part ends inside an entry and holds a multiple of this many bytes of
/// its data, `zip -s 0` mistakes the exhausted part for the end of the archive and drops the rest of the
/// entry, with exit code 0. The cursor therefore avoids such cuts.
const INFO_ZIP_BUFFER: u64 = 16_384;

/// Lays out bytes in parts of bounded size.
#[derive(Debug)]
pub(in crate::archive) struct PartCursor {
    part_bytes_max: u64,
    /// Number of parts opened so far.
    opened: u32,
    /// Position in the open part.
    offset: Option<u64>,
}

impl PartCursor {
    pub(in crate::archive) fn new(part_bytes_max: u64) -> Self {
        Self { part_bytes_max, opened: 0, offset: None }
    }

    pub(in crate::archive) fn opened(&self) -> u32 {
        self.opened
    }

    /// Number of bytes in the open part; 0 if none is open.
    pub(in crate::archive) fn offset(&self) -> u64 {
        self.offset.unwrap_or(0)
    }

    /// Begins a part, unless one is open.
    pub(in crate::archive) fn open(&mut self, events: &mut Vec<PartEvent>) -> Result<(), PackagerError> {
        if self.offset.is_none() {
            let ordinal = PartOrdinal(self.opened);
            self.opened = self.opened.checked_add(1).ok_or_else(|| {
                PackagerError::new(PackagerErrorKind::TooLarge, "an archive cannot have more than 2^32 parts")
            })?;
            self.offset = Some(0);
            events.push(PartEvent::Opened(ordinal));
        }
        Ok(())
    }

    /// Ends the open part, if there is one.
    pub(in crate::archive) fn close(&mut self, events: &mut Vec<PartEvent>) {
        if self.offset.take().is_some() {
            events.push(PartEvent::Closed(PartOrdinal(self.opened.saturating_sub(1))));
        }
    }

    /// Appends bytes to the open part, whatever its size.
    pub(in crate::archive) fn write(&mut self, bytes: Bytes, events: &mut Vec<PartEvent>) {
        if !bytes.is_empty() {
            self.offset = Some(self.offset().saturating_add(bytes.len() as u64));
            events.push(PartEvent::Data(bytes));
        }
    }

    /// Places a local header and its data, over as many parts as necessary. Returns the header's location,
    /// with the ordinal of its part as the disk.
    pub(in crate::archive) fn place(
        &mut self,
        header: Bytes,
        mut data: Bytes,
        events: &mut Vec<PartEvent>,
    ) -> Result<Location, PackagerError> {
        self.open(events)?;
        // 8.5.2: a header is never split. At least one byte of data must follow it, since `zip -s 0` drops an
        // entry whose first part contains none of its data (0 is a multiple of its buffer, too).
        let least = header.len() as u64 + u64::from(!data.is_empty());
        if self.room() < least {
            self.close(events);
            self.open(events)?;
        }
        // Taken after the cursor may have moved on to another part, and before the header moves the offset.
        let at = Location { disk: self.opened.saturating_sub(1), offset: self.offset() };
        self.write(header, events);
        loop {
            // Never zero while data is left: a new part has room for 64 KiB (8.5.1), and the first has one
            // byte at least.
            let count = self.fits(data.len() as u64);
            let head = data.split_to(usize::try_from(count).unwrap_or(usize::MAX).min(data.len()));
            self.write(head, events);
            if data.is_empty() {
                return Ok(at);
            }
            self.close(events);
            self.open(events)?;
        }
    }

    /// Returns how many of the next `remaining` bytes of an entry's data go into the open part.
    fn fits(&self, remaining: u64) -> u64 {
        let room = self.room();
        // A part that ends with its entry is safe at any size: only the cut inside one is misread.
        if remaining <= room {
            remaining
        } else if room.is_multiple_of(INFO_ZIP_BUFFER) {
            room.saturating_sub(1)
        } else {
            room
        }
    }

    fn room(&self) -> u64 {
        self.part_bytes_max.saturating_sub(self.offset())
    }
}
