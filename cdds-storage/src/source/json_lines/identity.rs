//! The identity of a file, whatever its name.

use std::fs::Metadata;
use std::io;
use std::path::Path;

/// Equal for two names of the same file or folder, whether through links or hard links.
#[cfg(unix)]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

#[cfg(unix)]
impl Identity {
    /// Returns the identity of the file at `path`, by its metadata, with links followed. Fails only on other
    /// platforms.
    pub(super) fn of(_path: &Path, metadata: &Metadata) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// The path behind all links, and the file's creation time. Hard links cannot be told from other files here.
#[cfg(not(unix))]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    path: std::path::PathBuf,
    created_at: Option<std::time::SystemTime>,
}

#[cfg(not(unix))]
impl Identity {
    /// Returns the identity of the file at `path`, by its metadata, with links followed.
    pub(super) fn of(path: &Path, metadata: &Metadata) -> io::Result<Self> {
        Ok(Self { path: std::fs::canonicalize(path)?, created_at: metadata.created().ok() })
    }
}
