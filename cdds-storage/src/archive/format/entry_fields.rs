//! APPNOTE 4.4.2 to 4.4.9: the fields common to a local header and a central directory record.

use bytes::{BufMut as _, BytesMut};

use super::dos_time::DosDateTime;
use super::field::{Fields, exceeds32, or_mark32};

/// 4.4.4 bit 0: the data is encrypted by the format's own means.
pub(in crate::archive) const FLAG_ENCRYPTED: u16 = 1;
/// 4.4.4 bit 3: CRC and sizes follow the data.
pub(in crate::archive) const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// 4.4.4 bit 11: the name is UTF-8.
pub(in crate::archive) const FLAG_UTF8: u16 = 1 << 11;

/// 4.4.5: the data is stored uncompressed.
pub(in crate::archive) const METHOD_STORED: u16 = 0;
/// 4.4.5: the data is deflated.
pub(in crate::archive) const METHOD_DEFLATED: u16 = 8;

/// 4.4.3.2: the first version with folders and deflate.
const VERSION_DEFLATE: u16 = 20;
/// 4.4.3.2: the first version with zip64.
pub(in crate::archive) const VERSION_ZIP64: u16 = 45;

/// The fields that local header and directory share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::archive) struct EntryFields {
    pub(in crate::archive) flags: u16,
    pub(in crate::archive) method: u16,
    pub(in crate::archive) modified: DosDateTime,
    pub(in crate::archive) crc32: u32,
    pub(in crate::archive) compressed_bytes: u64,
    pub(in crate::archive) uncompressed_bytes: u64,
}

impl EntryFields {
    /// Size of the encoded block in bytes.
    pub(in crate::archive) const BYTES: usize = 22;

    /// Whether one of the sizes needs a zip64 extra field (4.5.3).
    pub(in crate::archive) fn needs_zip64(&self) -> bool {
        exceeds32(self.compressed_bytes) || exceeds32(self.uncompressed_bytes)
    }

    /// Appends the block. With `zip64` both sizes are marked as being in the extra field.
    pub(in crate::archive) fn encode(&self, version_needed: Option<u16>, zip64: bool, out: &mut BytesMut) {
        let own_version = if zip64 { VERSION_ZIP64 } else { VERSION_DEFLATE };
        out.put_u16_le(version_needed.unwrap_or(0).max(own_version));
        out.put_u16_le(self.flags);
        out.put_u16_le(self.method);
        out.put_u16_le(self.modified.time);
        out.put_u16_le(self.modified.date);
        out.put_u32_le(self.crc32);
        for size in [self.compressed_bytes, self.uncompressed_bytes] {
            out.put_u32_le(if zip64 { u32::MAX } else { or_mark32(size) });
        }
    }

    /// Parses the block: the version needed and the fields, with the sizes as they are (marks not resolved).
    pub(in crate::archive) fn parse(fields: &mut Fields<'_>) -> Option<(u16, Self)> {
        let version_needed = fields.u16()?;
        let parsed = Self {
            flags: fields.u16()?,
            method: fields.u16()?,
            modified: DosDateTime { time: fields.u16()?, date: fields.u16()? },
            crc32: fields.u32()?,
            compressed_bytes: u64::from(fields.u32()?),
            uncompressed_bytes: u64::from(fields.u32()?),
        };
        Some((version_needed, parsed))
    }
}
