//! The database and its relations.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cdds_core::domain::record::template::{Filter, Template};
use cdds_core::ports::source::{SourceError, SourceErrorKind};
use rusqlite::{Connection, ErrorCode, InterruptHandle};

use super::statement::has_index;
use super::{SqliteRows, SqliteType};
use crate::reading::{Access, Obstacle};
use crate::source::config::no_column;

/// How long to wait for a locked database before the read is given up and retried later (rule E5).
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open database in one fixed state.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    name: String,
    /// Without links, since its companion files are beside the file itself.
    path: PathBuf,
    access: Access,
    is_in_wal_mode: bool,
}

/// A table, a view or a query to select rows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Relation {
    /// Its SQL after FROM.
    pub(super) from: String,
    /// The columns, in order.
    pub(super) columns: Vec<String>,
    /// The name of the rowid, if rows have one and a name is free for it.
    pub(super) rowid: Option<&'static str>,
    /// The columns with instants that have a usable index.
    pub(super) indexed: Vec<String>,
    /// The names shared by several columns of a query; for each, the last column is among `columns`.
    pub(super) repeated: Vec<String>,
}

impl Relation {
    /// Whether an index leads to the rows by this column, which contains instants.
    pub(super) fn has_index_on(&self, column: &str) -> bool {
        self.indexed.iter().any(|indexed| indexed == column)
    }
}

/// Returns the error for a file that cannot be read as it is.
fn obstructed(obstacle: Obstacle, name: &str, path: &Path) -> SourceError {
    match obstacle {
        Obstacle::Changed => changed(name, path),
        Obstacle::Unreadable(error) => {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => SourceErrorKind::Missing,
                _ => SourceErrorKind::Unavailable,
            };
            SourceError::with_source(kind, format!("{name}: cannot open {}", path.display()), error)
        }
        Obstacle::CannotCopy(error) => SourceError::with_source(
            SourceErrorKind::Unavailable,
            format!(
                "{name}: {} was not closed by its application and is read as a copy, which cannot be \
                 made in {}: open it once with its application, or let TMPDIR name a folder with room \
                 for it",
                path.display(),
                std::env::temp_dir().display()
            ),
            error,
        ),
    }
}

fn changed(name: &str, path: &Path) -> SourceError {
    SourceError::new(
        SourceErrorKind::Interrupted,
        format!(
            "{name}: {} was written to while it was being read: it will be read again later",
            path.display()
        ),
    )
}

