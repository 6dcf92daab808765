//! APPNOTE 4.3.16: end of central directory record; 4.3.14 and 4.3.15: its zip64 forms.

use bytes::{BufMut as _, BytesMut};

use super::entry_fields::VERSION_ZIP64;
use super::field::{Fields, exceeds16, exceeds32, or_mark16, or_mark32};

/// 4.3.16, `PK\x05\x06`.
pub(in crate::archive) const SIGNATURE: u32 = 0x0605_4b50;
/// 4.3.14, `PK\x06\x06`.
pub(in crate::archive) const ZIP64_SIGNATURE: u32 = 0x0606_4b50;
/// 4.3.15, `PK\x06\x07`.
const LOCATOR_SIGNATURE: u32 = 0x0706_4b50;

/// Bytes of the record without its comment.
const BYTES: usize = 22;
/// Bytes of the zip64 record without its extensible data.
const ZIP64_BYTES: usize = 56;
/// Bytes of the locator.
const LOCATOR_BYTES: usize = 20;
/// Maximum size of the end records, with the longest comment.
pub(in crate::archive) const TAIL_BYTES_MAX: usize = ZIP64_BYTES + LOCATOR_BYTES + BYTES + u16::MAX as usize;

/// The contents of the end records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::archive) struct EndRecord {
    /// The part that holds the record, counted from 0: one less than the number of parts.
    pub(in crate::archive) disk: u32,
    /// The part in which the directory starts.
    pub(in crate::archive) directory_disk: u32,
    /// Entries in all parts.
    pub(in crate::archive) entries: u64,
    /// Length of the directory in bytes.
    pub(in crate::archive) directory_bytes: u64,
    /// Offset of the directory in its part.
    pub(in crate::archive) directory_offset: u64,
}

impl EndRecord {
    fn needs_zip64(&self) -> bool {
        // 4.3.14 to 4.4.24: zip64 is needed as soon as one field of the plain record overflows.
        exceeds16(self.entries)
            || exceeds16(u64::from(self.disk))
            || exceeds32(self.directory_bytes)
            || exceeds32(self.directory_offset)
    }

    /// Size of the encoded records in bytes.
    pub(in crate::archive) fn encoded_bytes(&self) -> usize {
        BYTES + if self.needs_zip64() { ZIP64_BYTES + LOCATOR_BYTES } else { 0 }
    }

    /// Appends the end records, which directly follow the directory, in the same part.
    pub(in crate::archive) fn encode(&self, out: &mut BytesMut) {
        if self.needs_zip64() {
            self.encode_zip64(out);
        }
        out.put_u32_le(SIGNATURE);
        out.put_u16_le(or_mark16(u64::from(self.disk)));
        out.put_u16_le(or_mark16(u64::from(self.directory_disk)));
        // The last part holds the whole directory, so all entries are on this disk.
        out.put_u16_le(or_mark16(self.entries));
        out.put_u16_le(or_mark16(self.entries));
        out.put_u32_le(or_mark32(self.directory_bytes));
        out.put_u32_le(or_mark32(self.directory_offset));
        out.put_u16_le(0);
    }

    fn encode_zip64(&self, out: &mut BytesMut) {
        out.put_u32_le(ZIP64_SIGNATURE);
        out.put_u64_le(44); // 4.3.14.1: the size of what remains
        out.put_u16_le(3 << 8 | VERSION_ZIP64);
        out.put_u16_le(VERSION_ZIP64);
        out.put_u32_le(self.disk);
        out.put_u32_le(self.directory_disk);
        out.put_u64_le(self.entries);
        out.put_u64_le(self.entries);
        out.put_u64_le(self.directory_bytes);
        out.put_u64_le(self.directory_offset);

        out.put_u32_le(LOCATOR_SIGNATURE);
        out.put_u32_le(self.disk);
        out.put_u64_le(self.directory_offset.saturating_add(self.directory_bytes));
        // The number of parts, not the number of the last one: a wrong value hangs Info-ZIP's `zip`.
        out.put_u32_le(self.disk.saturating_add(1));
    }

    /// Finds and parses the end records in the last bytes of an archive.
    ///
    /// Returns `None` if there are none: the file is not an archive, or its end is missing.
    pub(in crate::archive) fn find(tail: &[u8]) -> Option<Self> {
        let latest = tail.len().checked_sub(BYTES)?;
        (0..=latest).rev().find_map(|start| {
            let (before, record) = tail.split_at_checked(start)?;
            Self::parse(before, record)
        })
    }

    /// Returns the length of the comment after the end records that [`find`](EndRecord::find) finds.
    pub(in crate::archive) fn comment_bytes(tail: &[u8]) -> u64 {
        let starts = (0..=tail.len().saturating_sub(BYTES)).rev();
        let mut ends = starts.filter(|start| {
            tail.split_at_checked(*start)
                .is_some_and(|(before, record)| Self::parse(before, record).is_some())
        });
        ends.next().map_or(0, |start| (tail.len() - start - BYTES) as u64)
    }

