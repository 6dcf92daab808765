//! Entries taken whole in their stored form, to be unpacked as buffers on any thread.
//!
//! Files of an export are small (4 MiB by default) and independent of each other, so reading a set is limited
//! only by the one thread that decrypts.

use crate::archive::error::ArchiveError;
use crate::archive::format::entry_fields::{EntryFields, METHOD_STORED};

/// Entries larger than this, packed or unpacked, are read piece by piece.
pub(in super::super) const WHOLE_BYTES_MAX: u64 = 8 << 20;

/// An entry in its stored form.
#[derive(Debug)]
pub(in super::super) struct PackedEntry {
    pub(in super::super) path: String,
    /// Name of the part that the entry ends in, for messages.
    pub(super) part: String,
    pub(super) fields: EntryFields,
    pub(super) data: Vec<u8>,
}

/// Unpacks entries one after the other; each thread has its own.
#[derive(Default)]
pub(in super::super) struct Unpacker {
    inflate: library::Inflate,
    contents: Vec<u8>,
}

impl Unpacker {
    /// Returns the contents of an entry after checking their size and CRC.
    pub(in super::super) fn unpack<'u>(
        &'u mut self,
        entry: &'u PackedEntry,
    ) -> Result<&'u [u8], ArchiveError> {
        self.check(entry).map_err(|reason| ArchiveError::Damaged {
            part: entry.part.clone(),
            entry: Some(entry.path.clone()),
            reason: reason.to_owned(),
        })
    }

    fn check<'u>(&'u mut self, entry: &'u PackedEntry) -> Result<&'u [u8], &'static str> {
        let size = usize::try_from(entry.fields.uncompressed_bytes).map_err(|_| "it is too large")?;
        let contents = if entry.fields.method == METHOD_STORED {
            &*entry.data
        } else {
            if self.contents.len() < size {
                self.contents.resize(size, 0);
            }
            let room = self.contents.get_mut(..size).unwrap_or_default();
            let written = self.inflate.inflate(&entry.data, room)?;
            self.contents.get(..written).unwrap_or_default()
        };
        if contents.len() != size {
            return Err("its size is not what its header says");
        }
        if crc32fast::hash(contents) != entry.fields.crc32 {
            return Err("its CRC is wrong");
        }
        Ok(contents)
    }
}

#[cfg(feature = "libdeflate")]
mod library {
    use libdeflater::{DecompressionError, Decompressor};

    /// Twice as fast as zlib on whole buffers.
    #[derive(Default)]
    pub(super) struct Inflate(Decompressor);

    impl Inflate {
        pub(super) fn inflate(&mut self, data: &[u8], room: &mut [u8]) -> Result<usize, &'static str> {
            self.0.deflate_decompress(data, room).map_err(|error| match error {
                DecompressionError::BadData => "its compressed data is not valid",
                DecompressionError::InsufficientSpace => "it is longer than its header says",
            })
        }
    }
}

#[cfg(not(feature = "libdeflate"))]
mod library {
    use flate2::{Decompress, FlushDecompress, Status};

    pub(super) struct Inflate(Decompress);

    impl Default for Inflate {
        fn default() -> Self {
            Self(Decompress::new(false))
        }
    }

    impl Inflate {
        pub(super) fn inflate(&mut self, data: &[u8], room: &mut [u8]) -> Result<usize, &'static str> {
            self.0.reset(false);
            let whole = self.0.decompress(data, room, FlushDecompress::Finish);
            match whole.map_err(|_| "its compressed data is not valid")? {
                Status::StreamEnd => usize::try_from(self.0.total_out()).map_err(|_| "it is too large"),
                _ if self.0.total_out() == room.len() as u64 => Err("it is longer than its header says"),
                _ => Err("its compressed data ends too early"),
            }
        }
    }
}