impl Database {
    /// Opens the file for reading and begins the transaction for all reads.
    pub(super) fn open(path: &Path, name: &str) -> Result<Self, SourceError> {
        // SQLite would only say that it cannot open the file, and that may be worth a retry; a wrong path is
        // not.
        if !path.is_file() {
            return Err(SourceError::new(
                SourceErrorKind::Missing,
                format!(
                    "{name}: there is no database file {}: put it there, or correct its path in the \
                     configuration of the source",
                    path.display()
                ),
            ));
        }
        let cannot_open = format!("cannot open {}", path.display());
        let path = path.canonicalize().map_err(|error| {
            SourceError::with_source(SourceErrorKind::Unavailable, format!("{name}: {cannot_open}"), error)
        })?;
        let mut access = Access::to(&path).map_err(|obstacle| obstructed(obstacle, name, &path))?;
        let (location, flags) = access.location(&path);
        let opened = Connection::open_with_flags(location, flags).and_then(|connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            // Serves the lists of filters.
            rusqlite::vtab::array::load_module(&connection)?;
            connection.pragma_update(None, "query_only", true)?;
            // The rows set aside on the way may be large.
            connection.pragma_update(None, "temp_store", "FILE")?;
            // The first read fixes the state that all later ones see.
            connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
            let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
            Ok((connection, mode == "wal"))
        });
        let (connection, is_in_wal_mode) = opened.map_err(|error| match access.is_steady(&path) {
            true => failure(name, &cannot_open, error),
            false => changed(name, &path),
        })?;
        access.opened();
        Ok(Self { connection, name: name.to_owned(), path, access, is_in_wal_mode })
    }

    /// Whether this read keeps others from writing, or ends if they do.
    pub(super) fn is_in_the_way(&self) -> bool {
        self.is_locked() || matches!(self.access, Access::AtRest(_))
    }

    /// Whether a reader keeps others from writing.
    pub(super) fn is_locked(&self) -> bool {
        matches!(self.access, Access::InPlace) && !self.is_in_wal_mode
    }

    /// Ends the transaction after everything has been read; no lock is held any more.
    ///
    /// # Errors
    /// [`SourceErrorKind::Interrupted`] if the rows read do not belong to one state.
    pub(super) fn release(&self) -> Result<(), SourceError> {
        self.connection.execute_batch("COMMIT").map_err(|error| self.failure(error))?;
        // Only after the last row: a change until then may have reached some of them.
        if self.access.is_steady(&self.path) { Ok(()) } else { Err(changed(&self.name, &self.path)) }
    }

    /// Returns the error, or its real cause: a database that is written while it is read looks damaged.
    pub(super) fn explained(&self, error: SourceError) -> SourceError {
        if self.access.is_steady(&self.path) { error } else { changed(&self.name, &self.path) }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn interrupt_handle(&self) -> InterruptHandle {
        self.connection.get_interrupt_handle()
    }

    /// Runs `work` so that an interrupt stops it at any time. SQLite forgets an interrupt when the next
    /// statement begins, unless another statement is active: here one always is.
    pub(super) fn interruptible<E: From<SourceError>>(
        &self,
        work: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let failure = |error| self.failure(error);
        // Two rows, so that it is still active after the first, and no table, so that it holds no lock when
        // the transaction has ended.
        let mut waiting = self.connection.prepare("SELECT 1 UNION ALL SELECT 2").map_err(failure)?;
        let mut rows = waiting.query([]).map_err(failure)?;
        rows.next().map_err(failure)?;
        work()
    }

    /// Converts an error of SQLite. Its text contains SQL from the configuration, but no values: those are
    /// bound.
    pub(super) fn failure(&self, error: rusqlite::Error) -> SourceError {
        let what = if is_about_collations(&error) { NO_COLLATION } else { "the database cannot be read" };
        failure(&self.name, what, error)
    }

    /// Returns the error for a request that the database cannot serve.
    pub(super) fn refused(&self, what: &str, error: rusqlite::Error) -> SourceError {
        let what = if is_about_collations(&error) { NO_COLLATION } else { what };
        self.failed(SourceErrorKind::Invalid, what, error)
    }

    /// Converts an error of SQLite of a known kind.
    pub(super) fn failed(&self, kind: SourceErrorKind, what: &str, error: rusqlite::Error) -> SourceError {
        SourceError::with_source(kind, format!("{}: {what}", self.name), error)
    }

    /// Returns the table or query of a type, after checking that it has the columns that reading depends on.
    /// Declared fields are columns with exactly these names, since they become the keys of records.
    pub(super) fn relation(&self, data_type: &SqliteType) -> Result<Relation, SourceError> {
        let relation = self.unchecked(data_type)?;
        let known = |name: &str| relation.columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        let declared = data_type.fields.iter().flatten().map(String::as_str);
        let mut undeclared = declared.filter(|field| !relation.columns.iter().any(|column| column == field));
        match data_type.required_columns().find(|column| !known(column)).or_else(|| undeclared.next()) {
            Some(column) => Err(self.no_column(column, &relation)),
            None => Ok(Relation { indexed: self.indexed(data_type, &relation), ..relation }),
        }
    }

    /// Looks a type's relation up, whatever columns it has.
    fn unchecked(&self, data_type: &SqliteType) -> Result<Relation, SourceError> {
        match &data_type.rows {
            SqliteRows::Table(table) => self.table(table),
            SqliteRows::Query(query) => self.query(query),
        }
    }

    /// Describes the columns that a type declares and that there are not. SQLite ignores the case of names where it
    /// compares them itself.
    pub(super) fn faults(&self, data_type: &SqliteType) -> Result<Vec<String>, SourceError> {
        let relation = self.unchecked(data_type)?;
        let known: Vec<&str> = relation.columns.iter().map(String::as_str).collect();
        let required: Vec<&str> = data_type.required_columns().collect();
        Ok(data_type.faults(&known, |column, declared| {
            column == declared || (required.contains(&declared) && column.eq_ignore_ascii_case(declared))
        }))
    }

    /// Returns the columns with instants that an index serves. If SQLite cannot tell, every row is looked at.
    fn indexed(&self, data_type: &SqliteType, relation: &Relation) -> Vec<String> {
        let columns = data_type.time.iter().chain(&data_type.changed).map(|time| &time.column);
        let indexed = |column: &&String| has_index(self, &relation.from, column).unwrap_or(false);
        columns.filter(indexed).cloned().collect()
    }

    /// Checks that the template names only columns (rule J4): a misspelt field would produce an export
    /// without records, or without the wanted parts of them.
    pub(super) fn check_template(&self, template: &Template, relation: &Relation) -> Result<(), SourceError> {
        let selected = template.fields.names().unwrap_or_default().iter().map(String::as_str);
        let mut named = selected.chain(template.filters.iter().map(Filter::field));
        match named.find(|name| !relation.columns.iter().any(|column| column == name)) {
            Some(name) => Err(self.no_column(name, relation)),
            None => Ok(()),
        }
    }

    /// Checks that each field that names people is a column (rule D1): a misspelt one would find nobody.
    pub(super) fn check_subjects(
        &self,
        data_type: &SqliteType,
        relation: &Relation,
    ) -> Result<(), SourceError> {
        self.check_columns(data_type.subjects.iter().map(|field| field.name.as_str()), relation)
    }

    /// Checks that each of these is a column.
    pub(super) fn check_columns<'a>(
        &self,
        mut named: impl Iterator<Item = &'a str>,
        relation: &Relation,
    ) -> Result<(), SourceError> {
        match named.find(|name| !relation.columns.iter().any(|column| column == name)) {
            Some(name) => Err(self.no_column(name, relation)),
            None => Ok(()),
        }
    }

    fn no_column(&self, column: &str, relation: &Relation) -> SourceError {
        let known: Vec<&str> = relation.columns.iter().map(String::as_str).collect();
        self.missing(&no_column(column, &known))
    }

    fn table(&self, table: &str) -> Result<Relation, SourceError> {
        let tables = self.tables().map_err(|error| self.failure(error))?;
        if !tables.iter().any(|known| known.eq_ignore_ascii_case(table)) {
            let known = if tables.is_empty() { "there are none".to_owned() } else { tables.join(", ") };
            return Err(self.missing(&format!("there is no table {table:?}: choose from: {known}")));
        }
        self.read_without_collations(table).map_err(|error| self.failure(error))?;
        let from = quoted(table);
        let select = format!("SELECT * FROM {from}");
        let (columns, _) = self.prepared(&select).map_err(|error| self.failure(error))?;
        let rowid = self.rowid(table, &from, &columns).map_err(|error| self.failure(error))?;
        Ok(Relation { from, columns, rowid, indexed: Vec::new(), repeated: Vec::new() })
    }

    /// Returns a name of the rowid that is not also a column. Views and tables WITHOUT ROWID have none.
    fn rowid(&self, table: &str, from: &str, columns: &[String]) -> rusqlite::Result<Option<&'static str>> {
        if self.is_view(table)? {
            return Ok(None);
        }
        let is_free = |name: &&str| !columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        let free = ["_rowid_", "rowid", "oid"].into_iter().find(is_free);
        // Preparing is the test: it fails for a table WITHOUT ROWID.
        Ok(free.filter(|name| self.connection.prepare(&format!("SELECT {name} FROM {from}")).is_ok()))
    }

    /// Makes a table readable that is itself ordered by a collation of its application: SQLite demands the
    /// collation even for a scan of all rows, which does not use it. No search here ever uses it, because
    /// statements compare as BINARY. Other tables do not need this and must not have it: a generated column,
    /// a view or a query might compare by a collation other than the one it is named after.
    fn read_without_collations(&self, table: &str) -> rusqlite::Result<()> {
        let is_ordered_by_key = self.connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM pragma_table_list WHERE schema = 'main' AND wr AND lower(name) = lower(?1))
                AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1) WHERE hidden = 2)",
            [table],
            |row| row.get::<_, bool>(0),
        )?;
        if is_ordered_by_key {
            self.connection
                .collation_needed(|connection, name| connection.create_collation(name, str::cmp))?;
        }
        Ok(())
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

    /// Returns the columns of a statement, and whether it only reads.
    pub(super) fn prepared(&self, sql: &str) -> rusqlite::Result<(Vec<String>, bool)> {
        let statement = self.connection.prepare(sql)?;
        // One by one: `column_names` differs between the versions of rusqlite that are allowed.
        let names =
            (0..statement.column_count()).map(|column| statement.column_name(column).map(str::to_owned));
        Ok((names.collect::<Result<_, _>>()?, statement.readonly()))
    }

    pub(super) fn invalid(&self, reason: &str) -> SourceError {
        SourceError::new(SourceErrorKind::Invalid, format!("{}: {reason}", self.name))
    }

    fn missing(&self, reason: &str) -> SourceError {
        SourceError::new(SourceErrorKind::Missing, format!("{}: {reason}", self.name))
    }
}

