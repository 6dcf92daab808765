//! The parts of a set as one sequence of bytes.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::PathBuf;

use cdds_core::domain::archive::part_name::{PartName, PartPosition};

use super::stream::directory::next_record;
use crate::archive::error::{ArchiveError, MISSING_PARTS_MAX};
use crate::archive::format::central_record::Location;
use crate::archive::format::end_record::{EndRecord, TAIL_BYTES_MAX};
use crate::archive::format::local_header;

/// Opens one part, by its index in reading order.
type OpenPart<'a> = Box<dyn Fn(usize) -> io::Result<Box<dyn Read>> + 'a>;

/// The parts of one archive in reading order, each readable as plaintext.
///
/// A part may be opened more than once: reading a split set starts with the end of its last part, to learn
/// whether all parts are there.
pub struct Parts<'a> {
    folder: PathBuf,
    names: Vec<String>,
    open: OpenPart<'a>,
}

impl<'a> Parts<'a> {
    /// Takes the parts' file names in reading order, the folder to name when one is missing, and a function
    /// that opens the part at an index for reading its plaintext.
    pub fn new(
        folder: PathBuf,
        names: Vec<String>,
        open: impl Fn(usize) -> io::Result<Box<dyn Read>> + 'a,
    ) -> Self {
        Self { folder, names, open: Box::new(open) }
    }

    /// Returns the file names of the parts, in reading order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the name of a part, for messages.
    pub(in crate::archive) fn name(&self, index: usize) -> String {
        self.names.get(index).cloned().unwrap_or_else(|| format!("part {}", index.saturating_add(1)))
    }

    /// Opens a part.
    pub(in crate::archive) fn open(&self, index: usize) -> Result<Box<dyn Read>, ArchiveError> {
        (self.open)(index)
            .map_err(|error| ArchiveError::io(format!("cannot open part {}", self.name(index)), error))
    }

    /// Checks that a set of several parts is complete and returns its end records; `None` for a single part,
    /// whose end is checked once it has been read.
    pub(in crate::archive) fn end_of_split(&self) -> Result<Option<EndRecord>, ArchiveError> {
        if self.names.len() < 2 { Ok(None) } else { self.end().map(Some) }
    }

    /// Checks that the set is complete and returns the end records, found by reading the last part.
    pub(in crate::archive) fn end(&self) -> Result<EndRecord, ArchiveError> {
        let last = self.names.len().saturating_sub(1);
        let mut tail = Tail::default();
        io::copy(&mut self.open(last)?, &mut tail)
            .map_err(|error| ArchiveError::io(format!("cannot read part {}", self.name(last)), error))?;
        self.find_end(&tail)
    }

    /// Finds the end records in the last bytes of the last part, and checks the number of parts.
    pub(in crate::archive) fn find_end(&self, tail: &Tail) -> Result<EndRecord, ArchiveError> {
        let end = EndRecord::find(tail.bytes()).ok_or_else(|| ArchiveError::Damaged {
            part: self.name(self.names.len().saturating_sub(1)),
            entry: None,
            reason: match EndRecord::find_followed(tail.bytes()) {
                Some((_, behind)) => followed(tail.total - behind as u64, behind as u64),
                None => "it does not end as an archive does: it is cut off, or not a ZIP file".to_owned(),
            },
        })?;
        self.check_count(&end)?;
        Ok(end)
    }

    /// Returns the start of the archive in the only part, if other bytes precede it; found from its end.
    pub(in crate::archive) fn beginning(&self) -> Result<Option<u64>, ArchiveError> {
        let mut tail = Tail::default();
        io::copy(&mut self.open(0)?, &mut tail)
            .map_err(|error| ArchiveError::io(format!("cannot read part {}", self.name(0)), error))?;
        let end = self.find_end(&tail)?;
        let records = end.encoded_bytes() as u64 + EndRecord::comment_bytes(tail.bytes());
        let directory = tail.total.checked_sub(records).and_then(|at| at.checked_sub(end.directory_bytes));
        // A prefix shifts everything; offsets count from the archive's own beginning, unless they were
        // corrected.
        let Some(moved) = directory.and_then(|at| at.checked_sub(end.directory_offset)) else {
            return Ok(None);
        };
        // The directory's first record leads to the first entry, whose signature confirms the guess.
        let place = Location { disk: 0, offset: moved + end.directory_offset };
        let first = next_record(&mut PartsReader::starting_at(self, place)?)?;
        let begins = moved.saturating_add(first.at.offset);
        let header = PartsReader::starting_at(self, Location { disk: 0, offset: begins })?.read_u32()?;
        Ok((begins > 0 && header == local_header::SIGNATURE).then_some(begins))
    }

