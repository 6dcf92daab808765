//! The embedded default: a catalog in one SQLite file, shared by any number of processes on one machine.
//!
//! It uses a write-ahead log, `synchronous=FULL` (commits survive a power cut; beats, which are repeated
//! every second, survive only a crash of the process), STRICT tables, foreign keys, and `BEGIN IMMEDIATE` for
//! every write. A process waits up to 10 seconds for another one that is writing. All work with the file is
//! done on the threads of [`blocking`], never on the polling one: at most four calls read at a time, and one writes. The
//! others wait in the order in which they came, without a thread.
//!
//! Beside the file are SQLite's own `-wal` and `-shm` and the folder `<file>.workers` with the locks that
//! show whether a worker is alive. Only its owner may enter that folder, since whoever can open a lock can
//! hold it. The file system must be a local one.

mod database;
mod fault;
#[cfg(feature = "postgres")]
pub(super) mod leaving;
#[cfg(test)]
pub(super) mod plan;
mod reader;
mod schema;
mod workers;

use std::path::Path;
use std::sync::Arc;

use cdds_core::ports::catalog::CatalogError;
use cdds_core::ports::clock::Clock;
use cdds_core::system::SystemClock;
use chrono::{DateTime, SubsecRound, Utc};

use self::database::{READERS_MAX, SqliteDatabase, Timed};
use super::gate::Gate;
use super::sql::database::{Database, Writing};
use super::sql::fault::Fault;
use super::sql::jobs;
use super::sql::transaction::Transaction;

/// A [`Catalog`](cdds_core::ports::catalog::Catalog) in an SQLite file.
///
/// Titles and file names are sorted and searched without regard to case. A worker that claims is alive as
/// long as this object: dropping it, and every call in progress, lets other workers take over at once.
#[derive(Debug)]
pub struct SqliteCatalog {
    database: Arc<SqliteDatabase>,
    clock: Arc<dyn Clock>,
    readers: Gate,
    writers: Gate,
}

impl SqliteCatalog {
    /// Opens the catalog at `path`, creates the file if necessary (but not its folder), and brings its schema
    /// up to date. Blocks meanwhile, up to 10 seconds if another process is migrating it.
    ///
    /// # Errors
    /// [`NewerSchema`](cdds_core::ports::catalog::CatalogErrorKind::NewerSchema) if a newer program has
    /// migrated it; [`Corrupt`](cdds_core::ports::catalog::CatalogErrorKind::Corrupt) if the file is damaged
    /// or of another kind; [`Unavailable`](cdds_core::ports::catalog::CatalogErrorKind::Unavailable) if it
    /// cannot be opened or another process holds it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, CatalogError> {
        Ok(Self::over(SqliteDatabase::open(path.as_ref())?))
    }

    /// Opens an existing catalog for reading alone, by whoever may read its file: nothing is created, written or
    /// brought up to date, whether or not the folder can be written or has room. A catalog that other processes use,
    /// or that was left by a crash, is read with its log. Every change fails with
    /// [`Unavailable`](cdds_core::ports::catalog::CatalogErrorKind::Unavailable).
    ///
    /// # Errors
    /// [`Unavailable`](cdds_core::ports::catalog::CatalogErrorKind::Unavailable) if there is no such file, if it may
    /// not be read, or if it was written by an older program, whose schema only a user who may write brings up to
    /// date; otherwise those of [`open`](Self::open).
    pub fn open_to_read(path: impl AsRef<Path>) -> Result<Self, CatalogError> {
        Ok(Self::over(SqliteDatabase::open_to_read(path.as_ref())?))
    }

    fn over(database: SqliteDatabase) -> Self {
        let (readers, writers) = (Gate::of(READERS_MAX), Gate::of(1));
        Self { database: Arc::new(database), clock: Arc::new(SystemClock::new()), readers, writers }
    }

    /// Goes by another clock than the system's, for tests and to carry out a command as of another instant
    /// ([`WorkQueue::now`](cdds_core::ports::catalog::WorkQueue::now)). All processes that share the file
    /// should go by the same clock, which those of one machine do.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Returns the path of the catalog's file, absolute and without links.
    pub fn path(&self) -> &Path {
        self.database.path()
    }

    /// Whether jobs of any owner but the default one are stored here. For the operator of the service: an owner
    /// is not told of others (rule J15).
    ///
    /// # Errors
    /// [`Unavailable`](cdds_core::ports::catalog::CatalogErrorKind::Unavailable) if the file cannot be read;
    /// [`Corrupt`](cdds_core::ports::catalog::CatalogErrorKind::Corrupt) if it is damaged.
    pub async fn has_other_owners(&self) -> Result<bool, CatalogError> {
        self.read("look for other owners", jobs::has_other_owners).await
    }

    /// Does at once what an engine cannot wait for: its claims and its beats, of which there are few.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Timed<'_>) -> Result<T, CatalogError> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let (database, clock) = (Arc::clone(&self.database), Arc::clone(&self.clock));
        blocking::unblock(move || work(&Timed { database: &database, clock: &*clock })).await
    }

    /// Does what only reads, when it is its turn.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Timed<'_>) -> Result<T, CatalogError> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let pass = self.readers.enter().await;
        self.run(move |database| {
            let _pass = pass;
            work(database)
        })
        .await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, CatalogError> {
        self.look(move |database| database.read(doing, body)).await
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let pass = self.writers.enter().await;
        self.run(move |database| {
            let _pass = pass;
            database.write(Writing::Change, doing, body)
        })
        .await
    }

    /// Stores a change that leaves as little as possible of what it replaces, when it is its turn.
    pub(super) async fn write_private<T: Send + 'static>(
        &self,
        doing: &'static str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let pass = self.writers.enter().await;
        self.run(move |database| {
            let _pass = pass;
            database.write(Writing::Private, doing, body)
        })
        .await
    }

    /// Returns what the clock shows, in the precision in which instants are stored.
    #[expect(clippy::unused_async, reason = "the clock of a server has to be asked")]
    pub(super) async fn present(&self) -> Result<DateTime<Utc>, CatalogError> {
        Ok(self.clock.now().trunc_subsecs(6))
    }
}
