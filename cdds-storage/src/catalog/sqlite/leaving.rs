//! A catalog file whose content goes to a server: read while nobody else can use it, and then left.
//!
//! A file that was left says so in its versions, so that no program opens it again, not even an older one: two catalogs
//! that both go on with the same jobs would export everything twice.

use std::path::{Path, PathBuf};

use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Row};
use serde_json::{Map, Value};

use super::super::sql::fault::Fault;
use super::{database, schema};

/// How many rows are read at a time, and how many bytes of text.
const ROWS_AT_ONCE: usize = 2_000;
const BYTES_AT_ONCE: usize = 4 << 20;

/// Tables whose rows are listed in the order in which they were stored.
const IN_ORDER: [&str; 2] = ["artifact_set", "artifact"];

/// A catalog file that this process alone uses.
pub(in crate::catalog) struct LeavingFile {
    path: PathBuf,
    connection: Connection,
}

impl LeavingFile {
    /// Takes a catalog file for this process alone, until it is dropped, and brings its schema up to date.
    ///
    /// # Errors
    /// [`Unavailable`](CatalogErrorKind::Unavailable) if another process has it open; otherwise as if it was opened.
    pub(in crate::catalog) fn take(path: &Path) -> Result<Self, CatalogError> {
        let fault = |fault: Fault| fault.into_error("read the schema", path);
        let mut connection = database::connect(path, OpenFlags::empty()).map_err(|e| fault(e.into()))?;
        // Before anything is changed: it may be another program's.
        let is_left = schema::check_left(&mut connection, path).map_err(fault)?;
        seize(&connection, path).map_err(fault)?;
        if !is_left {
            schema::migrate(&mut connection).map_err(fault)?;
        }
        Ok(Self { path: path.to_owned(), connection })
    }

    /// Whether it was left before.
    pub(in crate::catalog) fn is_left(&self) -> Result<bool, CatalogError> {
        schema::is_left(&self.connection).map_err(|fault| self.error("read the schema", fault))
    }

    /// Leaves it: no program opens it any more.
    pub(in crate::catalog) fn leave(&self) -> Result<(), CatalogError> {
        schema::leave(&self.connection).map_err(|fault| self.error("leave", fault))
    }

    /// Undoes [`leave`](Self::leave), and brings the schema up to date.
    pub(in crate::catalog) fn come_back(&mut self) -> Result<(), CatalogError> {
        let back = schema::come_back(&self.connection).and_then(|()| schema::migrate(&mut self.connection));
        back.map_err(|fault| self.error("come back to", fault))
    }

    /// Returns the id of the store that the catalog is paired with.
    pub(in crate::catalog) fn store(&self) -> Result<Option<String>, CatalogError> {
        let read = || -> Result<Option<String>, Fault> {
            let mut statement = self.connection.prepare("SELECT id FROM store")?;
            Ok(statement.query_map([], |row| row.get(0))?.next().transpose()?)
        };
        read().map_err(|fault| self.error("read the store", fault))
    }

    /// Returns the names of a table's columns.
    pub(in crate::catalog) fn columns(&self, table: &str) -> Result<Vec<String>, CatalogError> {
        let read = || -> Result<Vec<String>, Fault> {
            let mut statement = self.connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
            let names = statement.query_map([table], |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        };
        read().map_err(|fault| self.error("read the schema", fault))
    }

    /// Hands all rows of a table to `take`, some at a time: as a JSON array of objects, and how many there are. Blobs are
    /// as PostgreSQL writes them, `\x` and hexadecimal digits.
    ///
    /// # Errors
    /// Those of `take`; [`Corrupt`](CatalogErrorKind::Corrupt) for a value that no catalog stores.
    pub(in crate::catalog) fn rows(
        &self,
        table: &str,
        columns: &[String],
        mut take: impl FnMut(&str, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let refused = |fault: Fault| Fault::Refused(self.error("read", fault));
        let quoted: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
        let order = if IN_ORDER.contains(&table) { " ORDER BY rowid" } else { "" };
        let sql = format!("SELECT {} FROM {table}{order}", quoted.join(", "));
        let mut statement = self.connection.prepare(&sql).map_err(|error| refused(error.into()))?;
        let mut rows = statement.query([]).map_err(|error| refused(error.into()))?;
        let (mut batch, mut count) = (String::from("["), 0);
        while let Some(row) = rows.next().map_err(|error| refused(error.into()))? {
            let object = self.object(table, row, columns)?;
            if count > 0 {
                batch.push(',');
            }
            batch.push_str(&Value::Object(object).to_string());
            count += 1;
            if count == ROWS_AT_ONCE || batch.len() > BYTES_AT_ONCE {
                batch.push(']');
                take(&batch, count)?;
                batch.truncate(1);
                count = 0;
            }
        }
        if count > 0 {
            batch.push(']');
            take(&batch, count)?;
        }
        Ok(())
    }

    fn object(&self, table: &str, row: &Row<'_>, columns: &[String]) -> Result<Map<String, Value>, Fault> {
        let mut object = Map::new();
        for (index, name) in columns.iter().enumerate() {
            let value = row.get_ref(index).map_err(|e| Fault::Refused(self.error("read", e.into())))?;
            let value = json(value).map_err(|why| {
                let what = format!("cannot copy the catalog {}: {table}.{name} {why}", self.path.display());
                Fault::Refused(CatalogError::new(CatalogErrorKind::Corrupt, what))
            })?;
            object.insert(name.clone(), value);
        }
        Ok(object)
    }

    fn error(&self, doing: &str, fault: Fault) -> CatalogError {
        fault.into_error(doing, &self.path)
    }
}

/// Keeps all others from the file. Without a write-ahead log, which only its last user can put away, a lock keeps even
/// readers out; those who come meanwhile wait for it before they look at the versions.
fn seize(connection: &Connection, path: &Path) -> Result<(), Fault> {
    let is_open_elsewhere = || {
        let why = format!(
            "another process uses the catalog {}: stop all that do, `cdds run` and `cdds serve` above all",
            path.display()
        );
        Fault::Refused(CatalogError::new(CatalogErrorKind::Unavailable, why))
    };
    let steps = || -> rusqlite::Result<String> {
        let _mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get(0))?;
        let _mode: String =
            connection.pragma_update_and_check(None, "locking_mode", "exclusive", |row| row.get(0))?;
        // The lock outlives the transaction.
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        connection.pragma_query_value(None, "journal_mode", |row| row.get(0))
    };
    match steps() {
        Ok(mode) if mode == "delete" => Ok(()),
        Ok(_) => Err(is_open_elsewhere()),
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
            ) =>
        {
            Err(is_open_elsewhere())
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns a value as it is written in JSON, or why it cannot be.
fn json(value: ValueRef<'_>) -> Result<Value, &'static str> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::from(value),
        ValueRef::Text(text) if text.contains(&0) => {
            return Err("holds the character NUL, which PostgreSQL cannot store");
        }
        ValueRef::Text(text) => {
            Value::from(std::str::from_utf8(text).map_err(|_| "holds text that is not UTF-8")?)
        }
        ValueRef::Blob(bytes) => {
            let digits = |byte: &u8| format!("{byte:02x}");
            Value::from(format!("\\x{}", bytes.iter().map(digits).collect::<String>()))
        }
        ValueRef::Real(_) => return Err("holds a broken number"),
    })
}
