//! The writer: entries are compressed as whole buffers, then laid out in parts.

mod compress;
mod outputs;
pub(in crate::archive) mod packager;
mod part_cursor;
pub(in crate::archive) mod writer;

pub use self::compress::Level;
pub use self::packager::ZipPackager;
