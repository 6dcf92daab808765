//! APPNOTE 4.3.9: the data descriptor, which repeats CRC and sizes behind the data of an entry whose header was
//! written before they were known. Our writer has no use for it; commons-compress and streaming writers do.

use super::super::entry_fields::{EntryFields, FLAG_DESCRIPTOR};
use super::super::error::ArchiveError;
use super::super::parts::PartsReader;
use super::super::zip64_extra;

/// 4.3.9.3: stands in front of the descriptor in most archives, and in some not.
const SIGNATURE: u32 = 0x0807_4b50;

/// How the descriptor of an entry is laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Descriptor {
    /// 4.3.9.2: sizes have eight bytes where the header has a zip64 field.
    wide: bool,
}

impl Descriptor {
    /// The descriptor that a header announces by bit 3 of its flags.
    pub(super) fn announced(header: &EntryFields, extra: &[u8]) -> Option<Self> {
        (header.flags & FLAG_DESCRIPTOR != 0).then(|| Self { wide: zip64_extra::is_in(extra) })
    }

    /// Reads it; whether it says what the directory does.
    pub(super) fn read(
        self,
        reader: &mut PartsReader<'_>,
        listed: &EntryFields,
    ) -> Result<bool, ArchiveError> {
        let mut expected = vec![listed.crc32];
        for size in [listed.compressed_bytes, listed.uncompressed_bytes] {
            let [a, b, c, d, high @ ..] = size.to_le_bytes();
            expected.push(u32::from_le_bytes([a, b, c, d]));
            expected.extend(self.wide.then_some(u32::from_le_bytes(high)));
        }
        let mut found = Vec::with_capacity(expected.len() + 1);
        for _ in 0..expected.len() {
            found.push(reader.read_u32()?);
        }
        // A CRC may look like the signature: only what does not fit without it is read with it.
        if found != expected && found.first() == Some(&SIGNATURE) {
            found.remove(0);
            found.push(reader.read_u32()?);
        }
        Ok(found == expected)
    }
}
