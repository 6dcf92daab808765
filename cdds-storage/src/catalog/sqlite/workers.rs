//! Whether workers are alive: each holds a lock file for as long as its catalog object lives.
//!
//! The operating system releases a lock when its process ends, in whatever way. So a lock that can be taken
//! means a dead worker, whose executions are taken over at once, without waiting for the lease. The files are
//! in `<catalog file>.workers/`. Every access to them holds the lock of the folder, so that nobody finds a
//! file between its creation and its locking, or locks one that is being removed.
//!
//! None of this happens inside a transaction: a process that holds up a lock must not hold up the database
//! too. Probing a lock never waits for it. A worker whose lock cannot be examined counts as alive, and its
//! lease decides.

mod folder;

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cdds_core::domain::id::WorkerId;
use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
use sha2::{Digest, Sha256};

use self::folder::{Folder, Patience, Unusable, holder, try_lock, who};
use super::super::sql::database::{Presence, Registration};

/// The longest worker id that serves as a file name directly; file systems allow 255 bytes.
const NAME_BYTES_MAX: usize = 200;

/// The locks that this catalog object holds.
#[derive(Debug)]
pub(in crate::catalog) struct WorkerLocks {
    folder: Folder,
    held: Mutex<HashMap<WorkerId, File>>,
}

impl Presence for WorkerLocks {
    fn sees_the_dead(&self) -> bool {
        true
    }

    fn register(&self, worker: &WorkerId) -> Result<Registration, CatalogError> {
        let mut held = self.held();
        if held.contains_key(worker) {
            return Ok(Registration::Held);
        }
        let name = file_name(worker);
        let lock = || -> Result<Result<File, Option<u32>>, Unusable> {
            self.folder.create()?;
            let _folder = self.folder.lock(Patience::Joining)?;
            // Under the folder's lock, where no file is between its creation and its locking.
            self.remove_dead(&held)?;
            let file = self.folder.open_or_create(&name)?;
            Ok(if try_lock(&file)? { Ok(file) } else { Err(holder(&file)) })
        };
        match lock().map_err(|unusable| self.folder.error(unusable))? {
            Ok(file) => {
                held.insert(worker.clone(), file);
                Ok(Registration::Fresh)
            }
            Err(holder) => Err(CatalogError::new(
                CatalogErrorKind::Conflict,
                format!(
                    "another engine is already working as {worker} on this catalog ({} holds {}): give each \
                     engine a worker id of its own",
                    who(holder),
                    self.folder.path().join(name).display()
                ),
            )),
        }
    }

    /// Whether a worker is known to be dead; removes the file of a dead one. This cannot be known while
    /// another process keeps the folder locked; its lease decides then.
    fn is_dead(&self, worker: &WorkerId) -> Result<bool, CatalogError> {
        if self.held().contains_key(worker) {
            return Ok(false);
        }
        let name = file_name(worker);
        let probe = || -> Result<bool, Unusable> {
            // Locking the folder below would fail without it, and whoever holds a lock has created it.
            if !self.folder.path().is_dir() {
                return Ok(true);
            }
            let _folder = self.folder.lock(Patience::Looking)?;
            let file = match self.folder.open(&name) {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(true),
                Err(error) => return Err(error.into()),
            };
            // Its removal below happens under both locks, so no new worker of this name can have it open
            // meanwhile.
            let dead = try_lock(&file)?;
            if dead {
                self.folder.remove(&name)?;
            }
            Ok(dead)
        };
        match probe() {
            Ok(dead) => Ok(dead),
            Err(Unusable::Held(holder)) => {
                tracing::debug!(%worker, "cannot tell whether it lives: {} keeps the folder locked", who(holder));
                Ok(false)
            }
            Err(unusable) => Err(self.folder.error(unusable)),
        }
    }

    /// Whether the process of a worker is alive, for display: creates, removes and waits for nothing. Returns
    /// `None` if that cannot be known, for example by a user who may not open the file.
    fn process_lives(&self, worker: &WorkerId) -> Option<bool> {
        if self.held().contains_key(worker) {
            return Some(true);
        }
        match self.folder.open(&file_name(worker)) {
            // A shared lock, so that two observers do not mistake each other for the worker.
            Ok(file) => match file.try_lock_shared() {
                Ok(()) => Some(false),
                Err(TryLockError::WouldBlock) => Some(true),
                Err(TryLockError::Error(_)) => None,
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(false),
            Err(_) => None,
        }
    }

    fn release(&self, worker: &WorkerId) {
        let file = self.held().remove(worker);
        self.let_go(worker, file);
    }
}

impl WorkerLocks {
    /// Returns the locks beside a catalog file; creates nothing before a worker registers.
    pub(super) fn beside(catalog: &Path) -> Self {
        Self { folder: Folder::beside(catalog), held: Mutex::default() }
    }

    /// Removes the files of dead workers. Nobody asks about a worker that died before it had claimed
    /// anything, so its file is found only here.
    fn remove_dead(&self, held: &HashMap<WorkerId, File>) -> std::io::Result<()> {
        for name in self.folder.names()? {
            let is_ours = held.keys().any(|worker| file_name(worker) == name);
            if !is_ours && name.ends_with(LOCK_SUFFIX) && try_lock(&self.folder.open(&name)?)? {
                self.folder.remove(&name)?;
            }
        }
        Ok(())
    }

    /// Removes the file while it is locked. On failure this is left to the next worker that looks.
    fn let_go(&self, worker: &WorkerId, file: Option<File>) {
        let remove = || -> Result<(), Unusable> {
            let _folder = self.folder.lock(Patience::Leaving)?;
            Ok(self.folder.remove(&file_name(worker))?)
        };
        if let Err(unusable) = remove() {
            let why = self.folder.error(unusable);
            tracing::debug!(%worker, "cannot remove the lock file of a worker: {why}");
        }
        // Unlock only now: while the lock was held, nobody took the name for that of a dead worker.
        drop(file);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<WorkerId, File>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const LOCK_SUFFIX: &str = ".lock";

fn file_name(worker: &WorkerId) -> String {
    let id = worker.as_str();
    if id.len() <= NAME_BYTES_MAX {
        return format!("{id}{LOCK_SUFFIX}");
    }
    let name: String = Sha256::digest(id).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name}{LOCK_SUFFIX}")
}

impl Drop for WorkerLocks {
    fn drop(&mut self) {
        let held = std::mem::take(&mut *self.held());
        for (worker, file) in held {
            self.let_go(&worker, Some(file));
        }
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
