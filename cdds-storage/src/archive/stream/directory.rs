//! Compares the central directory and the end records with the entries that went by.

use std::collections::BTreeMap;

use super::super::central_record::{self, Location, Record};
use super::super::end_record::{EndRecord, TAIL_BYTES_MAX};
use super::super::entry_fields::{EntryFields, FLAG_ENCRYPTED};
use super::super::error::ArchiveError;
use super::super::parts::{Parts, PartsReader};

/// An entry that was read, and where its header was.
pub(super) struct Seen {
    pub(super) at: Location,
    pub(super) fields: EntryFields,
    pub(super) path: Box<str>,
}

/// What the directory says about each entry, by where its header is. It is read ahead of the entries, from the
/// parts in which it stands.
pub(super) fn load(parts: &Parts<'_>) -> Result<BTreeMap<Location, EntryFields>, ArchiveError> {
    let end = parts.end()?;
    let place = Location { disk: end.directory_disk, offset: end.directory_offset };
    let mut reader = PartsReader::starting_at(parts, place)?;
    let mut entries = BTreeMap::new();
    for _ in 0..end.entries {
        let record = next_record(&mut reader)?;
        entries.insert(record.at, record.fields);
    }
    Ok(entries)
}

/// Reads everything from the directory on, whose first signature was found at `start`, to the end of the
/// set.
pub(super) fn compare(
    reader: &mut PartsReader<'_>,
    mut signature: u32,
    start: Location,
    seen: &[Seen],
) -> Result<(), ArchiveError> {
    let mut matching = Matching { seen, matched: vec![false; seen.len()], next: 0 };
    let (mut entries, mut directory_bytes) = (0u64, 0u64);
    let mut fault = None;
    while signature == central_record::SIGNATURE {
        let (record, bytes) = read_record(reader)?;
        // Only remembered: if parts are missing, which the end tells, that is the reason to give.
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
        return Err(reader.damaged(format!("its directory does not list the entry {lost:?}")));
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

/// Reads a record that must be there, with its signature.
pub(in super::super) fn next_record(reader: &mut PartsReader<'_>) -> Result<Record, ArchiveError> {
    if reader.read_u32()? != central_record::SIGNATURE {
        return Err(reader.damaged("its directory is shorter than its end says"));
    }
    Ok(read_record(reader)?.0)
}

/// Reads a record whose signature was read; its length with the signature comes along.
fn read_record(reader: &mut PartsReader<'_>) -> Result<(Record, u64), ArchiveError> {
    let mut bytes = reader.read_vec(central_record::FIXED_BYTES)?;
    let tail = Record::tail_bytes(&bytes).unwrap_or_default();
    bytes.extend(reader.read_vec(tail)?);
    let record =
        Record::parse(&bytes).ok_or_else(|| reader.damaged("a record of its directory is malformed"))?;
    Ok((record, 4 + bytes.len() as u64))
}

/// Reads the end records, of which the first signature was read, and sees that nothing follows.
fn read_end(reader: &mut PartsReader<'_>, signature: u32) -> Result<EndRecord, ArchiveError> {
    let mut bytes = signature.to_le_bytes().to_vec();
    loop {
        let available = reader.fill()?;
        let count = available.len();
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(available);
        reader.consume(count);
        if bytes.len() > TAIL_BYTES_MAX {
            return Err(reader.damaged("something else than its end stands behind its directory"));
        }
    }
    EndRecord::parse_all(&bytes).ok_or_else(|| reader.damaged("its end is cut off or malformed"))
}

/// Finds for each record the entry it is about.
struct Matching<'s> {
    seen: &'s [Seen],
    matched: Vec<bool>,
    next: usize,
}

impl Matching<'_> {
    fn take(&mut self, record: &Record) -> Result<(), String> {
        let name = String::from_utf8_lossy(&record.name);
        // Directories are as a rule in the order of the data; others are legal.
        let index = match self.seen.get(self.next) {
            Some(seen) if seen.at == record.at => Ok(self.next),
            _ => self.seen.binary_search_by_key(&record.at, |seen| seen.at),
        };
        let found =
            index.ok().and_then(|index| Some((index, self.seen.get(index)?, self.matched.get_mut(index)?)));
        let Some((index, seen, matched)) = found else {
            return Err(format!("its directory lists {name:?} where no entry is"));
        };
        if std::mem::replace(matched, true) {
            return Err(format!("its directory lists {name:?} twice"));
        }
        self.next = index + 1;
        let same_data = (seen.fields.crc32, seen.fields.compressed_bytes, seen.fields.uncompressed_bytes)
            == (record.fields.crc32, record.fields.compressed_bytes, record.fields.uncompressed_bytes);
        let same_method = seen.fields.method == record.fields.method
            && (seen.fields.flags ^ record.fields.flags) & FLAG_ENCRYPTED == 0;
        if *seen.path != *name || !same_data || !same_method {
            return Err(format!("its directory and the header of {name:?} do not agree"));
        }
        Ok(())
    }

    fn unmatched(&self) -> Option<&str> {
        let index = self.matched.iter().position(|matched| !matched)?;
        self.seen.get(index).map(|seen| &*seen.path)
    }
}
