//! A transaction of a catalog's database.

use cdds_core::ports::clock::Clock;
use chrono::{DateTime, SubsecRound, Utc};

use super::driver::{Params, Result, Row, Statement};

/// A transaction in which statements are run, one after the other.
pub(in crate::catalog) struct Transaction<'c> {
    session: Session<'c>,
    clock: &'c dyn Clock,
}

enum Session<'c> {
    #[cfg(feature = "sqlite")]
    Sqlite(rusqlite::Transaction<'c>),
}

impl<'c> Transaction<'c> {
    /// Wraps a transaction of SQLite, whose statements come out of the connection's cache.
    ///
    /// To prepare a statement that changes rows, SQLite compiles the triggers of its table, too, which takes longer
    /// than to run it.
    #[cfg(feature = "sqlite")]
    pub(in crate::catalog) fn sqlite(transaction: rusqlite::Transaction<'c>, clock: &'c dyn Clock) -> Self {
        Self { session: Session::Sqlite(transaction), clock }
    }

    /// Returns the present of the catalog's clock, in the precision in which instants are stored: with a finer one, what
    /// is returned would differ from what is stored.
    pub(super) fn now(&self) -> Result<DateTime<Utc>> {
        Ok(self.clock.now().trunc_subsecs(6))
    }

    /// Prepares a statement.
    pub(super) fn prepare(&self, sql: &str) -> Result<Statement<'_>> {
        match &self.session {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(transaction) => Ok(Statement::Sqlite(transaction.prepare_cached(sql)?)),
        }
    }

    /// Runs a statement and returns the number of rows that it changed.
    pub(super) fn execute(&self, sql: &str, values: impl Params) -> Result<usize> {
        self.prepare(sql)?.execute(values)
    }

    /// Runs a query and returns what `read` makes of its first row.
    ///
    /// # Errors
    /// [`DriverError::NoRow`](super::driver::DriverError::NoRow) if there is none.
    pub(super) fn query_row<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.prepare(sql)?.query_row(values, read)
    }

    /// Stores what the transaction has changed.
    #[cfg(feature = "sqlite")]
    pub(in crate::catalog) fn commit(self) -> Result<()> {
        match self.session {
            Session::Sqlite(transaction) => Ok(transaction.commit()?),
        }
    }

    /// Ends a transaction that only reads.
    #[cfg(feature = "sqlite")]
    pub(in crate::catalog) fn finish(self) -> Result<()> {
        match self.session {
            Session::Sqlite(transaction) => Ok(transaction.finish()?),
        }
    }
}
