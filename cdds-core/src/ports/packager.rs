//! Packing files into an archive.

use std::fmt::Debug;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::error::{PortError, PortErrorKind};

/// Makes archives: compresses single files and lays them out in parts.
///
/// # Contract
/// [`pack`](Packager::pack) is a pure function of its arguments, so files can be compressed in parallel and
/// in any order. The archive that [`begin`](Packager::begin) starts depends only on the sequence of pushed
/// files (rule A6).
///
/// # Errors
/// [`PackagerErrorKind::TooLarge`] if a format limit would be exceeded.
///
/// # Cancel safety
/// No method waits. A writer dropped before [`finish`](ArchiveWriter::finish) leaves an incomplete archive,
/// which the caller must discard.
pub trait Packager: Debug + Send + Sync {
    /// Returns the name and version of the compressor, for the manifest: `libdeflate 1.24 level 5`.
    fn compressor(&self) -> &str;

    /// Compresses one whole file. This is CPU work and runs on the workers.
    ///
    /// # Errors
    /// If the path or the contents cannot be represented in the archive.
    fn pack(&self, path: &str, contents: &Bytes) -> Result<Packed, PackagerError>;

    /// Starts an archive.
    ///
    /// # Errors
    /// If the plan cannot be carried out, such as a part size out of bounds.
    fn begin(&self, plan: Plan) -> Result<Box<dyn ArchiveWriter>, PackagerError>;
}

/// Lays out packed files in parts, in the order in which they are pushed. A format may need one of them in another
/// place, which then depends on the sequence alone; readers find files by their paths.
pub trait ArchiveWriter: Debug + Send {
    /// Appends a file, and adds to `events` whatever is ready to be stored.
    ///
    /// # Errors
    /// If a format limit would be exceeded; the archive is then unusable.
    fn push(&mut self, file: Packed, events: &mut Vec<PartEvent>) -> Result<(), PackagerError>;

    /// Writes the directory and closes the last part.
    ///
    /// # Errors
    /// As for [`push`](ArchiveWriter::push).
    fn finish(self: Box<Self>, events: &mut Vec<PartEvent>) -> Result<PartIndex, PackagerError>;
}

/// The layout of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The maximum size of each data part in bytes, before sealing; `None` makes one file of any size (rule
    /// A4).
    pub part_bytes_max: Option<u64>,
    /// The timestamp of every entry: the window's end, so that reruns are byte-identical (rule A6).
    pub modified_at: DateTime<Utc>,
}

/// A compressed file, ready to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Path inside the archive, `/`-separated.
    pub path: String,
    /// How `data` is stored.
    pub method: Method,
    /// CRC-32 of the uncompressed contents.
    pub crc32: u32,
    /// Size before compression, bytes.
    pub uncompressed_bytes: u64,
    /// The stored bytes.
    pub data: Bytes,
}

/// APPNOTE 4.4.5: how an entry's bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// 0: as they are.
    Stored,
    /// 8: raw deflate.
    Deflated,
}

/// Identifies a part while it is being made: its place in the order of opening, from 0. Its file name is
/// known only at the end, from [`PartIndex::reading_order`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartOrdinal(pub u32);

/// The events of parts while files are pushed. Events of one part are contiguous: a part is closed before the
/// next one is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartEvent {
    /// A part begins.
    Opened(PartOrdinal),
    /// The next bytes of the open part.
    Data(Bytes),
    /// The open part is complete.
    Closed(PartOrdinal),
}

/// How the parts make up the archive. Serialisable, so that a set made in pieces can later be published as
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartIndex {
    /// Every part, in the order that a reader needs (`.z01`, `.z02`, …, `.zip`).
    pub reading_order: Vec<PartOrdinal>,
    /// Number of files in the archive.
    pub entries: u64,
}

/// The kinds of packager error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackagerErrorKind {
    /// A limit of the format was reached.
    TooLarge,
    /// The plan or a path is not valid.
    Invalid,
}

impl PortErrorKind for PackagerErrorKind {
    fn is_retryable(self) -> bool {
        false
    }
}

/// An error of a [`Packager`].
pub type PackagerError = PortError<PackagerErrorKind>;