    /// Compares the number of parts with what the end of the archive says.
    pub(in crate::archive) fn check_count(&self, end: &EndRecord) -> Result<(), ArchiveError> {
        let (found, counted) = (self.names.len(), end.disk as usize + 1);
        let last = self.name(found.saturating_sub(1));
        if found > counted {
            return Err(ArchiveError::Damaged {
                part: last,
                entry: None,
                reason: format!(
                    "it ends a set of {counted} parts, but {found} are here: remove those of another set"
                ),
            });
        }
        if found < counted {
            let present: HashSet<_> = self.names.iter().collect();
            // Lazily, since the number of parts comes from the file and may be anything up to 2^32. A file
            // that has no part's name does not tell how its others are called.
            let missing = |known: PartName| -> Vec<String> {
                let numbers = (1..=end.disk).map(PartPosition::Volume);
                let names = numbers.map(|position| known.at(position).to_string());
                names.filter(|name| !present.contains(name)).take(MISSING_PARTS_MAX).collect()
            };
            let parts = PartName::parse(&last).map(missing).unwrap_or_default();
            return Err(ArchiveError::MissingParts { parts, folder: self.folder.clone() });
        }
        Ok(())
    }
}

impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("folder", &self.folder)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// Describes bytes after an archive that ends at `end`.
fn followed(end: u64, behind: u64) -> String {
    format!(
        "its archive ends at byte {end}, and {behind} bytes follow: something was added to it; fetch it \
         again, or shorten a copy with 'truncate -s {end} COPY'"
    )
}

/// Keeps the last bytes written to it, enough for the end records.
#[derive(Debug, Default)]
pub(in crate::archive) struct Tail {
    last: Vec<u8>,
    /// Number of bytes written.
    total: u64,
}

impl Tail {
    pub(in crate::archive) fn bytes(&self) -> &[u8] {
        self.last.get(self.last.len().saturating_sub(TAIL_BYTES_MAX)..).unwrap_or_default()
    }
}

impl io::Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.get(bytes.len().saturating_sub(TAIL_BYTES_MAX)..).unwrap_or_default();
        // Four times as much as needed, so that the kept bytes are not moved for every write.
        if self.last.len() + taken.len() > 4 * TAIL_BYTES_MAX {
            self.last.drain(..self.last.len().saturating_sub(TAIL_BYTES_MAX));
        }
        self.last.extend_from_slice(taken);
        self.total += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes per read.
const BUFFER_BYTES: usize = 256 << 10;

/// Reads the parts one after the other and tracks the position.
pub(in crate::archive) struct PartsReader<'a> {
    parts: &'a Parts<'a>,
    index: usize,
    reader: Option<BufReader<Box<dyn Read>>>,
    offset: u64,
    /// Size of the part that ended most recently.
    ended_at: u64,
}

impl<'a> PartsReader<'a> {
    pub(in crate::archive) fn new(parts: &'a Parts<'a>) -> Self {
        Self { parts, index: 0, reader: None, offset: 0, ended_at: 0 }
    }

    /// Starts at a location in the set.
    pub(in crate::archive) fn starting_at(
        parts: &'a Parts<'a>,
        place: Location,
    ) -> Result<Self, ArchiveError> {
        let mut reader = Self { index: place.disk as usize, ..Self::new(parts) };
        let mut left = place.offset;
        while left > 0 {
            let available = reader.fill()?.len();
            if available == 0 || reader.position().disk != place.disk {
                return Err(reader.damaged("it is shorter than its directory says"));
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(available);
            reader.consume(count);
            left -= count as u64;
        }
        Ok(reader)
    }

    /// Returns the next bytes of the set; empty at its end. Moves past parts that have ended.
    pub(in crate::archive) fn fill(&mut self) -> Result<&[u8], ArchiveError> {
        while self.index < self.parts.names.len() {
            let reader = match &mut self.reader {
                Some(reader) => reader,
                slot => slot.insert(BufReader::with_capacity(BUFFER_BYTES, self.parts.open(self.index)?)),
            };
            match reader.fill_buf() {
                Ok([]) => {
                    // Close a part before the next one is opened: a set may have more parts than a process
                    // may have files.
                    self.reader = None;
                    self.index += 1;
                    self.ended_at = std::mem::take(&mut self.offset);
                }
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(ArchiveError::io(format!("cannot read part {}", self.part_name()), error));
                }
            }
        }
        // The loop above has filled the buffer, unless there is no reader left.
        Ok(self.reader.as_ref().map(BufReader::buffer).unwrap_or_default())
    }

