//! Reads an archive in one pass, entry by entry, as its parts arrive (rule A9).
//!
//! Every entry's size and CRC are checked while it is read. At the end the central directory is compared with
//! the entries that were read, so that nothing can be lost, added or exchanged.

mod descriptor;
pub(in crate::archive) mod directory;
mod foreign;
pub(in crate::archive) mod whole;

use std::fmt;
use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};

use self::directory::{Ahead, SeenEntries};
use self::whole::{PackedEntry, WHOLE_BYTES_MAX};
use super::parts::{Parts, PartsReader};
use crate::archive::error::ArchiveError;
use crate::archive::format::central_record::{self, Location};
use crate::archive::format::end_record;
use crate::archive::format::entry_fields::{EntryFields, FLAG_ENCRYPTED, METHOD_DEFLATED, METHOD_STORED};
use crate::archive::format::local_header;
use crate::archive::format::marker::{SINGLE_MARKER, SPLIT_MARKER};

/// An archive being read. See [`next_entry`](ArchiveStream::next_entry).
pub struct ArchiveStream<'a> {
    reader: PartsReader<'a>,
    inflate: Decompress,
    seen: SeenEntries,
    /// The directory, which is read ahead from the first entry whose sizes follow its data.
    directory: Option<Ahead<'a>>,
    open: Option<OpenEntry>,
    complete: bool,
}

/// The entry whose data comes next.
struct OpenEntry {
    path: String,
    /// Index, in reading order, of the part that holds its header.
    first_part: usize,
    fields: EntryFields,
    /// Whether CRC and sizes are repeated after the data.
    has_descriptor: bool,
    compressed_left: u64,
    uncompressed_left: u64,
    crc: crc32fast::Hasher,
    ended: bool,
}

impl<'a> ArchiveStream<'a> {
    /// Starts reading. The last part of a split set is read once beforehand, to learn whether the set is
    /// complete.
    ///
    /// # Errors
    /// [`ArchiveError::MissingParts`], or [`ArchiveError::Io`] and [`ArchiveError::Damaged`] about the last
    /// part.
    pub fn open(parts: &'a Parts<'a>) -> Result<Self, ArchiveError> {
        // Before anything is extracted: a missing part must not show only after half of the files are there.
        parts.end_of_split()?;
        Ok(Self {
            reader: PartsReader::new(parts),
            inflate: Decompress::new(false),
            seen: SeenEntries::default(),
            directory: None,
            open: None,
            complete: false,
        })
    }

