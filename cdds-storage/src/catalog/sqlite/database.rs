//! The catalog file: one connection for writing, some for reading, and the locks of the workers.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
use cdds_core::ports::clock::Clock;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::super::sql::database::{Database, Look, Writing};
use super::super::sql::fault::Fault;
use super::super::sql::transaction::Transaction;
use super::reader::{self, Reader};
use super::schema;
use super::workers::WorkerLocks;
use crate::private;

/// Number of prepared statements that a connection keeps. The steps of an execution's life take about 60.
const STATEMENTS_MAX: usize = 128;

/// How long a statement waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a change that leaves no traces waits for those who read in the write-ahead log.
const TRACES_TIMEOUT: Duration = Duration::from_secs(2);

/// How many calls read at a time. Each has a connection, which keeps its statements and its part of the file.
pub(super) const READERS_MAX: usize = 4;

/// How often a read is repeated because the file has changed meanwhile. The next one finds it in use, and takes part.
const READS_MAX: u32 = 5;

/// Maximum number of attempts to switch a new file to the write-ahead log.
const WAL_TRIES_MAX: u32 = 100;

/// An open catalog file.
pub(in crate::catalog) struct SqliteDatabase {
    path: PathBuf,
    /// The only writing connection; none for somebody who only reads.
    writer: Option<Mutex<Writer>>,
    readers: Mutex<Vec<Reader>>,
    workers: WorkerLocks,
    claims: Mutex<()>,
}

/// The only writing connection.
struct Writer {
    connection: Connection,
    /// The setting; unknown at first and after it could not be set.
    synchronous: Option<&'static str>,
    /// Whether what is deleted is overwritten; unknown likewise.
    overwrites: Option<bool>,
    /// Whether the write-ahead log holds what must not stay on disk.
    has_traces: bool,
}

impl Writer {
    /// Begins a transaction that takes the write lock at once.
    fn begin(&mut self, writing: Writing) -> rusqlite::Result<rusqlite::Transaction<'_>> {
        let synchronous = match writing {
            Writing::Change | Writing::Claim | Writing::Private => "FULL",
            Writing::Sign | Writing::Beat => "NORMAL",
        };
        if self.synchronous != Some(synchronous) {
            self.synchronous = None;
            // Outside of the transaction, since SQLite refuses to change this within one.
            self.connection.pragma_update(None, "synchronous", synchronous)?;
            self.synchronous = Some(synchronous);
        }
        let overwrites = writing == Writing::Private;
        if self.overwrites != Some(overwrites) {
            self.overwrites = None;
            self.connection.query_row(
                &format!("PRAGMA secure_delete = {}", u8::from(overwrites)),
                [],
                |_| Ok(()),
            )?;
            self.overwrites = Some(overwrites);
        }
        self.has_traces |= overwrites;
        self.connection.transaction_with_behavior(TransactionBehavior::Immediate)
    }

    /// Empties the write-ahead log if it holds what must not stay on disk: its pages go into the file, where newer ones
    /// overwrite older ones, and its own file is cut. Waits a moment for those who still read in it, after a change that
    /// asks for it; otherwise whoever writes next tries again.
    fn remove_traces(&mut self, writing: Writing) {
        if !self.has_traces {
            return;
        }
        let wait = if writing == Writing::Private { TRACES_TIMEOUT } else { Duration::ZERO };
        let truncate = || -> rusqlite::Result<bool> {
            self.connection.busy_timeout(wait)?;
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        };
        // The change is stored all the same.
        self.has_traces = truncate().unwrap_or(true);
        let _restored = self.connection.busy_timeout(BUSY_TIMEOUT);
    }
}

