//! A folder that is held open, and files below it, which are reached without following a link.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use cdds_core::domain::delivery::path::RemotePath;
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, fsync, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::{Errno, Result};

/// The permissions of new folders and files, from which the umask takes away.
const FOLDER_MODE: Mode = Mode::from_bits_truncate(0o777);
const FILE_MODE: Mode = Mode::from_bits_truncate(0o666);

/// A folder that is held open: one that is mounted over it later is not written to.
#[derive(Debug, Clone)]
pub(super) struct Place(Arc<OwnedFd>);

impl AsFd for Place {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Place {
    /// Opens the folder itself.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        openat(CWD, folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map(|opened| Self(Arc::new(opened)))
    }

    /// Opens a folder below it, by one name after the other: only the last name of a path is protected from links.
    fn enter(&self, folder: &RemotePath) -> Result<Self> {
        names(folder).try_fold(self.clone(), |above, name| above.enter_one(name))
    }

    fn enter_one(&self, name: &str) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(self, name, flags, Mode::empty()).map(|opened| Self(Arc::new(opened)))
    }

    /// Opens a folder below it; creates what is missing, durably.
    fn make(&self, folder: &RemotePath) -> Result<Self> {
        names(folder).try_fold(self.clone(), |above, name| match above.enter_one(name) {
            Err(Errno::NOENT) => {
                match mkdirat(&above, name, FOLDER_MODE) {
                    // Somebody else was quicker.
                    Ok(()) | Err(Errno::EXIST) => fsync(&above)?,
                    Err(why) => return Err(why),
                }
                above.enter_one(name)
            }
            entered => entered,
        })
    }

    /// Creates a file and its folders, in place of one that is there.
    pub(super) fn create(&self, path: &RemotePath) -> Result<File> {
        let folder = self.make(&path.folder())?;
        // An old file is not written into, since it may have other names elsewhere.
        folder.remove_one(path.name())?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(&folder, path.name(), flags, FILE_MODE).map(File::from)
    }

    /// Makes the name of a file durable.
    pub(super) fn sync(&self, path: &RemotePath) -> Result<()> {
        fsync(self.enter(&path.folder())?)
    }

    /// Returns the size of a file, `None` if there is none.
    ///
    /// # Errors
    /// [`Errno::LOOP`] if there is something else than a file.
    pub(super) fn size(&self, path: &RemotePath) -> Result<Option<u64>> {
        let found = self
            .enter(&path.folder())
            .and_then(|folder| statat(&folder, path.name(), AtFlags::SYMLINK_NOFOLLOW));
        match found {
            Err(Errno::NOENT) => Ok(None),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => {
                Ok(Some(u64::try_from(stat.st_size).unwrap_or_default()))
            }
            Ok(_) => Err(Errno::LOOP),
            Err(why) => Err(why),
        }
    }

    /// Opens a file to read it.
    ///
    /// # Errors
    /// [`Errno::LOOP`] if there is something else than a file.
    pub(super) fn read(&self, path: &RemotePath) -> Result<File> {
        let folder = self.enter(&path.folder())?;
        // NONBLOCK, since a pipe would be waited for.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(&folder, path.name(), flags, Mode::empty())?;
        match FileType::from_raw_mode(fstat(&opened)?.st_mode) {
            FileType::RegularFile => Ok(opened.into()),
            _ => Err(Errno::LOOP),
        }
    }

    /// Renames a file, durably.
    pub(super) fn rename(&self, from: &RemotePath, to: &RemotePath) -> Result<()> {
        let (before, after) = (self.enter(&from.folder())?, self.enter(&to.folder())?);
        renameat(&before, from.name(), &after, to.name())?;
        fsync(&after)
    }

    /// Removes a file, durably.
    pub(super) fn remove(&self, path: &RemotePath) -> Result<()> {
        match self.enter(&path.folder()) {
            Err(Errno::NOENT) => Ok(()),
            folder => {
                let folder = folder?;
                folder.remove_one(path.name())?;
                fsync(&folder)
            }
        }
    }

    fn remove_one(&self, name: &str) -> Result<()> {
        match unlinkat(self, name, AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(()),
            removed => removed,
        }
    }

    /// Returns the names in a folder, without those that are no text: none of them is ours.
    pub(super) fn list(&self, folder: &RemotePath) -> Result<Vec<String>> {
        let folder = match self.enter(folder) {
            Err(Errno::NOENT) => return Ok(Vec::new()),
            folder => folder?,
        };
        let mut found = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            match entry.file_name().to_str() {
                Ok("." | "..") | Err(_) => {}
                Ok(name) => found.push(name.to_owned()),
            }
        }
        Ok(found)
    }
}

fn names(path: &RemotePath) -> impl Iterator<Item = &str> {
    path.as_str().split('/').filter(|name| !name.is_empty())
}
