//! Writes the entries of an archive into a folder (rule A9).

use std::collections::HashSet;
use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::parts::Parts;
use super::stream::Entry;
use super::unpack::unpack;
use crate::archive::error::ArchiveError;
use crate::archive::format::entry_path;
use crate::archive::new_file::NewFile;
use crate::archive::whole_file::{WholeFile, Written};
use crate::private;

/// Options for extracting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtractOptions {
    /// Whether existing files may be replaced.
    pub force: bool,
    /// Limits on the archive.
    pub limits: Limits,
}

/// Limits against archives made to fill a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of entries.
    pub entries_max: u64,
    /// Maximum size of all contents together, in bytes.
    pub bytes_max: u64,
    /// Maximum bytes of contents per byte in the archive, for entries above 1 MiB.
    pub ratio_max: u64,
}

impl Default for Limits {
    /// Ten million entries, 16 TiB, and 1,100 to 1. Deflate itself cannot exceed 1,032 to 1, and an export of
    /// identical records comes near that. Set lower limits for archives from strangers.
    fn default() -> Self {
        Self { entries_max: 10_000_000, bytes_max: 16 << 40, ratio_max: 1_100 }
    }
}

/// The amount of data in an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Number of entries.
    pub entries: u64,
    /// Size of all contents together, in bytes.
    pub bytes: u64,
    /// How many files were there already with the same contents, so that they were not written.
    pub kept: u64,
}

/// Extracts every entry into the folder `to`, which is created if necessary. Calls `observe` with each path
/// once its file is complete, in any order.
///
/// The calling thread reads the parts in order, while other threads unpack and write. Each file gets its name
/// only after its contents are complete and their CRC is right. Links are neither created nor followed. If an
/// error ends the extraction, the files finished so far stay; only `Ok` means that all of them are there. The same
/// call then goes on: a file that is there with the contents of its entry is kept, and what a killed process has left
/// under a temporary name is removed from the folders that are filled.
///
/// # Errors
/// Any [`ArchiveError`] but [`NotAPart`](ArchiveError::NotAPart).
pub fn extract(
    parts: &Parts<'_>,
    to: &Path,
    options: &ExtractOptions,
    observe: impl FnMut(&str) + Send,
) -> Result<Summary, ArchiveError> {
    let mut target = Target::new(to, options.force);
    let mut summary = Summary::default();
    let (observe, kept) = (Mutex::new(observe), AtomicU64::new(0));
    unpack(
        parts,
        |entry| {
            options.limits.admit(&mut summary, entry)?;
            target.admit(entry.path(), entry.uncompressed_bytes())
        },
        |place, path, contents| {
            if let Some(file) = place
                && write_file(contents, &file, options.force)? == Written::AlreadyThere
            {
                kept.fetch_add(1, Ordering::Relaxed);
            }
            tell(&observe, path);
            Ok(())
        },
    )?;
    // An archive without entries has not created the folder yet.
    create_root(to)?;
    summary.kept = kept.into_inner();
    Ok(summary)
}

/// Reads the whole archive without storing anything; checks everything it says about itself, and that its
/// paths could be extracted. Calls `observe` with each path once its contents have passed, in any order.
/// Accepts at most ten million entries, each of which takes about 40 bytes of memory.
///
/// # Errors
/// [`ArchiveError::LimitExceeded`], [`ArchiveError::Damaged`], [`ArchiveError::MissingParts`],
/// [`ArchiveError::Unsupported`], [`ArchiveError::UnsafePath`] or [`ArchiveError::Io`].
pub fn verify(parts: &Parts<'_>, observe: impl FnMut(&str) + Send) -> Result<Summary, ArchiveError> {
    let mut summary = Summary::default();
    let mut paths = Paths::default();
    let observe = Mutex::new(observe);
    // Each entry takes memory until the end.
    let limits = Limits { bytes_max: u64::MAX, ratio_max: u64::MAX, ..Limits::default() };
    unpack(
        parts,
        |entry| {
            limits.admit(&mut summary, entry)?;
            paths.admit(entry.path())
        },
        |(), path, contents| {
            io::copy(contents, &mut io::sink())
                .map_err(|error| ArchiveError::from_read(error, || format!("cannot read {path:?}")))?;
            tell(&observe, path);
            Ok(())
        },
    )?;
    Ok(summary)
}

fn tell(observe: &Mutex<impl FnMut(&str)>, path: &str) {
    (observe.lock().unwrap_or_else(PoisonError::into_inner))(path);
}

impl Summary {
    fn count(&mut self, entry: &Entry<'_, '_>) {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(entry.uncompressed_bytes());
    }
}