impl fmt::Debug for SqliteDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteDatabase").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteDatabase {
    /// Opens or creates the file and brings its schema up to date.
    pub(super) fn open(path: &Path) -> Result<Self, CatalogError> {
        // Make it absolute: the working folder may change, and `:memory:` is treated like any other file.
        let absolute = std::path::absolute(path).map_err(|error| unusable(path, error))?;
        let fault = |fault: Fault| fault.into_error("read the schema", &absolute);
        if absolute.is_dir() {
            let why = format!("the catalog {} is a folder: name a file in it", absolute.display());
            return Err(CatalogError::new(CatalogErrorKind::Corrupt, why));
        }
        if !absolute.exists() {
            // SQLite copies this file's permissions to its other files. If creating it fails, SQLite reports
            // the reason.
            let _made = private::create_file(&absolute);
        }
        let writer = open_writer(&absolute).map_err(fault)?;
        // The locks are beside the file itself, whichever links lead to it.
        let path = absolute.canonicalize().map_err(|error| unusable(path, error))?;
        let workers = WorkerLocks::beside(&path);
        Ok(Self {
            path,
            writer: Some(Mutex::new(Writer {
                connection: writer,
                synchronous: None,
                overwrites: None,
                has_traces: false,
            })),
            readers: Mutex::new(Vec::new()),
            workers,
            claims: Mutex::new(()),
        })
    }

    /// Opens the file of an up-to-date catalog without changing anything, for reading alone.
    pub(super) fn open_to_read(path: &Path) -> Result<Self, CatalogError> {
        let path = path.canonicalize().map_err(|error| unusable(path, error))?;
        let reader = Reader::alone(&path).map_err(|fault| fault.into_error("read the schema", &path))?;
        let workers = WorkerLocks::beside(&path);
        let readers = Mutex::new(vec![reader]);
        Ok(Self { path, writer: None, readers, workers, claims: Mutex::new(()) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the only writing connection. A thread that panicked has rolled back, so the connection in a
    /// poisoned mutex is still good.
    fn writer(&self, doing: &str) -> Result<MutexGuard<'_, Writer>, CatalogError> {
        match &self.writer {
            Some(writer) => Ok(writer.lock().unwrap_or_else(PoisonError::into_inner)),
            None => Err(CatalogError::new(
                CatalogErrorKind::Unavailable,
                format!(
                    "cannot {doing} in the catalog {}: it is open for reading alone",
                    self.path.display()
                ),
            )),
        }
    }

    fn idle_readers(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a reader of the present state.
    fn reader(&self) -> Result<Reader, Fault> {
        match self.idle_readers().pop().filter(|reader| reader.is_current(&self.path)) {
            Some(reader) => Ok(reader),
            None if self.writer.is_some() => Reader::beside_writer(&self.path),
            None => Reader::alone(&self.path),
        }
    }

    /// Keeps a reader whose transaction has ended. One that failed is closed.
    fn keep(&self, reader: Reader) {
        let mut idle = self.idle_readers();
        if idle.len() < READERS_MAX {
            idle.push(reader);
        }
    }
}

/// The file, used by a clock.
pub(in crate::catalog) struct Timed<'a> {
    pub(super) database: &'a SqliteDatabase,
    pub(super) clock: &'a dyn Clock,
}

impl Database for Timed<'_> {
    type Workers = WorkerLocks;

    /// Takes the write lock at once, so that the transaction never has to yield to another writer halfway.
    fn write<T>(
        &self,
        writing: Writing,
        doing: &str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, CatalogError> {
        let mut writer = self.database.writer(doing)?;
        let mut run = || {
            let begun = writer.begin(writing)?;
            let transaction = Transaction::sqlite(begun, self.clock);
            // An error rolls back: the transaction is dropped without a commit.
            let value = body(&transaction)?;
            transaction.into_sqlite().map_or(Ok(()), rusqlite::Transaction::commit)?;
            Ok(value)
        };
        let stored = run();
        writer.remove_traces(writing);
        stored.map_err(|fault: Fault| fault.into_error(doing, &self.database.path))
    }

    fn read<T>(
        &self,
        doing: &str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, CatalogError> {
        let Self { database, clock } = self;
        let run = || {
            for _ in 0..READS_MAX {
                let mut reader = database.reader()?;
                let transaction = Transaction::sqlite(reader.connection.transaction()?, *clock);
                let value = body(&transaction);
                let ended = transaction.into_sqlite().map_or(Ok(()), rusqlite::Transaction::finish);
                // A file that changes while it is read without locks may look like anything.
                if reader.is_steady(&database.path) {
                    ended?;
                    database.keep(reader);
                    return value;
                }
            }
            Err(reader::changed(&database.path))
        };
        run().map_err(|fault: Fault| fault.into_error(doing, &database.path))
    }

    fn workers(&self) -> &WorkerLocks {
        &self.database.workers
    }

    fn is_to_look(&self, _: DateTime<Utc>) -> bool {
        true
    }

    fn has_looked(&self, _: Look) {}

    fn claims(&self) -> MutexGuard<'_, ()> {
        self.database.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn connect(path: &Path, create: OpenFlags) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    Ok(connection)
}

/// Sets what every connection needs.
pub(super) fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(())
}

fn open_writer(path: &Path) -> Result<Connection, Fault> {
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_CREATE)?;
    // Before the journal mode is switched, which changes the file: it may be another program's.
    schema::check(&mut connection, path)?;
    // SQLite opens a file that may only be read, and would refuse no earlier than the first change.
    if connection.is_readonly("main")? {
        let why = format!(
            "the catalog {} may not be written by this user: check the permissions of the file and of its folder",
            path.display()
        );
        return Err(Fault::Refused(CatalogError::new(CatalogErrorKind::Unavailable, why)));
    }
    let mode = write_ahead(&connection)?;
    if mode != "wal" {
        return Err(Fault::Refused(CatalogError::new(
            CatalogErrorKind::Unavailable,
            format!(
                "the catalog {} cannot keep a write-ahead log (journal mode {mode}): \
                 put it on a local file system",
                path.display()
            ),
        )));
    }
    schema::migrate(&mut connection)?;
    Ok(connection)
}

/// Switches to the write-ahead log. If two processes do this to a new file at the same time, SQLite fails
/// both at once, whatever the time-out; so wait for the other one and try again.
fn write_ahead(connection: &Connection) -> Result<String, rusqlite::Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0)) {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && tries < WAL_TRIES_MAX =>
            {
                // This waits for the other process within the time-out, which the switch itself does not.
                connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK;")?;
            }
            outcome => return outcome,
        }
    }
}

fn unusable(path: &Path, error: std::io::Error) -> CatalogError {
    CatalogError::with_source(
        CatalogErrorKind::Unavailable,
        format!("cannot open the catalog {}: its path cannot be resolved", path.display()),
        error,
    )
}