    /// Finds the last end records that are followed by other bytes; also returns the number of those bytes.
    pub(in crate::archive) fn find_followed(tail: &[u8]) -> Option<(Self, usize)> {
        let latest = tail.len().checked_sub(BYTES)?;
        (0..=latest).rev().find_map(|start| {
            let (before, rest) = tail.split_at_checked(start)?;
            let (record, behind) = rest.split_at_checked(Self::plain_bytes(rest)?)?;
            Some((Self::parse(before, record)?, behind.len()))
        })
    }

    /// Parses the end records at the beginning of `bytes`; also returns their length.
    pub(in crate::archive) fn parse_beginning(bytes: &[u8]) -> Option<(Self, usize)> {
        let zip64 = Fields(bytes).u32()? == ZIP64_SIGNATURE;
        let (before, rest) = bytes.split_at_checked(if zip64 { ZIP64_BYTES + LOCATOR_BYTES } else { 0 })?;
        let record = rest.get(..Self::plain_bytes(rest)?)?;
        Some((Self::parse(before, record)?, before.len() + record.len()))
    }

    /// Returns the length of the record with its comment, according to the record itself.
    fn plain_bytes(record: &[u8]) -> Option<usize> {
        Some(BYTES + usize::from(Fields(record.get(BYTES - 2..)?).u16()?))
    }

    /// Parses `record`, which is exactly one record, and the zip64 records at the end of `before`.
    fn parse(before: &[u8], record: &[u8]) -> Option<Self> {
        let mut rest = Fields(record);
        if rest.u32()? != SIGNATURE {
            return None;
        }
        let (disk, directory_disk) = (rest.u16()?, rest.u16()?);
        let (here, entries) = (rest.u16()?, rest.u16()?);
        let plain = Self {
            disk: u32::from(disk),
            directory_disk: u32::from(directory_disk),
            entries: u64::from(entries),
            directory_bytes: u64::from(rest.u32()?),
            directory_offset: u64::from(rest.u32()?),
        };
        let comment_bytes = usize::from(rest.u16()?);
        if rest.0.len() != comment_bytes || !plain.can_have(u64::from(here)) {
            return None;
        }
        let marked = plain.needs_zip64() || exceeds16(u64::from(directory_disk));
        Some(if marked { Self::parse_zip64(before).unwrap_or(plain) } else { plain })
    }

    fn parse_zip64(before: &[u8]) -> Option<Self> {
        let start = before.len().checked_sub(ZIP64_BYTES + LOCATOR_BYTES)?;
        let mut rest = Fields(before.get(start..)?);
        if rest.u32()? != ZIP64_SIGNATURE || rest.u64()? != 44 {
            return None;
        }
        let _versions = rest.u32()?;
        let (disk, directory_disk) = (rest.u32()?, rest.u32()?);
        let (here, entries) = (rest.u64()?, rest.u64()?);
        let found = Self {
            disk,
            directory_disk,
            entries,
            directory_bytes: rest.u64()?,
            directory_offset: rest.u64()?,
        };
        (rest.u32()? == LOCATOR_SIGNATURE && found.can_have(here)).then_some(found)
    }

    /// Whether `here` of the directory's records can be in the last part. With a single part it must be all
    /// of them; with more, zip4j counts the entries that begin there instead.
    fn can_have(&self, here: u64) -> bool {
        if self.disk == 0 { here == self.entries } else { here <= self.entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_found_again_behind_other_bytes_and_before_a_comment() {
        for entries in [0, 65_534, 65_535] {
            for (disk, directory_offset) in [(0, 12), (70_000, 12), (0, 1 << 33)] {
                let end =
                    EndRecord { disk, directory_disk: disk, entries, directory_bytes: 99, directory_offset };
                let mut out = BytesMut::from(&b"PK\x05\x06 something else "[..]);
                let start = out.len();
                end.encode(&mut out);
                assert_eq!(out.len() - start, end.encoded_bytes());
                assert_eq!(EndRecord::find(&out), Some(end));
                assert_eq!(EndRecord::parse_beginning(&out[start..]), Some((end, end.encoded_bytes())));
                assert_eq!(EndRecord::parse_beginning(&out), None);
                let followed = [&out[..], b"and more"].concat();
                assert_eq!(EndRecord::find(&followed), None);
                assert_eq!(EndRecord::find_followed(&followed), Some((end, 8)));
                assert_eq!(
                    EndRecord::parse_beginning(&followed[start..]),
                    Some((end, end.encoded_bytes())),
                    "what follows is left"
                );

                let comment = out.len() - 2;
                out[comment] = 5;
                assert_eq!(EndRecord::find(&out), None, "the comment is cut off");
                out.extend_from_slice(b"hello");
                assert_eq!(EndRecord::find(&out), Some(end));
            }
        }
        assert_eq!(EndRecord::find(b""), None);
    }
}
