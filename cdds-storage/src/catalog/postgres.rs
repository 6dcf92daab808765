//! A catalog in a PostgreSQL database, shared by any number of processes on any number of machines.
//!
//! Every transaction that writes is `SERIALIZABLE`: it has the effect that it would have if no other ran at the same time,
//! or it is rolled back, and run again inside the call. A call that was overtaken once runs alone. Claims wait for each
//! other, since they want the same rows. Reads are `REPEATABLE READ`, and wait for nobody. Signs of life of running
//! executions are single statements, `READ COMMITTED`, into a table of their own.
//!
//! Each statement is a round trip, and is planned anew, since none has a name. So what a claim reads comes out of one
//! function of the database, whose plan the session keeps, and what it stores is sent at once, with the commit.
//!
//! Nothing is left in a session, and no statement is prepared under a name, so a pooler in transaction mode may be in
//! between. A call waits for the server on a thread of [`blocking`], as one of SQLite waits for the disk, so a call that
//! nobody waits for any more still ends its transaction.

mod begin;
mod connect;
#[cfg(feature = "sqlite")]
mod copy;
mod database;
mod fault;
mod presence;
mod receipt;
mod schema;
pub(super) mod session;
mod translate;

use std::sync::Arc;

use cdds_core::ports::catalog::CatalogError;
use cdds_core::ports::clock::Clock;
use chrono::{DateTime, Utc};

use self::connect::Connections;
#[cfg(feature = "sqlite")]
pub use self::copy::CatalogCopy;
use self::database::{PostgresDatabase, Timed};
use super::gate::Gate;
use super::sql::database::{Database, Writing};
use super::sql::fault::Fault;
use super::sql::jobs;
use super::sql::transaction::Transaction;
use crate::source::PostgresConnections;

/// How many calls read at a time, and how many write. Claims and signs of life wait for neither.
const CALLS_MAX: usize = 8;

/// The schema where the tables are, unless another one is named.
const SCHEMA: &str = "cdds";

/// Where a catalog is.
#[derive(Debug, Clone)]
pub struct PostgresCatalogConfig {
    connections: PostgresConnections,
    schema: String,
}

impl PostgresCatalogConfig {
    /// Has the catalog in the schema `cdds` of the database that these connections lead to. The catalog uses up to about
    /// 20 of them at a time; calls wait for a free one.
    pub fn new(connections: PostgresConnections) -> Self {
        Self { connections, schema: SCHEMA.to_owned() }
    }

    /// Has it in another schema, so that one database can have several catalogs. It is created if it is missing, for
    /// which the role needs the right to do so. A name has 1 to 63 lower-case letters of ASCII, digits and underscores,
    /// and does not begin with a digit.
    #[must_use]
    pub fn with_schema(self, schema: impl Into<String>) -> Self {
        Self { schema: schema.into(), ..self }
    }
}

/// A [`Catalog`](cdds_core::ports::catalog::Catalog) in a PostgreSQL database, from version 12 on.
///
/// Titles and file names are sorted and searched without regard to case. A search looks at each of an owner's titles or
/// names. Text with the character NUL is refused, since PostgreSQL cannot store it.
///
/// # Clock
/// Leases and slots go by the clock of the server, so those of the workers' machines do not matter.
///
/// # Dead workers
/// A worker's work is taken over when its lease has run out: a catalog of several machines sees no processes.
///
/// # Unknown outcomes
/// If the connection breaks while a change is being stored, the catalog connects again and finds out whether it was. If
/// the server does not come back within half a minute, the call fails with
/// [`Unavailable`](cdds_core::ports::catalog::CatalogErrorKind::Unavailable), and says that the change may be stored.
///
/// # Failover
/// A standby that takes over without the last changes is a restored backup. Use `synchronous_standby_names`, or treat it
/// as one.
///
/// # Cancel safety
/// A call whose future is dropped goes on to its end; callers must read again.
#[derive(Debug)]
pub struct PostgresCatalog {
    database: Arc<PostgresDatabase>,
    clock: Option<Arc<dyn Clock>>,
    readers: Gate,
    writers: Gate,
}

impl PostgresCatalog {
    /// Connects, and brings the schema up to date; creates it if necessary. Waits while another process does so.
    ///
    /// # Errors
    /// [`NewerSchema`](cdds_core::ports::catalog::CatalogErrorKind::NewerSchema) if a newer program has migrated it;
    /// [`Corrupt`](cdds_core::ports::catalog::CatalogErrorKind::Corrupt) if the schema holds tables of another program;
    /// [`Conflict`](cdds_core::ports::catalog::CatalogErrorKind::Conflict) if it has an impossible name;
    /// [`Unavailable`](cdds_core::ports::catalog::CatalogErrorKind::Unavailable) if the server cannot be reached, or
    /// refuses.
    ///
    /// # Cancel safety
    /// Connecting goes on if the future is dropped, and leaves a schema that is whole or none.
    pub async fn connect(config: PostgresCatalogConfig) -> Result<Self, CatalogError> {
        let connections = Connections::to(config.connections, config.schema)?;
        let database = blocking::unblock(|| PostgresDatabase::open(connections)).await?;
        let (readers, writers) = (Gate::of(CALLS_MAX), Gate::of(CALLS_MAX));
        Ok(Self { database: Arc::new(database), clock: None, readers, writers })
    }

    /// Goes by another clock than the server's, for tests and to carry out a command as of another instant
    /// ([`WorkQueue::now`](cdds_core::ports::catalog::WorkQueue::now)). All processes that share the catalog should go by
    /// the same clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// Whether jobs of any owner but the default one are stored here. For the operator of the service: an owner
    /// is not told of others (rule J15).
    ///
    /// # Errors
    /// [`Unavailable`](cdds_core::ports::catalog::CatalogErrorKind::Unavailable) if the server cannot be asked.
    pub async fn has_other_owners(&self) -> Result<bool, CatalogError> {
        self.read("look for other owners", jobs::has_other_owners).await
    }

    /// Does at once what an engine cannot wait for: its claims and its beats, of which there are few.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Timed<'_>) -> Result<T, CatalogError> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let (database, clock) = (Arc::clone(&self.database), self.clock.clone());
        blocking::unblock(move || work(&Timed { database: &database, clock: clock.as_deref() })).await
    }

    /// Does what only reads, when it is its turn.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Timed<'_>) -> Result<T, CatalogError> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let pass = self.readers.enter().await;
        self.run(move |database| {
            let _pass = pass;
            work(database)
        })
        .await
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, CatalogError> {
        self.look(move |database| database.read(doing, body)).await
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let pass = self.writers.enter().await;
        self.run(move |database| {
            let _pass = pass;
            database.write(Writing::Change, doing, body)
        })
        .await
    }

    /// Stores a change that leaves as little as possible of what it replaces, when it is its turn.
    pub(super) async fn write_private<T: Send + 'static>(
        &self,
        doing: &'static str,
        body: impl Fn(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, CatalogError> {
        let pass = self.writers.enter().await;
        self.run(move |database| {
            let _pass = pass;
            database.write(Writing::Private, doing, body)
        })
        .await
    }

    /// Returns what the clock shows.
    pub(super) async fn present(&self) -> Result<DateTime<Utc>, CatalogError> {
        self.read("read the clock", |tx| Ok(tx.now()?)).await
    }
}
