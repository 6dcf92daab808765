//! The database and what it holds.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use cdds_core::domain::template::{Filter, Template};
use cdds_core::ports::source::{SourceError, SourceErrorKind};
use rusqlite::{Connection, ErrorCode, InterruptHandle, OpenFlags};

use super::statement::has_index;
use super::{SqliteRows, SqliteType};

/// How long a locked database is waited for before the read is given up and retried later (rule E5).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open database, seen at one moment.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    name: String,
}

/// What rows are selected from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    /// As it stands after FROM.
    pub(super) from: String,
    /// The columns, in order.
    pub(super) columns: Vec<String>,
    /// Whether rows have a `_rowid_`, to name them by.
    pub(super) has_rowid: bool,
    /// Of the columns with instants, those by which an index leads to the rows.
    pub(super) indexed: Vec<String>,
}

impl Relation {
    /// Whether an index leads to the rows by this column, which holds instants.
    pub(super) fn has_index_on(&self, column: &str) -> bool {
        self.indexed.iter().any(|indexed| indexed == column)
    }
}

impl Database {
    /// Opens the file for reading and begins the transaction in which everything is read.
    pub(super) fn open(path: &Path, name: &str) -> Result<Self, SourceError> {
        if !path.is_file() {
            return Err(SourceError::new(
                SourceErrorKind::Missing,
                format!("{name}: there is no database file {}: correct the path", path.display()),
            ));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(path, flags).and_then(|connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "query_only", true)?;
            // The first read fixes the state that all later ones see.
            connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
            Ok(connection)
        });
        let name = name.to_owned();
        match opened {
            Ok(connection) => Ok(Self { connection, name }),
            Err(error) => Err(failure(&name, &format!("cannot open {}", path.display()), error)),
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn interrupt_handle(&self) -> InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// Does `work` in such a way that an interrupt stops it whenever it comes. SQLite forgets one when the next
    /// statement begins, unless another statement is under way: here one always is.
    pub(super) fn interruptible<E: From<SourceError>>(
        &self,
        work: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let failure = |error| self.failure(error);
        let mut waiting = self.connection.prepare("SELECT 1 UNION ALL SELECT 2").map_err(failure)?;
        let mut rows = waiting.query([]).map_err(failure)?;
        rows.next().map_err(failure)?;
        work()
    }

    /// An error of SQLite. Its text holds SQL from the configuration, but no values: those are bound.
    pub(super) fn failure(&self, error: rusqlite::Error) -> SourceError {
        failure(&self.name, "the database cannot be read", error)
    }

    /// The table or query of a type, checked for the columns that reading depends on. Declared fields are
    /// columns by their exact names, since these are the keys of records.
    pub(super) fn relation(&self, data_type: &SqliteType) -> Result<Relation, SourceError> {
        let relation = match &data_type.rows {
            SqliteRows::Table(table) => self.table(table)?,
            SqliteRows::Query(query) => self.query(query)?,
        };
        let known = |name: &str| relation.columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        let declared = data_type.fields.iter().flatten().map(String::as_str);
        let mut undeclared = declared.filter(|field| !relation.columns.iter().any(|column| column == field));
        match data_type.required_columns().find(|column| !known(column)).or_else(|| undeclared.next()) {
            Some(column) => Err(self.no_column(column, &relation)),
            None => Ok(Relation { indexed: self.indexed(data_type, &relation), ..relation }),
        }
    }

    /// The columns with instants that an index serves. Where SQLite cannot tell, every row is looked at.
    fn indexed(&self, data_type: &SqliteType, relation: &Relation) -> Vec<String> {
        let columns = data_type.time.iter().chain(&data_type.changed).map(|time| &time.column);
        let indexed = |column: &&String| has_index(self, &relation.from, column).unwrap_or(false);
        columns.filter(indexed).cloned().collect()
    }

    /// Whether what the template names are columns (rule J4): a misspelt field would give an export without
    /// records, or without what was wanted of them.
    pub(super) fn check_template(&self, template: &Template, relation: &Relation) -> Result<(), SourceError> {
        let selected = template.fields.names().unwrap_or_default().iter().map(String::as_str);
        let mut named = selected.chain(template.filters.iter().map(Filter::field));
        match named.find(|name| !relation.columns.iter().any(|column| column == name)) {
            Some(name) => Err(self.no_column(name, relation)),
            None => Ok(()),
        }
    }

    fn no_column(&self, column: &str, relation: &Relation) -> SourceError {
        self.missing(&format!("there is no column {column:?}: choose out of {}", relation.columns.join(", ")))
    }

    fn table(&self, table: &str) -> Result<Relation, SourceError> {
        let tables = self.tables().map_err(|error| self.failure(error))?;
        if !tables.iter().any(|known| known.eq_ignore_ascii_case(table)) {
            let known = if tables.is_empty() { "there are none".to_owned() } else { tables.join(", ") };
            return Err(self.missing(&format!("there is no table {table:?}: choose out of: {known}")));
        }
        let from = quoted(table);
        let select = format!("SELECT * FROM {from}");
        let (columns, _) = self.prepared(&select).map_err(|error| self.failure(error))?;
        // Views and tables WITHOUT ROWID have none.
        let has_rowid = self.connection.prepare(&format!("SELECT _rowid_ FROM {from}")).is_ok()
            && !self.is_view(table).map_err(|error| self.failure(error))?;
        Ok(Relation { from, columns, has_rowid, indexed: Vec::new() })
    }

    fn query(&self, query: &str) -> Result<Relation, SourceError> {
        let query = query.trim_end().trim_end_matches(';');
        // Named as it stands, not as a part of a larger statement, so that errors point at it.
        let (columns, is_read_only) = self.prepared(query).map_err(|error| {
            SourceError::with_source(
                SourceErrorKind::Invalid,
                format!("{}: the query cannot be run: correct it", self.name),
                error,
            )
        })?;
        if !is_read_only || columns.is_empty() {
            return Err(self.invalid("the query is not a SELECT: only those are run"));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = columns.iter().find(|column| !seen.insert(column.to_ascii_lowercase())) {
            return Err(self.invalid(&format!("the query gives two columns {twice:?}: name one with AS")));
        }
        // On lines of its own, for a comment at its end.
        Ok(Relation { from: format!("(\n{query}\n)"), columns, has_rowid: false, indexed: Vec::new() })
    }

    fn tables(&self) -> rusqlite::Result<Vec<String>> {
        let mut statement = self.connection.prepare(
            r"SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name",
        )?;
        statement.query_map([], |row| row.get(0))?.collect()
    }

    fn is_view(&self, table: &str) -> rusqlite::Result<bool> {
        self.connection.query_row(
            "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'view' AND lower(name) = lower(?1)",
            [table],
            |row| row.get(0),
        )
    }

    /// The columns of a statement, and whether it only reads.
    fn prepared(&self, sql: &str) -> rusqlite::Result<(Vec<String>, bool)> {
        let statement = self.connection.prepare(sql)?;
        Ok((statement.column_names().map(str::to_owned).collect(), statement.readonly()))
    }

    fn invalid(&self, reason: &str) -> SourceError {
        SourceError::new(SourceErrorKind::Invalid, format!("{}: {reason}", self.name))
    }

    fn missing(&self, reason: &str) -> SourceError {
        SourceError::new(SourceErrorKind::Missing, format!("{}: {reason}", self.name))
    }
}

fn failure(name: &str, what: &str, error: rusqlite::Error) -> SourceError {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen) => {
            SourceErrorKind::Unavailable
        }
        // Without a code it is not the database that fails, but what is asked of it.
        None | Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::Unknown) => {
            SourceErrorKind::Invalid
        }
        _ => SourceErrorKind::Interrupted,
    };
    SourceError::with_source(kind, format!("{name}: {what}"), error)
}

/// A name as SQL has it, whatever characters it holds. SQLite takes an unknown name between double quotes
/// for a string, but not one between these.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_between_two_statements_stops_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("source.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE contacts (n)").unwrap();
        let database = Database::open(&path, "test").unwrap();
        let interrupted = database.interruptible(|| {
            database.interrupt_handle().interrupt();
            let result = database.connection().query_row("SELECT 1", [], |_| Ok(()));
            result.map_err(|error| database.failure(error))
        });
        assert_eq!(interrupted.unwrap_err().kind(), SourceErrorKind::Interrupted);
    }
}
