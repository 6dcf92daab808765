//! The folder with the locks of the workers: closed to other users, and locked by one process at a time.
//!
//! Whoever can open a file can hold its lock indefinitely, and block every engine that waits for it. So only
//! the owner may enter the folder, and every wait for it is bounded.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};

/// The file whose lock protects the folder.
const FOLDER_LOCK: &str = "folder";

/// Pause between two attempts to lock the folder, which is held only for a few file operations.
const PAUSE: Duration = Duration::from_millis(20);

/// Number of attempts to lock the folder.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// About 5 seconds: no work can begin without it.
    Joining = 250,
    /// One second: the next worker removes the files that stay behind.
    Leaving = 50,
    /// A tenth of a second: the question is soon asked again.
    Looking = 5,
}

/// The reason why the folder cannot be used.
#[derive(Debug)]
pub(super) enum Unusable {
    /// Another process keeps it locked; its id, if the system reveals it.
    Held(Option<u32>),
    Failed(io::Error),
}

impl From<io::Error> for Unusable {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The folder, locked for as long as this value lives.
#[derive(Debug)]
#[must_use = "it is locked only while this lives"]
pub(super) struct Locked(
    #[expect(dead_code, reason = "the lock is given back when the file is closed")] File,
);

/// The folder beside a catalog.
#[derive(Debug)]
pub(super) struct Folder {
    catalog: PathBuf,
    path: PathBuf,
}

impl Folder {
    pub(super) fn beside(catalog: &Path) -> Self {
        let mut path = catalog.as_os_str().to_owned();
        path.push(".workers");
        Self { catalog: catalog.to_owned(), path: path.into() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates the folder for its owner only. Closes one created by an older version to others.
    pub(super) fn create(&self) -> io::Result<()> {
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, private::FOLDER_MODE);
        let is_new = match builder.create(&self.path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.path.is_dir() => false,
            Err(error) => return Err(error),
        };
        #[cfg(unix)]
        private::close(&self.path, is_new.then_some(&self.catalog))?;
        #[cfg(not(unix))]
        let _ = is_new;
        Ok(())
    }

    /// Opens a file in the folder; creates it, for its owner only, if it is missing.
    pub(super) fn open_or_create(&self, name: &str) -> io::Result<File> {
        loop {
            match self.open(name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => return opened,
            }
            let mut options = options();
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, private::FILE_MODE);
            match options.create_new(true).open(self.path.join(name)) {
                // Another process has created it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(file) => {
                    #[cfg(unix)]
                    private::close_new(&file, private::FILE_MODE, &self.catalog)?;
                    return Ok(file);
                }
            }
        }
    }

    /// Opens an existing file in the folder.
    pub(super) fn open(&self, name: &str) -> io::Result<File> {
        options().open(self.path.join(name))
    }

    /// Removes a file; a missing file is not an error.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Returns the names of its files.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?.map(|entry| entry.map(|entry| entry.file_name().into_string()));
        names.filter_map(|name| name.map(Result::ok).transpose()).collect()
    }

    /// Locks the folder, with as many attempts as `patience` allows; never waits indefinitely.
    pub(super) fn lock(&self, patience: Patience) -> Result<Locked, Unusable> {
        // Never removed: two processes could otherwise lock two files of this name.
        let file = self.open_or_create(FOLDER_LOCK)?;
        for _ in 0..patience as u32 {
            if try_lock(&file)? {
                return Ok(Locked(file));
            }
            pause();
        }
        Err(Unusable::Held(holder(&file)))
    }

    /// Returns the port's error: what cannot be used, why, and what to do.
    pub(super) fn error(&self, unusable: Unusable) -> CatalogError {
        match unusable {
            Unusable::Held(holder) => CatalogError::new(
                CatalogErrorKind::Unavailable,
                format!(
                    "cannot use the workers' locks: {} has held the lock of {} for seconds, which no engine \
                     does: end that process and try again",
                    who(holder),
                    self.path.join(FOLDER_LOCK).display()
                ),
            ),
            Unusable::Failed(error) => CatalogError::with_source(
                CatalogErrorKind::Unavailable,
                format!(
                    "cannot use the workers' locks in {}: check that the folder may be written by the user \
                     who runs the engine, and that this user owns it",
                    self.path.display()
                ),
                error,
            ),
        }
    }
}

/// Read and write, since some systems lock only writable files. Links are not followed: none of our files is
/// behind one.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, private::NOFOLLOW);
    options
}

/// Takes the lock of a file if it is free; never waits.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Names a holder for messages.
pub(super) fn who(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"))
}

