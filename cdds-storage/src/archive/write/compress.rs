//! Raw deflate of whole buffers, by libdeflate or zlib-rs.
//!
//! libdeflate 5 is half again as fast as zlib at the ratio of `zip -6`; zlib-rs serves builds without a C
//! compiler. Compressors are kept per thread, since creating one costs more than compressing a small file.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;

use super::outputs::Outputs;

/// The compression level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Level {
    /// No compression.
    Store,
    /// Fast; the output is about a fifth larger than with [`Default`](Level::Default).
    Fast,
    /// The ratio of `zip -6`.
    #[default]
    Default,
    /// Small output, at half the speed of [`Default`](Level::Default) or less.
    Best,
}

#[cfg(feature = "libdeflate")]
use libdeflate as library;
#[cfg(not(feature = "libdeflate"))]
use zlib_rs as library;

/// Returns name, version and level for
/// [`Packager::compressor`](cdds_core::ports::packager::Packager::compressor).
pub(in crate::archive) fn describe(level: Level) -> String {
    match library_level(level) {
        None => "stored".to_owned(),
        Some(number) => format!("{} {} level {number}", library::NAME, library::VERSION),
    }
}

/// Deflates `contents`; `None` if that does not make them smaller.
pub(in crate::archive) fn deflate(level: Level, contents: &[u8], outputs: &Arc<Outputs>) -> Option<Bytes> {
    let number = library_level(level)?;
    // One byte less than the contents: larger output is useless.
    let room = contents.len().checked_sub(1)?;
    let mut output = Outputs::take(outputs, room);
    // One compressor per level, since packagers of several levels may share the threads.
    let written = COMPRESSORS.with_borrow_mut(|compressors| {
        let known = compressors.iter().position(|(of, _)| *of == level);
        let index = known.unwrap_or_else(|| {
            compressors.push((level, library::Compressor::new(number)));
            compressors.len() - 1
        });
        let (_, compressor) = compressors.get_mut(index)?;
        compressor.deflate(contents, output.room(room))
    });
    Some(output.into_bytes(written?))
}

thread_local! {
    static COMPRESSORS: RefCell<Vec<(Level, library::Compressor)>> = const { RefCell::new(Vec::new()) };
}

/// Returns the library's own level; `None` for no compression.
fn library_level(level: Level) -> Option<u32> {
    let [fast, default, best] = library::LEVELS;
    match level {
        Level::Store => None,
        Level::Fast => Some(fast),
        Level::Default => Some(default),
        Level::Best => Some(best),
    }
}

#[cfg(feature = "libdeflate")]
mod libdeflate {
    use libdeflater::CompressionLvl;

    pub(in crate::archive) const NAME: &str = "libdeflate";
    /// The version of the C library in `libdeflate-sys`, which does not expose it; a test compares it with
    /// the lock file.
    pub(in crate::archive) const VERSION: &str = "1.26";
    /// Measured: 147, 93 and 43 MB/s a core at ratios 3.64, 4.04 and 4.27 on contact records.
    pub(in crate::archive) const LEVELS: [u32; 3] = [1, 5, 9];

    pub(in crate::archive) struct Compressor(libdeflater::Compressor);

    impl Compressor {
        pub(in crate::archive) fn new(level: u32) -> Self {
            let level = i32::try_from(level).ok().and_then(|level| CompressionLvl::new(level).ok());
            Self(libdeflater::Compressor::new(level.unwrap_or_default()))
        }

        pub(in crate::archive) fn deflate(&mut self, contents: &[u8], output: &mut [u8]) -> Option<usize> {
            self.0.deflate_compress(contents, output).ok()
        }
    }
}

#[cfg(not(feature = "libdeflate"))]
mod zlib_rs {
    use flate2::{Compress, Compression, FlushCompress, Status};

    pub(in crate::archive) const NAME: &str = "zlib-rs";
    /// flate2 does not expose its backend's version; a test compares this with the lock file.
    pub(in crate::archive) const VERSION: &str = "0.6.8";
    pub(in crate::archive) const LEVELS: [u32; 3] = [1, 6, 9];

    pub(in crate::archive) struct Compressor(Compress);

    impl Compressor {
        pub(in crate::archive) fn new(level: u32) -> Self {
            Self(Compress::new(Compression::new(level), false))
        }

        pub(in crate::archive) fn deflate(&mut self, contents: &[u8], output: &mut [u8]) -> Option<usize> {
            // Without this the output would depend on the file before, and so on the thread (rule A6).
            self.0.reset();
            let position = |total: u64| usize::try_from(total).ok();
            // zlib counts in 32 bits, so contents above 4 GiB take more than one round.
            loop {
                let (read, written) = (position(self.0.total_in())?, position(self.0.total_out())?);
                let (input, room) = (contents.get(read..)?, output.get_mut(written..)?);
                match self.0.compress(input, room, FlushCompress::Finish).ok()? {
                    Status::StreamEnd => return position(self.0.total_out()),
                    Status::Ok | Status::BufError => {
                        let moved = self.0.total_in() > read as u64 || self.0.total_out() > written as u64;
                        // No progress means no room: the output would be larger than the contents.
                        if !moved {
                            return None;
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn inflate(packed: &[u8]) -> Vec<u8> {
        let mut contents = Vec::new();
        flate2::read::DeflateDecoder::new(packed).read_to_end(&mut contents).unwrap();
        contents
    }

    #[test]
    fn every_level_comes_back_and_fast_is_the_largest() {
        let contents: Vec<u8> = (0..60_000u32).flat_map(|n| (n * n).to_string().into_bytes()).collect();
        let sizes = [Level::Fast, Level::Default, Level::Best].map(|level| {
            let outputs = Arc::default();
            let packed = deflate(level, &contents, &outputs).unwrap();
            assert_eq!(inflate(&packed), contents);
            let again = deflate(level, &contents, &outputs).unwrap();
            assert_eq!(again, packed, "the kept compressor starts afresh");
            packed.len()
        });
        // The order of the two slower levels depends on the data.
        assert!(sizes[0] > sizes[1] && sizes[0] > sizes[2], "{sizes:?}");
        assert_eq!(deflate(Level::Store, &contents, &Arc::default()), None);
    }

    #[test]
    fn what_does_not_shrink_is_not_deflated() {
        let mut state = 1u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(70_000)
        .collect();
        for contents in [&noise[..], b"", b"a", b"abc"] {
            assert_eq!(deflate(Level::Default, contents, &Arc::default()), None, "{} bytes", contents.len());
        }
    }

    #[test]
    fn a6_the_version_told_is_the_one_linked() {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock")).unwrap();
        // The patch number belongs to the binding: libdeflate-sys 1.26.1 bundles libdeflate 1.26.
        let package = if library::NAME == "libdeflate" { "libdeflate-sys" } else { library::NAME };
        let (_, found) = lock.split_once(&format!("name = \"{package}\"\nversion = \"")).unwrap();
        assert!(found.starts_with(library::VERSION), "{} against {}", library::VERSION, &found[..12]);
        assert_eq!(describe(Level::Store), "stored");
        assert!(describe(Level::Default).starts_with(&format!("{} {}", library::NAME, library::VERSION)));
    }
}
