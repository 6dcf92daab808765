//! Opens an SQLite file so that reading it leaves no trace: a source's, or a catalog's by somebody who may only read.
//!
//! To read a database in WAL mode, SQLite uses two more files beside it, `-wal` and `-shm`, and creates them
//! if they are missing. A reader cannot delete them again, and they belong to the reader's user: if that is
//! not the application's, the application can no longer write to its own database. In a folder that is not
//! writable for the reader, opening fails. Therefore:
//!
//! | beside the file | its state | read |
//! |---|---|---|
//! | rollback journal mode | | in place: no file is created |
//! | `-wal` and a whole `-shm` | in use, or left so by a crash | in place: both already exist |
//! | no `-wal`, or an empty one | at rest: everything is in the file | as immutable, without locks |
//! | a non-empty `-wal`, no `-shm` | copied, or left so by a crash | a private copy of both |
//!
//! A file that is read without locks may change under the reader. Its [`Stamp`] is taken first and compared
//! after everything has been read. If it differs, the read is to be retried, and then finds the database in use. A
//! writer that comes meanwhile and only fills its `-wal` does not change the file, so the previous state is read.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use rusqlite::OpenFlags;
use tempfile::TempDir;

/// The least size of an index in use (SQLite's file format, 4.1 of the WAL format: 32,768 bytes a block).
const INDEX_BYTES_MIN: u64 = 32_768;

/// How often, and for how long each time, to wait for a file that has just changed.
const ROUNDS_MAX: u32 = 100;
const ROUND: Duration = Duration::from_millis(20);

/// Why a file cannot be read.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// It, or what is beside it, cannot be looked at.
    Unreadable(io::Error),
    /// It was written to meanwhile.
    Changed,
    /// It has to be read as a copy, which cannot be made in the folder of temporary files.
    CannotCopy(io::Error),
}

impl From<io::Error> for Obstacle {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// The way a database is opened, and the place.
#[derive(Debug)]
pub(crate) enum Access {
    /// In SQLite's normal way.
    InPlace,
    /// Without locks; valid only while the file keeps this stamp.
    AtRest(Stamp),
    /// Through a private copy.
    Copy(Copied),
}

impl Access {
    /// Examines the file and its neighbours. `path` contains no links.
    pub(crate) fn to(path: &Path) -> Result<Self, Obstacle> {
        if !is_in_wal_mode(path)? {
            return Ok(Self::InPlace);
        }
        // Take the stamp first, so that any later change to the file shows.
        let stamp = settled(path)?;
        let [log, index, journal] = ["-wal", "-shm", "-journal"].map(|ending| beside(path, ending));
        let log_bytes = bytes(&log)?;
        // On a full disk, those who tried to make one leave less.
        let has_index = bytes(&index)?.is_some_and(|bytes| bytes >= INDEX_BYTES_MIN);
        // A journal remains from an interrupted change of mode; SQLite handles it.
        let has_journal = bytes(&journal)?.is_some_and(|bytes| bytes > 0);
        match log_bytes {
            _ if has_journal => Ok(Self::InPlace),
            Some(_) if has_index => Ok(Self::InPlace),
            None | Some(0) => Ok(Self::AtRest(stamp)),
            Some(_) => Copied::of(path, &log, &stamp).map(Self::Copy),
        }
    }

    /// Returns the path and the flags to open with SQLite.
    pub(crate) fn location(&self, path: &Path) -> (PathBuf, OpenFlags) {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match self {
            Self::InPlace => (path.to_owned(), flags),
            Self::AtRest(_) => (immutable(path), flags | OpenFlags::SQLITE_OPEN_URI),
            Self::Copy(copied) => (copied.path.clone(), flags),
        }
    }

    /// Reports that the database is open and its state fixed. On systems where an open file needs no name, a
    /// copy is deleted now, and so is gone however this program ends.
    pub(crate) fn opened(&mut self) {
        if let (Self::Copy(copied), true) = (self, cfg!(unix)) {
            copied.folder = None;
        }
    }

