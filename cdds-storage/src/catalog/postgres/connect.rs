//! Connections to the server, used by threads that wait for it.

use std::future::Future;
use std::time::Duration;

use cdds_core::ports::catalog::{CatalogError, CatalogErrorKind};
use deadpool_postgres::{ClientWrapper, Object, PoolError};

use super::super::sql::driver::DriverError;
use crate::source::PostgresConnections;

/// The longest that a statement may take, beside the server's own limits: beyond it the server is taken for lost.
const STATEMENT_MAX: Duration = Duration::from_secs(60);

/// How long a call waits for a connection.
const CONNECTION_MAX: Duration = Duration::from_secs(30);

/// The longest name of a schema.
const NAME_MAX: usize = 63;

/// Where the catalog is, and the way there.
#[derive(Debug)]
pub(super) struct Connections {
    connections: PostgresConnections,
    schema: String,
}

impl Connections {
    pub(super) fn to(connections: PostgresConnections, schema: String) -> Result<Self, CatalogError> {
        let is_plain = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_';
        let is_name = (1..=NAME_MAX).contains(&schema.len())
            && schema.bytes().all(is_plain)
            && !schema.starts_with(|one: char| one.is_ascii_digit());
        match is_name {
            true => Ok(Self { connections, schema }),
            false => Err(CatalogError::new(
                CatalogErrorKind::Conflict,
                format!(
                    "{schema:?} cannot be the schema of a catalog: use up to {NAME_MAX} lower-case letters, digits and \
                     underscores"
                ),
            )),
        }
    }

    /// Returns the schema's name, which needs no quotes but those of a reserved word.
    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// Returns a connection that nobody else uses.
    pub(super) fn connection(&self) -> Result<Connection<'_>, DriverError> {
        self.connections.check_password().map_err(DriverError::SignIn)?;
        let pool = self.connections.pool();
        let object = self.wait(async {
            match tokio::time::timeout(CONNECTION_MAX, pool.get()).await {
                Ok(Ok(object)) => Ok(object),
                Ok(Err(PoolError::Backend(error))) => Err(DriverError::Postgres(error)),
                Ok(Err(_)) | Err(_) => Err(DriverError::NoConnection),
            }
        })?;
        Ok(Connection { connections: self, object: Some(object) })
    }

    /// Waits on this thread, which no runtime may own.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.connections.runtime().block_on(work)
    }

    /// Waits a while, after which the server may be there again.
    pub(super) fn pause(&self, length: Duration) {
        // The future is made where the runtime is known.
        self.wait(async { tokio::time::sleep(length).await });
    }
}

/// A connection that is closed when it is dropped, since a transaction may be open in it.
pub(super) struct Connection<'a> {
    connections: &'a Connections,
    object: Option<Object>,
}

impl Connection<'_> {
    /// Waits for a statement.
    pub(super) fn run<'c, T, F>(
        &'c self,
        statement: impl FnOnce(&'c ClientWrapper) -> F,
    ) -> Result<T, DriverError>
    where
        F: Future<Output = Result<T, tokio_postgres::Error>>,
    {
        let client = self.object.as_deref().ok_or(DriverError::Silent)?;
        let work = statement(client);
        self.connections.wait(async {
            match tokio::time::timeout(STATEMENT_MAX, work).await {
                Ok(done) => done.map_err(DriverError::Postgres),
                Err(_) => Err(DriverError::Silent),
            }
        })
    }

    /// Runs statements without values and without rows, one after the other, in one message.
    pub(super) fn batch(&self, statements: &str) -> Result<(), DriverError> {
        self.run(|client| client.batch_execute(statements))
    }

    /// Ends a transaction that only reads, while its caller goes on, and returns the connection to the pool. Not before the
    /// server has answered: a pooler may have given its session to others by then, and would mistake what comes next.
    pub(super) fn end_reading(mut self) {
        let Some(object) = self.object.take() else { return };
        self.connections.connections.runtime().spawn(async move {
            let mut ending = Ending(Some(object));
            let Some(client) = ending.0.as_deref() else { return };
            let ended = tokio::time::timeout(STATEMENT_MAX, client.batch_execute("COMMIT")).await;
            if matches!(ended, Ok(Ok(()))) {
                drop(ending.0.take());
            }
        });
    }

    /// Returns the connection to the pool. No transaction may be open.
    pub(super) fn give_back(mut self) {
        drop(self.object.take());
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}

/// A connection whose transaction is about to end. It is closed if that is not heard of.
struct Ending(Option<Object>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
