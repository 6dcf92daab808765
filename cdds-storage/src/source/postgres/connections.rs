//! Connections to the server, and the runtime that they live on.
//!
//! PostgreSQL's client needs a runtime of Tokio, which the engine and its callers may lack. Each call therefore runs on
//! the runtime given here, and ends there when it is dropped.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use cdds_core::ports::source::{SourceError, SourceErrorKind};
use deadpool_postgres::{
    ClientWrapper, ConfigConnectImpl, Connect, Manager, ManagerConfig, Object, Pool, PoolError,
    RecyclingMethod, Transaction,
};
use futures::future::BoxFuture;
use tokio::runtime::{Handle, Runtime};
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error, IsolationLevel};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::failure;
use super::server::PostgresServer;

/// The most connections that one source has open at the same time. Exports that find none wait for one.
const CONNECTIONS_MAX: usize = 64;

/// Connections to a PostgreSQL server. Cheap to clone; all clones share them.
#[derive(Clone)]
pub struct PostgresConnections {
    pool: Pool,
    /// Who signs in, unless the pool is that of the service.
    server: Option<PostgresServer>,
    runtime: Handle,
    /// Ends with the last clone.
    _owned: Option<Arc<Owned>>,
}

impl PostgresConnections {
    /// Prepares connections to a server, with one thread of their own. They are opened when they are needed.
    ///
    /// # Errors
    /// [`SourceErrorKind::Invalid`] if encryption cannot be set up, [`SourceErrorKind::Unavailable`] if no thread can
    /// be started.
    pub fn to(server: &PostgresServer) -> Result<Self, SourceError> {
        let tls = MakeRustlsConnect::new(server.tls()?);
        // A connection is not reset with a statement of its own: nothing here leaves anything behind in it.
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let connector = SignIn { server: server.clone(), connector: ConfigConnectImpl { tls } };
        let manager = Manager::from_connect(server.config().clone(), connector, recycling);
        let unavailable = |error: Box<dyn std::error::Error + Send + Sync>| {
            SourceError::unavailable("cannot prepare connections to PostgreSQL").caused_by(error)
        };
        let pool = Pool::builder(manager).max_size(CONNECTIONS_MAX).build();
        let pool = pool.map_err(|error| unavailable(error.into()))?;
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("cdds-postgres").enable_all().build();
        let runtime = runtime.map_err(|error| unavailable(error.into()))?;
        let handle = runtime.handle().clone();
        let server = Some(server.clone());
        Ok(Self { pool, server, runtime: handle, _owned: Some(Arc::new(Owned(Some(runtime)))) })
    }

    /// Uses the pool and the runtime of the service. The runtime must drive sockets and time on threads of its own,
    /// and outlive the source. An export holds a connection as long as it reads, so let the pool have more than those.
    pub fn of_pool(pool: Pool, runtime: Handle) -> Self {
        Self { pool, server: None, runtime, _owned: None }
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Checks that the password is known: the pool's errors have no words for one that is not.
    pub(crate) fn check_password(&self) -> Result<(), SourceError> {
        self.server.as_ref().map_or(Ok(()), |server| server.signed_in().map(|_| ()))
    }

    /// Returns a connection. Call it on the runtime.
    pub(super) async fn connection(&self, name: &str) -> Result<Connection, SourceError> {
        self.check_password()?;
        match self.pool.get().await {
            Ok(object) => Ok(Connection(Some(object))),
            Err(PoolError::Backend(error)) => Err(failure(name, "cannot connect to PostgreSQL", &error)),
            Err(error) => Err(SourceError::with_source(
                SourceErrorKind::Unavailable,
                format!("{name}: there is no connection to PostgreSQL"),
                error,
            )),
        }
    }

    /// Runs a call on the runtime.
    ///
    /// # Cancel safety
    /// The call ends at its next await if this future is dropped.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, SourceError>> + Send + 'static,
    ) -> Result<T, SourceError> {
        Running(self.runtime.spawn(call)).await
    }
}

impl fmt::Debug for PostgresConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresConnections").field("status", &self.pool.status()).finish_non_exhaustive()
    }
}

/// Opens connections with the password of the moment.
struct SignIn {
    server: PostgresServer,
    connector: ConfigConnectImpl<MakeRustlsConnect>,
}

impl Connect for SignIn {
    fn connect(&self, known: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        // A moment ago there was a password. Without one the server says that it wants one.
        let config = self.server.signed_in().unwrap_or_else(|_| known.clone());
        Box::pin(async move { self.connector.connect(&config).await })
    }
}

/// A runtime that may be dropped anywhere.
struct Owned(Option<Runtime>);

impl Drop for Owned {
    fn drop(&mut self) {
        // Dropping a runtime waits for its blocking calls, which is forbidden within another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A call that ends with its future.
struct Running<T>(JoinHandle<T>);

impl<T> Future for Running<Result<T, SourceError>> {
    type Output = Result<T, SourceError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let joined = std::task::ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(joined.unwrap_or_else(|error| {
            Err(SourceError::interrupted("a call to PostgreSQL ended unexpectedly").caused_by(error))
        }))
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection that is closed when it is dropped, since it may be in the middle of something: unread rows keep it busy
/// to the last of them. [`give_back`](Self::give_back) keeps it for others.
pub(super) struct Connection(Option<Object>);

impl Connection {
    /// Returns the connection to the pool. No transaction may be open.
    pub(super) fn give_back(mut self) {
        drop(self.0.take());
    }
}

impl Connection {
    /// Returns the client, for statements outside a transaction.
    pub(super) fn client(&self) -> Result<&ClientWrapper, SourceError> {
        self.0.as_deref().ok_or_else(gone)
    }

    /// Opens a transaction that only reads, and in which every statement sees the same state of the database.
    pub(super) async fn snapshot(&mut self, name: &str) -> Result<Transaction<'_>, SourceError> {
        let object = self.0.as_mut().ok_or_else(gone)?;
        let transaction = object.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let started = transaction.read_only(true).start().await;
        started.map_err(|error| failure(name, "cannot begin to read", &error))
    }
}

impl Connection {
    /// Opens a transaction that writes, and in which every statement sees the same state of the database: a row that
    /// somebody else changes meanwhile ends it.
    pub(super) async fn writing(&mut self, name: &str) -> Result<Transaction<'_>, SourceError> {
        let object = self.0.as_mut().ok_or_else(gone)?;
        let transaction = object.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let started = transaction.read_only(false).start().await;
        started.map_err(|error| failure(name, "cannot begin to write", &error))
    }
}

/// The pool's part of a connection stays until it is given back, so nobody sees this.
fn gone() -> SourceError {
    SourceError::interrupted("the connection to PostgreSQL was given back")
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(object) = self.0.take() {
            drop(Object::take(object));
        }
    }
}
