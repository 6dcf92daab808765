//! The contents of an open file: chunks of one size that are reused, or, for the file that was opened last,
//! one piece.
//!
//! A growing buffer per open file would hold up to twice its contents. Buffers of many sizes that come and go
//! leave holes that an allocator cannot fill, so memory would grow with the data after all. Records mostly
//! come folder by folder, however, and contents that are in one piece from the start need not be copied at
//! the end.

/// The size of a chunk in bytes. It is small, since a folder with one short record holds a whole chunk.
pub(super) const CHUNK_BYTES: usize = 4 << 10;

/// The contents of one open file.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    /// If present, it is used instead of the chunks.
    piece: Option<Vec<u8>>,
    chunks: Vec<Vec<u8>>,
    bytes: usize,
}

/// Chunks that no file uses at present.
#[derive(Debug, Default)]
pub(super) struct Spare(Vec<Vec<u8>>);

impl Chunks {
    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Returns the memory that the contents need in whole chunks, even if they are in one piece. This number
    /// decides which files are closed, so it must depend on the records only (rule A6).
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.next_multiple_of(CHUNK_BYTES)
    }

    /// Lets the bytes that are appended to an empty file go into `buffer`.
    pub(super) fn begin_piece(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.piece = Some(buffer);
    }

    pub(super) fn append(&mut self, bytes: &[u8], spare: &mut Spare) {
        self.bytes += bytes.len();
        match &mut self.piece {
            Some(piece) => piece.extend_from_slice(bytes),
            None => self.fill_chunks(bytes, spare),
        }
    }

    fn fill_chunks(&mut self, mut bytes: &[u8], spare: &mut Spare) {
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

    /// Moves contents from one piece into chunks. Returns the buffer that held them.
    pub(super) fn give_up_piece(&mut self, spare: &mut Spare) -> Option<Vec<u8>> {
        let piece = self.piece.take()?;
        self.fill_chunks(&piece, spare);
        Some(piece)
    }

    /// Returns the contents in one piece. If they are in chunks, they are copied into one of `buffers`, and
    /// the chunks become spare.
    pub(super) fn take(&mut self, buffers: &mut Vec<Vec<u8>>, spare: &mut Spare) -> Vec<u8> {
        let bytes = std::mem::take(&mut self.bytes);
        if let Some(piece) = self.piece.take() {
            return piece;
        }
        let mut contents = buffers.pop().unwrap_or_default();
        contents.clear();
        contents.reserve_exact(bytes);
        for mut chunk in self.chunks.drain(..) {
            contents.extend_from_slice(&chunk);
            chunk.clear();
            spare.0.push(chunk);
        }
        self.chunks.shrink_to_fit();
        contents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_and_chunks_are_used_again() {
        let (mut spare, mut chunks) = (Spare::default(), Chunks::default());
        for round in 0..4_u8 {
            let in_piece = round == 3;
            if in_piece {
                chunks.begin_piece(Vec::new());
            }
            let mut expected = Vec::new();
            for length in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, 3 * CHUNK_BYTES + 5] {
                let piece = vec![round ^ u8::try_from(length % 251).unwrap(); length];
                expected.extend_from_slice(&piece);
                chunks.append(&piece, &mut spare);
                assert_eq!(chunks.held_bytes(), expected.len().next_multiple_of(CHUNK_BYTES));
            }
            assert_eq!(chunks.len(), expected.len());
            assert_eq!(chunks.take(&mut Vec::new(), &mut spare), expected);
            assert!(chunks.is_empty() && chunks.held_bytes() == 0);
            assert_eq!(spare.0.len(), expected.len().div_ceil(CHUNK_BYTES), "round {round}");
        }
    }

    #[test]
    fn a_piece_that_is_given_up_goes_on_in_chunks() {
        let (mut spare, mut chunks) = (Spare::default(), Chunks::default());
        assert_eq!(chunks.give_up_piece(&mut spare), None);
        chunks.begin_piece(b"of another file".to_vec());
        chunks.append(&[1; CHUNK_BYTES + 1], &mut spare);
        let buffer = chunks.give_up_piece(&mut spare).unwrap();
        assert!(buffer.capacity() > CHUNK_BYTES && chunks.len() == CHUNK_BYTES + 1);
        chunks.append(&[2; CHUNK_BYTES], &mut spare);
        let contents = chunks.take(&mut vec![buffer], &mut spare);
        assert_eq!(contents, [vec![1; CHUNK_BYTES + 1], vec![2; CHUNK_BYTES]].concat());
        assert_eq!(spare.0.len(), 3);
    }
}
