//! Rows that are set aside, so that the database can be released before its records are.
//!
//! In rollback journal mode a reader keeps everybody from committing. Compressing, sealing and storing take
//! much longer than reading. So rows wait in a temporary table of SQLite's own if the consumer does not keep
//! up, and the lock is released once the last one has been read. Rows of a database in WAL mode that is read
//! without a lock wait there too, since a writer that comes meanwhile ends the read.
//!
//! The table is a nameless file that only this process can open, in the folder that SQLite uses:
//! `SQLITE_TMPDIR`, `TMPDIR`, or the first existing one of `/var/tmp`, `/usr/tmp` and `/tmp`. It takes at
//! most half of the room there. When that is used up, the rows set aside are handed over first. Until then no
//! further rows are read, and the database stays locked.

use std::path::PathBuf;

use cdds_core::blocking::Stop;
use cdds_core::ports::source::{SourceError, SourceErrorKind};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, Row, Statement};

use super::open::Database;

/// The limit on a disk whose room is unknown.
const BYTES_MAX: u64 = 4 << 30;

/// Bytes per row in addition to its values.
const ROW_BYTES: u64 = 16;

/// The table's name in SQL.
const TABLE: &str = "temp.cdds_set_aside";

/// Rows set aside.
#[derive(Debug)]
pub(super) struct Spool<'d> {
    database: &'d Database,
    insert: Statement<'d>,
    columns: usize,
    bytes: u64,
    bytes_max: u64,
}

impl<'d> Spool<'d> {
    /// Creates the table for rows of this many columns and bytes; without a limit, for as many as there is
    /// room for. Call this before preparing the statements that return the rows: a new table would cause
    /// these to be prepared again.
    pub(super) fn new(
        database: &'d Database,
        columns: usize,
        bytes_max: Option<u64>,
    ) -> Result<Self, SourceError> {
        let bytes_max = bytes_max.or_else(|| Some(room()? / 2)).unwrap_or(BYTES_MAX);
        let create = || {
            let connection = database.connection();
            // The connection was opened for reading only.
            connection.pragma_update(None, "query_only", false)?;
            // Without declared types nothing is converted.
            let names: Vec<String> = (0..columns).map(|index| format!(", c{index}")).collect();
            let names = names.concat();
            connection
                // The key is the rowid, so that reading in order needs no sort.
                .execute_batch(&format!("CREATE TABLE {TABLE} (ordinal INTEGER PRIMARY KEY{names})"))?;
            let places = vec!["?"; columns + 1].join(", ");
            connection.prepare(&format!("INSERT INTO {TABLE} VALUES ({places})"))
        };
        let insert = create().map_err(|error| failure(database, error))?;
        Ok(Self { database, insert, columns, bytes: 0, bytes_max })
    }

    /// Sets aside the row with number `ordinal` in the read.
    pub(super) fn add(&mut self, ordinal: u64, row: &Row<'_>) -> Result<(), SourceError> {
        self.insert(ordinal, row).map_err(|error| failure(self.database, error))
    }

    fn insert(&mut self, ordinal: u64, row: &Row<'_>) -> rusqlite::Result<()> {
        // Numbers and the overhead of a row are estimated: the limit leaves half of the room free.
        self.bytes += ROW_BYTES;
        self.insert.raw_bind_parameter(1, ordinal.cast_signed())?;
        for index in 0..self.columns {
            let value = row.get_ref(index)?;
            if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = value {
                self.bytes += bytes.len() as u64;
            }
            self.insert.raw_bind_parameter(index + 2, ToSqlOutput::Borrowed(value))?;
        }
        self.insert.raw_execute().map(|_| ())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Whether there is no more room.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= self.bytes_max
    }

    /// Returns every row in order, with its number, and empties the table.
    pub(super) fn drain(
        &mut self,
        mut take: impl FnMut(u64, &Row<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let (failure, connection) = (|error| failure(self.database, error), self.database.connection());
        let names: Vec<String> = (0..self.columns).map(|index| format!("c{index}, ")).collect();
        let sql = format!("SELECT {}ordinal FROM {TABLE} ORDER BY ordinal", names.concat());
        let mut select = connection.prepare(&sql).map_err(failure)?;
        let mut rows = select.query([]).map_err(failure)?;
        while let Some(row) = rows.next().map_err(failure)? {
            let ordinal: i64 = row.get(self.columns).map_err(failure)?;
            take(ordinal.cast_unsigned(), row)?;
        }
        drop(rows);
        // Keeps the table for further rows, and the file, whose pages they reuse.
        connection.execute_batch(&format!("DELETE FROM {TABLE}")).map_err(failure)?;
        self.bytes = 0;
        Ok(())
    }
}

fn failure(database: &Database, error: rusqlite::Error) -> SourceError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull | ErrorCode::CannotOpen | ErrorCode::SystemIoFailure) => {
            let what = format!(
                "rows cannot be set aside in {}: make room there, or let SQLITE_TMPDIR name another folder",
                folder().display()
            );
            database.failed(SourceErrorKind::Unavailable, &what, error)
        }
        _ => database.failure(error),
    }
}

/// Returns the folder of SQLite's temporary files.
pub(super) fn folder() -> PathBuf {
    let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    let usual = ["/var/tmp", "/usr/tmp", "/tmp"].into_iter().map(PathBuf::from);
    named.chain(usual).find(|folder| folder.is_dir()).unwrap_or_else(std::env::temp_dir)
}

#[cfg(target_os = "linux")]
fn room() -> Option<u64> {
    let disk = rustix::fs::statvfs(folder()).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

#[cfg(not(target_os = "linux"))]
fn room() -> Option<u64> {
    None
}