const NO_COLLATION: &str = "the database uses a collation that only its application has: read the table \
                            itself, or a query that says COLLATE BINARY wherever it compares or sorts";

/// Whether SQLite lacks a collation: it says so, or that there is no way to do what is requested.
fn is_about_collations(error: &rusqlite::Error) -> bool {
    let message = error.to_string();
    message.contains("no such collation sequence") || message.contains("no query solution")
}

fn failure(name: &str, what: &str, error: rusqlite::Error) -> SourceError {
    let kind = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen) => {
            SourceErrorKind::Unavailable
        }
        // Without a code the request is at fault, not the database.
        None | Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::Unknown) => {
            SourceErrorKind::Invalid
        }
        _ => SourceErrorKind::Interrupted,
    };
    SourceError::with_source(kind, format!("{name}: {what}"), error)
}

/// Quotes a name for SQL, whatever characters it contains. SQLite takes an unknown name between double quotes
/// for a string, but not one between these quotes.
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

    #[test]
    fn a_database_at_rest_that_is_written_meanwhile_has_to_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("source.db");
        let write = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        write("PRAGMA journal_mode = WAL; CREATE TABLE contacts (n)");
        let database = Database::open(&path, "test").unwrap();
        assert!(database.is_in_the_way());
        database.release().unwrap();
        let database = Database::open(&path, "test").unwrap();
        write("INSERT INTO contacts VALUES (1)");
        // A fault that merely looks like damage is reported with its real cause.
        let damaged = SourceError::new(SourceErrorKind::Invalid, "damaged");
        assert_eq!(database.explained(damaged).kind(), SourceErrorKind::Interrupted);
        let error = database.release().unwrap_err();
        assert_eq!(error.kind(), SourceErrorKind::Interrupted);
        assert!(error.to_string().contains("source.db was written to while it was being read"), "{error}");
    }

    #[test]
    fn a_log_that_is_not_in_the_file_yet_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("source.db");
        let connection = || Connection::open(&path).unwrap();
        connection().execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE contacts (n)").unwrap();
        let before = Database::open(&path, "test").unwrap();
        let application = connection();
        application.execute_batch("INSERT INTO contacts VALUES (1)").unwrap();
        let count = |database: &Database| {
            let sql = "SELECT count(*) FROM contacts";
            database.connection().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        assert_eq!(count(&before), 0);
        before.release().unwrap();
        let after = Database::open(&path, "test").unwrap();
        assert!(!after.is_in_the_way());
        assert_eq!(count(&after), 1);
    }
}
