//! Compares the central directory and the end records with the entries that were read.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};

use crate::archive::error::ArchiveError;
use crate::archive::format::central_record::{self, Location, Record};
use crate::archive::format::end_record::{EndRecord, TAIL_BYTES_MAX};
use crate::archive::format::entry_fields::{EntryFields, FLAG_ENCRYPTED};
use crate::archive::format::local_header;
use crate::archive::read::parts::{Parts, PartsReader};

/// The entries read so far, in little memory each, however long their names are: a hostile archive may
/// consist of names alone.
#[derive(Default)]
pub(super) struct SeenEntries {
    entries: Vec<Seen>,
    /// Randomly keyed, so that nobody can construct two entries with the same hash.
    hash: RandomState,
}

/// The location and the fingerprint of an entry's header.
struct Seen {
    at: Location,
    fingerprint: u64,
}

impl SeenEntries {
    /// Adds an entry. Headers arrive in the order of their locations.
    pub(super) fn push(&mut self, at: Location, fields: &EntryFields, name: &[u8]) {
        let fingerprint = self.fingerprint(fields, name);
        self.entries.push(Seen { at, fingerprint });
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Hashes everything that header and directory both say about an entry's name and data.
    fn fingerprint(&self, fields: &EntryFields, name: &[u8]) -> u64 {
        let EntryFields { flags, method, crc32, compressed_bytes, uncompressed_bytes, .. } = *fields;
        let encrypted = flags & FLAG_ENCRYPTED != 0;
        self.hash.hash_one((name, encrypted, method, crc32, compressed_bytes, uncompressed_bytes))
    }
}

/// Maximum number of records kept for later entries, for a directory in another order than its data.
const PASSED_MAX: usize = 100_000;

/// The directory, read in parallel with the entries, for fields that are missing from their headers.
pub(super) struct Ahead<'a> {
    reader: PartsReader<'a>,
    left: u64,
    /// Records of later entries that have already been read.
    passed: BTreeMap<Location, EntryFields>,
}

impl<'a> Ahead<'a> {
    pub(super) fn open(parts: &'a Parts<'a>) -> Result<Self, ArchiveError> {
        let end = parts.end()?;
        let place = Location { disk: end.directory_disk, offset: end.directory_offset };
        let reader = PartsReader::starting_at(parts, place)?;
        Ok(Self { reader, left: end.entries, passed: BTreeMap::new() })
    }

    /// Returns the directory's record of the entry whose header is at `at`. Entries must be asked for in the
    /// order of their locations.
    pub(super) fn find(&mut self, at: Location) -> Result<Option<EntryFields>, ArchiveError> {
        self.passed = self.passed.split_off(&at);
        if let Some(fields) = self.passed.remove(&at) {
            return Ok(Some(fields));
        }
        while self.left > 0 {
            self.left -= 1;
            let record = next_record(&mut self.reader)?;
            if record.at == at {
                return Ok(Some(record.fields));
            }
            if record.at > at {
                self.passed.insert(record.at, record.fields);
            }
            if self.passed.len() > PASSED_MAX {
                return Err(ArchiveError::Unsupported {
                    part: self.reader.part_name(),
                    entry: None,
                    reason: "its directory is in a different order from its entries, whose sizes come after \
                             their data; use 7zz"
                        .to_owned(),
                });
            }
        }
        Ok(None)
    }
}

/// Reads everything from the directory, whose first signature was found at `start`, to the end of the set.
pub(super) fn compare(
    reader: &mut PartsReader<'_>,
    mut signature: u32,
    start: Location,
    seen: &SeenEntries,
) -> Result<(), ArchiveError> {
    let mut matching = Matching { seen, matched: vec![false; seen.len()], next: 0 };
    let (mut entries, mut directory_bytes) = (0u64, 0u64);
    let mut fault = None;
    while signature == central_record::SIGNATURE {
        let (record, bytes) = read_record(reader)?;
        // Only remember the fault: if the end shows that parts are missing, that is the error to report.
        if fault.is_none() {
            fault = matching.take(&record).err().map(|reason| reader.damaged(reason));
        }
        entries += 1;
        directory_bytes += bytes;
        signature = reader.read_u32()?;
    }
    let end = read_end(reader, signature)?;
    reader.parts().check_count(&end)?;
    fault.map_or(Ok(()), Err)?;
    if let Some(lost) = matching.unmatched() {
        let name = name_at(reader.parts(), lost)?;
        return Err(reader.damaged(format!("its directory does not list the entry {name:?}")));
    }
    let found = EndRecord {
        disk: end.disk,
        directory_disk: start.disk,
        entries,
        directory_bytes,
        directory_offset: start.offset,
    };
    if end != found {
        return Err(reader.damaged("its end does not agree with its directory"));
    }
    Ok(())
}

