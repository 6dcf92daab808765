//! Statements and the rows that they find.

#[cfg(feature = "postgres")]
use std::collections::VecDeque;
#[cfg(feature = "postgres")]
use std::marker::PhantomData;

#[cfg(feature = "postgres")]
use super::Cell;
use super::{DriverError, FromCell, Params, Result, Value};
#[cfg(feature = "postgres")]
use crate::catalog::postgres::session::{PostgresSession, Walk};

/// A statement that changes rows, with its values.
#[derive(Debug)]
pub(in crate::catalog) struct Change {
    pub(in crate::catalog) sql: String,
    pub(in crate::catalog) values: Vec<Value>,
}

/// A statement that is run once or several times.
pub(in crate::catalog) enum Statement<'tx> {
    #[cfg(feature = "sqlite")]
    Sqlite(rusqlite::CachedStatement<'tx>),
    #[cfg(feature = "postgres")]
    Postgres(&'tx PostgresSession<'tx>, String),
}

impl Statement<'_> {
    /// Runs the statement and returns the number of rows that it changed.
    pub(in crate::catalog) fn execute(&mut self, values: impl Params) -> Result<usize> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(statement) => Ok(statement.execute(sqlite::bind(values))?),
            #[cfg(feature = "postgres")]
            Self::Postgres(session, sql) => session.execute(sql, &values.values()),
        }
    }

    /// Runs a query whose rows are all read.
    pub(in crate::catalog) fn query(&mut self, values: impl Params) -> Result<Rows<'_>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(statement) => Ok(Rows::Sqlite(statement.query(sqlite::bind(values))?)),
            #[cfg(feature = "postgres")]
            Self::Postgres(session, sql) => Ok(Rows::Postgres(session.query(sql, &values.values())?)),
        }
    }

    /// Runs a query of whose rows only the first may be read, out of any number.
    pub(in crate::catalog) fn walk(&mut self, values: impl Params) -> Result<Rows<'_>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(_) => self.query(values),
            #[cfg(feature = "postgres")]
            Self::Postgres(session, sql) => Ok(Rows::Walk(session.walk(sql, &values.values())?)),
        }
    }

    /// Runs a query and returns what `read` makes of its first row.
    ///
    /// # Errors
    /// [`DriverError::NoRow`] if there is none.
    pub(in crate::catalog) fn query_row<T>(
        &mut self,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        match &self.query(values)?.next()? {
            Some(row) => read(row),
            None => Err(DriverError::NoRow),
        }
    }

    /// Runs a query and returns what `read` makes of each row.
    pub(in crate::catalog) fn query_map<T, F: FnMut(&Row<'_>) -> Result<T>>(
        &mut self,
        values: impl Params,
        read: F,
    ) -> Result<Mapped<'_, F>> {
        Ok(Mapped { rows: self.query(values)?, read })
    }
}

/// The rows of a query, one after the other.
pub(in crate::catalog) enum Rows<'s> {
    #[cfg(feature = "sqlite")]
    Sqlite(rusqlite::Rows<'s>),
    #[cfg(feature = "postgres")]
    Postgres(VecDeque<tokio_postgres::Row>),
    #[cfg(feature = "postgres")]
    Walk(Walk<'s>),
}

impl Rows<'_> {
    /// Returns the next row, or `None` behind the last.
    pub(in crate::catalog) fn next(&mut self) -> Result<Option<Row<'_>>> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(rows) => Ok(rows.next()?.map(Row::Sqlite)),
            #[cfg(feature = "postgres")]
            Self::Postgres(rows) => Ok(rows.pop_front().map(Row::postgres)),
            #[cfg(feature = "postgres")]
            Self::Walk(rows) => Ok(rows.next()?.map(Row::postgres)),
        }
    }
}

/// What a function makes of the rows of a query.
pub(in crate::catalog) struct Mapped<'s, F> {
    rows: Rows<'s>,
    read: F,
}