    /// Returns whether everything read so far belongs to one state.
    pub(crate) fn is_steady(&self, path: &Path) -> bool {
        match self {
            Self::AtRest(stamp) => Stamp::of(path).ok().as_ref() == Some(stamp),
            Self::InPlace | Self::Copy(_) => true,
        }
    }

    /// Returns whether a further read would see the present state, too.
    pub(crate) fn is_current(&self, path: &Path) -> bool {
        match self {
            Self::InPlace => true,
            Self::AtRest(_) => {
                self.is_steady(path) && matches!(bytes(&beside(path, "-wal")), Ok(None | Some(0)))
            }
            Self::Copy(_) => false,
        }
    }
}

/// A private copy.
#[derive(Debug)]
pub(crate) struct Copied {
    path: PathBuf,
    /// Deleted with everything in it when dropped.
    folder: Option<TempDir>,
}

impl Copied {
    /// Copies the file and its log in the state that they had together at `stamp`.
    fn of(path: &Path, log: &Path, stamp: &Stamp) -> Result<Self, Obstacle> {
        let folder = tempfile::tempdir().map_err(Obstacle::CannotCopy)?;
        let copy = folder.path().join("copy.db");
        let log_stamp = Stamp::of(log)?;
        let copied = fs::copy(path, &copy).and_then(|_| fs::copy(log, beside(&copy, "-wal")));
        copied.map_err(Obstacle::CannotCopy)?;
        let is_whole = Stamp::of(path).ok().as_ref() == Some(stamp) && Stamp::of(log).ok() == Some(log_stamp);
        if !is_whole {
            return Err(Obstacle::Changed);
        }
        // Copied with its permissions, a file that may only be read could not be opened beside its log.
        crate::private::restrict(&copy);
        crate::private::restrict(&beside(&copy, "-wal"));
        Ok(Self { path: copy, folder: Some(folder) })
    }
}

/// Differs as soon as a file was written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    /// Device, inode and change time (two numbers), where the system has them.
    identity: [i64; 4],
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(&metadata),
        })
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> [i64; 4] {
    use std::os::unix::fs::MetadataExt;
    [metadata.dev().cast_signed(), metadata.ino().cast_signed(), metadata.ctime(), metadata.ctime_nsec()]
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> [i64; 4] {
    [0; 4]
}

/// Returns a file's stamp, once any further write would change it: file times advance in ticks of some
/// milliseconds, and two writes within one tick look alike.
fn settled(path: &Path) -> Result<Stamp, Obstacle> {
    let mut seen = None;
    for _ in 0..ROUNDS_MAX {
        let stamp = Stamp::of(path)?;
        // A new file has the time of the current tick.
        let now = tempfile::tempfile().and_then(|file| file.metadata()?.modified());
        let is_settled = match now {
            Ok(now) => stamp.modified.is_none_or(|modified| modified < now),
            // Where no file can be made, some ticks are waited for instead.
            Err(_) => seen.replace(stamp) == Some(stamp),
        };
        if is_settled {
            return Ok(stamp);
        }
        thread::park_timeout(ROUND);
    }
    Err(Obstacle::Changed)
}

/// SQLite's file format, 1.3: bytes 18 and 19 are 2 in WAL mode.
fn is_in_wal_mode(path: &Path) -> io::Result<bool> {
    let mut header = Vec::with_capacity(20);
    File::open(path)?.take(20).read_to_end(&mut header)?;
    Ok(header.starts_with(b"SQLite format 3\0") && header.ends_with(&[2, 2]) && header.len() == 20)
}

fn bytes(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}

/// Returns the file as a URI that assures SQLite that nobody writes to it.
fn immutable(path: &Path) -> PathBuf {
    let mut uri = String::from("file://");
    let bytes = path.as_os_str().as_encoded_bytes();
    if !bytes.starts_with(b"/") {
        uri.push('/');
    }
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(char::from(*byte));
            }
            b'\\' if cfg!(windows) => uri.push('/'),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    PathBuf::from(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_written_as_a_uri() {
        assert_eq!(
            immutable(Path::new("/a b/ü?#%.db")).to_str(),
            Some("file:///a%20b/%C3%BC%3F%23%25.db?immutable=1")
        );
    }
}
