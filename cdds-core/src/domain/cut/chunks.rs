//! The contents of an open file, in chunks of one size that are used again and again.
//!
//! One growing buffer per open file would hold up to twice its contents, and buffers of every size that
//! come and go leave holes that an allocator cannot fill: memory would grow with the data after all.

/// The size of a chunk, but for the first of a file, which grows up to it: many folders may hold little.
const CHUNK_BYTES: usize = 64 << 10;

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

    pub(super) fn append(&mut self, mut bytes: &[u8], spare: &mut Spare) {
        self.bytes += bytes.len();
        while !bytes.is_empty() {
            let room = self.chunks.last().map_or(0, |chunk| CHUNK_BYTES - chunk.len());
            if room == 0 {
                let first = self.chunks.is_empty();
                self.chunks.push(if first { Vec::new() } else { spare.take() });
                continue;
            }
            let (now, later) = bytes.split_at(bytes.len().min(room));
            if let Some(chunk) = self.chunks.last_mut() {
                chunk.extend_from_slice(now);
            }
            bytes = later;
        }
    }

    /// The contents in one piece. The chunks are spare from now on, but for the first, which was not taken
    /// from there: spare ones would become more with every file.
    pub(super) fn take(&mut self, spare: &mut Spare) -> Vec<u8> {
        let mut contents = Vec::with_capacity(std::mem::take(&mut self.bytes));
        for (index, chunk) in std::mem::take(&mut self.chunks).into_iter().enumerate() {
            contents.extend_from_slice(&chunk);
            if index > 0 {
                spare.give(chunk);
            }
        }
        contents
    }
}

impl Spare {
    fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK_BYTES))
    }

    fn give(&mut self, mut chunk: Vec<u8>) {
        chunk.clear();
        self.0.push(chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_and_chunks_are_used_again() {
        let mut spare = Spare::default();
        let mut chunks = Chunks::default();
        for round in 0..3_u8 {
            let mut expected = Vec::new();
            for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 5] {
                let piece = vec![round ^ u8::try_from(length % 251).unwrap(); length];
                expected.extend_from_slice(&piece);
                chunks.append(&piece, &mut spare);
            }
            assert_eq!(chunks.len(), expected.len());
            assert_eq!(chunks.take(&mut spare), expected);
            assert!(chunks.is_empty());
            assert!(spare.0.len() <= expected.len() / CHUNK_BYTES, "round {round}");
        }
    }

    #[test]
    fn a_file_with_little_in_it_takes_little() {
        let mut chunks = Chunks::default();
        chunks.append(b"{}\n", &mut Spare::default());
        assert!(chunks.chunks[0].capacity() < 64);
    }
}
