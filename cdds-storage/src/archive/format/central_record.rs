//! APPNOTE 4.3.12: one record of the central directory.

use bytes::{BufMut as _, BytesMut};

use super::entry_fields::{EntryFields, VERSION_ZIP64};
use super::field::{Fields, exceeds16, exceeds32, or_mark16, or_mark32};
use super::zip64_extra::{self, Zip64Extra};

/// `PK\x01\x02`.
pub(in crate::archive) const SIGNATURE: u32 = 0x0201_4b50;

/// Bytes between the signature and the name.
pub(in crate::archive) const FIXED_BYTES: usize = 42;

/// 4.4.2: made on Unix, by this version of the format.
const MADE_BY_UNIX: u16 = 3 << 8 | VERSION_ZIP64;
/// 4.4.15: a regular file, `rw-r--r--`, in the upper half as Unix systems have it.
const REGULAR_0644: u32 = 0o100_644 << 16;

/// The position of an entry's local header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::archive) struct Location {
    /// 4.4.11: the part, counted from 0 in reading order.
    pub(in crate::archive) disk: u32,
    /// 4.4.16: the offset from the start of that part.
    pub(in crate::archive) offset: u64,
}

/// Appends the record of an entry that we wrote.
pub(in crate::archive) fn encode(
    name: &[u8],
    fields: &EntryFields,
    at: Location,
    split: bool,
    out: &mut BytesMut,
) {
    let record = Record {
        made_by: MADE_BY_UNIX,
        version_needed: 0,
        fields: *fields,
        at,
        internal_attributes: 0,
        external_attributes: REGULAR_0644,
        name: name.to_vec(),
        extra: Vec::new(),
        comment: Vec::new(),
    };
    record.encode(split, out);
}

/// A complete record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::archive) struct Record {
    pub(in crate::archive) made_by: u16,
    pub(in crate::archive) version_needed: u16,
    pub(in crate::archive) fields: EntryFields,
    pub(in crate::archive) at: Location,
    pub(in crate::archive) internal_attributes: u16,
    pub(in crate::archive) external_attributes: u32,
    pub(in crate::archive) name: Vec<u8>,
    /// The extra fields without zip64, which follows from the values.
    pub(in crate::archive) extra: Vec<u8>,
    pub(in crate::archive) comment: Vec<u8>,
}

impl Record {
    /// Appends the record. In a `split` archive an entry that needs zip64 gets the full field of 28 bytes,
    /// with every value marked, because unar cannot read a shorter one there.
    pub(in crate::archive) fn encode(&self, split: bool, out: &mut BytesMut) {
        let (offset, disk) = (exceeds32(self.at.offset), exceeds16(u64::from(self.at.disk)));
        let sizes = self.fields.needs_zip64();
        let full = split && (sizes || offset || disk);
        let (sizes, offset, disk) = (sizes || full, offset || full, disk || full);
        let zip64 = Zip64Extra {
            uncompressed_bytes: sizes.then_some(self.fields.uncompressed_bytes),
            compressed_bytes: sizes.then_some(self.fields.compressed_bytes),
            offset: offset.then_some(self.at.offset),
            disk: disk.then_some(self.at.disk),
        };
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        out.put_u32_le(SIGNATURE);
        out.put_u16_le(self.made_by);
        let version = if offset || disk { VERSION_ZIP64 } else { self.version_needed };
        self.fields.encode(Some(version), sizes, out);
        out.put_u16_le(length(&self.name));
        out.put_u16_le(length(&self.extra).saturating_add(zip64.encoded_bytes()));
        out.put_u16_le(length(&self.comment));
        out.put_u16_le(if disk { u16::MAX } else { or_mark16(u64::from(self.at.disk)) });
        out.put_u16_le(self.internal_attributes);
        out.put_u32_le(self.external_attributes);
        out.put_u32_le(if offset { u32::MAX } else { or_mark32(self.at.offset) });
        out.put_slice(&self.name);
        zip64.encode(out);
        out.put_slice(&self.extra);
        out.put_slice(&self.comment);
    }

    /// Returns the number of bytes after the fixed ones; `None` if `fixed` is too short.
    pub(in crate::archive) fn tail_bytes(fixed: &[u8]) -> Option<usize> {
        let mut lengths = Fields(fixed.get(24..)?);
        Some(usize::from(lengths.u16()?) + usize::from(lengths.u16()?) + usize::from(lengths.u16()?))
    }

    /// Parses a record from the bytes after the signature; `None` if it is malformed.
    pub(in crate::archive) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = Fields(bytes);
        let made_by = rest.u16()?;
        let (version_needed, mut fields) = EntryFields::parse(&mut rest)?;
        let (name_bytes, extra_bytes, comment_bytes) = (rest.u16()?, rest.u16()?, rest.u16()?);
        let mut disk = u32::from(rest.u16()?);
        let (internal_attributes, external_attributes) = (rest.u16()?, rest.u32()?);
        let mut offset = u64::from(rest.u32()?);
        let name = rest.take(usize::from(name_bytes))?.to_vec();
        let extra = rest.take(usize::from(extra_bytes))?;
        let comment = rest.take(usize::from(comment_bytes))?.to_vec();
        zip64_extra::resolve(
            extra,
            &mut fields.uncompressed_bytes,
            &mut fields.compressed_bytes,
            Some(&mut offset),
            Some(&mut disk),
        )?;
        let extra = zip64_extra::without_zip64(extra)?;
        let at = Location { disk, offset };
        Some(Self {
            made_by,
            version_needed,
            fields,
            at,
            internal_attributes,
            external_attributes,
            name,
            extra,
            comment,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::format::dos_time::DosDateTime;

    fn record(disk: u32, offset: u64, compressed_bytes: u64) -> Record {
        Record {
            made_by: MADE_BY_UNIX,
            version_needed: 20,
            fields: EntryFields {
                flags: 0,
                method: 8,
                modified: DosDateTime { time: 1, date: 33 },
                crc32: 0xdead_beef,
                compressed_bytes,
                uncompressed_bytes: 12,
            },
            at: Location { disk, offset },
            internal_attributes: 0,
            external_attributes: REGULAR_0644,
            name: b"a/b.json".to_vec(),
            extra: vec![0x55, 0x54, 0, 0],
            comment: b"c".to_vec(),
        }
    }

    #[test]
    fn what_is_encoded_is_parsed_again_with_and_without_zip64() {
        let (mark16, mark32) = (0xffff, 0xffff_ffff);
        for (disk, offset, size, zip64_values) in [
            (0, 0, 1, 0),
            (mark16 - 1, mark32 - 1, mark32 - 1, 0),
            (mark16, 0, 1, 4),
            (0, mark32, 1, 8),
            (0, 0, mark32, 16),
            (mark16 + 1, mark32 + 1, mark32 + 1, 28),
        ] {
            for split in [false, true] {
                let mut out = BytesMut::new();
                let mut expected = record(disk, offset, size);
                expected.encode(split, &mut out);
                let extra = match (zip64_values, split) {
                    (0, _) => 0,
                    (_, true) => 4 + 28,
                    (values, false) => 4 + values,
                };
                assert_eq!(out.len(), 46 + 8 + 4 + 1 + extra, "{disk} {offset} {size} {split}");
                assert_eq!(Record::tail_bytes(&out[4..]), Some(out.len() - 4 - FIXED_BYTES));
                expected.version_needed = if extra == 0 { 20 } else { 45 };
                assert_eq!(Record::parse(&out[4..]).unwrap(), expected);
                assert_eq!(Record::parse(&out[4..out.len() - 1]), None);
            }
        }
    }
}