    /// Consumes `count` of the bytes that [`fill`](PartsReader::fill) returned.
    pub(in crate::archive) fn consume(&mut self, count: usize) {
        if let Some(reader) = &mut self.reader {
            reader.consume(count);
            self.offset = self.offset.saturating_add(count as u64);
        }
    }

    /// Reads exactly `bytes.len()` bytes.
    pub(in crate::archive) fn read_exact(&mut self, mut bytes: &mut [u8]) -> Result<(), ArchiveError> {
        while !bytes.is_empty() {
            let available = self.fill()?;
            let count = available.len().min(bytes.len());
            if count == 0 {
                return Err(self.damaged("the archive ends too early"));
            }
            let (head, rest) = bytes.split_at_mut(count);
            head.copy_from_slice(available.get(..count).unwrap_or_default());
            self.consume(count);
            bytes = rest;
        }
        Ok(())
    }

    /// Reads `count` bytes; the caller has checked that they fit in memory.
    pub(in crate::archive) fn read_vec(&mut self, count: usize) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = vec![0; count];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads a signature.
    pub(in crate::archive) fn read_u32(&mut self) -> Result<u32, ArchiveError> {
        let mut bytes = [0; 4];
        self.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// Returns the location of the next byte, once [`fill`](PartsReader::fill) has found one.
    pub(in crate::archive) fn position(&self) -> Location {
        Location { disk: u32::try_from(self.index).unwrap_or(u32::MAX), offset: self.offset }
    }

    pub(in crate::archive) fn parts(&self) -> &'a Parts<'a> {
        self.parts
    }

    /// Returns the name of the part being read, or of the last one at the end.
    pub(in crate::archive) fn part_name(&self) -> String {
        self.parts.name(self.index.min(self.parts.names.len().saturating_sub(1)))
    }

    /// Returns the names of the parts from `first` to the current one: a fault of an entry may be in any of
    /// them.
    pub(in crate::archive) fn part_names_since(&self, first: usize) -> String {
        let last = self.part_name();
        match self.parts.name(first) {
            first if first == last => last,
            first => format!("one of {first} to {last}"),
        }
    }

    /// Returns the error for `behind` bytes after the end of the set, all of which has been read.
    pub(in crate::archive) fn followed(&self, behind: u64) -> ArchiveError {
        self.damaged(followed(self.ended_at.saturating_sub(behind), behind))
    }

    pub(in crate::archive) fn damaged(&self, reason: impl Into<String>) -> ArchiveError {
        ArchiveError::Damaged { part: self.part_name(), entry: None, reason: reason.into() }
    }
}

impl fmt::Debug for PartsReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartsReader").field("parts", &self.parts).field("position", &self.position()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the missing parts of a set of one file whose end claims that there are as many as can be.
    fn missing_beside(name: &str) -> Vec<String> {
        let parts =
            Parts::new(PathBuf::new(), vec![name.to_owned()], |_| Err(io::ErrorKind::NotFound.into()));
        let end = EndRecord {
            disk: u32::MAX - 1,
            directory_disk: 0,
            entries: 0,
            directory_bytes: 0,
            directory_offset: 0,
        };
        match parts.check_count(&end) {
            Err(ArchiveError::MissingParts { parts, .. }) => parts,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_forged_number_of_parts_is_not_walked_through() {
        let missing = missing_beside("export.zip");
        assert_eq!((missing.len(), missing[0].as_str()), (MISSING_PARTS_MAX, "export.z01"));
        // Nobody knows what the others of such a file are called.
        assert!(missing_beside("download").is_empty());
    }
}
