//! A transaction of a catalog's database.

use cdds_core::ports::clock::Clock;
use chrono::{DateTime, SubsecRound, Utc};

use super::driver::{self, Change, DriverError, NONE, Params, Row, Statement, Value};
use super::fault::Fault;
#[cfg(feature = "postgres")]
use crate::catalog::postgres::session::PostgresSession;

/// The server's clock. Not `now()`, which is when the transaction began: it may have waited since.
const CLOCK: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)";

fn instant(micros: i64) -> driver::Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| DriverError::Column("clock".to_owned()))
}

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

    /// Whether each statement is a round trip over a network.
    pub(super) fn is_far(&self) -> bool {
        self.plans_itself()
    }

    /// Returns the present of the catalog's clock, in the precision in which instants are stored: with a finer one, what
    /// is returned would differ from what is stored.
    pub(in crate::catalog) fn now(&self) -> driver::Result<DateTime<Utc>> {
        match self.own_now() {
            Some(now) => Ok(now),
            None => instant(self.query_row(CLOCK, NONE, |row| row.get(0))?),
        }
    }

    /// Returns the clock, if it is another one than the server's.
    pub(super) fn own_now(&self) -> Option<DateTime<Utc>> {
        self.clock.map(|clock| clock.now().trunc_subsecs(6))
    }

    /// Runs queries as [`query_all`](Self::query_all), and returns the present after them.
    pub(super) fn now_after(
        &self,
        mut queries: Vec<(&str, Vec<Value>)>,
        mut read: impl FnMut(usize, &Row<'_>) -> Result<(), Fault>,
    ) -> Result<DateTime<Utc>, Fault> {
        if self.clock.is_some() {
            self.query_all(&queries, read)?;
            return Ok(self.now()?);
        }
        let (last, mut micros) = (queries.len(), 0);
        queries.push((CLOCK, Vec::new()));
        self.query_all(&queries, |number, row| {
            if number < last {
                return read(number, row);
            }
            micros = row.get(0)?;
            Ok(())
        })?;
        Ok(instant(micros)?)
    }

    /// Prepares a statement.
    pub(super) fn prepare(&self, sql: &str) -> driver::Result<Statement<'_>> {
        match &self.session {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(transaction) => Ok(Statement::Sqlite(transaction.prepare_cached(sql)?)),
            #[cfg(feature = "postgres")]
            Session::Postgres(session) => Ok(Statement::Postgres(session, sql.to_owned())),
        }
    }

    /// Runs a statement and returns the number of rows that it changed.
    pub(in crate::catalog) fn execute(&self, sql: &str, values: impl Params) -> driver::Result<usize> {
        self.prepare(sql)?.execute(values)
    }

    /// Runs the last statements of the transaction, of which none depends on another. Each changes a row, or the
    /// transaction is not stored. Over a network they are sent when it ends, in one message with its end.
    ///
    /// # Errors
    /// [`DriverError::NoRow`] if one changes nothing; over a network the transaction then fails at its end.
    pub(super) fn execute_last(&self, changes: Vec<Change>) -> driver::Result<()> {
        match &self.session {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(_) => {
                changes.into_iter().try_for_each(|change| match self.execute(&change.sql, change.values)? {
                    0 => Err(DriverError::NoRow),
                    _ => Ok(()),
                })
            }
            #[cfg(feature = "postgres")]
            Session::Postgres(session) => {
                session.execute_last(changes);
                Ok(())
            }
        }
    }

    /// Runs queries of which none depends on another, over a network all at once. Passes each row to `read`, with the
    /// number of its query.
    pub(super) fn query_all(
        &self,
        queries: &[(&str, Vec<Value>)],
        mut read: impl FnMut(usize, &Row<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if queries.is_empty() {
            return Ok(());
        }
        match &self.session {
            #[cfg(feature = "sqlite")]
            Session::Sqlite(_) => {
                for (number, (sql, values)) in queries.iter().enumerate() {
                    let mut statement = self.prepare(sql)?;
                    let mut rows = statement.query(values.clone())?;
                    while let Some(row) = &rows.next()? {
                        read(number, row)?;
                    }
                }
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Session::Postgres(session) => {
                let found = session.query_all(queries)?;
                for (number, rows) in found.into_iter().enumerate() {
                    rows.into_iter().map(Row::postgres).try_for_each(|row| read(number, &row))?;
                }
                Ok(())
            }
        }
    }

    /// Runs a query once for each id, over a network all at once, and returns what `read` makes of each first row.
    ///
    /// # Errors
    /// [`DriverError::NoRow`] if there is none.
    pub(super) fn rows_of<T>(
        &self,
        sql: &str,
        ids: &[String],
        read: impl Fn(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let queries: Vec<_> = ids.iter().map(|id| (sql, vec![Value::from(id.clone())])).collect();
        let mut found: Vec<Option<T>> = ids.iter().map(|_| None).collect();
        self.query_all(&queries, |number, row| {
            if let Some(first) = found.get_mut(number).filter(|first| first.is_none()) {
                *first = Some(read(row)?);
            }
            Ok(())
        })?;
        found.into_iter().map(|row| row.ok_or_else(|| DriverError::NoRow.into())).collect()
    }

    /// Runs a query and returns what `read` makes of its first row.
    ///
    /// # Errors
    /// [`DriverError::NoRow`] if there is none.
    pub(in crate::catalog) fn query_row<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> driver::Result<T>,
    ) -> driver::Result<T> {
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
