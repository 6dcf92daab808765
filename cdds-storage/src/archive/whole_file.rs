//! Files that are written whole or not at all, by a command that may be run again after it was killed.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::new_file::NewFile;
use super::steady_file::open_regular;

/// A file on its way to its path. It appears there once it is complete; a file that is there already, with the
/// very contents that are written, stays and counts as done.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    New { file: NewFile, force: bool },
    There(There),
}

/// What a complete file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is new, or has replaced another one.
    New,
    /// It was there already, with the same contents.
    AlreadyThere,
}

impl WholeFile {
    /// Begins to write the file at `path`, whose folder must be there. With `force` it replaces whatever file has
    /// that name.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if the name belongs to something else than a file that can be read; any other
    /// error that prevents the creation of a file.
    pub fn begin(path: &Path, force: bool) -> io::Result<Self> {
        let kind = match fs::symlink_metadata(path) {
            Ok(found) if !force => Kind::There(There::open(path, &found)?),
            _ => Kind::New { file: NewFile::create(path.parent().unwrap_or(Path::new(".")))?, force },
        };
        Ok(Self { path: path.to_owned(), kind })
    }

    /// Makes the contents of a new file durable. What was there is taken to be durable.
    ///
    /// # Errors
    /// If the system cannot sync them.
    pub fn sync(&self) -> io::Result<()> {
        match &self.kind {
            Kind::New { file, .. } => file.sync(),
            Kind::There(_) => Ok(()),
        }
    }

    /// Gives the complete file its name. Call [`sync`](Self::sync) first where a power cut must not leave the name
    /// without the contents.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if the file that is there is longer, or if the name was taken meanwhile; any
    /// other error that prevents the naming.
    pub fn finish(self) -> io::Result<Written> {
        match self.kind {
            Kind::New { file, force } => file.give_name(&self.path, force).map(|()| Written::New),
            Kind::There(there) => there.end().map(|()| Written::AlreadyThere),
        }
    }
}

/// Writing to a file that is there fails with [`ErrorKind::AlreadyExists`] where it differs.
impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.kind {
            Kind::New { file, .. } => file.write(bytes),
            Kind::There(there) => there.compare(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.kind {
            Kind::New { file, .. } => file.flush(),
            Kind::There(_) => Ok(()),
        }
    }
}

/// A file that is compared with what would be written in its place.
#[derive(Debug)]
struct There {
    file: File,
    read: Vec<u8>,
}

impl There {
    fn open(path: &Path, found: &fs::Metadata) -> io::Result<Self> {
        // A link is not what was written, wherever it leads.
        if !found.is_file() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        // A file that cannot be read may hold anything.
        let file = open_regular(path).map_err(|_| ErrorKind::AlreadyExists)?;
        Ok(Self { file, read: Vec::new() })
    }

    fn compare(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.read.resize(bytes.len(), 0);
        match self.file.read_exact(&mut self.read) {
            Ok(()) if self.read == bytes => Ok(bytes.len()),
            _ => Err(ErrorKind::AlreadyExists.into()),
        }
    }

    fn end(mut self) -> io::Result<()> {
        match self.file.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(ErrorKind::AlreadyExists.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, force: bool, contents: &[u8]) -> Result<Written, ErrorKind> {
        let write = || {
            let mut file = WholeFile::begin(path, force)?;
            contents.chunks(3).try_for_each(|chunk| file.write_all(chunk))?;
            file.sync()?;
            file.finish()
        };
        write().map_err(|error: io::Error| error.kind())
    }

    #[test]
    fn the_same_contents_count_as_done_and_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        assert_eq!(write(&path, false, b"contents"), Ok(Written::New));
        assert_eq!(write(&path, false, b"contents"), Ok(Written::AlreadyThere));
        for other in [&b"contentS"[..], b"content", b"contents and more", b""] {
            assert_eq!(write(&path, false, other), Err(ErrorKind::AlreadyExists), "{other:?}");
            assert_eq!(fs::read(&path).unwrap(), b"contents");
        }
        assert_eq!(write(&path, true, b"other"), Ok(Written::New));
        assert_eq!(fs::read(&path).unwrap(), b"other");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    #[cfg(unix)]
    fn what_is_no_file_never_counts_as_done() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("part"), folder.path().join("link"));
        fs::write(&path, "contents").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(write(&link, false, b"contents"), Err(ErrorKind::AlreadyExists));
        assert_eq!(write(folder.path(), false, b""), Err(ErrorKind::AlreadyExists));
    }
}
