//! A transaction of a catalog's database.

use cdds_core::ports::clock::Clock;
use chrono::{DateTime, SubsecRound, Utc};

use super::driver::{DriverError, NONE, Params, Result, Row, Statement};
#[cfg(feature = "postgres")]
use crate::catalog::postgres::session::PostgresSession;

/// A transaction in which statements are run, one after the other.
pub(in crate::catalog) struct Transaction<'c> {
    session: Session<'c>,
    clock: Option<&'c dyn Clock>,
}

enum Session<'c> {
    #[cfg(feature = "sqlite")]
    Sqlite(rusqlite::Transaction<'c>),
    #[cfg(feature = "postgres")]
    Postgres(Box<PostgresSession<'c>>),
}

impl<'c> Transaction<'c> {
    /// Wraps a transaction of SQLite, whose statements come out of the connection's cache.
    ///
    /// To prepare a statement that changes rows, SQLite compiles the triggers of its table, too, which takes longer
    /// than to run it.
    #[cfg(feature = "sqlite")]
    pub(in crate::catalog) fn sqlite(transaction: rusqlite::Transaction<'c>, clock: &'c dyn Clock) -> Self {
        Self { session: Session::Sqlite(transaction), clock: Some(clock) }
    }

    /// Wraps a session of PostgreSQL in which a transaction has begun. It goes by the server's clock, unless there is
    /// another one.
    #[cfg(feature = "postgres")]
    pub(in crate::catalog) fn postgres(session: PostgresSession<'c>, clock: Option<&'c dyn Clock>) -> Self {
        Self { session: Session::Postgres(Box::new(session)), clock }
    }

    /// Returns the session of PostgreSQL.
    #[cfg(feature = "postgres")]
    pub(in crate::catalog) fn into_postgres(self) -> Option<PostgresSession<'c>> {
        match self.session {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(_) => None,
            Session::Postgres(session) => Some(*session),
        }
    }

    /// Whether the planner chooses the indexes, and full-text search is left to it.
    pub(super) fn plans_itself(&self) -> bool {
        match &self.session {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(_) => false,
            #[cfg(feature = "postgres")]
            Session::Postgres(_) => true,
        }
    }

    /// Returns the present of the catalog's clock, in the precision in which instants are stored: with a finer one, what
    /// is returned would differ from what is stored.
    pub(in crate::catalog) fn now(&self) -> Result<DateTime<Utc>> {
        if let Some(clock) = self.clock {
            return Ok(clock.now().trunc_subsecs(6));
        }
        // Not `now()`, which is when the transaction began: it may have waited since.
        let sql = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";
        let micros = self.query_row(sql, NONE, |row| row.get(0))?;
        DateTime::from_timestamp_micros(micros).ok_or_else(|| DriverError::Column("clock".to_owned()))
    }

    /// Prepares a statement.
    pub(super) fn prepare(&self, sql: &str) -> Result<Statement<'_>> {
        match &self.session {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(transaction) => Ok(Statement::Sqlite(transaction.prepare_cached(sql)?)),
            #[cfg(feature = "postgres")]
            Session::Postgres(session) => Ok(Statement::Postgres(session, sql.to_owned())),
        }
    }

    /// Runs a statement and returns the number of rows that it changed.
    pub(in crate::catalog) fn execute(&self, sql: &str, values: impl Params) -> Result<usize> {
        self.prepare(sql)?.execute(values)
    }

    /// Runs a query and returns what `read` makes of its first row.
    ///
    /// # Errors
    /// [`DriverError::NoRow`] if there is none.
    pub(in crate::catalog) fn query_row<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.prepare(sql)?.query_row(values, read)
    }

    /// Returns the transaction of SQLite.
    #[cfg(feature = "sqlite")]
    pub(in crate::catalog) fn into_sqlite(self) -> Option<rusqlite::Transaction<'c>> {
        match self.session {
            Session::Sqlite(transaction) => Some(transaction),
            #[cfg(feature = "postgres")]
            Session::Postgres(_) => None,
        }
    }
}