    /// Returns the next entry in archive order; `None` once the directory has been read and agrees with every
    /// entry. Unread data of the previous entry is read and checked first.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`], [`ArchiveError::Unsupported`], [`ArchiveError::MissingParts`] or
    /// [`ArchiveError::Io`]; the stream cannot be used after that.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'_, 'a>>, ArchiveError> {
        self.drain()?;
        if self.complete {
            return Ok(None);
        }
        let (at, signature) = self.next_signature()?;
        match signature {
            local_header::SIGNATURE => {
                self.begin_entry(at)?;
                Ok(Some(Entry { stream: self }))
            }
            signature if is_directory(signature) => {
                directory::compare(&mut self.reader, signature, at, &self.seen)?;
                self.complete = true;
                Ok(None)
            }
            _ => Err(self.something_else(at, signature)),
        }
    }

    /// Checks that an archive of which nothing has been read yet begins like one.
    pub(in crate::archive) fn check_beginning(mut self) -> Result<(), ArchiveError> {
        match self.next_signature()? {
            (_, signature) if signature == local_header::SIGNATURE || is_directory(signature) => Ok(()),
            (at, signature) => Err(self.something_else(at, signature)),
        }
    }

    /// Returns the error for bytes that are neither an entry nor the directory.
    fn something_else(&self, at: Location, signature: u32) -> ArchiveError {
        let nothing = || format!("there is neither an entry nor the directory at byte {}", at.offset);
        let parts = self.reader.parts();
        if at != (Location { disk: 0, offset: 0 }) {
            return self.reader.damaged(nothing());
        }
        let kind = foreign::kind(signature.to_le_bytes());
        // Faults at the end do not matter if this is not an archive at all.
        let begins = if parts.names().len() == 1 { parts.beginning().ok().flatten() } else { None };
        match (begins, kind) {
            (Some(begins), kind) => ArchiveError::Unsupported {
                part: self.reader.part_name(),
                entry: None,
                reason: format!(
                    "its archive begins only at byte {begins}, after {}; use 7zz, or remove the bytes before \
                     it from a copy with 'zip -J COPY'",
                    kind.unwrap_or("something else")
                ),
            },
            (None, Some(kind)) => {
                self.reader.damaged(format!("it is {kind}, not a ZIP archive: fetch it again"))
            }
            (None, None) => self.reader.damaged(nothing()),
        }
    }

    fn next_signature(&mut self) -> Result<(Location, u32), ArchiveError> {
        loop {
            // Fill first: until then the position is the end of the part before.
            self.reader.fill()?;
            let at = self.reader.position();
            let signature = self.reader.read_u32()?;
            let first = at == Location { disk: 0, offset: 0 };
            if !(first && matches!(signature, SPLIT_MARKER | SINGLE_MARKER)) {
                return Ok((at, signature));
            }
        }
    }

    fn begin_entry(&mut self, at: Location) -> Result<(), ArchiveError> {
        let mut fixed = [0; local_header::FIXED_BYTES];
        self.reader.read_exact(&mut fixed)?;
        let fixed =
            local_header::Fixed::parse(&fixed).ok_or_else(|| self.reader.damaged("a header is cut off"))?;
        let name = self.reader.read_vec(usize::from(fixed.name_bytes))?;
        let extra = self.reader.read_vec(usize::from(fixed.extra_bytes))?;
        // Read the name before any refusal, so that the error can name the entry.
        let path = String::from_utf8_lossy(&name).into_owned();
        let unsupported = |reason: &str| ArchiveError::Unsupported {
            part: self.reader.part_name(),
            entry: Some(path.clone()),
            reason: reason.to_owned(),
        };
        if fixed.fields.flags & FLAG_ENCRYPTED != 0 {
            return Err(unsupported("it has a ZIP password; use 7zz"));
        }
        if !matches!(fixed.fields.method, METHOD_STORED | METHOD_DEFLATED) {
            return Err(unsupported("its compression method is neither stored nor deflate; use 7zz"));
        }
        if std::str::from_utf8(&name).is_err() {
            return Err(unsupported("its name is not UTF-8; use 7zz"));
        }
        let has_descriptor = descriptor::is_announced(&fixed.fields);
        let fields = if has_descriptor {
            self.listed(at, fixed.fields, &path)?
        } else {
            let resolved = fixed.resolve(&extra);
            resolved.ok_or_else(|| self.reader.damaged(format!("the zip64 sizes of {path:?} are missing")))?
        };
        self.inflate.reset(false);
        self.seen.push(at, &fields, &name);
        self.open = Some(OpenEntry {
            path,
            first_part: at.disk as usize,
            fields,
            has_descriptor,
            compressed_left: fields.compressed_bytes,
            uncompressed_left: fields.uncompressed_bytes,
            crc: crc32fast::Hasher::new(),
            ended: false,
        });
        Ok(())
    }

    /// Returns the fields of an entry with its CRC and sizes from the directory, since its header lacks them.
    fn listed(&mut self, at: Location, header: EntryFields, path: &str) -> Result<EntryFields, ArchiveError> {
        let directory = match &mut self.directory {
            Some(directory) => directory,
            slot => slot.insert(Ahead::open(self.reader.parts())?),
        };
        let Some(listed) = directory.find(at)? else {
            return Err(self.reader.damaged(format!("its directory does not list the entry {path:?}")));
        };
        let EntryFields { crc32, compressed_bytes, uncompressed_bytes, .. } = listed;
        Ok(EntryFields { crc32, compressed_bytes, uncompressed_bytes, ..header })
    }

    /// Reads the rest of the open entry, if there is one.
    fn drain(&mut self) -> Result<(), ArchiveError> {
        if self.open.is_none() {
            return Ok(());
        }
        let mut scratch = vec![0; 32 << 10];
        while self.read_data(&mut scratch)? > 0 {}
        self.open = None;
        Ok(())
    }

    /// Reads data of the open entry; returns 0 once it is complete and its size and CRC are right.
    fn read_data(&mut self, buffer: &mut [u8]) -> Result<usize, ArchiveError> {
        let Some(entry) = &mut self.open else { return Ok(0) };
        if entry.ended || buffer.is_empty() {
            return Ok(0);
        }
        let produced = match entry.fields.method {
            METHOD_STORED => copy_stored(&mut self.reader, entry, buffer),
            _ => inflate(&mut self.reader, &mut self.inflate, entry, buffer),
        }
        .map_err(|error| error.about(entry, &self.reader))?;
        entry.crc.update(buffer.get(..produced).unwrap_or_default());
        // Checked on the way, so that an entry which inflates beyond its stated size ends after one buffer.
        entry.uncompressed_left = entry.uncompressed_left.checked_sub(produced as u64).ok_or_else(|| {
            EntryFault::Data("it is longer than its header says").about(entry, &self.reader)
        })?;
        if produced == 0 {
            entry.ended = true;
            entry
                .check()
                .and_then(|()| entry.read_descriptor(&mut self.reader))
                .map_err(|error| error.about(entry, &self.reader))?;
        }
        Ok(produced)
    }
}

