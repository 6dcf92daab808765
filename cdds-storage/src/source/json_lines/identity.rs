//! Which file a name stands for.

use std::fs::Metadata;
use std::io;
use std::path::Path;

/// What two names of one file or folder have in common, whether links or hard links lead there.
#[cfg(unix)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl Identity {
    /// That of what lies at `path`, by its metadata, links followed. It can fail on other platforms only.
    pub(super) fn of(_path: &Path, metadata: &Metadata) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// The path behind all links, and when the file was made. Hard links cannot be told apart from other files here.
#[cfg(not(unix))]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    path: std::path::PathBuf,
    created_at: Option<std::time::SystemTime>,
}

#[cfg(not(unix))]
impl Identity {
    /// That of what lies at `path`, by its metadata, links followed.
    pub(super) fn of(path: &Path, metadata: &Metadata) -> io::Result<Self> {
        Ok(Self { path: std::fs::canonicalize(path)?, created_at: metadata.created().ok() })
    }
}
