//! Whether workers are alive: each holds a lock file for as long as its catalog object lives.
//!
//! The operating system gives a lock back when its process ends, however it ends, so that a lock that
//! can be taken means a dead worker: its executions are taken over at once, without waiting for the
//! lease. The files lie in `<catalog file>.workers/`. Whoever touches them holds the lock of the folder,
//! so that nobody finds a file between its creation and its locking, or locks one that is removed.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cdds_core::domain::id::WorkerId;
use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
use sha2::{Digest, Sha256};

/// The longest worker id that is a file name by itself; file systems allow 255 bytes.
const NAME_BYTES_MAX: usize = 200;

/// How a worker came to its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registration {
    /// This catalog object held it before.
    Held,
    /// Just now: an earlier worker of the same id is dead.
    Fresh,
}

/// The locks that this catalog object holds.
#[derive(Debug)]
pub(super) struct WorkerLocks {
    folder: PathBuf,
    held: Mutex<HashMap<WorkerId, File>>,
}

impl WorkerLocks {
    /// The locks beside a catalog file; nothing is created before a worker registers.
    pub(super) fn beside(catalog: &Path) -> Self {
        let mut folder = catalog.as_os_str().to_owned();
        folder.push(".workers");
        Self { folder: folder.into(), held: Mutex::default() }
    }

    /// Takes the lock of a worker, before the worker is named in the database.
    pub(super) fn register(&self, worker: &WorkerId) -> Result<Registration, CatalogError> {
        let mut held = self.held();
        if held.contains_key(worker) {
            return Ok(Registration::Held);
        }
        let path = self.file(worker);
        let lock = || -> io::Result<Option<File>> {
            std::fs::create_dir_all(&self.folder)?;
            let _folder = self.lock_folder()?;
            self.remove_dead(&held)?;
            let file = open(&path, true)?;
            Ok(try_lock(&file)?.then_some(file))
        };
        match lock().map_err(|error| self.unusable(error))? {
            Some(file) => {
                held.insert(worker.clone(), file);
                Ok(Registration::Fresh)
            }
            None => Err(CatalogError::new(
                CatalogErrorKind::Conflict,
                format!(
                    "another engine works as {worker} on this catalog (it holds {}): \
                     give each engine a worker id of its own",
                    path.display()
                ),
            )),
        }
    }