/// Returns the process that has locked a file, according to the system's list. `None` if there is no such
/// list or the process lives in another namespace.
#[cfg(target_os = "linux")]
pub(super) fn holder(file: &File) -> Option<u32> {
    let inode = std::os::unix::fs::MetadataExt::ino(&file.metadata().ok()?).to_string();
    // proc_locks(5): `1: FLOCK  ADVISORY  WRITE 1234 fe:00:56789 0 EOF`.
    fs::read_to_string("/proc/locks").ok()?.lines().find_map(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (kind, process) = (columns.next()?, columns.nth(2)?);
        let is_of_file = kind == "FLOCK" && columns.next()?.rsplit(':').next()? == inode;
        // 0 stands for a process of another namespace, and a negative number does not parse.
        if is_of_file { process.parse().ok().filter(|id| *id > 0) } else { None }
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn holder(_file: &File) -> Option<u32> {
    None
}

/// Yields to others. No clock measures the pause; it only keeps the loop from spinning.
fn pause() {
    let never = Mutex::new(());
    let guard = never.lock().unwrap_or_else(PoisonError::into_inner);
    drop(Condvar::new().wait_timeout(guard, PAUSE));
}

#[cfg(unix)]
mod private {
    use std::fs::{File, OpenOptions, Permissions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
    use std::path::{Path, PathBuf};

    use rustix::fs::OFlags;

    pub(super) const FOLDER_MODE: u32 = 0o700;
    pub(super) const FILE_MODE: u32 = 0o600;
    pub(super) const NOFOLLOW: i32 = OFlags::NOFOLLOW.bits().cast_signed();

    /// Closes the folder to everyone but its owner. Leaves alone one that belongs to another user or is a
    /// link: that is its owner's business.
    pub(super) fn close(folder: &Path, new_beside: Option<&PathBuf>) -> io::Result<()> {
        if folder.symlink_metadata()?.is_symlink() {
            return Ok(());
        }
        // Change the opened folder, not the path, which somebody could make a link meanwhile.
        let folder = OpenOptions::new().read(true).custom_flags(NOFOLLOW).open(folder)?;
        match new_beside {
            Some(catalog) => close_new(&folder, FOLDER_MODE, catalog),
            None => unless_denied(restrict(&folder, FOLDER_MODE)),
        }
    }

    /// Does the same for a new file or folder. If root created it, it goes to the owner of the catalog, whose
    /// engine has to keep working; SQLite treats its own files in the same way.
    pub(super) fn close_new(made: &File, mode: u32, catalog: &Path) -> io::Result<()> {
        if let Ok(owner) = catalog.metadata()
            && made.metadata()?.uid() != owner.uid()
        {
            unless_denied(fchown(made, Some(owner.uid()), Some(owner.gid())))?;
        }
        restrict(made, mode)
    }

    /// Sets exactly these permissions, whatever the umask was.
    fn restrict(file: &File, mode: u32) -> io::Result<()> {
        if file.metadata()?.mode() & 0o7777 == mode {
            return Ok(());
        }
        file.set_permissions(Permissions::from_mode(mode))
    }

    /// Only the owner of a file, and root, may change its owner and permissions.
    fn unless_denied(changed: io::Result<()>) -> io::Result<()> {
        match changed {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(folder: &Path) -> Folder {
        let catalog = folder.join("cdds.db");
        fs::write(&catalog, "").unwrap();
        Folder::beside(&catalog)
    }

    #[test]
    fn whoever_keeps_the_folder_locked_is_named_and_nobody_waits_for_ever() {
        let place = tempfile::tempdir().unwrap();
        let folder = beside(place.path());
        folder.create().unwrap();
        let held = folder.lock(Patience::Looking).unwrap();
        let refused = folder.lock(Patience::Looking).unwrap_err();
        let told = folder.error(refused).to_string();
        let lock = folder.path().join("folder").display().to_string();
        for words in [lock.as_str(), "end that process and try again"] {
            assert!(told.contains(words), "{words:?} is not in {told:?}");
        }
        #[cfg(target_os = "linux")]
        assert!(told.contains(&format!("process {} has held", std::process::id())), "{told}");
        drop(held);
        drop(folder.lock(Patience::Looking).unwrap());
    }

    #[test]
    fn who_asks_while_it_is_held_for_a_moment_gets_it_after_that() {
        let place = tempfile::tempdir().unwrap();
        let folder = beside(place.path());
        folder.create().unwrap();
        let held = folder.lock(Patience::Looking).unwrap();
        std::thread::scope(|scope| {
            let other = scope.spawn(|| folder.lock(Patience::Joining).map(drop));
            pause();
            drop(held);
            other.join().unwrap().unwrap();
        });
    }

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        std::os::unix::fs::MetadataExt::mode(&fs::symlink_metadata(path).unwrap()) & 0o7777
    }

    #[test]
    #[cfg(unix)]
    fn folder_and_files_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let folder = beside(place.path());
        folder.create().unwrap();
        drop(folder.lock(Patience::Looking).unwrap());
        let file = folder.path().join("folder");
        assert_eq!((mode(folder.path()), mode(&file)), (0o700, 0o600));

        // As an older version created it.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        folder.create().unwrap();
        assert_eq!(mode(folder.path()), 0o700);
    }

    #[test]
    #[cfg(unix)]
    fn what_lies_behind_a_link_stays_as_it_is() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let place = tempfile::tempdir().unwrap();
        let folder = beside(place.path());
        let elsewhere = place.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(&elsewhere, folder.path()).unwrap();
        folder.create().unwrap();
        assert_eq!(mode(&elsewhere), 0o755);

        symlink(place.path().join("made"), folder.path().join("folder")).unwrap();
        assert!(matches!(folder.lock(Patience::Looking), Err(Unusable::Failed(_))));
        assert!(!place.path().join("made").exists());
    }
}
