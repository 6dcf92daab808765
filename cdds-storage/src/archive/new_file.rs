//! Files that get a name only once they are complete.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

const PREFIX: &str = ".cdds-";

/// A new file in a folder, which vanishes unless it is given a name.
///
/// On Linux it has no name until then (`O_TMPFILE`), if the file system supports that: even a killed process
/// leaves nothing behind. Elsewhere its name begins with `.cdds-`.
///
/// Only its owner can read it, whatever the process's umask, because exports contain personal data. Change
/// its permissions to share one.
#[derive(Debug)]
pub struct NewFile(Kind);

#[derive(Debug)]
enum Kind {
    #[cfg(target_os = "linux")]
    Unnamed(File),
    Named(NamedTempFile),
}

impl NewFile {
    /// Creates a file in `folder`, for its owner only.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(folder: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed::create(folder) {
            return Ok(Self(Kind::Unnamed(file)));
        }
        named(folder).map(|file| Self(Kind::Named(file)))
    }

    /// Makes the contents durable.
    ///
    /// # Errors
    /// If the system cannot sync them.
    pub fn sync(&self) -> io::Result<()> {
        self.file().sync_all()
    }

    /// Gives a complete file its name, in the folder it was created in. Without `force` it replaces no other
    /// file, not even one created meanwhile. Call [`sync`](Self::sync) first, or a power cut may leave the
    /// name without the contents.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if the name is taken, or any other error that prevents the naming.
    /// The file is gone then.
    pub fn give_name(self, path: &Path, force: bool) -> io::Result<()> {
        match self.0 {
            #[cfg(target_os = "linux")]
            Kind::Unnamed(file) => unnamed::give_name(&file, path, force),
            Kind::Named(file) if force => file.persist(path).map(drop).map_err(|error| error.error),
            Kind::Named(file) => file.persist_noclobber(path).map(drop).map_err(|error| error.error),
        }
    }

    fn file(&self) -> &File {
        match &self.0 {
            #[cfg(target_os = "linux")]
            Kind::Unnamed(file) => file,
            Kind::Named(file) => file.as_file(),
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

fn named(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    builder.tempfile_in(folder)
}

#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, Mode, OFlags};

    /// Through this folder an open file can be given a name without privileges (open(2), `O_TMPFILE`).
    const OPEN_FILES: &str = "/proc/self/fd";

    /// Returns `None` where that is not supported.
    pub(super) fn create(folder: &Path) -> Option<File> {
        if !Path::new(OPEN_FILES).is_dir() {
            return None;
        }
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let mode = Mode::RUSR | Mode::WUSR;
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        rustix::fs::open(folder, flags, mode).ok().map(File::from)
    }

    pub(super) fn give_name(file: &File, path: &Path, force: bool) -> io::Result<()> {
        let link = |path: &Path| {
            let open = format!("{OPEN_FILES}/{}", file.as_raw_fd());
            rustix::fs::linkat(CWD, open, CWD, path, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from)
        };
        match link(path) {
            Err(error) if force && error.kind() == io::ErrorKind::AlreadyExists => {
                // Only a named file can replace another one.
                let folder =
                    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
                let linked = tempfile::Builder::new().prefix(super::PREFIX).make_in(folder, link)?;
                linked.persist(path).map(drop).map_err(|error| error.error)
            }
            linked => linked,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        names.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Both kinds behave alike.
    fn kinds(folder: &Path) -> [NewFile; 2] {
        let named = NewFile(Kind::Named(named(folder).unwrap()));
        [NewFile::create(folder).unwrap(), named]
    }

    #[test]
    fn a_file_gets_its_name_when_it_is_whole_and_replaces_another_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        for mut file in kinds(folder.path()) {
            let _gone = fs::remove_file(&path);
            file.write_all(b"first").unwrap();
            file.sync().unwrap();
            file.give_name(&path, false).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"first");
            #[cfg(unix)]
            assert_eq!(
                std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777,
                0o600
            );
        }
        for file in kinds(folder.path()) {
            let error = file.give_name(&path, false).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        }
        for mut file in kinds(folder.path()) {
            file.write_all(b"second").unwrap();
            file.give_name(&path, true).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"second");
        }
        assert_eq!(names(folder.path()), ["part"], "what has no name is gone");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn nobody_finds_it_before() {
        let folder = tempfile::tempdir().unwrap();
        let file = NewFile::create(folder.path()).unwrap();
        assert_eq!(names(folder.path()), Vec::<String>::new());
        drop(file);
        assert!(NewFile::create(&folder.path().join("missing")).is_err());
    }
}