impl<T, F: FnMut(&Row<'_>) -> Result<T>> Iterator for Mapped<'_, F> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        match self.rows.next() {
            Ok(row) => row.as_ref().map(&mut self.read),
            Err(error) => Some(Err(error)),
        }
    }
}

/// A row.
pub(in crate::catalog) enum Row<'r> {
    #[cfg(feature = "sqlite")]
    Sqlite(&'r rusqlite::Row<'r>),
    #[cfg(feature = "postgres")]
    Postgres(tokio_postgres::Row, PhantomData<&'r ()>),
}

impl Row<'_> {
    #[cfg(feature = "postgres")]
    pub(in crate::catalog) fn postgres(row: tokio_postgres::Row) -> Self {
        Self::Postgres(row, PhantomData)
    }

    /// Returns the value of a column, by its number or its name.
    ///
    /// # Errors
    /// [`DriverError::Column`] if it holds something else.
    pub(in crate::catalog) fn get<T: FromCell>(&self, column: impl Column) -> Result<T> {
        let found = match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(row) => sqlite::cell(row, column)?.and_then(T::from_cell),
            #[cfg(feature = "postgres")]
            Self::Postgres(row, _) => column.of_postgres(row).and_then(T::from_cell),
        };
        found.ok_or_else(|| DriverError::Column(column.to_string()))
    }
}

/// The number or the name of a column.
pub(in crate::catalog) trait Column: Copy + std::fmt::Display {
    #[cfg(feature = "sqlite")]
    fn of_sqlite(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<usize>;

    #[cfg(feature = "postgres")]
    fn of_postgres<'r>(&self, row: &'r tokio_postgres::Row) -> Option<Cell<'r>>;
}

impl Column for usize {
    #[cfg(feature = "sqlite")]
    fn of_sqlite(&self, _: &rusqlite::Row<'_>) -> rusqlite::Result<usize> {
        Ok(*self)
    }

    #[cfg(feature = "postgres")]
    fn of_postgres<'r>(&self, row: &'r tokio_postgres::Row) -> Option<Cell<'r>> {
        row.try_get(*self).ok()
    }
}

impl Column for &str {
    #[cfg(feature = "sqlite")]
    fn of_sqlite(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<usize> {
        row.as_ref().column_index(self)
    }

    #[cfg(feature = "postgres")]
    fn of_postgres<'r>(&self, row: &'r tokio_postgres::Row) -> Option<Cell<'r>> {
        row.try_get(*self).ok()
    }
}

/// The driver of SQLite.
#[cfg(feature = "sqlite")]
mod sqlite {
    use rusqlite::types::{ToSqlOutput, ValueRef};
    use rusqlite::{ParamsFromIter, Row, ToSql, params_from_iter};

    use super::super::{Cell, Params, Value};
    use super::Column;

    pub(super) fn bind(values: impl Params) -> ParamsFromIter<Vec<Value>> {
        params_from_iter(values.values())
    }

    impl ToSql for Value {
        fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
            Ok(ToSqlOutput::Borrowed(match self {
                Self::Null => ValueRef::Null,
                Self::Bool(value) => ValueRef::Integer((*value).into()),
                Self::Integer(value) => ValueRef::Integer(*value),
                Self::Text(value) => ValueRef::Text(value.as_bytes()),
                Self::Blob(value) => ValueRef::Blob(value),
            }))
        }
    }

    /// Returns what a column holds; `None` if this is nothing that the catalog stores.
    pub(super) fn cell<'r>(row: &'r Row<'_>, column: impl Column) -> rusqlite::Result<Option<Cell<'r>>> {
        Ok(match row.get_ref(column.of_sqlite(row)?)? {
            ValueRef::Null => Some(Cell::Null),
            ValueRef::Integer(value) => Some(Cell::Integer(value)),
            ValueRef::Text(value) => std::str::from_utf8(value).ok().map(Cell::Text),
            ValueRef::Blob(value) => Some(Cell::Blob(value)),
            ValueRef::Real(_) => None,
        })
    }
}
