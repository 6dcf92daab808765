//! The way from one machine to a fleet: a catalog file is copied into an empty schema, whole or not at all.

use std::path::PathBuf;

use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};

use super::super::sql::database::{Database, Writing};
use super::super::sql::driver::{NONE, OptionalExtension, params};
use super::super::sql::fault::{Fault, conflict};
use super::super::sql::transaction::Transaction;
use super::super::sqlite::leaving::LeavingFile;
use super::PostgresCatalog;
use super::database::Timed;

/// The tables, each behind those that it refers to.
const TABLES: [&str; 22] = [
    "job",
    "recipient",
    "job_recipient",
    "execution",
    "artifact_set",
    "artifact",
    "download",
    "audit",
    "notice",
    "notice_turn",
    "delivery",
    "delivery_turn",
    "health",
    "turn",
    "store",
    "housekeeper",
    "worker",
    "subject_request",
    "subject_hash",
    "subject_task",
    "subject_filter",
    "zone_database",
];

/// Columns of the file by which SQLite finds words; PostgreSQL has other ways.
const FOR_SEARCHES: &str = "number";

/// Tables whose triggers keep what the copied rows say already.
const WITH_TRIGGERS: [&str; 4] = ["execution", "artifact", "artifact_set", "download"];

/// What was copied from a catalog file ([`PostgresCatalog::copy_from`]).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CatalogCopy {
    /// Jobs, with those that are deleted and still on the record.
    pub jobs: u64,
    /// Executions, of whatever state.
    pub executions: u64,
    /// Files of sets, with those that are gone and still on the record.
    pub artifacts: u64,
    /// Entries of the audit.
    pub audit: u64,
    /// All rows, with those above.
    pub rows: u64,
    /// Whether an earlier call had copied it; the numbers are those of now.
    pub was_there: bool,
}

impl PostgresCatalog {
    /// Copies all that an SQLite catalog holds into this catalog, which must be empty, in one transaction. The file is left
    /// as it is, but marked: no program opens it again, since two catalogs that go on with the same jobs would export
    /// everything twice. Its store belongs to this catalog from then on, and nothing in it changes.
    ///
    /// What ran when the last worker of the file was stopped is taken over when its lease has run out.
    ///
    /// Call it again if it was interrupted: it finishes what was begun, and a copy that was stored is found. Copy the file
    /// itself first ([`Connection::backup`], or `cp` while nothing runs): going back is to restore a backup.
    ///
    /// # Errors
    /// [`Conflict`](CatalogErrorKind::Conflict) if this catalog is not empty; [`Corrupt`](CatalogErrorKind::Corrupt) if a
    /// text holds the character NUL, or the file is damaged or no catalog;
    /// [`NewerSchema`](CatalogErrorKind::NewerSchema) for the file of a newer program;
    /// [`Unavailable`](CatalogErrorKind::Unavailable) if another process has the file open, or if file or server cannot be
    /// used. After an error the file goes on, unless nobody can say whether the copy is stored: then it stays left until
    /// the next call finds out.
    ///
    /// # Cancel safety
    /// A call whose future is dropped goes on to its end.
    ///
    /// [`Connection::backup`]: https://www.sqlite.org/backup.html
    pub async fn copy_from(&self, file: impl Into<PathBuf>) -> Result<CatalogCopy, CatalogError> {
        let file = file.into();
        self.run(move |database| copy(database, LeavingFile::take(&file)?)).await
    }
}

fn copy(database: &Timed<'_>, mut file: LeavingFile) -> Result<CatalogCopy, CatalogError> {
    if file.is_left()? {
        let store = file.store()?;
        if let Some(copied) = database.read("look for the copy", |tx| copied(tx, store.as_deref()))? {
            return Ok(copied);
        }
        file.come_back()?;
    }
    let stored = database.write(Writing::Change, "copy the catalog", |tx| {
        refuse_unless_empty(tx)?;
        let rows = insert(tx, &file)?;
        let copy = counted(tx, rows)?;
        // Before the copy is stored: at no instant do both go on. If this process ends in between, the next call finds
        // the file left and this catalog empty.
        if !file.is_left()? {
            file.leave()?;
        }
        Ok(copy)
    });
    if stored.is_err() && file.is_left()? {
        // Only if it is known that nothing was stored.
        let is_empty = database.read("look for the copy", |tx| Ok(refuse_unless_empty(tx).is_ok()));
        if is_empty.unwrap_or(false) {
            file.come_back()?;
        }
    }
    stored
}

/// Returns the copy that is here already, of the catalog that is paired with this store.
fn copied(tx: &Transaction<'_>, store: Option<&str>) -> Result<Option<CatalogCopy>, Fault> {
    let here: Option<String> = tx.query_row("SELECT id FROM store", NONE, |row| row.get(0)).optional()?;
    if here.is_none() || here.as_deref() != store {
        return Ok(None);
    }
    let mut rows = 0;
    for table in TABLES {
        rows += count(tx, table)?;
    }
    Ok(Some(CatalogCopy { was_there: true, ..counted(tx, rows)? }))
}

fn refuse_unless_empty(tx: &Transaction<'_>) -> Result<(), Fault> {
    for table in TABLES {
        if count(tx, table)? > 0 {
            return Err(conflict(
                "the catalog in PostgreSQL is not empty: name another schema (catalog.schema), or another database",
            ));
        }
    }
    Ok(())
}

fn counted(tx: &Transaction<'_>, rows: u64) -> Result<CatalogCopy, Fault> {
    Ok(CatalogCopy {
        jobs: count(tx, "job")?,
        executions: count(tx, "execution")?,
        artifacts: count(tx, "artifact")?,
        audit: count(tx, "audit")?,
        rows,
        was_there: false,
    })
}

fn count(tx: &Transaction<'_>, table: &str) -> Result<u64, Fault> {
    let found: i64 = tx.query_row(&format!("SELECT count(*) FROM {table}"), NONE, |row| row.get(0))?;
    Ok(u64::try_from(found).unwrap_or(0))
}

/// Inserts all rows of the file, as they are. Returns how many these are.
fn insert(tx: &Transaction<'_>, file: &LeavingFile) -> Result<u64, Fault> {
    for table in WITH_TRIGGERS {
        tx.execute(&format!("ALTER TABLE {table} DISABLE TRIGGER USER"), NONE)?;
    }
    let mut rows = 0;
    for table in TABLES {
        let mut columns = file.columns(table)?;
        columns.retain(|name| name != FOR_SEARCHES);
        let names: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
        let names = names.join(", ");
        let sql = format!(
            "INSERT INTO {table} ({names})
             SELECT {names} FROM json_populate_recordset(CAST(NULL AS {table}), CAST(?1 AS json))"
        );
        file.rows(table, &columns, |batch, count| {
            let inserted = tx.execute(&sql, params![batch])?;
            rows += u64::try_from(inserted).unwrap_or(u64::MAX);
            match inserted == count {
                true => Ok(()),
                false => Err(Fault::Refused(CatalogError::new(
                    CatalogErrorKind::Unavailable,
                    format!("{inserted} of {count} rows of {table} were stored: nothing was copied"),
                ))),
            }
        })?;
    }
    for table in WITH_TRIGGERS {
        tx.execute(&format!("ALTER TABLE {table} ENABLE TRIGGER USER"), NONE)?;
    }
    Ok(rows)
}