/// Whether this signature begins the directory; an empty directory consists of its end alone.
fn is_directory(signature: u32) -> bool {
    matches!(signature, central_record::SIGNATURE | end_record::ZIP64_SIGNATURE | end_record::SIGNATURE)
}

/// A fault in an entry's data, before the entry's name is attached.
enum EntryFault {
    Data(&'static str),
    Archive(ArchiveError),
}

impl From<ArchiveError> for EntryFault {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl EntryFault {
    fn about(self, entry: &OpenEntry, reader: &PartsReader<'_>) -> ArchiveError {
        match self {
            Self::Archive(error) => error,
            Self::Data(reason) => ArchiveError::Damaged {
                part: reader.part_names_since(entry.first_part),
                entry: Some(entry.path.clone()),
                reason: reason.to_owned(),
            },
        }
    }
}

impl OpenEntry {
    fn check(&self) -> Result<(), EntryFault> {
        // Compressed bytes left over lie behind the end of the stream: no reader of the contents would see
        // them.
        if self.compressed_left > 0 || self.uncompressed_left > 0 {
            return Err(EntryFault::Data("its size is not what its header says"));
        }
        if self.crc.clone().finalize() != self.fields.crc32 {
            return Err(EntryFault::Data("its CRC is wrong"));
        }
        Ok(())
    }