impl Limits {
    fn admit(&self, summary: &mut Summary, entry: &Entry<'_, '_>) -> Result<(), ArchiveError> {
        /// Below this size any ratio is accepted: a small file may be one long run of blanks.
        const RATIO_FROM_BYTES: u64 = 1 << 20;
        summary.count(entry);
        let most = entry.compressed_bytes().saturating_mul(self.ratio_max).max(RATIO_FROM_BYTES);
        let limit = if summary.entries > self.entries_max {
            format!("there are more than {} entries", self.entries_max)
        } else if summary.bytes > self.bytes_max {
            format!("the contents exceed {} bytes", self.bytes_max)
        } else if entry.uncompressed_bytes() > most {
            format!("it is compressed to less than one part in {}", self.ratio_max)
        } else {
            return Ok(());
        };
        Err(ArchiveError::LimitExceeded { entry: entry.path().to_owned(), limit })
    }
}

/// The paths of an archive: checks that each is safe and unique.
///
/// Only randomly keyed hashes are kept, so the names in a hostile archive cannot inflate the memory. Among a
/// million paths, two collide in one of 30 million readings.
#[derive(Debug, Default)]
struct Paths {
    hash: RandomState,
    seen: HashSet<u64>,
}

impl Paths {
    fn admit(&mut self, path: &str) -> Result<(), ArchiveError> {
        let refuse = |reason: String| ArchiveError::UnsafePath { entry: path.to_owned(), reason };
        // 4.3.8: a folder is an entry without contents whose path ends in a slash.
        entry_path::check(path.strip_suffix('/').unwrap_or(path)).map_err(refuse)?;
        if !self.seen.insert(self.hash.hash_one(path)) {
            return Err(refuse("an earlier entry has the same path".to_owned()));
        }
        Ok(())
    }
}

/// The folder being filled.
struct Target<'t> {
    root: &'t Path,
    force: bool,
    paths: Paths,
    /// The folder, below the root, that was checked most recently.
    folder: Option<PathBuf>,
    /// The folders from which the files of killed processes were removed, by their hashes as in [`Paths`].
    tidied: HashSet<u64>,
}

impl<'t> Target<'t> {
    fn new(root: &'t Path, force: bool) -> Self {
        Self { root, force, paths: Paths::default(), folder: None, tidied: HashSet::new() }
    }

    /// Prepares the folder of an entry of this size and returns the path of its file; `None` if the entry is itself
    /// a folder.
    fn admit(&mut self, path: &str, bytes: u64) -> Result<Option<PathBuf>, ArchiveError> {
        self.paths.admit(path)?;
        let relative = Path::new(path.strip_suffix('/').unwrap_or(path));
        if path.ends_with('/') {
            self.create_folder(relative, path)?;
            return Ok(None);
        }
        self.create_folder(relative.parent().unwrap_or(Path::new("")), path)?;
        let file = self.root.join(relative);
        let is_another = |found: fs::Metadata| !found.is_file() || found.len() != bytes;
        if !self.force && fs::symlink_metadata(&file).is_ok_and(is_another) {
            return Err(ArchiveError::Exists { path: file });
        }
        Ok(Some(file))
    }

    /// Creates each missing folder on the way; refuses to pass through a link, which could lead outside.
    fn create_folder(&mut self, relative: &Path, entry: &str) -> Result<(), ArchiveError> {
        if self.folder.as_deref() == Some(relative) {
            return Ok(());
        }
        create_root(self.root)?;
        let mut folder = self.root.to_owned();
        for component in relative.components() {
            folder.push(component);
            match fs::symlink_metadata(&folder) {
                Ok(found) if found.is_dir() => {}
                Ok(_) => {
                    let reason = format!("{folder:?} is in the way: it is not a folder");
                    return Err(ArchiveError::UnsafePath { entry: entry.to_owned(), reason });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    private::create_dir(&folder).map_err(|error| {
                        ArchiveError::io(format!("cannot create the folder {folder:?}"), error)
                    })?;
                }
                Err(error) => return Err(ArchiveError::io(format!("cannot inspect {folder:?}"), error)),
            }
        }
        if self.tidied.insert(self.paths.hash.hash_one(relative)) {
            NewFile::remove_abandoned(&folder);
        }
        self.folder = Some(relative.to_owned());
        Ok(())
    }
}

fn create_root(root: &Path) -> Result<(), ArchiveError> {
    private::create_dir_all(root)
        .map_err(|error| ArchiveError::io(format!("cannot create the folder {root:?}"), error))
}

/// Writes a file under a temporary name and renames it only on success; compares one that is there.
fn write_file(contents: &mut dyn Read, path: &Path, force: bool) -> Result<Written, ArchiveError> {
    let failed = |error| not_written(path, error);
    let mut file = WholeFile::begin(path, force).map_err(failed)?;
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let count = contents.read(&mut buffer).map_err(|error| {
            ArchiveError::from_read(error, || format!("cannot read the contents of {path:?}"))
        })?;
        if count == 0 {
            return file.finish().map_err(failed);
        }
        file.write_all(buffer.get(..count).unwrap_or_default()).map_err(failed)?;
    }
}

/// Bytes per copied piece.
const COPY_BYTES: usize = 256 << 10;

/// Returns the error for a file that cannot be written, or is there with other contents.
pub(in crate::archive) fn not_written(path: &Path, error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => ArchiveError::Exists { path: path.to_owned() },
        _ => ArchiveError::io(format!("cannot write {path:?}"), error),
    }
}
