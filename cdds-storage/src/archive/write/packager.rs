//! Implements the packager port with this archive.

use std::sync::Arc;

use bytes::Bytes;
use cdds_core::ports::packager::{
    ArchiveWriter, Method, Packager, PackagerError, PackagerErrorKind, Packed, Plan,
};

use super::compress::{self, Level};
use super::outputs::Outputs;
use super::writer::ZipWriter;
use crate::archive::format::entry_path;

/// Makes ZIP archives, split by PKWARE's rules if the plan asks for it (rules A3, A4).
#[derive(Debug, Clone)]
pub struct ZipPackager {
    level: Level,
    compressor: String,
    outputs: Arc<Outputs>,
}

impl ZipPackager {
    /// Creates a packager that compresses at `level`.
    pub fn new(level: Level) -> Self {
        Self { level, compressor: compress::describe(level), outputs: Arc::default() }
    }
}

impl Default for ZipPackager {
    fn default() -> Self {
        Self::new(Level::default())
    }
}

impl Packager for ZipPackager {
    fn compressor(&self) -> &str {
        &self.compressor
    }

    fn pack(&self, path: &str, contents: &Bytes) -> Result<Packed, PackagerError> {
        check_path(path)?;
        let (method, data) = match compress::deflate(self.level, contents, &self.outputs) {
            Some(deflated) => (Method::Deflated, deflated),
            None => (Method::Stored, contents.clone()),
        };
        let uncompressed_bytes = contents.len() as u64;
        Ok(Packed {
            path: path.to_owned(),
            method,
            crc32: crc32fast::hash(contents),
            uncompressed_bytes,
            data,
        })
    }

    fn begin(&self, plan: Plan) -> Result<Box<dyn ArchiveWriter>, PackagerError> {
        Ok(Box::new(ZipWriter::new(plan)?))
    }
}

/// Refuses a path that a reader, including ours, would refuse to extract.
pub(in crate::archive) fn check_path(path: &str) -> Result<(), PackagerError> {
    entry_path::check(path).map_err(|reason| {
        PackagerError::new(
            PackagerErrorKind::Invalid,
            format!("{path:?} cannot be a path in an archive: {reason}"),
        )
    })
}