    fn read_descriptor(&self, reader: &mut PartsReader<'_>) -> Result<(), EntryFault> {
        if self.has_descriptor && !descriptor::read(reader, &self.fields)? {
            return Err(EntryFault::Data("its directory and the sizes after its data do not agree"));
        }
        Ok(())
    }
}

/// Returns the next bytes of the entry's stored data.
fn available<'r>(reader: &'r mut PartsReader<'_>, entry: &OpenEntry) -> Result<&'r [u8], EntryFault> {
    if entry.compressed_left == 0 {
        return Ok(&[]);
    }
    let bytes = reader.fill()?;
    if bytes.is_empty() {
        return Err(EntryFault::Data("the archive ends inside it"));
    }
    let count = usize::try_from(entry.compressed_left).unwrap_or(usize::MAX).min(bytes.len());
    Ok(bytes.get(..count).unwrap_or_default())
}

fn copy_stored(
    reader: &mut PartsReader<'_>,
    entry: &mut OpenEntry,
    buffer: &mut [u8],
) -> Result<usize, EntryFault> {
    let bytes = available(reader, entry)?;
    let count = bytes.len().min(buffer.len());
    if let (Some(to), Some(from)) = (buffer.get_mut(..count), bytes.get(..count)) {
        to.copy_from_slice(from);
    }
    reader.consume(count);
    entry.compressed_left -= count as u64;
    Ok(count)
}

fn inflate(
    reader: &mut PartsReader<'_>,
    inflate: &mut Decompress,
    entry: &mut OpenEntry,
    buffer: &mut [u8],
) -> Result<usize, EntryFault> {
    loop {
        let bytes = available(reader, entry)?;
        let (read, written) = (inflate.total_in(), inflate.total_out());
        let status = inflate
            .decompress(bytes, buffer, FlushDecompress::None)
            .map_err(|_| EntryFault::Data("its compressed data is not valid"))?;
        let (read, written) = (inflate.total_in() - read, inflate.total_out() - written);
        reader.consume(usize::try_from(read).unwrap_or(usize::MAX));
        entry.compressed_left = entry.compressed_left.saturating_sub(read);
        let written = usize::try_from(written).unwrap_or(usize::MAX);
        // Zero bytes may only mean the end, so go on while the decompressor takes input without giving
        // output.
        if written > 0 || status == Status::StreamEnd {
            return Ok(written);
        }
        if read == 0 {
            return Err(EntryFault::Data("its compressed data ends too early"));
        }
    }
}

impl fmt::Debug for ArchiveStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveStream")
            .field("reader", &self.reader)
            .field("seen", &self.seen.len())
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}

/// One entry, whose contents are read through [`Read`].
///
/// `read` returns `Ok(0)` only if the contents are complete and their CRC is right. Its errors contain an
/// [`ArchiveError`].
pub struct Entry<'s, 'a> {
    stream: &'s mut ArchiveStream<'a>,
}

impl Entry<'_, '_> {
    /// Returns the path as in the archive: do not trust it.
    pub fn path(&self) -> &str {
        self.stream.open.as_ref().map(|entry| entry.path.as_str()).unwrap_or_default()
    }

    /// Returns the size of the contents according to the entry's header, in bytes.
    pub fn uncompressed_bytes(&self) -> u64 {
        self.stream.open.as_ref().map_or(0, |entry| entry.fields.uncompressed_bytes)
    }

    /// Returns the size in the archive, in bytes.
    pub fn compressed_bytes(&self) -> u64 {
        self.stream.open.as_ref().map_or(0, |entry| entry.fields.compressed_bytes)
    }

    /// Whether the entry is small enough to be taken whole.
    pub(in crate::archive) fn is_small(&self) -> bool {
        self.compressed_bytes().max(self.uncompressed_bytes()) <= WHOLE_BYTES_MAX
    }

    /// Reads the stored bytes of a small entry that has not been read yet, without checking its data.
    pub(super) fn take_packed(self) -> Result<PackedEntry, ArchiveError> {
        let size = usize::try_from(self.compressed_bytes().min(WHOLE_BYTES_MAX)).unwrap_or(usize::MAX);
        let data = self.stream.reader.read_vec(size)?;
        let reader = &mut self.stream.reader;
        let open = self.stream.open.take().ok_or_else(|| reader.damaged("an entry was read twice"))?;
        open.read_descriptor(reader).map_err(|error| error.about(&open, reader))?;
        let part = reader.part_names_since(open.first_part);
        Ok(PackedEntry { path: open.path, part, fields: open.fields, data })
    }
}

impl Read for Entry<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.stream.read_data(buffer)?)
    }
}

impl fmt::Debug for Entry<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("path", &self.path())
            .field("bytes", &self.uncompressed_bytes())
            .finish()
    }
}
