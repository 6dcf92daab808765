//! A transaction that prepares each of its statements once per connection.

use rusqlite::{CachedStatement, Connection, Params, Row};

/// Number of prepared statements that a connection keeps. The steps of an execution's life take about 60.
const STATEMENTS_MAX: usize = 128;

/// Makes a connection keep that many prepared statements.
pub(super) fn keep_statements(connection: &Connection) {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
}

/// A transaction whose statements come out of the connection's cache.
///
/// To prepare a statement that changes rows, SQLite compiles the triggers of its table, too, which takes longer
/// than to run it.
pub(super) struct Transaction<'c>(rusqlite::Transaction<'c>);

impl<'c> Transaction<'c> {
    pub(super) fn new(transaction: rusqlite::Transaction<'c>) -> Self {
        Self(transaction)
    }

    /// Prepares a statement, or takes it out of the cache, where it returns to when it is dropped.
    pub(super) fn prepare(&self, sql: &str) -> rusqlite::Result<CachedStatement<'_>> {
        self.0.prepare_cached(sql)
    }

    /// Runs a statement and returns the number of rows that it changed.
    pub(super) fn execute(&self, sql: &str, values: impl Params) -> rusqlite::Result<usize> {
        self.prepare(sql)?.execute(values)
    }

    /// Runs a query and returns what `read` makes of its first row.
    ///
    /// # Errors
    /// `QueryReturnedNoRows` if there is none.
    pub(super) fn query_row<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.prepare(sql)?.query_row(values, read)
    }

    pub(super) fn commit(self) -> rusqlite::Result<()> {
        self.0.commit()
    }

    /// Ends a transaction that only reads.
    pub(super) fn finish(self) -> rusqlite::Result<()> {
        self.0.finish()
    }
}
