//! Writes the entries of an archive below a folder (rule A9).

use std::collections::HashSet;
use std::fs;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::entry_path;
use super::error::ArchiveError;
use super::parts::Parts;
use super::stream::{ArchiveStream, Entry};

/// How to extract.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtractOptions {
    /// Whether files that exist may be replaced.
    pub force: bool,
    /// When to stop trusting the archive.
    pub limits: Limits,
}

/// Bounds against archives made to fill a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most entries.
    pub entries_max: u64,
    /// Most bytes of all contents together.
    pub bytes_max: u64,
    /// Most bytes of contents for one byte in the archive, for entries above 1 MiB.
    pub ratio_max: u64,
}

impl Default for Limits {
    /// Ten million entries, 16 TiB, and 1,000 to 1: deflate itself cannot do more than 1,032.
    fn default() -> Self {
        Self { entries_max: 10_000_000, bytes_max: 16 << 40, ratio_max: 1_000 }
    }
}

/// What an archive held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Number of entries.
    pub entries: u64,
    /// Bytes of all contents together.
    pub bytes: u64,
}

/// Extracts every entry below the folder `to`, which is created if need be; `observe` is told each path
/// once its file is there.
///
/// Each file gets its name only when its contents are complete and their CRC is right. Links are
/// neither created nor followed. When an error ends the extraction, the files finished so far stay; only
/// `Ok` means that they are all.
///
/// # Errors
/// Any [`ArchiveError`] but [`NotAPart`](ArchiveError::NotAPart).
pub fn extract(
    parts: &Parts<'_>,
    to: &Path,
    options: &ExtractOptions,
    mut observe: impl FnMut(&str),
) -> Result<Summary, ArchiveError> {
    let mut stream = ArchiveStream::open(parts)?;
    fs::create_dir_all(to)
        .map_err(|error| ArchiveError::io(format!("cannot create the folder {to:?}"), error))?;
    let mut target = Target { root: to, force: options.force, paths: HashSet::new(), folder: PathBuf::new() };
    let mut summary = Summary::default();
    while let Some(mut entry) = stream.next_entry()? {
        options.limits.admit(&mut summary, &entry)?;
        target.write(&mut entry)?;
        observe(entry.path());
    }
    Ok(summary)
}

/// Reads the whole archive and checks everything that it says about itself, storing nothing;
/// `observe` is told each path once its contents were found right.
///
/// # Errors
/// [`ArchiveError::Damaged`], [`ArchiveError::MissingParts`], [`ArchiveError::Unsupported`] or
/// [`ArchiveError::Io`].
pub fn verify(parts: &Parts<'_>, mut observe: impl FnMut(&str)) -> Result<Summary, ArchiveError> {
    let mut stream = ArchiveStream::open(parts)?;
    let mut summary = Summary::default();
    while let Some(mut entry) = stream.next_entry()? {
        let read = io::copy(&mut entry, &mut io::sink());
        summary.bytes += read.map_err(|error| ArchiveError::from_read(error, String::new))?;
        summary.entries += 1;
        observe(entry.path());
    }
    Ok(summary)
}

impl Limits {
    fn admit(&self, summary: &mut Summary, entry: &Entry<'_, '_>) -> Result<(), ArchiveError> {
        /// Small files, such as one long run of blanks, may compress as they like.
        const RATIO_FROM_BYTES: u64 = 1 << 20;
        summary.entries += 1;
        summary.bytes = summary.bytes.saturating_add(entry.uncompressed_bytes());
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

/// The folder being filled.
struct Target<'t> {
    root: &'t Path,
    force: bool,
    paths: HashSet<Box<str>>,
    /// The folder, below the root, that was checked last.
    folder: PathBuf,
}

impl Target<'_> {
    fn write(&mut self, entry: &mut Entry<'_, '_>) -> Result<(), ArchiveError> {
        let path = entry.path().to_owned();
        let refuse = |reason: String| ArchiveError::UnsafePath { entry: path.clone(), reason };
        // 4.3.8: a folder is an entry without contents whose path ends in a slash.
        let (file, is_folder) = match path.strip_suffix('/') {
            Some(folder) => (folder, true),
            None => (path.as_str(), false),
        };
        entry_path::check(file).map_err(refuse)?;
        if !self.paths.insert(path.clone().into_boxed_str()) {
            return Err(refuse("an earlier entry has the same path".to_owned()));
        }
        let relative = Path::new(file);
        if is_folder {
            return self.create_folder(relative, &path);
        }
        self.create_folder(relative.parent().unwrap_or(Path::new("")), &path)?;
        self.write_file(entry, &self.root.join(relative))
    }

    /// Creates each missing folder on the way; refuses to go through a link, which could lead outside.
    fn create_folder(&mut self, relative: &Path, entry: &str) -> Result<(), ArchiveError> {
        if self.folder == relative {
            return Ok(());
        }
        let mut folder = self.root.to_owned();
        for component in relative.components() {
            folder.push(component);
            match fs::symlink_metadata(&folder) {
                Ok(found) if found.is_dir() => {}
                Ok(_) => {
                    let reason = format!("{folder:?} is in the way and not a folder");
                    return Err(ArchiveError::UnsafePath { entry: entry.to_owned(), reason });
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir(&folder).map_err(|error| {
                        ArchiveError::io(format!("cannot create the folder {folder:?}"), error)
                    })?;
                }
                Err(error) => return Err(ArchiveError::io(format!("cannot look at {folder:?}"), error)),
            }
        }
        relative.clone_into(&mut self.folder);
        Ok(())
    }

    fn write_file(&self, entry: &mut Entry<'_, '_>, path: &Path) -> Result<(), ArchiveError> {
        let failed = |error| ArchiveError::io(format!("cannot write {path:?}"), error);
        if !self.force && fs::symlink_metadata(path).is_ok() {
            return Err(ArchiveError::Exists { path: path.to_owned() });
        }
        let folder = path.parent().unwrap_or(self.root);
        let file = new_file(folder).map_err(failed)?;
        let mut writer = BufWriter::with_capacity(COPY_BYTES, file);
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let count = entry
                .read(&mut buffer)
                .map_err(|error| ArchiveError::from_read(error, || "cannot read an entry".to_owned()))?;
            if count == 0 {
                break;
            }
            writer.write_all(buffer.get(..count).unwrap_or_default()).map_err(failed)?;
        }
        let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
        give_name(file, path, self.force)
    }
}

/// Contents are moved in pieces of this size.
const COPY_BYTES: usize = 256 << 10;

/// A new file in `folder` that vanishes unless it is given a name, with the permissions a new file
/// usually gets.
pub(super) fn new_file(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".cdds-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Gives a complete file its name; without `force` no other file is replaced, not even one that came
/// meanwhile.
pub(super) fn give_name(file: tempfile::NamedTempFile, path: &Path, force: bool) -> Result<(), ArchiveError> {
    let named = if force { file.persist(path) } else { file.persist_noclobber(path) };
    match named {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(ArchiveError::Exists { path: path.to_owned() })
        }
        Err(error) => Err(ArchiveError::io(format!("cannot write {path:?}"), error.error)),
    }
}
