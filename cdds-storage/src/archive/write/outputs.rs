//! Reusable buffers for compressed files.
//!
//! Allocating for each file, large and in ever different sizes, would fragment the memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Size of a buffer: enough for the default file size.
const BUFFER_BYTES: usize = 4 << 20;

/// Smaller outputs get memory of their own: many small files may be waiting to be stored.
const IN_BUFFER_LEAST: usize = 128 << 10;

/// The buffers of a packager; they are freed once no file uses any of them.
#[derive(Debug, Default)]
pub(in crate::archive) struct Outputs(Mutex<Buffers>);

#[derive(Debug, Default)]
struct Buffers {
    spare: Vec<Vec<u8>>,
    in_use: usize,
}

impl Outputs {
    /// Returns room for at least `bytes`.
    pub(in crate::archive) fn take(home: &Arc<Self>, bytes: usize) -> Output {
        let spare = {
            let mut buffers = home.locked();
            buffers.in_use += 1;
            if bytes <= BUFFER_BYTES { buffers.spare.pop() } else { None }
        };
        // The system zeroes the pages on first use, and most of them are never used.
        let buffer = spare.unwrap_or_else(|| vec![0; bytes.max(BUFFER_BYTES)]);
        Output { buffer, written: 0, home: Arc::clone(home) }
    }

    /// Cannot be poisoned: nothing panics while it is locked.
    fn locked(&self) -> MutexGuard<'_, Buffers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer, which is returned once nobody needs its contents any more.
pub(in crate::archive) struct Output {
    buffer: Vec<u8>,
    written: usize,
    home: Arc<Outputs>,
}

impl Output {
    /// Returns room for up to `bytes`.
    pub(in crate::archive) fn room(&mut self, bytes: usize) -> &mut [u8] {
        self.buffer.get_mut(..bytes).unwrap_or_default()
    }

    /// Returns the first `written` bytes.
    pub(in crate::archive) fn into_bytes(mut self, written: usize) -> Bytes {
        self.written = written;
        if written < IN_BUFFER_LEAST {
            Bytes::copy_from_slice(self.as_ref())
        } else {
            Bytes::from_owner(self)
        }
    }
}

impl AsRef<[u8]> for Output {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.written).unwrap_or_default()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut buffers = self.home.locked();
        buffers.in_use = buffers.in_use.saturating_sub(1);
        if buffer.len() == BUFFER_BYTES {
            buffers.spare.push(buffer);
        }
        if buffers.in_use == 0 {
            buffers.spare = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare(home: &Arc<Outputs>) -> usize {
        home.locked().spare.len()
    }

    #[test]
    fn buffers_are_used_again_and_freed_when_none_is_in_use() {
        let home = Arc::default();
        let kept = Outputs::take(&home, 10).into_bytes(IN_BUFFER_LEAST);
        let address = {
            let mut other = Outputs::take(&home, BUFFER_BYTES);
            other.room(BUFFER_BYTES).fill(7);
            let other = other.into_bytes(BUFFER_BYTES);
            assert!(other.iter().all(|byte| *byte == 7));
            other.as_ptr()
        };
        assert_eq!(spare(&home), 1);
        let again = Outputs::take(&home, 10).into_bytes(IN_BUFFER_LEAST);
        assert_eq!((again.as_ptr(), spare(&home)), (address, 0));
        // A slice keeps the buffer in use, just as the whole does.
        let slice = again.slice(5..6);
        drop((again, kept));
        assert_eq!((spare(&home), slice.as_ref()), (1, &[7][..]));
        drop(slice);
        assert_eq!(spare(&home), 0);
    }

    #[test]
    fn large_buffers_and_small_files_hold_none_back() {
        let home = Arc::default();
        let kept = Outputs::take(&home, 1).into_bytes(IN_BUFFER_LEAST);
        drop(Outputs::take(&home, BUFFER_BYTES + 1).into_bytes(BUFFER_BYTES + 1));
        assert_eq!(spare(&home), 0);
        let small = Outputs::take(&home, 1).into_bytes(1);
        assert_eq!((spare(&home), small.len(), kept.len()), (1, 1, IN_BUFFER_LEAST));
    }
}