/// Reads a required record, including its signature.
pub(in super::super) fn next_record(reader: &mut PartsReader<'_>) -> Result<Record, ArchiveError> {
    if reader.read_u32()? != central_record::SIGNATURE {
        return Err(reader.damaged("its directory is shorter than its end says"));
    }
    Ok(read_record(reader)?.0)
}

/// Reads a record whose signature has been read; also returns its length with the signature.
fn read_record(reader: &mut PartsReader<'_>) -> Result<(Record, u64), ArchiveError> {
    let mut bytes = reader.read_vec(central_record::FIXED_BYTES)?;
    let tail = Record::tail_bytes(&bytes).unwrap_or_default();
    bytes.extend(reader.read_vec(tail)?);
    let record =
        Record::parse(&bytes).ok_or_else(|| reader.damaged("a record of its directory is malformed"))?;
    Ok((record, 4 + bytes.len() as u64))
}

/// Returns the name in the header at `at`.
fn name_at(parts: &Parts<'_>, at: Location) -> Result<String, ArchiveError> {
    let mut reader = PartsReader::starting_at(parts, at)?;
    let _signature = reader.read_u32()?;
    let mut fixed = [0; local_header::FIXED_BYTES];
    reader.read_exact(&mut fixed)?;
    let name_bytes = local_header::Fixed::parse(&fixed).map_or(0, |fixed| fixed.name_bytes);
    Ok(String::from_utf8_lossy(&reader.read_vec(usize::from(name_bytes))?).into_owned())
}

/// Reads the end records, whose first signature has been read, and checks that nothing follows.
fn read_end(reader: &mut PartsReader<'_>, signature: u32) -> Result<EndRecord, ArchiveError> {
    let mut bytes = signature.to_le_bytes().to_vec();
    let mut behind = 0;
    loop {
        let available = reader.fill()?;
        let count = available.len();
        if count == 0 {
            break;
        }
        // Of bytes beyond the longest possible end, only the number matters.
        let room = TAIL_BYTES_MAX.saturating_sub(bytes.len()).min(count);
        bytes.extend_from_slice(available.get(..room).unwrap_or_default());
        behind += (count - room) as u64;
        reader.consume(count);
    }
    match EndRecord::parse_beginning(&bytes) {
        Some((end, length)) if behind == 0 && length == bytes.len() => Ok(end),
        Some((_, length)) => Err(reader.followed((bytes.len() - length) as u64 + behind)),
        None => Err(reader.damaged("its end is cut off or malformed")),
    }
}

/// Finds the entry for each record.
struct Matching<'s> {
    seen: &'s SeenEntries,
    matched: Vec<bool>,
    next: usize,
}

impl Matching<'_> {
    fn take(&mut self, record: &Record) -> Result<(), String> {
        let name = String::from_utf8_lossy(&record.name);
        // Directories are usually in the order of the data; other orders are legal.
        let entries = &self.seen.entries;
        let index = match entries.get(self.next) {
            Some(seen) if seen.at == record.at => Ok(self.next),
            _ => entries.binary_search_by_key(&record.at, |seen| seen.at),
        };
        let found =
            index.ok().and_then(|index| Some((index, entries.get(index)?, self.matched.get_mut(index)?)));
        let Some((index, seen, matched)) = found else {
            return Err(format!("its directory lists {name:?} where there is no entry"));
        };
        if std::mem::replace(matched, true) {
            return Err(format!("its directory lists {name:?} twice"));
        }
        self.next = index + 1;
        if seen.fingerprint != self.seen.fingerprint(&record.fields, &record.name) {
            return Err(format!("its directory and the header of {name:?} do not agree"));
        }
        Ok(())
    }

    fn unmatched(&self) -> Option<Location> {
        let index = self.matched.iter().position(|matched| !matched)?;
        self.seen.entries.get(index).map(|seen| seen.at)
    }
}
