//! Files that get a name only once they are complete.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// What temporary names begin and end with.
const PREFIX: &str = ".cdds-";
const SUFFIX: &str = ".part";

/// A new file in a folder, which vanishes unless it is given a name.
///
/// On Linux it has no name until then (`O_TMPFILE`), if the file system supports that: even a killed process
/// leaves nothing behind. Elsewhere it has a temporary name like `.cdds-Xy3k9Z.part`, and is locked as long as
/// somebody writes it: [`remove_abandoned`](Self::remove_abandoned) removes what a killed process has left.
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

    /// Removes the files of processes that were killed from a folder: those with a temporary name which nobody
    /// has locked. What cannot be looked at or removed stays.
    pub fn remove_abandoned(folder: &Path) {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_temporary = entry.file_name().to_str().is_some_and(is_temporary);
            if !is_temporary || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                continue;
            }
            // Writable, since some systems lock only such files.
            let opened = File::options().read(true).write(true).open(entry.path());
            if opened.as_ref().is_ok_and(|file| file.try_lock().is_ok()) {
                let _kept = fs::remove_file(entry.path());
            }
        }
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
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    loop {
        let file = builder.tempfile_in(folder)?;
        match file.as_file().try_lock() {
            // Somebody who removes what was abandoned has seen it before it was locked.
            Err(TryLockError::WouldBlock) => {}
            Ok(()) if !file.path().exists() => {}
            // Without locks, nothing there ever counts as abandoned.
            Ok(()) | Err(TryLockError::Error(_)) => return Ok(file),
        }
    }
}

fn is_temporary(name: &str) -> bool {
    name.strip_prefix(PREFIX).and_then(|name| name.strip_suffix(SUFFIX)).is_some_and(|random| {
        !random.is_empty() && random.chars().all(|character| character.is_ascii_alphanumeric())
    })
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
                // Locked while it has the temporary name, like a file that had one from the beginning.
                let _locked = file.try_lock();
                let linked = tempfile::Builder::new()
                    .prefix(super::PREFIX)
                    .suffix(super::SUFFIX)
                    .make_in(folder, link)?;
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
    fn what_a_killed_process_has_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let written = named(folder.path()).unwrap();
        let kept = [".cdds-store", ".cdds-.part", ".cdds-my file.part", "part", "x.cdds-aB3dE9.part"];
        kept.iter().for_each(|name| fs::write(path(name), "").unwrap());
        fs::create_dir(path(".cdds-folder.part")).unwrap();
        fs::write(path(".cdds-aB3dE9.part"), "half").unwrap();
        NewFile::remove_abandoned(folder.path());
        assert!(!path(".cdds-aB3dE9.part").exists());
        assert!(written.path().exists(), "it is being written");
        assert_eq!(names(folder.path()).len(), kept.len() + 2);
        let left = written.into_temp_path();
        NewFile::remove_abandoned(folder.path());
        assert!(!left.exists(), "nobody writes it any more");
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
