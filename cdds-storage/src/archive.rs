//! The split-ZIP archive: writer, finder, reader, joiner.
//!
//! The writer is our own, since no crate writes PKWARE splits. It is sans-IO, with one file per structure of
//! the format, each named after its section of APPNOTE 6.3.10. Every entry is compressed as one buffer, so
//! its header already contains sizes and CRC and a reader needs no seeking.
//!
//! ```text
//! writing   ZipPackager ─ pack (any thread) ═ Packed ═ push ─ PartEvents ─ finish ─ PartIndex
//! reading   PartSet (names beside one part) ─ Parts (plain, or decrypting readers)
//!             ├ stream::ArchiveStream   entries in order, each CRC checked, the directory compared at the end
//!             ├ extract::extract        into a folder
//!             ├ extract::verify         into nothing
//!             └ join::join              into one plain .zip
//! ```
//!
//! Reading is one pass over the parts, in order: sealed parts are decrypted on the way, and no plaintext copy
//! of a part is ever stored. Other programs' archives are read too, stored or deflated, split or not. If an
//! entry's sizes follow its data, the directory is read ahead.

mod error;
mod format;
mod new_file;
mod read;
mod steady_file;
mod whole_file;
mod write;

pub use error::ArchiveError;
pub use new_file::NewFile;
pub use read::{PartSet, Parts, audit, extract, join, parts, set, stream};
pub use steady_file::{SteadyFile, SteadyReader, open_regular};
pub use whole_file::{WholeFile, Written};
pub use write::{Level, ZipPackager};
