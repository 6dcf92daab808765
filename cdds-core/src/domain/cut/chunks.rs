//! The contents of an open file, in chunks of one size that are used again and again.
//!
//! One growing buffer per open file would hold up to twice its contents, and buffers of every size that
//! come and go leave holes that an allocator cannot fill: memory would grow with the data after all.

/// The size of a chunk. Small, since a folder with one short record holds a whole one.
pub(super) const CHUNK_BYTES: usize = 4 << 10;

/// What one open file holds.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    chunks: Vec<Vec<u8>>,
    bytes: usize,
}

/// Chunks that no file uses at the moment.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Vec<u8>>);

impl Chunks {
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// The memory of the contents: whole chunks.
    pub(super) fn held_bytes(&self) -> usize {
        self.chunks.len() * CHUNK_BYTES
    }

    pub(super) fn append(&mut self, mut bytes: &[u8], spare: &mut Spare) {
        self.bytes += bytes.len();
        while !bytes.is_empty() {
            let room = self.chunks.last().map_or(0, |chunk| CHUNK_BYTES - chunk.len());
            if room == 0 {
                self.chunks.push(spare.0.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK_BYTES)));
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min(room));
            if let Some(chunk) = self.chunks.last_mut() {
                chunk.extend_from_slice(now);
            }
            bytes = later;
        }
    }

    /// Moves the contents into `contents`, in one piece; the chunks are spare from now on.
    pub(super) fn take(&mut self, contents: &mut Vec<u8>, spare: &mut Spare) {
        contents.clear();
        contents.reserve_exact(std::mem::take(&mut self.bytes));
        for mut chunk in self.chunks.drain(..) {
            contents.extend_from_slice(&chunk);
            chunk.clear();
            spare.0.push(chunk);
        }
        self.chunks.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_and_chunks_are_used_again() {
        let (mut spare, mut chunks, mut contents) = (Spare::default(), Chunks::default(), Vec::new());
        for round in 0..3_u8 {
            let mut expected = Vec::new();
            for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 5] {
                let piece = vec![round ^ u8::try_from(length % 251).unwrap(); length];
                expected.extend_from_slice(&piece);
                chunks.append(&piece, &mut spare);
                assert_eq!(chunks.held_bytes(), expected.len().next_multiple_of(CHUNK_BYTES));
            }
            assert_eq!(chunks.len(), expected.len());
            chunks.take(&mut contents, &mut spare);
            assert_eq!(contents, expected);
            assert!(chunks.is_empty() && chunks.held_bytes() == 0);
            assert_eq!(spare.0.len(), expected.len().div_ceil(CHUNK_BYTES), "round {round}");
        }
    }
}
