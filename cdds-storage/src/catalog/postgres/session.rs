//! Statements of one transaction.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::error::Error;
use std::future::Future;

use bytes::BytesMut;
use deadpool_postgres::ClientWrapper;
use futures::future::{join, join_all};
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::super::sql::driver::{Cell as Column, Change, DriverError, Result, Value};
use super::connect::Connection;
use super::translate::translate;

/// How many rows a walk reads at first; each time it reads four times as many, up to [`FETCHED_MAX`].
const FETCHED_FIRST: usize = 16;

const FETCHED_MAX: usize = 1024;

/// The connection of a transaction.
pub(in crate::catalog) struct PostgresSession<'c> {
    connection: Connection<'c>,
    /// What begins the transaction, until its first statement.
    begin: RefCell<Option<String>>,
    walks: Cell<u32>,
    has_written: Cell<bool>,
    /// Statements that are sent with the end of the transaction.
    last: RefCell<Vec<Change>>,
}

impl<'c> PostgresSession<'c> {
    /// Uses a connection for a transaction that begins with these statements, in one message with its first own one.
    pub(super) fn beginning(connection: Connection<'c>, begin: String) -> Self {
        let (walks, has_written, last) = (Cell::new(0), Cell::new(false), RefCell::default());
        Self { connection, begin: RefCell::new(Some(begin)), walks, has_written, last }
    }

    pub(super) fn into_connection(self) -> Connection<'c> {
        self.connection
    }

    /// Whether the transaction has begun: it has had a statement.
    pub(super) fn has_begun(&self) -> bool {
        self.begin.borrow().is_none()
    }

    /// Runs a statement. If it is the first, it comes behind those that begin the transaction.
    fn run<'s, T, F>(&'s self, statement: impl FnOnce(&'s ClientWrapper) -> F) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    {
        match self.begin.take() {
            None => self.connection.run(statement),
            Some(begin) => self.connection.run(|client| async move {
                let (begun, done) = join(client.batch_execute(&begin), statement(client)).await;
                begun.and(done)
            }),
        }
    }

    /// Whether any of the statements was to change something.
    pub(super) fn has_written(&self) -> bool {
        self.has_written.get()
    }

    /// Runs a statement and returns the number of rows that it changed.
    pub(in crate::catalog) fn execute(&self, sql: &str, values: &[Value]) -> Result<usize> {
        self.has_written.set(true);
        let (sql, values) = (translate(sql), bind(values)?);
        let changed = self.run(|client| client.execute_typed(&sql, &values))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Runs a query and returns all its rows.
    pub(in crate::catalog) fn query(&self, sql: &str, values: &[Value]) -> Result<VecDeque<Row>> {
        if !sql.trim_start().starts_with("SELECT") {
            self.has_written.set(true);
        }
        let (sql, values) = (translate(sql), bind(values)?);
        Ok(self.run(|client| client.query_typed(&sql, &values))?.into())
    }

    /// Keeps statements for the end of the transaction.
    pub(in crate::catalog) fn execute_last(&self, changes: Vec<Change>) {
        self.has_written.set(true);
        self.last.borrow_mut().extend(changes);
    }

    /// Ends the transaction by these statements, in one message with those that were kept for its end. The first that
    /// fails undoes all of it.
    pub(super) fn end(&self, commit: &str) -> Result<()> {
        let last = self.last.take();
        let statements: Vec<String> = last.iter().map(|change| or_fail(&translate(&change.sql))).collect();
        let values = last.iter().map(|change| bind(&change.values)).collect::<Result<Vec<_>>>()?;
        self.run(|client| async move {
            let changes =
                statements.iter().zip(&values).map(|(sql, values)| client.execute_typed(sql, values));
            let (changed, ended) = join(in_order(changes), client.batch_execute(commit)).await;
            changed.and(ended)
        })
    }

    /// Runs queries, all in one message, and returns the rows of each.
    pub(in crate::catalog) fn query_all(&self, queries: &[(&str, Vec<Value>)]) -> Result<Vec<Vec<Row>>> {
        let translated: Vec<String> = queries.iter().map(|(sql, _)| translate(sql)).collect();
        let values = queries.iter().map(|(_, values)| bind(values)).collect::<Result<Vec<_>>>()?;
        self.run(|client| {
            in_order(translated.iter().zip(&values).map(|(sql, values)| client.query_typed(sql, values)))
        })
    }

    /// Runs a query whose rows are read as they are wanted.
    pub(in crate::catalog) fn walk(&self, sql: &str, values: &[Value]) -> Result<Walk<'_>> {
        let number = self.walks.get();
        self.walks.set(number.wrapping_add(1));
        let declare = format!("DECLARE walk_{number} NO SCROLL CURSOR FOR {}", translate(sql));
        let fetch = format!("FETCH {FETCHED_FIRST} FROM walk_{number}");
        let values = bind(values)?;
        // Both in one message.
        let rows = self.run(|client| async move {
            let declared = client.execute_typed(&declare, &values);
            let (declared, rows) = join(declared, client.query_typed(&fetch, &[])).await;
            declared.and(rows)
        })?;
        let is_over = rows.len() < FETCHED_FIRST;
        Ok(Walk { connection: &self.connection, number, read: rows.into(), wanted: FETCHED_FIRST, is_over })
    }
}

