//! Files that are read more than once and must not change in between.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A file of a set. Its identity is noted when it is first opened; each time it is opened again, and at the
/// end of each reading, it must still match. A file that is replaced or written to between its digest check
/// and its decryption is therefore noticed.
///
/// Holding the file open would rule out its replacement but not writes into it, and a set may have more parts
/// than a process may have open files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SteadyFile {
    path: PathBuf,
    noted: Arc<OnceLock<Stamp>>,
}

impl SteadyFile {
    /// Creates a handle for the file at a path, with nothing noted yet. Clones share the notes.
    pub fn new(path: PathBuf) -> Self {
        Self { path, noted: Arc::default() }
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file at its beginning.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if it is not a regular file, [`ErrorKind::InvalidData`] if it has changed,
    /// or any other error from opening it.
    pub fn open(&self) -> io::Result<SteadyReader> {
        let file = open_regular(&self.path)?;
        // From the open file, not from the path, which may already lead to another one.
        let now = Stamp::of(&file.metadata()?);
        let noted = *self.noted.get_or_init(|| now);
        if now == noted { Ok(SteadyReader { file, noted }) } else { Err(exchanged()) }
    }
}

/// Reads a [`SteadyFile`] once. Reports the end only if the file has not changed since it was first opened.
#[derive(Debug)]
pub struct SteadyReader {
    file: File,
    noted: Stamp,
}

impl SteadyReader {
    /// Returns the open file, for callers that cannot use this reader; the end is not checked then.
    pub fn into_file(self) -> File {
        self.file
    }
}

impl Read for SteadyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        // At the end, since a writer may come at any time before. An empty buffer returns 0 anywhere.
        if count == 0 && !buffer.is_empty() && Stamp::of(&self.file.metadata()?) != self.noted {
            return Err(exchanged());
        }
        Ok(count)
    }
}

fn exchanged() -> io::Error {
    io::Error::new(
        ErrorKind::InvalidData,
        "it was replaced or changed while it was being read: run the command again",
    )
}

/// Opens a regular file, or the target of a link to one. Opening anything else might wait for ever, as with a
/// named pipe that nobody writes to.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] with the actual kind, or any other error from opening it.
pub fn open_regular(path: &Path) -> io::Result<File> {
    // Check before opening: opening some devices has side effects.
    refuse_other_kinds(&path.metadata()?)?;
    let mut options = File::options();
    options.read(true);
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // In case a pipe has replaced the file in the meantime.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    // Once more for the file that was really opened.
    refuse_other_kinds(&file.metadata()?)?;
    Ok(file)
}

pub(super) fn refuse_other_kinds(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let kind = kind(found);
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        format!("it is {kind}, not a file: name a file, or save it to one first"),
    ))
}

#[cfg(unix)]
fn kind(found: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match found.file_type() {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a named pipe (FIFO)",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something else",
    }
}

#[cfg(not(unix))]
fn kind(found: &Metadata) -> &'static str {
    if found.is_dir() { "a folder" } else { "something else" }
}

/// Identifies a state of a file: every change of contents or name changes one of these times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    len: u64,
    #[cfg(unix)]
    place: (u64, u64),
    #[cfg(unix)]
    modified: (i64, i64),
    #[cfg(unix)]
    changed: (i64, i64),
    #[cfg(not(unix))]
    modified: Option<std::time::SystemTime>,
}

impl Stamp {
    #[cfg(unix)]
    fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            len: file.len(),
            place: (file.dev(), file.ino()),
            modified: (file.mtime(), file.mtime_nsec()),
            // Programs can set the time of modification back, but not this one.
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    #[cfg(not(unix))]
    fn of(file: &Metadata) -> Self {
        Self { len: file.len(), modified: file.modified().ok() }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn read(file: &SteadyFile) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        file.open()?.read_to_end(&mut bytes).map(|_| bytes)
    }

    #[test]
    fn a_file_that_another_takes_the_place_of_is_not_read_on() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (folder.path().join("part"), folder.path().join("other"));
        fs::write(&path, "first").unwrap();
        let file = SteadyFile::new(path.clone());
        assert_eq!(read(&file).unwrap(), b"first");
        assert_eq!(read(&file.clone()).unwrap(), b"first");
        fs::write(&other, "other").unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(read(&file).unwrap_err().kind(), ErrorKind::InvalidData);
        assert_eq!(read(&SteadyFile::new(path)).unwrap(), b"other");
    }

    #[test]
    fn a_file_that_is_written_to_while_it_is_read_has_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        fs::write(&path, "first").unwrap();
        let file = SteadyFile::new(path.clone());
        let mut reader = file.open().unwrap();
        fs::write(&path, "longer than before").unwrap();
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("run the command again"), "{error}");
        assert!(read(&file).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_no_file_is_named_and_nobody_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, kind) in [
            (pipe.as_path(), "a named pipe (FIFO)"),
            (socket.as_path(), "a socket"),
            (folder.path(), "a folder"),
            (Path::new("/dev/null"), "a device"),
        ] {
            let error = open_regular(path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(kind), "{error}");
        }
        assert_eq!(open_regular(&folder.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