    /// Whether a worker is dead; the file of a dead one is removed.
    pub(super) fn is_dead(&self, worker: &WorkerId) -> Result<bool, CatalogError> {
        if self.held().contains_key(worker) {
            return Ok(false);
        }
        let path = self.file(worker);
        let probe = || -> io::Result<bool> {
            let _folder = self.lock_folder()?;
            let file = match open(&path, false) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
                Err(error) => return Err(error),
            };
            let dead = try_lock(&file)?;
            if dead {
                remove(&path)?;
            }
            Ok(dead)
        };
        probe().map_err(|error| self.unusable(error))
    }

    /// Removes the files of workers that are gone: of those that died before they had anything nobody asks.
    fn remove_dead(&self, held: &HashMap<WorkerId, File>) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let is_ours = held.keys().any(|worker| self.file(worker) == path);
            if !is_ours && path.extension() == Some("lock".as_ref()) && try_lock(&open(&path, false)?)? {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Gives the lock of a worker back.
    pub(super) fn release(&self, worker: &WorkerId) {
        let file = self.held().remove(worker);
        self.let_go(worker, file);
    }

    /// Removes the file while it is locked. What fails here is left to the next worker that looks.
    fn let_go(&self, worker: &WorkerId, file: Option<File>) {
        let removed = self.lock_folder().and_then(|_folder| {
            let removed = remove(&self.file(worker));
            drop(file);
            removed
        });
        if let Err(error) = removed {
            tracing::debug!(%worker, "cannot remove the lock file of a worker: {error}");
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<WorkerId, File>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held for a few file operations only, so that waiting for it is short.
    fn lock_folder(&self) -> io::Result<File> {
        let file = open(&self.folder.join("folder"), true)?;
        file.lock()?;
        Ok(file)
    }

    fn file(&self, worker: &WorkerId) -> PathBuf {
        let id = worker.as_str();
        if id.len() <= NAME_BYTES_MAX {
            return self.folder.join(format!("{id}.lock"));
        }
        let name: String = Sha256::digest(id).iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{name}.lock"))
    }

    fn unusable(&self, error: io::Error) -> CatalogError {
        CatalogError::with_source(
            CatalogErrorKind::Unavailable,
            format!(
                "cannot use the locks of the workers in {}: check that the folder may be written",
                self.folder.display()
            ),
            error,
        )
    }
}

impl Drop for WorkerLocks {
    fn drop(&mut self) {
        let held = std::mem::take(&mut *self.held());
        for (worker, file) in held {
            self.let_go(&worker, Some(file));
        }
    }
}

fn open(path: &Path, create: bool) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(create).truncate(false).open(path)
}

fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(name: &str) -> WorkerId {
        WorkerId::new(name).unwrap()
    }

    fn files(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_worker_lives_as_long_as_its_catalog_object() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = folder.path().join("cdds.db");
        let (one, other) = (WorkerLocks::beside(&catalog), WorkerLocks::beside(&catalog));
        assert_eq!(one.register(&worker("a")).unwrap(), Registration::Fresh);
        assert_eq!(one.register(&worker("a")).unwrap(), Registration::Held);
        other.register(&worker("b")).unwrap();
        assert!(!one.is_dead(&worker("a")).unwrap() && !other.is_dead(&worker("a")).unwrap());
        drop(one);
        assert!(other.is_dead(&worker("a")).unwrap());
        assert_eq!(files(&folder.path().join("cdds.db.workers")), ["b.lock", "folder"]);
    }

    #[test]
    fn the_file_of_a_crashed_worker_is_removed_by_who_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let locks = WorkerLocks::beside(&folder.path().join("cdds.db"));
        locks.register(&worker("a")).unwrap();
        std::fs::write(folder.path().join("cdds.db.workers/crashed.lock"), "").unwrap();
        assert!(locks.is_dead(&worker("crashed")).unwrap());
        assert!(locks.is_dead(&worker("never-seen")).unwrap());
        assert_eq!(files(&folder.path().join("cdds.db.workers")), ["a.lock", "folder"]);
    }

    #[test]
    fn the_files_of_workers_that_died_before_they_had_anything_are_removed_by_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = folder.path().join("cdds.db");
        let (one, other) = (WorkerLocks::beside(&catalog), WorkerLocks::beside(&catalog));
        one.register(&worker("a")).unwrap();
        std::fs::write(folder.path().join("cdds.db.workers/crashed.lock"), "").unwrap();
        std::fs::write(folder.path().join("cdds.db.workers/notes.txt"), "").unwrap();
        other.register(&worker("b")).unwrap();
        other.register(&worker("c")).unwrap();
        assert_eq!(
            files(&folder.path().join("cdds.db.workers")),
            ["a.lock", "b.lock", "c.lock", "folder", "notes.txt"]
        );
    }

    #[test]
    fn an_id_is_for_one_engine() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = folder.path().join("cdds.db");
        let (one, other) = (WorkerLocks::beside(&catalog), WorkerLocks::beside(&catalog));
        // Longer than a file name may be: 255 characters of four bytes.
        let long = worker(&"𠀀".repeat(255));
        one.register(&long).unwrap();
        let refused = other.register(&long).unwrap_err();
        assert_eq!(refused.kind(), CatalogErrorKind::Conflict);
        assert!(refused.to_string().contains("a worker id of its own"), "{refused}");
        one.release(&long);
        assert_eq!(other.register(&long).unwrap(), Registration::Fresh);
    }
}