/// Returns a statement that fails, by dividing by zero, if `sql` changes no row: nobody looks at its answer in time.
fn or_fail(sql: &str) -> String {
    format!("WITH changed AS ({sql} RETURNING 1) SELECT 1 / count(*) FROM changed")
}

/// Sends statements at once, and returns what they did or the first error. Those behind it fail for its sake, and may seem
/// to have failed before it: answers arrive while they are waited for one after the other.
async fn in_order<T>(
    statements: impl Iterator<Item = impl Future<Output = std::result::Result<T, tokio_postgres::Error>>>,
) -> std::result::Result<Vec<T>, tokio_postgres::Error> {
    join_all(statements).await.into_iter().collect()
}

/// The rows of a walk.
pub(in crate::catalog) struct Walk<'s> {
    connection: &'s Connection<'s>,
    number: u32,
    read: VecDeque<Row>,
    wanted: usize,
    is_over: bool,
}

impl Walk<'_> {
    /// Returns the next row, or `None` behind the last.
    pub(in crate::catalog) fn next(&mut self) -> Result<Option<Row>> {
        if self.read.is_empty() && !self.is_over {
            self.wanted = FETCHED_MAX.min(self.wanted * 4);
            let fetch = format!("FETCH {} FROM walk_{}", self.wanted, self.number);
            self.read = self.connection.run(|client| client.query_typed(&fetch, &[]))?.into();
            self.is_over = self.read.len() < self.wanted;
        }
        Ok(self.read.pop_front())
    }
}

/// Returns values with their types.
fn bind(values: &[Value]) -> Result<Vec<(&(dyn ToSql + Sync), Type)>> {
    let bound = values.iter().map(|value| {
        let own = match value {
            // Of what its place asks for.
            Value::Null => Type::UNKNOWN,
            Value::Bool(_) => Type::BOOL,
            Value::Integer(_) => Type::INT8,
            Value::Text(text) if text.contains('\0') => return Err(DriverError::Nul),
            Value::Text(_) => Type::TEXT,
            Value::Blob(_) => Type::BYTEA,
        };
        Ok((value as &(dyn ToSql + Sync), own))
    });
    bound.collect()
}

impl ToSql for Value {
    fn to_sql(
        &self,
        own: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(value) => value.to_sql(own, out),
            Self::Integer(value) => value.to_sql(own, out),
            Self::Text(value) => value.as_str().to_sql(own, out),
            Self::Blob(value) => value.as_slice().to_sql(own, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Column<'a> {
    fn from_sql(own: &Type, raw: &'a [u8]) -> std::result::Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *own {
            Type::BOOL => Self::Integer(bool::from_sql(own, raw)?.into()),
            Type::INT4 => Self::Integer(i32::from_sql(own, raw)?.into()),
            Type::INT8 => Self::Integer(i64::from_sql(own, raw)?),
            Type::BYTEA => Self::Blob(raw),
            _ => Self::Text(std::str::from_utf8(raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> std::result::Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(own: &Type) -> bool {
        matches!(
            *own,
            Type::BOOL
                | Type::INT4
                | Type::INT8
                | Type::BYTEA
                | Type::TEXT
                | Type::VARCHAR
                | Type::NAME
                | Type::UNKNOWN
        )
    }
}
